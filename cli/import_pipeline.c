#include "base/base.h"

#include "cli.h"
#include "import.h"

static bool has_any(const json_t *step, const char *const *keys)
{
  for (; *keys; keys++)
    if (json_object_get(step, *keys))
      return true;
  return false;
}

static bool is_command(const json_t *step)
{
  static const char *const others[] = {"wait", "waiter", "block", "input", "manual", "trigger", NULL};
  const char *type = kh_config_text(json_object_get(step, "type"));

  return !has_any(step, others) && (!type || strcmp(type, "command") == 0 || strcmp(type, "script") == 0);
}

/* What stands behind `notify` of OWNER, the build's mapping or a step. */
static void read_notify(const struct kh_import_scope *scope, const json_t *owner)
{
  json_t *notify = json_object_get(owner, "notify");
  const char *text = kh_config_text(notify);
  json_t *entry = NULL;
  size_t i = 0;

  if (!notify || (text && (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0)))
    return;
  if (!json_is_array(notify)) {
    kh_import_refuse(scope, notify, "`notify` is no list");
    return;
  }
  json_array_foreach(notify, i, entry) kh_import_entry(scope, entry);
}

static void read_steps(const struct kh_import_scope *above, json_t *steps)
{
  json_t *step = NULL;
  size_t i = 0;

  json_array_foreach(steps, i, step)
  {
    const bool is_group = json_object_get(step, "group");
    struct kh_import_scope scope = *above;

    scope.step = step;
    scope.level = is_group ? KH_IMPORT_GROUP : is_command(step) ? KH_IMPORT_STEP : KH_IMPORT_OTHER_STEP;
    read_notify(&scope, step);
    if (is_group)
      read_steps(&scope, json_object_get(step, "steps"));
  }
}

static int read_document(struct kh_import *import, const struct kh_yaml *yaml, const char *file,
                         json_t *document)
{
  const bool is_list = json_is_array(document);
  char slug[KH_IMPORT_SLUG_BYTES];
  const char *by = NULL;

  if (!is_list && !json_is_object(document))
    return KH_EXIT_OK;
  if (!kh_import_slug(import, file, document, slug, &by))
    return kh_cli_misused(import->self, "%s: nothing tells which pipeline it is of; give --pipeline", file);
  struct kh_import_scope scope = {.import = import, .yaml = yaml, .pipeline = slug, .level = KH_IMPORT_BUILD};
  json_t *told = json_object();

  json_object_set_new(told, "file", json_string(yaml->file));
  json_object_set_new(told, "pipeline", json_string(slug));
  json_object_set_new(told, "by", json_string(by));
  json_array_append_new(import->files, told);
  if (!is_list)
    read_notify(&scope, document);
  read_steps(&scope, is_list ? document : json_object_get(document, "steps"));
  return KH_EXIT_OK;
}

int kh_import_file(struct kh_import *import, const char *file)
{
  struct kh_diags diags = {0};
  struct kh_yaml yaml = {0};
  struct kh_buf text;
  json_t *document = NULL;
  size_t i = 0;
  int code = KH_EXIT_USAGE;

  kh_buf_init(&text, KH_YAML_MAX_BYTES);
  if (!kh_cli_read(import->self, file, &text))
    goto done;
  const enum kh_err err = kh_yaml_read_foreign(&yaml, strcmp(file, "-") == 0 ? "stdin" : file,
                                               kh_buf_view(&text), &diags);
  kh_cli_print_diags(stderr, &diags);
  if (err)
    goto done;
  kh_import_make_utf8(yaml.file);
  code = KH_EXIT_OK;
  json_array_foreach(yaml.root, i, document)
  {
    if (code == KH_EXIT_OK)
      code = read_document(import, &yaml, file, document);
  }
done:
  kh_wipe_buf(&text);
  kh_yaml_release(&yaml);
  kh_diags_release(&diags);
  return code;
}
