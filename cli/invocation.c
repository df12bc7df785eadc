#include "base/base.h"

#include "http_message.h"
#include "invocation.h"

#include <jansson.h>
#include <sys/stat.h>

/* The clock of a fixture, or -1. */
static int64_t expected_now(const char *folder)
{
  char path[PATH_MAX];
  json_t *expect = NULL, *now = NULL;
  int64_t now_s = -1;

  if (snprintf(path, sizeof path, "%s/expect.json", folder) >= (int)sizeof path)
    return -1;
  expect = json_load_file(path, 0, NULL);
  now = json_object_get(expect, "now");
  if (json_is_integer(now))
    now_s = json_integer_value(now);
  json_decref(expect);
  return now_s;
}

static bool is_folder(const char *path)
{
  struct stat about;

  return strcmp(path, "-") != 0 && stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static void name_event(struct kh_invocation *invocation, struct kh_str body)
{
  struct kh_json doc;

  kh_json_init(&doc, kh_json_default_limits);
  if (kh_json_read(&doc, body, NULL) == KH_OK)
    (void)kh_json_text(kh_json_get(kh_json_root(&doc), KH_STR("event")), &invocation->event);
  kh_json_release(&doc);
  if (invocation->event.len > 0)
    kh_request_add_header(&invocation->request, KH_HEADER_EVENT, kh_buf_view(&invocation->event));
}

static void sign(struct kh_invocation *invocation, const struct kh_secret *secret, struct kh_str body)
{
  char timestamp[24] = "";
  unsigned char mac[KH_DIGEST_BYTES] = {0};
  struct kh_buf hex;

  snprintf(timestamp, sizeof timestamp, "%" PRId64, invocation->now_us / 1000000);
  kh_secret_mac(secret, (const struct kh_str[]){kh_str_of(timestamp), KH_STR("."), body}, 3, mac);
  kh_buf_init(&hex, 2 * sizeof mac);
  kh_buf_add_hex(&hex, mac, sizeof mac);
  snprintf(invocation->signature, sizeof invocation->signature, "timestamp=%s,signature=%s", timestamp,
           kh_buf_text(&hex));
  kh_buf_release(&hex);
  kh_request_add_header(&invocation->request, KH_HEADER_SIGNATURE, kh_str_of(invocation->signature));
}

/* As Buildkite would send BODY to this configuration. */
static void wrap(struct kh_invocation *invocation, struct kh_str body, const struct kh_config *config)
{
  struct kh_request *request = &invocation->request;

  request->method = KH_METHOD_POST;
  request->body = body;
  kh_request_add_header(request, KH_HEADER_CONTENT_TYPE, KH_STR("application/json"));
  name_event(invocation, body);
  if (config && config->signatures.count > 0)
    sign(invocation, &config->signatures.at[0].secret, body);
  else if (config && config->tokens.count > 0)
    kh_request_add_header(request, KH_HEADER_TOKEN, kh_secret_reveal(&config->tokens.at[0].secret));
}

bool kh_invocation_read(const struct kh_command *self, struct kh_invocation *invocation, const char *file,
                        int64_t now_s, const struct kh_config *config)
{
  char path[PATH_MAX];
  const char *what = NULL;
  bool is_fixture = is_folder(file);

  *invocation = (struct kh_invocation){.request = {.transport = "invoke"}};
  kh_buf_init(&invocation->text, KH_CLI_INPUT_MAX_BYTES);
  kh_buf_init(&invocation->joined, KH_CLI_INPUT_MAX_BYTES);
  kh_buf_init(&invocation->event, 4 * (size_t)KH_EVENT_NAME_BYTES);
  if (snprintf(path, sizeof path, "%s%s", file, is_fixture ? "/request.http" : "") >= (int)sizeof path) {
    kh_cli_fail(self, KH_EXIT_USAGE, "the path of FILE is too long");
    return false;
  }
  if (!kh_cli_read(self, path, &invocation->text))
    return false;
  if (now_s < 0 && is_fixture)
    now_s = expected_now(file);
  invocation->now_us = now_s < 0 ? kh_clock_now_us(&kh_system_clock) : now_s * 1000000;

  if (!is_fixture && !kh_http_message_is_one(kh_buf_view(&invocation->text))) {
    wrap(invocation, kh_buf_view(&invocation->text), config);
  } else if (!kh_http_message_read(kh_buf_view(&invocation->text), &invocation->joined, &invocation->request,
                                   &what)) {
    kh_cli_fail(self, KH_EXIT_USAGE, "%s: %s", path, what);
    return false;
  }
  /* Both halves ask for the id; where it is random they must get the same one. */
  kh_request_id(&invocation->request, invocation->request_id);
  invocation->request.platform_id = kh_str_of(invocation->request_id);
  return true;
}

void kh_invocation_sign_anew(struct kh_invocation *invocation, const struct kh_secret *secret)
{
  invocation->now_us = kh_clock_now_us(&kh_system_clock);
  invocation->request.headers[KH_HEADER_SIGNATURE] = (struct kh_header_value){.text = KH_NO_STR};
  sign(invocation, secret, invocation->request.body);
}

void kh_invocation_release(struct kh_invocation *invocation)
{
  kh_buf_release(&invocation->text);
  kh_buf_release(&invocation->joined);
  kh_buf_release(&invocation->event);
}
