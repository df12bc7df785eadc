#include "base/base.h"

#include "base/nearest.h"
#include "config/parts.h"

#include <unistd.h>

static const char *const top_keys[] = {"webhook", "env_file", "log",     "state",  "inbox",
                                       "outbox",  "memory",   "journal", "worker", "http",
                                       "sources", "services", "tables",  "notify", NULL};
static const char *const webhook_keys[] = {"signature", "token", "freshness", "max_body", "deadline", NULL};
static const char *const inbox_keys[] = {"max_entries", "max_bytes", "reserve", NULL};
static const char *const outbox_keys[] = {"max_entries", "max_bytes", "keep_dead", NULL};
static const char *const memory_keys[] = {"keep", NULL};
static const char *const journal_keys[] = {"max_entries", "max_bytes", "keep", NULL};
static const char *const worker_keys[] = {"mode", "program", "log", "linger", NULL};
static const char *const http_keys[] = {"ca_file", "proxy", NULL};
static const char *const worker_modes[] = {
    [KH_WORKER_START] = "start", [KH_WORKER_SERVICE] = "service", [KH_WORKER_WAIT] = "wait", NULL};

static const struct kh_range freshness = {1, 86400, "1s to 1d"};
static const struct kh_range max_body = {1024, UINT64_C(64) * 1024 * 1024, "1KB to 64MB"};
static const struct kh_range deadline = {1, 300, "1s to 5m"};
static const struct kh_range max_entries = {1, 1000000, "1 to 1000000"};
static const struct kh_range disk = {UINT64_C(1024) * 1024, UINT64_C(1024) * 1024 * 1024 * 1024,
                                     "1MB to 1024GB"};
static const struct kh_range keep_dead = {3600, 365 * 86400, "1h to 365d"};
static const struct kh_range memory_keep = {86400, INT64_C(3650) * 86400, "1d to 3650d"};
static const struct kh_range journal_entries = {0, 1000000, "0 to 1000000"};
static const struct kh_range linger = {0, 3600, "0s to 1h"};

const char *kh_worker_mode_name(enum kh_worker_mode mode)
{
  return worker_modes[mode];
}

static enum kh_err mistake(const struct kh_section *section, const char *key, const char *text)
{
  return kh_config_mistake(section->config, section->object, key, section->diags, "%s%s: %s", section->name,
                           key, text);
}

static enum kh_err read_env_file(const struct kh_section *top)
{
  struct kh_config *config = top->config;
  char path[KH_PATH_BYTES] = "";
  struct kh_buf text;
  struct kh_diag why = {0};
  unsigned mode = 0;

  kh_buf_init(&text, KH_ENV_FILE_MAX_BYTES);
  enum kh_err err = kh_section_path(top, "env_file", false, path);
  if (err || !path[0] || config->depth == KH_CONFIG_DRY)
    return err;
  err = kh_config_load(config, path, &text, &mode, &why);
  if (err)
    err = kh_config_mistake(config, top->object, "env_file", top->diags, "env_file: cannot read %s: %s; %s",
                            path, why.text, kh_config_load_cure(err));
  else
    err = kh_env_file_parse(kh_buf_view(&text), path, &config->env_file, top->diags);
  if (mode & 0004)
    kh_config_warning(config, top->object, "env_file", top->diags,
                      "env_file: every user may read %s; type `chmod o-r %s`", path, path);
  kh_wipe_buf(&text);
  return err;
}

static enum kh_err read_log(const struct kh_section *top)
{
  char *path = top->config->log_path;
  enum kh_err err = kh_section_path(top, "log", true, path);

  if (strcmp(path, "stderr") == 0)
    path[0] = '\0';
  return err;
}

static enum kh_err read_mode(const struct kh_section *section, const char *key)
{
  const json_t *node = json_object_get(section->object, key);
  const char *text = kh_config_text(node);

  if (!node)
    return KH_OK;
  size_t mode = kh_word_place(kh_str_of(text), worker_modes);
  if (worker_modes[mode]) {
    section->config->worker_mode = (enum kh_worker_mode)mode;
    return KH_OK;
  }
  const char *meant = text ? kh_word_nearest(kh_str_of(text), worker_modes) : NULL;
  return kh_config_mistake(section->config, section->object, key, section->diags,
                           "%s%s: %s is no mode; write start, service or wait%s%s%s", section->name, key,
                           kh_config_shown(text).text, meant ? "; did you mean `" : "", meant ? meant : "",
                           meant ? "`?" : "");
}

/* A key that works on the state folder. */
static enum kh_err check_state(const struct kh_section *top, const char *key)
{
  if (json_object_get(top->object, "state"))
    return KH_OK;
  return mistake(top, key, "without `state` there is no inbox and no worker; add `state: /var/lib/kitehook`");
}

static enum kh_err read_worker(const struct kh_section *top)
{
  const json_t *node = json_object_get(top->object, "worker");
  const struct kh_section worker = {top->config, node, "worker.", top->diags};
  struct kh_config *config = top->config;

  if (!node)
    return KH_OK;
  enum kh_err err = check_state(top, "worker");
  if (!json_is_object(node))
    return kh_first_err(err, read_mode(top, "worker"));
  err = kh_first_err(err, kh_config_known_keys(config, node, worker_keys, top->diags));
  err = kh_first_err(err, read_mode(&worker, "mode"));
  err = kh_first_err(err, kh_section_path(&worker, "program", false, config->worker_program));
  err = kh_first_err(err, kh_section_path(&worker, "log", true, config->worker_log));
  return kh_first_err(err, kh_section_duration(&worker, "linger", &linger, &config->worker_linger_s));
}

static enum kh_err read_proxy(const struct kh_section *http)
{
  const json_t *node = json_object_get(http->object, "proxy");
  struct kh_secret *proxy = &http->config->http_proxy;
  const char *url = kh_config_text(node);

  if (!node)
    return KH_OK;
  if (!url)
    return kh_config_secret(http->config, node, "http.proxy", proxy, http->diags);
  if (strchr(url, '@'))
    return mistake(http, "proxy",
                   "a credential does not belong into this file; write {file: PATH} or {env: NAME}");
  return kh_secret_set(proxy, kh_str_of(url)) ? mistake(http, "proxy", "is too long") : KH_OK;
}

/* Receivers send nothing. */
static enum kh_err read_http(const struct kh_section *top)
{
  const json_t *node = json_object_get(top->object, "http");
  const struct kh_section http = {top->config, node, "http.", top->diags};
  struct kh_config *config = top->config;

  if (!node || config->depth == KH_CONFIG_RECEIVER)
    return KH_OK;
  if (!json_is_object(node))
    return mistake(top, "http", "needs a mapping, such as {ca_file: /etc/ssl/own-authority.pem}");
  enum kh_err err = kh_config_known_keys(config, node, http_keys, top->diags);
  err = kh_first_err(err, kh_section_path(&http, "ca_file", false, config->http_ca_file));
  if (config->http_ca_file[0] && kh_config_watch(config, config->http_ca_file))
    err = mistake(&http, "ca_file", "cannot be watched: too many files, or no memory");
  if (config->http_ca_file[0] && access(config->http_ca_file, R_OK))
    err = kh_config_mistake(config, node, "ca_file", top->diags,
                            "http.ca_file: cannot read %s: %s; write that file, or correct the path",
                            config->http_ca_file, strerror(errno));
  return kh_first_err(err, read_proxy(&http));
}

static enum kh_err read_inbox(const struct kh_section *top)
{
  const json_t *node = json_object_get(top->object, "inbox");
  const struct kh_section inbox = {top->config, node, "inbox.", top->diags};
  struct kh_config *config = top->config;

  if (!node)
    return KH_OK;
  enum kh_err err = check_state(top, "inbox");
  if (!json_is_object(node))
    return mistake(top, "inbox", "needs a mapping, such as {max_entries: 10000, max_bytes: 1GB}");
  err = kh_first_err(err, kh_config_known_keys(config, node, inbox_keys, top->diags));
  err = kh_first_err(err, kh_section_count(&inbox, "max_entries", &max_entries, &config->inbox_max_entries));
  err = kh_first_err(err, kh_section_size(&inbox, "max_bytes", &disk, &config->inbox_max_bytes));
  return kh_first_err(err, kh_section_size(&inbox, "reserve", &disk, &config->inbox_reserve_bytes));
}

/* Receivers have none. */
static enum kh_err read_outbox(const struct kh_section *top)
{
  const json_t *node = json_object_get(top->object, "outbox");
  const struct kh_section outbox = {top->config, node, "outbox.", top->diags};
  struct kh_config *config = top->config;

  if (!node || config->depth == KH_CONFIG_RECEIVER)
    return KH_OK;
  enum kh_err err = check_state(top, "outbox");
  if (!json_is_object(node))
    return mistake(top, "outbox", "needs a mapping, such as {max_entries: 40000, max_bytes: 256MB}");
  err = kh_first_err(err, kh_config_known_keys(config, node, outbox_keys, top->diags));
  err = kh_first_err(err,
                     kh_section_count(&outbox, "max_entries", &max_entries, &config->outbox_max_entries));
  err = kh_first_err(err, kh_section_size(&outbox, "max_bytes", &disk, &config->outbox_max_bytes));
  return kh_first_err(err,
                      kh_section_duration(&outbox, "keep_dead", &keep_dead, &config->outbox_keep_dead_s));
}

/* Receivers have none. */
static enum kh_err read_memory(const struct kh_section *top)
{
  const json_t *node = json_object_get(top->object, "memory");
  const struct kh_section memory = {top->config, node, "memory.", top->diags};
  struct kh_config *config = top->config;

  if (!node || config->depth == KH_CONFIG_RECEIVER)
    return KH_OK;
  enum kh_err err = check_state(top, "memory");
  if (!json_is_object(node))
    return mistake(top, "memory", "needs a mapping, such as {keep: 90d}");
  err = kh_first_err(err, kh_config_known_keys(config, node, memory_keys, top->diags));
  return kh_first_err(err, kh_section_duration(&memory, "keep", &memory_keep, &config->memory_keep_s));
}

/* Receivers have none. */
static enum kh_err read_journal(const struct kh_section *top)
{
  const json_t *node = json_object_get(top->object, "journal");
  const struct kh_section journal = {top->config, node, "journal.", top->diags};
  struct kh_config *config = top->config;

  if (!node || config->depth == KH_CONFIG_RECEIVER)
    return KH_OK;
  enum kh_err err = check_state(top, "journal");
  if (!json_is_object(node))
    return mistake(top, "journal", "needs a mapping, such as {max_entries: 10000, max_bytes: 64MB}");
  err = kh_first_err(err, kh_config_known_keys(config, node, journal_keys, top->diags));
  err = kh_first_err(
      err, kh_section_count(&journal, "max_entries", &journal_entries, &config->journal_max_entries));
  err = kh_first_err(err, kh_section_size(&journal, "max_bytes", &disk, &config->journal_max_bytes));
  return kh_first_err(err, kh_section_duration(&journal, "keep", &memory_keep, &config->journal_keep_s));
}

static enum kh_err read_webhook(const struct kh_section *top)
{
  const json_t *node = json_object_get(top->object, "webhook");
  const struct kh_section webhook = {top->config, node, "webhook.", top->diags};
  struct kh_config *config = top->config;
  uint64_t body_bytes = config->max_body_bytes;

  if (!node)
    return kh_config_mistake(config, top->object, NULL, top->diags,
                             "`webhook` is missing; write webhook: {signature: {file: webhook-secret}}");
  if (!json_is_object(node))
    return mistake(top, "webhook", "needs a mapping, such as {signature: {file: webhook-secret}}");
  enum kh_err err = kh_config_known_keys(config, node, webhook_keys, top->diags);
  err = kh_first_err(err, kh_config_secrets(&webhook, "signature", &config->signatures));
  err = kh_first_err(err, kh_config_secrets(&webhook, "token", &config->tokens));
  err = kh_first_err(err, kh_section_duration(&webhook, "freshness", &freshness, &config->freshness_s));
  err = kh_first_err(err, kh_section_size(&webhook, "max_body", &max_body, &body_bytes));
  config->max_body_bytes = (size_t)body_bytes;
  err = kh_first_err(err, kh_section_duration(&webhook, "deadline", &deadline, &config->deadline_s));
  if (!json_object_get(node, "signature") && !json_object_get(node, "token"))
    err = mistake(top, "webhook", "no secret, so nothing can be proven; add `signature` (or `token`)");
  return err;
}

/* A receiver stops at the first of the last keys, so it would not see what stands behind. */
static enum kh_err check_order(const struct kh_section *top)
{
  json_t *tree = (json_t *)(uintptr_t)top->object; /* jansson's iterators take no const */
  const char *first = NULL;
  enum kh_err err = KH_OK;
  const char *key;
  json_t *value;

  json_object_foreach(tree, key, value)
  {
    const char *last = kh_config_last_keys[kh_word_place(kh_str_of(key), kh_config_last_keys)];

    if (first && !last)
      err = kh_config_mistake(top->config, tree, key, top->diags,
                              "%s: `%s` must come last: receivers read no further; move this key above it",
                              key, first);
    first = first ? first : last;
  }
  return err;
}

static enum kh_err read_services(const struct kh_section *top)
{
  json_t *node = json_object_get(top->object, "services");

  if (node && !json_is_object(node))
    return mistake(top, "services", "needs a mapping, such as {slack: {token: {env: SLACK_TOKEN}}}");
  top->config->services = node;
  return KH_OK;
}

static enum kh_err read_notify(const struct kh_section *top)
{
  json_t *node = json_object_get(top->object, "notify");

  if (!node)
    return KH_OK;
  if (!json_is_array(node))
    return mistake(top, "notify", "needs a list: lines that begin with `- `");
  top->config->notify = node;
  return KH_OK;
}

enum kh_err kh_config_sections(struct kh_config *config, struct kh_diags *diags)
{
  const struct kh_section top = {config, config->yaml.root, "", diags};
  enum kh_err err = kh_config_known_keys(config, top.object, top_keys, diags);

  /*
   * Not as they stand in the file: secrets need env_file, and one warning about them needs state and worker.
   */
  err = kh_first_err(err, read_env_file(&top));
  err = kh_first_err(err, read_log(&top));
  err = kh_first_err(err, kh_section_path(&top, "state", false, config->state));
  err = kh_first_err(err, read_inbox(&top));
  err = kh_first_err(err, read_outbox(&top));
  err = kh_first_err(err, read_memory(&top));
  err = kh_first_err(err, read_journal(&top));
  err = kh_first_err(err, read_worker(&top));
  err = kh_first_err(err, read_http(&top));
  err = kh_first_err(err, kh_config_sources(&top));
  err = kh_first_err(err, read_webhook(&top));
  err = kh_first_err(err, read_services(&top));
  err = kh_first_err(err, read_notify(&top));
  err = kh_first_err(err, check_order(&top));
  if (!err && config->inbox_max_bytes < config->max_body_bytes)
    err = mistake(&top, "inbox", "max_bytes is less than one body may have (webhook.max_body); raise it");
  return err;
}
