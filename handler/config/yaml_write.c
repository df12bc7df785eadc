#include "base/base.h"

#include "config/yaml_write.h"

#include <yaml.h>

enum { SHORT_LIST_BYTES = 64 };

struct writer {
  yaml_emitter_t emitter;
  enum kh_err err;
};

/* libyaml frees EVENT, also where it fails. */
static void emit(struct writer *writer, int is_made, yaml_event_t *event)
{
  if (!is_made)
    writer->err = KH_ERR_NO_MEMORY;
  else if (!yaml_emitter_emit(&writer->emitter, event))
    writer->err = writer->emitter.error == YAML_MEMORY_ERROR ? KH_ERR_NO_MEMORY : KH_ERR_RENDER;
}

static void write_scalar(struct writer *writer, const char *text, size_t len, yaml_scalar_style_t style)
{
  yaml_event_t event;

  emit(writer,
       yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)len, 1, 1, style),
       &event);
}

/* A block that ends in empty lines would need the document's end behind it. */
static bool is_block(const char *text, size_t len)
{
  return memchr(text, '\n', len) && (text[len - 1] != '\n' || (len > 1 && text[len - 2] != '\n'));
}

static void write_text(struct writer *writer, const char *text, size_t len)
{
  write_scalar(writer, text, len, is_block(text, len) ? YAML_LITERAL_SCALAR_STYLE : YAML_ANY_SCALAR_STYLE);
}

/* Plain it would be a merge key. */
static void write_key(struct writer *writer, const char *key)
{
  write_scalar(writer, key, strlen(key),
               strcmp(key, "<<") == 0 ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_ANY_SCALAR_STYLE);
}

static bool is_reference(const json_t *object)
{
  return json_object_size(object) == 1 && json_is_string(json_object_get(object, "env"));
}

static void write_node(struct writer *writer, json_t *node);

static void write_object(struct writer *writer, json_t *object)
{
  yaml_event_t event;
  const char *key = NULL;
  json_t *value = NULL;

  emit(writer,
       yaml_mapping_start_event_initialize(
           &event, NULL, NULL, 1, is_reference(object) ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE),
       &event);
  json_object_foreach(object, key, value)
  {
    if (!writer->err)
      write_key(writer, key);
    if (!writer->err)
      write_node(writer, value);
  }
  if (!writer->err)
    emit(writer, yaml_mapping_end_event_initialize(&event), &event);
}

/* [build.failing, build.finished] */
static bool is_short(json_t *array)
{
  size_t bytes = 0;
  size_t i = 0;
  json_t *item = NULL;

  json_array_foreach(array, i, item)
  {
    const char *text = json_string_value(item);

    if (!text || memchr(text, '\n', json_string_length(item)))
      return false;
    bytes += json_string_length(item) + 2;
  }
  return bytes < SHORT_LIST_BYTES;
}

static void write_array(struct writer *writer, json_t *array)
{
  const yaml_sequence_style_t style = is_short(array) ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE;
  yaml_event_t event;
  size_t i = 0;
  json_t *item = NULL;

  emit(writer, yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style), &event);
  json_array_foreach(array, i, item)
  {
    if (!writer->err)
      write_node(writer, item);
  }
  if (!writer->err)
    emit(writer, yaml_sequence_end_event_initialize(&event), &event);
}

static void write_node(struct writer *writer, json_t *node)
{
  if (json_is_object(node))
    write_object(writer, node);
  else if (json_is_array(node))
    write_array(writer, node);
  else if (json_is_string(node) && json_string_length(node) <= INT32_MAX)
    write_text(writer, json_string_value(node), json_string_length(node));
  else
    writer->err = KH_ERR_RENDER;
}

static int give(void *out, unsigned char *text, size_t len)
{
  return kh_buf_add(out, kh_str((const char *)text, len)) == KH_OK;
}

static void write_stream(struct writer *writer, json_t *node)
{
  yaml_event_t event;

  emit(writer, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING), &event);
  if (!writer->err)
    emit(writer, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1), &event);
  if (!writer->err)
    write_node(writer, node);
  if (!writer->err)
    emit(writer, yaml_document_end_event_initialize(&event, 1), &event);
  if (!writer->err)
    emit(writer, yaml_stream_end_event_initialize(&event), &event);
}

enum kh_err kh_yaml_write(json_t *node, bool ascii, struct kh_buf *out)
{
  struct writer writer = {.err = KH_OK};

  if (!yaml_emitter_initialize(&writer.emitter))
    return KH_ERR_NO_MEMORY;
  yaml_emitter_set_output(&writer.emitter, give, out);
  yaml_emitter_set_unicode(&writer.emitter, !ascii);
  yaml_emitter_set_width(&writer.emitter, -1);
  write_stream(&writer, node);
  yaml_emitter_delete(&writer.emitter);
  return kh_buf_ok(out) ? kh_buf_ok(out) : writer.err;
}
