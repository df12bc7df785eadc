#include "base/base.h"

#include "notify/github/annotations.h"

/* Sources: docs.github.com/en/rest/checks/runs; buildkite.com/docs, "GitHub check annotations". */
enum { ANNOTATIONS_MAX = 50, MESSAGE_MAX_BYTES = 64 * 1024 };

static const char *const levels[] = {"notice", "warning", "failure", NULL};

static const struct member {
  const char *name;
  bool required, is_number;
} members[] = {
    {"path", true, false},       {"start_line", true, true},
    {"end_line", true, true},    {"annotation_level", true, false},
    {"message", true, false},    {"start_column", false, true},
    {"end_column", false, true},
};

static bool is_level(const char *text)
{
  size_t i = 0;

  while (levels[i] && strcmp(levels[i], text) != 0)
    i++;
  return levels[i] != NULL;
}

static bool is_good(const struct member *member, const char *text, uint64_t *number)
{
  if (member->is_number)
    return kh_str_u64(kh_str_of(text), number) && *number > 0 && *number < INT32_MAX;
  if (strcmp(member->name, "annotation_level") == 0)
    return is_level(text);
  return *text && strlen(text) <= MESSAGE_MAX_BYTES;
}

static enum kh_err take_member(const struct kh_config *config, const json_t *given,
                               const struct member *member, json_t *to, struct kh_diags *diags)
{
  const char *text = kh_config_text(json_object_get(given, member->name));
  uint64_t number = 0;

  if (!json_object_get(given, member->name) && !member->required)
    return KH_OK;
  if (!text || !is_good(member, text, &number))
    return kh_config_mistake(config, given, text ? member->name : NULL, diags, "an annotation needs `%s`: %s",
                             member->name,
                             member->is_number                               ? "a number from 1 on"
                             : strcmp(member->name, "annotation_level") == 0 ? "notice, warning or failure"
                                                                             : "a text");
  json_t *value = member->is_number ? json_integer((json_int_t)number) : json_string(text);
  return json_object_set_new(to, member->name, value) ? KH_ERR_NO_MEMORY : KH_OK;
}

static enum kh_err take_one(struct kh_config *config, const json_t *given, json_t *list,
                            struct kh_diags *diags)
{
  const char *known[KH_COUNT(members) + 1] = {NULL};
  json_t *to = json_object();

  for (size_t i = 0; i < KH_COUNT(members); i++)
    known[i] = members[i].name;
  enum kh_err err = json_is_object(given)
                        ? kh_config_known_keys(config, given, known, diags)
                        : kh_config_mistake(config, given, NULL, diags,
                                            "an annotation is a mapping: `{path: src/main.c, start_line: 1, "
                                            "end_line: 1, annotation_level: warning, message: TEXT}`");
  for (size_t i = 0; json_is_object(given) && i < KH_COUNT(members); i++) {
    const enum kh_err one = take_member(config, given, &members[i], to, diags);

    err = one ? one : err;
  }
  if (!err && json_array_append(list, to))
    err = KH_ERR_NO_MEMORY;
  json_decref(to);
  return err;
}

enum kh_err kh_github_take_annotations(struct kh_config *config, const json_t *output, json_t **made,
                                       struct kh_diags *diags)
{
  json_t *given = json_object_get(output, "annotations");
  enum kh_err err = KH_OK;
  size_t i = 0;
  json_t *one;

  if (!given)
    return KH_OK;
  if (!json_is_array(given) || json_array_size(given) > ANNOTATIONS_MAX)
    return kh_config_mistake(config, output, "annotations", diags, "annotations are a list of up to %d",
                             ANNOTATIONS_MAX);
  json_t *list = json_array();
  json_array_foreach(given, i, one)
  {
    const enum kh_err taken = take_one(config, one, list, diags);

    err = taken ? taken : err;
  }
  if (!err && json_array_size(list) > 0)
    *made = json_pack("{s:O}", "annotations", list);
  json_decref(list);
  return err;
}
