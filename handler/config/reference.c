#include "base/base.h"

#include "base/nearest.h"
#include "config/parts.h"

static const char *const sources[] = {"file", "env", "credential", "ssm", "secretsmanager", NULL};

/* VALUE, which stands behind KEY, without a line end at its end; all mistakes about it. */
static enum kh_err set_secret(const struct kh_reference *from, const char *key, struct kh_str value,
                              struct kh_secret *secret)
{
  value = kh_str_without_line_end(value);
  if (value.len == 0)
    return kh_reference_mistake(from, key, "the secret is empty; write it there, on one line");
  const char *mark = kh_secret_mark(value);
  if (mark)
    kh_config_warning(from->config, from->node, key, from->diags, "%s: the secret %s", from->where, mark);
  enum kh_err err = kh_secret_set(secret, value);
  if (err == KH_ERR_LIMIT)
    return kh_config_mistake(from->config, from->node, key, from->diags,
                             "%s: the secret is longer than %d bytes", from->where, KH_SECRET_MAX_BYTES);
  return err ? kh_reference_mistake(from, key, "no memory left for the secret") : KH_OK;
}

/* Whoever pastes a secret behind `file:` writes no slash first; a path that somebody wrote may be told. */
static bool is_written_as_path(const char *text)
{
  return text[0] == '/' || strncmp(text, "./", 2) == 0 || strncmp(text, "../", 3) == 0;
}

/* The file at PATH, which stands behind KEY and is SHOWN in messages. */
static enum kh_err read_at(const struct kh_reference *from, const char *key, const char *path,
                           const char *shown, struct kh_secret *secret)
{
  struct kh_buf value;
  struct kh_diag why = {0};
  unsigned mode = 0;

  kh_buf_init(&value, KH_SECRET_MAX_BYTES + 2);
  enum kh_err err = kh_config_load(from->config, path, &value, &mode, &why);
  if (err) {
    err = kh_config_mistake(from->config, from->node, key, from->diags, "%s: cannot read %s: %s; %s",
                            from->where, shown, why.text, kh_config_load_cure(err));
  } else {
    if (mode & 0004)
      kh_config_warning(from->config, from->node, key, from->diags,
                        "%s: every user may read %s; type `chmod o-r %s`", from->where, path, path);
    err = set_secret(from, key, kh_buf_view(&value), secret);
  }
  kh_wipe_buf(&value);
  return err;
}

static enum kh_err read_file(const struct kh_reference *from, const char *text, struct kh_secret *secret)
{
  const struct kh_included *included = kh_config_included(from->config, from->node);
  char path[KH_PATH_BYTES];

  if (!kh_path_beside(included ? included->path : from->config->path, text, path))
    return kh_reference_mistake(from, "file", "the path is empty or too long");
  return read_at(from, "file", path, is_written_as_path(text) ? path : "the file that is named here", secret);
}

struct kh_str kh_environment_get(const char *const *environment, const char *name)
{
  size_t len = strlen(name);

  for (; environment && *environment; environment++)
    if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
      return kh_str_of(*environment + len + 1);
  return KH_NO_STR;
}

bool kh_env_name_is_told(const char *name)
{
  return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == strlen(name) && strlen(name) <= 64;
}

/* What the process environment says: a worker that a receiver starts has none. */
static bool started_worker_lacks_it(const struct kh_config *config)
{
  return config->depth != KH_CONFIG_RECEIVER && config->state[0] && config->worker_mode == KH_WORKER_START;
}

static enum kh_err read_env(const struct kh_reference *from, const char *name, struct kh_secret *secret)
{
  struct kh_config *config = from->config;
  const char *shown = kh_env_name_is_told(name) ? name : "the variable that is named here";

  if (!kh_env_name_is_valid(kh_str_of(name)))
    return kh_reference_mistake(from, "env", "`env` takes the name of a variable: letters, digits and _");
  if (kh_str_starts(kh_str_of(name), KH_STR("HTTP_")))
    return kh_reference_mistake(from, "env",
                                "a caller can set variables that begin with HTTP_; take another name");

  struct kh_str value = kh_env_file_get(&config->env_file, name);
  if (!value.at) {
    value = kh_environment_get(config->environment, name);
    if (value.at && started_worker_lacks_it(config))
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
  return set_secret(from, "env", value, secret);
}

bool kh_credential_path(const struct kh_config *config, const char *name, char path[KH_PATH_BYTES])
{
  const struct kh_str folder = kh_environment_get(config->environment, "CREDENTIALS_DIRECTORY");

  return folder.len > 0 &&
         snprintf(path, KH_PATH_BYTES, "%.*s/%s", (int)folder.len, folder.at, name) < KH_PATH_BYTES;
}

static enum kh_err read_credential(const struct kh_reference *from, const char *name,
                                   struct kh_secret *secret)
{
  char path[KH_PATH_BYTES];

  if (!name[0] || name[0] == '.' || strchr(name, '/'))
    return kh_reference_mistake(from, "credential",
                                "`credential` takes a name that LoadCredential= has in the unit: no path");
  if (!kh_credential_path(from->config, name, path))
    return kh_reference_mistake(
        from, "credential",
        "CREDENTIALS_DIRECTORY is not set, as it is in a service whose unit says LoadCredential=; to type a "
        "command, put CREDENTIALS_DIRECTORY=/run/credentials/kitehook-worker.service in front of it");
  if (started_worker_lacks_it(from->config))
    kh_config_warning(from->config, from->node, "credential", from->diags,
                      "%s: a worker that a receiver starts is given no credentials; say `worker: service`",
                      from->where);
  return read_at(from, "credential", path, "the credential that is named here", secret);
}

static enum kh_err read_remote(const struct kh_reference *from, const char *source, const char *name,
                               struct kh_secret *secret)
{
  struct kh_buf value;

  kh_buf_init(&value, KH_REMOTE_SECRET_MAX_BYTES);
  enum kh_err err = kh_remote_read(from, source, name, &value);
  if (!err && from->config->remote)
    err = set_secret(from, source, kh_buf_view(&value), secret);
  kh_wipe_buf(&value);
  return err;
}

static enum kh_err refuse_key(const struct kh_reference *from, const char *key, bool named)
{
  static const char *const keys[] = {"file",           "env", "credential", "ssm",
                                     "secretsmanager", "key", "name",       NULL};
  static const char *const keys_without_name[] = {"file",           "env", "credential", "ssm",
                                                  "secretsmanager", "key", NULL};
  const char *meant = kh_word_nearest(kh_str_of(key), named ? keys : keys_without_name);

  if (!meant)
    return kh_reference_mistake(from, key, "unknown key; write `file: PATH` or `env: NAME`");
  return kh_config_mistake(from->config, from->node, key, from->diags, "%s: unknown key; did you mean `%s`?",
                           from->where, meant);
}

static enum kh_err check_keys(const struct kh_reference *from, bool named)
{
  json_t *tree = (json_t *)(uintptr_t)from->node; /* jansson's iterators take no const */
  enum kh_err err = KH_OK;
  const char *key;
  json_t *value;

  json_object_foreach(tree, key, value)
  {
    bool known = sources[kh_word_place(kh_str_of(key), sources)] || strcmp(key, "key") == 0 ||
                 (named && strcmp(key, "name") == 0);

    if (!known)
      err = refuse_key(from, key, named);
    else if (!kh_config_text(value))
      err = kh_reference_mistake(from, key, "must be a text");
  }
  return err;
}

/* *FOUND gets the key that says where the secret is. */
static enum kh_err find_source(const struct kh_reference *from, const char **found)
{
  *found = NULL;
  for (const char *const *source = sources; *source; source++) {
    if (!json_object_get(from->node, *source))
      continue;
    if (*found)
      return kh_config_mistake(from->config, from->node, *source, from->diags,
                               "%s: has `%s` and `%s`; remove one of them", from->where, *found, *source);
    *found = *source;
  }
  if (!*found)
    return kh_reference_mistake(from, NULL, "needs `file: PATH` or `env: NAME`");
  if (json_object_get(from->node, "key") && strcmp(*found, "secretsmanager") != 0)
    return kh_reference_mistake(from, "key", "`key` goes with `secretsmanager` only; remove it");
  return KH_OK;
}

enum kh_err kh_reference_resolve(const struct kh_reference *from, bool named, struct kh_secret *secret)
{
  const char *source = NULL;

  if (!json_is_object(from->node))
    return kh_reference_mistake(from, NULL,
                                "a secret does not belong into this file; write {file: PATH} or {env: NAME}");

  enum kh_err err = check_keys(from, named);
  if (!err)
    err = find_source(from, &source);
  if (err || from->config->depth == KH_CONFIG_DRY)
    return err;

  const char *text = kh_config_text(json_object_get(from->node, source));
  if (strcmp(source, "file") == 0)
    return read_file(from, text, secret);
  if (strcmp(source, "env") == 0)
    return read_env(from, text, secret);
  if (strcmp(source, "credential") == 0)
    return read_credential(from, text, secret);
  return read_remote(from, source, text, secret);
}

enum kh_err kh_config_secret(struct kh_config *config, const json_t *reference, const char *where,
                             struct kh_secret *secret, struct kh_diags *diags)
{
  const struct kh_reference from = {config, reference, where, diags};

  return kh_reference_resolve(&from, false, secret);
}

const char *kh_config_secret_source(const json_t *reference, const char **name)
{
  for (const char *const *source = sources; *source; source++) {
    *name = kh_config_text(json_object_get(reference, *source));
    if (*name)
      return *source;
  }
  return NULL;
}
