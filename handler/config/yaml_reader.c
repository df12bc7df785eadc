#include "base/base.h"

#include "config/yaml_reader.h"

static bool begins_with_key(struct kh_str line, const char *key)
{
  const size_t len = strlen(key);

  if (line.len <= len || memcmp(line.at, key, len) != 0)
    return false;
  return line.at[len] == ':' && (line.len == len + 1 || strchr(" \t\r\n", line.at[len + 1]));
}

bool kh_yaml_has_line(struct kh_str text, const char *key)
{
  while (text.len > 0 && !begins_with_key(text, key))
    (void)kh_str_cut(&text, '\n');
  return text.len > 0;
}

/* The one of the stop keys that REST, what libyaml does not have yet, begins with; NULL when none does. */
static const char *stop_key_at(const struct kh_yaml_reader *reader, struct kh_str rest)
{
  const char *const *key = reader->stop_keys;
  const bool at_line = reader->given == 0 || reader->text.at[reader->given - 1] == '\n';

  while (at_line && key && *key && !begins_with_key(rest, *key))
    key++;
  return at_line && key ? *key : NULL;
}

/*
 * By lines, because libyaml decodes all that it is given, and looks a few characters ahead: a receiver must
 * not fail over, or pay for, what stands behind `services:` or `notify:`. So for libyaml the file ends there.
 */
int kh_yaml_give_line(void *self, unsigned char *to, size_t room, size_t *given)
{
  struct kh_yaml_reader *reader = self;
  struct kh_str rest = kh_str(reader->text.at + reader->given, reader->text.len - reader->given);
  const char *end = rest.len > 0 ? memchr(rest.at, '\n', rest.len) : NULL;
  size_t line = end ? (size_t)(end - rest.at) + 1 : rest.len;

  const char *stop_key = stop_key_at(reader, rest);
  if (stop_key) {
    line = strlen(stop_key) + 1;
    reader->text.len = reader->given + line;
  }
  *given = line < room ? line : room;
  if (*given > 0)
    memcpy(to, rest.at, *given);
  reader->given += *given;
  return 1;
}

enum kh_err kh_yaml_mistake(struct kh_yaml_reader *reader, yaml_mark_t at, const char *format, ...)
{
  char text[256];
  va_list values;

  va_start(values, format);
  (void)vsnprintf(text, sizeof text, format, values);
  va_end(values);
  return kh_diags_add(reader->diags, KH_ERR_CONFIG, reader->yaml->file, (unsigned)at.line + 1,
                      (unsigned)at.column + 1, "%s", text);
}

enum kh_err kh_yaml_count(struct kh_yaml_reader *reader, yaml_mark_t at)
{
  if (++reader->nodes > KH_YAML_MAX_NODES && reader->is_table)
    return kh_yaml_mistake(reader, at, "a table has at most %d entries; make two of it", KH_YAML_TABLE_MAX);
  if (reader->nodes > KH_YAML_MAX_NODES)
    return kh_yaml_mistake(reader, at, "too many keys and values: %d at most, aliases counted in full",
                           KH_YAML_MAX_NODES);
  return KH_OK;
}

enum kh_err kh_yaml_enter(struct kh_yaml_reader *reader, yaml_mark_t at)
{
  if (++reader->depth > KH_YAML_MAX_DEPTH)
    return kh_yaml_mistake(reader, at, "nested too deeply: %d levels at most", KH_YAML_MAX_DEPTH);
  return KH_OK;
}

/*
 * Counts NODE as if it were written out here: so no tree that we return is larger or deeper than it may be.
 */
static enum kh_err count_tree(struct kh_yaml_reader *reader, json_t *node, yaml_mark_t at)
{
  enum kh_err err = kh_yaml_count(reader, at);
  size_t index;
  const char *key;
  json_t *child;

  if (err || json_is_string(node))
    return err;
  err = kh_yaml_enter(reader, at);
  json_array_foreach(node, index, child)
  {
    if (!err)
      err = count_tree(reader, child, at);
  }
  json_object_foreach(node, key, child)
  {
    if (!err)
      err = kh_yaml_count(reader, at);
    if (!err)
      err = count_tree(reader, child, at);
  }
  reader->depth--;
  return err;
}

enum kh_err kh_yaml_read_alias(struct kh_yaml_reader *reader, const yaml_event_t *event, json_t **node)
{
  const char *name = (const char *)event->data.alias.anchor;

  for (size_t i = reader->anchor_count; i > 0; i--)
    if (strcmp(reader->anchors[i - 1].name, name) == 0) {
      *node = json_incref(reader->anchors[i - 1].node);
      return count_tree(reader, *node, event->start_mark);
    }
  return kh_yaml_mistake(reader, event->start_mark,
                         "this alias has no anchor before it; quote a text that begins with *");
}

enum kh_err kh_yaml_add_anchor(struct kh_yaml_reader *reader, const yaml_char_t *name, json_t *node,
                               yaml_mark_t at)
{
  if (!name)
    return KH_OK;
  if (reader->anchor_count == KH_YAML_MAX_ANCHORS)
    return kh_yaml_mistake(reader, at, "too many anchors: %d at most", KH_YAML_MAX_ANCHORS);

  char *copy = strdup((const char *)name);
  if (!copy)
    return KH_ERR_NO_MEMORY;
  reader->anchors[reader->anchor_count++] = (struct kh_yaml_anchor){copy, json_incref(node)};
  return KH_OK;
}
