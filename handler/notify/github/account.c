#include "base/base.h"

#include "base/utf8.h"
#include "net/jwt.h"
#include "notify/github/github.h"

/* A number, or a client id such as "Iv23liABCDEFGHIJKLMN". */
static bool is_id(struct kh_str value)
{
  return value.len <= 64 && kh_str_is_word(value, ".-_");
}

static const struct kh_option options[] = {
    {.name = "token",
     .type = KH_OPTION_SECRET,
     .offset = offsetof(struct kh_rule, secret),
     .words = "A secret that holds a token which may write commit statuses. Without it, `app`.",
     .example = "GITHUB_TOKEN",
     .is_good = kh_option_is_token,
     .form = KH_OPTION_TOKEN_FORM},
    {.name = "app",
     .type = KH_OPTION_TEXT,
     .words = "The id of a GitHub App that may write checks, or commit statuses.",
     .example = "123456",
     .is_good = is_id,
     .form = "the number or the client id of an app",
     .pattern = "^[A-Za-z0-9._-]{1,64}$"},
    {.name = "installation",
     .type = KH_OPTION_TEXT,
     .words = "The number of the app's installation, as it stands at the end of its page's URL.",
     .example = "12345678",
     .is_good = is_id,
     .form = "the number of an installation",
     .pattern = "^[A-Za-z0-9._-]{1,64}$"},
    {.name = "private_key",
     .type = KH_OPTION_SECRET,
     .offset = offsetof(struct kh_rule, capability),
     .words = "A secret that holds a private key of the app, as GitHub's file has it.",
     .example = "GITHUB_APP_KEY"},
    {.name = "url",
     .type = KH_OPTION_URL,
     .offset = offsetof(struct kh_rule, url),
     .words = "A secret that holds the URL of the API, for an enterprise's own GitHub: "
              "`https://HOST/api/v3`. Only what is in a repository there is told.",
     .by_default = "https://api.github.com"},
    {.name = NULL},
};

const struct kh_account kh_github_account = {
    .kind = "github", .words = "An account at GitHub: a token, or an app", .options = options};

static enum kh_err check_app(struct kh_config *config, const struct kh_rule *rule, struct kh_diags *diags)
{
  static const char *const needed[] = {"app", "installation", "private_key"};
  enum kh_err err = KH_OK;

  for (size_t i = 0; i < KH_COUNT(needed); i++)
    if (!json_object_get(rule->account, needed[i]))
      err = kh_config_mistake(config, rule->account, NULL, diags,
                              "services.github needs `%s`: an app is `{app: 123456, installation: 12345678, "
                              "private_key: {file: PATH}}`",
                              needed[i]);
  if (!err && config->depth == KH_CONFIG_CHECK && !kh_secret_is_empty(&rule->capability) &&
      !kh_jwt_is_key(&rule->capability))
    err = kh_config_mistake(
        config, rule->account, "private_key", diags,
        "services.github.private_key must hold an RSA key in PEM, as GitHub's file has it");
  return err;
}

enum kh_err kh_github_check_account(struct kh_config *config, const struct kh_rule *rule, bool needs_app,
                                    struct kh_diags *diags)
{
  const bool has_app = json_object_get(rule->account, "app") ||
                       json_object_get(rule->account, "installation") ||
                       json_object_get(rule->account, "private_key");

  if (has_app || needs_app)
    return check_app(config, rule, diags);
  if (json_object_get(rule->account, "token"))
    return KH_OK;
  return kh_config_mistake(config, rule->account, NULL, diags,
                           "services.github needs `token: {env: GITHUB_TOKEN}`, or an app");
}
