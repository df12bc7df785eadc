#include "base/base.h"

#include "destination.h"
#include "output.h"

#include <unistd.h>

static bool is_there(const char *beside, const char *name)
{
  const char *slash = strrchr(beside, '/');
  char path[2 * KH_PATH_BYTES] = "";

  return snprintf(path, sizeof path, "%.*s/%s", (int)(slash ? slash - beside : 0), beside, name) <
             (int)sizeof path &&
         access(path, F_OK) == 0;
}

/* Whoever pastes a secret behind `env:` has no variable of that name. */
static bool may_be_secret_variable(const struct kh_config *config, const json_t *reference)
{
  const char *name = json_string_value(json_object_get(reference, "env"));

  return name && !kh_env_name_is_told(name) && !kh_environment_get(config->environment, name).at;
}

/* Whoever pastes a secret behind `file:` writes no slash first, and has no file of that name. */
static bool may_be_secret_file(const struct kh_config *config, const json_t *reference)
{
  const char *name = json_string_value(json_object_get(reference, "file"));
  const struct kh_included *file = kh_config_included(config, reference);

  return name && name[0] != '/' && strncmp(name, "./", 2) != 0 && strncmp(name, "../", 3) != 0 &&
         !is_there(file ? file->path : config->path, name);
}

/* Nor does it bring a credential of that name about. */
static bool may_be_secret_credential(const struct kh_config *config, const json_t *reference)
{
  const char *name = json_string_value(json_object_get(reference, "credential"));
  char path[KH_PATH_BYTES];

  return name && (!kh_credential_path(config, name, path) || access(path, F_OK) != 0);
}

static bool may_be_secret_of_aws(const json_t *reference)
{
  const char *ssm = json_string_value(json_object_get(reference, "ssm"));
  const char *name = ssm ? ssm : json_string_value(json_object_get(reference, "secretsmanager"));

  return name && !kh_remote_name_is_told(name);
}

/* What stands for REFERENCE where its name may be a secret; NULL where it is none. */
static const char *hidden_of(const struct kh_config *config, const json_t *reference)
{
  if (may_be_secret_file(config, reference))
    return "a file that is not there";
  if (may_be_secret_variable(config, reference))
    return "a variable that is not set";
  if (may_be_secret_of_aws(reference))
    return "a secret of AWS";
  return may_be_secret_credential(config, reference) ? "a credential of a service" : NULL;
}

/* The same of OPTIONS, which are a reference or have some. */
static const char *hidden_in(const struct kh_config *config, json_t *options)
{
  const char *hidden = json_is_object(options) ? hidden_of(config, options) : NULL;
  const char *key = NULL;
  json_t *value = NULL;

  json_object_foreach(options, key, value)
  {
    hidden = hidden ? hidden : hidden_of(config, value);
  }
  return hidden;
}

json_t *kh_destination_shown(const struct kh_config *config, const struct kh_rule *rule, const json_t *entry,
                             struct kh_str place)
{
  const char *hidden = hidden_in(config, json_object_get(entry, rule->notifier->name));

  if (!hidden)
    hidden = hidden_in(config, (json_t *)(uintptr_t)rule->account); /* jansson's iterators take no const */
  return hidden ? json_sprintf("%s [%s]", rule->notifier->name, hidden)
                : kh_output_destination(kh_str_of(rule->credential), place);
}
