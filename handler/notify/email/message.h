/*
 * message.h - the text of a mail as it goes to a server: RFC 5322 and MIME, lines of ASCII ended by CR LF.
 *
 * Nothing that a stranger wrote stands in a header but as one line of ASCII, as encoded words (RFC 2047) or
 * as an address that was found good; texts are quoted-printable (RFC 2045). So no text makes a header, a
 * recipient or a line, and no line is longer than 998 bytes.
 */
#ifndef KH_EMAIL_MESSAGE_H
#define KH_EMAIL_MESSAGE_H

#include "base/buf.h"

/* All borrowed. */
struct kh_email {
  struct kh_str from, to; /* good addresses (address.h) */
  struct kh_str id;       /* letters and digits: the same for each attempt */
  struct kh_str thread;   /* likewise: mails with the same one belong together; empty for none */
  struct kh_str list;     /* letters, digits, '-' and '.': what a reader may sort by; empty for none */
  struct kh_str subject;  /* one line */
  struct kh_str text, html;
  int64_t at_us;
};

/* Appends MAIL to OUT. KH_ERR_LIMIT, KH_ERR_NO_MEMORY. */
enum kh_err kh_email_write(const struct kh_email *mail, struct kh_buf *out) KH_MUST_USE;

#endif
