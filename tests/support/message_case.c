#include "base/base.h"

#include "support/checks.h"
#include "support/message_case.h"

const char *const kh_test_message_environment[] = {
    "HOOK=" KH_TEST_SLACK_URL, "KEY=cGxhbnRlZCBrZXkgb2YgMzIgYnl0ZXMgaW4gYWxsICE=", "TOKEN=planted-token",
    NULL};

json_t *kh_test_message(const char *notify, const struct kh_event *event)
{
  static const unsigned char digest[KH_DIGEST_BYTES] = {0};
  struct kh_test_rules made;
  struct kh_delivery delivery;

  kh_test_rules_open(&made, notify, kh_test_message_environment);
  ck_assert_msg(!made.err, "%s: %s", notify, kh_diags_first(&made.diags).text);
  enum kh_err err = kh_test_rendered(&made.rules.at[0], kh_test_rendering(event), digest, 0, &delivery);
  ck_assert_msg(!err, "%s: %s", notify, kh_err_token(err));
  json_t *json = kh_check_read(notify, kh_buf_view(&delivery.body));
  kh_delivery_release(&delivery);
  kh_test_rules_close(&made);
  return json;
}

/* JSON is YAML, too. */
const char *kh_test_message_entry(const char *before, const char *message, struct kh_buf *out)
{
  json_t *text = json_string(message);
  char *written = json_dumps(text, JSON_ENCODE_ANY);

  ck_assert_msg(written, "%s", message);
  (void)kh_buf_printf(out, "%s%s}\n", before, written);
  free(written);
  json_decref(text);
  return kh_buf_text(out);
}

const char kh_test_message_event[] =
    "{\"event\":\"build.finished\",\"build\":{\"number\":7,\"state\":\"failed\",\"branch\":\"main\","
    "\"message\":\"fix <it> & *go*\\nmore\",\"web_url\":\"https://b.example/7\","
    "\"started_at\":\"2026-11-22 09:46:59 UTC\",\"finished_at\":\"2026-11-22T11:52:02.000Z\","
    "\"author\":{\"name\":\"Jane <planted@x.example>\"}},\"pipeline\":{\"name\":\"Web\",\"slug\":\"web\"}}";
