/*
 * Target: handler/kept/. What was kept is damaged, or it can be asked like any webhook; and since it has the
 * shape of one, it can be kept again, within its bounds, and then that reads, and tells memory the same.
 */
#include "base/base.h"

#include "fuzz/replay.h"
#include "kept/kept.h"
#include "language/names/names_event.h"
#include "support/guard.h"
#include "words/story.h"

static struct kh_kept_webhook kept, again;

static void must(bool holds)
{
  if (!holds)
    abort();
}

static void ask(struct kh_kept_webhook *of)
{
  struct kh_names_found found;
  const struct kh_names names = kh_names_event_once(&of->event, &of->facts.history, &found);
  struct kh_arena arena;
  struct kh_story story;

  kh_arena_init(&arena, 1 << 20, NULL, 0);
  must(names.not_kept != NULL);
  for (unsigned i = 0; i < KH_NAME__COUNT; i++) {
    const struct kh_name_info *info = kh_name_info((enum kh_name)i);
    struct kh_value value = kh_value_null();

    kh_names_ask_anew(&names);
    names.value(names.self, info, &arena, &value);
    must(!kh_names_lack(&names) == !of->withheld.names[i]);
  }
  kh_names_found_release(&found);
  kh_arena_release(&arena);
  must(kh_story_read(&story, &of->event, &of->facts.history) == KH_OK);
  kh_story_release(&story);
}

static void keep_again(void)
{
  struct kh_json doc;
  struct kh_buf bytes;
  struct kh_sighting one, other;

  kh_json_init(&doc, kh_json_default_limits);
  kh_buf_init(&bytes, KH_KEPT_ROOM_BYTES);
  must(kh_kept_write(&kept.event, &kept.facts.history, kept.sent_s, &bytes) == KH_OK);
  must(kh_kept_read(&again, &doc, kh_buf_view(&bytes), NULL) == KH_OK);
  must(again.sent_s == kept.sent_s);
  must(again.withheld.names[KH_NAME_EVENT] || again.event.kind == kept.event.kind);
  must(again.facts.history.state == kept.facts.history.state);
  must(memcmp(&again.facts.history.run, &kept.facts.history.run, sizeof(struct kh_run)) == 0);
  ask(&again);
  (void)kh_sighting_take(&kept.event, kept.sent_s, &one);
  (void)kh_sighting_take(&again.event, again.sent_s, &other);
  if (!again.withheld.names[KH_NAME_EVENT] && !again.withheld.names[KH_NAME_BUILD_STATE] &&
      one.build_id.len > 0 && other.build_id.len > 0)
    must(one.outcome == other.outcome && one.state == other.state);
  kh_sighting_release(&one);
  kh_sighting_release(&other);
  kh_kept_release(&again);
  kh_buf_release(&bytes);
  kh_json_release(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_guard guard = {0};
  struct kh_json doc;

  if (size > KH_KEPT_MAX_BYTES)
    return 0;
  const struct kh_str bytes = kh_guard_end(&guard, kh_str((const char *)data, size));
  kh_json_init(&doc, kh_json_default_limits);
  if (!kh_kept_read(&kept, &doc, kh_str(bytes.at ? bytes.at : "", bytes.len), NULL)) {
    const struct kh_history *history = &kept.facts.history;

    must(history->failed_count + history->soft_failed_count + history->mended_count <= KH_BUILD_JOBS);
    ask(&kept);
    keep_again();
  }
  kh_kept_release(&kept);
  kh_json_release(&doc);
  kh_guard_release(&guard);
  return 0;
}
