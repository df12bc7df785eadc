#include "base/base.h"

#include "base/file.h"
#include "notify/notifiers.h"
#include "support/suite.h"

/* tests/mistakes/planted.yml has many mistakes; planted.txt beside it was written by hand and says where. */

#define FOLDER KH_SOURCE_DIR "/tests/mistakes/"

static struct kh_config config;
static struct kh_rules rules;
static struct kh_diags diags;

static void read_planted(void)
{
  ck_assert_int_eq(kh_config_read(&config, FOLDER "planted.yml", KH_CONFIG_CHECK, NULL, &diags),
                   KH_ERR_CONFIG);
  ck_assert_int_eq(kh_rules_compile(&config, &rules, &diags), KH_ERR_CONFIG);
  kh_config_warn_of_variables(&config, &diags);
}

static void release(void)
{
  kh_rules_release(&rules);
  kh_config_release(&config);
  kh_diags_release(&diags);
}

/* "planted.yml:2:1 words of the message", with "warning " before the words of one. */
struct expected {
  char place[64];
  bool is_warning;
  char words[128];
};

static bool parse(struct kh_str line, struct expected *expected)
{
  if (line.len == 0 || line.at[0] == '#')
    return false;
  struct kh_str place = kh_str_cut(&line, ' ');

  expected->is_warning = kh_str_starts(line, KH_STR("warning "));
  if (expected->is_warning)
    (void)kh_str_cut(&line, ' ');
  ck_assert_uint_gt(line.len, 3);
  (void)snprintf(expected->place, sizeof expected->place, "%.*s", KH_FMT(place));
  (void)snprintf(expected->words, sizeof expected->words, "%.*s", KH_FMT(line));
  return true;
}

static bool is_told(const struct expected *expected)
{
  char place[sizeof(((struct kh_diag *)NULL)->file) + 32];
  size_t found = 0;

  for (size_t i = 0; i < diags.count; i++) {
    const struct kh_diag *diag = &diags.at[i];

    (void)snprintf(place, sizeof place, "%s:%u:%u", diag->file, diag->line, diag->column);
    ck_assert_int_eq(strncmp(place, FOLDER, strlen(FOLDER)), 0);
    found += strcmp(place + strlen(FOLDER), expected->place) == 0 &&
             (diag->err == KH_OK) == expected->is_warning && strstr(diag->text, expected->words) != NULL;
  }
  return found == 1;
}

START_TEST(each_is_told_at_its_place_in_one_run)
{
  struct kh_buf text;
  size_t mistakes = 0;
  size_t errors = 0;

  kh_buf_init(&text, KH_YAML_MAX_BYTES);
  ck_assert_int_eq(kh_file_read(FOLDER "planted.txt", &text, NULL), KH_OK);
  for (struct kh_str rest = kh_buf_view(&text); rest.len > 0;) {
    struct expected expected;

    if (!parse(kh_str_cut(&rest, '\n'), &expected))
      continue;
    ck_assert_msg(is_told(&expected), "%s: %s", expected.place, expected.words);
    mistakes += !expected.is_warning;
  }
  for (size_t i = 0; i < diags.count; i++)
    errors += diags.at[i].err != KH_OK;
  ck_assert_uint_ge(mistakes, 30);
  ck_assert_uint_eq(errors, mistakes);
  kh_buf_release(&text);
}
END_TEST

START_TEST(no_credential_is_told)
{
  for (size_t i = 0; i < diags.count; i++)
    ck_assert_ptr_null(strstr(diags.at[i].text, "hooks.example"));
}
END_TEST

static Suite *planted_suite(void)
{
  Suite *suite = suite_create("planted");
  TCase *cases = kh_test_case(suite, "planted");

  tcase_add_checked_fixture(cases, read_planted, release);
  tcase_add_test(cases, each_is_told_at_its_place_in_one_run);
  tcase_add_test(cases, no_credential_is_told);
  return suite;
}

int main(void)
{
  return kh_test_main(planted_suite());
}
