/*
 * json_put.h - JSON put into a buffer piece by piece, for what is written at each webhook: a tree of
 * jansson's would be made only to be written once. The caller puts the brackets and braces, by
 * kh_buf_add_byte.
 */
#ifndef KH_JSON_PUT_H
#define KH_JSON_PUT_H

#include "base/buf.h"

/* All may be ignored until kh_buf_ok, like the adds of buf.h. */

/*
 * KEY and its colon, behind a comma unless OUT ends in an opening brace. KEY is a constant that needs no
 * escape.
 */
void kh_json_put_key(struct kh_buf *out, const char *key);
/* A string, with the shortest escapes. Bytes that are not UTF-8 become U+FFFD, one for each. */
void kh_json_put_text(struct kh_buf *out, struct kh_str text);
void kh_json_put_int(struct kh_buf *out, int64_t number);

/* A whole member. */
void kh_json_put_text_member(struct kh_buf *out, const char *key, struct kh_str text);
void kh_json_put_int_member(struct kh_buf *out, const char *key, int64_t number);
void kh_json_put_bool_member(struct kh_buf *out, const char *key, bool truth);

#endif
