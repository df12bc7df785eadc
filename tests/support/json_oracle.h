/*
 * json_oracle.h - the strict JSON reader against jansson, on any text.
 *
 * jansson runs with JSON_REJECT_DUPLICATES, JSON_DECODE_ANY and JSON_ALLOW_NUL, our reader with jansson's
 * depth of 2,048. They must agree on accept or refuse, on the kind of refusal where it is
 * about numbers, keys, UTF-8 or depth, and on every value. The exceptions:
 * - a lone surrogate escape: jansson gets \ufffd in its place;
 * - \u0000 in a key, which jansson refuses: both get \ufdd0 in the place of each \u0000;
 * - a raw NUL byte, which is never JSON: jansson loses it behind a number or a word, so ours must refuse
 *   alone.
 */
#ifndef KH_TEST_JSON_ORACLE_H
#define KH_TEST_JSON_ORACLE_H

#include "base/json.h"

enum { KH_JSON_PROBLEM_BYTES = 256 };

/* The number in VALUE, an integer too; false when there is none. */
bool kh_test_json_real(struct kh_json_value value, double *number);

/* False, with the difference in PROBLEM, when the two differ. *ACCEPTED is our reader's verdict. */
bool kh_json_agrees(struct kh_str text, bool *accepted, char problem[KH_JSON_PROBLEM_BYTES]);

#endif
