#include "base/base.h"

#include "support/recorder.h"
#include "support/rendered.h"
#include "support/rules.h"
#include "support/suite.h"

static const char *const environment[] = {"TOKEN=planted-token", "BASE=http://127.0.0.1:8089/v1/",
                                          "ROOT=http://127.0.0.1:8089", NULL};

/* ---- what is sent for each state: the first three from the table of Buildkite's example lamps ---- */

#define RUNNING                                                                                           \
  "{\"color\":\"yellow brightness:5%\",\"from_color\":\"yellow brightness:35%\",\"period\":5,\"cycles\":" \
  "9999,\"persist\":true,\"power_on\":false}"
#define PASSED                                                                                              \
  "{\"color\":\"green brightness:75%\",\"from_color\":\"green brightness:10%\",\"period\":0.45,\"cycles\":" \
  "3,\"persist\":true,\"power_on\":false,\"peak\":0.2}"
#define FAILED                                                                                            \
  "{\"color\":\"red brightness:60%\",\"from_color\":\"red brightness:25%\",\"period\":0.1,\"cycles\":20," \
  "\"persist\":true,\"power_on\":false,\"peak\":0.2}"

static const struct {
  const char *body;
  const char *expected; /* the body, or a word of it */
} states[] = {
    {"{\"event\":\"build.running\",\"build\":{\"state\":\"running\"}}", RUNNING},
    {"{\"event\":\"build.running\",\"build\":{\"state\":\"started\"}}", RUNNING},
    {"{\"event\":\"build.running\",\"build\":{\"state\":\"scheduled\"}}", RUNNING},
    {"{\"event\":\"build.running\",\"build\":{}}", RUNNING},
    {"{\"event\":\"build.running\",\"build\":{\"state\":\"unheard_of\"}}", RUNNING},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"passed\"}}", PASSED},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"failed\"}}", FAILED},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"failing\"}}", FAILED},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"unheard_of\"}}", FAILED},
    {"{\"event\":\"build.failing\",\"build\":{\"state\":\"failing\"}}", FAILED},
    /* The event is old news: the body has a later version of the build. */
    {"{\"event\":\"build.running\",\"build\":{\"state\":\"passed\"}}", PASSED},
    {"{\"event\":\"build.running\",\"build\":{\"state\":\"failed\"}}", FAILED},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"passed\",\"blocked\":true}}", "\"blue "},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"blocked\"}}", "\"blue "},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"canceled\"}}", "\"purple "},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"canceling\"}}", "\"purple "},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"skipped\"}}", "\"cyan "},
    {"{\"event\":\"build.skipped\",\"build\":{\"state\":\"skipped\"}}", "\"cyan "},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"not_run\"}}", "\"white "},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"broken\"}}", "\"white "},
    /* Nobody knows how it ended: neither green nor red. */
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"running\"}}", "\"pink "},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":\"scheduled\"}}", "\"pink "},
    {"{\"event\":\"build.finished\",\"build\":{\"state\":7}}", "\"pink "},
    {"{\"event\":\"build.finished\",\"build\":null}", "\"pink "},
    {"{\"event\":\"build.scheduled\",\"build\":{\"state\":\"scheduled\"}}", "\"pink "},
    {"{\"event\":\"agent.lost\",\"agent\":{\"name\":\"a\"}}", "\"pink "},
};

START_TEST(a_state_has_its_look)
{
  struct kh_test_event made;
  struct kh_buf body;

  kh_test_event_read(&made, kh_str_of(states[_i].body));
  kh_test_render("look", &kh_notifier_lifx, &made.event, &body);
  if (states[_i].expected[0] == '{')
    ck_assert_str_eq(kh_buf_text(&body), states[_i].expected);
  else
    ck_assert_msg(kh_text_contains(kh_buf_view(&body), kh_str_of(states[_i].expected)), "%s: %s",
                  states[_i].body, kh_buf_text(&body));
  kh_buf_release(&body);
  kh_test_event_release(&made);
}
END_TEST

/* ---- what the configuration changes ---- */

static const struct {
  const char *options, *expected;
  enum kh_verb verb;
  const char *url;
} configured[] = {
    {"", PASSED, KH_POST, "https://api.lifx.com/v1/lights/all/effects/breathe"},
    {", url: {env: BASE}", PASSED, KH_POST, "http://127.0.0.1:8089/v1/lights/all/effects/breathe"},
    {", url: {env: ROOT}", PASSED, KH_POST, "http://127.0.0.1:8089/lights/all/effects/breathe"},
    {", selector: 'group:Office'", PASSED, KH_POST,
     "https://api.lifx.com/v1/lights/group%3AOffice/effects/breathe"},
    {", selector: 'id:d073d5000001,label:K\xC3\xBC"
     "che /?#%&../x'",
     PASSED, KH_POST,
     "https://api.lifx.com/v1/lights/id%3Ad073d5000001%2Clabel%3AK%C3%BCche%20%2F%3F%23%25%26..%2Fx/effects/"
     "breathe"},
    {", passed: {color: blue}",
     "{\"color\":\"blue\",\"period\":0.45,\"cycles\":3,\"persist\":true,"
     "\"power_on\":false,\"peak\":0.2}",
     KH_POST, "https://api.lifx.com/v1/lights/all/effects/breathe"},
    {", passed: {color: blue, from_color: '#ff0000', period: 1.5, cycles: 2, persist: false, power_on: true, "
     "peak: 0}",
     "{\"color\":\"blue\",\"from_color\":\"#ff0000\",\"period\":1.5,\"cycles\":2,\"persist\":false,"
     "\"power_on\":true,\"peak\":0}",
     KH_POST, "https://api.lifx.com/v1/lights/all/effects/breathe"},
    {", failed: {color: blue}", PASSED, KH_POST, "https://api.lifx.com/v1/lights/all/effects/breathe"},
    {", effect: pulse",
     "{\"color\":\"green brightness:75%\",\"from_color\":\"green brightness:10%\",\"period\":0.45,\"cycles\":"
     "3,\"persist\":true,\"power_on\":false}",
     KH_POST, "https://api.lifx.com/v1/lights/all/effects/pulse"},
    {", effect: none", "{\"color\":\"green brightness:75%\"}", KH_PUT,
     "https://api.lifx.com/v1/lights/all/state"},
    {", effect: none, passed: {power_on: true}", "{\"color\":\"green brightness:75%\",\"power\":\"on\"}",
     KH_PUT, "https://api.lifx.com/v1/lights/all/state"},
};

START_TEST(the_configuration_changes_it)
{
  unsigned char digest[KH_DIGEST_BYTES] = {0};
  struct kh_delivery delivery;
  struct kh_outgoing outgoing;
  struct kh_test_rules made;
  struct kh_test_event event;
  char notify[512];

  (void)snprintf(notify, sizeof notify, "- lifx: {token: {env: TOKEN}%s}\n", configured[_i].options);
  kh_test_rules_open(&made, notify, environment);
  ck_assert_msg(made.err == KH_OK, "%s", kh_diags_first(&made.diags).text);
  const struct kh_rule *rule = &made.rules.at[0];

  kh_test_event_read(&event, KH_STR("{\"event\":\"build.finished\",\"build\":{\"state\":\"passed\"}}"));
  ck_assert_int_eq(kh_test_rendered(rule, kh_test_rendering(&event.event), digest, 0, &delivery), KH_OK);
  ck_assert_str_eq(kh_buf_text(&delivery.body), configured[_i].expected);

  ck_assert_int_eq(kh_rule_request(rule, &delivery, NULL, NULL, 0, &outgoing), KH_OK);
  const struct kh_sent_headers headers = outgoing.headers;
  const struct kh_str url = kh_secret_reveal(&outgoing.url);
  ck_assert_msg(kh_str_equal(url, kh_str_of(configured[_i].url)), "%.*s", KH_FMT(url));
  ck_assert_int_eq(outgoing.verb, configured[_i].verb);
  ck_assert_uint_eq(headers.count, 1);
  ck_assert_str_eq(headers.at[0].name, "Authorization");
  ck_assert_str_eq(headers.at[0].text, "Bearer ");
  ck_assert(kh_str_equal(kh_secret_reveal(headers.at[0].secret), KH_STR("planted-token")));
  kh_outgoing_release(&outgoing);
  kh_delivery_release(&delivery);
  kh_test_event_release(&event);
  kh_test_rules_close(&made);
}
END_TEST

/* One rule of the credential is found, whichever rule made the delivery. */
START_TEST(the_place_says_which_lamps_and_what_they_do)
{
  static const struct {
    const char *place, *url; /* NULL where none can be made */
    enum kh_verb verb;
  } cases[] = {
      {"group:Office effects/pulse", "https://api.lifx.com/v1/lights/group%3AOffice/effects/pulse", KH_POST},
      {"label:Left Lamp state", "https://api.lifx.com/v1/lights/label%3ALeft%20Lamp/state", KH_PUT},
      {"all", NULL, KH_POST},
      {"all effects/off", NULL, KH_POST},
      {"", NULL, KH_POST},
  };
  struct kh_test_rules made;

  kh_test_rules_open(&made, "- lifx: {token: {env: TOKEN}}\n", environment);
  for (size_t i = 0; i < KH_COUNT(cases); i++) {
    struct kh_delivery delivery = {.attempt = 0};
    struct kh_outgoing outgoing;

    (void)snprintf(delivery.place, sizeof delivery.place, "%s", cases[i].place);
    enum kh_err err = kh_rule_request(&made.rules.at[0], &delivery, NULL, NULL, 0, &outgoing);
    ck_assert_int_eq(err, cases[i].url ? KH_OK : KH_ERR_RENDER);
    if (!err) {
      ck_assert_str_eq(kh_secret_reveal(&outgoing.url).at, cases[i].url);
      ck_assert_int_eq(outgoing.verb, cases[i].verb);
    }
    kh_outgoing_release(&outgoing);
  }
  kh_test_rules_close(&made);
}
END_TEST

START_TEST(an_old_light_is_not_turned_on)
{
  unsigned char digest[KH_DIGEST_BYTES] = {0};
  struct kh_test_rules made;
  struct kh_test_event event;
  struct kh_delivery delivery;

  kh_test_rules_open(&made, "- lifx: {token: {env: TOKEN}}\n", environment);
  kh_test_event_read(&event, KH_STR("{\"event\":\"build.running\",\"build\":{}}"));
  ck_assert_int_eq(kh_test_rendered(&made.rules.at[0], kh_test_rendering(&event.event), digest, 0, &delivery),
                   KH_OK);
  ck_assert_int_eq(delivery.expires_us, INT64_C(600000000));
  kh_delivery_release(&delivery);
  kh_test_event_release(&event);
  kh_test_rules_close(&made);
}
END_TEST

/* ---- what an answer means ---- */

enum { NOW_S = 1700000000 };

static const struct {
  int status;
  int64_t retry_after_s, reset_s;
  const char *body;
  enum kh_err err;
  int64_t expected_s;
  const char *note;
} answers[] = {
    {200, -1, -1, "", KH_OK, -1, ""},
    {202, -1, -1, "{}", KH_OK, -1, ""},
    {200, -1, -1, "\n <html>", KH_ERR_DELIVERY_FAILED, -1, "with a page, which something on the way said"},
    {200, 7, -1, "<", KH_ERR_DELIVERY_FAILED, 7, "with a page, which something on the way said"},
    {503, 7, -1, "<html>", KH_ERR_DELIVERY_FAILED, 7, ""},
    {207, -1, -1, "{\"results\":[]}", KH_OK, -1, "what the lamps did is not known"},
    {207, -1, -1, "{\"results\":[{\"id\":\"d0", KH_OK, -1, "what the lamps did is not known"},
    {207, -1, -1, "{\"results\":[{\"id\":\"d073d5000001\",\"label\":\"A\",\"status\":\"ok\"}]}", KH_OK, -1,
     ""},
    {207, -1, -1,
     "{\"results\":[{\"id\":\"d073d5000001\",\"status\":\"ok\"},{\"id\":\"d073d5000002\",\"status\":"
     "\"offline\"},"
     "{\"id\":\"d073d5000003\",\"status\":\"timed_out\"}]}",
     KH_OK, -1, "1 of 3 lamps: d073d5000002 offline, d073d5000003 timed out"},
    {200, -1, -1,
     "{\"results\":[{\"id\":\"d073d5000001\",\"status\":\"ok\"},{\"id\":\"d073d5000002\",\"status\":"
     "\"offline\"}]}",
     KH_OK, -1, "1 of 2 lamps: d073d5000002 offline"},
    {207, -1, -1, "{\"results\":[{\"id\":\"d073d5000001\",\"status\":\"offline\"}]}", KH_ERR_DELIVERY_FAILED,
     -1, "0 of 1 lamps: d073d5000001 offline"},
    {207, -1, -1,
     "{\"results\":[{\"id\":\"1\",\"status\":\"offline\"},{\"id\":\"2\",\"status\":\"offline\"},"
     "{\"id\":\"3\",\"status\":\"offline\"},{\"id\":\"4\",\"status\":\"offline\"},{\"id\":\"5\",\"status\":"
     "\"offline\"}]}",
     KH_ERR_DELIVERY_FAILED, -1, "0 of 5 lamps: 1 offline, 2 offline, 3 offline, …"},
    /* Nothing of the answer is repeated that could be more than a serial number. */
    {207, -1, -1,
     "{\"results\":[{\"id\":\"planted-token\",\"label\":\"planted-token\",\"status\":\"planted\"},"
     "{\"id\":\"00112233445566778899\",\"status\":\"ok?\"},{\"id\":7},7]}",
     KH_ERR_DELIVERY_FAILED, -1, "0 of 4 lamps: a lamp failed, a lamp failed, 7 failed, …"},
    {404, -1, -1, "{\"error\":\"Could not find light with selector planted\"}", KH_ERR_DELIVERY_REFUSED, -1,
     "lifx.selector matches no lamp"},
    {401, -1, -1, "{\"error\":\"planted-token\"}", KH_ERR_DELIVERY_REFUSED, -1, "lifx.token is not accepted"},
    {403, -1, -1, "", KH_ERR_DELIVERY_REFUSED, -1, "lifx.token does not allow it"},
    {422, -1, -1, "", KH_ERR_DELIVERY_REFUSED, -1, "a colour, an effect or lifx.selector is not understood"},
    {426, -1, -1, "", KH_ERR_DESTINATION_REFUSED, -1, "lifx.url must be https"},
    {418, -1, -1, "", KH_ERR_DELIVERY_REFUSED, -1, ""},
    {500, -1, NOW_S + 33, "", KH_ERR_DELIVERY_FAILED, 33, ""},
    {429, -1, -1, "", KH_ERR_DELIVERY_FAILED, -1, "too many requests with this token"},
    {429, -1, NOW_S + 33, "", KH_ERR_DELIVERY_FAILED, 33, "too many requests with this token"},
    {429, 7, NOW_S + 33, "", KH_ERR_DELIVERY_FAILED, 33, "too many requests with this token"},
    {429, 70, NOW_S + 33, "", KH_ERR_DELIVERY_FAILED, 70, "too many requests with this token"},
    {429, 7, NOW_S - 33, "", KH_ERR_DELIVERY_FAILED, 7, "too many requests with this token"},
    {207, -1, NOW_S + 33, "{\"results\":[{\"id\":\"1\",\"status\":\"ok\"}]}", KH_OK, 33, ""},
    {429, -1, INT64_MAX, "", KH_ERR_DELIVERY_FAILED, INT64_MAX - NOW_S, "too many requests with this token"},
};

START_TEST(an_answer_is_understood)
{
  struct kh_incoming answer;
  struct kh_verdict verdict = {.err = answers[_i].status < 300    ? KH_OK
                                      : answers[_i].status == 429 ? KH_ERR_DELIVERY_FAILED
                                      : answers[_i].status >= 500 ? KH_ERR_DELIVERY_FAILED
                                                                  : KH_ERR_DELIVERY_REFUSED,
                               .retry_after_s = answers[_i].retry_after_s};

  kh_incoming_init(&answer);
  answer.status = answers[_i].status;
  answer.retry_after_s = answers[_i].retry_after_s;
  answer.rate_reset_s = answers[_i].reset_s;
  answer.rate_left = answers[_i].reset_s >= 0 ? 0 : 12;
  (void)kh_buf_add(&answer.body, kh_str_of(answers[_i].body));
  kh_notifier_lifx.judge(&answer, NOW_S * INT64_C(1000000) + 1, &verdict);
  ck_assert_str_eq(verdict.note, answers[_i].note);
  ck_assert_str_eq(kh_err_token(verdict.err), kh_err_token(answers[_i].err));
  int64_t off_s = answers[_i].expected_s - verdict.retry_after_s;
  ck_assert_msg(off_s == 0, "%" PRId64, verdict.retry_after_s);
  kh_buf_release(&answer.body);
}
END_TEST

static Suite *lifx_suite(void)
{
  Suite *suite = suite_create("lifx");
  TCase *looks = kh_test_case(suite, "looks");
  TCase *judge = kh_test_case(suite, "judge");

  tcase_add_loop_test(looks, a_state_has_its_look, 0, (int)KH_COUNT(states));
  tcase_add_loop_test(looks, the_configuration_changes_it, 0, (int)KH_COUNT(configured));
  tcase_add_test(looks, the_place_says_which_lamps_and_what_they_do);
  tcase_add_test(looks, an_old_light_is_not_turned_on);
  tcase_add_loop_test(judge, an_answer_is_understood, 0, (int)KH_COUNT(answers));
  return suite;
}

int main(void)
{
  return kh_test_main(lifx_suite());
}
