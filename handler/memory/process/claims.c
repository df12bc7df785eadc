#include "base/base.h"

#include "memory/process/batch.h"

enum { REPLAY_WINDOW_S = 2 * 300 };

static bool is_within(int64_t a_us, int64_t b_us, int64_t window_s)
{
  int64_t apart_us = a_us > b_us ? a_us - b_us : b_us - a_us;

  return apart_us <= window_s * 1000000;
}

/* Not kh_str_of(): an array is never absent, and gcc 15 warns of the strlen(NULL) behind that question. */
static bool holds(const char *array, struct kh_str text)
{
  return kh_str_equal(kh_str(array, strlen(array)), text);
}

static bool is_entry_known(const struct kh_process *process, const struct kh_claim *claim)
{
  for (size_t i = 0; i < process->known_count; i++)
    if (holds(process->known[i].entry, claim->entry))
      return true;
  return false;
}

static bool is_replay(const struct kh_process *process, const struct kh_claim *claim)
{
  for (size_t i = 0; claim->signature.len > 0 && i < process->known_count; i++)
    if (holds(process->known[i].signature, claim->signature) &&
        is_within(process->known[i].seen_us, claim->now_us, REPLAY_WINDOW_S))
      return true;
  return false;
}

static bool is_repeat(const struct kh_process *process, const struct kh_claim *claim)
{
  for (size_t i = 0; claim->body_window_s > 0 && i < process->known_count; i++)
    if (process->known[i].has_body && kh_digest_equal(process->known[i].body_digest, claim->body_digest) &&
        is_within(process->known[i].seen_us, claim->now_us, claim->body_window_s))
      return true;
  return false;
}

static enum kh_err begin(void *self, const struct kh_claim *claim, enum kh_seen *seen)
{
  *seen = is_entry_known(self, claim) ? KH_SEEN_DONE
          : is_replay(self, claim)    ? KH_SEEN_REPLAY
          : is_repeat(self, claim)    ? KH_SEEN_REPEAT
                                      : KH_SEEN_NEVER;
  return KH_OK;
}

static enum kh_err remember(struct kh_process *process, const struct kh_claim *claim)
{
  bool has_signature = claim->signature.len > 0 && !is_replay(process, claim);
  bool has_body = claim->body_window_s > 0 && !is_repeat(process, claim);

  struct kh_process_known *all = kh_process_room(process->known, &process->known_room, process->known_count,
                                                 KH_PROCESS_KNOWN_MAX, sizeof *process->known);
  if (!all)
    return kh_process_fail(process, "too many webhooks for a memory in process");
  process->known = all;
  struct kh_process_known *known = &process->known[process->known_count++];
  *known = (struct kh_process_known){.has_body = has_body, .seen_us = claim->now_us};
  (void)snprintf(known->entry, sizeof known->entry, "%.*s", KH_FMT(claim->entry));
  if (has_signature)
    (void)snprintf(known->signature, sizeof known->signature, "%.*s", KH_FMT(claim->signature));
  memcpy(known->body_digest, claim->body_digest, sizeof known->body_digest);
  return KH_OK;
}

static enum kh_err commit(void *self, const struct kh_claim *claim, const struct kh_journal *journal)
{
  struct kh_process *process = self;
  enum kh_err err = kh_process_need_batch(process);

  (void)journal; /* nobody could read it later */
  return err || is_entry_known(process, claim) ? err : remember(process, claim);
}

static enum kh_err note_aside(void *self, const struct kh_journal *journal)
{
  (void)self;
  (void)journal;
  return KH_OK;
}

const struct kh_memory_ops kh_process_memory = {.begin = begin,
                                                .recall = kh_process_recall,
                                                .remember = kh_process_remember,
                                                .was_told = kh_process_was_told,
                                                .tell = kh_process_tell,
                                                .commit = commit,
                                                .note_aside = note_aside,
                                                .keep = kh_process_keep};
