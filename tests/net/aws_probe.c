#include "base/base.h"

#include "net/aws_secrets.h"
#include "net/http_curl.h"

#include <jansson.h>

/*
 * aws_probe CONFIG TIMEOUT_MS - reads CONFIG with the real store once for each line of standard input,
 * through one transport, and prints what came of it, one JSON object a line: {"ok", "said", "remote",
 * "secrets": {name: value}}. integration/aws_test.py drives it. Exit 2 for wrong usage.
 */

extern char **environ;

static void add_secrets(json_t *object, const struct kh_secret_list *list)
{
  for (size_t i = 0; i < list->count; i++) {
    struct kh_str value = kh_secret_reveal(&list->at[i].secret);

    json_object_set_new(object, list->at[i].name, json_stringn(value.at, value.len));
  }
}

static void read_once(const char *path, const struct kh_remote_secrets *remote)
{
  static struct kh_config config;
  struct kh_diags diags = {0};
  json_t *said = json_array(), *secrets = json_object();
  enum kh_err err = kh_config_read_remote(&config, path, KH_CONFIG_WHOLE, (const char *const *)environ,
                                          remote, &diags);

  for (size_t i = 0; i < diags.count; i++)
    json_array_append_new(said,
                          json_sprintf("%u:%u %s", diags.at[i].line, diags.at[i].column, diags.at[i].text));
  add_secrets(secrets, &config.signatures);
  add_secrets(secrets, &config.tokens);
  json_t *line = json_pack("{s:b, s:o, s:b, s:o}", "ok", err == KH_OK, "said", said, "remote",
                           config.has_remote_secrets, "secrets", secrets);
  (void)json_dumpf(line, stdout, JSON_COMPACT);
  (void)puts("");
  (void)fflush(stdout);
  json_decref(line);
  kh_config_release(&config);
  kh_aws_forget(remote->self);
  kh_diags_release(&diags);
}

int main(int count, char **words)
{
  struct kh_aws aws = {.environment = (const char *const *)environ};
  struct kh_remote_secrets remote = kh_aws_secrets(&aws);
  uint64_t timeout_ms = 0;
  char line[64];

  if (count != 3 || !kh_str_u64(kh_str_of(words[2]), &timeout_ms) || kh_http_curl_open(&aws.transport, NULL))
    return 2;
  aws.timeout_ms = (int64_t)timeout_ms;
  while (fgets(line, sizeof line, stdin))
    read_once(words[1], &remote);
  kh_http_curl_close(&aws.transport);
  return 0;
}
