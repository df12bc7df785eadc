/*
 * masked.h - a text of strangers without what looks like an e-mail address, and a URL without what lets in.
 */
#ifndef KH_MASKED_H
#define KH_MASKED_H

#include "base/buf.h"

/*
 * Appends TEXT, each address in it as "[address]". One is an @ with what stands before it, as far as that is
 * no white space, control character, / " < or >; and behind it a domain: letters, digits, - . and what is not
 * ASCII, with a dot and behind one a letter and one byte more. Behind "://" that is who logs in, and any host
 * will do. "git@" is nobody's. True when TEXT is all there. OUT keeps the error.
 */
bool kh_masked_text(struct kh_str text, struct kh_buf *out);
/*
 * Appends URL, of a page or a repository ("https://user:word@host/path", "git@host:path"): of who logs in the
 * @ stays, or "git@"; of a query the question mark; the rest as kh_masked_text. True when that is all of it.
 * *LINKS is false where another path than that of URL came of it.
 */
bool kh_masked_url(struct kh_str url, bool *links, struct kh_buf *out);
/*
 * Appends the NAME of a person. Where it holds an @, only what kh_shown_person leaves of it, and "@" in place
 * of the address, so that whoever asks for an @ finds one. True when that is all of it.
 */
bool kh_masked_person(struct kh_str name, struct kh_buf *out);

#endif
