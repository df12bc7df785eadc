#include "base/base.h"

#include "base/secret.h"
#include "config/yaml.h"

struct kh_yaml_mark {
  json_t *node; /* owned: a freed node's address could come back as another node's */
  const char *key;
  struct kh_place place;
};

enum kh_err kh_yaml_mark(struct kh_yaml *yaml, json_t *node, const char *key, struct kh_place place)
{
  struct kh_yaml_mark *grown = kh_grown(yaml->marks, yaml->mark_count, &yaml->mark_room, 64, sizeof *grown);

  if (!grown)
    return KH_ERR_NO_MEMORY;
  yaml->marks = grown;
  yaml->marks[yaml->mark_count++] = (struct kh_yaml_mark){json_incref(node), key, place};
  return KH_OK;
}

static bool is_same(const struct kh_yaml_mark *mark, const json_t *node, const char *key)
{
  if (mark->node != node || !mark->key != !key)
    return false;
  return !key || strcmp(mark->key, key) == 0;
}

struct kh_place kh_yaml_key_place(const struct kh_yaml *yaml, const json_t *object, const char *key)
{
  for (size_t i = 0; i < yaml->mark_count; i++)
    if (is_same(&yaml->marks[i], object, key))
      return yaml->marks[i].place;
  return (struct kh_place){0};
}

struct kh_place kh_yaml_place(const struct kh_yaml *yaml, const json_t *node)
{
  return kh_yaml_key_place(yaml, node, NULL);
}

void kh_yaml_release(struct kh_yaml *yaml)
{
  for (size_t i = 0; i < yaml->mark_count; i++)
    json_decref(yaml->marks[i].node);
  free(yaml->marks);
  json_decref(yaml->root);
  kh_wipe_buf(&yaml->source);
  *yaml = (struct kh_yaml){0};
}
