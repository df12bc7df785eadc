#include "base/base.h"

#include "config/parts.h"
#include "support/command.h"
#include "support/guard.h"
#include "support/suite.h"

static struct kh_diags diags;

static void forget(void)
{
  kh_diags_release(&diags);
}

/* The value that our reader finds for KH_VALUE in TEXT, read at the edge of a page. */
static void read_env(struct kh_str text, enum kh_err want, struct kh_buf *value)
{
  struct kh_guard guard;
  struct kh_buf entries;

  kh_buf_init(&entries, text.len + 1);
  ck_assert_int_eq(kh_env_file_parse(kh_guard_end(&guard, text), "env", &entries, &diags), want);
  kh_guard_release(&guard);
  struct kh_str found = kh_env_file_get(&entries, "KH_VALUE");
  ck_assert(!want == (found.at != NULL));
  (void)kh_buf_add(value, found);
  kh_buf_release(&entries);
}

/* Where systemd's grammar and the shell's agree, sh is the oracle. */
static const char *const shell_values[] = {
    "abc",
    "",
    "a_b-c.d/e:f,g@h%i+j=k",
    "'a b'",
    "\"a b\"",
    "'a  b'\"  c\"",
    "\"a\"'b'c",
    "''",
    "\"\"",
    "'a\\b'",
    "'a\"b'",
    "\"a'b\"",
    "\"a\\\"b\"",
    "\"a\\\\b\"",
    "\"a\\$b\"",
    "\"a\\`b\"",
    "\"a\\nb\"",
    "\"\\'\"",
    "'# ; \t'",
    "a#b",
    "a\\ b",
    "a\\\\b",
    "\\a\\b",
    "a\\\nb",
    "\"a\\\nb\"",
    "'a\nb'",
    "\"a\nb\n\nc\"",
    "'\\'",
    "'\xc3\xa9\xe2\x82\xac'",
    "\\'a\\'",
    "\\\"",
    "abc   ",
    "'abc '  ",
    "\\ \\ ",
    "aGVsbG8=",
};

START_TEST(reads_values_like_the_shell)
{
  static const char *const argv[] = {"sh", "-c", "eval \"$(cat)\"; printf %s \"$KH_VALUE\"", NULL};
  struct kh_buf text, want, got;

  kh_buf_init(&text, 4096);
  kh_buf_init(&want, 4096);
  kh_buf_init(&got, 4096);
  (void)kh_buf_printf(&text, "# first\n\nKH_OTHER='x'\nKH_VALUE=%s\n#KH_VALUE=comment\nKH_LAST=x",
                      shell_values[_i]);
  ck_assert_int_eq(kh_command(argv, kh_buf_view(&text), &want), 0);
  read_env(kh_buf_view(&text), KH_OK, &got);
  ck_assert_msg(kh_str_equal(kh_buf_view(&got), kh_buf_view(&want)), "%s: got <%s>, sh <%s>",
                shell_values[_i], kh_buf_text(&got), kh_buf_text(&want));
  kh_buf_release(&text);
  kh_buf_release(&want);
  kh_buf_release(&got);
}
END_TEST

/* Where they differ the table was made with systemd 252's load_env_file(). */
static const struct {
  const char *text, *value;
} systemd_values[] = {
    {"KH_VALUE=a b  c  \n", "a b  c"},
    {"  KH_VALUE  =  a\n", "a"},
    {"KH_VALUE=a'b'\"c\"\n", "a'b'\"c\""},
    {"KH_VALUE='a' 'b'\n", "ab"},
    {"KH_VALUE=\"a\" b 'c'\n", "ab 'c'"},
    {"KH_VALUE=$HOME `x`\n", "$HOME `x`"},
    {"KH_VALUE=\"$HOME\"\n", "$HOME"},
    {"KH_VALUE=a # b\n", "a # b"},
    {"; KH_VALUE=no\nKH_VALUE=a;b\n", "a;b"},
    {"KH_VALUE=a\r\nOTHER=b\r\n", "a"},
    {"KH_VALUE='a\r'\r\n", "a\r"},
    {"KH_VALUE=a\nKH_VALUE=b\n", "b"},
    {"KH_VALUE=a\\  \n", "a "},
    {"KH_VALUE=a", "a"},
    {"KH_VALUE=", ""},
    {"KH_VALUE=a\\", "a"},
};

START_TEST(reads_values_like_systemd)
{
  struct kh_buf got;

  kh_buf_init(&got, 4096);
  read_env(kh_str_of(systemd_values[_i].text), KH_OK, &got);
  ck_assert_str_eq(kh_buf_text(&got), systemd_values[_i].value);
  kh_buf_release(&got);
}
END_TEST

/* No row's "planted" may come back in a message. */
static const struct {
  const char *text;
  unsigned line;
  const char *fragment;
} bad_lines[] = {
    {"A=b\n\nplanted\n", 3, "not an assignment"},
    {"export planted=x\n", 1, "`export` is not supported"},
    {"A=b\nplanted-x=y\n", 2, "not a usable name"},
    {"9planted=x\n", 1, "not a usable name"},
    {"=planted\n", 1, "not a usable name"},
    {"A=\"b\nc\"\nplanted\n", 3, "not an assignment"},
    {"A='planted\nB=c\n", 1, "single quote that begins here is not closed"},
    {"\nA=x\nB=\"planted\\\"\nC=d", 3, "double quote that begins here is not closed"},
};

START_TEST(refuses_what_is_no_assignment)
{
  struct kh_buf got;

  kh_buf_init(&got, 4096);
  read_env(kh_str_of(bad_lines[_i].text), KH_ERR_CONFIG, &got);
  ck_assert_uint_eq(diags.count, 1);
  ck_assert_uint_eq(diags.at[0].line, bad_lines[_i].line);
  ck_assert_ptr_nonnull(strstr(diags.at[0].text, bad_lines[_i].fragment));
  ck_assert_ptr_null(strstr(diags.at[0].text, "planted"));
  kh_buf_release(&got);
}
END_TEST

START_TEST(an_env_file_has_no_nul)
{
  struct kh_buf got;

  kh_buf_init(&got, 4096);
  read_env(KH_STR("A=b\nC\0=d\n"), KH_ERR_CONFIG, &got);
  ck_assert_ptr_nonnull(strstr(diags.at[0].text, "NUL"));
  kh_buf_release(&got);
}
END_TEST

static Suite *env_file_suite(void)
{
  Suite *suite = suite_create("config_env_file");
  TCase *env_file = kh_test_case(suite, "env_file");

  tcase_add_checked_fixture(env_file, forget, forget);
  tcase_add_loop_test(env_file, reads_values_like_the_shell, 0, (int)KH_COUNT(shell_values));
  tcase_add_loop_test(env_file, reads_values_like_systemd, 0, (int)KH_COUNT(systemd_values));
  tcase_add_loop_test(env_file, refuses_what_is_no_assignment, 0, (int)KH_COUNT(bad_lines));
  tcase_add_test(env_file, an_env_file_has_no_nul);
  return suite;
}

int main(void)
{
  return kh_test_main(env_file_suite());
}
