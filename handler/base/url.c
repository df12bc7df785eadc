#include "base/base.h"

#include "base/url.h"

size_t kh_url_scheme(struct kh_str text)
{
  return kh_str_starts(text, KH_STR("https://")) ? 8 : kh_str_starts(text, KH_STR("http://")) ? 7 : 0;
}

bool kh_url_takes(char c)
{
  return c > ' ' && c < 0x7F && !strchr("\"'<>\\^`{|}", c);
}

void kh_url_add(struct kh_buf *url, struct kh_str value)
{
  const bool climbs = value.len > 0 && memmem(value.at, value.len, "..", 2);

  kh_buf_add_encoded(url, value, climbs ? "" : "/");
}

bool kh_url_is_link(struct kh_str url)
{
  const size_t scheme = kh_url_scheme(url);
  bool in_host = true;

  if (scheme == 0 || url.len == scheme || url.at[scheme] == '/')
    return false;
  for (size_t i = scheme; i < url.len; i++) {
    const char c = url.at[i];

    in_host = in_host && c != '/' && c != '?' && c != '#';
    if (!kh_url_takes(c) || (in_host && c == '@'))
      return false;
  }
  return true;
}
