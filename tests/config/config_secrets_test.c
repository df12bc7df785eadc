#include "base/base.h"

#include "support/config_dir.h"
#include "support/suite.h"

#include <sys/stat.h>

static struct kh_config_dir dir;

static void open_dir(void)
{
  kh_config_dir_open(&dir);
}

static void close_dir(void)
{
  kh_config_dir_close(&dir);
}

/* ---- where a secret comes from ---- */

static const char *const environment[] = {
    "OTHER=x", "HOOK=from-environment", "HOOK=second", "EMPTY=", "HOOKX=y", NULL};

static const struct {
  const char *env_file, *value; /* NULL: none, refused */
} sources[] = {
    {NULL, "from-environment"},
    {"OTHER=y\n", "from-environment"},
    {"HOOK=from-env-file\n", "from-env-file"},
    {"HOOK=\n", NULL},
};

START_TEST(env_file_comes_before_the_environment)
{
  const char *text = "webhook: {signature: {env: HOOK}}\nenv_file: env\n";

  kh_config_dir_put(&dir, "env", sources[_i].env_file ? sources[_i].env_file : "");
  enum kh_err err = kh_config_dir_read(&dir, text, KH_CONFIG_RECEIVER, environment);
  ck_assert_int_eq(err, sources[_i].value ? KH_OK : KH_ERR_CONFIG);
  if (sources[_i].value)
    ck_assert_str_eq(kh_secret_reveal(&dir.config.signatures.at[0].secret).at, sources[_i].value);
  else
    ck_assert_ptr_nonnull(kh_config_dir_find(&dir, 1, 23, "the secret is empty"));
}
END_TEST

static const struct {
  const char *name, *value, *fragment; /* of no VALUE: what is said */
  const char *worker;
  unsigned warnings;
} credentials[] = {
    {"hook-url", "from-systemd", NULL, "service", 0},
    {"hook-url", "from-systemd", NULL, "start", 1},
    {"absent", NULL, "cannot read the credential that is named here", "service", 0},
    {"folder", NULL, "not a regular file", "service", 0},
    {"../env", NULL, "no path", "service", 0},
    {"..", NULL, "no path", "service", 0},
    {"\"\"", NULL, "no path", "service", 0},
    {"folder/x", NULL, "no path", "service", 0},
};

START_TEST(takes_what_systemd_loaded)
{
  char folder[KH_PATH_BYTES], variable[KH_PATH_BYTES + 32], text[256];
  const char *const given[] = {variable, NULL};
  const bool is_fine = credentials[_i].value != NULL;

  kh_tempdir_path(&dir.dir, "credentials", folder, sizeof folder);
  ck_assert_int_eq(mkdir(folder, 0700), 0);
  (void)snprintf(variable, sizeof variable, "CREDENTIALS_DIRECTORY=%s", folder);
  kh_config_dir_put(&dir, "credentials/hook-url", "from-systemd\n");
  kh_tempdir_path(&dir.dir, "credentials/folder", folder, sizeof folder);
  ck_assert_int_eq(mkdir(folder, 0700), 0);
  (void)snprintf(text, sizeof text, "webhook: {signature: {credential: %s}}\nstate: s\nworker: %s\n",
                 credentials[_i].name, credentials[_i].worker);

  ck_assert_int_eq(kh_config_dir_read(&dir, text, KH_CONFIG_WHOLE, given), is_fine ? KH_OK : KH_ERR_CONFIG);
  ck_assert_uint_eq(dir.diags.warnings, credentials[_i].warnings);
  if (is_fine)
    ck_assert_str_eq(kh_secret_reveal(&dir.config.signatures.at[0].secret).at, credentials[_i].value);
  else
    ck_assert_msg(kh_config_dir_find(&dir, 1, 23, credentials[_i].fragment), "%s", kh_config_dir_said(&dir));

  ck_assert_int_eq(kh_config_dir_read(&dir, "webhook: {signature: {credential: " KH_TEST_SECRET "}}\n",
                                      KH_CONFIG_WHOLE, environment),
                   KH_ERR_CONFIG);
  ck_assert(kh_config_dir_find(&dir, 1, 23, "CREDENTIALS_DIRECTORY is not set"));
  ck_assert_ptr_null(strstr(kh_config_dir_said(&dir), KH_TEST_SECRET));
}
END_TEST

static const struct {
  const char *content, *value, *fragment;
} contents[] = {
    {"12345678", "12345678", NULL},
    {"12345678\n", "12345678", NULL},
    {"12345678\r\n", "12345678", NULL},
    {"12345678\n\n", "12345678\n", "more than one line"},
    {"12345678\r", "12345678\r", "a carriage return"},
    {"1234\r5678\r\n", "1234\r5678", "a carriage return"},
    {" 12345678 ", " 12345678 ", "a blank at its begin or end"},
    {"12345678 \n", "12345678 ", "a blank at its begin or end"},
    {"\t12345678\n", "\t12345678", "a blank at its begin or end"},
    {"1234 5678", "1234 5678", NULL},
    {"\xEF\xBB\xBF"
     "12345678",
     "\xEF\xBB\xBF"
     "12345678",
     "a byte order mark"},
    {"\"12345678\"\n", "\"12345678\"", "quotes around it"},
    {"'12345678'", "'12345678'", "quotes around it"},
    {"\"12345678", "\"12345678", "a quote at its begin or end"},
    {"12345678'\n", "12345678'", "a quote at its begin or end"},
    {"1234'5678", "1234'5678", NULL},
    {"`12345678`", "`12345678`", "quotes around it"},
    {"\xE2\x80\x9C"
     "12345678\xE2\x80\x9D\n",
     "\xE2\x80\x9C"
     "12345678\xE2\x80\x9D",
     "quotes around it"},
    {"\xE2\x80\x98"
     "12345678",
     "\xE2\x80\x98"
     "12345678",
     "a quote at its begin or end"},
    {"12345678\xC2\xA0\n", "12345678\xC2\xA0", "a character that nobody sees"},
    {"1234\xE2\x80\x8B"
     "5678",
     "1234\xE2\x80\x8B"
     "5678",
     "a character that nobody sees"},
    {"12345678\xEF\xBB\xBF\n", "12345678\xEF\xBB\xBF", "a character that nobody sees"},
    {"12345678\f\n", "12345678\f", "a character that nobody sees"},
    {"12345678\x1B[0m\n", "12345678\x1B[0m", "a character that nobody sees"},
    {"p\xC3\xA4sswort", "p\xC3\xA4sswort", NULL},
    {"12345678\xFF", "12345678\xFF", NULL},
    {"WEBHOOK_SECRET: 12345678\n", "WEBHOOK_SECRET: 12345678", "a name before it"},
    {"X-Buildkite-Token: 12345678\n", "X-Buildkite-Token: 12345678", "a name before it"},
    {"secret = 12345678\n", "secret = 12345678", "a name before it"},
    {"webhook_secret=12345678\n", "webhook_secret=12345678", "a name before it"},
    {"export token=12345678\n", "export token=12345678", "a name before it"},
    {"<12345678>\n", "<12345678>", "angle brackets around it"},
    {"12345678\\n", "12345678\\n", "`\\n` at its end"},
    {"Bearer 12345678\n", "Bearer 12345678", "`Bearer` before it"},
    {"a1b2c3=12345678\n", "a1b2c3=12345678", NULL},
    {"user:12345678\n", "user:12345678", NULL},
    {"${WEBHOOK_SECRET}\n", "${WEBHOOK_SECRET}", "nobody replaces"},
    {"$WEBHOOK_SECRET\n", "$WEBHOOK_SECRET", "nobody replaces"},
    {"{{WEBHOOK_SECRET}}\n", "{{WEBHOOK_SECRET}}", "nobody replaces"},
    {"$2b$10$abcdefgh\n", "$2b$10$abcdefgh", NULL},
    {"WEBHOOK_SECRET=12345678\n", "WEBHOOK_SECRET=12345678", "a name before it"},
    {"export HOOK=12345678\n", "export HOOK=12345678", "a name before it"},
    {"c2VjcmV0c2VjcmV0MQ==\n", "c2VjcmV0c2VjcmV0MQ==", NULL},
    {"c2VjcmV0c2VjcmV0MTI=", "c2VjcmV0c2VjcmV0MTI=", NULL},
    {"https://hooks.example/x?a=b", "https://hooks.example/x?a=b", NULL},
    {"=12345678", "=12345678", NULL},
    {"9LIVES=12345678", "9LIVES=12345678", NULL},
    {"1234567", "1234567", "shorter than 8 bytes"},
    {"", NULL, "the secret is empty"},
    {"\n", NULL, "the secret is empty"},
    {"\r\n", NULL, "the secret is empty"},
};

START_TEST(takes_one_line_end_from_a_file)
{
  kh_config_dir_put(&dir, "s", contents[_i].content);
  enum kh_err err = kh_config_dir_read(&dir, "webhook: {token: {file: s}}\n", KH_CONFIG_WHOLE, NULL);
  ck_assert_int_eq(err, contents[_i].value ? KH_OK : KH_ERR_CONFIG);
  if (contents[_i].value)
    ck_assert_str_eq(kh_secret_reveal(&dir.config.tokens.at[0].secret).at, contents[_i].value);
  ck_assert_uint_eq(dir.diags.count, contents[_i].fragment ? 1 : 0);
  if (contents[_i].fragment)
    ck_assert_ptr_nonnull(kh_config_dir_find(&dir, 0, 0, contents[_i].fragment));
}
END_TEST

/* Windows' Notepad calls UTF-16 "Unicode". */
START_TEST(a_secret_of_utf_16_is_told)
{
  static const struct kh_str texts[] = {{"\xFF\xFE\x31\0002\0003\0004\0\r\0\n\0", 14},
                                        {"1\0002\0003\0004\0\n\0", 10},
                                        {"\xFE\xFF\0001\0002\0003\0004", 10}};
  char path[KH_PATH_BYTES];

  kh_file_put(kh_tempdir_path(&dir.dir, "s", path, sizeof path), texts[_i]);
  ck_assert_int_eq(kh_config_dir_read(&dir, "webhook: {token: {file: s}}\n", KH_CONFIG_WHOLE, NULL), KH_OK);
  ck_assert_ptr_nonnull(kh_config_dir_find(&dir, 1, 19, "save the file as UTF-8"));
  ck_assert_uint_eq(dir.diags.count, 1);
}
END_TEST

START_TEST(a_secret_has_a_limit)
{
  char content[KH_SECRET_MAX_BYTES + 4];
  const enum kh_err want[] = {KH_OK, KH_ERR_CONFIG, KH_ERR_CONFIG, KH_ERR_CONFIG};

  memset(content, 'x', sizeof content);
  content[KH_SECRET_MAX_BYTES + _i] = '\0';
  kh_config_dir_put(&dir, "s", content);
  ck_assert_int_eq(kh_config_dir_read(&dir, "webhook: {token: {file: s}}\n", KH_CONFIG_RECEIVER, NULL),
                   want[_i]);
  ck_assert_ptr_null(strstr(kh_config_dir_said(&dir), "xxx"));
}
END_TEST

START_TEST(warns_of_files_that_everybody_may_read)
{
  static const char *const names[] = {"webhook-secret", "env"};
  static const char text[] = "webhook: {signature: {file: webhook-secret}}\nenv_file: env\n";
  char path[KH_PATH_BYTES];

  kh_config_dir_put(&dir, "env", "A=b\n");
  kh_tempdir_path(&dir.dir, names[_i], path, sizeof path);
  ck_assert_int_eq(chmod(path, 0660), 0);
  ck_assert_int_eq(kh_config_dir_read(&dir, text, KH_CONFIG_WHOLE, NULL), KH_OK);
  ck_assert_uint_eq(dir.diags.count, 0);
  ck_assert_int_eq(chmod(path, 0604), 0);
  ck_assert_int_eq(kh_config_dir_read(&dir, text, KH_CONFIG_WHOLE, NULL), KH_OK);
  ck_assert_uint_eq(dir.diags.count, 1);
  ck_assert_uint_eq(dir.diags.warnings, 1);
  ck_assert_ptr_nonnull(strstr(dir.diags.at[0].text, "chmod o-r"));
  ck_assert_ptr_nonnull(strstr(dir.diags.at[0].text, names[_i]));
}
END_TEST

static const struct {
  const char *text;
  enum kh_config_depth depth;
  bool warns;
} workers[] = {
    {"webhook: {signature: {env: HOOK}}\nstate: s\n", KH_CONFIG_WHOLE, true},
    {"worker: start\nwebhook: {signature: {env: HOOK}}\nstate: s\n", KH_CONFIG_WHOLE, true},
    {"webhook: {signature: {env: HOOK}}\nstate: s\n", KH_CONFIG_RECEIVER, false},
    {"webhook: {signature: {env: HOOK}}\nstate: s\nworker: service\n", KH_CONFIG_WHOLE, false},
    {"webhook: {signature: {env: HOOK}}\nstate: s\nworker: {mode: wait}\n", KH_CONFIG_WHOLE, false},
    {"webhook: {signature: {env: HOOK}}\n", KH_CONFIG_WHOLE, false},
    {"webhook: {signature: {env: HOOK}}\nstate: s\nenv_file: env\n", KH_CONFIG_WHOLE, false},
};

START_TEST(warns_when_a_started_worker_would_lack_a_secret)
{
  kh_config_dir_put(&dir, "env", "HOOK=in-the-file-too\n");
  ck_assert_int_eq(kh_config_dir_read(&dir, workers[_i].text, workers[_i].depth, environment), KH_OK);
  ck_assert_uint_eq(dir.diags.warnings, workers[_i].warns ? 1 : 0);
  ck_assert(!workers[_i].warns || kh_config_dir_find(&dir, 0, 0, "process environment only"));
}
END_TEST

/* ---- what notifiers ask for ---- */

START_TEST(resolves_secrets_of_notifiers)
{
  static const char text[] = "webhook: {signature: {file: webhook-secret}}\n"
                             "env_file: env\n"
                             "notify:\n"
                             "  - {env: URL}\n"
                             "  - {file: url}\n"
                             "  - https://planted.example\n"
                             "  - {env: URL, name: x}\n"
                             "  - {nev: URL}\n";
  static const char *const values[] = {"https://env.example", "https://file.example", NULL, NULL, NULL};
  static const char *const said[] = {NULL, NULL, "a secret does not belong into this file",
                                     "x.url: unknown key", "did you mean `env`?"};

  kh_config_dir_put(&dir, "env", "URL=https://env.example\n");
  kh_config_dir_put(&dir, "url", "https://file.example\n");
  ck_assert_int_eq(kh_config_dir_read(&dir, text, KH_CONFIG_WHOLE, NULL), KH_OK);
  for (size_t i = 0; i < KH_COUNT(values); i++) {
    struct kh_secret secret = {0};
    const json_t *reference = json_array_get(dir.config.notify, i);
    enum kh_err err = kh_config_secret(&dir.config, reference, "x.url", &secret, &dir.diags);

    ck_assert_int_eq(err, values[i] ? KH_OK : KH_ERR_CONFIG);
    if (values[i])
      ck_assert_str_eq(kh_secret_reveal(&secret).at, values[i]);
    else
      ck_assert(kh_secret_is_empty(&secret));
    if (said[i])
      ck_assert_msg(strstr(dir.diags.at[dir.diags.count - 1].text, said[i]) != NULL, "%s",
                    kh_config_dir_said(&dir));
    kh_secret_release(&secret);
  }
  ck_assert_uint_eq(dir.diags.count, 3);
  ck_assert_uint_eq(dir.config.watched_count, 4);
  ck_assert_ptr_null(strstr(kh_config_dir_said(&dir), "planted"));
}
END_TEST

/* ---- no message holds a secret ---- */

#define PLANT "pl4nt3d"

/* Credentials where people put them by mistake, and everything else wrong around good ones. */
static const char *const leaks[] = {
    "webhook: {signature: " PLANT "}\n",
    "webhook: {signature: [" PLANT "]}\n",
    "webhook: {signature: [[" PLANT "]]}\n",
    "webhook: {signature: {" PLANT "}}\n",
    "webhook: {signature: {{" PLANT "}}}\n",
    "webhook: {signature: {" PLANT ": x}}\n",
    "webhook: {signature: {secret: " PLANT "}}\n",
    "webhook: {signature: {file: " PLANT "}}\n",
    "webhook: {signature: {env: " PLANT "}}\n",
    "webhook: {signature: {env: HTTP_" PLANT "}}\n",
    "webhook: {signature: {env: " PLANT "-x}}\n",
    "webhook: {signature: {env: [" PLANT "]}}\n",
    "webhook: {signature: {ssm: " PLANT "}}\n",
    "webhook: {signature: {ssm: " PLANT "/x}}\n",
    "webhook: {signature: {secretsmanager: " PLANT "}}\n",
    "webhook: {signature: {secretsmanager: " PLANT " x}}\n",
    "webhook: {signature: {secretsmanager: x, key: \"" PLANT "\\t\"}}\n",
    "webhook: {signature: {file: webhook-secret, key: " PLANT "}}\n",
    "webhook: {signature: {name: " PLANT " P, file: webhook-secret}}\n",
    "webhook: {signature: {name: x, value: " PLANT "}}\n",
    "webhook: {signature: !" PLANT "}\n",
    "webhook: {signature: *" PLANT "}\n",
    "webhook: {signature: &" PLANT " }\n",
    "webhook: {signature: @" PLANT "}\n",
    "webhook: {signature: \"" PLANT "}\n",
    "webhook: {signature: \"" PLANT "\\0\"}\n",
    "webhook: {signature: " PLANT "\x01}\n",
    "webhook: {signature: " PLANT ": x: y}\n",
    "webhook: {" PLANT "}\n",
    "webhook: " PLANT "\n",
    "webhook:\n  signature:" PLANT "\n  token: x\n",
    "webhook:\n  " PLANT ":\n",
    PLANT "\n",
    PLANT ":\n",
    "webhook: {signature: {env: HOOK}}\nenv_file: env\nunknown: x\n",
    "webhook: {signature: {env: HOOK}}\nenv_file: broken\n",
    "webhook: {signature: {file: planted, env: HOOK}}\nenv_file: env\n",
    "webhook: {signature: {file: planted}, token: [{name: a, file: planted}, {name: a, file: planted}]}\n",
    "inbox: x\nwebhook: {signature: [{name: short, file: short}, {name: long, file: long}]}\n",
};

START_TEST(tells_no_secret)
{
  static const char *const around[] = {"HOOK=" PLANT "-in-the-environment", NULL};
  struct kh_buf content;

  kh_buf_init(&content, (size_t)2 * KH_SECRET_MAX_BYTES);
  while (content.len <= KH_SECRET_MAX_BYTES)
    (void)kh_buf_add(&content, KH_STR(PLANT));
  kh_config_dir_put(&dir, "long", kh_buf_text(&content));
  kh_config_dir_put(&dir, "short", PLANT);
  kh_config_dir_put(&dir, "planted", PLANT "\n" PLANT "\n");
  kh_config_dir_put(&dir, "env", "HOOK=\"" PLANT "-in-the-file\"\n");
  kh_config_dir_put(&dir, "broken", "HOOK=" PLANT "\n" PLANT "\nexport " PLANT "=x\nX='" PLANT "\n");
  for (int depth = KH_CONFIG_RECEIVER; depth <= KH_CONFIG_WHOLE; depth++) {
    ck_assert_int_eq(kh_config_dir_read(&dir, leaks[_i], (enum kh_config_depth)depth, around), KH_ERR_CONFIG);
    ck_assert_uint_gt(dir.diags.count, 0);
    ck_assert_msg(!strstr(kh_config_dir_said(&dir), PLANT), "%s", kh_config_dir_said(&dir));
  }
  kh_buf_release(&content);
}
END_TEST

static Suite *secrets_suite(void)
{
  Suite *suite = suite_create("config_secrets");
  TCase *secrets = kh_test_case(suite, "secrets");

  tcase_add_checked_fixture(secrets, open_dir, close_dir);
  tcase_add_loop_test(secrets, env_file_comes_before_the_environment, 0, (int)KH_COUNT(sources));
  tcase_add_loop_test(secrets, takes_what_systemd_loaded, 0, (int)KH_COUNT(credentials));
  tcase_add_loop_test(secrets, takes_one_line_end_from_a_file, 0, (int)KH_COUNT(contents));
  tcase_add_loop_test(secrets, a_secret_of_utf_16_is_told, 0, 3);
  tcase_add_loop_test(secrets, a_secret_has_a_limit, 0, 4);
  tcase_add_loop_test(secrets, warns_of_files_that_everybody_may_read, 0, 2);
  tcase_add_loop_test(secrets, warns_when_a_started_worker_would_lack_a_secret, 0, (int)KH_COUNT(workers));
  tcase_add_test(secrets, resolves_secrets_of_notifiers);
  tcase_add_loop_test(secrets, tells_no_secret, 0, (int)KH_COUNT(leaks));
  return suite;
}

int main(void)
{
  return kh_test_main(secrets_suite());
}
