#include "base/base.h"

#include "kept/kept.h"
#include "language/condition/condition.h"
#include "language/names/names_event.h"
#include "support/rendered.h"
#include "support/rules.h"
#include "support/suite.h"
#include "support/values.h"

#include <dirent.h>
#include <jansson.h>

/* ---- a webhook, and what is kept of it ---- */

struct both {
  struct kh_test_event live;
  struct kh_history history; /* of the live one */
  struct kh_buf bytes;
  struct kh_json doc;
  struct kh_kept_webhook kept;
};

enum { SENT_S = 1764400000 };

static void keep(struct both *both)
{
  struct kh_diag diag = {0};

  kh_buf_init(&both->bytes, KH_KEPT_ROOM_BYTES);
  kh_json_init(&both->doc, kh_json_default_limits);
  ck_assert_int_eq(kh_kept_write(&both->live.event, &both->history, SENT_S, &both->bytes), KH_OK);
  enum kh_err err = kh_kept_read(&both->kept, &both->doc, kh_buf_view(&both->bytes), &diag);
  ck_assert_msg(err == KH_OK, "%s: %s", diag.text, kh_buf_text(&both->bytes));
  ck_assert_int_eq(both->kept.sent_s, SENT_S);
}

static void open_fixture(struct both *both, const char *name)
{
  kh_test_event_of_fixture(&both->live, name);
  kh_history_none(&both->history, KH_HISTORY_NO_MEMORY);
  keep(both);
}

static void open_body(struct both *both, const char *body)
{
  kh_test_event_read(&both->live, kh_str_of(body));
  kh_history_none(&both->history, KH_HISTORY_NO_MEMORY);
  keep(both);
}

static void release(struct both *both)
{
  kh_kept_release(&both->kept);
  kh_json_release(&both->doc);
  kh_buf_release(&both->bytes);
  kh_test_event_release(&both->live);
}

static size_t for_each_fixture(void (*check)(const char *name, void *self), void *self)
{
  DIR *dir = opendir(KH_SOURCE_DIR "/fixtures/events");
  size_t count = 0;

  ck_assert_ptr_nonnull(dir);
  for (const struct dirent *entry; (entry = readdir(dir));)
    if (entry->d_name[0] != '.') {
      check(entry->d_name, self);
      count++;
    }
  (void)closedir(dir);
  return count;
}

/* ---- names ---- */

static bool list_equal(const struct kh_value *a, const struct kh_value *b)
{
  bool same = a->list.count == b->list.count;

  for (size_t i = 0; same && i < a->list.count; i++)
    same = !a->list.items[i].at == !b->list.items[i].at && kh_str_equal(a->list.items[i], b->list.items[i]);
  return same;
}

static bool value_equal(const struct kh_value *a, const struct kh_value *b)
{
  if (a->kind != b->kind)
    return false;
  switch (a->kind) {
  case KH_KIND_BOOLEAN:
    return a->truth == b->truth;
  case KH_KIND_NUMBER:
    return a->number == b->number;
  case KH_KIND_STRING:
    return kh_str_equal(a->text, b->text);
  case KH_KIND_LIST:
    return list_equal(a, b);
  default:
    return true;
  }
}

/*
 * Each value is the same, or it is withheld; and nothing is withheld that is the same, but for what is read
 * at several places, of which one was altered.
 */
static void compare_names(const char *why, const struct both *both)
{
  const struct kh_event *event = &both->live.event, *kept = &both->kept.event;
  struct kh_names_found found[2];
  const struct kh_names names[] = {kh_names_event_once(event, &both->history, &found[0]),
                                   kh_names_event_once(kept, &both->kept.facts.history, &found[1])};

  ck_assert_ptr_null(names[0].not_kept);
  ck_assert_int_eq(event->kind, kept->kind);
  for (unsigned i = 0; i < KH_NAME__COUNT; i++) {
    const struct kh_name_info *info = kh_name_info((enum kh_name)i);
    struct kh_value values[2] = {kh_value_null(), kh_value_null()};
    const bool is_derived = i == KH_NAME_PULL_REQUEST_URL || i == KH_NAME_BUILD_STATE ||
                            i == KH_NAME_BUILD_BLOCKED_STATE || i == KH_NAME_JOB_NAME ||
                            i == KH_NAME_STEP_LABEL;

    kh_names_ask_anew(&names[1]);
    for (size_t n = 0; n < KH_COUNT(names); n++)
      names[n].value(names[n].self, info, &found[n].arena, &values[n]);
    const bool same = value_equal(&values[0], &values[1]);
    const char *lack = kh_names_lack(&names[1]);
    struct kh_buf text;
    kh_buf_init(&text, 1 << 20);
    kh_test_value_print(&values[0], &text);
    ck_assert_msg(same ? !lack || is_derived : lack != NULL, "%s: %s: %.500s, withheld: %s\n%.2000s", why,
                  info->text, kh_buf_text(&text), lack ? lack : "no", kh_buf_text(&both->bytes));
    kh_buf_release(&text);
    ck_assert(!lack || strcmp(lack, info->text) == 0);
    for (unsigned root = 0; root < KH_ROOT__COUNT; root++)
      ck_assert_int_eq(names[0].offers(names[0].self, (enum kh_root)root),
                       names[1].offers(names[1].self, (enum kh_root)root));
  }
  for (size_t n = 0; n < KH_COUNT(names); n++)
    kh_names_found_release(&found[n]);
}

static void check_names(const char *name, void *self)
{
  struct both both;

  (void)self;
  open_fixture(&both, name);
  compare_names(name, &both);
  release(&both);
}

START_TEST(values_of_names_are_kept_or_withheld)
{
  ck_assert_uint_gt(for_each_fixture(check_names, NULL), 100);
}
END_TEST

/* ---- the same with every text of every fixture changed ---- */

static const char long_text[] = "a word and ";

static const char *const texts[] = {
    "Ask jane.roe@example.com, or nobody",
    "Jane Roe <jane.roe@example.com>",
    "jane.roe@example.com",
    "https://jane:word@example.com/path/x.git",
    "https://example.com/x?token=word",
    "git@github.com:acme-kites/kite-frame.git",
    "\xF0\x9F\xAA\x81 \"quoted\" \\ \x01\n\tlines\r\n",
    "",
    NULL, /* a long one */
};

/* PART with each text in it but `event` replaced by TEXT. */
static json_t *replaced(const json_t *part, const char *text)
{
  json_t *made = json_is_object(part) ? json_object() : json_is_array(part) ? json_array() : NULL;
  const char *key = NULL;
  size_t i = 0;
  json_t *item = NULL;

  json_object_foreach((json_t *)(uintptr_t)part, key, item)
  {
    (void)json_object_set_new(made, key,
                              strcmp(key, "event") == 0 ? json_incref(item) : replaced(item, text));
  }
  json_array_foreach(part, i, item)
  {
    (void)json_array_append_new(made, replaced(item, text));
  }
  if (made)
    return made;
  return json_is_string(part) ? json_string(text) : json_incref((json_t *)(uintptr_t)part);
}

struct change {
  const char *text;
  size_t checked;
};

static void check_changed(const char *name, void *self)
{
  struct change *change = self;
  struct kh_test_event made;
  struct both both;

  kh_test_event_of_fixture(&made, name);
  json_t *body = json_loadb(made.event.body.at, made.event.body.len, JSON_ALLOW_NUL, NULL);
  kh_test_event_release(&made);
  if (!body) /* half of a surrogate pair, which jansson refuses */
    return;
  json_t *changed = replaced(body, change->text);
  char *text = json_dumps(changed, JSON_COMPACT);
  open_body(&both, text);
  compare_names(name, &both);
  ck_assert_msg(!strstr(both.bytes.at, "jane"), "%s: %.2000s", name, both.bytes.at);
  ck_assert_msg(!strstr(both.bytes.at, "_url\":\"https://example.com/x?token="), "%s: %.2000s", name,
                both.bytes.at);
  release(&both);
  free(text);
  json_decref(changed);
  json_decref(body);
  change->checked++;
}

START_TEST(whatever_the_texts_are)
{
  struct kh_buf text;
  struct change change = {.text = texts[_i]};

  kh_buf_init(&text, 10000);
  for (int i = 0; i < 500; i++)
    (void)kh_buf_add(&text, kh_str_of(long_text));
  if (!change.text)
    change.text = kh_buf_text(&text);
  (void)for_each_fixture(check_changed, &change);
  ck_assert_uint_gt(change.checked, 95);
  kh_buf_release(&text);
}
END_TEST

static const struct {
  const char *body, *withheld; /* the end of what is kept, or NULL: nothing is withheld */
} odd[] = {
    /* the wrong kind, null and absent are null, and known */
    {"{\"event\":\"build.running\",\"build\":{\"id\":7,\"number\":\"7\",\"branch\":[\"a@b.co\"],"
     "\"message\":{\"a\":\"a@b.co\"},\"author\":7,\"creator\":\"a@b.co\",\"pull_request\":\"a@b.co\","
     "\"blocked\":1.5e3,\"steps\":{},\"env\":null,\"meta_data\":{},\"tag\":null}}",
     NULL},
    {"{\"event\":\"build.running\",\"build\":\"a@b.co\",\"job\":[],\"pipeline\":null,\"sender\":7}", NULL},
    {"{\"event\":\"build.running\",\"build\":{\"author\":\"\",\"env\":{}},\"sender\":{}}", NULL},
    {"{\"event\":\"build.running\",\"build\":{\"author\":{\"email\":\"\",\"name\":\"\"}}}", NULL},
    {"{\"event\":\"build.running\",\"build\":{\"author\":\"nobody\"}}", "[\"build.author.email\"]}"},
    {"{\"event\":\"build.running\",\"build\":{\"author\":{\"name\":\"J <j@b.co>\"}}}",
     "[\"build.author.name\"]}"},
    /* an @ that is written otherwise, in a key, too */
    {"{\"event\":\"build.running\",\"build\":{\"branch\":\"jane\\u0040example.com\"}}",
     "[\"build.branch\"]}"},
    {"{\"event\":\"build.running\",\"b\\u0075ild\":{\"br\\u0061nch\":\"main\"}}", NULL},
    {"{\"event\":\"build.running\",\"build\":{\"jane@example.com_at\":\"2026-06-01T12:00:00.000Z\"}}", NULL},
    {"{\"event\":\"build.running\",\"build\":{\"other_at\":\"a word\"}}", NULL},
    /* what reads a job's name reads a step's label, too */
    {"{\"event\":\"job.started\",\"job\":{\"label\":\"by jane@example.com\",\"name\":\"Lint\"}}",
     "[\"job.name\",\"step.label\"]}"},
    /* the environment */
    {"{\"event\":\"build.running\",\"build\":{\"env\":{\"A\":\"word\"}},\"pipeline\":{\"env\":{\"B\":\"w\"}}"
     "}",
     "[\"build.env\",\"pipeline.env\"]}"},
    {"{\"event\":\"agent.lost\",\"agent\":{\"meta_data\":[\"queue=default\"]}}", "[\"agent.meta_data\"]}"},
    {"{\"event\":\"agent.lost\",\"agent\":{\"meta_data\":[]}}", NULL},
    {"{\"event\":\"job.started\",\"job\":{\"agent_query_rules\":[\"a=b\",null,7,\"c=j@example.com\"]}}",
     "[\"job.agent_query_rules\"]}"},
    {"{\"event\":\"job.started\",\"job\":{\"agent_query_rules\":[\"a=b\",null,7]}}", NULL},
    /* steps */
    {"{\"event\":\"build.running\",\"build\":{\"steps\":[{\"type\":\"script\",\"env\":{\"A\":\"w\"}}]}}",
     NULL},
    {"{\"event\":\"build.running\",\"build\":{\"steps\":[{\"type\":\"trigger\",\"async\":true,\"label\":"
     "\"a\"},"
     "{\"type\":\"trigger\",\"async\":true,\"name\":\"b\"},{\"type\":\"trigger\",\"async\":true},"
     "{\"type\":\"trigger\",\"async\":false,\"label\":\"c\"}]}}",
     NULL},
    {"{\"event\":\"build.running\",\"build\":{\"steps\":[{\"type\":\"trigger\",\"async\":true,"
     "\"label\":\"j@example.com\"}]}}",
     "[\"build.async_triggers\"]}"},
};

START_TEST(odd_bodies_are_kept)
{
  struct both both;

  open_body(&both, odd[_i].body);
  compare_names(odd[_i].body, &both);
  ck_assert_msg(!strstr(both.bytes.at, "b.co") && !strstr(both.bytes.at, "word") &&
                    !strstr(both.bytes.at, "example.com"),
                "%s", both.bytes.at);
  if (odd[_i].withheld)
    ck_assert_msg(kh_str_ends(kh_buf_view(&both.bytes), kh_str_of(odd[_i].withheld)), "%s", both.bytes.at);
  else
    ck_assert_msg(!strstr(both.bytes.at, "withheld"), "%s", both.bytes.at);
  release(&both);
}
END_TEST

/* Control characters are six bytes each in JSON. The last text that fits may be any part of the longest. */
static const size_t longest[] = {KH_KEPT_TEXT_MAX_BYTES, 4000, 3700, 3000, 2500, 1700};

START_TEST(there_is_an_end_to_it)
{
  char text[KH_KEPT_TEXT_MAX_BYTES + 1];
  struct both both;

  memset(text, 1, sizeof text);
  text[longest[_i]] = '\0';
  json_t *job = json_object(), *build = json_object();
  const char *const keys[] = {"id",      "type",   "name",  "step_key",      "state",         "group_key",
                              "command", "signal", "label", "signal_reason", "broken_reason", "retry_type",
                              "web_url"};
  for (size_t i = 0; i < KH_COUNT(keys); i++)
    (void)json_object_set_new(job, keys[i], json_string(text));
  (void)json_object_set_new(build, "branch", json_string("main"));
  json_t *body = json_pack("{s:s,s:o,s:o}", "event", "job.started", "job", job, "build", build);
  char *dumped = json_dumps(body, 0);
  open_body(&both, dumped);
  compare_names("long", &both);
  ck_assert_uint_gt(both.bytes.len, 40 * 1024);
  ck_assert_uint_le(both.bytes.len, KH_KEPT_MAX_BYTES);
  ck_assert(both.kept.withheld.names[KH_NAME_JOB_SIGNAL]);
  release(&both);
  free(dumped);
  json_decref(body);
}
END_TEST

/* ---- history ---- */

START_TEST(history_is_kept_as_it_was)
{
  struct both both;
  struct kh_history *history = &both.history;

  kh_test_event_of_fixture(&both.live, "build_finished_failed");
  kh_history_none(history, KH_HISTORY_THERE);
  history->started_failing = KH_NO;
  history->started_passing = KH_UNKNOWN;
  history->next_finished = KH_YES;
  history->consecutive_failures = 0;
  history->failing_since = 99;
  history->failing_for_s = 7200;
  history->usual_duration_s = 0;
  history->run = (struct kh_run){.count = 3, .first = 100, .since_us = 1764000000123456};
  history->ended = (struct kh_run){.count = 2, .first = 90, .since_us = 0};
  history->ended_for_s = 60;
  history->has_jobs = true;
  history->names[0] = KH_STR("Lint");
  history->names[1] = KH_STR("\"Unit\" tests\n");
  history->names[2] = KH_STR("by jane@example.com");
  history->failed_count = 2;
  history->soft_failed_jobs = history->names + 2;
  history->mended_jobs = history->names + 3;
  history->soft_failed_count = 1;
  keep(&both);
  compare_names("history", &both);

  const struct kh_history *kept = &both.kept.facts.history;
  ck_assert_int_eq(kept->state, KH_HISTORY_THERE);
  ck_assert(memcmp(&kept->run, &history->run, sizeof kept->run) == 0);
  ck_assert(memcmp(&kept->ended, &history->ended, sizeof kept->ended) == 0);
  ck_assert_int_eq(kept->ended_for_s, 60);
  ck_assert(kept->has_jobs);
  ck_assert_uint_eq(kept->failed_count, 2);
  ck_assert_uint_eq(kept->soft_failed_count, 1);
  ck_assert_uint_eq(kept->mended_count, 0);
  ck_assert(kh_str_equal(kept->soft_failed_jobs[0], KH_STR("by [address]")));
  ck_assert(both.kept.withheld.names[KH_NAME_BUILD_SOFT_FAILED_JOBS]);
  ck_assert(!both.kept.withheld.names[KH_NAME_BUILD_FAILED_JOBS]);
  ck_assert_int_eq(both.kept.facts.seen, KH_SEEN_NEVER);
  release(&both);
}
END_TEST

static const enum kh_history_state all_states[] = {KH_HISTORY_NO_MEMORY, KH_HISTORY_NOT_TOLD,
                                                   KH_HISTORY_FALLEN, KH_HISTORY_THERE};

START_TEST(why_there_is_none_is_kept)
{
  struct both both;

  kh_test_event_of_fixture(&both.live, "build_finished_failed");
  kh_history_none(&both.history, all_states[_i]);
  keep(&both);
  ck_assert_int_eq(both.kept.facts.history.state, all_states[_i]);
  ck_assert(!both.kept.facts.history.has_jobs);
  compare_names("none", &both);
  release(&both);
}
END_TEST

/* What memory is told, and in which order, is the same. */
static void check_sighting(const char *name, void *self)
{
  struct both both;
  struct kh_sighting live, kept;
  size_t *remembered = self;

  open_fixture(&both, name);
  for (int64_t sent_s = 0; sent_s <= SENT_S; sent_s += SENT_S) {
    const bool is_remembered = kh_sighting_take(&both.live.event, sent_s, &live);

    ck_assert_int_eq(kh_sighting_take(&both.kept.event, sent_s, &kept), is_remembered);
    ck_assert_int_eq(kh_sighting_order(&live), kh_sighting_order(&kept));
    ck_assert(kh_str_equal(live.build_id, kept.build_id));
    ck_assert(memcmp(live.branch_key, kept.branch_key, sizeof live.branch_key) == 0);
    ck_assert(memcmp(live.times_us, kept.times_us, sizeof live.times_us) == 0);
    ck_assert_int_eq(live.latest_us, kept.latest_us);
    ck_assert_int_eq(live.state, kept.state);
    ck_assert_int_eq(live.outcome, kept.outcome);
    ck_assert(kh_job_id_equal(&live.job.id, &kept.job.id) &&
              kh_job_id_equal(&live.job.next, &kept.job.next) &&
              kh_job_id_equal(&live.job.source, &kept.job.source));
    ck_assert(live.job.is_retry == kept.job.is_retry && live.job.is_retried == kept.job.is_retried &&
              live.job.result == kept.job.result && kh_str_equal(live.job.name, kept.job.name));
    *remembered += is_remembered;
    kh_sighting_release(&live);
    kh_sighting_release(&kept);
  }
  ck_assert_int_eq(kh_event_has_time(&both.live.event), kh_event_has_time(&both.kept.event));
  release(&both);
}

START_TEST(memory_is_told_the_same)
{
  size_t remembered = 0;

  (void)for_each_fixture(check_sighting, &remembered);
  ck_assert_uint_gt(remembered, 50);
}
END_TEST

/* ---- notifiers ---- */

#define EVERY_EVENT "  events: [ping, build.*, job.*, agent.*, cluster_token.*, package.*, workflow.*]\n"

struct rendered_both {
  const struct kh_rule *rule;
  const struct kh_history *history;
  size_t rendered;
};

static struct kh_deliveries deliveries_of(const struct kh_rule *rule, const struct kh_event *event,
                                          const struct kh_facts *facts, enum kh_err *err)
{
  const unsigned char digest[KH_DIGEST_BYTES] = {1};
  const struct kh_names names = kh_names_event(event);
  struct kh_rendering rendering = {.event = event, .names = &names, .facts = facts};
  struct kh_deliveries made = {0};

  *err = kh_rule_render(rule, &rendering, digest, 1764400000000000, &made);
  return made;
}

/* Of an author's address only the word is kept. */
static void compare_place(const char *name, const char *live, const char *kept)
{
  if (strcmp(kept, "author") == 0)
    ck_assert_msg(strchr(live, '@') != NULL, "%s: %.2000s", name, live);
  else
    ck_assert_str_eq(live, kept);
}

static void check_rendered(const char *name, void *self)
{
  struct rendered_both *rendered = self;
  struct both both;
  enum kh_err errs[2];

  open_fixture(&both, name);
  struct kh_facts facts = {.history = *rendered->history};
  const struct kh_deliveries live = deliveries_of(rendered->rule, &both.live.event, &facts, &errs[0]);
  const struct kh_deliveries kept = deliveries_of(rendered->rule, &both.kept.event, &facts, &errs[1]);
  ck_assert_msg(errs[0] == errs[1], "%s: %s, %s", name, kh_err_token(errs[0]), kh_err_token(errs[1]));
  ck_assert_uint_eq(live.count, kept.count);
  ck_assert_int_eq(kh_test_matches(rendered->rule, &both.live.event),
                   kh_test_matches(rendered->rule, &both.kept.event));
  for (size_t i = 0; i < live.count; i++) {
    compare_place(name, live.at[i].place, kept.at[i].place);
    ck_assert_msg(kh_str_equal(kh_buf_view(&live.at[i].body), kh_buf_view(&kept.at[i].body)),
                  "%s:\n%.2000s\n%.2000s", name, kh_buf_text(&live.at[i].body),
                  kh_buf_text(&kept.at[i].body));
    rendered->rendered++;
  }
  struct kh_deliveries both_made[] = {live, kept};
  for (size_t i = 0; i < KH_COUNT(both_made); i++)
    kh_deliveries_release(&both_made[i]);
  release(&both);
}

START_TEST(notifiers_say_the_same)
{
  const struct kh_notifier *notifier = kh_notifiers[_i];
  const bool is_github = strncmp(notifier->name, "github", 6) == 0;
  struct kh_history history;
  struct rendered_both rendered = {
      .rule = kh_test_rule_of(notifier, is_github ? "  events: [build.*, job.*]\n" : EVERY_EVENT),
      .history = &history};

  kh_history_none(&history, KH_HISTORY_THERE);
  history.run = (struct kh_run){.count = 2, .first = 99, .since_us = 1764000000000000};
  history.has_jobs = true;
  history.names[0] = KH_STR("Lint");
  history.failed_count = 1;
  (void)for_each_fixture(check_rendered, &rendered);
  ck_assert_uint_gt(rendered.rendered, 10);
}
END_TEST

/* Names as addresses are written, and whom a mail goes to. */
static const struct {
  const char *author;
  const char *place; /* of what is kept */
} authors[] = {
    {"{\"name\":\"Jane Roe <jane@example.com>\",\"email\":\"jane@example.com\"}", "author"},
    {"{\"name\":\"jane@example.com\",\"email\":\"123+jane@users.noreply.github.com\"}", NULL},
    {"{\"name\":\"Jane @ home\",\"email\":\"not an address\"}", NULL},
    {"{\"name\":\"Jane <of all>\",\"email\":null}", NULL},
    {"\"jane@example.com\"", "author"},
    {"\"jane\"", NULL},
    {"null", NULL},
};

START_TEST(persons_are_shown_the_same)
{
  struct kh_buf body;
  struct kh_history history;

  kh_buf_init(&body, 4096);
  (void)kh_buf_printf(&body,
                      "{\"event\":\"build.finished\",\"build\":{\"number\":7,\"state\":\"failed\","
                      "\"source\":\"ui\",\"author\":%s,\"creator\":{\"name\":\"C <c@example.com>\","
                      "\"email\":\"c@example.com\"}},\"pipeline\":{\"slug\":\"web\"}}",
                      authors[_i].author);
  kh_history_none(&history, KH_HISTORY_THERE);
  for (size_t i = 0; kh_notifiers[i]; i++) {
    const bool is_mail = strcmp(kh_notifiers[i]->name, "email") == 0;
    const struct kh_facts facts = {.history = history};
    struct both both;
    enum kh_err errs[2];

    open_body(&both, kh_buf_text(&body));
    compare_names("persons", &both);
    struct kh_buf live, kept;
    kh_test_render("live", kh_notifiers[i], &both.live.event, &live);
    kh_test_render("kept", kh_notifiers[i], &both.kept.event, &kept);
    ck_assert_str_eq(kh_buf_text(&live), kh_buf_text(&kept));
    kh_buf_release(&live);
    kh_buf_release(&kept);
    if (is_mail) {
      static const char *const entries = "- email: author\n"
                                         "services: {email: {smtp: 'smtps://mail.example.com', "
                                         "from: ci@example.com}}\n";
      struct kh_test_rules rules;

      kh_test_rules_open(&rules, entries, NULL);
      ck_assert_msg(rules.err == KH_OK, "%s", kh_diags_first(&rules.diags).text);
      {
        struct kh_deliveries made = deliveries_of(&rules.rules.at[0], &both.live.event, &facts, &errs[0]);
        kh_deliveries_release(&made);
        made = deliveries_of(&rules.rules.at[0], &both.kept.event, &facts, &errs[1]);
        ck_assert_int_eq(errs[0], errs[1]);
        ck_assert_uint_eq(made.count, authors[_i].place != NULL);
        if (made.count > 0)
          ck_assert_str_eq(made.at[0].place, authors[_i].place);
        kh_deliveries_release(&made);
      }
      kh_test_rules_close(&rules);
    }
    release(&both);
  }
  kh_buf_release(&body);
}
END_TEST

/* ---- conditions ---- */

static const char conditions_body[] =
    "{\"event\":\"build.finished\",\"build\":{\"number\":7,\"state\":\"failed\",\"branch\":\"main\","
    "\"message\":\"Ask jane@example.com\",\"tag\":null,\"source\":\"webhook\",\"meta_data\":{\"a\":\"b\"},"
    "\"author\":{\"name\":\"Jane\",\"email\":\"jane@example.com\"},\"env\":{\"A\":\"b\","
    "\"BUILDKITE_GITHUB_EVENT\":\"pull_request\"}},\"pipeline\":{\"slug\":\"web\",\"env\":{\"P\":\"q\"}}}";

static const struct {
  const char *expression;
  bool holds;
  const char *lack; /* NULL: it is decided, as for the webhook itself */
} conditions[] = {
    {"build.number == 7 && build.tag == null", true, NULL},
    {"build.author.name == 'Jane'", true, NULL},
    {"build.author.email == 'jane@example.com'", false, "build.author.email"},
    {"build.author.email != null", false, "build.author.email"},
    {"build.message =~ /jane/", false, "build.message"},
    {"build.creator.email == null", true, NULL},
    /* decided without it */
    {"build.state == 'passed' && build.author.email =~ /x/", false, NULL},
    {"build.state == 'failed' || build.env('A') == 'b'", true, NULL},
    {"build.state == 'failed' && build.env('A') == 'b'", false, "build.env"},
    {"build.env('A') == 'b' || build.state == 'failed'", false, "build.env"},
    {"build.state == 'failed' ? build.number == 7 : build.env('A') == 'b'", true, NULL},
    /* the environment, in all its forms */
    {"build.env('NOT_SET') == null", false, "build.env"},
    {"env('BUILDKITE_BRANCH') == 'main'", true, NULL},
    {"env('BUILDKITE_MESSAGE') == 'x'", false, "build.message"},
    {"build.branch == \"$A\"", false, "build.env"},
    {"build.branch == \"$BUILDKITE_BRANCH\"", true, NULL},
    {"build.branch == \"${NONE:-main}\"", false, "build.env"},
    {"build.source_event == 'pull_request'", true, NULL},
    {"build.source_action == null", true, NULL},
    {"build.env('BUILDKITE_GITHUB_EVENT') == 'pull_request'", true, NULL},
    {"build.meta_data('a') == 'b'", false, "build.meta_data"},
    {"build.meta_data('none') == null", false, "build.meta_data"},
};

START_TEST(what_is_not_kept_leaves_a_condition_undecided)
{
  struct both both;
  struct kh_condition *condition = NULL;
  struct kh_mistake why = {0};
  char text[128];

  open_body(&both, conditions_body);
  ck_assert_int_eq(kh_condition_compile(&condition, kh_str_of(conditions[_i].expression), KH_DIALECT_EXTENDED,
                                        KH_ENTRYPOINT_BUILD_NOTIFICATION, &why),
                   KH_OK);
  const struct kh_names live = kh_names_event(&both.live.event);
  const struct kh_names kept = kh_names_event(&both.kept.event);
  for (int i = 0; i < 2; i++) { /* what was asked for once is forgotten */
    kh_mistake_init(&why);
    ck_assert_int_eq(kh_condition_eval(condition, &kept, NULL, &why), conditions[_i].holds);
    ck_assert_int_eq(why.kind, conditions[_i].lack ? KH_MISTAKE_NOT_KEPT : KH_MISTAKE_NONE);
    (void)snprintf(text, sizeof text, "%s is not kept in the journal",
                   conditions[_i].lack ? conditions[_i].lack : "");
    ck_assert_str_eq(why.text, conditions[_i].lack ? text : "");
  }
  kh_mistake_init(&why);
  const bool holds = kh_condition_eval(condition, &live, NULL, &why);
  ck_assert_int_eq(why.kind, KH_MISTAKE_NONE);
  if (!conditions[_i].lack)
    ck_assert_int_eq(holds, conditions[_i].holds);
  kh_condition_free(condition);
  release(&both);
}
END_TEST

/* A word of the environment that no name needs is nobody's business. */
START_TEST(an_odd_source_event_is_withheld)
{
  struct both both;
  struct kh_arena arena;
  struct kh_value value;

  open_body(&both, "{\"event\":\"build.running\",\"build\":{\"source\":\"webhook\",\"env\":{"
                   "\"BUILDKITE_GITHUB_EVENT\":\"planted-secret-7\"}}}");
  ck_assert_ptr_null(strstr(both.bytes.at, "planted"));
  const struct kh_names names = kh_names_event(&both.kept.event);
  struct kh_str text = KH_NO_STR;
  kh_arena_init(&arena, 1024, NULL, 0);
  ck_assert(
      !names.environment(names.self, KH_ENVIRONMENT_BUILD, KH_STR("BUILDKITE_GITHUB_EVENT"), &arena, &text));
  ck_assert_str_eq(kh_names_lack(&names), "build.env");
  (void)value;
  kh_arena_release(&arena);
  release(&both);
}
END_TEST

/* ---- rules ---- */

static const char rules_text[] =
    "- slack: {url: {env: SLACK_WEBHOOK_URL}, message: 'by {{build.author.email | table people}}'}\n"
    "- slack: {url: {env: SLACK_WEBHOOK_URL}, message: '{{#if build.author.email != null}}a{{/if}}b'}\n"
    "- slack: {url: {env: SLACK_WEBHOOK_URL}, message: '{{build.branch}}'}\n"
    "  branches: main\n"
    "tables: {people: {entries: {a: b}}}\n";

START_TEST(tables_and_patterns_are_undecided_too)
{
  struct kh_test_rules made;
  struct both both;
  enum kh_err err = KH_OK;

  kh_test_rules_open(&made, rules_text, NULL);
  ck_assert_msg(made.err == KH_OK, "%s", kh_diags_first(&made.diags).text);
  open_body(&both,
            "{\"event\":\"build.finished\",\"build\":{\"branch\":\"jane@example.com\",\"state\":\"failed\","
            "\"author\":{\"email\":\"jane@example.com\"}},\"pipeline\":{\"slug\":\"web\"}}");
  const struct kh_names names = kh_names_event(&both.kept.event);
  struct kh_rendering rendering = {.event = &both.kept.event, .names = &names, .facts = &both.kept.facts};
  for (size_t i = 0; i < 2; i++) {
    const unsigned char digest[KH_DIGEST_BYTES] = {1};
    struct kh_deliveries deliveries = {0};

    err = kh_rule_render(&made.rules.at[i], &rendering, digest, 1, &deliveries);
    ck_assert_int_eq(err, KH_OK);
    ck_assert_int_eq(rendering.undecided.kind, KH_MISTAKE_NOT_KEPT);
    ck_assert_str_eq(rendering.undecided.text, "its message: build.author.email is not kept in the journal");
    kh_deliveries_release(&deliveries);
  }
  struct kh_mistake why = {0};
  ck_assert(!kh_match_part(&made.rules.at[2].match, KH_MATCH_BRANCHES, &both.kept.event, &names, NULL, &why));
  ck_assert_int_eq(why.kind, KH_MISTAKE_NOT_KEPT);
  ck_assert_str_eq(why.text, "build.branch is not kept in the journal");
  release(&both);
  kh_test_rules_close(&made);
}
END_TEST

/* ---- damage ---- */

static const char *const damaged[] = {
    "", "{", "[]", "{\"event\":\"a\\u0001\"}", "{} {}", "{\"a\":1,\"a\":2}"};

START_TEST(damage_is_told)
{
  struct kh_kept_webhook kept;
  struct kh_json doc;

  kh_json_init(&doc, kh_json_default_limits);
  ck_assert_int_ne(kh_kept_read(&kept, &doc, kh_str_of(damaged[_i]), NULL), KH_OK);
  kh_kept_release(&kept);
  kh_json_release(&doc);
}
END_TEST

static Suite *kept_suite(void)
{
  Suite *suite = suite_create("kept");
  TCase *names = kh_test_case(suite, "names");
  TCase *others = kh_test_case(suite, "others");

  tcase_add_test(names, values_of_names_are_kept_or_withheld);
  tcase_add_loop_test(names, whatever_the_texts_are, 0, KH_COUNT(texts));
  tcase_add_loop_test(names, odd_bodies_are_kept, 0, KH_COUNT(odd));
  tcase_add_loop_test(names, there_is_an_end_to_it, 0, (int)KH_COUNT(longest));
  tcase_add_test(others, history_is_kept_as_it_was);
  tcase_add_loop_test(others, why_there_is_none_is_kept, 0, KH_COUNT(all_states));
  tcase_add_test(others, memory_is_told_the_same);
  tcase_add_loop_test(others, notifiers_say_the_same, 0, KH_TEST_NOTIFIERS);
  tcase_add_loop_test(others, persons_are_shown_the_same, 0, KH_COUNT(authors));
  tcase_add_loop_test(others, what_is_not_kept_leaves_a_condition_undecided, 0, KH_COUNT(conditions));
  tcase_add_test(others, an_odd_source_event_is_withheld);
  tcase_add_test(others, tables_and_patterns_are_undecided_too);
  tcase_add_loop_test(others, damage_is_told, 0, KH_COUNT(damaged));
  return suite;
}

int main(void)
{
  return kh_test_main(kept_suite());
}
