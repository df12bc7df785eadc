/*
 * The strict JSON reader: places of errors, limits, accessors. Its hard parts are in json_parts_test.c, what
 * it accepts in json_oracle_test.c.
 */
#include "base/base.h"

#include "base/json.h"
#include "support/json_oracle.h"
#include "support/suite.h"

static struct kh_json doc;

static void setup(void)
{
  kh_json_init(&doc, kh_json_default_limits);
}

static void teardown(void)
{
  kh_json_release(&doc);
}

/* Ends the test when TEXT, which must outlive the document, is refused. */
static struct kh_json_value read_good(const char *text)
{
  struct kh_diag diag = {0};

  ck_assert_msg(kh_json_read(&doc, kh_str_of(text), &diag) == KH_OK, "%s: %s", text, diag.text);
  return kh_json_root(&doc);
}

static struct kh_json_value member(struct kh_json_value object, const char *key)
{
  return kh_json_get(object, kh_str_of(key));
}

static const struct refusal {
  const char *text;
  enum kh_err err;
  unsigned line, column;
} refusals[] = {
    {"", KH_ERR_JSON_SYNTAX, 1, 1},
    {" \n ", KH_ERR_JSON_SYNTAX, 2, 2},
    {"\xEF\xBB\xBF{}", KH_ERR_JSON_SYNTAX, 1, 1},
    {"truth", KH_ERR_JSON_SYNTAX, 1, 1},
    {"[1] x", KH_ERR_JSON_SYNTAX, 1, 5},
    {"[1,]", KH_ERR_JSON_SYNTAX, 1, 4},
    {"[1\n,2\r\n 3]", KH_ERR_JSON_SYNTAX, 3, 2},
    {"[1}", KH_ERR_JSON_SYNTAX, 1, 3},
    {"{\"a\":1]", KH_ERR_JSON_SYNTAX, 1, 7},
    {"{\"a\":1,}", KH_ERR_JSON_SYNTAX, 1, 8},
    {"{\"a\" 1}", KH_ERR_JSON_SYNTAX, 1, 6},
    {"{a:1}", KH_ERR_JSON_SYNTAX, 1, 2},
    {"{\"a\":", KH_ERR_JSON_SYNTAX, 1, 6},
    {"[\"abc", KH_ERR_JSON_SYNTAX, 1, 6},
    {"[\"ab\tc\"]", KH_ERR_JSON_SYNTAX, 1, 5},
    {"[\"ab\\q\"]", KH_ERR_JSON_SYNTAX, 1, 5},
    {"[\"ab\\u12\"]", KH_ERR_JSON_SYNTAX, 1, 5},
    {"[\"\xC3\xA9\xC3\"]", KH_ERR_JSON_UTF8, 1, 5},
    {"[\n\"0123456789abcdef\xED\xA0\x80\"]", KH_ERR_JSON_UTF8, 2, 18},
    {"[-]", KH_ERR_JSON_SYNTAX, 1, 3},
    {"[01]", KH_ERR_JSON_SYNTAX, 1, 3},
    {"[1.]", KH_ERR_JSON_SYNTAX, 1, 4},
    {"[1e+]", KH_ERR_JSON_SYNTAX, 1, 5},
    {"[0, 9223372036854775808]", KH_ERR_JSON_NUMBER, 1, 5},
    {"[0, -1.5e999]", KH_ERR_JSON_NUMBER, 1, 5},
    {"{\"a\":1,\n \"a\":2}", KH_ERR_JSON_DUPLICATE_KEY, 2, 2},
    {"{\"a\":1,\n \"\\u0061\":2, \"a\":3}", KH_ERR_JSON_DUPLICATE_KEY, 2, 2},
};

START_TEST(a_refusal_names_its_kind_and_place)
{
  const struct refusal *refusal = &refusals[_i];
  struct kh_diag diag = {0};

  ck_assert_str_eq(kh_err_token(kh_json_read(&doc, kh_str_of(refusal->text), &diag)),
                   kh_err_token(refusal->err));
  ck_assert_msg(diag.err == refusal->err && diag.line == refusal->line && diag.column == refusal->column,
                "%s: %u:%u %s", refusal->text, diag.line, diag.column, diag.text);
  ck_assert_uint_gt(strlen(diag.text), 10);
  ck_assert_ptr_null(kh_json_root(&doc).doc);
  ck_assert(kh_json_read(&doc, kh_str_of(refusal->text), NULL) == refusal->err);
}
END_TEST

START_TEST(the_first_message_wins)
{
  struct kh_diag diag = {.err = KH_ERR_STALE, .line = 7, .text = "before"};

  ck_assert(kh_json_read(&doc, KH_STR("[,]"), &diag) == KH_ERR_JSON_SYNTAX);
  ck_assert(diag.err == KH_ERR_STALE && diag.line == 7);
  ck_assert_str_eq(diag.text, "before");
}
END_TEST

static enum kh_err read_limited(uint32_t bytes, uint32_t depth, uint32_t tokens, const char *text)
{
  kh_json_release(&doc);
  kh_json_init(&doc, (struct kh_json_limits){bytes, depth, tokens});
  return kh_json_read(&doc, kh_str_of(text), NULL);
}

START_TEST(limits_are_exact)
{
  char nested[2 * 10000 + 1];

  for (uint32_t depth = 1; depth <= 10000; depth = depth < 130 ? depth + 1 : depth * 2) {
    memset(nested, '[', depth);
    memset(nested + depth, ']', depth);
    nested[2 * depth] = '\0';
    ck_assert(read_limited(UINT32_MAX, depth, UINT32_MAX, nested) == KH_OK);
    ck_assert(read_limited(UINT32_MAX, depth - 1, UINT32_MAX, nested) == KH_ERR_JSON_DEPTH);
  }
  ck_assert(read_limited(8, 1, 4, "[1,\"a\"] ") == KH_OK);
  ck_assert(read_limited(7, 1, 4, "[1,\"a\"] ") == KH_ERR_JSON_SIZE);
  ck_assert(read_limited(99, 1, 3, "[1,\"a\"] ") == KH_OK);
  ck_assert(read_limited(99, 1, 2, "[1,\"a\"] ") == KH_ERR_JSON_TOKENS);
  ck_assert(read_limited(99, 9, 3, "{\"a\":{}}") == KH_OK);
  ck_assert(read_limited(99, 9, 2, "{\"a\":{}}") == KH_ERR_JSON_TOKENS);
  ck_assert(read_limited(99, 0, 1, "null") == KH_OK);
  ck_assert(read_limited(99, 0, 0, "null") == KH_ERR_JSON_TOKENS);
  ck_assert(read_limited(99, 0, 1, "{}") == KH_ERR_JSON_DEPTH);

  struct kh_diag diag = {0};
  kh_json_init(&doc, (struct kh_json_limits){UINT32_MAX, 1, 1});
  ck_assert(kh_json_read(&doc, kh_str("", (1U << 30) + 1), &diag) == KH_ERR_JSON_SIZE);
  ck_assert_uint_eq(diag.line, 0);
}
END_TEST

START_TEST(default_limits_are_those_of_the_header)
{
  ck_assert_uint_eq(kh_json_default_limits.bytes, 16 << 20);
  ck_assert_uint_eq(kh_json_default_limits.depth, 128);
  ck_assert_uint_eq(kh_json_default_limits.tokens, 1000000);
}
END_TEST

START_TEST(missing_is_missing_everywhere)
{
  struct kh_json_value root = read_good("{\"a\":[1,{}],\"n\":null,\"s\":\"x\"}");
  struct kh_json_value missing[] = {{NULL, 0},
                                    member(root, "b"),
                                    member(member(root, "a"), "a"),
                                    member(member(root, "s"), "s"),
                                    member(member(root, "n"), ""),
                                    {&doc, doc.count}};
  struct kh_buf text;

  kh_buf_init(&text, 10);
  for (size_t i = 0; i < KH_COUNT(missing); i++) {
    struct kh_json_value value = missing[i];
    struct kh_json_walk walk = kh_json_walk(value);
    int64_t integer = 7;
    double real = 7;
    bool truth = true;

    ck_assert_int_eq(kh_json_type(value), KH_JSON_MISSING);
    ck_assert(kh_json_is_missing_or_null(value));
    ck_assert(!kh_json_next(&walk) && !kh_json_next(&walk));
    ck_assert_uint_eq(kh_json_length(value), 0);
    ck_assert_ptr_null(kh_json_raw(value).at);
    ck_assert(kh_json_text(value, &text) == KH_ERR_NOT_FOUND);
    ck_assert(!kh_json_text_is(value, KH_STR("")));
    ck_assert(!kh_json_int(value, &integer) && !kh_test_json_real(value, &real) &&
              !kh_json_bool(value, &truth));
    ck_assert(integer == 7 && real >= 7 && truth);
  }
  ck_assert(kh_json_is_missing_or_null(member(root, "n")) && !kh_json_is_missing_or_null(root));
  ck_assert_int_eq(kh_json_type(kh_json_root(NULL)), KH_JSON_MISSING);
  kh_buf_release(&text);
}
END_TEST

START_TEST(values_are_of_one_kind)
{
  struct kh_json_value root = read_good("[null,false,true,-9223372036854775808,1.5e1,\"1\",[1],{\"a\":1}]");
  static const enum kh_json_type types[] = {KH_JSON_NULL, KH_JSON_FALSE,  KH_JSON_TRUE,  KH_JSON_INTEGER,
                                            KH_JSON_REAL, KH_JSON_STRING, KH_JSON_ARRAY, KH_JSON_OBJECT};
  static const char *const raws[] = {"null",  "false", "true", "-9223372036854775808",
                                     "1.5e1", "1",     NULL,   NULL};
  struct kh_json_walk walk = kh_json_walk(root);

  for (size_t i = 0; i < KH_COUNT(types); i++) {
    int64_t integer = 7;
    double real = 7;
    bool truth = true;

    ck_assert(kh_json_next(&walk));
    ck_assert_ptr_null(walk.key.doc);
    ck_assert_int_eq(kh_json_type(walk.value), types[i]);
    ck_assert(kh_str_equal(kh_json_raw(walk.value), kh_str_of(raws[i])));
    ck_assert_int_eq(kh_json_raw(walk.value).at != NULL, raws[i] != NULL);
    ck_assert_int_eq(kh_json_int(walk.value, &integer), types[i] == KH_JSON_INTEGER);
    ck_assert_int_eq(integer, types[i] == KH_JSON_INTEGER ? INT64_MIN : 7);
    ck_assert_int_eq(kh_test_json_real(walk.value, &real),
                     types[i] == KH_JSON_INTEGER || types[i] == KH_JSON_REAL);
    ck_assert_double_eq(real, types[i] == KH_JSON_INTEGER ? -0x1p63 : types[i] == KH_JSON_REAL ? 15 : 7);
    ck_assert_int_eq(kh_json_bool(walk.value, &truth), types[i] == KH_JSON_FALSE || types[i] == KH_JSON_TRUE);
    ck_assert_int_eq(truth, types[i] != KH_JSON_FALSE);
    ck_assert_uint_eq(kh_json_length(walk.value), i >= 6);
    ck_assert_int_eq(kh_json_text_is(walk.value, KH_STR("1")), types[i] == KH_JSON_STRING);
  }
  ck_assert(!kh_json_next(&walk));
  ck_assert_ptr_null(walk.value.doc);
}
END_TEST

START_TEST(keys_and_texts_are_compared_decoded)
{
  struct kh_json_value root = read_good(
      "{\"\\u0062ranch\":\"a\\/\\ud83d\\ude00\",\"\":{\"\\u0000\":1},\"x\":\"\\udead\"}");
  struct kh_buf text;
  int64_t number = 0;

  kh_buf_init(&text, 6);
  ck_assert(kh_json_text_is(member(root, "branch"), KH_STR("a/\xF0\x9F\x98\x80")));
  ck_assert(!kh_json_text_is(member(root, "branch"), KH_STR("a/")));
  ck_assert(!kh_json_text_is(member(root, "branch"), KH_STR("a/\xF0\x9F\x98\x80!")));
  ck_assert_int_eq(kh_json_type(member(root, "\\u0062ranch")), KH_JSON_MISSING);
  ck_assert(kh_json_int(kh_json_get(member(root, ""), kh_str("\0", 1)), &number) && number == 1);
  ck_assert(kh_json_text_is(member(root, "x"), KH_STR("\xEF\xBF\xBD")));

  ck_assert(kh_json_text(member(root, "branch"), &text) == KH_OK);
  ck_assert(kh_json_text(member(root, "x"), &text) == KH_ERR_LIMIT);
  kh_buf_clear(&text);
  ck_assert(kh_json_text(member(root, "x"), &text) == KH_OK &&
            kh_json_text(member(root, "x"), &text) == KH_OK);
  ck_assert_str_eq(kh_buf_text(&text), "\xEF\xBF\xBD\xEF\xBF\xBD");
  kh_buf_release(&text);
}
END_TEST

START_TEST(a_document_is_reused)
{
  static const struct {
    const char *text;
    uint32_t tokens; /* 0: refused */
  } rows[] = {{"[[1,2,3],{\"a\":[[[\"b\"]]]}]", 11}, {"7", 1},   {"[", 0},
              {"{\"a\":{\"a\":null}}", 5},           {"nil", 0}, {"[[]]", 2}};
  struct kh_json_token *tokens = NULL;

  for (size_t i = 0; i < 3 * KH_COUNT(rows); i++) {
    const char *text = rows[i % KH_COUNT(rows)].text;
    uint32_t count = rows[i % KH_COUNT(rows)].tokens;

    ck_assert_int_eq(kh_json_read(&doc, kh_str_of(text), NULL) == KH_OK, count > 0);
    ck_assert_int_eq(kh_json_type(kh_json_root(&doc)) == KH_JSON_MISSING, count == 0);
    for (uint32_t index = 0; index < 20; index++)
      ck_assert_int_eq(kh_json_type((struct kh_json_value){&doc, index}) == KH_JSON_MISSING, index >= count);
    ck_assert(!tokens || tokens == doc.tokens);
    tokens = doc.tokens;
  }
  kh_json_release(&doc);
  ck_assert_ptr_null(kh_json_root(&doc).doc);
  ck_assert_uint_eq(doc.limits.depth, kh_json_default_limits.depth);
  ck_assert_uint_eq(kh_json_length(read_good("[0,0]")), 2);
}
END_TEST

static Suite *json_suite(void)
{
  Suite *suite = suite_create("json");
  TCase *reading = kh_test_case(suite, "reading");
  TCase *values = kh_test_case(suite, "values");

  tcase_add_checked_fixture(reading, setup, teardown);
  tcase_add_loop_test(reading, a_refusal_names_its_kind_and_place, 0, (int)KH_COUNT(refusals));
  tcase_add_test(reading, the_first_message_wins);
  tcase_add_test(reading, limits_are_exact);
  tcase_add_test(reading, default_limits_are_those_of_the_header);
  tcase_add_test(reading, a_document_is_reused);

  tcase_add_checked_fixture(values, setup, teardown);
  tcase_add_test(values, missing_is_missing_everywhere);
  tcase_add_test(values, values_are_of_one_kind);
  tcase_add_test(values, keys_and_texts_are_compared_decoded);
  return suite;
}

int main(void)
{
  return kh_test_main(json_suite());
}
