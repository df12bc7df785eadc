#include "base/base.h"

#include "fixture.h"
#include "http_message.h"
#include "renew.h"
#include "webhook_file.h"

#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

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

static void name_event(struct kh_webhook_file *webhook, struct kh_str body)
{
  struct kh_json doc;

  kh_json_init(&doc, kh_json_default_limits);
  if (kh_json_read(&doc, body, NULL) == KH_OK)
    (void)kh_json_text(kh_json_get(kh_json_root(&doc), KH_STR("event")), &webhook->event);
  kh_json_release(&doc);
  if (webhook->event.len > 0)
    kh_request_add_header(&webhook->request, KH_HEADER_EVENT, kh_buf_view(&webhook->event));
}

void kh_sign(const struct kh_secret *secret, int64_t timestamp_s, struct kh_str body,
             char signature[KH_SIGNATURE_BYTES])
{
  char timestamp[24] = "", hex[2 * KH_DIGEST_BYTES + 1];
  unsigned char mac[KH_DIGEST_BYTES] = {0};

  snprintf(timestamp, sizeof timestamp, "%" PRId64, timestamp_s);
  kh_secret_mac(secret, (const struct kh_str[]){kh_str_of(timestamp), KH_STR("."), body}, 3, mac);
  kh_hex(mac, sizeof mac, hex);
  snprintf(signature, KH_SIGNATURE_BYTES, "timestamp=%s,signature=%s", timestamp, hex);
}

static void sign(struct kh_webhook_file *webhook, const struct kh_secret *secret, struct kh_str body)
{
  kh_sign(secret, webhook->now_us / 1000000, body, webhook->signature);
  kh_request_add_header(&webhook->request, KH_HEADER_SIGNATURE, kh_str_of(webhook->signature));
}

void kh_webhook_file_prove(struct kh_webhook_file *webhook, const struct kh_config *config)
{
  struct kh_request *request = &webhook->request;

  webhook->is_proven_here = true;
  if (kh_webhook_file_is_eventbridge(webhook))
    return;
  request->headers[KH_HEADER_SIGNATURE] = (struct kh_header_value){.text = KH_NO_STR};
  request->headers[KH_HEADER_TOKEN] = (struct kh_header_value){.text = KH_NO_STR};
  if (config->signatures.count > 0)
    sign(webhook, &config->signatures.at[0].secret, request->body);
  else if (config->tokens.count > 0)
    kh_request_add_header(request, KH_HEADER_TOKEN, kh_secret_reveal(&config->tokens.at[0].secret));
}

/* As Buildkite would send BODY, but for the proof. */
static void wrap(struct kh_webhook_file *webhook, struct kh_str body)
{
  struct kh_request *request = &webhook->request;

  request->method = KH_METHOD_POST;
  request->body = body;
  kh_request_add_header(request, KH_HEADER_CONTENT_TYPE, KH_STR("application/json"));
  name_event(webhook, body);
}

/* FILE, or the folder of the fixture that has this name. NULL after a complaint. */
static const char *place_of(const struct kh_command *self, const char *file, struct kh_fixture *fixture)
{
  if (strcmp(file, "-") == 0 || access(file, F_OK) == 0 || strchr(file, '/'))
    return file;
  kh_fixture_find(file, fixture);
  if (fixture->path[0])
    return fixture->path;
  if (fixture->meant[0])
    kh_cli_fail(self, KH_EXIT_USAGE, "there is no file and no fixture '%s'; did you mean '%s'?", file,
                fixture->meant);
  else if (fixture->folder[0])
    kh_cli_fail(self, KH_EXIT_USAGE,
                "there is no file and no fixture '%s'; the fixtures are in %s/events and %s/eventbridge",
                file, fixture->folder, fixture->folder);
  else
    kh_cli_fail(self, KH_EXIT_USAGE, "there is no file '%s'", file);
  return NULL;
}

/* What FILE is called, once it is known to be a fixture. */
static bool find_text(const struct kh_command *self, const char *file, bool is_fixture, char path[PATH_MAX])
{
  int length = snprintf(path, PATH_MAX, "%s%s", file, is_fixture ? "/request.http" : "");

  if (is_fixture && length < PATH_MAX && access(path, F_OK))
    length = snprintf(path, PATH_MAX, "%s/event.json", file);
  if (length >= PATH_MAX)
    kh_cli_fail(self, KH_EXIT_USAGE, "the path of FILE is too long");
  return length < PATH_MAX;
}

static bool is_eventbridge(struct kh_webhook_file *webhook)
{
  const struct kh_str text = kh_buf_view(&webhook->text);

  if (kh_http_message_is_one(text) || kh_json_read(&webhook->eventbridge, text, NULL))
    return false;
  if (kh_partner_is_one(kh_json_root(&webhook->eventbridge)))
    return true;
  kh_json_release(&webhook->eventbridge);
  return false;
}

static void begin(struct kh_webhook_file *webhook)
{
  *webhook = (struct kh_webhook_file){.request = {.transport = "invoke"}};
  kh_json_init(&webhook->eventbridge, kh_json_default_limits);
  kh_buf_init(&webhook->text, KH_CLI_INPUT_MAX_BYTES);
  kh_buf_init(&webhook->joined, KH_CLI_INPUT_MAX_BYTES);
  kh_buf_init(&webhook->event, 4 * (size_t)KH_EVENT_NAME_BYTES);
  kh_buf_init(&webhook->renewed, KH_CLI_INPUT_MAX_BYTES);
}

enum kh_err kh_webhook_file_of_body(struct kh_webhook_file *webhook, struct kh_str body)
{
  begin(webhook);
  enum kh_err err = kh_buf_add(&webhook->text, body);

  webhook->now_us = kh_clock_now_us(&kh_system_clock);
  wrap(webhook, kh_buf_view(&webhook->text));
  return err;
}

bool kh_webhook_file_read(const struct kh_command *self, struct kh_webhook_file *webhook, const char *file,
                          int64_t now_s, const struct kh_config *config)
{
  char path[PATH_MAX];
  const char *what = NULL;
  struct kh_fixture named = {.path = ""};

  begin(webhook);
  file = place_of(self, file, &named);
  if (!file)
    return false;
  const bool is_fixture = is_folder(file);
  if (!find_text(self, file, is_fixture, path) || !kh_cli_read(self, path, &webhook->text))
    return false;
  if (now_s < 0 && is_fixture)
    now_s = expected_now(file);
  webhook->now_us = now_s < 0 ? kh_clock_now_us(&kh_system_clock) : now_s * 1000000;

  const bool is_event = is_eventbridge(webhook);
  const bool is_body = !is_event && !is_fixture && !kh_http_message_is_one(kh_buf_view(&webhook->text));
  if (is_body) {
    wrap(webhook, kh_buf_view(&webhook->text));
  } else if (!is_event &&
             !kh_http_message_read(kh_buf_view(&webhook->text), &webhook->joined, &webhook->request, &what)) {
    kh_cli_fail(self, KH_EXIT_USAGE, "%s: %s", path, what);
    return false;
  }
  /* The secret of the fixtures is known to all, so no other configuration takes it. */
  if (config && (is_body || (named.path[0] && !is_event)))
    kh_webhook_file_prove(webhook, config);
  if (is_event)
    webhook->request.platform_id = kh_json_raw(
        kh_json_get(kh_json_root(&webhook->eventbridge), KH_STR("id")));
  /* Both halves ask for the id; where it is random they must get the same one. */
  kh_request_id(&webhook->request, webhook->request_id);
  webhook->request.platform_id = kh_str_of(webhook->request_id);
  return true;
}

enum kh_err kh_webhook_file_renew(struct kh_webhook_file *webhook)
{
  enum kh_err err = kh_renew(webhook->request.body, kh_clock_now_s(&kh_system_clock), &webhook->renewed);

  if (err)
    return err;
  webhook->request.body = kh_buf_view(&webhook->renewed);
  kh_uuid(webhook->request_id);
  return KH_OK;
}

void kh_webhook_file_sign_anew(struct kh_webhook_file *webhook, const struct kh_secret *secret)
{
  webhook->now_us = kh_clock_now_us(&kh_system_clock);
  webhook->request.headers[KH_HEADER_SIGNATURE] = (struct kh_header_value){.text = KH_NO_STR};
  sign(webhook, secret, webhook->request.body);
}

void kh_webhook_file_release(struct kh_webhook_file *webhook)
{
  kh_json_release(&webhook->eventbridge);
  kh_buf_release(&webhook->text);
  kh_buf_release(&webhook->joined);
  kh_buf_release(&webhook->event);
  kh_buf_release(&webhook->renewed);
}
