/*
 * markup.h - a message being turned into elements, for markup.c and angle.c alone.
 */
#ifndef KH_SLACK_MARKUP_H
#define KH_SLACK_MARKUP_H

#include "notify/slack/blocks.h"

enum { KH_MARKUP_MAX_BYTES = 64 * 1024 };

struct kh_markup {
  struct kh_str text;
  size_t at;
  unsigned styles;
  struct kh_buf pending; /* text that is not added yet */
  struct kh_slack_section *section;
  struct kh_buf *fallback;
  bool full;       /* the fallback has its "…" */
  enum kh_err err; /* of a text that was cleared since */
};

/* Character I, a line end behind the last one. */
char kh_markup_at(const struct kh_markup *markup, size_t i);
/* Where the author's next C on the line of I is; SIZE_MAX when there is none. */
size_t kh_markup_find(const struct kh_markup *markup, size_t i, char c);
/* Appends MARKED without the marks. */
void kh_markup_plain(struct kh_buf *out, struct kh_str marked);
/* Adds what is pending. */
void kh_markup_flush(struct kh_markup *markup);
/* Forgets what is pending, but not that it failed. */
void kh_markup_clear(struct kh_markup *markup);
void kh_markup_keep(struct kh_markup *markup, enum kh_err err);
void kh_markup_fallback(struct kh_markup *markup, struct kh_str text);

/* angle.c: takes a mention or link that begins here; false when none does. */
bool kh_markup_angle(struct kh_markup *markup);

#endif
