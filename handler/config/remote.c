#include "base/base.h"

#include "base/utf8.h"
#include "config/parts.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define WORD LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

enum {
  NAME_MAX_BYTES = 2048,
  PARAMETER_MAX_BYTES = 1011,
  PARAMETER_MAX_LEVELS = 15,
  SECRET_NAME_MAX_BYTES = 512,
  KEY_MAX_BYTES = 256,
  SHOWN_MAX_BYTES = 160
};

bool kh_remote_is_source(const char *source)
{
  return strcmp(source, "ssm") == 0 || strcmp(source, "secretsmanager") == 0;
}

static bool consists_of(const char *text, const char *characters, size_t max_bytes)
{
  size_t len = strlen(text);

  return len > 0 && len <= max_bytes && strspn(text, characters) == len;
}

/* arn:<partition>:<service>:<region>:<account>:<resource> */
static bool is_arn(const char *text, const char *service, const char *resource, const char *characters)
{
  struct kh_str rest = kh_str_of(text);
  struct kh_str arn = kh_str_cut(&rest, ':');
  struct kh_str partition = kh_str_cut(&rest, ':');
  struct kh_str named = kh_str_cut(&rest, ':');
  struct kh_str region = kh_str_cut(&rest, ':');
  struct kh_str account = kh_str_cut(&rest, ':');
  uint64_t number = 0;

  return rest.at && kh_str_equal(arn, KH_STR("arn")) && kh_str_starts(partition, KH_STR("aws")) &&
         kh_str_equal(named, kh_str_of(service)) && region.len > 0 && account.len == 12 &&
         kh_str_u64(account, &number) && kh_str_starts(rest, kh_str_of(resource)) &&
         consists_of(rest.at + strlen(resource), characters, NAME_MAX_BYTES);
}

/* Perhaps with a version or a label behind it: /a/b:3. */
static bool is_parameter(const char *text)
{
  struct kh_str selector = kh_str_of(text);
  struct kh_str name = kh_str_cut(&selector, ':');
  size_t levels = 0;

  if (is_arn(text, "ssm", "parameter/", WORD "_.-/:"))
    return true;
  if (name.len == 0 || name.len > PARAMETER_MAX_BYTES || strspn(text, WORD "_.-/") != name.len)
    return false;
  if (selector.at && !consists_of(selector.at, WORD "_.-", 100))
    return false;
  for (size_t i = 0; i < name.len; i++) {
    bool is_last = i + 1 == name.len;

    if (name.at[i] == '/' && (is_last || name.at[i + 1] == '/'))
      return false;
    levels += name.at[i] == '/';
  }
  return levels == 0 || (name.at[0] == '/' && levels <= PARAMETER_MAX_LEVELS);
}

static bool is_secret(const char *text)
{
  return is_arn(text, "secretsmanager", "secret:", WORD "/_+=.@-") ||
         consists_of(text, WORD "/_+=.@-", SECRET_NAME_MAX_BYTES);
}

static bool is_key(const char *text)
{
  return text[0] && strlen(text) <= KEY_MAX_BYTES && !kh_str_has_control(kh_str_of(text), false);
}

bool kh_remote_name_is_told(const char *name)
{
  bool is_plain = name[0] == '/' || strncmp(name, "arn:", 4) == 0 ||
                  strspn(name, LOWER "/_-.") == strlen(name);

  return is_plain && strlen(name) <= SHOWN_MAX_BYTES;
}

static enum kh_err check_form(const struct kh_reference *from, bool is_ssm, const char *name, const char *key)
{
  if (is_ssm && !is_parameter(name))
    return kh_reference_mistake(
        from, "ssm",
        "`ssm` takes the name of a parameter, such as /kitehook/webhook-secret: letters, "
        "digits and _ . - /, with a / first if there is any");
  if (!is_ssm && !is_secret(name))
    return kh_reference_mistake(from, "secretsmanager",
                                "`secretsmanager` takes the name or the ARN of a secret, such as "
                                "kitehook/webhook-secret: letters, digits and / _ + = . @ -");
  if (key && !is_key(key))
    return kh_reference_mistake(from, "key",
                                "`key` takes the name of a member of the secret, such as webhook_secret");
  return KH_OK;
}

enum kh_err kh_remote_read(const struct kh_reference *from, const char *source, const char *name,
                           struct kh_buf *value)
{
  const struct kh_config *config = from->config;
  const struct kh_remote_secrets *remote = config->remote;
  const bool is_ssm = strcmp(source, "ssm") == 0;
  const char *key = kh_config_text(json_object_get(from->node, "key"));
  struct kh_diag why = {0};
  enum kh_err err = check_form(from, is_ssm, name, key);

  from->config->has_remote = true;
  if (err || (!remote && config->depth == KH_CONFIG_CHECK))
    return err;
  if (!remote)
    return kh_config_mistake(config, from->node, source, from->diags,
                             "%s: `%s` works on Lambda only; use `file` or `env` here", from->where, source);
  err = remote->fetch(remote->self, is_ssm ? KH_REMOTE_SSM : KH_REMOTE_SECRETSMANAGER, name, key, value,
                      &why);
  return err ? kh_config_mistake(config, from->node, source, from->diags, "%s: cannot fetch %s: %s",
                                 from->where, kh_remote_name_is_told(name) ? name : "what is named here",
                                 why.text)
             : KH_OK;
}
