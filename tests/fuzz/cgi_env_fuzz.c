/*
 * Target: cgi/cgi.c, and the receiver behind it. Aborts where an answer or a log line is out of form, shows a
 * secret, or accepts without a proof.
 *
 * The input is a CGI environment, a variable a line, up to an empty line; then the bytes of standard input.
 * The receiver takes the signature secret "planted-fuzz-secret", which the fuzzer cannot use, and the token
 * "fuzz".
 */
#include "base/base.h"

#include "cgi.h"
#include "fuzz/replay.h"
#include "support/clock.h"
#include "support/guard.h"

#include <jansson.h>

enum { VARIABLES_MAX = 64, BODY_MAX_BYTES = 4096, NOW_S = 1700000000 };

#define SECRET "planted-fuzz-secret"

struct input {
  struct kh_str rest; /* what standard input still holds */
  size_t piece;
};

static ssize_t read_input(void *self, char *to, size_t room)
{
  struct input *input = self;
  size_t size = room < input->piece ? room : input->piece;

  if (size > input->rest.len)
    size = input->rest.len;
  if (size > 0)
    memcpy(to, input->rest.at, size);
  input->rest = kh_str(input->rest.at + size, input->rest.len - size);
  return (ssize_t)size;
}

static void keep_line(void *self, struct kh_str line)
{
  if (kh_buf_add(self, line))
    abort();
}

static void must_be_json(struct kh_str text)
{
  json_error_t error;
  json_t *json = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

  if (!json_is_object(json))
    abort();
  json_decref(json);
}

static bool has_secret(struct kh_str text)
{
  return text.len > 0 && memmem(text.at, text.len, SECRET, sizeof SECRET - 1);
}

/* Status first, each header a line with a colon, then the body as it was made. */
static void check_output(const struct kh_response *response)
{
  struct kh_buf out;

  kh_buf_init(&out, 65536);
  if (kh_cgi_response(response, &out) || !kh_str_starts(kh_buf_view(&out), KH_STR("Status: ")))
    abort();
  struct kh_str rest = kh_buf_view(&out);
  for (;;) {
    struct kh_str line = kh_str_cut(&rest, '\n');

    if (!rest.at || !kh_str_ends(line, KH_STR("\r")))
      abort();
    if (line.len == 1)
      break;
    if (!memchr(line.at, ':', line.len))
      abort();
  }
  if (!kh_str_equal(rest, response->head ? KH_STR("") : kh_buf_view(&response->body)))
    abort();
  kh_buf_release(&out);
}

static void check(const struct kh_request *request, const struct kh_response *response,
                  const struct kh_buf *log)
{
  struct kh_str token = request->headers[KH_HEADER_TOKEN].text;
  bool reader = request->method == KH_METHOD_GET || request->method == KH_METHOD_HEAD;

  check_output(response);
  if (has_secret(kh_buf_view(&response->body)) || has_secret(kh_buf_view(log)))
    abort();
  if (reader)
    return;
  must_be_json(kh_buf_view(&response->body));
  must_be_json(kh_buf_view(log));
  if (response->status == 200 &&
      (request->method != KH_METHOD_POST || request->body_err || !kh_str_equal(token, KH_STR("fuzz")) ||
       request->headers[KH_HEADER_TOKEN].repeated || request->headers[KH_HEADER_SIGNATURE].text.at))
    abort();
}

static void serve(const struct kh_config *config, const char *const *variables, struct input input)
{
  const struct kh_cgi_source source = {read_input, &input};
  struct kh_fake_clock fake;
  struct kh_receiver receiver;
  struct kh_request request;
  struct kh_response response;
  struct kh_cgi_body plan;
  struct kh_buf body, log;

  kh_fake_clock_init(&fake, NOW_S);
  kh_buf_init(&body, config->max_body_bytes);
  kh_buf_init(&log, 1 << 20);
  kh_receiver_init(&receiver, config, (struct kh_sink){0}, &fake.clock,
                   (struct kh_log){.write = keep_line, .self = &log, .clock = &fake.clock});
  kh_cgi_request(variables, "cgi", &request, &plan);
  kh_cgi_read_body(&request, &plan, &source, config->max_body_bytes, &body);
  kh_receive(&receiver, &request, &response);
  check(&request, &response, &log);
  kh_buf_release(&response.body);
  kh_buf_release(&body);
  kh_buf_release(&log);
  kh_receiver_release(&receiver);
}

/* Cuts the lines of TEXT into NUL-terminated VARIABLES; what is left is standard input. */
static struct kh_str cut_variables(struct kh_str text, char *storage,
                                   const char *variables[VARIABLES_MAX + 1])
{
  size_t count = 0;

  while (text.at && count < VARIABLES_MAX) {
    struct kh_str line = kh_str_cut(&text, '\n');

    if (line.len == 0)
      break;
    memcpy(storage, line.at, line.len);
    storage[line.len] = '\0';
    variables[count++] = storage;
    storage += line.len + 1;
  }
  variables[count] = NULL;
  return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const char *variables[VARIABLES_MAX + 1];
  struct kh_config *config = calloc(1, sizeof *config);
  char *storage = malloc(size + 2);
  struct kh_guard guard = {0};

  if (!config || !storage)
    abort();
  if (has_secret(kh_str((const char *)data, size)))
    size = 0; /* the fuzzer learned the word, and would be shown what it sent itself */
  struct kh_str rest = cut_variables(kh_str((const char *)data, size), storage, variables);
  config->freshness_s = 300;
  config->max_body_bytes = BODY_MAX_BYTES;
  config->signatures.count = config->tokens.count = 1;
  if (kh_secret_set(&config->signatures.at[0].secret, KH_STR(SECRET)) ||
      kh_secret_set(&config->tokens.at[0].secret, KH_STR("fuzz")))
    abort();
  serve(config, variables, (struct input){kh_guard_end(&guard, rest), size % 2 ? 1 : 1000});

  kh_secret_release(&config->signatures.at[0].secret);
  kh_secret_release(&config->tokens.at[0].secret);
  kh_guard_release(&guard);
  free(storage);
  free(config);
  return 0;
}
