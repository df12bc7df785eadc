#include "base/base.h"

#include "base/utf8.h"
#include "import.h"
#include "kitehook.h"

/* As Buildkite makes one of a name: letters and digits in lower case, and a dash for all between. */
static void make_slug(struct kh_str name, char slug[KH_IMPORT_SLUG_BYTES])
{
  size_t len = 0;

  for (size_t i = 0; i < name.len && len < KH_IMPORT_SLUG_BYTES - 2; i++) {
    const char c = name.at[i];

    if (kh_is_letter(c) || kh_is_digit(c))
      slug[len++] = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
    else if (len > 0 && slug[len - 1] != '-')
      slug[len++] = '-';
  }
  while (len > 0 && slug[len - 1] == '-')
    len--;
  slug[len] = '\0';
}

/* Those in which Buildkite's agent looks for a pipeline. */
static bool is_usual(struct kh_str name)
{
  static const char *const usual[] = {"pipeline", "buildkite", ".buildkite", "pipelines", ""};

  for (size_t i = 0; i < KH_COUNT(usual); i++)
    if (kh_str_equal(name, kh_str_of(usual[i])))
      return true;
  return false;
}

/* The last part of PATH, which is cut before it. */
static struct kh_str cut_last(struct kh_str *path)
{
  size_t at = path->len;

  while (at > 0 && path->at[at - 1] != '/')
    at--;
  const struct kh_str last = kh_str(path->at + at, path->len - at);
  path->len = at > 0 ? at - 1 : 0;
  return last;
}

/* "web" of "pipeline.web.yml" and "web.yaml"; "pipeline" of "pipeline.yml". */
static struct kh_str stem_of(struct kh_str name)
{
  for (size_t i = name.len; i > 1; i--)
    if (name.at[i - 1] == '.') {
      name.len = i - 1;
      break;
    }
  for (size_t i = 0; i < name.len; i++)
    if (i > 0 && name.at[i] == '.' && is_usual(kh_str(name.at, i)))
      return kh_str(name.at + i + 1, name.len - i - 1);
  return name;
}

static const char *by_path(const char *path, char slug[KH_IMPORT_SLUG_BYTES])
{
  struct kh_str rest = kh_str_of(path);
  const struct kh_str stem = stem_of(cut_last(&rest));

  if (!is_usual(stem)) {
    make_slug(stem, slug);
    return "its file's name";
  }
  while (rest.len > 0) {
    const struct kh_str folder = cut_last(&rest);

    if (!is_usual(folder)) {
      make_slug(folder, slug);
      return "its folder's name";
    }
  }
  return NULL;
}

bool kh_import_slug(const struct kh_import *import, const char *file, json_t *document,
                    char slug[KH_IMPORT_SLUG_BYTES], const char **by)
{
  const char *name = kh_config_text(json_object_get(document, "name"));

  slug[0] = '\0';
  *by = "--pipeline";
  if (import->pipelines) {
    (void)snprintf(slug, KH_IMPORT_SLUG_BYTES, "%s", import->pipelines);
    return true;
  }
  *by = "its `name:`";
  make_slug(kh_str_of(name ? name : ""), slug);
  if (!slug[0] && strcmp(file, "-") != 0) {
    char *path = realpath(file, NULL);

    *by = path ? by_path(path, slug) : NULL;
    free(path);
  }
  return slug[0] && *by;
}
