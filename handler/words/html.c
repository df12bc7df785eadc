#include "base/base.h"

#include "words/html.h"

void kh_html_add(struct kh_buf *html, struct kh_str text)
{
  for (size_t i = 0; i < text.len; i++) {
    const char c = text.at[i];

    if (c == '&')
      (void)kh_buf_add(html, KH_STR("&amp;"));
    else if (c == '<')
      (void)kh_buf_add(html, KH_STR("&lt;"));
    else if (c == '>')
      (void)kh_buf_add(html, KH_STR("&gt;"));
    else if (c == '"')
      (void)kh_buf_add(html, KH_STR("&quot;"));
    else if (c == '\n')
      (void)kh_buf_add(html, KH_STR("<br>"));
    else
      (void)kh_buf_add_byte(html, c);
  }
}

void kh_html_add_link(struct kh_buf *html, struct kh_str url, struct kh_str text)
{
  if (url.len == 0) {
    kh_html_add(html, text);
    return;
  }
  (void)kh_buf_add(html, KH_STR("<a href=\""));
  kh_html_add(html, url);
  (void)kh_buf_add(html, KH_STR("\">"));
  kh_html_add(html, text);
  (void)kh_buf_add(html, KH_STR("</a>"));
}
