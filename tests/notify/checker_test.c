#include "base/base.h"

#include "support/slack.h"
#include "support/suite.h"

/* The checker itself must be able to say no. */
static const char *const bad_slack[] = {
    "{}",
    "{\"text\":\"<!channel>\",\"mrkdwn\":false,\"unfurl_links\":false,\"unfurl_media\":false,\"blocks\":[{"
    "\"type\":"
    "\"rich_text\",\"elements\":[{\"type\":\"rich_text_section\",\"elements\":[{\"type\":\"text\",\"text\":"
    "\"x\"}]}]}]}",
    "{\"text\":\"x\",\"mrkdwn\":false,\"unfurl_links\":false,\"unfurl_media\":false,\"blocks\":[{\"type\":"
    "\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"x\"}}]}",
    "{\"text\":\"x\",\"mrkdwn\":false,\"unfurl_links\":false,\"unfurl_media\":false,\"blocks\":[{\"type\":"
    "\"rich_text\",\"elements\":[{\"type\":\"rich_text_section\",\"elements\":[{\"type\":\"broadcast\","
    "\"range\":"
    "\"channel\"}]}]}]}",
    "{\"text\":\"x\",\"mrkdwn\":false,\"unfurl_links\":false,\"unfurl_media\":false,\"blocks\":[{\"type\":"
    "\"rich_text\",\"elements\":[{\"type\":\"rich_text_section\",\"elements\":[{\"type\":\"text\",\"text\":"
    "\"\"}]}]}]}",
    "{\"text\":\"x\",\"mrkdwn\":false,\"unfurl_links\":false,\"unfurl_media\":false,\"blocks\":[{\"type\":"
    "\"rich_text\",\"elements\":[{\"type\":\"rich_text_section\",\"elements\":[{\"type\":\"text\",\"text\":"
    "\"a\\u202eb\"}]}]}]}",
};

START_TEST(checker_says_no)
{
  kh_check_slack("on purpose", kh_str_of(bad_slack[_i]));
}
END_TEST

static Suite *checker_suite(void)
{
  Suite *suite = suite_create("checker");
  TCase *all = kh_test_case(suite, "all");

  tcase_add_loop_exit_test(all, checker_says_no, EXIT_FAILURE, 0, (int)KH_COUNT(bad_slack));
  return suite;
}

int main(void)
{
  return kh_test_main_apart(checker_suite());
}
