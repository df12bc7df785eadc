#include "base/base.h"

#include "base/secret.h"
#include "config/yaml.h"

struct kh_yaml_mark {
  json_t *node; /* owned: a freed node's address could come back as another node's */
  const char *key;
  unsigned line, column;
};

enum kh_err kh_yaml_mark(struct kh_yaml *yaml, json_t *node, const char *key, size_t line, size_t column)
{
  struct kh_yaml_mark *grown = kh_grown(yaml->marks, yaml->mark_count, &yaml->mark_room, 64, sizeof *grown);

  if (!grown)
    return KH_ERR_NO_MEMORY;
  yaml->marks = grown;
  yaml->marks[yaml->mark_count++] = (struct kh_yaml_mark){
      .node = json_incref(node), .key = key, .line = (unsigned)line, .column = (unsigned)column};
  return KH_OK;
}

static bool is_same(const struct kh_yaml_mark *mark, const json_t *node, const char *key)
{
  if (mark->node != node || !mark->key != !key)
    return false;
  return !key || strcmp(mark->key, key) == 0;
}

static const struct kh_yaml_mark *find(const struct kh_yaml *yaml, const json_t *node, const char *key)
{
  static const struct kh_yaml_mark nowhere = {0};

  for (size_t i = 0; i < yaml->mark_count; i++)
    if (is_same(&yaml->marks[i], node, key))
      return &yaml->marks[i];
  return &nowhere;
}

void kh_yaml_place(const struct kh_yaml *yaml, const json_t *node, unsigned *line, unsigned *column)
{
  kh_yaml_key_place(yaml, node, NULL, line, column);
}

void kh_yaml_key_place(const struct kh_yaml *yaml, const json_t *object, const char *key, unsigned *line,
                       unsigned *column)
{
  const struct kh_yaml_mark *mark = find(yaml, object, key);

  *line = mark->line;
  *column = mark->column;
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
