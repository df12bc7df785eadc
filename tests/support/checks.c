#include "base/base.h"

#include "support/checks.h"

#include <iconv.h>

enum { MAX_URL = 3000 };

/*
 * Code points that must not reach a reader: controls, line ends, direction marks, overrides and isolates,
 * BOM.
 */
static bool is_hostile(uint32_t c)
{
  static const uint32_t marks[] = {0x61C,  0x200E, 0x200F, 0x2028, 0x2029, 0x202A, 0x202B, 0x202C,
                                   0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069, 0xFEFF};

  if (c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0xD800 && c < 0xE000))
    return true;
  for (size_t i = 0; i < KH_COUNT(marks); i++)
    if (c == marks[i])
      return true;
  return false;
}

/* Of LEN bytes of TEXT: at most MAX harmless characters, or one of ALSO. */
static void check_characters(const char *why, const char *text, size_t len, size_t max, uint32_t also)
{
  iconv_t decoder = iconv_open("WCHAR_T", "UTF-8");
  char *copy = strdup(text);
  wchar_t *characters = calloc(len + 1, sizeof *characters);

  ck_assert_msg(decoder != (iconv_t)-1 && copy && characters, "no memory");
  char *from = copy;
  char *to = (char *)characters;
  size_t room = len * sizeof *characters;
  size_t left = len;
  ck_assert_msg(iconv(decoder, &from, &left, &to, &room) == 0 && left == 0, "%s: not UTF-8: %s", why, copy);
  size_t count = len - room / sizeof *characters;
  ck_assert_msg(count <= max, "%s: %zu characters", why, count);
  size_t good = 0;
  while (good < count && ((uint32_t)characters[good] == also || !is_hostile((uint32_t)characters[good])))
    good++;
  ck_assert_msg(good == count, "%s: U+%04X in \"%s\"", why, (unsigned)characters[good], copy);
  (void)iconv_close(decoder);
  free(characters);
  free(copy);
}

void kh_check_text(const char *why, const json_t *node, size_t max)
{
  ck_assert_msg(json_is_string(node) && json_string_length(node) > 0, "%s: no text, or an empty one", why);
  check_characters(why, json_string_value(node), json_string_length(node), max, ' ');
}

void kh_check_harmless(const char *why, const json_t *node)
{
  check_characters(why, json_string_value(node), json_string_length(node), SIZE_MAX, '\n');
}

void kh_check_keys(const char *why, json_t *object, const char *known)
{
  const char *key;
  json_t *value;

  ck_assert_msg(json_is_object(object), "%s: not an object", why);
  json_object_foreach(object, key, value)
  {
    char wanted[64];

    (void)snprintf(wanted, sizeof wanted, "|%s|", key);
    ck_assert_msg(strstr(known, wanted) != NULL, "%s: unexpected key %s", why, key);
  }
}

void kh_check_url(const char *why, const json_t *node)
{
  const char *url = json_string_value(node);

  kh_check_text(why, node, MAX_URL);
  ck_assert_msg(strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0, "%s: %s", why, url);
  ck_assert_msg(strpbrk(url, " <>|\"\\") == NULL, "%s: %s", why, url);
}

json_t *kh_check_read(const char *why, struct kh_str body)
{
  json_error_t error;
  json_t *json = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, &error);

  ck_assert_msg(json != NULL, "%s: %s", why, error.text);
  return json;
}
