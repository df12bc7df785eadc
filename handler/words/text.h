/*
 * text.h - the words that all notifiers share, and hostile text made into a line of plain text.
 *
 * Commit messages, branches and names are written by strangers. What comes out of kh_text_line holds no
 * control character, no line break and nothing that turns the reading direction; escaping for a destination
 * is the notifier's own business.
 */
#ifndef KH_TEXT_H
#define KH_TEXT_H

#include "base/buf.h"

/*
 * What a piece of news means, and the name that Slack and many others have for its emoji, between colons or
 * without. A notifier may show it by a colour or priority of its own.
 */
#define KH_MOODS(X)                     \
  X(KH_MOOD_NEWS, "information_source") \
  X(KH_MOOD_PASSED, "white_check_mark") \
  X(KH_MOOD_FAILED, "x")                \
  X(KH_MOOD_WARNING, "warning")         \
  X(KH_MOOD_BLOCKED, "raised_hand")     \
  X(KH_MOOD_CANCELED, "no_entry_sign")  \
  X(KH_MOOD_SKIPPED, "fast_forward")    \
  X(KH_MOOD_RUNNING, "arrow_forward")   \
  X(KH_MOOD_SCHEDULED, "hourglass_flowing_sand")

#define KH_MOOD_ID(mood, emoji) mood,
enum kh_mood { KH_MOODS(KH_MOOD_ID) KH_MOOD__COUNT };
#undef KH_MOOD_ID

struct kh_state_words {
  const char *state; /* Buildkite's: "not_run" */
  const char *words; /* behind a subject: "was not run" */
  enum kh_mood mood;
  bool settled; /* nothing more is expected without somebody's doing */
};

/* Of a build or a job; NULL for a state that nobody has heard of. */
const struct kh_state_words *kh_text_state(struct kh_str state);

extern const char *const kh_text_emoji[KH_MOOD__COUNT];

/*
 * Appends the first line of TEXT that shows anything: white space trimmed and runs of it made one blank;
 * control characters and direction marks dropped; what is not UTF-8 as U+FFFD. More than MAX_CHARACTERS (at
 * least 1; code points) end in "…". Nothing is appended when nothing is left. At most 4 bytes a character.
 */
void kh_text_line(struct kh_str text, size_t max_characters, struct kh_buf *out);

#endif
