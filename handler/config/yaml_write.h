/*
 * yaml_write.h - a jansson tree as YAML text, for people to read and change.
 */
#ifndef KH_YAML_WRITE_H
#define KH_YAML_WRITE_H

#include "base/buf.h"

#include <jansson.h>

/*
 * Appends NODE, an object or array of such and of texts, to OUT: in block style, indented by two, but
 * {env: NAME} and short lists of texts in one line; a text of several lines as a block. Texts are quoted as
 * they need it: whatever they hold is read back as it was, and nothing in them becomes YAML. Control
 * characters are escaped, with ASCII all that is beyond it, too. KH_ERR_LIMIT for OUT, KH_ERR_NO_MEMORY,
 * KH_ERR_RENDER for what cannot be written.
 */
enum kh_err kh_yaml_write(json_t *node, bool ascii, struct kh_buf *out) KH_MUST_USE;

#endif
