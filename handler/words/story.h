/*
 * story.h - what an event says, read once, ready for any notifier to lay out.
 *
 * Only the fields named in story.c are ever read. So no e-mail address, environment value, provider URL or
 * pipeline configuration of the payload can reach a notification, whatever a notifier does.
 * All texts went through kh_text_line; escaping is left to the notifier.
 *
 *   subject joint item words:  "Web" " " "build #42" "passed"      "Lint" " in " "Web build #42" "failed"
 */
#ifndef KH_STORY_H
#define KH_STORY_H

#include "memory/history/history.h"
#include "words/text.h"

enum {
  KH_STORY_DETAILS_MAX = 8,
  KH_STORY_NAME_CHARACTERS = 200,
  KH_STORY_MESSAGE_CHARACTERS = 300,
  KH_STORY_URL_MAX_BYTES = 3000
};

struct kh_story_detail {
  const char *before; /* "by ", "on ", "" */
  bool code;          /* a branch, a commit: best shown as code */
  struct kh_buf text;
  struct kh_buf url; /* what the text shows: passed kh_url_is_link, or empty */
};

struct kh_story {
  enum kh_mood mood;
  struct kh_buf subject; /* never empty */
  const char *joint;     /* between subject and item */
  struct kh_buf item;    /* what the url shows; may be empty */
  struct kh_buf url;     /* passed kh_url_is_link, or empty */
  struct kh_buf words;   /* may be empty */
  struct kh_buf message; /* the first line of the commit's; may be empty */
  struct kh_story_detail details[KH_STORY_DETAILS_MAX];
  size_t detail_count;
};

/*
 * Reads EVENT, and what came before it from HISTORY, which may be NULL. KH_ERR_NO_MEMORY. Release STORY
 * either way.
 */
enum kh_err kh_story_read(struct kh_story *story, const struct kh_event *event,
                          const struct kh_history *history) KH_MUST_USE;
void kh_story_release(struct kh_story *story);

/*
 * Append "Web build #42 passed", and what goes below it: "Fix it (main, 1a2b3c4, by Jane, took 45s)", or
 * nothing.
 */
void kh_story_headline(const struct kh_story *story, struct kh_buf *out);
void kh_story_rest(const struct kh_story *story, struct kh_buf *out);
/*
 * Appends everything but the url on one line: "Web build #42 passed: Fix it (main, 1a2b3c4, by Jane, took
 * 45s)".
 */
void kh_story_line(const struct kh_story *story, struct kh_buf *out);

/* Appends who wrote or started the build, by name and never by address. */
void kh_story_person(const struct kh_event *event, struct kh_buf *out);

#endif
