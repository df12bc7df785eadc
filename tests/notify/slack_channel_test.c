#include "base/base.h"

#include "notify/slack/channel.h"
#include "support/suite.h"

static const struct {
  const char *written;
  const char *workspace, *place; /* NULL: no channel */
} cases[] = {
    {"#general", "", "#general"},
    {"#a-b_c.d", "", "#a-b_c.d"},
    {"#b\xc3\xa4ume", "", "#b\xc3\xa4ume"},
    {"@jane", "", "@jane"},
    {"@jane.doe", "", "@jane.doe"},
    {"C024BE91L", "", "C024BE91L"},
    {"D024BE91L", "", "D024BE91L"},
    {"G024BE91L", "", "G024BE91L"},
    {"U061F7AUR", "", "U061F7AUR"},
    {"buildkite-community#sre", "buildkite-community", "#sre"},
    {"acme@jane", "acme", "@jane"},
    {"acme#C024BE91L", "acme", "C024BE91L"},
    {"acme@U061F7AUR", "acme", "U061F7AUR"},
    {"Acme_2#builds", "Acme_2", "#builds"},

    {"", "", NULL},
    {"general", "", NULL},
    {"#", "", NULL},
    {"@", "", NULL},
    {"acme#", "acme", NULL},
    {"#General", "", NULL},
    {"# general", "", NULL},
    {"#a b", "", NULL},
    {"#a,#b", "", NULL},
    {"#a\nb", "", NULL},
    {"#a#b", "", NULL},
    {"<!channel>", "", NULL},
    {"<#C024BE91L>", "", NULL},
    {"https://hooks.slack.com/services/T0/B0/x", "", NULL},
    {"https://example.com/#general", "", NULL},
    {"U0", "", NULL},
    {"X024BE91L", "", NULL},
    {"u061f7aur", "", NULL},
    {"#\xff", "", NULL},
    {"#123456789012345678901234567890123456789012345678901234567890123456789012345678901", "", NULL},
};

START_TEST(channels_are_known)
{
  const struct kh_rule rule = {.verb = KH_POST};
  struct kh_str text = kh_str_of(cases[_i].written);
  struct kh_buf place;

  ck_assert_msg(kh_slack_is_channel(text) == (cases[_i].place != NULL), "%s", cases[_i].written);
  const struct kh_str workspace = kh_slack_workspace(&text);
  ck_assert_msg(kh_str_equal(workspace, kh_str_of(cases[_i].workspace)), "%s: %.*s", cases[_i].written,
                KH_FMT(workspace));
  kh_buf_init(&place, 256);
  ck_assert_int_eq(kh_slack_place(&rule, NULL, text, &place), KH_OK);
  ck_assert_str_eq(kh_buf_text(&place), cases[_i].place ? cases[_i].place : "");
  kh_buf_release(&place);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("slack_channel");

  tcase_add_loop_test(kh_test_case(suite, "channel"), channels_are_known, 0, (int)KH_COUNT(cases));
  return kh_test_main(suite);
}
