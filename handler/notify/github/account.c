#include "base/base.h"

#include "notify/github/github.h"

static const struct kh_option options[] = {
    {.name = "token",
     .type = KH_OPTION_SECRET,
     .required = true,
     .offset = offsetof(struct kh_rule, secret),
     .words = "A secret that holds a token which may write commit statuses.",
     .example = "GITHUB_TOKEN",
     .is_good = kh_option_is_token,
     .form = KH_OPTION_TOKEN_FORM},
    {.name = "url",
     .type = KH_OPTION_URL,
     .offset = offsetof(struct kh_rule, url),
     .words = "A secret that holds the URL of the API, for an enterprise's own GitHub: "
              "`https://HOST/api/v3`. Only what is in a repository there is told.",
     .by_default = "https://api.github.com"},
    {.name = NULL},
};

const struct kh_account kh_github_account = {
    .kind = "github", .words = "An account at GitHub", .options = options};
