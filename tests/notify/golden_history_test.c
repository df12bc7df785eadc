/* What notifiers say of a webhook when others came before it: fixtures/stories. */
#include "base/base.h"

#include "language/names/names_event.h"
#include "support/golden.h"
#include "support/rendered.h"
#include "support/rules.h"
#include "support/stores.h"
#include "support/suite.h"

enum { NOW_S = 1772442000, APART_S = 60, STORIES_MIN = 15 };

/* A worker's half of memory. */
struct memory {
  struct kh_test_store test;
  struct kh_past past;
  struct kh_facts facts;
  struct kh_sighting sighting;
  size_t webhooks;
};

static void open_memory(struct memory *memory)
{
  memory->webhooks = 0;
  kh_test_store_open(&memory->test, KH_TEST_PROCESS);
  kh_past_init(&memory->past);
}

static void close_memory(struct memory *memory)
{
  kh_past_release(&memory->past);
  kh_test_store_close(&memory->test);
}

/* Memory learns of EVENT; memory->facts are those of it, until kh_sighting_release. */
static void learn(struct memory *memory, const struct kh_event *event)
{
  const struct kh_store *store = &memory->test.store;
  const int64_t sent_s = NOW_S + (int64_t)memory->webhooks * APART_S;
  char name[32];

  (void)snprintf(name, sizeof name, "webhook-%zu", ++memory->webhooks);
  const struct kh_claim claim = kh_test_claim(name, name, name, sent_s * 1000000);
  memory->facts.seen = KH_SEEN_NEVER;
  kh_history_none(&memory->facts.history, KH_HISTORY_NOT_TOLD);
  if (!kh_sighting_take(event, sent_s, &memory->sighting))
    return;
  ck_assert_int_eq(kh_batch_begin(&store->batch), KH_OK);
  ck_assert_int_eq(kh_memory_recall(&store->memory, &claim, &memory->sighting, &memory->past), KH_OK);
  kh_past_learn(&memory->past, &memory->sighting);
  kh_history_of(&memory->past, &memory->sighting, &memory->facts.history);
  ck_assert_int_eq(kh_memory_remember(&store->memory, &claim, &memory->sighting, &memory->past), KH_OK);
  ck_assert_int_eq(kh_batch_end(&store->batch), KH_OK);
}

static void check_notifier(const char *name, const struct kh_notifier *notifier,
                           struct kh_rendering *rendering)
{
  const bool has_place = !notifier->is_state || rendering->event->kind != KH_EVENT_AGENT;
  json_t *json = NULL;
  struct kh_buf body;
  char file[40];

  (void)snprintf(file, sizeof file, "%s.json", notifier->name);
  kh_test_render_from(name, notifier, rendering, &body);
  if (has_place) {
    json = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(json);
  }
  kh_golden_check("stories", name, file, json);
  json_decref(json);
  kh_buf_release(&body);
}

static void check_last(const char *name, struct memory *memory, const struct kh_event *event)
{
  struct kh_names_found found;
  const struct kh_names names = kh_names_event_once(event, &memory->facts.history, &found);
  struct kh_rendering rendering = {.event = event, .names = &names, .facts = &memory->facts};

  for (size_t i = 0; kh_notifiers[i]; i++)
    check_notifier(name, kh_notifiers[i], &rendering);
  kh_names_found_release(&found);
}

/* The last webhook of a story is told, once memory knows those before it. */
static void check_story(const char *name, void *self)
{
  json_t *story = kh_golden_load("stories", name, "webhooks.json");
  json_t *webhooks = json_object_get(story, "webhooks");
  struct memory memory;
  size_t i = 0;
  json_t *webhook = NULL;

  (void)self;
  ck_assert_msg(json_array_size(webhooks) > 0, "%s: webhooks.json", name);
  open_memory(&memory);
  json_array_foreach(webhooks, i, webhook)
  {
    char *text = json_dumps(webhook, JSON_COMPACT);
    struct kh_test_event made;

    kh_test_event_read(&made, kh_str_of(text));
    learn(&memory, &made.event);
    if (i + 1 == json_array_size(webhooks))
      check_last(name, &memory, &made.event);
    kh_sighting_release(&memory.sighting);
    kh_test_event_release(&made);
    free(text);
  }
  close_memory(&memory);
  json_decref(story);
}

START_TEST(stories_render_as_their_golden_files)
{
  ck_assert_uint_ge(kh_golden_each("stories", check_story, NULL), STORIES_MIN);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("golden_history");

  tcase_add_test(kh_test_case(suite, "stories"), stories_render_as_their_golden_files);
  return kh_test_main(suite);
}
