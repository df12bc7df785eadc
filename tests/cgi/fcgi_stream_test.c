#include "base/base.h"

#include "base/buf.h"
#include "fcgi_stream.h"
#include "support/suite.h"

#include <fastcgi.h>

enum { BODY_MAX = 4096, CONNECTIONS = 256 };

static struct kh_buf wire;
static struct kh_fcgi_stream stream;
static char out[128 * 1024];
static size_t made;

static void setup(void)
{
  kh_buf_init(&wire, sizeof out - KH_FCGI_HEADROOM);
  kh_fcgi_stream_init(&stream, BODY_MAX, CONNECTIONS);
}

static void teardown(void)
{
  kh_buf_release(&wire);
}

static void put(unsigned type, unsigned request, struct kh_str content, unsigned padding)
{
  const unsigned char header[] = {1,
                                  (unsigned char)type,
                                  (unsigned char)(request >> 8),
                                  (unsigned char)request,
                                  (unsigned char)(content.len >> 8),
                                  (unsigned char)content.len,
                                  (unsigned char)padding,
                                  0};

  kh_buf_add(&wire, kh_str((const char *)header, sizeof header));
  kh_buf_add(&wire, content);
  while (padding-- > 0)
    kh_buf_add_byte(&wire, '~');
}

static void put_begin(unsigned request, unsigned char role, unsigned char flags)
{
  const char body[] = {0, (char)role, (char)flags, 0, 0, 0, 0, 0};

  put(FCGI_BEGIN_REQUEST, request, kh_str(body, sizeof body), 0);
}

static void put_head(unsigned request, unsigned char flags, unsigned padding)
{
  put_begin(request, FCGI_RESPONDER, flags);
  put(FCGI_PARAMS, request, KH_STR("\001\001AB"), padding);
  put(FCGI_PARAMS, request, KH_NO_STR, padding);
}

static void put_request(unsigned request, unsigned char flags, unsigned padding)
{
  put_head(request, flags, padding);
  put(FCGI_STDIN, request, KH_STR("hello"), padding);
  put(FCGI_STDIN, request, KH_NO_STR, padding);
}

/* What is found first in the wire's bytes, which it cuts off. */
static enum kh_fcgi_found take(struct kh_str *rest)
{
  made = 0;
  return kh_fcgi_take(&stream, rest, out, &made);
}

static enum kh_fcgi_found take_all(void)
{
  struct kh_str rest = kh_buf_view(&wire);
  enum kh_fcgi_found found = take(&rest);

  kh_buf_clear(&wire);
  return found;
}

/* Of put_request: the head as it would come without padding, then the body without its records. */
static void check_made(struct kh_str all, unsigned request, unsigned char flags)
{
  kh_buf_clear(&wire);
  put_head(request, flags, 0);
  ck_assert_uint_eq(stream.head_bytes, wire.len);
  kh_buf_add(&wire, KH_STR("hello"));
  ck_assert(kh_str_equal(all, kh_buf_view(&wire)));
}

START_TEST(a_head_and_a_body_are_passed_on)
{
  put_request(1, 0, 0);
  struct kh_str rest = kh_buf_view(&wire);
  ck_assert_int_eq(take(&rest), KH_FCGI_REQUEST);
  ck_assert_uint_eq(rest.len, 0);
  check_made(kh_str(out, made), 1, 0);
  ck_assert_uint_eq(stream.request, 1);
  ck_assert(!stream.keep);
}
END_TEST

START_TEST(padding_stays_behind)
{
  put_request(300, FCGI_KEEP_CONN, 7);
  ck_assert_int_eq(take_all(), KH_FCGI_REQUEST);
  ck_assert(stream.keep);
  ck_assert_uint_eq(stream.request, 300);
  check_made(kh_str(out, made), 300, FCGI_KEEP_CONN);
}
END_TEST

START_TEST(what_follows_a_request_is_left)
{
  put_request(1, FCGI_KEEP_CONN, 0);
  size_t first = wire.len;
  put_request(2, 0, 0);
  struct kh_str rest = kh_buf_view(&wire);
  ck_assert_int_eq(take(&rest), KH_FCGI_REQUEST);
  ck_assert_uint_eq(rest.len, wire.len - first);
  kh_fcgi_stream_init(&stream, BODY_MAX, CONNECTIONS);
  ck_assert_int_eq(take(&rest), KH_FCGI_REQUEST);
  ck_assert_uint_eq(stream.request, 2);
}
END_TEST

START_TEST(byte_by_byte_it_is_the_same)
{
  size_t total = 0;
  enum kh_fcgi_found found = KH_FCGI_MORE;
  char all[256];

  put(FCGI_GET_VALUES, 0, KH_STR("\016\0FCGI_MAX_CONNS"), 2);
  put_request(1, 0, 3);
  for (size_t i = 0; i < wire.len; i++) {
    struct kh_str one = {wire.at + i, 1};

    ck_assert_int_ne(found, KH_FCGI_REQUEST);
    found = take(&one);
    memcpy(all + total, out, made);
    total += made;
  }
  ck_assert_int_eq(found, KH_FCGI_REQUEST);
  check_made(kh_str(all, total), 1, 0);
}
END_TEST

/* From the specification, section 4.1: unknown names are left out, the type is 10, the request 0. */
START_TEST(values_are_told)
{
  put(FCGI_GET_VALUES, 0, KH_STR("\017\0FCGI_MPXS_CONNS\005\0OTHER\016\0FCGI_MAX_CONNS\015\0FCGI_MAX_REQS"),
      0);
  ck_assert_int_eq(take_all(), KH_FCGI_REPLY);
  const struct kh_str expected = KH_STR(
      "\001\012\0\0\0\067\0\0\017\001FCGI_MPXS_CONNS0\016\003FCGI_MAX_CONNS256\015\003FCGI_MAX_REQS256");
  ck_assert(kh_str_equal(kh_str((const char *)stream.reply, stream.reply_len), expected));
  ck_assert_int_eq(stream.phase, KH_FCGI_HEADER);
}
END_TEST

/* libfcgi would write each into 64 bytes of its stack. */
START_TEST(a_value_that_is_asked_for_often_is_told_once)
{
  put_begin(1, FCGI_RESPONDER, 0);
  struct kh_buf names;
  kh_buf_init(&names, 1024);
  for (int i = 0; i < 16; i++)
    kh_buf_add(&names, KH_STR("\016\0FCGI_MAX_CONNS"));
  put(FCGI_GET_VALUES, 0, kh_buf_view(&names), 0);
  kh_buf_release(&names);
  ck_assert_int_eq(take_all(), KH_FCGI_REPLY);
  ck_assert_uint_eq(stream.reply_len, 8 + 2 + 14 + 3);
  ck_assert_uint_eq(made, 16); /* nothing of it goes on: only the request's beginning */
}
END_TEST

START_TEST(another_management_record_is_unknown)
{
  put(42, 0, KH_STR("what"), 4);
  ck_assert_int_eq(take_all(), KH_FCGI_REPLY);
  ck_assert(kh_str_equal(kh_str((const char *)stream.reply, stream.reply_len),
                         KH_STR("\001\013\0\0\0\010\0\0*\0\0\0\0\0\0\0")));
}
END_TEST

START_TEST(nobody_is_replied_to_for_ever)
{
  for (int i = 0; i < KH_FCGI_REPLIES_MAX; i++) {
    put(FCGI_GET_VALUES, 0, KH_NO_STR, 0);
    ck_assert_int_eq(take_all(), KH_FCGI_REPLY);
  }
  put(FCGI_GET_VALUES, 0, KH_NO_STR, 0);
  ck_assert_int_eq(take_all(), KH_FCGI_BROKEN);
}
END_TEST

START_TEST(a_second_request_at_once_is_told_no)
{
  put_begin(1, FCGI_RESPONDER, FCGI_KEEP_CONN);
  put_begin(2, FCGI_RESPONDER, FCGI_KEEP_CONN);
  ck_assert_int_eq(take_all(), KH_FCGI_REPLY);
  ck_assert(kh_str_equal(kh_str((const char *)stream.reply, stream.reply_len),
                         KH_STR("\001\003\0\002\0\010\0\0\0\0\0\0\001\0\0\0")));
  put(FCGI_STDIN, 2, KH_STR("not for us"), 1);
  ck_assert_int_eq(take_all(), KH_FCGI_MORE);
  ck_assert_uint_eq(made, 0);
  put(FCGI_PARAMS, 1, KH_NO_STR, 0);
  put(FCGI_STDIN, 1, KH_NO_STR, 0);
  ck_assert_int_eq(take_all(), KH_FCGI_REQUEST);
  ck_assert_uint_eq(stream.request, 1);
}
END_TEST

START_TEST(another_role_is_refused)
{
  put_begin(7, FCGI_FILTER, 0);
  ck_assert_int_eq(take_all(), KH_FCGI_REFUSED);
  ck_assert_uint_eq(stream.reply[12], FCGI_UNKNOWN_ROLE);
}
END_TEST

START_TEST(an_abort_ends_its_request_alone)
{
  put(FCGI_ABORT_REQUEST, 1, KH_NO_STR, 0); /* late, for one that has ended */
  ck_assert_int_eq(take_all(), KH_FCGI_MORE);
  put_begin(1, FCGI_RESPONDER, 0);
  put(FCGI_ABORT_REQUEST, 2, KH_NO_STR, 0);
  ck_assert_int_eq(take_all(), KH_FCGI_MORE);
  put(FCGI_ABORT_REQUEST, 1, KH_NO_STR, 0);
  ck_assert_int_eq(take_all(), KH_FCGI_REFUSED);
  ck_assert_uint_eq(stream.reply[1], FCGI_END_REQUEST);
  ck_assert_uint_eq(stream.reply[12], FCGI_REQUEST_COMPLETE);
}
END_TEST

static void put_body(size_t bytes)
{
  static char body[BODY_MAX + 1];

  put_begin(1, FCGI_RESPONDER, 0);
  put(FCGI_PARAMS, 1, KH_NO_STR, 0);
  put(FCGI_STDIN, 1, kh_str(body, bytes), 0);
}

START_TEST(a_body_may_be_as_long_as_it_may)
{
  put_body(BODY_MAX);
  ck_assert_int_eq(take_all(), KH_FCGI_MORE);
  put(FCGI_STDIN, 1, KH_NO_STR, 0);
  ck_assert_int_eq(take_all(), KH_FCGI_REQUEST);
}
END_TEST

START_TEST(one_byte_more_is_too_large)
{
  put_body(BODY_MAX + 1);
  ck_assert_int_eq(take_all(), KH_FCGI_TOO_LARGE);
}
END_TEST

/* Sends records of one byte until something is found. How many bytes were made of them. */
static size_t put_single_bytes(unsigned type, enum kh_fcgi_found *found)
{
  size_t passed = 0;

  for (*found = KH_FCGI_MORE; !*found; passed += made) {
    for (int i = 0; i < 1000; i++)
      put(type, 1, KH_STR("x"), 0);
    *found = take_all();
  }
  return passed;
}

START_TEST(parameters_of_one_byte_a_record_have_an_end)
{
  enum kh_fcgi_found found;

  put_begin(1, FCGI_RESPONDER, 0);
  put(FCGI_PARAMS, 1, KH_STR("\001\200\003\251\200A"), 0); /* a value of 240,000 bytes */
  ck_assert_int_eq(take_all(), KH_FCGI_MORE);
  ck_assert_uint_lt(put_single_bytes(FCGI_PARAMS, &found), 2 * KH_FCGI_PARAMS_MAX_BYTES);
  ck_assert_int_eq(found, KH_FCGI_BROKEN);
}
END_TEST

START_TEST(a_body_of_one_byte_a_record_takes_no_more_than_another)
{
  enum kh_fcgi_found found;

  put_begin(1, FCGI_RESPONDER, 0);
  put(FCGI_PARAMS, 1, KH_NO_STR, 0);
  ck_assert_int_eq(take_all(), KH_FCGI_MORE);
  ck_assert_uint_eq(put_single_bytes(FCGI_STDIN, &found), BODY_MAX + 1);
  ck_assert_int_eq(found, KH_FCGI_TOO_LARGE);
}
END_TEST

/* Each ends a connection that has begun a request. */
static const struct {
  const char *name;
  unsigned type, request;
  struct kh_str content;
} broken[] = {
    {"the body before the end of the parameters", FCGI_STDIN, 1, {"x", 1}},
    {"a record that only we may send", FCGI_STDOUT, 1, {"x", 1}},
    {"the same request once more", FCGI_BEGIN_REQUEST, 1, {"\0\1\0\0\0\0\0\0", 8}},
    {"a beginning of another length", FCGI_BEGIN_REQUEST, 2, {"\0\1\0\0\0\0\0", 7}},
    {"a beginning without a number", FCGI_BEGIN_REQUEST, 0, {"\0\1\0\0\0\0\0\0", 8}},
    {"a name of two gigabytes", FCGI_PARAMS, 1, {"\377\377\377\377\377\377\377\377", 8}},
};

START_TEST(what_is_broken)
{
  put_begin(1, FCGI_RESPONDER, 0);
  put(broken[_i].type, broken[_i].request, broken[_i].content, 0);
  ck_assert_msg(take_all() == KH_FCGI_BROKEN, "%s", broken[_i].name);
}
END_TEST

START_TEST(parameters_end_with_a_whole_pair)
{
  put_begin(1, FCGI_RESPONDER, 0);
  put(FCGI_PARAMS, 1, KH_STR("\001\002AB"), 0);
  put(FCGI_PARAMS, 1, KH_NO_STR, 0);
  ck_assert_int_eq(take_all(), KH_FCGI_BROKEN);
}
END_TEST

START_TEST(parameters_have_an_end)
{
  static char value[60000];
  enum kh_fcgi_found found = KH_FCGI_MORE;
  int records = 0;

  put_begin(1, FCGI_RESPONDER, 0);
  put(FCGI_PARAMS, 1, KH_STR("\001\200\003\251\200A"), 0); /* a value of 240,000 bytes */
  while (!found && records < 10) {
    put(FCGI_PARAMS, 1, kh_str(value, sizeof value), 0);
    found = take_all();
    records++;
  }
  ck_assert_int_eq(found, KH_FCGI_BROKEN);
  ck_assert_int_eq(records, KH_FCGI_PARAMS_MAX_BYTES / 60000 + 1);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("fcgi_stream");
  TCase *requests = kh_test_case(suite, "requests");
  TCase *management = kh_test_case(suite, "management");
  TCase *bounds = kh_test_case(suite, "bounds");

  tcase_add_checked_fixture(requests, setup, teardown);
  tcase_add_test(requests, a_head_and_a_body_are_passed_on);
  tcase_add_test(requests, padding_stays_behind);
  tcase_add_test(requests, what_follows_a_request_is_left);
  tcase_add_test(requests, byte_by_byte_it_is_the_same);
  tcase_add_test(requests, a_second_request_at_once_is_told_no);
  tcase_add_test(requests, another_role_is_refused);
  tcase_add_test(requests, an_abort_ends_its_request_alone);

  tcase_add_checked_fixture(management, setup, teardown);
  tcase_add_test(management, values_are_told);
  tcase_add_test(management, a_value_that_is_asked_for_often_is_told_once);
  tcase_add_test(management, another_management_record_is_unknown);
  tcase_add_test(management, nobody_is_replied_to_for_ever);

  tcase_add_checked_fixture(bounds, setup, teardown);
  tcase_add_test(bounds, a_body_may_be_as_long_as_it_may);
  tcase_add_test(bounds, one_byte_more_is_too_large);
  tcase_add_test(bounds, parameters_of_one_byte_a_record_have_an_end);
  tcase_add_test(bounds, a_body_of_one_byte_a_record_takes_no_more_than_another);
  tcase_add_loop_test(bounds, what_is_broken, 0, KH_COUNT(broken));
  tcase_add_test(bounds, parameters_end_with_a_whole_pair);
  tcase_add_test(bounds, parameters_have_an_end);
  return kh_test_main(suite);
}
