/*
 * walk.h - a message being turned into elements. walk.c has what every piece needs, links.c the pieces in
 * brackets and URLs, markup.c the order; but for advice.c nobody else includes this.
 */
#ifndef KH_SLACK_WALK_H
#define KH_SLACK_WALK_H

#include "notify/slack/blocks.h"

/*
 * A value stands between one of the first three, by its sort, and the last. None can stand in a template's
 * own text or come out of kh_text_line.
 */
enum { KH_SLACK_TEXT = 1, KH_SLACK_PAGE, KH_SLACK_TITLE, KH_SLACK_END };
enum { KH_SLACK_WALK_BYTES = 64 * 1024 };

struct kh_slack_walk {
  struct kh_str text; /* marked */
  size_t at;
  unsigned styles;
  struct kh_buf pending; /* text that is not added yet */
  struct kh_str url;     /* of the link whose text is being taken; else empty */
  bool linked;           /* some of that text was added as a link */
  size_t emoji_end;      /* behind the emoji that was taken last */
  struct kh_slack_section *section;
  struct kh_buf *fallback;
  bool full;       /* the fallback has its "…" */
  enum kh_err err; /* of a text that was cleared since */
};

/* Character I, a line end behind the last one. */
char kh_slack_walk_char_at(const struct kh_slack_walk *walk, size_t i);
/* Behind the character at I, or the value that begins there. */
size_t kh_slack_walk_next(const struct kh_slack_walk *walk, size_t i);
/* Where the author's next C on the line of I is; SIZE_MAX when there is none. */
size_t kh_slack_walk_find(const struct kh_slack_walk *walk, size_t i, char c);
/* May the character at I end a style? */
bool kh_slack_walk_closes(const struct kh_slack_walk *walk, size_t i);
/* Adds what is pending. */
void kh_slack_walk_flush(struct kh_slack_walk *walk);
void kh_slack_walk_keep(struct kh_slack_walk *walk, enum kh_err err);

/* Does C begin a value? */
bool kh_slack_begins_value(char c);
unsigned kh_slack_style_of(char c);
/* Appends MARKED without the marks, and what the author wrote as entities as what they stand for. */
void kh_slack_add_plain(struct kh_buf *out, struct kh_str marked);

/* An emoji, a character or a value, of those that cannot be a link. */
void kh_slack_take_words(struct kh_slack_walk *walk);
/* <mentions>, <links|with text>. False when none stands here, as below. */
bool kh_slack_take_angle(struct kh_slack_walk *walk);
/* Is what stands between < and > a mention, with a label or without? */
bool kh_slack_is_mention(struct kh_str inside);
/* here, channel or everyone */
bool kh_slack_is_range(struct kh_str text);
/* https://… */
bool kh_slack_take_url(struct kh_slack_walk *walk);

#endif
