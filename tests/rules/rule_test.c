#include "base/base.h"

#include "support/openssl.h"
#include "support/recorder.h"
#include "support/rules.h"
#include "support/suite.h"

static const char body[] = "{\"event\":\"build.finished\",\"build\":{\"number\":7,\"state\":\"passed\"}}";

/* ---- entries ---- */

START_TEST(rules_are_compiled)
{
  struct kh_test_rules made;

  kh_test_rules_open(&made,
                     "- slack: {url: {env: SLACK_WEBHOOK_URL}}\n"
                     "- log\n"
                     "- name: team_A-1\n"
                     "  slack: {url: {file: hook}}\n"
                     "  events: [build.failing, build.finished]\n"
                     "  pipelines: web-*\n"
                     "  branches: main\n"
                     "- log: {}\n",
                     NULL);
  ck_assert_msg(made.err == KH_OK, "%s", kh_diags_first(&made.diags).text);
  ck_assert_uint_eq(made.diags.count, 0);
  ck_assert_uint_eq(made.rules.count, 4);
  const struct kh_rule *rules = made.rules.at;

  ck_assert_str_eq(rules[0].name, "slack-1");
  ck_assert_str_eq(rules[1].name, "log-2");
  ck_assert_str_eq(rules[2].name, "team_A-1");
  ck_assert_str_eq(rules[3].name, "log-4");
  ck_assert_ptr_eq(rules[0].notifier, &kh_notifier_slack);
  ck_assert_ptr_eq(rules[1].notifier, &kh_notifier_log);
  ck_assert_str_eq(rules[0].credential, "slack env:SLACK_WEBHOOK_URL");
  ck_assert_str_eq(rules[1].credential, "log");
  ck_assert_str_eq(rules[2].credential, "slack file:hook");
  ck_assert(kh_str_equal(kh_secret_reveal(&rules[0].url), KH_STR(KH_TEST_SLACK_URL)));
  ck_assert(kh_str_equal(kh_secret_reveal(&rules[2].url), KH_STR(KH_TEST_SLACK_FILE_URL)));
  ck_assert(kh_secret_is_empty(&rules[1].url));
  ck_assert_uint_eq(rules[2].match.event_count, 2);
  ck_assert_str_eq(rules[2].match.pipelines, "web-*");
  ck_assert_str_eq(rules[2].match.branches, "main");

  ck_assert_ptr_eq(kh_rules_for(&made.rules, "log"), &rules[1]);
  ck_assert_ptr_eq(kh_rules_for(&made.rules, "slack file:hook"), &rules[2]);
  ck_assert_ptr_null(kh_rules_for(&made.rules, "slack env:GONE"));
  ck_assert_ptr_null(kh_rules_for(&made.rules, ""));
  kh_test_rules_close(&made);
}
END_TEST

START_TEST(no_rules_are_fine)
{
  struct kh_config config = {.notify = NULL};
  struct kh_rules rules;

  ck_assert_int_eq(kh_rules_compile(&config, &rules, NULL), KH_OK);
  ck_assert_uint_eq(rules.count, 0);
  ck_assert_ptr_null(kh_rules_for(&rules, "log"));
  kh_rules_release(&rules);
}
END_TEST

/* 32 bytes that begin with "planted". */
#define KEY_BASE64 "cGxhbnRlZCBrZXkgb2YgMzIgYnl0ZXMgaW4gYWxsICE="

static const char *const environment[] = {
    "GOOD=" KH_TEST_SLACK_URL,
    "EMPTY=",
    "PLAIN=http://hooks.example/planted",
    "FTP=ftp://127.0.0.1/planted",
    "WORD=planted",
    "BLANK=https://hooks.example/a b planted",
    "TWO=https://hooks.example/planted https://hooks.example/planted",
    "NOHOST=https:///planted",
    "ONLY=https://",
    "USER=http://127.0.0.1@evil.example/planted",
    "PORT_USER=http://127.0.0.1:80@evil.example/planted",
    "LONGER=http://127.0.0.1.evil.example/planted",
    "LOCALHOSTS=http://localhosts/planted",
    "BACKSLASH=https://hooks.example\\planted",
    "CONTROL=https://hooks.example/planted\x01",
    "UTF8=https://hooks.example/planted\xC3\xA9",
    "UPPER=HTTPS://hooks.example/planted",
    "LOOP1=http://127.0.0.1/planted",
    "LOOP2=http://127.0.0.1:8080/planted?x=1",
    "LOOP3=http://localhost:1/planted",
    "LOOP4=http://[::1]:8080/planted",
    "LOOP5=http://localhost",
    "KEY=whsec_" KEY_BASE64,
    "BARE_KEY=" KEY_BASE64,
    "SHORT_KEY=whsec_cGxhbnRlZA==",
    "LONG_KEY=whsec_" KEY_BASE64 KEY_BASE64 KEY_BASE64,
    "RAW_KEY=planted raw key, which is no base64",
    "PREFIX=whsec_",
    "TOKEN=planted-token",
    "BLANK_TOKEN=planted token",
    "LINES_TOKEN=planted\r\nX-Header: token",
    "UTF8_TOKEN=planted\xC3\xA9",
    "QUERY=https://api.example/v1?planted",
    "FRAGMENT=https://api.example/v1#planted",
    NULL,
};

static const struct {
  const char *notify;
  const char *said; /* the beginning of each line, '|' between them */
} mistakes[] = {
    {"- pagerduty: {}\n", "4:3 `pagerduty` is no notifier; this version knows: slack, webhook, "},
    {"- slak: {url: {env: GOOD}}\n", "4:3 unknown key; did you mean `slack`?"},
    {"- lgo\n", "4:3 no notifier; did you mean `log`?"},
    {"- inclued: x.yml\n  log:\n", "4:3 unknown key; did you mean `include`?"},
    {"- name: a\n", "4:3 an entry of `notify` names one notifier; this version knows: slack, webhook, "},
    {"- teams\n", "4:3 an entry of `notify` names one notifier"},
    {"- https://hooks.slack.com/services/planted\n", "4:3 an entry of `notify` names one notifier"},
    {"- slack: {url: {env: GOOD}}\n  log: {}\n", "4:3 an entry of `notify` names one notifier, not several"},
    {"- [log]\n", "4:3 an entry of `notify` is a mapping, or the bare word of a notifier: slack, webhook, "},

    {"- log\n- log:\n  name: log-1\n", "6:3 entry 1 of `notify` is named `log-1` already"},
    {"- log:\n  name: log-2\n- log\n", "6:3 entry 1 of `notify` is named `log-2` already"},
    {"- log:\n  name: a\n- log:\n  name: a\n", "7:3 entry 1 of `notify` is named `a` already"},
    {"- log:\n  name: ''\n", "5:3 a rule's name has 1 to 32"},
    {"- log:\n  name: a b\n", "5:3 a rule's name has 1 to 32"},
    {"- log:\n  name: [a]\n", "5:3 a rule's name has 1 to 32"},
    {"- log:\n  name: abcdefghijklmnopqrstuvwxyz-012345\n- log:\n  name: "
     "abcdefghijklmnopqrstuvwxyz-0123456\n",
     "5:3 a rule's name|7:3 a rule's name"},

    {"- log: x\n", "4:3 write `- log`"},
    {"- log: [x]\n", "4:3 write `- log`"},
    {"- log: {level: info}\n", "4:9 `level` is no key here"},
    {"- slack\n", "4:3 write `- slack: \"#general\"`, or `- slack: {url: {env: SLACK_WEBHOOK_URL}}`"},
    {"- slack:\n", "4:3 write `- slack: \"#general\"`, or `- slack: {url: {env: SLACK_WEBHOOK_URL}}`"},
    {"- slack: '#builds'\n", "4:3 slack has no service that it goes by; add `services: {slack: {token: "},
    {"- slack: https://hooks.slack.com/services/planted\n", "4:10 slack.channels is a channel or user: "},
    {"- slack: {channels: [builds]}\n", "4:22 slack.channels is a channel or user: "},
    {"- slack: {channels: '#a', channel: '#b'}\n", "4:27 slack has `channels` and `channel`; remove one"},
    {"- slack: {}\n",
     "4:10 slack needs `channels: \"#general\"`, or `slack: {url: {env: SLACK_WEBHOOK_URL}}`"},
    {"- slack: {url: {env: GOOD}, message: '{{nobody}}'}\n",
     "4:41 `message`: \"nobody\" is no name of a message"},
    {"- slack: {url: {env: GOOD}, channel: x}\n", "4:29 `channel` is no key here"},
    {"- slack: {url: https://hooks.slack.com/services/planted}\n", "4:"},
    {"- slack: {url: {env: MISSING}}\n", "4:"},
    {"- slack: {url: {env: EMPTY}}\n", "4:"},
    {"- slack: {url: {file: missing}}\n", "4:"},
    {"- slack: {url: {env: GOOD, file: hook}}\n", "4:"},

    {"- slack: {url: {env: PLAIN}}\n", "4:11 slack.url must hold one https:// URL"},
    {"- slack: {url: {env: FTP}}\n", "4:11 slack.url must hold one https:// URL"},
    {"- slack: {url: {env: WORD}}\n", "4:11 slack.url must hold"},
    {"- slack: {url: {env: BLANK}}\n", "4:11 slack.url must hold"},
    {"- slack: {url: {env: TWO}}\n", "4:11 slack.url must hold"},
    {"- slack: {url: {env: NOHOST}}\n", "4:11 slack.url must hold"},
    {"- slack: {url: {env: ONLY}}\n", "4:11 slack.url must hold"},
    {"- slack: {url: {env: USER}}\n", "4:11 slack.url must hold"},
    {"- slack: {url: {env: PORT_USER}}\n", "4:11 slack.url must hold"},
    {"- slack: {url: {env: LONGER}}\n", "4:11 slack.url must hold"},
    {"- slack: {url: {env: LOCALHOSTS}}\n", "4:11 slack.url must hold"},
    {"- slack: {url: {env: BACKSLASH}}\n", "4:11 slack.url must hold"},
    {"- slack: {url: {env: CONTROL}}\n", "4:11 slack.url must hold|4:"},
    {"- slack: {url: {env: UTF8}}\n", "4:11 slack.url must hold"},
    {"- slack: {url: {env: UPPER}}\n", "4:11 slack.url must hold"},

    {"- webhook\n", "4:3 write `- webhook: {env: HOOK_URL}`, or `- webhook: {url: {env: HOOK_URL}, secret: "
                    "{env: HOOK_SECRET}}`"},
    {"- webhook: {}\n", "4:12 webhook needs `url:|4:12 webhook needs `secret:"},
    {"- webhook: {url: {env: GOOD}}\n", "4:12 webhook needs `secret: {env: NAME}` or `secret: {file: PATH}`"},
    {"- webhook: {url: {env: PLAIN}, secret: {env: KEY}}\n", "4:13 webhook.url must hold one https:// URL"},
    {"- webhook: {url: {env: GOOD}, secret: {env: SHORT_KEY}}\n", "4:31 webhook.secret must hold 24 to 64"},
    {"- webhook: {url: {env: GOOD}, secret: {env: LONG_KEY}}\n", "4:31 webhook.secret must hold 24 to 64"},
    {"- webhook: {url: {env: GOOD}, secret: {env: RAW_KEY}}\n", "4:31 webhook.secret must hold 24 to 64"},
    {"- webhook: {url: {env: GOOD}, secret: {env: PREFIX}}\n", "4:31 webhook.secret must hold 24 to 64"},
    {"- webhook: {url: {env: GOOD}, secret: planted}\n", "4:"},
    {"- webhook: {url: {env: GOOD}, secret: {env: KEY}, method: PUT}\n", "4:51 `method` is no key here"},

    {"- lifx\n", "4:3 write `- lifx: {token: {env: LIFX_ACCESS_TOKEN}}`"},
    {"- lifx: {}\n", "4:9 lifx needs `token: {env: NAME}`"},
    {"- lifx: {token: {env: BLANK_TOKEN}}\n", "4:10 lifx.token must hold one token"},
    {"- lifx: {token: {env: LINES_TOKEN}}\n", "4:10 lifx.token must hold one token|4:"},
    {"- lifx: {token: {env: UTF8_TOKEN}}\n", "4:10 lifx.token must hold one token"},
    {"- lifx: {token: {env: TOKEN}, selector: Office}\n", "4:31 lifx.selector is `all`"},
    {"- lifx: {token: {env: TOKEN}, selector: 'group:'}\n", "4:31 lifx.selector is `all`"},
    {"- lifx: {token: {env: TOKEN}, selector: 'all,'}\n", "4:31 lifx.selector is `all`"},
    {"- lifx: {token: {env: TOKEN}, selector: [all]}\n", "4:31 lifx.selector is `all`"},
    {"- lifx: {token: {env: TOKEN}, selector: \"label:a\\rb\"}\n", "4:31 lifx.selector is `all`"},
    {"- lifx: {token: {env: TOKEN}, selector: "
     "'id:1,id:2,id:3,id:4,id:5,id:6,id:7,id:8,id:9,id:a,id:b,id:c,id:d,id:e,id:f,id:g,id:h,id:i,id:j,id:k,"
     "id:l,id:m,id:n,id:o,id:p,id:q'}\n",
     "4:31 lifx.selector is `all`, or up to 25"},
    {"- lifx: {token: {env: TOKEN}, url: {env: PLAIN}}\n", "4:31 lifx.url must hold one https:// URL"},
    {"- lifx: {token: {env: TOKEN}, url: {env: QUERY}}\n", "4:31 lifx.url must hold the root of the API"},
    {"- lifx: {token: {env: TOKEN}, url: {env: FRAGMENT}}\n", "4:31 lifx.url must hold the root of the API"},
    {"- lifx: {token: {env: TOKEN}, effect: blink}\n", "4:31 lifx.effect is breathe, pulse or none"},
    {"- lifx: {token: {env: TOKEN}, effect: plus}\n",
     "4:31 lifx.effect is breathe, pulse or none; did you mean `pulse`?"},
    {"- lifx: {token: {env: TOKEN}, pased: {color: green}}\n", "4:31 unknown key; did you mean `passed`?"},
    {"- lifx: {token: {env: TOKEN}, passed: green}\n", "4:31 write `passed: {color: green brightness:75%}`"},
    {"- lifx: {token: {env: TOKEN}, passed: {colour: green}}\n", "4:40 unknown key; did you mean `color`?"},
    {"- lifx: {token: {env: TOKEN}, passed: {color: ''}}\n", "4:40 color is a colour"},
    {"- lifx: {token: {env: TOKEN}, passed: {color: \"gr\\u00fcn\"}}\n", "4:40 color is a colour"},
    {"- lifx: {token: {env: TOKEN}, passed: {color: [green]}}\n", "4:40 color is a colour"},
    {"- lifx: {token: {env: TOKEN}, passed: {period: 0}}\n", "4:40 period is seconds, above 0"},
    {"- lifx: {token: {env: TOKEN}, passed: {period: 5s}}\n", "4:40 period is seconds, above 0"},
    {"- lifx: {token: {env: TOKEN}, passed: {cycles: -1}}\n", "4:40 cycles is a number above 0"},
    {"- lifx: {token: {env: TOKEN}, passed: {cycles: 1e99}}\n", "4:40 cycles is a number above 0"},
    {"- lifx: {token: {env: TOKEN}, passed: {peak: 1.1}}\n", "4:40 peak is a number from 0 to 1"},
    {"- lifx: {token: {env: TOKEN}, passed: {persist: yes}}\n", "4:40 persist is true or false"},
    {"- lifx: {token: {env: TOKEN}, passed: {persist: 1}}\n", "4:40 persist is true or false"},
    {"- lifx: {token: {env: TOKEN}, effect: pulse, passed: {peak: 0.2}}\n", "4:55 `peak` is no key here"},
    {"- lifx: {token: {env: TOKEN}, effect: none, passed: {period: 2}}\n", "4:54 `period` is no key here"},

    /* All at once, in the order of the entries. */
    {"- log: {x: y}\n- slack: {url: {env: WORD}}\n- log:\n  if: x\n  colour: red\n- log\n",
     "4:9 `x` is no key|5:11 slack.url must|8:3|7:7 `if`: "},
};

static void check_said(const struct kh_test_rules *made, const char *expected)
{
  struct kh_str rest = kh_str_of(expected);
  struct kh_buf said;

  kh_buf_init(&said, 64 * 1024);
  kh_test_rules_said(made, &said);
  ck_assert_msg(!kh_text_contains(kh_buf_view(&said), KH_STR("planted")), "a credential was said:\n%s",
                kh_buf_text(&said));
  while (rest.len > 0) {
    struct kh_str part = kh_str_cut(&rest, '|');
    struct kh_str lines = kh_buf_view(&said);
    bool found = false;

    while (lines.len > 0)
      found = kh_str_starts(kh_str_cut(&lines, '\n'), part) || found;
    ck_assert_msg(found, "expected \"%.*s\", said:\n%s", KH_FMT(part), kh_buf_text(&said));
  }
  kh_buf_release(&said);
}

START_TEST(mistake_is_told)
{
  struct kh_test_rules made;
  size_t expected = 1;

  for (const char *at = mistakes[_i].said; *at; at++)
    expected += *at == '|';
  kh_test_rules_open(&made, mistakes[_i].notify, environment);
  ck_assert_int_eq(made.err, KH_ERR_CONFIG);
  ck_assert_uint_eq(made.rules.count, 0);
  ck_assert_ptr_null(made.rules.at);
  check_said(&made, mistakes[_i].said);
  ck_assert_msg(made.diags.count == expected, "%zu mistakes, the first: %s", made.diags.count,
                kh_diags_first(&made.diags).text);
  kh_test_rules_close(&made);
}
END_TEST

static const char *const good_urls[] = {"GOOD", "LOOP1", "LOOP2", "LOOP3", "LOOP4", "LOOP5"};

START_TEST(good_url_is_taken)
{
  struct kh_test_rules made;
  char notify[64];

  (void)snprintf(notify, sizeof notify, "- slack: {url: {env: %s}}\n", good_urls[_i]);
  kh_test_rules_open(&made, notify, environment);
  ck_assert_msg(made.err == KH_OK, "%s: %s", good_urls[_i], kh_diags_first(&made.diags).text);
  kh_test_rules_close(&made);
}
END_TEST

/* What leads to another request, or another signature, is another destination. */
START_TEST(destinations_are_told_apart)
{
  static const struct {
    const char *credential, *place;
    size_t first; /* of that credential */
  } expected[] = {
      {"webhook env:GOOD env:KEY", "", 0},          {"webhook env:GOOD env:BARE_KEY", "", 1},
      {"webhook env:LOOP1 env:KEY", "", 2},         {"lifx env:TOKEN", "all effects/breathe", 3},
      {"lifx env:TOKEN", "all effects/pulse", 3},   {"lifx env:TOKEN", "group:Office effects/breathe", 3},
      {"lifx env:TOKEN env:LOOP1", "all state", 6},
  };
  struct kh_test_rules made;

  kh_test_rules_open(&made,
                     "- webhook: {url: {env: GOOD}, secret: {env: KEY}}\n"
                     "- webhook: {url: {env: GOOD}, secret: {env: BARE_KEY}}\n"
                     "- webhook: {url: {env: LOOP1}, secret: {env: KEY}}\n"
                     "- lifx: {token: {env: TOKEN}}\n"
                     "- lifx: {token: {env: TOKEN}, effect: pulse}\n"
                     "- lifx: {token: {env: TOKEN}, selector: 'group:Office'}\n"
                     "- lifx: {token: {env: TOKEN}, effect: none, url: {env: LOOP1}}\n",
                     environment);
  ck_assert_msg(made.err == KH_OK, "%s", kh_diags_first(&made.diags).text);
  for (size_t i = 0; i < KH_COUNT(expected); i++) {
    ck_assert_str_eq(made.rules.at[i].credential, expected[i].credential);
    ck_assert_str_eq(made.rules.at[i].place, expected[i].place);
    ck_assert_ptr_eq(kh_rules_for(&made.rules, expected[i].credential), &made.rules.at[expected[i].first]);
  }
  ck_assert(kh_secret_reveal(&made.rules.at[0].secret).len == 32);
  ck_assert(
      kh_str_equal(kh_secret_reveal(&made.rules.at[0].secret), kh_secret_reveal(&made.rules.at[1].secret)));
  kh_test_rules_close(&made);
}
END_TEST

START_TEST(rules_have_a_limit)
{
  struct kh_test_rules made;
  struct kh_buf notify;

  kh_buf_init(&notify, 64 * 1024);
  for (int i = 0; i < KH_RULES_MAX; i++)
    (void)kh_buf_add(&notify, KH_STR("- log\n"));
  kh_test_rules_open(&made, kh_buf_text(&notify), NULL);
  ck_assert_int_eq(made.err, KH_OK);
  ck_assert_uint_eq(made.rules.count, KH_RULES_MAX);
  ck_assert_str_eq(made.rules.at[KH_RULES_MAX - 1].name, "log-1000");
  kh_test_rules_close(&made);

  (void)kh_buf_add(&notify, KH_STR("- log\n"));
  kh_test_rules_open(&made, kh_buf_text(&notify), NULL);
  ck_assert_int_eq(made.err, KH_ERR_CONFIG);
  check_said(&made, "3:1 `notify` has more than 1000 entries");
  kh_test_rules_close(&made);
  kh_buf_release(&notify);
}
END_TEST

/* ---- a list of notifiers that is longer than ours ---- */

enum { LONG_LIST = 40 };

struct long_list {
  char names[LONG_LIST][16];
  struct kh_notifier notifiers[LONG_LIST];
  const struct kh_notifier *list[LONG_LIST + 1];
  struct kh_buf words;  /* "Pa, Pb, …" as messages have them */
  struct kh_buf notify; /* a rule for each, with every key that an entry may have */
};

static void make_long_list(struct long_list *made)
{
  *made = (struct long_list){.list = {NULL}};
  kh_buf_init(&made->words, 4096);
  kh_buf_init(&made->notify, 64 * 1024);
  for (size_t i = 0; i < LONG_LIST; i++) {
    (void)snprintf(made->names[i], sizeof made->names[i], "Place%02zu", i);
    made->notifiers[i] = kh_notifier_log;
    made->notifiers[i].name = made->names[i];
    made->list[i] = &made->notifiers[i];
    (void)kh_buf_printf(&made->words, "%s%s", i ? ", " : "", made->names[i]);
    (void)kh_buf_printf(&made->notify,
                        "- %s: {message: hi}\n"
                        "  name: rule-%zu\n"
                        "  events: build.finished\n"
                        "  pipelines: web\n"
                        "  branches: main\n"
                        "  if: build.number == 1\n",
                        made->names[i], i);
  }
}

static void release_long_list(struct long_list *made)
{
  kh_buf_release(&made->words);
  kh_buf_release(&made->notify);
}

START_TEST(list_of_notifiers_may_be_long)
{
  struct long_list many;
  struct kh_test_rules made;

  make_long_list(&many);
  kh_test_rules_open_with(&made, many.list, kh_buf_text(&many.notify), NULL);
  ck_assert_msg(made.err == KH_OK, "%s", kh_diags_first(&made.diags).text);
  ck_assert_uint_eq(made.diags.count, 0);
  ck_assert_uint_eq(made.rules.count, LONG_LIST);
  for (size_t i = 0; i < LONG_LIST; i++) {
    ck_assert_ptr_eq(made.rules.at[i].notifier, many.list[i]);
    ck_assert_ptr_nonnull(made.rules.at[i].match.condition);
  }
  kh_test_rules_close(&made);
  release_long_list(&many);
}
END_TEST

START_TEST(long_list_is_told_whole)
{
  static const char *const entries[] = {"- log: {}\n", "- name: a\n", "- [a]\n",
                                        "- Place00: {}\n  Place39: {}\n"};
  struct long_list many;
  struct kh_test_rules made;

  make_long_list(&many);
  kh_test_rules_open_with(&made, many.list, entries[_i], NULL);
  ck_assert_int_eq(made.err, KH_ERR_CONFIG);
  ck_assert_uint_eq(made.diags.count, 1);
  ck_assert_msg(kh_str_ends(kh_str_of(kh_diags_first(&made.diags).text), kh_buf_view(&many.words)), "%s",
                kh_diags_first(&made.diags).text);
  kh_test_rules_close(&made);
  release_long_list(&many);
}
END_TEST

START_TEST(long_list_has_mistakes_of_its_own)
{
  static const struct {
    const char *notify;
    const char *said;
  } rows[] = {
      {"- Place3: {}\n", "4:3 unknown key; did you mean `Place03`?"},
      {"- Plaec39\n", "4:3 no notifier; did you mean `Place39`?"},
      {"- Place39: {}\n  iff: build.number == 1\n", "5:3 unknown key; did you mean `if`?"},
      {"- Place39: {}\n  colour: red\n", "5:3 `colour` is no key here"},
  };
  struct long_list many;
  struct kh_test_rules made;

  make_long_list(&many);
  kh_test_rules_open_with(&made, many.list, rows[_i].notify, NULL);
  ck_assert_int_eq(made.err, KH_ERR_CONFIG);
  ck_assert_uint_eq(made.diags.count, 1);
  check_said(&made, rows[_i].said);
  kh_test_rules_close(&made);
  release_long_list(&many);
}
END_TEST

/* ---- deliveries ---- */

START_TEST(delivery_is_filled)
{
  static const int64_t now_us = INT64_C(1700000000123456);
  struct kh_test_rules made;
  struct kh_test_event event;
  struct kh_delivery delivery;
  unsigned char digest[KH_DIGEST_BYTES];
  unsigned char expected[KH_DIGEST_BYTES];
  char hashed[KH_DIGEST_BYTES + 16];
  char hex[KH_HEX_BYTES];

  kh_test_rules_open(&made, "- name: team\n  slack: {url: {env: SLACK_WEBHOOK_URL}}\n", NULL);
  ck_assert_int_eq(made.err, KH_OK);
  kh_test_event_read(&event, kh_str_of(body));
  kh_openssl_sha256(kh_str_of(body), digest);
  ck_assert_int_eq(
      kh_test_rendered(&made.rules.at[0], kh_test_rendering(&event.event), digest, now_us, &delivery), KH_OK);

  memcpy(hashed, digest, KH_DIGEST_BYTES);
  memcpy(hashed + KH_DIGEST_BYTES, "team", 4);
  kh_openssl_sha256(kh_str(hashed, KH_DIGEST_BYTES + 4), expected);
  kh_hex_write(expected, hex);
  ck_assert_uint_eq(strlen(delivery.id), 32);
  ck_assert_mem_eq(delivery.id, hex, 32);

  ck_assert_str_eq(delivery.rule, "team");
  ck_assert_str_eq(delivery.notifier, "slack");
  ck_assert_str_eq(delivery.credential, "slack env:SLACK_WEBHOOK_URL");
  ck_assert_str_eq(delivery.entry, "");
  ck_assert_str_eq(delivery.event, "build.finished");
  ck_assert_uint_eq(delivery.attempt, 0);
  ck_assert_int_eq(delivery.created_us, now_us);
  ck_assert_int_eq(delivery.not_before_us, now_us);
  ck_assert_int_eq(delivery.expires_us, now_us + INT64_C(86400000000));
  ck_assert_uint_gt(delivery.body.len, 0);
  ck_assert(!kh_text_contains(kh_buf_view(&delivery.body), KH_STR("planted")));
  kh_delivery_release(&delivery);
  kh_test_event_release(&event);
  kh_test_rules_close(&made);
}
END_TEST

static enum kh_err render_too_much(const struct kh_rule *rule, struct kh_rendering *rendering,
                                   struct kh_buf *out)
{
  (void)rule;
  (void)rendering;
  for (int i = 0; i < KH_DELIVERY_MAX_BYTES + 1; i++)
    (void)kh_buf_add_byte(out, 'x');
  return KH_OK;
}

static enum kh_err render_just_enough(const struct kh_rule *rule, struct kh_rendering *rendering,
                                      struct kh_buf *out)
{
  json_t *json = json_array();

  (void)rule;
  (void)rendering;
  for (int i = 0; i < KH_DELIVERY_MAX_BYTES / 2; i++)
    (void)json_array_append_new(json, json_integer(i % 10));
  return kh_notify_write_json(json, out);
}

START_TEST(delivery_has_a_limit)
{
  struct kh_notifier notifier = kh_notifier_log;
  struct kh_rule rule = {.name = "big", .notifier = &notifier, .credential = "log"};
  unsigned char digest[KH_DIGEST_BYTES] = {0};
  struct kh_test_event event;
  struct kh_delivery delivery;

  kh_test_event_read(&event, kh_str_of(body));
  notifier.render = render_too_much;
  ck_assert_int_eq(kh_test_rendered(&rule, kh_test_rendering(&event.event), digest, 0, &delivery),
                   KH_ERR_LIMIT);
  ck_assert_uint_eq(delivery.body.len, 0);
  kh_delivery_release(&delivery);

  notifier.render = render_just_enough; /* one byte too many: the closing bracket */
  ck_assert_int_eq(kh_test_rendered(&rule, kh_test_rendering(&event.event), digest, 0, &delivery),
                   KH_ERR_LIMIT);
  kh_delivery_release(&delivery);
  kh_test_event_release(&event);
}
END_TEST

START_TEST(absent_json_is_an_error)
{
  struct kh_buf out;

  kh_buf_init(&out, 16);
  ck_assert_int_eq(kh_notify_write_json(NULL, &out), KH_ERR_RENDER);
  ck_assert_int_eq(kh_notify_write_json(json_pack("[s]", "0123456789ab"), &out), KH_OK);
  ck_assert_str_eq(kh_buf_text(&out), "[\"0123456789ab\"]");
  kh_buf_release(&out);
}
END_TEST

static Suite *rule_suite(void)
{
  Suite *suite = suite_create("rule");
  TCase *compile = kh_test_case(suite, "compile");
  TCase *delivery = kh_test_case(suite, "delivery");

  tcase_add_test(compile, rules_are_compiled);
  tcase_add_test(compile, no_rules_are_fine);
  tcase_add_loop_test(compile, mistake_is_told, 0, (int)KH_COUNT(mistakes));
  tcase_add_loop_test(compile, good_url_is_taken, 0, (int)KH_COUNT(good_urls));
  tcase_add_test(compile, destinations_are_told_apart);
  tcase_add_test(compile, rules_have_a_limit);
  tcase_add_test(compile, list_of_notifiers_may_be_long);
  tcase_add_loop_test(compile, long_list_is_told_whole, 0, 4);
  tcase_add_loop_test(compile, long_list_has_mistakes_of_its_own, 0, 4);
  tcase_add_test(delivery, delivery_is_filled);
  tcase_add_test(delivery, delivery_has_a_limit);
  tcase_add_test(delivery, absent_json_is_an_error);
  return suite;
}

int main(void)
{
  return kh_test_main(rule_suite());
}
