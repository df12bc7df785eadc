/*
 * The hard parts of the strict JSON reader: scanning by blocks, repeated keys, numbers under another locale,
 * no memory. Built a second time with KH_JSON_PORTABLE. Needs the linker's --wrap=reallocarray.
 */
#include "base/base.h"

#include "base/json_parts.h"
#include "base/json_scan.h"
#include "support/command.h"
#include "support/guard.h"
#include "support/json_oracle.h"
#include "support/suite.h"
#include "support/tempdir.h"

#include <jansson.h>
#include <locale.h>

enum { MANY_KEYS = 100000, SCAN_ROUNDS = 5000 };

/* How many allocations succeed before one fails; -1: all do. */
static int allocations_left = -1;

void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
  if (allocations_left == 0)
    return NULL;
  if (allocations_left > 0)
    allocations_left--;
  return __real_reallocarray(old, count, size);
}

static const char *plain_by_byte(const char *at, const char *end)
{
  while (at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' && *at != '\\')
    at++;
  return at;
}

static const char *blank_by_byte(const char *at, const char *end)
{
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
    at++;
  return at;
}

START_TEST(blocks_find_what_a_byte_loop_finds)
{
  struct kh_guard guard = {0};
  char bytes[80];

  srandom(8259);
  for (int round = 0; round < SCAN_ROUNDS; round++) {
    size_t len = (size_t)random() % sizeof bytes;

    memset(bytes, round % 2 ? 'x' : ' ', sizeof bytes);
    for (long changes = random() % 4; changes > 0; changes--)
      bytes[random() % (long)sizeof bytes] = (char)random();
    struct kh_str text = kh_guard_end(&guard, kh_str(bytes, len));
    const char *end = text.at + text.len;
    bool same = true;
    for (const char *at = text.at; at <= end; at++)
      same = same && kh_json_plain(at, end) == plain_by_byte(at, end) &&
             kh_json_blank(at, end) == blank_by_byte(at, end);
    ck_assert_msg(same, "round %d", round);
    kh_guard_release(&guard);
  }
  for (int byte = 0; byte < 256; byte++) {
    char c = (char)byte;

    ck_assert_ptr_eq(kh_json_plain(&c, &c + 1), plain_by_byte(&c, &c + 1));
    ck_assert_ptr_eq(kh_json_blank(&c, &c + 1), blank_by_byte(&c, &c + 1));
  }
}
END_TEST

/* ---- strings with escapes, which are read by blocks ---- */

static const char *const good_pieces[] = {
    "x",        "a kite over the sea",
    "\\\"",     "\\\\",
    "\\/",      "\\b",
    "\\f",      "\\n",
    "\\r",      "\\t",
    "\\u0041",  "\\u00e9",
    "\\u20AC",  "\\ud83d\\uDE00",
    "\xC3\xB6", "\xF0\x9F\x98\x80",
};
static const char *const bad_pieces[] = {"\\x", "\\u12g4", "\\u", "\n", "\xC3", "\\U0041", "\\ud83d\\u00"};
static const char *const half_pieces[] = {"\\ud83d",  "\\uDE00",    "\\ude00\\ud83d", "\\ud83d\\ud83d\\ude00",
                                          "\\ud83dx", "\\ud83d\\n", "\\ud83d\\u0041"};

/* Reads QUOTED at the end of a page and compares it with what jansson makes of it. */
static void check_string(struct kh_json *doc, struct kh_str quoted, bool is_good)
{
  struct kh_guard guard = {0};
  struct kh_buf text;

  kh_buf_init(&text, 4096);
  json_t *expected = json_loadb(quoted.at, quoted.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  enum kh_err err = kh_json_read(doc, kh_guard_end(&guard, quoted), NULL);
  ck_assert_msg(!expected == !is_good && !err == is_good, "%.*s", KH_FMT(quoted));
  if (is_good) {
    struct kh_json_value root = kh_json_root(doc);
    struct kh_str whole = kh_str(json_string_value(expected), json_string_length(expected));

    ck_assert_int_eq(kh_json_text(root, &text), KH_OK);
    ck_assert_msg(kh_str_equal(kh_buf_view(&text), whole), "%.*s: %s", KH_FMT(quoted), kh_buf_text(&text));
    ck_assert(kh_json_text_is(root, whole));
    ck_assert(!kh_json_has_lone_surrogate(root));
  }
  json_decref(expected);
  kh_buf_release(&text);
  kh_guard_release(&guard);
}

/* '"', LEAD letters, PIECE twice, TAIL letters, '"'. */
static struct kh_str quote(struct kh_buf *quoted, int lead, const char *piece, int tail)
{
  kh_buf_clear(quoted);
  (void)kh_buf_printf(quoted, "\"%.*s%s%s%.*s\"", lead, "abcdefghijklmnopqrstuvwxyzabcdefghijklmn", piece,
                      piece, tail, "zyxwvutsrqponmlkjihgfedcbazyxwvutsrqponm");
  return kh_buf_view(quoted);
}

START_TEST(an_escape_is_read_wherever_it_stands)
{
  struct kh_json doc;
  struct kh_buf quoted;

  kh_json_init(&doc, kh_json_default_limits);
  kh_buf_init(&quoted, 4096);
  for (int lead = 0; lead <= 40; lead++)
    for (int tail = 0; tail <= 40; tail += lead % 3 + 1) {
      for (size_t i = 0; i < KH_COUNT(good_pieces); i++)
        check_string(&doc, quote(&quoted, lead, good_pieces[i], tail), true);
      for (size_t i = 0; i < KH_COUNT(bad_pieces); i++)
        check_string(&doc, quote(&quoted, lead, bad_pieces[i], tail), false);
    }
  kh_buf_release(&quoted);
  kh_json_release(&doc);
}
END_TEST

START_TEST(escapes_are_read_however_close_they_stand)
{
  struct kh_json doc;
  struct kh_buf quoted;

  kh_json_init(&doc, kh_json_default_limits);
  kh_buf_init(&quoted, 4096);
  srandom(8259);
  for (int round = 0; round < SCAN_ROUNDS; round++) {
    kh_buf_clear(&quoted);
    (void)kh_buf_add_byte(&quoted, '"');
    for (long count = random() % 40; count > 0; count--)
      (void)kh_buf_add(&quoted, kh_str_of(good_pieces[random() % (long)KH_COUNT(good_pieces)]));
    (void)kh_buf_add_byte(&quoted, '"');
    check_string(&doc, kh_buf_view(&quoted), true);
  }
  kh_buf_release(&quoted);
  kh_json_release(&doc);
}
END_TEST

START_TEST(half_a_surrogate_pair_is_seen_wherever_it_stands)
{
  struct kh_json doc;
  struct kh_buf quoted, text;

  kh_json_init(&doc, kh_json_default_limits);
  kh_buf_init(&quoted, 4096);
  kh_buf_init(&text, 4096);
  for (int lead = 0; lead <= 40; lead++)
    for (size_t i = 0; i < KH_COUNT(half_pieces); i++) {
      kh_buf_clear(&text);
      ck_assert_int_eq(kh_json_read(&doc, quote(&quoted, lead, half_pieces[i], lead), NULL), KH_OK);
      ck_assert_msg(kh_json_has_lone_surrogate(kh_json_root(&doc)), "%s", kh_buf_text(&quoted));
      ck_assert_int_eq(kh_json_text(kh_json_root(&doc), &text), KH_OK);
      ck_assert_ptr_nonnull(strstr(kh_buf_text(&text), "\xEF\xBF\xBD"));
    }
  /* what only looks like one, and one that is written out */
  ck_assert_int_eq(kh_json_read(&doc, KH_STR("\"\\\\ud83d \\ufffd\""), NULL), KH_OK);
  ck_assert(!kh_json_has_lone_surrogate(kh_json_root(&doc)));
  kh_buf_release(&text);
  kh_buf_release(&quoted);
  kh_json_release(&doc);
}
END_TEST

static const struct keys {
  const char *prefix, *prefix_again; /* decode to the same */
  int count;
} keys[] = {
    {"", "", 1},          {"", "", 64},
    {"a", "\\u0061", 64}, {"\\u0061", "a", 3},
    {"", "", 65},         {"a", "\\u0061", 66},
    {"", "", 1001},       {"\\ud83d\\ude00\\n", "\xF0\x9F\x98\x80\\u000A", 1001},
    {"", "", MANY_KEYS},  {"\\udfff", "\\ud800", MANY_KEYS},
};

/* The filter knows none of these keys from another where the middle byte of the number is the same. */
static void add_key(struct kh_buf *text, const char *prefix, int number)
{
  (void)kh_buf_printf(text, "\"%s%08xz\":[0]", prefix, (unsigned)number);
}

START_TEST(a_repeated_key_is_found)
{
  const struct keys *row = &keys[_i];
  struct kh_diag diag = {0};
  struct kh_json doc;
  struct kh_buf text;

  kh_json_init(&doc, (struct kh_json_limits){UINT32_MAX, 9, UINT32_MAX});
  kh_buf_init(&text, SIZE_MAX / 2);
  (void)kh_buf_add_byte(&text, '{');
  for (int i = 0; i < row->count; i++) {
    add_key(&text, row->prefix, i);
    (void)kh_buf_add_byte(&text, ',');
  }
  size_t all = text.len;
  text.at[all - 1] = '}';
  ck_assert_msg(kh_json_read(&doc, kh_buf_view(&text), &diag) == KH_OK, "%s", diag.text);
  ck_assert_uint_eq(kh_json_length(kh_json_root(&doc)), (unsigned)row->count);

  const int repeated[] = {0, row->count / 2, row->count - 1};
  text.at[all - 1] = ',';
  for (size_t i = 0; i < KH_COUNT(repeated); i++) {
    diag = (struct kh_diag){0};
    text.len = all;
    (void)kh_buf_add_byte(&text, '\n');
    add_key(&text, row->prefix_again, repeated[i]);
    (void)kh_buf_add_byte(&text, '}');
    ck_assert(kh_buf_ok(&text) == KH_OK);
    ck_assert(kh_json_read(&doc, kh_buf_view(&text), &diag) == KH_ERR_JSON_DUPLICATE_KEY);
    ck_assert(diag.line == 2 && diag.column == 1);
  }
  kh_buf_release(&text);
  kh_json_release(&doc);
}
END_TEST

START_TEST(keys_are_ordered_by_their_decoded_bytes)
{
  static const char *const ordered[] = {"",
                                        "\\u0000",
                                        "\\n",
                                        "A",
                                        "a",
                                        "\\u0061\\u0062",
                                        "ab\\u0000",
                                        "ac",
                                        "\\u00e9",
                                        "\xC3\xA9x",
                                        "\xEF\xBF\xBC",
                                        "\\ud800",
                                        "\\uffFEx",
                                        "\\uD800\\uDC00",
                                        "\xF4\x8F\xBF\xBF"};

  for (size_t a = 0; a < KH_COUNT(ordered); a++)
    for (size_t b = 0; b < KH_COUNT(ordered); b++) {
      int order = kh_json_compare(kh_str_of(ordered[a]), kh_str_of(ordered[b]));

      ck_assert_msg((order > 0) - (order < 0) == (a > b) - (a < b), "%s and %s", ordered[a], ordered[b]);
    }
  ck_assert_int_eq(kh_json_compare(KH_STR("\\u00e9a\\/"), KH_STR("\xC3\xA9\\u0061/")), 0);
  ck_assert_int_eq(kh_json_compare(KH_STR("\\udfff"), KH_STR("\xEF\xBF\xBD")), 0);
}
END_TEST

START_TEST(numbers_ignore_the_locale)
{
  struct kh_tempdir dir = {{0}};
  struct kh_buf out;
  struct kh_json doc;
  double real = 0;
  char path[300];

  kh_json_init(&doc, kh_json_default_limits);
  kh_buf_init(&out, 10000);
  kh_tempdir_open(&dir);
  const char *const localedef[] = {"localedef",  "-i",
                                   "de_DE",      "-f",
                                   "ISO-8859-1", kh_tempdir_path(&dir, "de_DE.ISO-8859-1", path, sizeof path),
                                   NULL};
  (void)kh_command(localedef, KH_NO_STR, &out);
  ck_assert_int_eq(setenv("LOCPATH", dir.path, 1), 0);
  if (!setlocale(LC_ALL, "de_DE.ISO-8859-1")) {
    kh_test_skip("json under a locale with a decimal comma", "localedef cannot make de_DE.ISO-8859-1 here");
  } else {
    ck_assert_str_eq(localeconv()->decimal_point, ",");
    ck_assert(kh_json_read(&doc, KH_STR("1234.5e-1"), NULL) == KH_OK &&
              kh_test_json_real(kh_json_root(&doc), &real));
    ck_assert_double_eq(real, 123.45);
    ck_assert(kh_json_read(&doc, KH_STR("1234.5e305"), NULL) == KH_OK &&
              kh_test_json_real(kh_json_root(&doc), &real));
    ck_assert_double_eq(real, 1.2345e308);
    ck_assert(kh_json_read(&doc, KH_STR("1,5"), NULL) == KH_ERR_JSON_SYNTAX);
  }
  kh_tempdir_close(&dir);
  kh_buf_release(&out);
  kh_json_release(&doc);
}
END_TEST

START_TEST(no_memory_is_an_error_like_any_other)
{
  char text[4096] = "[[[[[[[[[[[[[[[[[[{";
  struct kh_json doc;
  int failed = 0;

  for (int i = 0; i < 70; i++)
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "\"%d\":[0,0,0,0,0,0,0,0,0,0],", i);
  memcpy(text + strlen(text) - 1, "}]]]]]]]]]]]]]]]]]]", 20);
  for (int left = 0;; left++) {
    struct kh_diag diag = {0};

    kh_json_init(&doc, kh_json_default_limits);
    allocations_left = left;
    enum kh_err err = kh_json_read(&doc, kh_str_of(text), &diag);
    allocations_left = -1;
    ck_assert_int_eq(kh_json_root(&doc).doc == NULL, err != KH_OK);
    if (err) {
      failed++;
      ck_assert(err == KH_ERR_NO_MEMORY && diag.err == err);
      /* What was allocated serves the next text. */
      ck_assert(kh_json_read(&doc, kh_str_of(text), NULL) == KH_OK);
    }
    kh_json_release(&doc);
    if (!err)
      break;
  }
  ck_assert_int_ge(failed, 4);
}
END_TEST

static Suite *json_parts_suite(void)
{
  Suite *suite = suite_create("json_parts");
  TCase *parts = kh_test_case(suite, "parts");

  tcase_add_test(parts, blocks_find_what_a_byte_loop_finds);
  tcase_add_test(parts, an_escape_is_read_wherever_it_stands);
  tcase_add_test(parts, escapes_are_read_however_close_they_stand);
  tcase_add_test(parts, half_a_surrogate_pair_is_seen_wherever_it_stands);
  tcase_add_loop_test(parts, a_repeated_key_is_found, 0, (int)KH_COUNT(keys));
  tcase_add_test(parts, keys_are_ordered_by_their_decoded_bytes);
  tcase_add_test(parts, numbers_ignore_the_locale);
  tcase_add_test(parts, no_memory_is_an_error_like_any_other);
  return suite;
}

int main(void)
{
#ifdef KH_JSON_SSE2
  (void)printf("scanning by SSE2\n");
#else
  (void)printf("scanning in plain C\n");
#endif
  return kh_test_main(json_parts_suite());
}
