#include "base/base.h"

#include "base/utf8.h"
#include "config/parts.h"

enum { TABLES_MAX = 32 };

static const char *const table_keys[] = {"file", "entries", NULL};

static bool is_name(const char *name)
{
  return strlen(name) < KH_NAME_BYTES && kh_str_is_word(kh_str_of(name), "_");
}

static enum kh_err refuse_form(const struct kh_section *table, const json_t *at, const char *key)
{
  return kh_config_mistake(table->config, at, key, table->diags,
                           "tables.%s: write {file: %s.yml} or {entries: {…}}", table->name, table->name);
}

/* *ENTRIES, borrowed, is left alone after a mistake. */
static enum kh_err read_file(const struct kh_section *table, json_t **entries)
{
  struct kh_config *config = table->config;
  const char *text = kh_config_text(json_object_get(table->object, "file"));
  struct kh_included *file = NULL;
  char path[KH_PATH_BYTES] = "";
  char shown[KH_PATH_BYTES] = "";

  if (!text || !*text)
    return kh_config_mistake(config, table->object, "file", table->diags,
                             "tables.%s: `file` takes one path, such as people.yml", table->name);
  if (!kh_path_beside(config->path, text, path) || !kh_path_beside(config->yaml.file, text, shown))
    return kh_config_mistake(config, table->object, "file", table->diags, "tables.%s: the path is too long",
                             table->name);
  const struct kh_file_names names = {.path = path, .shown = shown};
  enum kh_err err = kh_config_include_file(config, table->object, "file", &names, &file, table->diags);
  if (file && file->yaml.root)
    *entries = file->yaml.root;
  return err;
}

static enum kh_err read_entries(const struct kh_section *table, json_t **entries)
{
  json_t *given = json_object_get(table->object, "entries");

  if (!json_is_object(given))
    return kh_config_mistake(table->config, table->object, "entries", table->diags,
                             "tables.%s: `entries` needs a mapping of texts, such as {main: \"#releases\"}",
                             table->name);
  *entries = given;
  return KH_OK;
}

static enum kh_err read_table(const struct kh_section *table, json_t **entries)
{
  const bool has_file = json_object_get(table->object, "file") != NULL;
  const bool has_entries = json_object_get(table->object, "entries") != NULL;
  enum kh_err err = kh_config_known_keys(table->config, table->object, table_keys, table->diags);

  if (has_file && has_entries)
    return kh_config_mistake(table->config, table->object, "entries", table->diags,
                             "tables.%s has `file` and `entries`; remove one of them", table->name);
  if (!has_file && !has_entries)
    return kh_first_err(err, refuse_form(table, table->object, NULL));
  return kh_first_err(err, has_file ? read_file(table, entries) : read_entries(table, entries));
}

/* One that has a mistake is there, and empty, so that nobody is told that there is none. */
static enum kh_err add_table(const struct kh_section *tables, const char *name, json_t *value)
{
  const struct kh_section table = {tables->config, value, name, tables->diags};
  json_t *entries = NULL;

  if (!is_name(name))
    return kh_config_mistake(tables->config, tables->object, name, tables->diags,
                             "the name of a table has 1 to %d letters, digits and \"_\"", KH_NAME_BYTES - 1);
  enum kh_err err = json_is_object(value) ? read_table(&table, &entries)
                                          : refuse_form(&table, tables->object, name);
  if (json_object_set_new(tables->config->tables, name, entries ? json_incref(entries) : json_object()))
    return KH_ERR_NO_MEMORY;
  return err;
}

enum kh_err kh_config_tables(struct kh_config *config, struct kh_diags *diags)
{
  json_t *node = json_object_get(config->yaml.root, "tables");
  const struct kh_section tables = {config, node, "", diags};
  enum kh_err err = KH_OK;
  const char *name = NULL;
  json_t *value = NULL;

  if (!node)
    return KH_OK;
  if (!json_is_object(node))
    return kh_config_mistake(config, config->yaml.root, "tables", diags,
                             "tables: needs a mapping, such as {people: {file: people.yml}}");
  if (json_object_size(node) > TABLES_MAX)
    return kh_config_mistake(config, config->yaml.root, "tables", diags, "tables: more than %d", TABLES_MAX);
  config->tables = json_object();
  if (!config->tables)
    return KH_ERR_NO_MEMORY;
  json_object_foreach(node, name, value) err = kh_first_err(err, add_table(&tables, name, value));
  return err;
}
