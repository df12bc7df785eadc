/*
 * output.h - how answers are written: JSON for scripts, lines for people.
 */
#ifndef KH_OUTPUT_H
#define KH_OUTPUT_H

#include "rules/notifier.h"

#include <jansson.h>

/* What TEXT says if it is JSON, else TEXT as a string. */
json_t *kh_output_json(struct kh_str text);
/* A string; null for "". */
json_t *kh_output_text(struct kh_str text);
/* A destination: CREDENTIAL and, behind a blank, what people may see of PLACE. */
json_t *kh_output_destination(struct kh_str credential, struct kh_str place);
/* What people may see of PLACE, one of CREDENTIAL's; null for "". */
json_t *kh_output_place(struct kh_str credential, struct kh_str place);
/* What is done with RULE's body: "POST", "PUT", "mail"; NULL where it does not leave this machine. */
const char *kh_output_verb(const struct kh_rule *rule);
/* RFC 3339; null for 0. */
json_t *kh_output_time(int64_t at_us);
/* {"file", "line", "column", "message"} */
json_t *kh_output_diag(const struct kh_diag *diag);
/* One line of compact JSON. Takes ANSWER over. */
void kh_output_tell(json_t *answer);

/* The body indented by four, pretty if it is JSON, as screen.h has it. */
void kh_output_print_body(struct kh_str body);
/*
 * The same for a notification, BODY as kh_output_json has it, but where NOTIFIER has words for people, these.
 * NULL for one that this kitehook does not know.
 */
void kh_output_print_notification(const struct kh_notifier *notifier, const json_t *body);
/* Appends what that prints, not yet made safe for a terminal. KH_ERR_LIMIT, KH_ERR_NO_MEMORY. */
enum kh_err kh_output_add_notification(const struct kh_notifier *notifier, const json_t *body,
                                       struct kh_buf *text) KH_MUST_USE;
/* TEXT, or null's "-", as screen.h has it. */
void kh_output_print_text(const json_t *text);
/* Of OBJECT the member NAME, such a text. */
void kh_output_print_member(const json_t *object, const char *name);
/* A line for each of COUNT members that is not null: its name in a column of WIDTH, and its text. */
void kh_output_print_members(const json_t *object, const char *const *names, size_t count, int width);
/* "45s", "12m", "5h", "3d": how long ago, or how far ahead. */
void kh_output_span(int64_t span_us, char text[24]);
/* "812 bytes", "64 KB", "2.5 GB", as the configuration has sizes: powers of 1024. Rounded down. */
void kh_output_size(uint64_t bytes, char text[24]);

#endif
