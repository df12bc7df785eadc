#include "base/base.h"

#include "language/names/shown.h"

static bool is_person(enum kh_name name)
{
  return name == KH_NAME_BUILD_CREATOR_NAME || name == KH_NAME_BUILD_AUTHOR_NAME ||
         name == KH_NAME_BUILD_SCM_AUTHOR_NAME || name == KH_NAME_BUILD_SCM_COMMITTER_NAME ||
         name == KH_NAME_SENDER_NAME;
}

static bool is_repository(enum kh_name name)
{
  return name == KH_NAME_PIPELINE_REPOSITORY || name == KH_NAME_PULL_REQUEST_REPOSITORY;
}

bool kh_name_is_address(const struct kh_name_info *name)
{
  return kh_str_ends(kh_str_of(name->text), KH_STR(".email"));
}

struct kh_str kh_shown_person(struct kh_str name)
{
  struct kh_str rest = name;
  struct kh_str person = kh_str_trim(kh_str_cut(&rest, '<'));

  return person.len > 0 && memchr(person.at, '@', person.len) ? KH_NO_STR : person;
}

/* Adds "https://host/path" of "https://user:word@host/path". */
static void add_without_user(struct kh_str url, struct kh_buf *out)
{
  const char *scheme = url.len > 0 ? memmem(url.at, url.len, "://", 3) : NULL;
  size_t host = scheme ? (size_t)(scheme - url.at) + 3 : 0;
  size_t from = host;

  for (size_t i = host; scheme && i < url.len && !strchr("/?#", url.at[i]); i++)
    if (url.at[i] == '@')
      from = i + 1;
  (void)kh_buf_add(out, kh_str(url.at, host));
  (void)kh_buf_add(out, kh_str(url.at + from, url.len - from));
}

bool kh_shown_add(const struct kh_name_info *name, struct kh_str text, struct kh_buf *out)
{
  const size_t before = out->len;

  if (is_person(name->name))
    (void)kh_buf_add(out, kh_shown_person(text));
  else if (is_repository(name->name))
    add_without_user(text, out);
  else if (!kh_name_is_address(name))
    (void)kh_buf_add(out, text);
  return out->len - before == text.len;
}
