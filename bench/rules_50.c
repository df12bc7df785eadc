/*
 * rules_50.c BODY SECRET CONFIG ROUNDS - what a worker pays to hold one webhook against the rules of CONFIG.
 *
 * Each round times, one after the other: kh_decide of BODY for every rule; kh_verify and kh_event_read of
 * BODY. Prints two numbers a round, nanoseconds of processor time each. CONFIG must have 50 rules, all with
 * `if`, that can all be decided.
 *
 * cc: -std=c11 -D_GNU_SOURCE -O2 -g FILE WORKER
 */
#include "base/base.h"

#include "base/file.h"
#include "language/names/names_event.h"
#include "rules/decision.h"

enum { LAPS = 100, BODY_MAX_BYTES = 1024 * 1024, KEY_MAX_BYTES = 1024, NOW_S = 1700000000, RULES = 50 };

struct bench {
  struct kh_verifier verifier;
  struct kh_request request;
  struct kh_json doc;
  struct kh_event event;
  struct kh_rule rules[RULES];
};

static bool verify_and_read(struct bench *bench)
{
  struct kh_verified verified = {0};
  struct kh_diag diag = {0};

  bench->event = (struct kh_event){0};
  return kh_verify(&bench->verifier, &bench->request, NOW_S, &verified) == KH_OK &&
         kh_event_read(&verified, &bench->doc, &bench->event, &diag) == KH_OK;
}

static bool match_all(struct bench *bench)
{
  struct kh_names_found found;
  const struct kh_names names = kh_names_event_once(&bench->event, NULL, &found);
  const struct kh_rendering rendering = {.event = &bench->event, .names = &names};

  for (size_t i = 0; i < RULES; i++) {
    struct kh_decision decision;

    kh_decide(&bench->rules[i], &rendering, NULL, &decision);
    if (decision.undecided.kind != KH_MISTAKE_NONE) {
      fprintf(stderr, "rules_50: rule %zu: %s\n", i + 1, decision.undecided.text);
      return false;
    }
  }
  kh_names_found_release(&found);
  return true;
}

static bool lap_ns(struct bench *bench, bool (*work)(struct bench *), double *each_ns)
{
  struct timespec began, ended;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
  for (int i = 0; i < LAPS; i++)
    if (!work(bench))
      return false;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
  *each_ns = ((double)(ended.tv_sec - began.tv_sec) * 1e9 + (double)(ended.tv_nsec - began.tv_nsec)) / LAPS;
  return true;
}

static void sign(struct bench *bench, const struct kh_secret *secret, struct kh_buf *header)
{
  struct kh_str parts[] = {KH_STR("1700000000"), KH_STR("."), bench->request.body};
  unsigned char mac[KH_DIGEST_BYTES];

  kh_secret_mac(secret, parts, KH_COUNT(parts), mac);
  kh_buf_printf(header, "timestamp=%d,signature=", NOW_S);
  kh_buf_add_hex(header, mac, sizeof mac);
  kh_request_add_header(&bench->request, KH_HEADER_SIGNATURE, kh_buf_view(header));
}

static bool compile_rules(struct bench *bench, const struct kh_config *config)
{
  static const char *const events[] = {"build.*", NULL};

  for (size_t i = 0; i < RULES; i++)
    if (kh_match_compile(config, json_array_get(config->notify, i), events, &bench->rules[i].match, NULL) ||
        !bench->rules[i].match.condition)
      return false;
  return json_array_size(config->notify) == RULES;
}

static int run(struct bench *bench, long rounds)
{
  if (!verify_and_read(bench)) /* the rules need an event */
    goto failed;
  for (; rounds > 0; rounds--) {
    double rules = 0, proof = 0;

    if (!lap_ns(bench, match_all, &rules) || !lap_ns(bench, verify_and_read, &proof))
      goto failed;
    printf("%.1f %.1f\n", rules, proof);
  }
  return 0;
failed:
  fputs("rules_50: the body was not accepted, or a rule cannot be decided\n", stderr);
  return 1;
}

int main(int argc, char **argv)
{
  static struct kh_secret_list secrets = {.count = 1};
  static const struct kh_secret_list no_tokens;
  static struct kh_config config;
  static struct bench bench = {.verifier = {&secrets, &no_tokens, 300},
                               .request = {.method = KH_METHOD_POST, .transport = "bench"}};
  struct kh_buf body, key, header;
  int status = 1;

  kh_buf_init(&body, BODY_MAX_BYTES);
  kh_buf_init(&key, KEY_MAX_BYTES);
  kh_buf_init(&header, 256);
  kh_json_init(&bench.doc, kh_json_default_limits);
  if (argc != 5) {
    fputs("usage: rules_50 BODY SECRET CONFIG ROUNDS\n", stderr);
    goto done;
  }
  if (kh_file_read(argv[1], &body, NULL) != KH_OK || kh_file_read(argv[2], &key, NULL) != KH_OK ||
      kh_secret_set(&secrets.at[0].secret, kh_buf_view(&key)) != KH_OK) {
    fputs("rules_50: cannot read BODY or SECRET\n", stderr);
    goto done;
  }
  if (kh_config_read(&config, argv[3], KH_CONFIG_DRY, NULL, NULL) != KH_OK ||
      !compile_rules(&bench, &config)) {
    fputs("rules_50: CONFIG has not 50 rules with `if`; `kitehook check` says more\n", stderr);
    goto done;
  }
  bench.request.body = kh_buf_view(&body);
  sign(&bench, &secrets.at[0].secret, &header);
  status = run(&bench, strtol(argv[4], NULL, 10));
done:
  for (size_t i = 0; i < RULES; i++)
    kh_match_release(&bench.rules[i].match);
  kh_config_release(&config);
  kh_json_release(&bench.doc);
  kh_secret_release(&secrets.at[0].secret);
  kh_buf_release(&header);
  kh_buf_release(&key);
  kh_buf_release(&body);
  return status;
}
