/*
 * eval_input.h - is what `kitehook eval` is given to try a condition with what it says it is?
 */
#ifndef KH_EVAL_INPUT_H
#define KH_EVAL_INPUT_H

#include "base/base.h"

#include <jansson.h>

enum { KH_EVAL_WRONG_BYTES = 256 };

/*
 * An object of names as language/names/names_json.h reads it, of known names, each null or of its kind? Else
 * WRONG says what not.
 */
bool kh_eval_names_are_right(json_t *names, char wrong[KH_EVAL_WRONG_BYTES]);
/* A line of --batch, names included? `rule` and `expect`, which test data has, are not looked at. */
bool kh_eval_line_is_right(json_t *line, char wrong[KH_EVAL_WRONG_BYTES]);

#endif
