#include "base/base.h"

#include "base/json_text.h"
#include "kept/kept.h"
#include "kept/kept_history.h"
#include "kept/kept_text.h"

/* Names of jobs, where each ends in a new block. */
enum { ARENA_BYTES = 4 * KH_KEPT_MAX_BYTES };

static void read_withheld(struct kh_kept_webhook *kept)
{
  struct kh_withheld *withheld = &kept->withheld;
  const struct kh_json_value author = kh_json_get(kept->event.build, KH_STR("author"));
  bool takes_mail = false;

  for (struct kh_json_walk walk = kh_json_walk(kh_json_get(kept->event.root, KH_STR("withheld")));
       kh_json_next(&walk);) {
    const struct kh_str text = kh_json_raw(walk.value); /* no name has an escape */

    if (text.at)
      kh_withheld_add(withheld, text);
  }
  withheld->author_has_address = kh_json_bool(kh_json_get(author, KH_STR(KH_KEPT_TAKES_MAIL)), &takes_mail) &&
                                 takes_mail;
}

enum kh_err kh_kept_read(struct kh_kept_webhook *kept, struct kh_json *doc, struct kh_str bytes,
                         struct kh_diag *diag)
{
  const struct kh_verified verified = {.body = bytes};

  memset(&kept->withheld, 0, sizeof kept->withheld);
  kept->sent_s = 0;
  kept->facts.seen = KH_SEEN_NEVER;
  kh_arena_init(&kept->arena, ARENA_BYTES, NULL, 0);
  enum kh_err err = kh_event_read(&verified, doc, &kept->event, diag);
  if (err)
    return err;
  kept->event.withheld = &kept->withheld;
  if (!kh_json_int(kh_json_get(kept->event.root, KH_STR("sent_s")), &kept->sent_s) || kept->sent_s < 0)
    kept->sent_s = 0;
  kh_kept_history_read(kh_json_get(kept->event.root, KH_STR("history")), &kept->arena, &kept->facts.history);
  read_withheld(kept);
  return kept->arena.err;
}

void kh_kept_release(struct kh_kept_webhook *kept)
{
  kh_arena_release(&kept->arena);
}
