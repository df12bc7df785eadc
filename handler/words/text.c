#include "base/base.h"

#include "base/utf8.h"
#include "words/text.h"

/*
 * Sources: buildkite/docs pages/pipelines/configure/_build_states.md, pages/apis/rest_api/{builds,jobs}.md.
 */
static const struct kh_state_words states[] = {
    {"passed", "passed", KH_MOOD_PASSED, true},
    {"failed", "failed", KH_MOOD_FAILED, true},
    {"failing", "is failing", KH_MOOD_WARNING, false},
    {"started_failing", "is failing", KH_MOOD_WARNING, false},
    {"blocked", "is blocked", KH_MOOD_BLOCKED, true},
    {"blocked_failed", "is blocked after a failure", KH_MOOD_BLOCKED, true},
    {"unblocked", "was unblocked", KH_MOOD_NEWS, true},
    {"unblocked_failed", "was unblocked after a failure", KH_MOOD_NEWS, true},
    {"canceling", "is being canceled", KH_MOOD_CANCELED, false},
    {"canceled", "was canceled", KH_MOOD_CANCELED, true},
    {"skipped", "was skipped", KH_MOOD_SKIPPED, true},
    {"not_run", "was not run", KH_MOOD_SKIPPED, true},
    {"broken", "was not run (broken)", KH_MOOD_SKIPPED, true},
    {"expired", "expired", KH_MOOD_FAILED, true},
    {"timing_out", "is timing out", KH_MOOD_WARNING, false},
    {"timed_out", "timed out", KH_MOOD_FAILED, true},
    {"finished", "finished", KH_MOOD_NEWS, true},
    {"running", "is running", KH_MOOD_RUNNING, false},
    {"started", "has started", KH_MOOD_RUNNING, false},
    {"creating", "is being created", KH_MOOD_SCHEDULED, false},
    {"scheduled", "is scheduled", KH_MOOD_SCHEDULED, false},
    {"pending", "is pending", KH_MOOD_SCHEDULED, false},
    {"waiting", "is waiting", KH_MOOD_SCHEDULED, false},
    {"waiting_failed", "is waiting after a failure", KH_MOOD_WARNING, false},
    {"limiting", "is waiting for its turn", KH_MOOD_SCHEDULED, false},
    {"limited", "is waiting for its turn", KH_MOOD_SCHEDULED, false},
    {"platform_limiting", "is waiting for its turn", KH_MOOD_SCHEDULED, false},
    {"platform_limited", "is waiting for its turn", KH_MOOD_SCHEDULED, false},
    {"reserved", "is reserved for an agent", KH_MOOD_SCHEDULED, false},
    {"assigned", "is assigned to an agent", KH_MOOD_SCHEDULED, false},
    {"accepted", "is accepted by an agent", KH_MOOD_SCHEDULED, false},
};

const struct kh_state_words *kh_text_state(struct kh_str state)
{
  for (size_t i = 0; i < KH_COUNT(states); i++)
    if (kh_str_equal(state, kh_str_of(states[i].state)))
      return &states[i];
  return NULL;
}

static bool ends_line(uint32_t c)
{
  return (c >= '\n' && c <= '\r') || c == 0x85 || c == 0x2028 || c == 0x2029;
}

/*
 * C0 and C1 controls; the marks, embeddings, overrides and isolates of the bidirectional algorithm; what is
 * never seen.
 */
static bool is_dropped(uint32_t c)
{
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0xAD || c == 0x61C || c == 0x180E ||
         (c >= 0x200B && c <= 0x200F && c != 0x200C && c != 0x200D) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB);
}

struct line {
  struct kh_buf *out;
  size_t max, count; /* characters */
  size_t last;       /* where the last one begins in out, to make room for the ellipsis */
  bool blank;        /* a blank is due before the next character */
};

/* False when the line is full, and ends in an ellipsis now. */
static bool put(struct line *line, uint32_t c)
{
  char bytes[KH_UTF8_MAX_BYTES];
  size_t more = line->blank ? 2 : 1;

  if (line->count + more > line->max) {
    if (line->count == line->max)
      line->out->len = line->last;
    (void)kh_buf_add(line->out, KH_STR("…"));
    return false;
  }
  if (line->blank)
    (void)kh_buf_add_byte(line->out, ' ');
  line->blank = false;
  line->count += more;
  line->last = line->out->len;
  (void)kh_buf_add(line->out, kh_str(bytes, kh_utf8_encode(c, bytes)));
  return true;
}

/* Bytes that stay as they are, a character each, at once. False when TEXT begins with none, or none fits. */
static bool put_plain(struct line *line, struct kh_str *text)
{
  const size_t used = line->count + line->blank;
  size_t len = 0;

  while (len < text->len && used + len < line->max && text->at[len] > ' ' && text->at[len] < 0x7F)
    len++;
  if (len == 0)
    return false;
  if (line->blank)
    (void)kh_buf_add_byte(line->out, ' ');
  line->blank = false;
  line->count = used + len;
  line->last = line->out->len + len - 1;
  (void)kh_buf_add(line->out, kh_str(text->at, len));
  *text = kh_str(text->at + len, text->len - len);
  return true;
}

void kh_text_line(struct kh_str text, size_t max_characters, struct kh_buf *out)
{
  struct line line = {.out = out, .max = max_characters};

  while (text.len > 0) {
    if (put_plain(&line, &text))
      continue;
    uint32_t c = kh_utf8_take(&text);

    if (ends_line(c)) {
      if (line.count > 0)
        return;
    } else if (c == ' ' || c == '\t') {
      line.blank = line.count > 0;
    } else if (!is_dropped(c) && !put(&line, c)) {
      return;
    }
  }
}

#define EMOJI(mood, emoji) [mood] = emoji,
const char *const kh_text_emoji[KH_MOOD__COUNT] = {KH_MOODS(EMOJI)};
