#include "base/base.h"

#include "base/utf8.h"
#include "config/config.h"
#include "net/aws_credentials.h"

enum { URL_BYTES = 512 };

/* Absent when it is empty, which is how some runners export a variable that they do not have. */
static struct kh_str get(const char *const *environment, const char *name)
{
  struct kh_str value = kh_environment_get(environment, name);

  return value.len > 0 ? value : KH_NO_STR;
}

static enum kh_err read_region(const char *const *environment, char region[KH_AWS_REGION_BYTES],
                               struct kh_diag *why)
{
  struct kh_str value = get(environment, "AWS_REGION");

  if (!value.at)
    value = get(environment, "AWS_DEFAULT_REGION");
  if (!value.at)
    return kh_diag_set(why, KH_ERR_CONFIG,
                       "AWS_REGION is not set; Lambda sets it, elsewhere set it yourself");
  if (value.len >= KH_AWS_REGION_BYTES || !kh_str_is_of(value, "abcdefghijklmnopqrstuvwxyz0123456789-"))
    return kh_diag_set(why, KH_ERR_CONFIG, "AWS_REGION holds no region; write one such as eu-west-1");
  (void)snprintf(region, KH_AWS_REGION_BYTES, "%.*s", KH_FMT(value));
  return KH_OK;
}

static enum kh_err read_secret(const char *const *environment, const char *name, bool needed,
                               struct kh_secret *secret, struct kh_diag *why)
{
  struct kh_str value = get(environment, name);

  if (!value.at && needed)
    return kh_diag_set(why, KH_ERR_CONFIG, "%s is not set; Lambda sets it, elsewhere set it yourself", name);
  if (!kh_str_is_ascii_from(value, '!'))
    return kh_diag_set(why, KH_ERR_CONFIG, "%s holds a blank or a control character; copy it again", name);

  enum kh_err err = kh_secret_set(secret, value);
  if (err == KH_ERR_LIMIT)
    return kh_diag_set(why, err, "%s is longer than %d bytes", name, KH_SECRET_MAX_BYTES);
  return err ? kh_diag_set(why, err, "no memory left for %s", name) : KH_OK;
}

enum kh_err kh_aws_credentials_read(struct kh_aws_credentials *credentials, const char *const *environment,
                                    struct kh_diag *why)
{
  *credentials = (struct kh_aws_credentials){0};
  enum kh_err err = read_region(environment, credentials->region, why);
  if (!err)
    err = read_secret(environment, "AWS_ACCESS_KEY_ID", true, &credentials->access_key_id, why);
  if (!err)
    err = read_secret(environment, "AWS_SECRET_ACCESS_KEY", true, &credentials->secret_access_key, why);
  if (!err)
    err = read_secret(environment, "AWS_SESSION_TOKEN", false, &credentials->session_token, why);
  return err;
}

void kh_aws_credentials_release(struct kh_aws_credentials *credentials)
{
  kh_secret_release(&credentials->access_key_id);
  kh_secret_release(&credentials->secret_access_key);
  kh_secret_release(&credentials->session_token);
}

/* http[s]://host[:port], perhaps with a / behind it. libcurl's signature is right for the path / only. */
static bool is_origin(struct kh_str url)
{
  const struct kh_str http = KH_STR("http://"), https = KH_STR("https://");
  const size_t scheme = kh_str_starts(url, https) ? https.len : kh_str_starts(url, http) ? http.len : url.len;
  struct kh_str rest = kh_str(url.at + scheme, url.len - scheme);

  if (kh_str_ends(rest, KH_STR("/")))
    rest.len--;
  return kh_str_is_word(rest, ".-_:[]");
}

enum kh_err kh_aws_endpoint(const char *const *environment, const char *service, const char *variable,
                            const char *region, struct kh_secret *url, struct kh_diag *why)
{
  const bool ignored = kh_str_equal(get(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), KH_STR("true"));
  const char *const names[] = {variable, "AWS_ENDPOINT_URL"};
  char text[URL_BYTES];
  int length = snprintf(text, sizeof text, "https://%s.%s.amazonaws.com%s/", service, region,
                        strncmp(region, "cn-", 3) == 0 ? ".cn" : "");

  for (size_t i = 0; i < KH_COUNT(names) && !ignored; i++) {
    struct kh_str own = get(environment, names[i]);

    if (!own.at)
      continue;
    if (!is_origin(own))
      return kh_diag_set(why, KH_ERR_CONFIG, "%s must be http:// or https://, a host and perhaps a port",
                         names[i]);
    length = snprintf(text, sizeof text, "%.*s%s", KH_FMT(own), kh_str_ends(own, KH_STR("/")) ? "" : "/");
    break;
  }
  if (length >= URL_BYTES)
    return kh_diag_set(why, KH_ERR_CONFIG, "the URL of %s is longer than %d bytes", service, URL_BYTES - 1);
  enum kh_err err = kh_secret_set(url, kh_str_of(text));
  return err ? kh_diag_set(why, err, "no memory left for the URL of %s", service) : KH_OK;
}
