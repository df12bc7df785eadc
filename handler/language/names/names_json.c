#include "base/base.h"

#include "language/names/names_json.h"

static struct kh_str text_of(const json_t *string)
{
  return json_is_string(string) ? kh_str(json_string_value(string), json_string_length(string)) : KH_NO_STR;
}

static bool list_of(const json_t *array, struct kh_arena *arena, struct kh_value *value)
{
  size_t count = json_array_size(array);
  struct kh_str *items = kh_arena_take(arena, count * sizeof *items);

  for (size_t i = 0; items && i < count; i++) {
    items[i] = text_of(json_array_get(array, i));
    if (!items[i].at)
      return false;
  }
  *value = kh_value_list(items, items ? count : 0);
  return items != NULL;
}

static void value_of(void *self, const struct kh_name_info *name, struct kh_arena *arena,
                     struct kh_value *value)
{
  const struct kh_names_json *names = self;
  const json_t *found = json_object_get(names->object, name->text);

  if (json_is_string(found))
    *value = kh_value_text(text_of(found));
  else if (json_is_integer(found))
    *value = kh_value_number(json_integer_value(found));
  else if (json_is_boolean(found))
    *value = kh_value_truth(json_is_true(found));
  else if (json_is_array(found) && !list_of(found, arena, value))
    *value = kh_value_null();
}

static bool member(const json_t *object, struct kh_str key, struct kh_str *value)
{
  *value = text_of(json_object_getn(object, key.at, key.len));
  return value->at != NULL;
}

static bool environment(void *self, enum kh_environment part, struct kh_str name, struct kh_arena *arena,
                        struct kh_str *value)
{
  const struct kh_names_json *names = self;

  (void)arena;
  return part == KH_ENVIRONMENT_BUILD && member(json_object_get(names->object, "env"), name, value);
}

static bool meta_data(void *self, struct kh_str key, struct kh_arena *arena, struct kh_str *value)
{
  const struct kh_names_json *names = self;

  (void)arena;
  return member(json_object_get(names->object, "build.meta_data"), key, value);
}

static bool is_of_root(const char *name, const char *root)
{
  struct kh_str rest = kh_str_of(name);

  return kh_str_equal(kh_str_cut(&rest, '.'), kh_str_of(root));
}

static bool offers(void *self, enum kh_root root)
{
  const struct kh_names_json *names = self;
  struct kh_str event = text_of(json_object_get(names->object, "event"));
  const char *name = NULL;
  json_t *value = NULL;

  for (size_t i = 0; i < json_array_size(names->without); i++)
    if (kh_str_equal(text_of(json_array_get(names->without, i)), kh_str_of(kh_root_name(root))))
      return false;
  if (kh_root_is_of_event(root, event.at ? event : KH_STR("build.finished")))
    return true;
  json_object_foreach(names->object, name, value)
  {
    if (is_of_root(name, kh_root_name(root)))
      return true;
  }
  return false;
}

struct kh_names kh_names_json(struct kh_names_json *self)
{
  return (struct kh_names){self, value_of, environment, meta_data, offers, NULL, NULL};
}
