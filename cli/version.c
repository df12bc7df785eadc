#include "base/base.h"

#include "cli.h"
#include "output.h"

#ifndef KH_COMMIT
#define KH_COMMIT ""
#endif

/*
 * The header of each of these is for one folder alone (script/check). What they tell is what is really
 * loaded, and that is what a bug report needs.
 */
extern const char *yaml_get_version_string(void);
extern const char *OpenSSL_version(int what);
extern const char *sqlite3_libversion(void);
extern char *curl_version(void);

static json_t *libraries(void)
{
  json_t *list = json_object();

  json_object_set_new(list, "jansson", json_string(jansson_version_str()));
  json_object_set_new(list, "libyaml", json_string(yaml_get_version_string()));
  json_object_set_new(list, "libcrypto", json_string(OpenSSL_version(0)));
  json_object_set_new(list, "sqlite", json_string(sqlite3_libversion()));
  json_object_set_new(list, "libcurl", json_string(curl_version()));
  return list;
}

static void tell(bool as_json)
{
  json_t *list = libraries();
  const char *name = NULL;
  json_t *value = NULL;

  if (as_json) {
    json_t *answer = json_object();

    json_object_set_new(answer, "version", json_string(KH_VERSION));
    json_object_set_new(answer, "commit", KH_COMMIT[0] ? json_string(KH_COMMIT) : json_null());
    json_object_set(answer, "libraries", list);
    kh_output_tell(answer);
  } else {
    printf("kitehook %s%s%s%s\n", KH_VERSION, KH_COMMIT[0] ? " (" : "", KH_COMMIT, KH_COMMIT[0] ? ")" : "");
    json_object_foreach(list, name, value) printf("  %-10s%s\n", name, json_string_value(value));
  }
  json_decref(list);
}

static const struct kh_cli_option options[] = {{"json", kh_cli_take_flag, 0}, {0}};

static int run(const struct kh_command *self, int argc, char **argv)
{
  bool as_json = false;
  int code = kh_cli_options(self, argc, argv, &as_json);

  if (code != KH_GO_ON)
    return code;
  tell(as_json);
  return KH_EXIT_OK;
}

const struct kh_command kh_command_version = {
    .name = "version",
    .summary = "print the versions of kitehook and of the libraries it runs with",
    .usage = "[--json]",
    .help = "  --json      answer by one JSON object: version, commit, libraries\n"
            "  -h, --help  show this\n\n"
            "Exit codes: 0 printed, 2 called wrongly, 5 output failed.\n",
    .options = options,
    .operand = "",
    .run = run,
};
