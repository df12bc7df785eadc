#include "base/base.h"

#include "config/parts.h"

enum { SHORT_BYTES = 8 };

/* A reference to a secret while it is resolved. No message quotes what stands in it: it could be the secret. */
struct reference {
  struct kh_config *config;
  const json_t *node;
  const char *where;
  struct kh_diags *diags;
};

static enum kh_err mistake(const struct reference *from, const char *key, const char *text)
{
  return kh_config_mistake(from->config, from->node, key, from->diags, "%s: %s", from->where, text);
}

static enum kh_err set_value(const struct reference *from, const char *key, struct kh_str value,
                             struct kh_secret *secret)
{
  if (kh_str_ends(value, KH_STR("\r\n")))
    value.len -= 2;
  else if (kh_str_ends(value, KH_STR("\n")))
    value.len--;
  if (value.len == 0)
    return mistake(from, key, "the secret is empty");
  if (memchr(value.at, '\n', value.len))
    kh_config_warning(from->config, from->node, key, from->diags,
                      "%s: the secret has more than one line; all of them count", from->where);
  enum kh_err err = kh_secret_set(secret, value);
  if (err == KH_ERR_LIMIT)
    return kh_config_mistake(from->config, from->node, key, from->diags,
                             "%s: the secret is longer than %d bytes", from->where, KH_SECRET_MAX_BYTES);
  return err ? mistake(from, key, "no memory left for the secret") : KH_OK;
}

/* Whoever pastes a secret behind `file:` writes no slash first; a path that somebody wrote may be told. */
static bool is_written_as_path(const char *text)
{
  return text[0] == '/' || strncmp(text, "./", 2) == 0 || strncmp(text, "../", 3) == 0;
}

static enum kh_err read_file(const struct reference *from, const char *text, struct kh_secret *secret)
{
  char path[KH_PATH_BYTES];
  struct kh_buf value;
  struct kh_diag why = {0};
  unsigned mode = 0;

  kh_buf_init(&value, KH_SECRET_MAX_BYTES + 2);
  if (!kh_config_resolve(from->config, text, path))
    return mistake(from, "file", "the path is empty or too long");
  enum kh_err err = kh_config_load(from->config, path, &value, &mode, &why);
  if (err) {
    err = kh_config_mistake(from->config, from->node, "file", from->diags, "%s: cannot read %s: %s; %s",
                            from->where, is_written_as_path(text) ? path : "the file that is named here",
                            why.text, kh_config_load_cure(err));
  } else {
    if (mode & 0004)
      kh_config_warning(from->config, from->node, "file", from->diags,
                        "%s: every user may read %s; type `chmod o-r %s`", from->where, path, path);
    err = set_value(from, "file", kh_buf_view(&value), secret);
  }
  kh_config_wipe(&value);
  return err;
}

static struct kh_str find_in_environment(const char *const *environment, const char *name)
{
  size_t len = strlen(name);

  for (; environment && *environment; environment++)
    if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
      return kh_str_of(*environment + len + 1);
  return KH_NO_STR;
}

/* Names in capitals may be told; anything else could be the secret itself, pasted into the wrong place. */
static bool is_in_capitals(const char *name)
{
  return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == strlen(name) && strlen(name) <= 64;
}

static enum kh_err read_env(const struct reference *from, const char *name, struct kh_secret *secret)
{
  struct kh_config *config = from->config;
  const char *shown = is_in_capitals(name) ? name : "the variable that is named here";

  if (!kh_env_name_is_valid(kh_str_of(name)))
    return mistake(from, "env", "`env` takes the name of a variable: letters, digits and _");
  if (kh_str_starts(kh_str_of(name), KH_STR("HTTP_")))
    return mistake(from, "env", "a caller can set variables that begin with HTTP_; take another name");

  struct kh_str value = kh_env_file_get(&config->env_file, name);
  if (!value.at) {
    value = find_in_environment(config->environment, name);
    if (value.at && config->depth != KH_CONFIG_RECEIVER && config->state[0] &&
        config->worker_mode == KH_WORKER_START)
      kh_config_warning(
          config, from->node, "env", from->diags,
          "%s: %s is set in the process environment only; a worker that a receiver starts has none, "
          "so name it in `env_file`, or use `file`",
          from->where, shown);
  }
  if (!value.at)
    return kh_config_mistake(
        config, from->node, "env", from->diags,
        "%s: %s is set neither in `env_file` nor in the environment; web servers clear the "
        "environment of a CGI, so write it into the file that `env_file` names",
        from->where, shown);
  return set_value(from, "env", value, secret);
}

static enum kh_err refuse_key(const struct reference *from, const char *key, bool named)
{
  static const char *const keys[] = {"file", "env", "name", NULL};
  static const char *const keys_without_name[] = {"file", "env", NULL};
  const char *meant = kh_config_suggest(key, named ? keys : keys_without_name);

  if (!meant)
    return mistake(from, key, "unknown key; write `file: PATH` or `env: NAME`");
  return kh_config_mistake(from->config, from->node, key, from->diags, "%s: unknown key; did you mean `%s`?",
                           from->where, meant);
}

static enum kh_err check_keys(const struct reference *from, bool named)
{
  json_t *tree = (json_t *)(uintptr_t)from->node; /* jansson's iterators take no const */
  enum kh_err err = KH_OK;
  const char *key;
  json_t *value;

  json_object_foreach(tree, key, value)
  {
    bool known = strcmp(key, "file") == 0 || strcmp(key, "env") == 0 || (named && strcmp(key, "name") == 0);

    if (!known)
      err = refuse_key(from, key, named);
    else if (!kh_config_text(value))
      err = mistake(from, key, "must be a text");
  }
  return err;
}

static enum kh_err resolve(const struct reference *from, bool named, struct kh_secret *secret)
{
  if (!json_is_object(from->node))
    return mistake(from, NULL, "a secret does not belong into this file; write {file: PATH} or {env: NAME}");

  const json_t *file = json_object_get(from->node, "file");
  const json_t *env = json_object_get(from->node, "env");
  enum kh_err err = check_keys(from, named);

  if (err)
    return err;
  if (file && env)
    return mistake(from, "env", "has `file` and `env`; remove one of them");
  if (file)
    return read_file(from, kh_config_text(file), secret);
  if (env)
    return read_env(from, kh_config_text(env), secret);
  return mistake(from, NULL, "needs `file: PATH` or `env: NAME`");
}

enum kh_err kh_config_secret(struct kh_config *config, const json_t *reference, const char *where,
                             struct kh_secret *secret, struct kh_diags *diags)
{
  const struct reference from = {config, reference, where, diags};

  return resolve(&from, false, secret);
}

static bool is_name(const char *text)
{
  size_t len = strlen(text);

  return len > 0 && len < KH_NAME_BYTES && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

static enum kh_err set_name(const struct reference *from, struct kh_secret_list *list, bool single,
                            struct kh_named_secret *named)
{
  const char *text = kh_config_text(json_object_get(from->node, "name"));

  if (!text && single)
    text = "default";
  if (!text)
    return mistake(from, NULL, "each secret of a list needs a `name`, which the log tells");
  if (!is_name(text))
    return mistake(from, "name", "a name is 1 to 32 of a-z, 0-9, _ and -");
  for (size_t i = 0; i < list->count; i++)
    if (strcmp(list->at[i].name, text) == 0)
      return mistake(from, "name", "this name is taken by a secret above");
  (void)snprintf(named->name, sizeof named->name, "%s", text);
  return KH_OK;
}

static enum kh_err add_secret(const struct reference *from, bool single, struct kh_secret_list *list)
{
  if (list->count == KH_SECRETS_MAX)
    return kh_config_mistake(from->config, from->node, NULL, from->diags, "%s: more than %d secrets",
                             from->where, KH_SECRETS_MAX);

  struct kh_named_secret *named = &list->at[list->count];
  enum kh_err err = resolve(from, true, &named->secret);
  if (json_is_object(from->node))
    err = kh_first_err(err, set_name(from, list, single, named));
  if (!err && named->secret.len < SHORT_BYTES)
    kh_config_warning(from->config, from->node, NULL, from->diags,
                      "%s: the secret is shorter than %d bytes, and so easy to guess", from->where,
                      SHORT_BYTES);
  if (err)
    kh_secret_release(&named->secret);
  else
    list->count++;
  return err;
}

enum kh_err kh_config_secrets(const struct kh_section *webhook, const char *key, struct kh_secret_list *list)
{
  const json_t *node = json_object_get(webhook->object, key);
  enum kh_err err = KH_OK;
  char where[64];
  size_t index;
  json_t *item;

  (void)snprintf(where, sizeof where, "%s%s", webhook->name, key);
  struct reference from = {webhook->config, node, where, webhook->diags};
  if (!node)
    return KH_OK;
  if (!json_is_array(node))
    return add_secret(&from, true, list);
  if (json_array_size(node) == 0)
    return mistake(&from, NULL, "the list is empty; without a secret nothing can be proven");
  json_array_foreach(node, index, item)
  {
    from.node = item;
    err = kh_first_err(err, add_secret(&from, false, list));
  }
  return err;
}

void kh_config_secrets_release(struct kh_secret_list *list)
{
  for (size_t i = 0; i < KH_COUNT(list->at); i++)
    kh_secret_release(&list->at[i].secret);
  list->count = 0;
}
