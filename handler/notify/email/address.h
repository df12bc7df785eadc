/*
 * address.h - addresses: whose they are, and what of them may be seen.
 */
#ifndef KH_EMAIL_ADDRESS_H
#define KH_EMAIL_ADDRESS_H

#include "rules/notifier.h"

#define KH_EMAIL_AUTHOR "author" /* as a place: the address of who wrote the build's commit */

/* An address, or KH_EMAIL_AUTHOR. */
bool kh_email_is_recipient(struct kh_str text);
/* What follows the @ of ADDRESS, which is good. */
struct kh_str kh_email_domain(struct kh_str address);

/*
 * `place` of the form, and `show_place` of the notifier: "j…@example.com" is seen of jane@example.com, and of
 * "jane+{{build.tag}}@example.com"; all of "{{build.tag}}@example.com". Of a webhook out of the journal the
 * place of an author is KH_EMAIL_AUTHOR.
 */
enum kh_err kh_email_place(const struct kh_rule *rule, const struct kh_rendering *rendering,
                           struct kh_str written, struct kh_buf *place);
void kh_email_show_place(struct kh_str place, struct kh_buf *shown);

#endif
