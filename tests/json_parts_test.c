/*
 * The hard parts of the strict JSON reader: scanning by blocks, repeated keys, numbers under another locale, no
 * memory. Built a second time with KH_JSON_PORTABLE. Needs the linker's --wrap=reallocarray.
 */
#include "base/base.h"

#include "base/json.h"
#include "base/json_scan.h"
#include "support/command.h"
#include "support/guard.h"
#include "support/suite.h"
#include "support/tempdir.h"

#include <locale.h>

enum { MANY_KEYS = 400000, SCAN_ROUNDS = 20000 };

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
    for (const char *at = text.at; at <= end; at++) {
      ck_assert_ptr_eq(kh_json_plain_portable(at, end), plain_by_byte(at, end));
      ck_assert_ptr_eq(kh_json_plain(at, end), plain_by_byte(at, end));
      ck_assert_ptr_eq(kh_json_blank(at, end), blank_by_byte(at, end));
    }
    kh_guard_release(&guard);
  }
  for (int byte = 0; byte < 256; byte++) {
    char c = (char)byte;

    ck_assert_ptr_eq(kh_json_plain(&c, &c + 1), plain_by_byte(&c, &c + 1));
    ck_assert_ptr_eq(kh_json_blank(&c, &c + 1), blank_by_byte(&c, &c + 1));
  }
}
END_TEST

START_TEST(the_build_has_the_scan_it_says)
{
#if defined(__SSE2__) && defined(KH_JSON_PORTABLE)
  ck_assert_ptr_eq(kh_json_plain, kh_json_plain);
#endif
#if defined(KH_JSON_SSE2) == defined(KH_JSON_PORTABLE) && defined(__SSE2__)
  ck_abort_msg("SSE2 and portable");
#endif
}
END_TEST

/* Reads {"<key 0>":0, ...} of COUNT keys made by FORMAT, then once more with key AGAIN repeated at the end. */
static void check_keys(const char *format, const char *again_format, int count, int again)
{
  struct kh_diag diag = {0};
  struct kh_json doc;
  struct kh_buf text;

  kh_json_init(&doc, kh_json_default_limits);
  kh_buf_init(&text, kh_json_default_limits.bytes);
  for (int i = 0; i < count; i++) {
    char number[32];

    (void)snprintf(number, sizeof number, "%08x", (unsigned)i);
    (void)kh_buf_printf(&text, i ? "," : "{");
    (void)kh_buf_printf(&text, format[0] == 'p' ? "\"%s%s\":0" : "\"%s%s\":0", format + 1, number);
  }
  size_t whole = text.len;
  (void)kh_buf_add_byte(&text, '}');
  ck_assert(kh_buf_ok(&text) == KH_OK);
  ck_assert_msg(kh_json_read(&doc, kh_buf_view(&text), &diag) == KH_OK, "%s", diag.text);
  ck_assert_uint_eq(kh_json_length(kh_json_root(&doc)), (unsigned)count);

  text.len = whole;
  (void)kh_buf_printf(&text, ",\n\"%s%08x\":0}", again_format, (unsigned)again);
  ck_assert(kh_buf_ok(&text) == KH_OK);
  ck_assert(kh_json_read(&doc, kh_buf_view(&text), &diag) == KH_ERR_JSON_DUPLICATE_KEY);
  ck_assert_uint_eq(diag.line, 2);
  ck_assert_uint_eq(diag.column, 1);
  kh_buf_release(&text);
  kh_json_release(&doc);
}
