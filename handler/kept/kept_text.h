/*
 * kept_text.h - one text of a kept webhook. Nobody but kept/ includes this.
 */
#ifndef KH_KEPT_TEXT_H
#define KH_KEPT_TEXT_H

#include "base/json.h"
#include "kept/kept_list.h"

#define KH_KEPT_TAKES_MAIL "takes_mail" /* in build.author: kh_address_is_read of the address */

/*
 * Appends TEXT as a JSON string, in FORM: KH_KEPT_TEXT, _PERSON or _URL, of which *LINKS is as in masked.h,
 * and at most KH_KEPT_TEXT_MAX_BYTES of it. True when that is all of TEXT. OUT keeps the error.
 */
bool kh_kept_put_text(struct kh_str text, enum kh_kept_form form, bool *links, struct kh_buf *out);
/* The same of VALUE, a string of a document. */
bool kh_kept_put_string(struct kh_json_value value, enum kh_kept_form form, bool *links, struct kh_buf *out);

#endif
