#include "base/base.h"

#include "receive/request.h"
#include "support/guard.h"
#include "support/suite.h"

enum { BODY_MAX_BYTES = 100 };

static struct kh_request post(const char *content_type)
{
  struct kh_request request = {
      .method = KH_METHOD_POST, .body = {"{}", 2}, .transport = "cgi", .platform_id = KH_NO_STR};

  if (content_type)
    kh_request_add_header(&request, KH_HEADER_CONTENT_TYPE, kh_str_of(content_type));
  return request;
}

/* ---- headers ---- */

static const struct {
  const char *name;
  enum kh_header header;
} names[] = {
    {"Content-Type", KH_HEADER_CONTENT_TYPE},
    {"Content-Encoding", KH_HEADER_CONTENT_ENCODING},
    {"X-Buildkite-Event", KH_HEADER_EVENT},
    {"X-Buildkite-Request", KH_HEADER_REQUEST},
    {"X-Buildkite-Signature", KH_HEADER_SIGNATURE},
    {"X-Buildkite-Token", KH_HEADER_TOKEN},
    {"x-buildkite-token", KH_HEADER_TOKEN},
    {"X-BUILDKITE-TOKEN", KH_HEADER_TOKEN},
    {"X_Buildkite_Token", KH_HEADER__COUNT},
    {"X-Buildkite-Token ", KH_HEADER__COUNT},
    {"X-Buildkite-Toke", KH_HEADER__COUNT},
    {"X-Buildkite-Tokens", KH_HEADER__COUNT},
    {"Buildkite-Token", KH_HEADER__COUNT},
    {"HTTP_X_BUILDKITE_TOKEN", KH_HEADER__COUNT},
    {"Authorization", KH_HEADER__COUNT},
    {"Content-Length", KH_HEADER__COUNT},
    {"", KH_HEADER__COUNT},
};

START_TEST(headers_are_known_by_name_in_any_case)
{
  struct kh_guard guard = {NULL, 0};

  ck_assert_msg(kh_header_by_name(kh_guard_end(&guard, kh_str_of(names[_i].name))) == names[_i].header, "%s",
                names[_i].name);
  kh_guard_release(&guard);
}
END_TEST

START_TEST(a_second_header_only_marks_the_first)
{
  struct kh_request request = {.method = KH_METHOD_POST};

  for (enum kh_header header = 0; header < KH_HEADER__COUNT; header++) {
    ck_assert_ptr_null(request.headers[header].text.at);
    kh_request_add_header(&request, header, KH_STR("first"));
    ck_assert(!request.headers[header].repeated);
    kh_request_add_header(&request, header, KH_STR("first"));
    ck_assert(request.headers[header].repeated);
    kh_request_add_header(&request, header, KH_STR("third"));
    ck_assert(request.headers[header].repeated);
    ck_assert(kh_str_equal(request.headers[header].text, KH_STR("first")));
  }
}
END_TEST

START_TEST(an_empty_header_was_sent_all_the_same)
{
  struct kh_request request = {.method = KH_METHOD_POST};

  kh_request_add_header(&request, KH_HEADER_TOKEN, KH_STR(""));
  ck_assert_ptr_nonnull(request.headers[KH_HEADER_TOKEN].text.at);
  ck_assert_uint_eq(request.headers[KH_HEADER_TOKEN].text.len, 0);
  kh_request_add_header(&request, KH_HEADER_TOKEN, KH_STR("x"));
  ck_assert(request.headers[KH_HEADER_TOKEN].repeated);
  ck_assert_uint_eq(request.headers[KH_HEADER_TOKEN].text.len, 0);
}
END_TEST

/* ---- the check ---- */

static const struct {
  const char *content_type;
  enum kh_err err;
} media[] = {
    {"application/json", KH_OK},
    {"Application/JSON", KH_OK},
    {"application/json; charset=utf-8", KH_OK},
    {"application/json;charset=UTF-8", KH_OK},
    {"application/json ; charset=utf-8", KH_OK},
    {" application/json ", KH_OK},
    {NULL, KH_ERR_MEDIA_TYPE},
    {"", KH_ERR_MEDIA_TYPE},
    {"json", KH_ERR_MEDIA_TYPE},
    {"text/plain", KH_ERR_MEDIA_TYPE},
    {"text/json", KH_ERR_MEDIA_TYPE},
    {"application/jsonx", KH_ERR_MEDIA_TYPE},
    {"application/jso", KH_ERR_MEDIA_TYPE},
    {"application/vnd.api+json", KH_ERR_MEDIA_TYPE},
    {"application/json, application/json", KH_ERR_MEDIA_TYPE},
    {"application/x-www-form-urlencoded", KH_ERR_MEDIA_TYPE},
    {"multipart/form-data; boundary=application/json", KH_ERR_MEDIA_TYPE},
    {"; application/json", KH_ERR_MEDIA_TYPE},
};

START_TEST(only_json_is_taken)
{
  struct kh_request request = post(media[_i].content_type);

  ck_assert_msg(kh_request_check(&request, BODY_MAX_BYTES) == media[_i].err, "%s",
                media[_i].content_type ? media[_i].content_type : "(absent)");
}
END_TEST

START_TEST(a_repeated_media_type_is_none)
{
  struct kh_request request = post("application/json");

  kh_request_add_header(&request, KH_HEADER_CONTENT_TYPE, KH_STR("text/plain"));
  ck_assert_int_eq(kh_request_check(&request, BODY_MAX_BYTES), KH_ERR_MEDIA_TYPE);
}
END_TEST

static const struct {
  const char *encoding;
  enum kh_err err;
} encodings[] = {
    {"", KH_OK},
    {"identity", KH_OK},
    {"Identity", KH_OK},
    {"gzip", KH_ERR_CONTENT_ENCODING},
    {"deflate", KH_ERR_CONTENT_ENCODING},
    {"br", KH_ERR_CONTENT_ENCODING},
    {"identity, gzip", KH_ERR_CONTENT_ENCODING},
    {"gzip, identity", KH_ERR_CONTENT_ENCODING},
    {"identityx", KH_ERR_CONTENT_ENCODING},
};

START_TEST(only_identity_is_decoded)
{
  struct kh_request request = post("application/json");

  kh_request_add_header(&request, KH_HEADER_CONTENT_ENCODING, kh_str_of(encodings[_i].encoding));
  ck_assert_msg(kh_request_check(&request, BODY_MAX_BYTES) == encodings[_i].err, "%s",
                encodings[_i].encoding);
}
END_TEST

START_TEST(a_second_encoding_is_not_overlooked)
{
  struct kh_request request = post("application/json");

  kh_request_add_header(&request, KH_HEADER_CONTENT_ENCODING, KH_STR("identity"));
  kh_request_add_header(&request, KH_HEADER_CONTENT_ENCODING, KH_STR("gzip"));
  ck_assert_int_eq(kh_request_check(&request, BODY_MAX_BYTES), KH_ERR_CONTENT_ENCODING);
}
END_TEST

START_TEST(the_size_has_an_exact_limit)
{
  char bytes[BODY_MAX_BYTES + 1] = {0};
  struct kh_request request = post("application/json");

  request.body = kh_str(bytes, BODY_MAX_BYTES);
  ck_assert_int_eq(kh_request_check(&request, BODY_MAX_BYTES), KH_OK);
  request.body = kh_str(bytes, BODY_MAX_BYTES + 1);
  ck_assert_int_eq(kh_request_check(&request, BODY_MAX_BYTES), KH_ERR_TOO_LARGE);
  request.body = KH_STR("");
  ck_assert_int_eq(kh_request_check(&request, BODY_MAX_BYTES), KH_OK);
}
END_TEST

START_TEST(a_body_that_is_not_whole_says_why)
{
  const enum kh_err reasons[] = {KH_ERR_TOO_LARGE, KH_ERR_CONTENT_LENGTH, KH_ERR_BODY_CUT, KH_ERR_BODY_LATE};

  for (size_t i = 0; i < KH_COUNT(reasons); i++) {
    struct kh_request request = post("application/json");

    request.body_err = reasons[i];
    ck_assert_int_eq(kh_request_check(&request, BODY_MAX_BYTES), reasons[i]);
  }
}
END_TEST

START_TEST(method_comes_before_media_type_before_size)
{
  char bytes[BODY_MAX_BYTES + 1] = {0};
  struct kh_request request = post("text/plain");

  request.body = kh_str(bytes, sizeof bytes);
  request.body_err = KH_ERR_TOO_LARGE;
  request.method = KH_METHOD_OTHER;
  ck_assert_int_eq(kh_request_check(&request, BODY_MAX_BYTES), KH_ERR_METHOD);
  request.method = KH_METHOD_POST;
  ck_assert_int_eq(kh_request_check(&request, BODY_MAX_BYTES), KH_ERR_MEDIA_TYPE);
}
END_TEST

/* ---- the id ---- */

static const char id_64[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ--";

static const struct {
  const char *sent;     /* X-Buildkite-Request, NULL: not sent */
  const char *platform; /* NULL: absent */
  const char *want;     /* NULL: 16 random digits */
} ids[] = {
    {"3c5b2b6e-0d0c-4a0e-9c77-0d5e6a1f2b3c", "platform", "3c5b2b6e-0d0c-4a0e-9c77-0d5e6a1f2b3c"},
    {"a", NULL, "a"},
    {"-", NULL, "-"},
    {id_64, "platform", id_64},
    {"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ--x", "platform", "platform"},
    {"", "platform", "platform"},
    {NULL, "platform", "platform"},
    {"with blank", "platform", "platform"},
    {"quote\"", "platform", "platform"},
    {"line\nend", "platform", "platform"},
    {"under_score", "platform", "platform"},
    {"\xC3\xB6", "platform", "platform"},
    {"../../etc", "platform", "platform"},
    {NULL, "bad id", NULL},
    {"bad id", "", NULL},
    {"bad id", NULL, NULL},
    {NULL, NULL, NULL},
};

START_TEST(the_id_is_the_first_good_one)
{
  struct kh_request request = post("application/json");
  char id[KH_REQUEST_ID_BYTES];
  char other[KH_REQUEST_ID_BYTES];

  if (ids[_i].sent)
    kh_request_add_header(&request, KH_HEADER_REQUEST, kh_str_of(ids[_i].sent));
  request.platform_id = kh_str_of(ids[_i].platform);
  kh_request_id(&request, id);
  if (ids[_i].want) {
    ck_assert_str_eq(id, ids[_i].want);
    return;
  }
  ck_assert_uint_eq(strlen(id), 16);
  ck_assert_uint_eq(strspn(id, "0123456789abcdef"), 16);
  kh_request_id(&request, other);
  ck_assert_str_ne(id, other);
}
END_TEST

static Suite *request_suite(void)
{
  Suite *suite = suite_create("request");
  TCase *headers = kh_test_case(suite, "headers");
  TCase *check = kh_test_case(suite, "check");
  TCase *id = kh_test_case(suite, "id");

  tcase_add_loop_test(headers, headers_are_known_by_name_in_any_case, 0, (int)KH_COUNT(names));
  tcase_add_test(headers, a_second_header_only_marks_the_first);
  tcase_add_test(headers, an_empty_header_was_sent_all_the_same);
  tcase_add_loop_test(check, only_json_is_taken, 0, (int)KH_COUNT(media));
  tcase_add_test(check, a_repeated_media_type_is_none);
  tcase_add_loop_test(check, only_identity_is_decoded, 0, (int)KH_COUNT(encodings));
  tcase_add_test(check, a_second_encoding_is_not_overlooked);
  tcase_add_test(check, the_size_has_an_exact_limit);
  tcase_add_test(check, a_body_that_is_not_whole_says_why);
  tcase_add_test(check, method_comes_before_media_type_before_size);
  tcase_add_loop_test(id, the_id_is_the_first_good_one, 0, (int)KH_COUNT(ids));
  return suite;
}

int main(void)
{
  return kh_test_main(request_suite());
}
