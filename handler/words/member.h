/*
 * member.h - members of the JSON objects that notifiers write: cleaned, and absent rather than empty, so that
 * one that is there can be relied on. Each returns false only without memory.
 */
#ifndef KH_MEMBER_H
#define KH_MEMBER_H

#include "receive/event.h"
#include "words/text.h"

#include <jansson.h>

/* TEXT as it is: UTF-8 that came out of kh_text_line, or is ours. */
bool kh_member_set(json_t *json, const char *key, struct kh_str text);
/* The first line of DIRTY, cleaned and cut to MAX_CHARACTERS. */
bool kh_member_line(json_t *json, const char *key, struct kh_str dirty, size_t max_characters);
/* The same of the text member NAME of OBJECT, a part of EVENT. */
bool kh_member_of(json_t *json, const char *key, const struct kh_event *event, struct kh_json_value object,
                  const char *name, size_t max_characters);

#endif
