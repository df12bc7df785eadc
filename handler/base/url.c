#include "base/base.h"

#include "base/url.h"
#include "base/utf8.h"

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

bool kh_url_is_loopback(struct kh_str url, struct kh_str scheme)
{
  static const struct kh_str hosts[] = {{"127.0.0.1", 9}, {"localhost", 9}, {"[::1]", 5}};

  if (!kh_str_starts(url, scheme))
    return false;
  url = kh_str(url.at + scheme.len, url.len - scheme.len);
  for (size_t i = 0; i < KH_COUNT(hosts); i++) {
    if (!kh_str_starts(url, hosts[i]))
      continue;
    struct kh_str rest = kh_str(url.at + hosts[i].len, url.len - hosts[i].len);
    if (kh_str_starts(rest, KH_STR(":")))
      do
        rest = kh_str(rest.at + 1, rest.len - 1);
      while (rest.len > 0 && kh_is_digit(rest.at[0]));
    return rest.len == 0 || rest.at[0] == '/' || rest.at[0] == '?';
  }
  return false;
}
