#include "base/base.h"

#include "base/nearest.h"
#include "eval_input.h"
#include "language/names/names.h"

enum { SHOWN_BYTES = 80 };

static bool refuse(char wrong[KH_EVAL_WRONG_BYTES], const char *name, const char *text, const char *meant)
{
  char shown[SHOWN_BYTES] = "";
  int length = snprintf(shown, sizeof shown, "%.60s", name);

  for (int i = 0; i < length; i++)
    if ((unsigned char)shown[i] < 0x20 || (unsigned char)shown[i] >= 0x7F)
      shown[i] = '?';
  (void)snprintf(wrong, KH_EVAL_WRONG_BYTES, "\"%s\" %s%s%s%s", shown, text, meant ? "; did you mean " : "",
                 meant ? meant : "", meant ? "?" : "");
  return false;
}

static bool are_texts(const json_t *array)
{
  json_t *item = NULL;
  size_t i = 0;

  json_array_foreach(array, i, item)
  {
    if (!json_is_string(item))
      return false;
  }
  return json_is_array(array);
}

static bool is_of_kind(const json_t *value, enum kh_kind kind)
{
  switch (kind) {
  case KH_KIND_STRING:
    return json_is_string(value);
  case KH_KIND_NUMBER:
    return json_is_integer(value);
  case KH_KIND_BOOLEAN:
    return json_is_boolean(value);
  case KH_KIND_LIST:
    return are_texts(value);
  default:
    return false;
  }
}

/* The environment, or the meta-data. */
static bool is_mapping_of_texts(const json_t *value)
{
  json_t *tree = (json_t *)(uintptr_t)value; /* jansson's iterators take no const */
  const char *key = NULL;
  json_t *text = NULL;

  json_object_foreach(tree, key, text)
  {
    if (!json_is_string(text))
      return false;
  }
  return json_is_object(value);
}

static bool is_right(const char *name, const json_t *value, char wrong[KH_EVAL_WRONG_BYTES])
{
  const struct kh_name_info *known = kh_name_find(kh_str_of(name));
  char text[64] = "";

  if (strcmp(name, "env") == 0 || strcmp(name, "build.meta_data") == 0)
    return json_is_null(value) || is_mapping_of_texts(value) ||
           refuse(wrong, name, "must be an object of texts", NULL);
  if (!known)
    return refuse(wrong, name, "is no variable", kh_name_nearest(kh_str_of(name), true, true));
  (void)snprintf(text, sizeof text, "must be a %s", kh_kind_name(known->kind));
  return json_is_null(value) || is_of_kind(value, known->kind) || refuse(wrong, name, text, NULL);
}

bool kh_eval_names_are_right(const json_t *names, char wrong[KH_EVAL_WRONG_BYTES])
{
  json_t *tree = (json_t *)(uintptr_t)names; /* jansson's iterators take no const */
  const char *name = NULL;
  json_t *value = NULL;

  json_object_foreach(tree, name, value)
  {
    if (!is_right(name, value, wrong))
      return false;
  }
  return true;
}

static bool is_root(const json_t *name)
{
  for (int root = KH_ROOT_NONE + 1; json_is_string(name) && root < KH_ROOT__COUNT; root++)
    if (strcmp(kh_root_name((enum kh_root)root), json_string_value(name)) == 0)
      return true;
  return false;
}

static bool are_roots(const json_t *array)
{
  json_t *item = NULL;
  size_t i = 0;

  json_array_foreach(array, i, item)
  {
    if (!is_root(item))
      return false;
  }
  return json_is_array(array);
}

static bool is_member_right(const char *key, const json_t *value, char wrong[KH_EVAL_WRONG_BYTES])
{
  static const char *const known[] = {"expression",    "names", "without", "entrypoint", "dialect",
                                      "validate_only", "rule",  "expect",  NULL};

  if (!known[kh_word_place(kh_str_of(key), known)])
    return refuse(wrong, key, "is no member of a line", kh_word_nearest(kh_str_of(key), known));
  if (json_is_null(value) || strcmp(key, "rule") == 0 || strcmp(key, "expect") == 0)
    return true;
  if (strcmp(key, "names") == 0)
    return json_is_object(value) ? kh_eval_names_are_right(value, wrong)
                                 : refuse(wrong, key, "must be an object", NULL);
  if (strcmp(key, "without") == 0)
    return are_roots(value) || refuse(wrong, key, "must be a list of parts, such as \"job\"", NULL);
  if (strcmp(key, "validate_only") == 0)
    return json_is_boolean(value) || refuse(wrong, key, "must be true or false", NULL);
  return json_is_string(value) || refuse(wrong, key, "must be a text", NULL);
}

bool kh_eval_line_is_right(const json_t *line, char wrong[KH_EVAL_WRONG_BYTES])
{
  json_t *tree = (json_t *)(uintptr_t)line; /* jansson's iterators take no const */
  const char *key = NULL;
  json_t *value = NULL;

  if (!json_is_string(json_object_get(line, "expression"))) {
    (void)snprintf(wrong, KH_EVAL_WRONG_BYTES, "this line is no JSON object with an \"expression\"");
    return false;
  }
  json_object_foreach(tree, key, value)
  {
    if (!is_member_right(key, value, wrong))
      return false;
  }
  return true;
}
