#include "base/base.h"

#include "base/clock.h"
#include "base/url.h"
#include "base/utf8.h"
#include "language/names/pull_request.h"
#include "language/names/shown.h"
#include "words/story_parts.h"

enum { COMMIT_CHARACTERS = 40, SHORT_COMMIT_BYTES = 7 };

struct kh_buf kh_part_raw(const struct kh_event *event, struct kh_json_value object, struct kh_str key)
{
  struct kh_buf raw;

  kh_buf_init(&raw, event->body.len); /* decoding never lengthens */
  (void)kh_json_text(kh_json_get(object, key), &raw);
  return raw;
}

bool kh_part_text(const struct kh_event *event, struct kh_json_value object, struct kh_str key,
                  struct kh_buf *out)
{
  struct kh_buf raw = kh_part_raw(event, object, key);
  size_t before = out->len;

  kh_text_line(kh_buf_view(&raw), KH_STORY_NAME_CHARACTERS, out);
  kh_buf_release(&raw);
  return out->len > before;
}

struct kh_buf *kh_part_begin_detail(struct kh_story *story, const char *before, bool code)
{
  struct kh_story_detail *detail = &story->details[story->detail_count++];

  detail->before = before;
  detail->code = code;
  return &detail->text;
}

void kh_part_end_detail(struct kh_story *story)
{
  if (story->details[story->detail_count - 1].text.len == 0)
    story->detail_count--;
}

void kh_part_detail(struct kh_story *story, const struct kh_event *event, struct kh_json_value object,
                    struct kh_str key, const char *before, bool code)
{
  (void)kh_part_text(event, object, key, kh_part_begin_detail(story, before, code));
  kh_part_end_detail(story);
}

void kh_part_commit(struct kh_story *story, const struct kh_event *event)
{
  struct kh_buf raw = kh_part_raw(event, event->build, KH_STR("commit"));
  struct kh_str commit = kh_buf_view(&raw);

  if (commit.len > SHORT_COMMIT_BYTES && kh_str_is_of(commit, "0123456789abcdefABCDEF"))
    commit.len = SHORT_COMMIT_BYTES;
  kh_text_line(commit, COMMIT_CHARACTERS, kh_part_begin_detail(story, "", true));
  kh_part_end_detail(story);
  kh_buf_release(&raw);
}

static void add_author(const struct kh_event *event, struct kh_buf *out)
{
  struct kh_buf author;

  kh_buf_init(&author, event->body.len);
  (void)kh_event_author(event, &author);
  kh_text_line(kh_shown_person(kh_buf_view(&author)), KH_STORY_NAME_CHARACTERS, out);
  kh_buf_release(&author);
}

static void add_creator(const struct kh_event *event, struct kh_buf *out)
{
  struct kh_buf creator = kh_part_raw(event, kh_json_get(event->build, KH_STR("creator")), KH_STR("name"));

  kh_text_line(kh_shown_person(kh_buf_view(&creator)), KH_STORY_NAME_CHARACTERS, out);
  kh_buf_release(&creator);
}

void kh_story_person(const struct kh_event *event, struct kh_buf *out)
{
  const size_t before = out->len;

  add_author(event, out);
  if (out->len == before)
    add_creator(event, out);
}

/* By hand, in the browser or by a call of the API: the creator is then who did it. */
static bool is_by_hand(const struct kh_event *event)
{
  const struct kh_json_value source = kh_json_get(event->build, KH_STR("source"));

  return kh_json_text_is(source, KH_STR("ui")) || kh_json_text_is(source, KH_STR("api"));
}

void kh_part_persons(struct kh_story *story, const struct kh_event *event)
{
  const size_t before = story->detail_count;
  const bool by_hand = is_by_hand(event);
  struct kh_buf *author = kh_part_begin_detail(story, "by ", false);

  if (by_hand)
    add_author(event, author);
  else
    kh_story_person(event, author);
  kh_part_end_detail(story);
  if (!by_hand)
    return;
  struct kh_buf *creator = kh_part_begin_detail(story, "started by ", false);
  add_creator(event, creator);
  if (story->detail_count > before + 1 && kh_str_equal(kh_buf_view(creator), kh_buf_view(author)))
    kh_buf_clear(creator);
  kh_part_end_detail(story);
}

void kh_part_pull_request(struct kh_story *story, const struct kh_event *event)
{
  const struct kh_str number = kh_pull_request_number(event);
  struct kh_buf url;

  if (number.len == 0)
    return;
  kh_buf_init(&url, event->body.len + 64);
  kh_pull_request_url(event, &url);
  (void)kh_buf_printf(kh_part_begin_detail(story, "", false), "pull request #%.*s", KH_FMT(number));
  if (url.len <= KH_STORY_URL_MAX_BYTES)
    (void)kh_buf_add(&story->details[story->detail_count - 1].url, kh_buf_view(&url));
  kh_part_end_detail(story);
  kh_buf_release(&url);
}

void kh_part_duration(struct kh_story *story, const struct kh_event *event, struct kh_json_value object)
{
  struct kh_buf started = kh_part_raw(event, object, KH_STR("started_at"));
  struct kh_buf finished = kh_part_raw(event, object, KH_STR("finished_at"));
  int64_t from_us = 0;
  int64_t to_us = 0;

  if (kh_time_parse(kh_buf_view(&started), &from_us) && kh_time_parse(kh_buf_view(&finished), &to_us) &&
      to_us >= from_us) {
    kh_buf_add_duration(kh_part_begin_detail(story, "took ", false), (to_us - from_us) / 1000000);
    kh_part_end_detail(story);
  }
  kh_buf_release(&finished);
  kh_buf_release(&started);
}

void kh_part_url(struct kh_story *story, const struct kh_event *event, struct kh_json_value object)
{
  struct kh_buf raw = kh_part_raw(event, object, KH_STR("web_url"));
  struct kh_str url = kh_buf_view(&raw);

  if (story->url.len == 0 && url.len <= KH_STORY_URL_MAX_BYTES && kh_url_is_link(url))
    (void)kh_buf_add(&story->url, url);
  kh_buf_release(&raw);
}

void kh_part_happening(const struct kh_event *event, struct kh_buf *out)
{
  const char *dot = strrchr(event->name, '.');

  kh_text_line(kh_str_of(dot ? dot + 1 : event->name), KH_STORY_NAME_CHARACTERS, out);
}

void kh_part_state(struct kh_story *story, const struct kh_event *event, struct kh_str state)
{
  const struct kh_state_words *known = kh_text_state(state);
  /* The body can lag behind the event that it was sent for. */
  bool lags = known && !known->settled && kh_str_ends(kh_str_of(event->name), KH_STR(".finished"));

  story->mood = known && !lags ? known->mood : KH_MOOD_NEWS;
  if (lags) {
    (void)kh_buf_printf(&story->words, "finished (last seen as %s)", known->state);
  } else if (known) {
    (void)kh_buf_add(&story->words, kh_str_of(known->words));
  } else if (state.len > 0) {
    (void)kh_buf_add(&story->words, KH_STR("is in state "));
    kh_text_line(state, KH_STORY_NAME_CHARACTERS, &story->words);
  } else {
    kh_part_happening(event, &story->words);
  }
}
