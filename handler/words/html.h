/*
 * html.h - texts as HTML, for notifiers whose place shows that.
 */
#ifndef KH_HTML_H
#define KH_HTML_H

#include "base/buf.h"

/* Appends TEXT, escaped; a line end as <br>. */
void kh_html_add(struct kh_buf *html, struct kh_str text);
/* Appends TEXT as a link to URL, which passed kh_url_is_link; TEXT alone where URL is empty. */
void kh_html_add_link(struct kh_buf *html, struct kh_str url, struct kh_str text);

#endif
