#include "base/base.h"

#include "config/parts.h"

#include <unistd.h>

void kh_config_init(struct kh_config *config, enum kh_config_depth depth, const char *const *environment)
{
  *config = (struct kh_config){
      .depth = depth,
      .environment = environment,
      .freshness_s = 300,
      .max_body_bytes = (size_t)8 * 1024 * 1024,
      .deadline_s = 10,
      .inbox_max_entries = 10000,
      .inbox_max_bytes = UINT64_C(1024) * 1024 * 1024,
      .inbox_reserve_bytes = UINT64_C(64) * 1024 * 1024,
      .outbox_max_entries = 40000,
      .outbox_max_bytes = UINT64_C(256) * 1024 * 1024,
      .outbox_keep_dead_s = 30 * INT64_C(86400),
      .memory_keep_s = 90 * INT64_C(86400),
      .journal_max_entries = 10000,
      .journal_max_bytes = UINT64_C(64) * 1024 * 1024,
      .journal_keep_s = 30 * INT64_C(86400),
      .worker_linger_s = 5,
  };
  kh_buf_init(&config->env_file, KH_ENV_FILE_MAX_BYTES + 1);
  (void)snprintf(config->worker_program, sizeof config->worker_program, "%s", KH_WORKER_PROGRAM);
}

static enum kh_err set_path(struct kh_config *config, const char *path)
{
  char folder[KH_PATH_BYTES] = "";

  if (path[0] != '/' && !getcwd(folder, sizeof folder))
    return KH_ERR_LIMIT;
  int length = snprintf(config->path, sizeof config->path, "%s%s%s", folder, folder[0] ? "/" : "", path);
  return length < KH_PATH_BYTES ? KH_OK : KH_ERR_LIMIT;
}

/* Secrets live no longer than they are of use; what is watched stays. */
static void drop_content(struct kh_config *config)
{
  kh_config_secrets_release(&config->signatures);
  kh_config_secrets_release(&config->tokens);
  kh_secret_release(&config->http_proxy);
  kh_wipe_buf(&config->env_file);
  json_decref(config->expanded);
  config->expanded = NULL;
  while (config->included) {
    struct kh_included *next = config->included->next;

    kh_yaml_release(&config->included->yaml);
    free(config->included);
    config->included = next;
  }
  kh_yaml_release(&config->yaml);
  config->notify = NULL;
  config->services = NULL;
  json_decref(config->tables);
  config->tables = NULL;
  json_decref(config->templates);
  config->templates = NULL;
}

/* As a receiver knows it. */
static bool sees_notify(const struct kh_yaml *yaml, struct kh_str text)
{
  return yaml->stopped_at && (strcmp(yaml->stopped_at, "notify") == 0 || kh_yaml_has_line(text, "notify"));
}

/*
 * A receiver takes any line that begins with `notify:` for the key. Inside a quoted text or brackets YAML
 * would allow one, and what `kitehook check` accepts must not stop a receiver. Nor must it miss the key.
 */
static enum kh_err check_receivers_view(const struct kh_config *config, struct kh_str text,
                                        struct kh_diags *diags)
{
  struct kh_yaml view;
  enum kh_err err = kh_yaml_read(&view, config->yaml.file, text, kh_config_last_keys, NULL);
  const bool is_same = sees_notify(&view, text) == config->has_notify;

  kh_yaml_release(&view);
  if (!err && !is_same)
    return kh_diags_add(
        diags, KH_ERR_CONFIG, config->yaml.file, 0, 0,
        "`notify:` is a line of its own, without quotes and with nothing before it, and no other "
        "line begins with it");
  if (!err)
    return KH_OK;
  return kh_diags_add(
      diags, KH_ERR_CONFIG, config->yaml.file, 0, 0,
      "a line inside another value begins with `notify:`, `services:` or `tables:`; indent that "
      "line");
}

enum kh_err kh_config_parse(struct kh_config *config, const char *file, struct kh_str text,
                            struct kh_diags *diags)
{
  const char *const *stop_keys = config->depth == KH_CONFIG_RECEIVER ? kh_config_last_keys : NULL;
  enum kh_err err;

  /*
   * Without it jansson reads /dev/urandom before its first object, at every CGI start. A fixed seed would let
   * whoever chooses keys make them collide, but jansson sees only keys of our own and of this file; what
   * comes from outside goes through base/json.
   */
  json_object_seed(1);
  err = kh_yaml_read(&config->yaml, file, text, stop_keys, diags);
  config->has_notify = stop_keys ? sees_notify(&config->yaml, text)
                                 : json_object_get(config->yaml.root, "notify") != NULL;
  if (config->yaml.root)
    err = kh_first_err(err, kh_config_sections(config, diags));
  if (!err && config->depth == KH_CONFIG_WHOLE)
    err = check_receivers_view(config, text, diags);
  if (err && config->depth != KH_CONFIG_CHECK)
    drop_content(config);
  else if (config->depth == KH_CONFIG_RECEIVER)
    kh_yaml_release(&config->yaml);
  return err ? KH_ERR_CONFIG : KH_OK;
}

enum kh_err kh_config_read_remote(struct kh_config *config, const char *path, enum kh_config_depth depth,
                                  const char *const *environment, const struct kh_remote_secrets *remote,
                                  struct kh_diags *diags)
{
  struct kh_diag why = {0};
  struct kh_buf text;
  unsigned mode = 0;

  kh_config_init(config, depth, environment);
  config->remote = remote;
  kh_buf_init(&text, KH_YAML_MAX_BYTES);
  enum kh_err err = set_path(config, path);
  if (err)
    (void)kh_diag_set(&why, err, "the path is too long");
  else
    err = kh_config_load(config, config->path, &text, &mode, &why);
  if (err)
    err = kh_diags_add(diags, KH_ERR_CONFIG, path, 0, 0, "cannot read the configuration: %s; %s", why.text,
                       kh_config_load_cure(err));
  else
    err = kh_config_parse(config, path, kh_buf_view(&text), diags);
  if (diags)
    kh_diags_sort(diags);
  kh_buf_release(&text);
  return err;
}

enum kh_err kh_config_read(struct kh_config *config, const char *path, enum kh_config_depth depth,
                           const char *const *environment, struct kh_diags *diags)
{
  return kh_config_read_remote(config, path, depth, environment, NULL, diags);
}

void kh_config_release(struct kh_config *config)
{
  drop_content(config);
  kh_config_unwatch(config);
}

enum kh_err kh_config_needs_state(const struct kh_config *config, struct kh_diags *diags)
{
  if (!config->notify || config->state[0])
    return KH_OK;
  return kh_config_mistake(config, config->yaml.root, "notify", diags,
                           "`notify` needs `state`, the folder where webhooks wait for the worker; "
                           "add `state: /var/lib/kitehook` above");
}
