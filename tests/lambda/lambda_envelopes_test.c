#include "base/base.h"

#include "base/base64.h"
#include "base/file.h"
#include "lambda/event.h"
#include "support/command.h"
#include "support/guard.h"
#include "support/lambda_source.h"
#include "support/suite.h"
#include "support/tempdir.h"

#include <dirent.h>
#include <jansson.h>

/*
 * The oracle is Python's json and base64: lambda_envelopes.py wraps every webhook of fixtures/events, and
 * what comes out here must be the bytes that stand there.
 */

enum { CASES_AT_LEAST = 70, ENVELOPES_A_CASE = 22, BASE64_TEXTS_AT_LEAST = 1000 };

static struct kh_tempdir dir;

static void make_envelopes(void)
{
  char folder[512];
  const char *const argv[] = {"/usr/bin/python3", "-B", KH_SOURCE_DIR "/tests/support/lambda_envelopes.py",
                              folder, NULL};
  struct kh_buf said;

  kh_tempdir_open(&dir);
  (void)kh_tempdir_path(&dir, "envelopes", folder, sizeof folder);
  kh_buf_init(&said, 4096);
  ck_assert_int_eq(kh_command(argv, KH_STR(""), &said), 0);
  kh_buf_release(&said);
}

static void remove_envelopes(void)
{
  kh_tempdir_close(&dir);
}

/* ---- webhooks ---- */

struct webhook {
  struct kh_buf text;
  struct kh_str head, body;
};

static void webhook_open(struct webhook *webhook, const char *name)
{
  char path[512];

  (void)snprintf(path, sizeof path, KH_SOURCE_DIR "/fixtures/events/%s/request.http", name);
  kh_buf_init(&webhook->text, KH_LAMBDA_PAYLOAD_MAX_BYTES);
  ck_assert_int_eq(kh_file_read(path, &webhook->text, NULL), KH_OK);
  const char *end = strstr(kh_buf_text(&webhook->text), "\r\n\r\n");
  ck_assert_ptr_nonnull(end);
  webhook->head = kh_str(webhook->text.at, (size_t)(end - webhook->text.at));
  webhook->body = kh_str(end + 4, webhook->text.len - webhook->head.len - 4);
  ck_assert_uint_gt(webhook->body.len, 0);
}

/* Every header of ours, as it stands on the wire, and no other. */
static void check_headers(const char *path, const struct kh_request *request, struct kh_str head)
{
  size_t sent = 0, found = 0;

  (void)kh_str_cut(&head, '\n');
  while (head.at) {
    struct kh_str value = kh_str_cut(&head, '\n');
    enum kh_header header = kh_header_by_name(kh_str_cut(&value, ':'));

    if (header == KH_HEADER__COUNT)
      continue;
    if (kh_str_ends(value, KH_STR("\r")))
      value.len--;
    ck_assert_msg(kh_str_equal(request->headers[header].text, kh_str_trim(value)), "%s: header %d", path,
                  (int)header);
    ck_assert_msg(!request->headers[header].repeated, "%s: header %d", path, (int)header);
    sent++;
  }
  for (enum kh_header header = 0; header < KH_HEADER__COUNT; header++)
    found += request->headers[header].text.at != NULL;
  ck_assert_uint_eq(found, sent);
}

static void check_envelope(const char *path, const char *file, const struct webhook *webhook,
                           struct kh_json *doc, struct kh_buf *body)
{
  struct kh_buf payload;
  struct kh_guard guard;
  struct kh_lambda_event event;
  struct kh_diag diag = {0};

  kh_buf_init(&payload, KH_LAMBDA_PAYLOAD_MAX_BYTES);
  ck_assert_int_eq(kh_file_read(path, &payload, NULL), KH_OK);
  enum kh_err err = kh_lambda_event_read(kh_guard_end(&guard, kh_buf_view(&payload)), doc, body, &event,
                                         &diag);
  ck_assert_msg(!err && !event.request.body_err, "%s: %s", path, diag.text);
  struct kh_str source = kh_str(file, strcspn(file, "."));
  if (kh_str_equal(source, KH_STR("http_api_v1")))
    source = KH_STR("rest_api");
  ck_assert_int_eq(event.multi_value, kh_str_equal(source, KH_STR("alb_multi")));
  ck_assert_msg(kh_str_starts(source, kh_str_of(kh_lambda_source_name(event.source))), "%s: %s", path,
                kh_lambda_source_name(event.source));
  ck_assert_int_eq(event.request.method, KH_METHOD_POST);
  ck_assert_msg(kh_str_equal(event.request.body, webhook->body), "%s: the body differs", path);
  check_headers(path, &event.request, webhook->head);
  kh_guard_release(&guard);
  kh_buf_release(&payload);
}

static void check_case(const char *name, struct kh_json *doc, struct kh_buf *body)
{
  char folder[512], path[1024];
  struct webhook webhook;
  size_t count = 0;

  webhook_open(&webhook, name);
  (void)snprintf(folder, sizeof folder, "%s/envelopes/%s", dir.path, name);
  DIR *files = opendir(folder);
  ck_assert_ptr_nonnull(files);
  for (const struct dirent *entry; (entry = readdir(files));) {
    if (entry->d_name[0] == '.')
      continue;
    (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    check_envelope(path, entry->d_name, &webhook, doc, body);
    count++;
  }
  (void)closedir(files);
  ck_assert_uint_eq(count, ENVELOPES_A_CASE);
  kh_buf_release(&webhook.text);
}

/* One document and one buffer for all, as in a process that stays. */
START_TEST(every_webhook_comes_out_as_it_went_in)
{
  DIR *cases = opendir(KH_SOURCE_DIR "/fixtures/events");
  struct kh_json doc;
  struct kh_buf body;
  size_t count = 0;

  kh_json_init(&doc, kh_json_default_limits);
  kh_buf_init(&body, KH_LAMBDA_PAYLOAD_MAX_BYTES);
  ck_assert_ptr_nonnull(cases);
  for (const struct dirent *entry; (entry = readdir(cases));) {
    if (entry->d_name[0] == '.')
      continue;
    check_case(entry->d_name, &doc, &body);
    count++;
  }
  (void)closedir(cases);
  ck_assert_uint_ge(count, CASES_AT_LEAST);
  kh_buf_release(&body);
  kh_json_release(&doc);
}
END_TEST

/* ---- base64 ---- */

static void check_base64(struct kh_str text, const char *bytes)
{
  struct kh_guard guard;
  struct kh_buf hex;
  size_t length = SIZE_MAX;
  struct kh_str copy = kh_guard_end(&guard, text);
  unsigned char *to = malloc(text.len / 4 * 3 + 1);

  ck_assert_ptr_nonnull(to);
  to[text.len / 4 * 3] = 0xA5;
  enum kh_err err = kh_base64_decode(copy, (char *)to, &length);
  ck_assert_msg(err == (bytes ? KH_OK : KH_ERR_BODY_CUT), "\"%.*s\": %s", KH_FMT(text), kh_err_token(err));
  ck_assert_uint_eq(to[text.len / 4 * 3], 0xA5);
  if (bytes) {
    kh_buf_init(&hex, 1 << 16);
    ck_assert_int_eq(kh_buf_add_hex(&hex, to, length), KH_OK);
    ck_assert_str_eq(kh_buf_text(&hex), bytes);
    kh_buf_release(&hex);
  } else {
    ck_assert_uint_eq(length, SIZE_MAX);
  }
  free(to);
  kh_guard_release(&guard);
}

START_TEST(base64_is_what_python_would_write)
{
  char path[512];
  size_t index, good = 0;
  const json_t *pair;

  json_t *pairs = json_load_file(kh_tempdir_path(&dir, "envelopes/base64.json", path, sizeof path),
                                 JSON_ALLOW_NUL, NULL);
  ck_assert_uint_ge(json_array_size(pairs), BASE64_TEXTS_AT_LEAST);
  json_array_foreach(pairs, index, pair)
  {
    const json_t *text = json_array_get(pair, 0);
    const char *bytes = json_string_value(json_array_get(pair, 1));

    check_base64(kh_str(json_string_value(text), json_string_length(text)), bytes);
    good += bytes != NULL;
  }
  ck_assert_uint_ge(good, 300);
  ck_assert_uint_ge(json_array_size(pairs) - good, 300);
  json_decref(pairs);
}
END_TEST

static Suite *make_suite(void)
{
  Suite *suite = suite_create("lambda_envelopes");
  TCase *tests = kh_test_case(suite, "python");

  tcase_add_unchecked_fixture(tests, make_envelopes, remove_envelopes);
  tcase_add_test(tests, every_webhook_comes_out_as_it_went_in);
  tcase_add_test(tests, base64_is_what_python_would_write);
  return suite;
}

int main(void)
{
  return kh_test_main(make_suite());
}
