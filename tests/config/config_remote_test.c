#include "base/base.h"

#include "notify/notifiers.h"
#include "support/config_dir.h"
#include "support/suite.h"

/* {ssm: …} and {secretsmanager: …} in kitehook.yml, and a store of ours behind them. */

#define PLANT "pl4nt3d"

static struct kh_config_dir dir;

/* What the store was asked for last, and what it answers. */
static struct {
  unsigned calls;
  enum kh_remote_store store;
  char name[256], key[64];
  const char *value; /* NULL: it refuses */
} shop;

static enum kh_err fake_fetch(void *self, enum kh_remote_store store, const char *name, const char *key,
                              struct kh_buf *value, struct kh_diag *why)
{
  ck_assert_ptr_eq(self, &shop);
  ck_assert_uint_eq(value->len, 0);
  shop.calls++;
  shop.store = store;
  (void)snprintf(shop.name, sizeof shop.name, "%s", name);
  (void)snprintf(shop.key, sizeof shop.key, "%s", key ? key : "(none)");
  if (!shop.value)
    return kh_diag_set(why, KH_ERR_DELIVERY_REFUSED, "ParameterNotFound; create it");
  return kh_buf_add(value, kh_str_of(shop.value));
}

static const struct kh_remote_secrets remote = {fake_fetch, &shop};

static void open_dir(void)
{
  memset(&shop, 0, sizeof shop);
  shop.value = "a-fetched-secret";
  kh_config_dir_open(&dir);
}

static void close_dir(void)
{
  kh_config_dir_close(&dir);
}

static enum kh_err read_with(const struct kh_remote_secrets *store, const char *text,
                             enum kh_config_depth depth)
{
  char path[KH_PATH_BYTES];

  kh_config_release(&dir.config);
  kh_diags_release(&dir.diags);
  kh_config_dir_put(&dir, "kitehook.yml", text);
  kh_tempdir_path(&dir.dir, "kitehook.yml", path, sizeof path);
  return kh_config_read_remote(&dir.config, path, depth, NULL, store, &dir.diags);
}

/* ---- what is asked for ---- */

static const struct {
  const char *reference;
  enum kh_remote_store store;
  const char *name, *key;
} asked[] = {
    {"{ssm: /kitehook/webhook-secret}", KH_REMOTE_SSM, "/kitehook/webhook-secret", "(none)"},
    {"{ssm: plain_Name.1}", KH_REMOTE_SSM, "plain_Name.1", "(none)"},
    {"{ssm: \"/a/b:3\"}", KH_REMOTE_SSM, "/a/b:3", "(none)"},
    {"{ssm: \"/a/b:a_Label-1\"}", KH_REMOTE_SSM, "/a/b:a_Label-1", "(none)"},
    {"{ssm: /1/2/3/4/5/6/7/8/9/10/11/12/13/14/15}", KH_REMOTE_SSM, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15",
     "(none)"},
    {"{ssm: \"arn:aws:ssm:eu-west-1:123456789012:parameter/a/b\"}", KH_REMOTE_SSM,
     "arn:aws:ssm:eu-west-1:123456789012:parameter/a/b", "(none)"},
    {"{secretsmanager: prod/kitehook}", KH_REMOTE_SECRETSMANAGER, "prod/kitehook", "(none)"},
    {"{secretsmanager: a_b+c=d.e@f-g/h}", KH_REMOTE_SECRETSMANAGER, "a_b+c=d.e@f-g/h", "(none)"},
    {"{secretsmanager: prod, key: webhook secret}", KH_REMOTE_SECRETSMANAGER, "prod", "webhook secret"},
    {"{key: k, secretsmanager: prod, name: current}", KH_REMOTE_SECRETSMANAGER, "prod", "k"},
    {"{secretsmanager: \"arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:prod/a-AbCdEf\"}",
     KH_REMOTE_SECRETSMANAGER, "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:prod/a-AbCdEf",
     "(none)"},
};

START_TEST(asks_the_store)
{
  char text[512];

  (void)snprintf(text, sizeof text, "webhook: {signature: %s}\n", asked[_i].reference);
  ck_assert_msg(read_with(&remote, text, KH_CONFIG_RECEIVER) == KH_OK, "%s", kh_config_dir_said(&dir));
  ck_assert_uint_eq(shop.calls, 1);
  ck_assert_int_eq(shop.store, asked[_i].store);
  ck_assert_str_eq(shop.name, asked[_i].name);
  ck_assert_str_eq(shop.key, asked[_i].key);
  ck_assert_str_eq(kh_secret_reveal(&dir.config.signatures.at[0].secret).at, "a-fetched-secret");
  ck_assert(dir.config.has_remote_secrets);

  /* `kitehook check` knows no store and takes the same forms. */
  ck_assert_msg(read_with(NULL, text, KH_CONFIG_CHECK) == KH_OK, "%s", kh_config_dir_said(&dir));
  ck_assert_uint_eq(dir.diags.count, 0);
  ck_assert_uint_eq(dir.config.signatures.count, 1);
  ck_assert(kh_secret_is_empty(&dir.config.signatures.at[0].secret));
  ck_assert_uint_eq(shop.calls, 1);
}
END_TEST

START_TEST(asks_for_nothing_that_is_not_named)
{
  ck_assert_int_eq(read_with(&remote, "webhook: {signature: {file: webhook-secret}}\n", KH_CONFIG_WHOLE),
                   KH_OK);
  ck_assert_uint_eq(shop.calls, 0);
  ck_assert(!dir.config.has_remote_secrets);
}
END_TEST

START_TEST(asks_for_each_of_a_list)
{
  static const char text[] = "webhook:\n"
                             "  signature:\n"
                             "    - {name: current, ssm: /a}\n"
                             "    - {name: here, file: webhook-secret}\n"
                             "  token: [{name: old, secretsmanager: b}]\n";

  ck_assert_int_eq(read_with(&remote, text, KH_CONFIG_WHOLE), KH_OK);
  ck_assert_uint_eq(shop.calls, 2);
  ck_assert_uint_eq(dir.config.signatures.count, 2);
  ck_assert_str_eq(kh_secret_reveal(&dir.config.tokens.at[0].secret).at, "a-fetched-secret");
}
END_TEST

/* ---- what comes back ---- */

static const struct {
  const char *value, *kept, *fragment;
} values[] = {
    {"12345678\n", "12345678", NULL},
    {"12345678\r\n", "12345678", NULL},
    {" 12345678 ", " 12345678 ", "a blank at its begin or end"},
    {"1234567", "1234567", "shorter than 8 bytes"},
    {"12345678\nx", "12345678\nx", "more than one line"},
    {"", NULL, "the secret is empty"},
    {"\n", NULL, "the secret is empty"},
    {NULL, NULL, "cannot fetch /a: ParameterNotFound; create it"},
};

START_TEST(takes_what_comes_as_from_a_file)
{
  shop.value = values[_i].value;
  enum kh_err err = read_with(&remote, "webhook:\n  token: {ssm: /a}\n", KH_CONFIG_WHOLE);
  ck_assert_int_eq(err, values[_i].kept ? KH_OK : KH_ERR_CONFIG);
  if (values[_i].kept)
    ck_assert_str_eq(kh_secret_reveal(&dir.config.tokens.at[0].secret).at, values[_i].kept);
  ck_assert_uint_eq(dir.diags.count, values[_i].fragment ? 1 : 0);
  if (values[_i].fragment && err)
    ck_assert_msg(kh_config_dir_find(&dir, 2, 11, values[_i].fragment) != NULL, "%s",
                  kh_config_dir_said(&dir));
  else if (values[_i].fragment)
    ck_assert_ptr_nonnull(kh_config_dir_find(&dir, 0, 0, values[_i].fragment));
}
END_TEST

/* ---- mistakes ---- */

#define LONG_64 "abcdefgh_bcdefgh_bcdefgh_bcdefgh_bcdefgh_bcdefgh_bcdefgh_bcdefgh"
#define LONG_512 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64

static const struct {
  const char *reference;
  unsigned column;
  const char *fragment;
} wrong[] = {
    {"{ssm: \"\"}", 23, "`ssm` takes the name of a parameter"},
    {"{ssm: a b}", 23, "`ssm` takes"},
    {"{ssm: a/b}", 23, "with a / first"},
    {"{ssm: /a/}", 23, "`ssm` takes"},
    {"{ssm: /a//b}", 23, "`ssm` takes"},
    {"{ssm: /}", 23, "`ssm` takes"},
    {"{ssm: \"/a:\"}", 23, "`ssm` takes"},
    {"{ssm: \"/a:1:2\"}", 23, "`ssm` takes"},
    {"{ssm: /1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16}", 23, "`ssm` takes"},
    {"{ssm: /" LONG_512 LONG_512 "}", 23, "`ssm` takes"},
    {"{ssm: \"arn:aws:secretsmanager:eu-west-1:123456789012:secret:a\"}", 23, "`ssm` takes"},
    {"{ssm: \"arn:aws:ssm:eu-west-1:12345678901:parameter/a\"}", 23, "`ssm` takes"},
    {"{ssm: \"arn:aws:ssm::123456789012:parameter/a\"}", 23, "`ssm` takes"},
    {"{ssm: [a]}", 23, "must be a text"},
    {"{secretsmanager: \"\"}", 23, "`secretsmanager` takes the name or the ARN"},
    {"{secretsmanager: a b}", 23, "`secretsmanager` takes"},
    {"{secretsmanager: \"a:b\"}", 23, "`secretsmanager` takes"},
    {"{secretsmanager: \"arn:aws:ssm:eu-west-1:123456789012:parameter/a\"}", 23, "`secretsmanager` takes"},
    {"{secretsmanager: \"arn:aws:secretsmanager:eu-west-1:123456789012:secret:\"}", 23,
     "`secretsmanager` takes"},
    {"{secretsmanager: " LONG_512 "x}", 23, "`secretsmanager` takes"},
    {"{secretsmanager: a, key: \"\"}", 42, "`key` takes the name of a member"},
    {"{secretsmanager: a, key: \"a\\tb\"}", 42, "`key` takes"},
    {"{secretsmanager: a, key: [b]}", 42, "must be a text"},
    {"{ssm: /a, key: b}", 32, "`key` goes with `secretsmanager` only"},
    {"{file: webhook-secret, key: b}", 45, "`key` goes with `secretsmanager` only"},
    {"{key: b}", 22, "needs `file: PATH` or `env: NAME`"},
    {"{ssm: /a, secretsmanager: b}", 32, "has `ssm` and `secretsmanager`; remove one"},
    {"{ssm: /a, file: webhook-secret}", 23, "has `file` and `ssm`; remove one"},
    {"{smm: /a}", 23, "did you mean `ssm`?"},
    {"{secretmanager: a}", 23, "did you mean `secretsmanager`?"},
};

START_TEST(finds_mistakes)
{
  char text[2048];

  (void)snprintf(text, sizeof text, "webhook: {signature: %s}\n", wrong[_i].reference);
  for (int with = 0; with < 2; with++) {
    ck_assert_int_eq(read_with(with ? &remote : NULL, text, KH_CONFIG_CHECK), KH_ERR_CONFIG);
    ck_assert_msg(kh_config_dir_find(&dir, 1, wrong[_i].column, wrong[_i].fragment) != NULL, "%s",
                  kh_config_dir_said(&dir));
    ck_assert_uint_eq(dir.diags.count, 1);
  }
  ck_assert_uint_eq(shop.calls, 0);
}
END_TEST

START_TEST(needs_a_store_to_run)
{
  static const char *const texts[] = {"webhook: {signature: {ssm: /a}}\n",
                                      "webhook: {signature: {secretsmanager: a}}\n"};
  static const char *const said[] = {"`ssm` works on Lambda only; use `file` or `env` here",
                                     "`secretsmanager` works on Lambda only; use `file` or `env` here"};

  for (int depth = KH_CONFIG_RECEIVER; depth <= KH_CONFIG_WHOLE; depth++) {
    ck_assert_int_eq(kh_config_dir_read(&dir, texts[_i], (enum kh_config_depth)depth, NULL), KH_ERR_CONFIG);
    ck_assert_uint_eq(dir.diags.count, 1);
    ck_assert_ptr_nonnull(kh_config_dir_find(&dir, 1, 23, said[_i]));
  }
}
END_TEST

/* ---- which names a message tells ---- */

static const struct {
  const char *reference, *shown; /* NULL: not told, since it could be the secret itself */
} names[] = {
    {"{ssm: /Kitehook/1}", "/Kitehook/1"},
    {"{ssm: kitehook-secret}", "kitehook-secret"},
    {"{secretsmanager: prod/kitehook}", "prod/kitehook"},
    {"{secretsmanager: \"arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-Ab1\"}", "secret:a-Ab1"},
    {"{ssm: " PLANT "}", NULL},
    {"{ssm: Planted}", NULL},
    {"{secretsmanager: " PLANT "}", NULL},
    {"{secretsmanager: " PLANT "/x+y=}", NULL},
    {"{secretsmanager: " PLANT ", key: k}", NULL},
    {"{secretsmanager: a, key: " PLANT "}", "cannot fetch a:"},
};

START_TEST(tells_only_names_that_are_names)
{
  char text[512];

  shop.value = NULL;
  (void)snprintf(text, sizeof text, "webhook: {signature: %s}\n", names[_i].reference);
  ck_assert_int_eq(read_with(&remote, text, KH_CONFIG_RECEIVER), KH_ERR_CONFIG);
  ck_assert_uint_eq(dir.diags.count, 1);
  const char *fragment = names[_i].shown ? names[_i].shown : "what is named here";
  ck_assert_msg(kh_config_dir_find(&dir, 1, 23, fragment) != NULL, "%s", kh_config_dir_said(&dir));
  ck_assert_ptr_null(strstr(kh_config_dir_said(&dir), PLANT));
  ck_assert_ptr_null(strstr(kh_config_dir_said(&dir), "Planted"));
}
END_TEST

/* ---- notifiers ---- */

static const char rules_text[] = "webhook: {signature: {file: webhook-secret}}\n"
                                 "state: s\n"
                                 "notify:\n"
                                 "  - slack: {url: {ssm: /slack}}\n"
                                 "  - slack: {url: {secretsmanager: prod, key: slack}}\n"
                                 "  - slack: {url: {secretsmanager: prod}}\n";
static const char *const destinations[] = {"slack ssm:/slack", "slack secretsmanager:prod#slack",
                                           "slack secretsmanager:prod"};

START_TEST(serves_notifiers)
{
  struct kh_rules rules = {0};

  shop.value = "https://hooks.example/planted\n";
  ck_assert_int_eq(read_with(&remote, rules_text, KH_CONFIG_WHOLE), KH_OK);
  ck_assert_uint_eq(shop.calls, 0);
  ck_assert_msg(kh_rules_compile(&dir.config, &rules, &dir.diags) == KH_OK, "%s", kh_config_dir_said(&dir));
  ck_assert_uint_eq(shop.calls, 3);
  ck_assert_uint_eq(rules.count, 3);
  for (size_t i = 0; i < rules.count; i++) {
    ck_assert_str_eq(rules.at[i].credential, destinations[i]);
    ck_assert_str_eq(kh_secret_reveal(&rules.at[i].url).at, "https://hooks.example/planted");
  }
  ck_assert(!dir.config.has_remote_secrets);
  kh_rules_release(&rules);
}
END_TEST

START_TEST(checks_rules_without_a_store)
{
  struct kh_rules rules = {0};

  ck_assert_int_eq(read_with(NULL, rules_text, KH_CONFIG_CHECK), KH_OK);
  ck_assert_msg(kh_rules_compile(&dir.config, &rules, &dir.diags) == KH_OK, "%s", kh_config_dir_said(&dir));
  ck_assert_uint_eq(dir.diags.count, 0);
  ck_assert_uint_eq(rules.count, 3);
  for (size_t i = 0; i < rules.count; i++)
    ck_assert_str_eq(rules.at[i].credential, destinations[i]);
  kh_rules_release(&rules);
}
END_TEST

START_TEST(still_looks_at_the_url_that_came)
{
  struct kh_rules rules = {0};

  shop.value = PLANT "-no-url";
  ck_assert_int_eq(read_with(&remote, rules_text, KH_CONFIG_WHOLE), KH_OK);
  ck_assert_int_eq(kh_rules_compile(&dir.config, &rules, &dir.diags), KH_ERR_CONFIG);
  ck_assert_ptr_nonnull(kh_config_dir_find(&dir, 4, 13, "slack.url must hold one https:// URL"));
  ck_assert_ptr_null(strstr(kh_config_dir_said(&dir), PLANT));
  kh_rules_release(&rules);
}
END_TEST

static Suite *remote_suite(void)
{
  Suite *suite = suite_create("config_remote");
  TCase *all = kh_test_case(suite, "remote secrets");

  tcase_add_checked_fixture(all, open_dir, close_dir);
  tcase_add_loop_test(all, asks_the_store, 0, (int)KH_COUNT(asked));
  tcase_add_test(all, asks_for_nothing_that_is_not_named);
  tcase_add_test(all, asks_for_each_of_a_list);
  tcase_add_loop_test(all, takes_what_comes_as_from_a_file, 0, (int)KH_COUNT(values));
  tcase_add_loop_test(all, finds_mistakes, 0, (int)KH_COUNT(wrong));
  tcase_add_loop_test(all, needs_a_store_to_run, 0, 2);
  tcase_add_loop_test(all, tells_only_names_that_are_names, 0, (int)KH_COUNT(names));
  tcase_add_test(all, serves_notifiers);
  tcase_add_test(all, checks_rules_without_a_store);
  tcase_add_test(all, still_looks_at_the_url_that_came);
  return suite;
}

int main(void)
{
  return kh_test_main(remote_suite());
}
