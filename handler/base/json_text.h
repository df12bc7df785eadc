/*
 * json_text.h - texts of a JSON document as views, copied only where they had to be decoded.
 */
#ifndef KH_JSON_TEXT_H
#define KH_JSON_TEXT_H

#include "base/arena.h"
#include "base/json.h"

/*
 * The text of VALUE, without escapes: the document's own or, decoded, ARENA's, whose err is KH_ERR_NO_MEMORY
 * when there was none. Absent where VALUE is no text.
 */
struct kh_str kh_json_text_in(struct kh_json_value value, struct kh_arena *arena);

#endif
