#include "base/base.h"

#include "cli.h"
#include "output.h"

/* What was asked for. */
struct question {
  const char *secret_text, *secret_file;
  enum kh_proof_kind mode;
  int64_t now_s, freshness_s;
  bool json;
  struct kh_request request;
};

static bool add_header(const struct kh_command *self, const char *name, const char *text, void *request)
{
  struct kh_str value = kh_str_of(text);
  struct kh_str header = kh_str_trim(kh_str_cut(&value, ':'));

  if (!value.at || header.len == 0) {
    /* The text itself is not repeated: it may be a credential whose name was forgotten. */
    kh_cli_misused(self, "--%s takes 'Name: value'", name);
    return false;
  }
  kh_request_add_header(request, kh_header_by_name(header), kh_str_trim(value));
  return true;
}

static void tell_json(const struct question *question, enum kh_err err, const struct kh_verified *verified)
{
  json_t *answer = json_object();
  const char *sentence = kh_cli_sentence(err);

  json_object_set_new(answer, "verified", json_boolean(err == KH_OK));
  json_object_set_new(answer, "proof", json_string(question->mode == KH_PROOF_TOKEN ? "token" : "signature"));
  if (err) {
    json_object_set_new(answer, "reason", json_string(kh_err_token(err)));
    json_object_set_new(answer, "text", json_string(sentence ? sentence : ""));
  }
  if (verified->by && verified->proof == KH_PROOF_SIGNATURE) {
    json_object_set_new(answer, "timestamp", json_integer(verified->timestamp_s));
    json_object_set_new(answer, "age_s", json_integer(question->now_s - verified->timestamp_s));
  }
  kh_output_tell(answer);
}

static void tell(const struct question *question, enum kh_err err, const struct kh_verified *verified)
{
  const char *sentence = kh_cli_sentence(err);
  int64_t age_s = question->now_s - verified->timestamp_s;
  char age[40] = "";

  if (verified->by && verified->proof == KH_PROOF_SIGNATURE)
    snprintf(age, sizeof age, "%" PRId64 "s %s", age_s < 0 ? -age_s : age_s, age_s < 0 ? "ahead" : "old");
  if (err)
    printf("not verified: %s: %s%s%s%s\n", kh_err_token(err), sentence ? sentence : "", age[0] ? " (" : "",
           age, age[0] ? ")" : "");
  else if (age[0])
    printf("verified: signature of timestamp %" PRId64 ", %s\n", verified->timestamp_s, age);
  else
    printf("verified: token\n");
}

static int verify(const struct kh_command *self, struct question *question, const char *file)
{
  struct kh_secret_list list = {.at = {{.name = "given"}}, .count = 1};
  const struct kh_secret_list none = {.count = 0};
  struct kh_verifier verifier = {&none, &none, question->freshness_s};
  struct kh_verified verified = {0};
  struct kh_buf body;
  enum kh_err err = KH_ERR_SIGNATURE_MISMATCH;
  int code = KH_EXIT_USAGE;

  *(question->mode == KH_PROOF_TOKEN ? &verifier.tokens : &verifier.signatures) = &list;
  kh_buf_init(&body, KH_CLI_INPUT_MAX_BYTES);
  if (!kh_cli_secret(self, question->secret_text, question->secret_file, &list.at[0].secret) ||
      !kh_cli_read(self, file, &body))
    goto done;
  question->request.body = kh_buf_view(&body);
  err = kh_verify(&verifier, &question->request, question->now_s, &verified);
  if (question->json)
    tell_json(question, err, &verified);
  else
    tell(question, err, &verified);
  code = err ? KH_EXIT_NO : KH_EXIT_OK;
done:
  kh_buf_release(&body);
  kh_secret_release(&list.at[0].secret);
  return code;
}

static const struct kh_cli_option options[] = {
    {"secret", kh_cli_take_text, offsetof(struct question, secret_text)},
    {"secret-file", kh_cli_take_text, offsetof(struct question, secret_file)},
    {"header", add_header, offsetof(struct question, request)},
    {"now", kh_cli_take_number, offsetof(struct question, now_s)},
    {"freshness", kh_cli_take_duration, offsetof(struct question, freshness_s)},
    {"mode", kh_cli_take_mode, offsetof(struct question, mode)},
    {"json", kh_cli_take_flag, offsetof(struct question, json)},
    {0},
};

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct question question = {.mode = KH_PROOF_SIGNATURE,
                              .now_s = kh_clock_now_s(&kh_system_clock),
                              .freshness_s = 300,
                              .request = {.method = KH_METHOD_POST, .transport = "verify"}};
  int code = kh_cli_options(self, argc, argv, &question);

  if (code != KH_GO_ON)
    return code;
  return verify(self, &question, argv[optind]);
}

const struct kh_command kh_command_verify = {
    .name = "verify",
    .summary = "prove a body by its headers, as a receiver does, and say why if it fails",
    .usage = "(--secret S | --secret-file F) --header 'Name: value' [--header …]\n"
             "                       [--mode signature|token] [--now T] [--freshness D] [--json] FILE|-",
    .help =
        "The body is FILE byte for byte, or standard input.\n\n"
        "  --secret S        the webhook's token; other users of the machine can see it in `ps`\n"
        "  --secret-file F   the file that holds it; one line end at its end is dropped\n"
        "  --header H        a header of the request; give all of them, others than ours are skipped\n"
        "  --mode M          signature (default) or token: what Buildkite was told to send\n"
        "  --now T           judge the age at this time, in seconds since 1970; default: now\n"
        "  --freshness D     how old, or how far ahead, a signature may be; default: 5m\n"
        "  --json            answer by one JSON object: verified, proof, and reason, text or\n"
        "                    timestamp, age_s\n"
        "  -h, --help        show this\n\n"
        "Exit codes: 0 verified, 1 not verified, 2 called wrongly or FILE cannot be read, 5 output failed.\n",
    .options = options,
    .operand = "FILE",
    .completes = KH_COMPLETES_FILES,
    .run = run,
};
