#include "base/base.h"

#include "support/openssl.h"
#include "support/recorder.h"
#include "support/rules.h"
#include "support/suite.h"

/* ---- notifiers of our own ---- */

static const struct kh_option account_options[] = {
    {.name = "token",
     .type = KH_OPTION_SECRET,
     .required = true,
     .offset = offsetof(struct kh_rule, secret),
     .words = "A token.",
     .example = "CHAT_TOKEN"},
    {.name = "host", .type = KH_OPTION_TEXT, .words = "A host.", .by_default = "chat.example"},
    {.name = NULL},
};

static const struct kh_account account = {.kind = "chat", .words = "A chat", .options = account_options};

static bool is_room(struct kh_str text)
{
  return kh_str_starts(text, KH_STR("#"));
}

/* "acme#builds": the room of a team. */
static struct kh_str account_of(struct kh_str *place)
{
  const char *hash = memchr(place->at, '#', place->len);
  const struct kh_str whole = *place;

  if (!hash || hash == whole.at || whole.at[0] == '{')
    return KH_NO_STR;
  *place = kh_str(hash, whole.len - (size_t)(hash - whole.at));
  return kh_str(whole.at, (size_t)(hash - whole.at));
}

static enum kh_err render(const struct kh_rule *rule, struct kh_rendering *rendering, struct kh_buf *body)
{
  (void)rule;
  (void)rendering;
  return kh_buf_add(body, KH_STR("{}"));
}

/* A room is told without its mark, and `#` alone is none. */
static enum kh_err place(const struct kh_rule *rule, const struct kh_rendering *rendering,
                         struct kh_str written, struct kh_buf *out)
{
  (void)rule;
  (void)rendering;
  return kh_str_starts(written, KH_STR("#")) ? kh_buf_add(out, kh_str(written.at + 1, written.len - 1))
                                             : KH_OK;
}

static const char *const own_events[] = {"build.finished", NULL};
static const char *const form_events[] = {"build.failing", "build.finished", NULL};

static const struct kh_option own_options[] = {
    {.name = "url",
     .type = KH_OPTION_URL,
     .required = true,
     .offset = offsetof(struct kh_rule, url),
     .words = "A URL.",
     .example = "CHAT_URL"},
    {.name = NULL},
};

static const struct kh_option form_options[] = {
    {.name = "rooms",
     .type = KH_OPTION_PLACE,
     .required = true,
     .many = true,
     .words = "Rooms.",
     .example = "\"#general\"",
     .is_good = NULL,
     .form = "a room"},
    {.name = NULL},
};

static const struct kh_form chat_form = {.alone = "rooms",
                                         .options = form_options,
                                         .takes_mapping = true,
                                         .default_events = form_events,
                                         .not_blocked = true,
                                         .account = &account,
                                         .account_of = account_of,
                                         .place = place};

static const struct kh_notifier chat = {.name = "chat",
                                        .words = "Chats",
                                        .content_type = "application/json",
                                        .default_events = own_events,
                                        .options = own_options,
                                        .form = &chat_form,
                                        .render = render};

static const struct kh_option hook_options[] = {
    {.name = "url",
     .type = KH_OPTION_URL,
     .required = true,
     .offset = offsetof(struct kh_rule, url),
     .words = "A URL.",
     .example = "HOOK_URL"},
    {.name = NULL},
};

static const struct kh_form hook_form = {.alone = "url"};

static const struct kh_notifier hook = {.name = "hook",
                                        .words = "Hooks",
                                        .content_type = "application/json",
                                        .default_events = own_events,
                                        .options = hook_options,
                                        .form = &hook_form,
                                        .render = render};

static const struct kh_option mark_options[] = {
    {.name = "context",
     .type = KH_OPTION_PLACE,
     .words = "A context.",
     .example = "ci",
     .is_good = is_room,
     .form = "one with a #"},
    {.name = NULL},
};

static const struct kh_form mark_form = {.is_word = true, .account = &account};

static const struct kh_notifier mark = {.name = "mark",
                                        .words = "Marks",
                                        .content_type = "application/json",
                                        .default_events = own_events,
                                        .options = mark_options,
                                        .form = &mark_form,
                                        .render = render};

static const struct kh_notifier *const notifiers[] = {&chat, &hook, &mark, NULL};

static const char *const environment[] = {"CHAT_TOKEN=planted-token", "OTHER_TOKEN=planted-other",
                                          "HOOK_URL=https://hook.example/planted",
                                          "CHAT_URL=https://chat.example/planted", NULL};

#define ONE "services: {chat: {token: {env: CHAT_TOKEN}}}\n"
#define TWO                                                         \
  "services:\n"                                                     \
  "  chat:\n"                                                       \
  "    acme: {token: {env: CHAT_TOKEN}, host: chat.acme.example}\n" \
  "    other: {token: {env: OTHER_TOKEN}}\n"

/* ---- forms ---- */

static const struct {
  const char *notify;
  const char *credential, *place; /* of the first rule, and of its siblings behind '|' */
  bool is_form;
} forms[] = {
    {"- chat: \"#a\"\n" ONE, "chat env:CHAT_TOKEN", "#a", true},
    {"- chat: ['#a', '#b']\n" ONE, "chat env:CHAT_TOKEN", "#a, #b", true},
    {"- chat: {rooms: '#a'}\n" ONE, "chat env:CHAT_TOKEN", "#a", true},
    {"- chat: {rooms: ['#a']}\n" ONE, "chat env:CHAT_TOKEN", "#a", true},
    {"- chat: 'acme#a'\n" ONE, "chat env:CHAT_TOKEN", "acme#a", true},
    {"- chat: {url: {env: CHAT_URL}}\n", "chat env:CHAT_URL", "", false},
    {"- chat: 'acme#a'\n" TWO, "chat service:acme env:CHAT_TOKEN", "acme#a", true},
    {"- chat: 'other#a'\n" TWO, "chat service:other env:OTHER_TOKEN", "other#a", true},
    {"- chat: '#a'\n" TWO, "chat service:acme env:CHAT_TOKEN|chat service:other env:OTHER_TOKEN", "#a|#a",
     true},
    {"- chat: ['acme#a', '#b', 'acme#c']\n" TWO,
     "chat service:acme env:CHAT_TOKEN|chat service:other env:OTHER_TOKEN", "acme#a, #b, acme#c|#b", true},
    {"- chat: {rooms: '#a', service: other}\n" TWO, "chat service:other env:OTHER_TOKEN", "#a", true},
    {"- hook: https://hook.example/planted\n", "hook here:9a8c84a3d3019128", "", true},
    {"- hook: {env: HOOK_URL}\n", "hook env:HOOK_URL", "", true},
    {"- hook: {url: {env: HOOK_URL}}\n", "hook env:HOOK_URL", "", true},
    {"- mark\n" ONE, "mark env:CHAT_TOKEN", "", true},
    {"- mark:\n" ONE, "mark env:CHAT_TOKEN", "", true},
    {"- mark: {}\n" ONE, "mark env:CHAT_TOKEN", "", true},
    {"- mark: {context: '#ci'}\n" ONE, "mark env:CHAT_TOKEN", "#ci", true},
    {"- mark: {service: other}\n" TWO, "mark service:other env:OTHER_TOKEN", "", true},
};

static void check_chain(const struct kh_rule *rule, const char *expected, bool of_place, const char *why)
{
  struct kh_buf seen;

  kh_buf_init(&seen, 1024);
  for (; rule; rule = rule->also)
    (void)kh_buf_printf(&seen, "%s%s", seen.len > 0 ? "|" : "", of_place ? rule->place : rule->credential);
  ck_assert_msg(strcmp(kh_buf_text(&seen), expected) == 0, "%s: %s", why, kh_buf_text(&seen));
  kh_buf_release(&seen);
}

START_TEST(entries_are_written_as_buildkite_has_them)
{
  const char *notify = forms[_i].notify;
  struct kh_test_rules made;

  kh_test_rules_open_with(&made, notifiers, notify, environment);
  ck_assert_msg(made.err == KH_OK, "%s: %s", notify, kh_diags_first(&made.diags).text);
  const struct kh_rule *rule = &made.rules.at[0];
  check_chain(rule, forms[_i].credential, false, notify);
  check_chain(rule, forms[_i].place, true, notify);
  const char *const *events = kh_match_events(&rule->match);
  if (rule->notifier == &chat)
    ck_assert_ptr_eq(events, forms[_i].is_form ? form_events : own_events);
  for (const struct kh_rule *by = rule; by; by = by->also)
    ck_assert_ptr_eq(kh_rules_for(&made.rules, by->credential), by);
  kh_test_rules_close(&made);
}
END_TEST

START_TEST(a_service_has_secrets_and_texts)
{
  struct kh_test_rules made;

  kh_test_rules_open_with(&made, notifiers, "- chat: '#a'\n" TWO, environment);
  ck_assert_int_eq(made.err, KH_OK);
  const struct kh_rule *rule = &made.rules.at[0];
  ck_assert_str_eq(kh_secret_reveal(&rule->secret).at, "planted-token");
  ck_assert_str_eq(kh_account_text(rule, "host"), "chat.acme.example");
  ck_assert_str_eq(kh_secret_reveal(&rule->also->secret).at, "planted-other");
  ck_assert_str_eq(kh_account_text(rule->also, "host"), "chat.example");
  kh_test_rules_close(&made);
}
END_TEST

/* ---- mistakes ---- */

static const struct {
  const char *notify;
  const char *said; /* the beginning of each line, '|' between them */
} mistakes[] = {
    {"- chat: '#a'\n",
     "4:3 chat has no service that it goes by; add `services: {chat: {token: {env: CHAT_TOKEN}}}` "
     "above `notify`"},
    {"- mark\n", "4:3 mark has no service that it goes by"},
    {"- chat: {}\n" ONE, "4:9 chat needs `rooms: \"#general\"`, or `chat: {url: {env: CHAT_URL}}`"},
    {"- chat:\n" ONE, "4:3 write `- chat: \"#general\"`, or `- chat: {url: {env: CHAT_URL}}`"},
    {"- chat: {rooms: []}\n" ONE,
     "4:10 chat.rooms is one text, or a list of 1 to 50, such as [\"#general\"]"},
    {"- chat: {rooms: [[a]]}\n" ONE, "4:18 chat.rooms is one text, or a list of them, such as \"#general\""},
    {"- chat: {rooms: {a: b}}\n" ONE, "4:17 chat.rooms is one text, or a list of them"},
    {"- chat: {room: '#a'}\n" ONE, "4:9 chat needs `rooms: |4:10 unknown key; did you mean `rooms`?"},
    {"- chat: '#a{{build.brnch}}'\n" ONE, "4:14 `chat.rooms`: \"build.brnch\" is no name of a message"},
    {"- chat: {rooms: '#a', service: third}\n" TWO, "4:23 services.chat has no `third`; it has: acme, other"},
    {"- chat: 'third#a'\n" TWO, "4:9 services.chat has no `third`; it has: acme, other"},
    {"- mark\n" TWO, "4:3 services.chat has several: say by `service: NAME` which: acme, other"},
    {"- mark: {service: acme}\n" ONE,
     "4:10 services.chat has no `acme`, but one without a name; take `service` out"},
    {"- mark: {service: [acme]}\n" TWO, "4:10 services.chat has none of that name; it has: acme, other"},
    {"- chat: {rooms: ['#a', 'other#a'], service: acme}\n" TWO,
     "4:24 it names another service than `service: acme`; take `service` out"},
    {"- chat: {rooms: 'third#a', service: acme}\n" TWO,
     "4:17 services.chat has no `third`; it has: acme, other"},
    {"- mark: {context: ci}\n" ONE, "4:19 mark.context is one with a #"},
    {"- mark: {context: ['#a']}\n" ONE, "4:10 mark.context is one text, no list; make an entry of each"},
    {"- mark: ci\n" ONE, "4:3 write `- mark`"},
    {"- hook: http://hook.example/planted\n", "4:9 hook.url must hold one https:// URL"},
    {"- hook: $HOOK_URL\n",
     "4:9 hook.url: only Buildkite's agent knows its variables, when it uploads a pipeline; "
     "write `hook: {env: HOOK_URL}`"},
    {"- hook: https://hook.example/${TOKEN}\n", "4:9 hook.url: only Buildkite's agent knows its variables"},
    {"- hook: [https://hook.example/planted]\n", "4:3 hook takes one url, no list; make an entry of each"},
    {"- hook: {url: https://hook.example/planted}\n",
     "4:15 hook.url: a secret does not belong into this file"},

    {"- hook: {env: HOOK_URL}\nservices: {chta: {}}\n", "5:12 unknown key; did you mean `chat`?"},
    {"- hook: {env: HOOK_URL}\nservices: {chat: planted}\n", "5:12 write `services: {chat: {token: {env: "},
    {"- hook: {env: HOOK_URL}\nservices: {chat: {tokn: {env: CHAT_TOKEN}}}\n",
     "5:19 unknown key; did you mean `token`?"},
    {"- hook: {env: HOOK_URL}\nservices: {chat: {a: {tokn: {env: CHAT_TOKEN}}}}\n",
     "5:23 unknown key; did you mean `token`?"},
    {"- hook: {env: HOOK_URL}\nservices: {chat: {'a b': {token: {env: CHAT_TOKEN}}}}\n",
     "5:19 services.chat: a name has 1 to 32 letters"},
    {"- mark\nservices: {chat: {'x://planted@a': {token: {env: CHAT_TOKEN}}, b: {token: {env: ABSENT}}, "
     "c: {token: {env: ABSENT}}}}\n",
     "4:3 services.chat has several: say by `service: NAME` which: b, c|5:19 services.chat: a name has 1 to"},
    {"- chat: '#a'\n- mark\nservices: {chat: {token: {env: ABSENT}}}\n",
     "6:27 services.chat.token: ABSENT is set"},
    {"- chat: '#a'\nservices: {chat: {token: planted}}\n",
     "5:26 services.chat.token: a secret does not belong into this file"},
    {"- chat: '#a'\nservices: {chat: {}}\n", "5:18 services.chat needs `token: {env: NAME}`"},
};

START_TEST(mistakes_are_told)
{
  struct kh_test_rules made;
  struct kh_buf said;

  kh_buf_init(&said, 8192);
  kh_test_rules_open_with(&made, notifiers, mistakes[_i].notify, environment);
  ck_assert_int_eq(made.err, KH_ERR_CONFIG);
  kh_diags_sort(&made.diags);
  kh_test_rules_said(&made, &said);
  struct kh_str expected = kh_str_of(mistakes[_i].said);
  struct kh_str lines = kh_buf_view(&said);
  while (expected.at) {
    const struct kh_str one = kh_str_cut(&expected, '|');

    ck_assert_msg(kh_str_starts(kh_str_cut(&lines, '\n'), one), "%s: %s", mistakes[_i].notify,
                  kh_buf_text(&said));
  }
  ck_assert_msg(lines.len == 0, "%s: %s", mistakes[_i].notify, kh_buf_text(&said));
  ck_assert_msg(!kh_text_contains(kh_buf_view(&said), KH_STR("planted")), "%s", kh_buf_text(&said));
  kh_buf_release(&said);
  kh_test_rules_close(&made);
}
END_TEST

/* ---- what Buildkite's agent would have replaced ---- */

static const struct {
  const char *place, *expected; /* NULL: no place */
} uploads[] = {
    {"#${BUILDKITE_BRANCH}", "main"},
    {"#$BUILDKITE_BRANCH-ci", "main-ci"},
    {"#${BUILDKITE_TAG:-none}", "none"},
    {"#${BUILDKITE_TAG-none}", "none"},
    {"#${BUILDKITE_BRANCH:-none}", "main"},
    {"#${BUILDKITE_BRANCH:?missing}", "main"},
    {"#${BUILDKITE_BRANCH:1:2}", "ai"},
    {"#${BUILDKITE_BRANCH:2}", "in"},
    {"#${BUILDKITE_BRANCH:9}x", "x"},
    {"#$$BUILDKITE_BRANCH", "$BUILDKITE_BRANCH"},
    {"#\\$BUILDKITE_BRANCH", "$BUILDKITE_BRANCH"},
    {"#$${BUILDKITE_BRANCH}", "${BUILDKITE_BRANCH}"},
    {"#costs-$5-$x-$A-$Foo", "costs-$5-$x-$A-$Foo"},
    {"#{{build.branch}}-$BUILDKITE_BUILD_NUMBER", "main-7"},
    {"#${BUILDKITE_TAG}", NULL},
};

static const char event_body[] = "{\"event\":\"build.finished\",\"build\":{\"number\":7,\"state\":\"passed\","
                                 "\"branch\":\"main\"},\"pipeline\":{\"slug\":\"web\"}}";

START_TEST(variables_of_an_upload_are_names)
{
  static const unsigned char digest[KH_DIGEST_BYTES] = {0};
  struct kh_deliveries deliveries = {0};
  struct kh_test_event event;
  struct kh_test_rules made;
  char notify[256];

  (void)snprintf(notify, sizeof notify, "- chat: '%s'\n" ONE, uploads[_i].place);
  kh_test_rules_open_with(&made, notifiers, notify, environment);
  ck_assert_msg(made.err == KH_OK, "%s: %s", notify, kh_diags_first(&made.diags).text);
  kh_test_event_read(&event, kh_str_of(event_body));
  enum kh_err err = kh_rule_render(&made.rules.at[0], kh_test_rendering(&event.event), digest, 0,
                                   &deliveries);
  ck_assert_int_eq(err, uploads[_i].expected ? KH_OK : KH_ERR_NO_PLACE);
  if (uploads[_i].expected)
    ck_assert_str_eq(deliveries.at[0].place, uploads[_i].expected);
  kh_deliveries_release(&deliveries);
  kh_test_event_release(&event);
  kh_test_rules_close(&made);
}
END_TEST

static const struct {
  const char *place, *said;
} unknown[] = {
    {"#$ONCALL_ROOM",
     "4:11 `chat.rooms`: only Buildkite's agent knows $ONCALL_ROOM, when it uploads a pipeline"},
    {"#${oncall}", "4:11 `chat.rooms`: only Buildkite's agent knows $oncall"},
    {"#${BUILDKITE_LABEL}",
     "4:11 `chat.rooms`: only Buildkite's agent knows $BUILDKITE_LABEL, when it uploads a "
     "pipeline; it is of the job that uploads the pipeline"},
    {"#${BUILDKITE_BRANCH/a/b}", "4:11 `chat.rooms`: write {{build.branch}} with a filter instead"},
    {"#${BUILDKITE_TAG:-$OTHER}", "4:11 `chat.rooms`: write {{build.tag}} with a filter instead"},
};

START_TEST(what_only_the_agent_knows_is_a_mistake)
{
  struct kh_test_rules made;
  struct kh_buf said;
  char notify[256];

  kh_buf_init(&said, 4096);
  (void)snprintf(notify, sizeof notify, "- chat: '%s'\n" ONE, unknown[_i].place);
  kh_test_rules_open_with(&made, notifiers, notify, environment);
  ck_assert_int_eq(made.err, KH_ERR_CONFIG);
  kh_test_rules_said(&made, &said);
  ck_assert_msg(kh_str_starts(kh_buf_view(&said), kh_str_of(unknown[_i].said)), "%s", kh_buf_text(&said));
  kh_buf_release(&said);
  kh_test_rules_close(&made);
}
END_TEST

/* ---- deliveries ---- */

START_TEST(each_place_has_a_delivery)
{
  static const char *const expected[][2] = {
      {"chat service:acme env:CHAT_TOKEN", "a"},      {"chat service:acme env:CHAT_TOKEN", "main"},
      {"chat service:acme env:CHAT_TOKEN", "same"},   {"chat service:other env:OTHER_TOKEN", "main"},
      {"chat service:other env:OTHER_TOKEN", "same"},
  };
  unsigned char digest[KH_DIGEST_BYTES];
  struct kh_deliveries deliveries = {0};
  struct kh_test_event event;
  struct kh_test_rules made;

  kh_test_rules_open_with(&made, notifiers,
                          "- name: r\n  chat: ['acme#a', '#{{build.branch}}', '#', '#same', "
                          "'{{#if build.number == 7}}#same{{/if}}']\n" TWO,
                          environment);
  ck_assert_msg(made.err == KH_OK, "%s", kh_diags_first(&made.diags).text);
  kh_test_event_read(&event, kh_str_of(event_body));
  kh_openssl_sha256(kh_str_of(event_body), digest);
  /* One of the places is none. */
  ck_assert_int_eq(kh_rule_render(&made.rules.at[0], kh_test_rendering(&event.event), digest, 0, &deliveries),
                   KH_ERR_NO_PLACE);
  ck_assert_uint_eq(deliveries.count, KH_COUNT(expected));
  for (size_t i = 0; i < deliveries.count; i++) {
    const struct kh_delivery *delivery = &deliveries.at[i];
    unsigned char hash[KH_DIGEST_BYTES];
    char hashed[512];
    char hex[KH_HEX_BYTES];

    ck_assert_str_eq(delivery->rule, "r");
    ck_assert_str_eq(delivery->credential, expected[i][0]);
    ck_assert_str_eq(delivery->place, expected[i][1]);
    memcpy(hashed, digest, KH_DIGEST_BYTES);
    int len = snprintf(hashed + KH_DIGEST_BYTES, sizeof hashed - KH_DIGEST_BYTES, "r%c%s%c%s", 0,
                       expected[i][0], 0, expected[i][1]);
    kh_openssl_sha256(kh_str(hashed, KH_DIGEST_BYTES + (size_t)len), hash);
    kh_hex_write(hash, hex);
    ck_assert_mem_eq(delivery->id, hex, 32);
  }
  kh_deliveries_release(&deliveries);
  kh_test_event_release(&event);
  kh_test_rules_close(&made);
}
END_TEST

/* ---- blocked builds ---- */

START_TEST(a_blocked_build_is_none_that_finished)
{
  static const struct {
    const char *notify;
    bool matches;
  } cases[] = {
      {"- chat: '#a'\n" ONE, false},
      {"- chat: '#a'\n  if: build.branch == 'main'\n" ONE, false},
      {"- chat: '#a'\n  if: build.state == 'blocked'\n" ONE, true},
      {"- chat: '#a'\n  events: build.finished\n" ONE, true},
      {"- chat: {url: {env: CHAT_URL}}\n", true},
      {"- mark\n" ONE, true},
  };
  struct kh_test_event event;

  kh_test_event_read(&event,
                     KH_STR("{\"event\":\"build.finished\",\"build\":{\"number\":7,\"state\":\"passed\","
                            "\"blocked\":true,\"branch\":\"main\"},\"pipeline\":{\"slug\":\"web\"}}"));
  for (size_t i = 0; i < KH_COUNT(cases); i++) {
    struct kh_test_rules made;

    kh_test_rules_open_with(&made, notifiers, cases[i].notify, environment);
    ck_assert_int_eq(made.err, KH_OK);
    ck_assert_msg(kh_test_matches(&made.rules.at[0], &event.event) == cases[i].matches, "%s",
                  cases[i].notify);
    kh_test_rules_close(&made);
  }
  kh_test_event_release(&event);
}
END_TEST

static Suite *notify_entry_suite(void)
{
  Suite *made = suite_create("notify_entry");
  TCase *tcase = kh_test_case(made, "entry");

  tcase_add_loop_test(tcase, entries_are_written_as_buildkite_has_them, 0, (int)KH_COUNT(forms));
  tcase_add_test(tcase, a_service_has_secrets_and_texts);
  tcase_add_loop_test(tcase, mistakes_are_told, 0, (int)KH_COUNT(mistakes));
  tcase_add_loop_test(tcase, variables_of_an_upload_are_names, 0, (int)KH_COUNT(uploads));
  tcase_add_loop_test(tcase, what_only_the_agent_knows_is_a_mistake, 0, (int)KH_COUNT(unknown));
  tcase_add_test(tcase, each_place_has_a_delivery);
  tcase_add_test(tcase, a_blocked_build_is_none_that_finished);
  return made;
}

int main(void)
{
  return kh_test_main(notify_entry_suite());
}
