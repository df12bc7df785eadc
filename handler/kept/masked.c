#include "base/base.h"

#include "base/utf8.h"
#include "kept/masked.h"
#include "language/names/shown.h"

/* Wide, since a password may hold almost anything, and too much is better than half of an address. */
static bool may_be_before(char c)
{
  return (unsigned char)c > ' ' && c != 0x7F && !strchr("/\"<>", c);
}

static bool is_of_domain(char c)
{
  return kh_is_letter(c) || kh_is_digit(c) || c == '-' || c == '.' || (unsigned char)c >= 0x80;
}

/* The length of the domain that TEXT begins with. */
static size_t domain_length(struct kh_str text)
{
  size_t len = 0;

  while (len < text.len && is_of_domain(text.at[len]))
    len++;
  while (len > 0 && (text.at[len - 1] == '.' || text.at[len - 1] == '-'))
    len--;
  return len;
}

/* Versions are not: "checkout@v4.1.2". Not only the last label counts: "jane@example.com.I" is no domain. */
static bool is_domain(struct kh_str domain)
{
  (void)kh_str_cut(&domain, '.');
  while (domain.at) {
    const struct kh_str label = kh_str_cut(&domain, '.');

    if (label.len > 1 && (kh_is_letter(label.at[0]) || (unsigned char)label.at[0] >= 0x80))
      return true;
  }
  return false;
}

bool kh_masked_text(struct kh_str text, struct kh_buf *out)
{
  size_t done = 0, begin = 0; /* BEGIN: of the run that may stand before an @ */

  for (size_t i = 0; i < text.len; i++) {
    if (text.at[i] == '@' && i > begin) {
      const struct kh_str user = kh_str(text.at + begin, i - begin);
      const size_t len = domain_length(kh_str(text.at + i + 1, text.len - i - 1));
      const bool logs_in = kh_str_ends(kh_str(text.at, begin), KH_STR("://"));

      if (!kh_str_equal(user, KH_STR("git")) && (logs_in || is_domain(kh_str(text.at + i + 1, len)))) {
        (void)kh_buf_add(out, kh_str(text.at + done, begin - done));
        (void)kh_buf_add(out, KH_STR("[address]"));
        done = begin = i + 1 + len;
        i = done - 1;
      }
    } else if (!may_be_before(text.at[i])) {
      begin = i + 1;
    }
  }
  (void)kh_buf_add(out, kh_str(text.at + done, text.len - done));
  return done == 0;
}

bool kh_masked_url(struct kh_str url, bool *links, struct kh_buf *out)
{
  const char *scheme = url.len > 0 ? memmem(url.at, url.len, "://", 3) : NULL;
  const size_t host = scheme ? (size_t)(scheme - url.at) + 3 : 0;
  const char *query = url.len > 0 ? memchr(url.at, '?', url.len) : NULL;
  const size_t end = query ? (size_t)(query - url.at) + 1 : url.len;
  struct kh_str rest = kh_str(url.at + host, end > host ? end - host : 0);
  const struct kh_str who = kh_str_cut(&rest, scheme ? '/' : ':');
  const char *at = who.len > 0 ? memrchr(who.at, '@', who.len) : NULL;
  const size_t user = at ? (size_t)(at - who.at) : 0;
  const bool is_git = kh_str_equal(kh_str(who.at, user), KH_STR("git"));

  (void)kh_buf_add(out, kh_str(url.at, end < host ? end : host));
  if (is_git)
    (void)kh_buf_add(out, KH_STR("git"));
  if (at)
    (void)kh_buf_add_byte(out, '@');
  const size_t path = host + user + (at ? 1 : 0);
  *links = path >= end || kh_masked_text(kh_str(url.at + path, end - path), out);
  return *links && end == url.len && (user == 0 || is_git);
}

bool kh_masked_person(struct kh_str name, struct kh_buf *out)
{
  if (name.len == 0 || !memchr(name.at, '@', name.len))
    return !kh_buf_add(out, name);
  const struct kh_str shown = kh_shown_person(name);
  (void)kh_buf_add(out, shown);
  (void)kh_buf_add(out, shown.len > 0 ? KH_STR(" <@>") : KH_STR("@"));
  return kh_str_equal(name, KH_STR("@"));
}
