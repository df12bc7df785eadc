#include "base/base.h"

#include "config/parts.h"

/* A file whose items are read; `above` includes it. */
struct level {
  const char *path;  /* absolute */
  const char *shown; /* as messages name it */
  const struct level *above;
  unsigned depth;
};

struct inclusion {
  struct kh_config *config;
  struct kh_diags *diags;
  json_t *items; /* owned; so far */
  size_t files;  /* asked for; with one more than may be, nothing else is looked at */
};

static enum kh_err add_items(struct inclusion *to, const json_t *items, const struct level *level);

static enum kh_err refuse(const struct inclusion *to, const json_t *item, const char *text)
{
  return kh_config_mistake(to->config, item, "include", to->diags, "%s", text);
}

static bool is_open(const struct level *level, const char *path)
{
  while (level && strcmp(level->path, path) != 0)
    level = level->above;
  return level != NULL;
}

/* Whoever pastes a secret behind `include:` or `file:` writes no name of a YAML file. */
static bool may_be_told(const char *text)
{
  const struct kh_str path = kh_str_of(text);

  return !strstr(text, "://") &&
         (text[0] == '/' || kh_str_starts(path, KH_STR("./")) || kh_str_starts(path, KH_STR("../")) ||
          kh_str_ends(path, KH_STR(".yml")) || kh_str_ends(path, KH_STR(".yaml")));
}

enum kh_err kh_config_include_file(struct kh_config *config, const json_t *node, const char *key,
                                   const struct kh_file_names *names, struct kh_included **file,
                                   struct kh_diags *diags)
{
  struct kh_diag why = {0};
  struct kh_buf text;
  unsigned mode = 0;

  *file = calloc(1, sizeof **file);
  if (!*file)
    return KH_ERR_NO_MEMORY;
  (*file)->next = config->included;
  config->included = *file;
  (void)snprintf((*file)->path, sizeof(*file)->path, "%s", names->path);
  kh_buf_init(&text, KH_YAML_MAX_BYTES);
  enum kh_err err = kh_config_load(config, names->path, &text, &mode, &why);
  if (err)
    err = kh_config_mistake(config, node, key, diags, "cannot read %s: %s; %s",
                            may_be_told(kh_config_text(json_object_get(node, key)))
                                ? names->shown
                                : "the file that is named here",
                            why.text, kh_config_load_cure(err));
  else if (names->is_list)
    err = kh_yaml_read_list(&(*file)->yaml, names->shown, kh_buf_view(&text), diags);
  else
    err = kh_yaml_read_table(&(*file)->yaml, names->shown, kh_buf_view(&text), diags);
  kh_wipe_buf(&text);
  return err;
}

static enum kh_err include(struct inclusion *to, const json_t *item, const struct level *from)
{
  const char *text = kh_config_text(json_object_get(item, "include"));
  struct kh_included *file = NULL;
  char path[KH_PATH_BYTES] = "";
  char shown[KH_PATH_BYTES] = "";

  if (json_object_size(item) > 1)
    return refuse(to, item, "`include` stands alone: what a rule of that file needs is written there");
  if (!text || !*text)
    return refuse(to, item, "`include` takes one path, such as `- include: rules/web.yml`");
  if (!kh_path_beside(from->path, text, path) || !kh_path_beside(from->shown, text, shown))
    return refuse(to, item, "the path is too long");
  if (is_open(from, path))
    return refuse(to, item, "this file includes itself, here or by way of another one");
  if (from->depth >= KH_INCLUDE_DEPTH_MAX)
    return kh_config_mistake(to->config, item, "include", to->diags,
                             "included files include others at most %d levels deep", KH_INCLUDE_DEPTH_MAX);
  if (++to->files > KH_INCLUDED_MAX)
    return kh_config_mistake(to->config, item, "include", to->diags, "more than %d included files",
                             KH_INCLUDED_MAX);

  const struct kh_file_names names = {.path = path, .shown = shown, .is_list = true};
  enum kh_err err = kh_config_include_file(to->config, item, "include", &names, &file, to->diags);
  const struct level level = {file ? file->path : path, shown, from, from->depth + 1};
  if (file && file->yaml.root)
    err = kh_first_err(err, add_items(to, file->yaml.root, &level));
  return err;
}

static enum kh_err add_items(struct inclusion *to, const json_t *items, const struct level *level)
{
  enum kh_err err = KH_OK;

  for (size_t i = 0; i < json_array_size(items) && to->files <= KH_INCLUDED_MAX; i++) {
    json_t *item = json_array_get(items, i);

    if (json_object_get(item, "include"))
      err = kh_first_err(err, include(to, item, level));
    else if (json_array_append(to->items, item) != 0)
      err = KH_ERR_NO_MEMORY;
  }
  return err;
}

static bool includes(const json_t *items)
{
  for (size_t i = 0; i < json_array_size(items); i++)
    if (json_object_get(json_array_get(items, i), "include"))
      return true;
  return false;
}

enum kh_err kh_config_include(struct kh_config *config, struct kh_diags *diags)
{
  struct inclusion to = {.config = config, .diags = diags};
  const struct level top = {.path = config->path, .shown = config->yaml.file};

  if (!includes(config->notify))
    return KH_OK;
  to.items = json_array();
  if (!to.items)
    return KH_ERR_NO_MEMORY;
  enum kh_err err = add_items(&to, config->notify, &top);
  config->expanded = to.items;
  config->notify = to.items;
  return err;
}
