/*
 * json_write.h - jansson's documents into a buffer, on one line.
 */
#ifndef KH_JSON_WRITE_H
#define KH_JSON_WRITE_H

#include "base/buf.h"

#include <jansson.h>

/*
 * Appends JSON compactly. KH_ERR_LIMIT; KH_ERR_NO_MEMORY, also when JSON is NULL, as jansson's makers give it
 * then.
 */
enum kh_err kh_json_write(const json_t *json, struct kh_buf *out) KH_MUST_USE;

#endif
