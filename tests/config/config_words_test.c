#include "base/base.h"

#include "base/nearest.h"
#include "config/config.h"
#include "support/suite.h"

/* ---- units ---- */

struct amount {
  const char *text;
  int64_t amount; /* -1: refused */
};

static const struct amount durations[] = {
    {"0", 0},
    {"90", 90},
    {"90s", 90},
    {"5m", 300},
    {"2h", 7200},
    {"1d", 86400},
    {"007s", 7},
    {"", -1},
    {"s", -1},
    {"-5", -1},
    {"+5", -1},
    {"5 s", -1},
    {" 5s", -1},
    {"5S", -1},
    {"5ms", -1},
    {"1h30m", -1},
    {"0x5", -1},
    {"1e3", -1},
    {"9223372036854775807", INT64_MAX},
    {"9223372036854775808", -1},
    {"106751991167300d", INT64_C(106751991167300) * 86400},
    {"106751991167301d", -1},
    {"99999999999999999999999", -1},
};

static const struct amount sizes[] = {
    {"0", 0},
    {"1", 1},
    {"12B", 12},
    {"512KB", 524288},
    {"8MB", 8388608},
    {"1GB", 1073741824},
    {"", -1},
    {"KB", -1},
    {"8mb", -1},
    {"8M", -1},
    {"8 MB", -1},
    {"-8MB", -1},
    {"1.5GB", -1},
    {"1TB", -1},
    {"8589934591GB", INT64_C(8589934591) * 1073741824},
    {"17179869184GB", -1},
    {"99999999999999999999", -1},
};

START_TEST(reads_durations)
{
  int64_t seconds = 4711;
  bool want = durations[_i].amount >= 0;

  ck_assert_msg(kh_config_duration_s(durations[_i].text, &seconds) == want, "%s", durations[_i].text);
  ck_assert_int_eq(seconds, want ? durations[_i].amount : 4711);
  ck_assert(!kh_config_duration_s(NULL, &seconds));
}
END_TEST

START_TEST(reads_sizes)
{
  uint64_t bytes = 4711;
  bool want = sizes[_i].amount >= 0;

  ck_assert_msg(kh_config_size_bytes(sizes[_i].text, &bytes) == want, "%s", sizes[_i].text);
  ck_assert_uint_eq(bytes, want ? (uint64_t)sizes[_i].amount : 4711);
  ck_assert(!kh_config_size_bytes(NULL, &bytes));
}
END_TEST

/* ---- did you mean ---- */

static const char *const known[] = {"webhook", "env_file", "log", "state", "max_body", "name", NULL};

static const struct {
  const char *word, *meant;
} words[] = {
    {"webhok", "webhook"},   {"wehbook", "webhook"},
    {"Webhook", "webhook"},  {"webhooks", "webhook"},
    {"envfile", "env_file"}, {"env-file", "env_file"},
    {"maxBody", "max_body"}, {"MAX_BODY", "max_body"},
    {"stat", "state"},       {"nmae", "name"},
    {"logs", "log"},         {"foo", NULL},
    {"lag", "log"},          {"bag", NULL},
    {"hook", NULL},          {"", NULL},
    {"notify", NULL},        {"a_word_that_is_much_longer_than_any_key_could_be_max_body", NULL},
};

START_TEST(guesses_what_was_meant)
{
  const char *meant = kh_word_nearest(kh_str_of(words[_i].word), known);

  ck_assert_msg((!meant && !words[_i].meant) ||
                    (meant && words[_i].meant && strcmp(meant, words[_i].meant) == 0),
                "%s: %s", words[_i].word, meant ? meant : "nothing");
}
END_TEST

/* ---- the list of them ---- */

START_TEST(keeps_a_hundred_and_counts_the_rest)
{
  struct kh_diags diags = {0};

  for (unsigned i = 0; i < 60; i++)
    ck_assert_int_eq(kh_diags_add(&diags, KH_OK, "f", 1, 1, "warning %u", i), KH_OK);
  ck_assert_uint_eq(diags.count, KH_DIAGS_WARN_MAX);
  ck_assert_int_eq(kh_diags_first(&diags).err, KH_OK);
  for (unsigned i = 0; i < 60; i++)
    ck_assert_int_eq(kh_diags_add(&diags, KH_ERR_CONFIG, "f", i + 1, 2, "mistake %u", i), KH_ERR_CONFIG);
  ck_assert_uint_eq(diags.count, KH_DIAGS_MAX);
  ck_assert_uint_eq(diags.warnings, KH_DIAGS_WARN_MAX);
  ck_assert_uint_eq(diags.more, 20);
  const struct kh_diag first = kh_diags_first(&diags);
  ck_assert_str_eq(first.text, "mistake 0");
  ck_assert_int_eq(kh_diags_add(NULL, KH_ERR_IO, "f", 1, 1, "nobody listens"), KH_ERR_IO);
  kh_diags_release(&diags);
  ck_assert_int_eq(kh_diags_first(&diags).err, KH_OK);
}
END_TEST

START_TEST(sorts_by_place)
{
  static const struct kh_diag found[] = {
      {.file = "b", .line = 3, .column = 2, .text = "0"}, {.file = "a", .line = 9, .column = 1, .text = "1"},
      {.file = "b", .line = 3, .column = 1, .text = "2"}, {.file = "b", .line = 1, .column = 7, .text = "3"},
      {.file = "b", .line = 3, .column = 1, .text = "4"},
  };
  static const char want[] = "13240";
  struct kh_diags diags = {0};

  for (size_t i = 0; i < KH_COUNT(found); i++)
    (void)kh_diags_add(&diags, KH_ERR_CONFIG, found[i].file, found[i].line, found[i].column, "%s",
                       found[i].text);
  kh_diags_sort(&diags);
  for (size_t i = 0; i < KH_COUNT(found); i++)
    ck_assert_int_eq(diags.at[i].text[0], want[i]);
  kh_diags_release(&diags);
}
END_TEST

static Suite *words_suite(void)
{
  Suite *suite = suite_create("config_words");
  TCase *test_case = kh_test_case(suite, "words");

  tcase_add_loop_test(test_case, reads_durations, 0, (int)KH_COUNT(durations));
  tcase_add_loop_test(test_case, reads_sizes, 0, (int)KH_COUNT(sizes));
  tcase_add_loop_test(test_case, guesses_what_was_meant, 0, (int)KH_COUNT(words));
  tcase_add_test(test_case, keeps_a_hundred_and_counts_the_rest);
  tcase_add_test(test_case, sorts_by_place);
  return suite;
}

int main(void)
{
  return kh_test_main(words_suite());
}
