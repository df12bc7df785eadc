#include "base/base.h"

#include "deliver/answer.h"
#include "support/suite.h"

static const char hook[] = "https://hooks.example/services/T0PLANTED/wordlikesecret?key=abc";

static const struct {
  const char *body;
  const char *kept;
} answers[] = {
    {"", ""},
    {"no_service", "no_service"},
    {"  invalid_payload\r\n", "invalid_payload"},
    {"{\"ok\":false,\"error\":\"channel_not_found\"}", "{\"ok\":false,\"error\":\"channel_not_found\"}"},
    {"Not Found.", "Not Found."},
    {"HTTP 404: the thing, which you asked for, is gone!",
     "HTTP 404: the thing, which you asked for, is gone!"},
    {"5.7.1 Relaying denied", "5.7.1 Relaying denied"},
    {"550 5.1.1 no such user; 4.2.255, 2.0.0.", "550 5.1.1 no such user; 4.2.255, 2.0.0."},
    {"5.7.1.2 5.7 5.7. 3.7.1 5..1 5.1234.1 5.7.1a 10.0.0.1 15.7.1", "* * * * * * * * *"},
    {"<html><body>Bad Gateway</body></html>", "<html><body>Bad Gateway<*><*>"},
    /* the URL, whole or in parts */
    {"Cannot POST /services/T0PLANTED/wordlikesecret", "Cannot POST *"},
    {"Cannot POST https://hooks.example/services/T0PLANTED", "Cannot POST *:*"},
    {"wordlikesecret is unknown", "* is unknown"},
    {"WORDLIKESECRET unknown", "* unknown"},
    {"the_wordlikesecret_thing is unknown", "* is unknown"},
    {"no_service", "no_service"},
    {"no (wordlikesecret.)", "no (*)"},
    {"wordlike secret", "* *"},
    /* the token of the second secret */
    {"{\"token\":\"c3VwZXItc2VjcmV0\"}", "{\"token\":\"*\"}"},
    {"passphrase is wrong", "* is wrong"},
    /* what looks like a credential, whoever's */
    {"xoxb-123456789012-abcdefABCDEF", "*"},
    {"Bearer eyJhbGciOiJIUzI1NiJ9.e30.xyz", "Bearer *"},
    {"0123456789abcdef", "*"},
    {"abcdefghijklmnopqrstuvwxy", "*"},
    {"AKIAIOSFODNN", "*"},
    {"aB cD", "* *"},
    {"mara@example.com", "*"},
    {"12345", "*"},
    {"1234 a1", "1234 *"},
    /* what is no text */
    {"a\tb\nc\x01"
     "d\x7f",
     "a b c *"},
    {"caf\xC3\xA9 \xFF ok", "* * ok"},
};

static void keep(struct kh_str body, char kept[KH_ANSWER_KEPT_BYTES])
{
  struct kh_secret url = {0}, token = {0};

  ck_assert_int_eq(kh_secret_set(&url, kh_str_of(hook)), KH_OK);
  ck_assert_int_eq(kh_secret_set(&token, KH_STR("a-passphrase")), KH_OK);
  kh_answer_keep(body, (const struct kh_secret *const[]){&url, &token}, 2, kept);
  kh_secret_release(&url);
  kh_secret_release(&token);
}

START_TEST(only_words_are_kept)
{
  char kept[KH_ANSWER_KEPT_BYTES];

  keep(kh_str_of(answers[_i].body), kept);
  ck_assert_str_eq(kept, answers[_i].kept);
}
END_TEST

START_TEST(it_is_cut_between_words)
{
  char body[4096], kept[KH_ANSWER_KEPT_BYTES];

  for (size_t i = 0; i < sizeof body; i++)
    body[i] = "lorem "[i % 6];
  keep(kh_str(body, sizeof body), kept);
  ck_assert_uint_ge(strlen(kept), KH_ANSWER_KEPT_BYTES - 8);
  ck_assert_uint_lt(strlen(kept), KH_ANSWER_KEPT_BYTES);
  ck_assert_str_eq(kept + strlen(kept) - 5, "lorem");

  memset(body, 'a', sizeof body); /* one word without an end */
  keep(kh_str(body, sizeof body), kept);
  ck_assert_str_eq(kept, "*");
}
END_TEST

/* Whatever stands around it. */
START_TEST(no_part_of_the_secret_comes_through)
{
  static const char *const parts[] = {hook, "T0PLANTED", "wordlikesecret", "services", "a-passphrase"};
  char body[600], kept[KH_ANSWER_KEPT_BYTES];
  uint32_t random = 12345;

  for (int round = 0; round < 5000; round++) {
    size_t len = 0;

    while (len < 400) {
      random = random * 1664525u + 1013904223u;
      const char *part = parts[(random >> 8) % KH_COUNT(parts)];

      memcpy(body + len, part, strlen(part));
      len += strlen(part);
      for (uint32_t i = 0; i < (random >> 28); i++)
        body[len++] = (char)(random >> (i + 3));
    }
    keep(kh_str(body, len), kept);
    for (size_t i = 0; kept[i]; i++)
      ck_assert(kept[i] >= ' ' && kept[i] < 0x7f);
    for (size_t i = 0; i < KH_COUNT(parts); i++)
      ck_assert_msg(!strstr(kept, parts[i]), "'%s' is in '%s'", parts[i], kept);
  }
}
END_TEST

static Suite *answer_suite(void)
{
  Suite *suite = suite_create("answer");
  TCase *test_case = kh_test_case(suite, "answer");

  tcase_add_loop_test(test_case, only_words_are_kept, 0, KH_COUNT(answers));
  tcase_add_test(test_case, it_is_cut_between_words);
  tcase_add_test(test_case, no_part_of_the_secret_comes_through);
  return suite;
}

int main(void)
{
  return kh_test_main(answer_suite());
}
