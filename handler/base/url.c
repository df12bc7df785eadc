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
