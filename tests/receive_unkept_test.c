#include "base/base.h"

#include "support/receiver_case.h"
#include "support/suite.h"

#include <sys/stat.h>
#include <unistd.h>

#define NAME_256                                                                                     \
  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" \
  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" \
  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LONG_NAME NAME_256 NAME_256 NAME_256 NAME_256 NAME_256 NAME_256 NAME_256 NAME_256 NAME_256

static struct kh_receiver_case it;

static void open_case(void)
{
  kh_receiver_case_open(&it);
}

static void close_case(void)
{
  kh_receiver_case_close(&it);
}

static const struct {
  const char *body;
  const char *event;
  const char *error;
} unusable[] = {
    {"", NULL, "json_syntax"},
    {"{\"event\":\"ping\"", NULL, "json_syntax"},
    {"{\"a\":\"\xFF\"}", NULL, "json_utf8"},
    {"{\"a\":1e999}", NULL, "json_number_range"},
    {"{\"a\":1,\"a\":1}", NULL, "json_duplicate_key"},
    {"[]", NULL, "not_an_object"},
    {"{\"event\":\"a\\nb\"}", NULL, "event_name"},
    {"{\"event\":\"ping\"}", "build.finished", "event_mismatch"},
    {"{\"event\":\"ping\"}", "\xFF\xFE", "event_mismatch"},
    {"{}",
     "a\xFF"
     "b",
     "event_name"},
    {"{}", "a\"b\\c\x01", "event_name"},
    {"{}", LONG_NAME, "event_name"},
    {"[]", LONG_NAME, "not_an_object"},
    {"[]", "\xFF", "not_an_object"},
};

START_TEST(an_unusable_body_is_set_aside)
{
  char want[128];

  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  kh_webhook_make(&it.webhook, KH_TEST_CURRENT, KH_NEAR_MISS_NOW_S, kh_str_of(unusable[_i].body));
  if (unusable[_i].event)
    kh_request_add_header(&it.webhook.request, KH_HEADER_EVENT, kh_str_of(unusable[_i].event));
  kh_request_add_header(&it.webhook.request, KH_HEADER_REQUEST, KH_STR("req-4"));
  kh_receiver_case_receive(&it, &it.webhook.request);
  (void)snprintf(want, sizeof want, "{\"error\":\"%s\",\"request_id\":\"req-4\"}", unusable[_i].error);
  kh_receiver_case_must_answer(&it, 400, want);
  kh_receiver_case_must_log(&it, "WARN", "refused", unusable[_i].error);
  ck_assert_str_ne(kh_line_text(it.line, "detail"), "");
  ck_assert_str_eq(kh_line_text(it.line, "secret_name"), "current");
  ck_assert_int_eq(kh_receiver_case_count(&it, "new"), 0);
  ck_assert_int_eq(kh_receiver_case_count(&it, "tmp"), 0);
  ck_assert_int_eq(kh_receiver_case_count(&it, "aside"), 2);
}
END_TEST

START_TEST(without_a_state_folder_an_unusable_body_is_just_refused)
{
  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, false);
  kh_receiver_case_receive_signed(&it, "[]");
  ck_assert_int_eq(it.response.status, 400);
  kh_receiver_case_must_log(&it, "WARN", "refused", "not_an_object");
  ck_assert_int_eq(kh_dir_count(it.dir.path), 0);
}
END_TEST

static void must_not_keep(const char *error)
{
  json_t *json = kh_receiver_case_answer(&it);

  ck_assert_msg(it.response.status == 503, "%d %s", it.response.status, kh_buf_text(&it.response.body));
  ck_assert_str_eq(json_string_value(json_object_get(json, "error")), error);
  ck_assert_str_eq(json_string_value(json_object_get(json, "request_id")),
                   kh_line_text(it.line, "request_id"));
  ck_assert_uint_eq(json_object_size(json), 2);
  ck_assert_str_eq(kh_line_text(it.line, "level"), "ERROR");
  ck_assert_str_eq(kh_line_text(it.line, "reason"), error);
  ck_assert_str_ne(kh_line_text(it.line, "detail"), "");
  ck_assert_str_ne(kh_line_text(it.line, "verdict"), "accepted");
  json_decref(json);
}

START_TEST(a_full_inbox_is_503)
{
  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  it.config->inbox_max_entries = 2;
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\",\"n\":1}");
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\",\"n\":2}");
  ck_assert_int_eq(it.response.status, 200);
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\",\"n\":3}");
  must_not_keep("inbox_full");
  ck_assert_str_eq(kh_line_text(it.line, "worker"), "absent");
  ck_assert_int_eq(kh_receiver_case_count(&it, "new"), 2);
  ck_assert_int_eq(kh_receiver_case_count(&it, "tmp"), 0);

  char names[1][KH_ENTRY_NAME_BYTES];
  size_t found = 0;
  ck_assert_int_eq(kh_inbox_list(&it.sink.inbox, names, 1, &found), KH_OK);
  ck_assert_int_eq(kh_inbox_remove(&it.sink.inbox, names[0]), KH_OK);
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\",\"n\":4}");
  ck_assert_int_eq(it.response.status, 200);
}
END_TEST

START_TEST(without_room_the_worker_is_woken_once_a_second)
{
  struct kh_worker_lock lock;

  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  it.config->inbox_max_entries = 1;
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\",\"n\":1}");
  ck_assert_int_eq(kh_worker_lock_take(&lock, it.state, -1, NULL), KH_OK);
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\",\"n\":2}");
  must_not_keep("inbox_full");
  ck_assert_str_eq(kh_line_text(it.line, "worker"), "woken");
  kh_receiver_case_receive_signed(&it, "[]"); /* nor is there room to set it aside */
  must_not_keep("inbox_full");
  ck_assert_ptr_null(json_object_get(it.line, "worker"));
  it.fake.now_us += 1000000;
  kh_receiver_case_receive_signed(&it, "[]");
  must_not_keep("inbox_full");
  ck_assert_str_eq(kh_line_text(it.line, "worker"), "woken");
  kh_worker_lock_leave(&lock);
}
END_TEST

START_TEST(an_open_state_folder_is_503)
{
  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  ck_assert_int_eq(mkdir(it.state, 0700), 0);
  ck_assert_int_eq(chmod(it.state, 0755), 0);
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\"}");
  must_not_keep("state_mode");
  ck_assert_int_eq(kh_dir_count(it.state), 0);
  /* Once somebody has typed what the line says, the next webhook is kept. */
  ck_assert_int_eq(chmod(it.state, 0700), 0);
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\"}");
  ck_assert_int_eq(it.response.status, 200);
}
END_TEST

START_TEST(a_foreign_state_folder_is_503)
{
  if (geteuid() != 0) {
    kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
    kh_test_skip("receive: another owner", "only root can make a folder of somebody else's");
    return;
  }
  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  ck_assert_int_eq(mkdir(it.state, 0700), 0);
  ck_assert_int_eq(chown(it.state, 65534, 65534), 0);
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\"}");
  must_not_keep("state_owner");
  ck_assert_int_eq(kh_dir_count(it.state), 0);
}
END_TEST

START_TEST(a_state_that_is_a_file_is_503)
{
  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  kh_file_put(it.state, KH_STR("in the way"));
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\"}");
  must_not_keep("inbox_io");
}
END_TEST

/* A folder that is taken away under a long-lived receiver comes back with the next webhook. */
START_TEST(a_lost_inbox_is_made_again)
{
  static const char *const lost[] = {"inbox/new", "inbox/tmp", "inbox/aside", "inbox"};
  char path[1024];

  kh_receiver_case_configure(&it, KH_ACCEPTS_SIGNATURES, true);
  ck_assert_int_eq(mkdir(it.state, 0700), 0);
  kh_receiver_case_receive_signed(&it, "[]");
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\"}");
  ck_assert_int_eq(it.response.status, 200);
  struct kh_tempdir gone = {.path = ""};
  (void)snprintf(gone.path, sizeof gone.path, "%.200s/%s", it.state, lost[_i]);
  (void)snprintf(path, sizeof path, "%s", gone.path);
  kh_tempdir_close(&gone);
  ck_assert_int_eq(kh_dir_count(path), -1);
  kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\",\"n\":2}");
  if (it.response.status != 200) {
    must_not_keep("inbox_io");
    kh_receiver_case_receive_signed(&it, "{\"event\":\"ping\",\"n\":3}");
    ck_assert_int_eq(it.response.status, 200);
  }
  /* 200 means kept, also to those who look by the path. */
  ck_assert_int_ge(kh_receiver_case_count(&it, "new"), 1);
}
END_TEST

static Suite *receive_unkept_suite(void)
{
  Suite *suite = suite_create("receive unkept");
  TCase *unusable_body = kh_test_case(suite, "unusable_body");
  TCase *not_kept = kh_test_case(suite, "not_kept");

  tcase_add_checked_fixture(unusable_body, open_case, close_case);
  tcase_add_loop_test(unusable_body, an_unusable_body_is_set_aside, 0, (int)KH_COUNT(unusable));
  tcase_add_test(unusable_body, without_a_state_folder_an_unusable_body_is_just_refused);

  tcase_add_checked_fixture(not_kept, open_case, close_case);
  tcase_add_test(not_kept, a_full_inbox_is_503);
  tcase_add_test(not_kept, without_room_the_worker_is_woken_once_a_second);
  tcase_add_test(not_kept, an_open_state_folder_is_503);
  tcase_add_test(not_kept, a_foreign_state_folder_is_503);
  tcase_add_test(not_kept, a_state_that_is_a_file_is_503);
  tcase_add_loop_test(not_kept, a_lost_inbox_is_made_again, 0, 4);
  return suite;
}

int main(void)
{
  return kh_test_main(receive_unkept_suite());
}
