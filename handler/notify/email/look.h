/*
 * look.h - what a mail says: its subject, and the same as text and as HTML.
 */
#ifndef KH_EMAIL_LOOK_H
#define KH_EMAIL_LOOK_H

#include "words/story.h"

enum { KH_EMAIL_SUBJECT_CHARACTERS = 200 };

/* What stands before and behind the HTML of every mail. */
extern const char kh_email_html_head[], kh_email_html_end[];

/*
 * Append STORY, or MESSAGE in its place unless that is empty: as lines of text, and as what stands in the
 * body of a page.
 */
void kh_email_write_text(const struct kh_story *story, struct kh_str message, struct kh_buf *text);
void kh_email_write_html(const struct kh_story *story, struct kh_str message, struct kh_buf *html);

#endif
