#include "base/base.h"

#include "receive/signature.h"
#include "support/guard.h"
#include "support/near_misses.h"
#include "support/openssl.h"
#include "support/suite.h"

#define HEX "386d45f4048c9d11a1f9b77db99c1abe14e27358fe720c86268432946240eaae"
#define STAMP "timestamp=1700000000"

static const unsigned char mac_bytes[KH_DIGEST_BYTES] = {
    0x38, 0x6d, 0x45, 0xf4, 0x04, 0x8c, 0x9d, 0x11, 0xa1, 0xf9, 0xb7, 0x7d, 0xb9, 0x9c, 0x1a, 0xbe,
    0x14, 0xe2, 0x73, 0x58, 0xfe, 0x72, 0x0c, 0x86, 0x26, 0x84, 0x32, 0x94, 0x62, 0x40, 0xea, 0xae};

/* Parses a copy at the edge of a page, from both sides; the results must agree. */
static enum kh_err parse(struct kh_str header, struct kh_signature *signature, struct kh_guard *guard)
{
  struct kh_guard begin_guard = {NULL, 0};
  struct kh_signature again;
  enum kh_err err = kh_signature_parse(kh_guard_end(guard, header), signature);

  ck_assert_int_eq(kh_signature_parse(kh_guard_begin(&begin_guard, header), &again), err);
  kh_guard_release(&begin_guard);
  return err;
}

static const struct {
  const char *rule;
  const char *header;
  const char *timestamp;
} good[] = {
    {"as Buildkite sends it", STAMP ",signature=" HEX, "1700000000"},
    {"order does not matter", "signature=" HEX "," STAMP, "1700000000"},
    {"unknown names are skipped: behind", STAMP ",signature=" HEX ",v2=abc", "1700000000"},
    {"unknown names are skipped: before", "v2=abc," STAMP ",signature=" HEX, "1700000000"},
    {"unknown names are skipped: twice the same", "v=1," STAMP ",v=2,signature=" HEX, "1700000000"},
    {"unknown names are skipped: without a value", "v2=," STAMP ",signature=" HEX, "1700000000"},
    {"unknown names are skipped: other spellings", "Timestamp=1," STAMP ",Signature=x,signature=" HEX,
     "1700000000"},
    {"unknown names are skipped: no name at all", STAMP ",signature=" HEX ",=x", "1700000000"},
    {"values may hold =", STAMP ",signature=" HEX ",v2=a=b==", "1700000000"},
    {"values may be any text", STAMP ",signature=" HEX ",v2=\xC3\xB6 \"quoted\"; \xFF", "1700000000"},
    {"blanks around parts", " " STAMP " ,signature=" HEX " ", "1700000000"},
    {"blanks around =", "timestamp = 1700000000,signature = " HEX, "1700000000"},
    {"tabs are blanks", "\ttimestamp\t=\t1700000000\t,signature\t=\t" HEX "\t", "1700000000"},
    {"the text of the timestamp stays: leading zeros", "timestamp=001700000000,signature=" HEX,
     "001700000000"},
    {"one digit", "timestamp=0,signature=" HEX, "0"},
    {"12 digits", "timestamp=999999999999,signature=" HEX, "999999999999"},
};

START_TEST(accepts_the_grammar)
{
  struct kh_guard guard = {NULL, 0};
  struct kh_signature signature;
  int64_t seconds = 0;

  enum kh_err err = parse(kh_str_of(good[_i].header), &signature, &guard);
  ck_assert_msg(err == KH_OK, "%s: %s", good[_i].rule, kh_err_token(err));
  ck_assert(kh_str_equal(signature.timestamp, kh_str_of(good[_i].timestamp)));
  ck_assert(kh_str_i64(kh_str_of(good[_i].timestamp), &seconds));
  ck_assert_int_eq(signature.timestamp_s, seconds);
  ck_assert_mem_eq(signature.mac, mac_bytes, sizeof mac_bytes);
  kh_guard_release(&guard);
}
END_TEST

/* The rows of the shared table that the grammar alone refuses. */
static bool is_of_the_grammar(enum kh_err err, struct kh_header_value header)
{
  if (err == KH_ERR_CREDENTIAL_REPEATED)
    return !header.repeated;
  return err >= KH_ERR_HEADER_TOO_LONG && err <= KH_ERR_SIGNATURE_NOT_HEX;
}

START_TEST(refuses_each_near_miss_for_its_own_reason)
{
  const struct kh_near_miss *miss = &kh_near_misses[_i];
  struct kh_near_miss_request made;
  struct kh_guard guard = {NULL, 0};
  struct kh_signature signature;

  kh_near_miss_make(miss, &made);
  struct kh_header_value header = made.request.headers[KH_HEADER_SIGNATURE];
  if (header.text.at) {
    enum kh_err err = parse(header.text, &signature, &guard);
    enum kh_err want = is_of_the_grammar(miss->err, header) ? miss->err : KH_OK;

    ck_assert_msg(err == want, "%s: %s, not %s", miss->rule, kh_err_token(err), kh_err_token(want));
    kh_guard_release(&guard);
  }
  kh_near_miss_release(&made);
}
END_TEST

START_TEST(every_rule_of_the_grammar_has_a_near_miss)
{
  for (enum kh_err err = KH_ERR_HEADER_TOO_LONG; err <= KH_ERR_SIGNATURE_NOT_HEX; err++) {
    size_t rows = 0;

    for (const struct kh_near_miss *miss = kh_near_misses; miss->rule; miss++)
      rows += miss->err == err;
    ck_assert_msg(rows > 0, "no near miss for %s", kh_err_token(err));
  }
}
END_TEST

START_TEST(takes_exactly_1024_bytes)
{
  char header[KH_SIGNATURE_HEADER_MAX_BYTES + 1];
  const char *start = STAMP ",signature=" HEX ",pad=";
  struct kh_guard guard = {NULL, 0};
  struct kh_signature signature;

  memset(header, 'x', sizeof header);
  memcpy(header, start, strlen(start));
  ck_assert_int_eq(parse(kh_str(header, KH_SIGNATURE_HEADER_MAX_BYTES), &signature, &guard), KH_OK);
  kh_guard_release(&guard);
  ck_assert_int_eq(parse(kh_str(header, sizeof header), &signature, &guard), KH_ERR_HEADER_TOO_LONG);
  kh_guard_release(&guard);
}
END_TEST

START_TEST(refuses_every_control_character_but_the_tab)
{
  char header[] = STAMP ",signature=" HEX ",v2=a?b";
  struct kh_guard guard = {NULL, 0};
  struct kh_signature signature;

  for (int byte = 0; byte < 256; byte++) {
    bool control = (byte < 0x20 && byte != '\t') || byte == 0x7F;
    bool comma = byte == ',';

    header[sizeof header - 3] = (char)byte;
    enum kh_err err = parse(kh_str(header, sizeof header - 1), &signature, &guard);
    enum kh_err want = control ? KH_ERR_HEADER_CONTROL : comma ? KH_ERR_FIELD_WITHOUT_EQUALS : KH_OK;
    ck_assert_msg(err == want, "byte %d: %s", byte, kh_err_token(err));
    kh_guard_release(&guard);
  }
}
END_TEST

/* Each of the 64 digits may be 0 to 9 and a to f and nothing else. */
START_TEST(every_digit_counts)
{
  char header[] = STAMP ",signature=" HEX;
  const size_t first = sizeof STAMP ",signature=" - 1;
  const size_t place = first + (size_t)_i;
  struct kh_guard guard = {NULL, 0};
  struct kh_signature signature;

  for (int byte = 0x21; byte < 0x7F; byte++) {
    const char *digits = "0123456789abcdef";
    const char *digit = strchr(digits, byte);

    if (byte == ',')
      continue;
    header[place] = (char)byte;
    enum kh_err err = parse(kh_str(header, sizeof header - 1), &signature, &guard);
    ck_assert_msg(err == (digit ? KH_OK : KH_ERR_SIGNATURE_NOT_HEX), "digit %d as %c: %s", _i, byte,
                  kh_err_token(err));
    if (digit) {
      unsigned shift = _i % 2 == 0 ? 4 : 0;
      ck_assert_int_eq(signature.mac[_i / 2] >> shift & 15, digit - digits);
    }
    kh_guard_release(&guard);
  }
}
END_TEST

/* Cut anywhere, a header is refused, and never read beyond its end. */
START_TEST(refuses_every_cut)
{
  const struct kh_str whole = KH_STR(" timestamp=1700000000 ,v2=a=b ,signature=" HEX);
  struct kh_guard guard = {NULL, 0};
  struct kh_signature signature;

  for (size_t len = 0; len < whole.len; len++) {
    ck_assert_msg(parse(kh_str(whole.at, len), &signature, &guard) != KH_OK, "cut at %zu", len);
    kh_guard_release(&guard);
  }
  ck_assert_int_eq(parse(whole, &signature, &guard), KH_OK);
  kh_guard_release(&guard);
  ck_assert_int_ne(kh_signature_parse(KH_NO_STR, &signature), KH_OK);
}
END_TEST

static Suite *signature_suite(void)
{
  Suite *suite = suite_create("signature");
  TCase *grammar = kh_test_case(suite, "grammar");

  tcase_add_loop_test(grammar, accepts_the_grammar, 0, (int)KH_COUNT(good));
  tcase_add_loop_test(grammar, refuses_each_near_miss_for_its_own_reason, 0, (int)kh_near_miss_count());
  tcase_add_test(grammar, every_rule_of_the_grammar_has_a_near_miss);
  tcase_add_test(grammar, takes_exactly_1024_bytes);
  tcase_add_test(grammar, refuses_every_control_character_but_the_tab);
  tcase_add_loop_test(grammar, every_digit_counts, 0, 2 * KH_DIGEST_BYTES);
  tcase_add_test(grammar, refuses_every_cut);
  return suite;
}

int main(void)
{
  return kh_test_main(signature_suite());
}
