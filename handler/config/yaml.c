#include "base/base.h"

#include "base/nearest.h"
#include "config/parts.h"
#include "config/yaml_reader.h"

static enum kh_err next_event(struct kh_yaml_reader *reader, yaml_event_t *event)
{
  return yaml_parser_parse(&reader->parser, event) ? KH_OK : kh_yaml_syntax_mistake(reader);
}

static void refuse_tag(struct kh_yaml_reader *reader, const yaml_char_t *tag, yaml_mark_t at)
{
  if (!tag || reader->is_foreign)
    return;
  reader->mistaken = true;
  (void)kh_yaml_mistake(reader, at, "tags are not supported; quote a text that begins with !");
}

static struct kh_place place_of(yaml_mark_t at)
{
  return (struct kh_place){(unsigned)at.line + 1, (unsigned)at.column + 1};
}

static bool has_nul(const yaml_event_t *event)
{
  return memchr(event->data.scalar.value, '\0', event->data.scalar.length) != NULL;
}

static enum kh_err read_node(struct kh_yaml_reader *reader, const yaml_event_t *event, json_t **node);

static enum kh_err read_items(struct kh_yaml_reader *reader, json_t *array)
{
  enum kh_err err = KH_OK;
  bool ended = false;

  while (!err && !ended) {
    yaml_event_t event;
    json_t *item = NULL;

    err = next_event(reader, &event);
    ended = event.type == YAML_SEQUENCE_END_EVENT;
    if (!err && !ended) {
      err = read_node(reader, &event, &item);
      if (!err && json_array_append(array, item) != 0)
        err = KH_ERR_NO_MEMORY;
    }
    json_decref(item);
    yaml_event_delete(&event);
  }
  return err;
}

static bool is_merge_key(const yaml_event_t *event)
{
  return event->type == YAML_SCALAR_EVENT && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
         strcmp((const char *)event->data.scalar.value, "<<") == 0;
}

/* True when the key may be used; otherwise its value is read and left out. */
static bool check_key(struct kh_yaml_reader *reader, const json_t *object, const yaml_event_t *event)
{
  const char *wrong = NULL;
  char text[128];

  if (event->type != YAML_SCALAR_EVENT) {
    wrong = "a key must be a plain text; quote a text that begins with { or [ or *";
  } else if (event->data.scalar.tag && !reader->is_foreign) {
    wrong = "a key with a tag";
  } else if (has_nul(event)) {
    wrong = "a key with a NUL byte";
  } else if (is_merge_key(event)) {
    wrong = "merge keys (<<) are not supported; write the keys out";
  } else if (json_object_get(object, (const char *)event->data.scalar.value)) {
    const struct kh_place place = kh_yaml_key_place(reader->yaml, object,
                                                    (const char *)event->data.scalar.value);

    (void)snprintf(text, sizeof text, "this key stands already on line %u; remove one of the two",
                   place.line);
    wrong = text;
  }
  if (!wrong)
    return true;
  reader->mistaken = true;
  (void)kh_yaml_mistake(reader, event->start_mark, "%s", wrong);
  return false;
}

static enum kh_err add_member(struct kh_yaml_reader *reader, json_t *object, const yaml_event_t *key,
                              json_t *value)
{
  const char *text = (const char *)key->data.scalar.value;

  if (json_object_set(object, text, value) != 0)
    return KH_ERR_NO_MEMORY;
  return kh_yaml_mark(reader->yaml, object, json_object_iter_key(json_object_iter_at(object, text)),
                      place_of(key->start_mark));
}

/* What stands behind merge keys comes last: an OBJECT's own keys win, and of several mappings the first. */
static enum kh_err merge(json_t *object, json_t *merged)
{
  size_t i = 0;
  json_t *one = NULL;
  enum kh_err err = KH_OK;

  if (json_is_object(merged))
    return json_object_update_missing(object, merged) ? KH_ERR_NO_MEMORY : KH_OK;
  json_array_foreach(merged, i, one)
  {
    if (!err)
      err = merge(object, one);
  }
  return err;
}

/* MERGED gets what stands behind merge keys. */
static enum kh_err read_member(struct kh_yaml_reader *reader, json_t *object, const yaml_event_t *key,
                               json_t *merged)
{
  yaml_event_t event = {0};
  json_t *left_out = NULL;
  json_t *value = NULL;
  const bool merges = reader->is_foreign && is_merge_key(key);
  const bool usable = merges || check_key(reader, object, key);
  enum kh_err err = kh_yaml_count(reader, key->start_mark);

  if (!err && key->type != YAML_SCALAR_EVENT)
    err = read_node(reader, key, &left_out);
  if (!err)
    err = next_event(reader, &event);
  if (!err)
    err = read_node(reader, &event, &value);
  if (!err && merges)
    err = json_array_append(merged, value) ? KH_ERR_NO_MEMORY : KH_OK;
  else if (!err && usable)
    err = add_member(reader, object, key, value);
  yaml_event_delete(&event);
  json_decref(value);
  json_decref(left_out);
  return err;
}

/* The one of the stop keys that EVENT is, or NULL. */
static const char *stop_key_of(const struct kh_yaml_reader *reader, const yaml_event_t *event)
{
  if (!reader->stop_keys || reader->depth != 1 || event->type != YAML_SCALAR_EVENT)
    return NULL;
  return reader
      ->stop_keys[kh_word_place(kh_str_of((const char *)event->data.scalar.value), reader->stop_keys)];
}

static enum kh_err read_members(struct kh_yaml_reader *reader, json_t *object)
{
  json_t *merged = reader->is_foreign ? json_array() : NULL;
  enum kh_err err = KH_OK;
  bool ended = false;

  while (!err && !ended) {
    yaml_event_t event;

    err = next_event(reader, &event);
    if (!err)
      reader->yaml->stopped_at = stop_key_of(reader, &event);
    ended = event.type == YAML_MAPPING_END_EVENT || reader->yaml->stopped_at;
    if (!err && !ended)
      err = read_member(reader, object, &event, merged);
    yaml_event_delete(&event);
  }
  if (!err)
    err = merge(object, merged);
  json_decref(merged);
  return err;
}

static enum kh_err read_scalar(struct kh_yaml_reader *reader, const yaml_event_t *event, json_t **node)
{
  refuse_tag(reader, event->data.scalar.tag, event->start_mark);
  if (has_nul(event)) {
    reader->mistaken = true;
    (void)kh_yaml_mistake(reader, event->start_mark, "a NUL byte in a text; remove it");
  }
  *node = json_stringn((const char *)event->data.scalar.value, event->data.scalar.length);
  if (!*node)
    return KH_ERR_NO_MEMORY;
  return kh_yaml_mark(reader->yaml, *node, NULL, place_of(event->start_mark));
}

static enum kh_err read_collection(struct kh_yaml_reader *reader, const yaml_event_t *event, json_t **node)
{
  bool is_mapping = event->type == YAML_MAPPING_START_EVENT;
  enum kh_err err = kh_yaml_enter(reader, event->start_mark);

  refuse_tag(reader, is_mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag,
             event->start_mark);
  *node = is_mapping ? json_object() : json_array();
  if (!*node)
    return KH_ERR_NO_MEMORY;
  if (!err)
    err = kh_yaml_mark(reader->yaml, *node, NULL, place_of(event->start_mark));
  if (!err)
    err = is_mapping ? read_members(reader, *node) : read_items(reader, *node);
  reader->depth--;
  return err;
}

static enum kh_err read_node(struct kh_yaml_reader *reader, const yaml_event_t *event, json_t **node)
{
  if (event->type == YAML_ALIAS_EVENT)
    return kh_yaml_read_alias(reader, event, node);

  enum kh_err err = kh_yaml_count(reader, event->start_mark);
  if (err)
    return err;
  if (event->type == YAML_SCALAR_EVENT) {
    err = read_scalar(reader, event, node);
    return err ? err : kh_yaml_add_anchor(reader, event->data.scalar.anchor, *node, event->start_mark);
  }
  err = read_collection(reader, event, node);
  if (err)
    return err;
  /* Only now, so that an alias inside its own anchor finds none: a tree has no cycle. */
  return kh_yaml_add_anchor(reader,
                            event->type == YAML_MAPPING_START_EVENT ? event->data.mapping_start.anchor
                                                                    : event->data.sequence_start.anchor,
                            *node, event->start_mark);
}

static enum kh_err read_document(struct kh_yaml_reader *reader, const yaml_event_t *event)
{
  json_t *document = NULL;
  enum kh_err err = read_node(reader, event, &document);

  if (!err && json_array_append(reader->yaml->root, document))
    err = KH_ERR_NO_MEMORY;
  json_decref(document);
  return err;
}

static enum kh_err read_event(struct kh_yaml_reader *reader, const yaml_event_t *event)
{
  enum kh_err err = KH_OK;

  switch (event->type) {
  case YAML_STREAM_START_EVENT:
  case YAML_STREAM_END_EVENT:
  case YAML_DOCUMENT_END_EVENT:
    return KH_OK;
  case YAML_DOCUMENT_START_EVENT:
    if (reader->yaml->root && !reader->is_foreign)
      return kh_yaml_mistake(reader, event->start_mark, "a second document; one file holds one");
    return KH_OK;
  default:
    if (reader->is_foreign)
      return read_document(reader, event);
    err = read_node(reader, event, &reader->yaml->root);
    if (!err && reader->is_list && !json_is_array(reader->yaml->root))
      return kh_yaml_mistake(
          reader, event->start_mark,
          "an included file is a list of rules: lines that begin with `- `, without `notify:`");
    if (!err && !reader->is_list && !json_is_object(reader->yaml->root))
      err = kh_yaml_mistake(reader, event->start_mark, "the file must be a mapping: lines of `key: value`");
    return err;
  }
}

static enum kh_err read_stream(struct kh_yaml_reader *reader)
{
  enum kh_err err = KH_OK;
  bool ended = false;

  while (!err && !ended) {
    yaml_event_t event;

    err = next_event(reader, &event);
    if (!err)
      err = read_event(reader, &event);
    ended = event.type == YAML_STREAM_END_EVENT || reader->yaml->stopped_at;
    yaml_event_delete(&event);
  }
  if (!err && !reader->yaml->root)
    err = kh_yaml_mistake(reader, (yaml_mark_t){0, 0, 0}, "the file is empty; %s",
                          reader->is_table  ? "a table has lines of `key: text`"
                          : reader->is_list ? "a list of rules has lines that begin with `- `"
                                            : "begin with `webhook:`");
  return err;
}

/* A receiver tells no places inside of texts. */
static enum kh_err keep_source(struct kh_yaml *yaml, struct kh_str text, const char *const *stop_keys)
{
  kh_buf_init(&yaml->source, text.len);
  return stop_keys ? KH_OK : kh_buf_add(&yaml->source, text);
}

static enum kh_err read_all(struct kh_yaml_reader *reader, const char *file)
{
  struct kh_yaml *yaml = reader->yaml;
  enum kh_err err = KH_ERR_NO_MEMORY;

  *yaml = (struct kh_yaml){0};
  reader->text = kh_without_bom(reader->text);
  (void)snprintf(yaml->file, sizeof yaml->file, "%s", file);
  if (reader->is_foreign)
    yaml->root = json_array();
  if (!keep_source(yaml, reader->text, reader->stop_keys) && yaml_parser_initialize(&reader->parser)) {
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input(&reader->parser, kh_yaml_give_line, reader);
    err = read_stream(reader);
  }
  if (err == KH_ERR_NO_MEMORY)
    (void)kh_diags_add(reader->diags, err, yaml->file, 0, 0, "no memory left to read it");
  yaml_parser_delete(&reader->parser);
  for (size_t i = 0; i < reader->anchor_count; i++) {
    free(reader->anchors[i].name);
    json_decref(reader->anchors[i].node);
  }
  if (err) {
    json_decref(yaml->root);
    yaml->root = NULL;
  }
  return err ? err : reader->mistaken ? KH_ERR_CONFIG : KH_OK;
}

enum kh_err kh_yaml_read(struct kh_yaml *yaml, const char *file, struct kh_str text,
                         const char *const *stop_keys, struct kh_diags *diags)
{
  struct kh_yaml_reader reader = {.yaml = yaml, .diags = diags, .text = text, .stop_keys = stop_keys};

  return read_all(&reader, file);
}

enum kh_err kh_yaml_read_list(struct kh_yaml *yaml, const char *file, struct kh_str text,
                              struct kh_diags *diags)
{
  struct kh_yaml_reader reader = {.yaml = yaml, .diags = diags, .text = text, .is_list = true};

  return read_all(&reader, file);
}

enum kh_err kh_yaml_read_table(struct kh_yaml *yaml, const char *file, struct kh_str text,
                               struct kh_diags *diags)
{
  struct kh_yaml_reader reader = {.yaml = yaml, .diags = diags, .text = text, .is_table = true};

  return read_all(&reader, file);
}

enum kh_err kh_yaml_read_foreign(struct kh_yaml *yaml, const char *file, struct kh_str text,
                                 struct kh_diags *diags)
{
  struct kh_yaml_reader reader = {.yaml = yaml, .diags = diags, .text = text, .is_foreign = true};
  enum kh_err err = read_all(&reader, file);

  return yaml->root ? KH_OK : err;
}
