#include "base/base.h"

#include "support/receiver_case.h"

#include <check.h>

void kh_receiver_case_open(struct kh_receiver_case *it)
{
  *it = (struct kh_receiver_case){0};
  kh_tempdir_open(&it->dir);
  (void)kh_tempdir_path(&it->dir, "state", it->state, sizeof it->state);
  kh_fake_clock_init(&it->fake, KH_NEAR_MISS_NOW_S);
  kh_recorder_init(&it->recorder);
}

void kh_receiver_case_configure(struct kh_receiver_case *it, enum kh_accepts accepts, bool with_state)
{
  it->config = kh_test_config_new(accepts);
  if (with_state)
    (void)snprintf(it->config->state, sizeof it->config->state, "%s", it->state);
  kh_receiver_init(&it->receiver, it->config,
                   with_state ? kh_inbox_sink_init(&it->sink, it->config) : (struct kh_sink){0},
                   &it->fake.clock, kh_recorder_log(&it->recorder, &it->fake.clock));
}

void kh_receiver_case_close(struct kh_receiver_case *it)
{
  kh_receiver_release(&it->receiver);
  kh_buf_release(&it->response.body);
  kh_webhook_release(&it->webhook);
  kh_recorder_release(&it->recorder);
  json_decref(it->line);
  kh_test_config_free(it->config);
  kh_tempdir_close(&it->dir);
}

static bool has_secret(struct kh_str text)
{
  return kh_text_contains(text, KH_STR("planted"));
}

void kh_receiver_case_receive(struct kh_receiver_case *it, const struct kh_request *request)
{
  kh_recorder_clear(&it->recorder);
  json_decref(it->line);
  kh_buf_release(&it->response.body);
  kh_receive(&it->receiver, request, &it->response);
  ck_assert_uint_eq(it->recorder.count, 1);
  it->line = kh_recorder_line(&it->recorder, 0);
  ck_assert_str_eq(kh_line_text(it->line, "message"), "webhook received");
  ck_assert_int_eq(kh_line_number(it->line, "status"), it->response.status);
  ck_assert_str_eq(kh_line_text(it->line, "transport"), "cgi");
  ck_assert_int_eq(kh_line_number(it->line, "bytes"), (int64_t)request->body.len);
  ck_assert_int_ge(kh_line_number(it->line, "duration_us"), 0);
  ck_assert(!has_secret(kh_buf_view(&it->recorder.text)));
  ck_assert(!has_secret(kh_buf_view(&it->response.body)));
  ck_assert_uint_le(it->response.body.len, KH_RESPONSE_MAX_BYTES);
  ck_assert_int_eq(it->response.head, false);
}

void kh_receiver_case_receive_signed(struct kh_receiver_case *it, const char *body)
{
  kh_webhook_release(&it->webhook);
  kh_webhook_make(&it->webhook, KH_TEST_CURRENT, KH_NEAR_MISS_NOW_S - 2, kh_str_of(body));
  kh_receiver_case_receive(it, &it->webhook.request);
}

int kh_receiver_case_count(const struct kh_receiver_case *it, const char *folder)
{
  char path[1024];

  (void)snprintf(path, sizeof path, "%s/inbox/%s", it->state, folder);
  return kh_dir_count(path);
}

void kh_receiver_case_must_answer(const struct kh_receiver_case *it, int status, const char *body)
{
  ck_assert_msg(it->response.status == status, "%d %s", it->response.status, kh_buf_text(&it->response.body));
  ck_assert_str_eq(it->response.content_type, "application/json");
  ck_assert_str_eq(kh_buf_text(&it->response.body), body);
}

void kh_receiver_case_must_log(const struct kh_receiver_case *it, const char *level, const char *verdict,
                               const char *reason)
{
  const char *text = kh_buf_text(&it->recorder.text);

  ck_assert_msg(strcmp(kh_line_text(it->line, "level"), level) == 0, "%s", text);
  ck_assert_msg(strcmp(kh_line_text(it->line, "verdict"), verdict) == 0, "%s", text);
  ck_assert_msg(strcmp(kh_line_text(it->line, "reason"), reason) == 0, "%s", text);
}

json_t *kh_receiver_case_answer(const struct kh_receiver_case *it)
{
  const struct kh_buf *body = &it->response.body;
  json_error_t error;
  json_t *json = json_loadb(kh_buf_text(body), body->len, JSON_REJECT_DUPLICATES, &error);

  ck_assert_msg(json_is_object(json), "%s", kh_buf_text(body));
  return json;
}
