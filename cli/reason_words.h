/*
 * reason_words.h - a reason (memory/reason.h) as people and programs are told it: one sentence and one shape
 * for `explain`, `show` and `why`.
 */
#ifndef KH_REASON_WORDS_H
#define KH_REASON_WORDS_H

#include "memory/reason.h"

#include <jansson.h>

/*
 * Into OBJECT: "reason", the word; "says", the sentence; "do", what to do, or null; "note", what is in the
 * way, or null. KH_REASON_NONE, which is one of a newer kitehook, is "unknown".
 */
void kh_reason_put(json_t *object, enum kh_reason reason, struct kh_str note);
/* Of such an OBJECT: "its condition is not true (condition_false)", and the note. No line end. */
void kh_reason_print(const json_t *object);
/* What to do, on a line of its own behind INDENT blanks; nothing where nothing is to be done. */
void kh_reason_print_cure(const json_t *object, int indent);

#endif
