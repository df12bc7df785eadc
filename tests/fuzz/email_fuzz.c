/*
 * Target: notify/email/address.c and message.c. Aborts when a good address could end a header or a command,
 * when a mail has a header, a line or a part that it should not have, or when its text does not come out
 * again.
 *
 * Parts between bytes of zero: an address, a subject of one line, a text and its HTML.
 */
#include "base/base.h"

#include "fuzz/replay.h"
#include "notify/email/address.h"
#include "notify/email/message.h"
#include "words/address.h"

enum { LINE_MAX_BYTES = 998, PARTS = 4, ROOM = 8 };

#define ID "0123456789abcdef0123456789abcdef"

static void need(bool is_so)
{
  if (!is_so)
    abort();
}

static const char *const headers[] = {"Date: ",           "From: <",        "To: <",         "Message-ID: <",
                                      "In-Reply-To: <",   "References: <",  "Subject:",      "List-Id: <",
                                      "Auto-Submitted: ", "MIME-Version: ", "Content-Type: "};

/* Takes one line off REST, which is ASCII ended by CR LF. */
static struct kh_str take_line(struct kh_str *rest)
{
  size_t len = 0;

  while (len < rest->len && rest->at[len] >= ' ' && rest->at[len] <= '~')
    len++;
  need(len <= LINE_MAX_BYTES && len + 1 < rest->len && rest->at[len] == '\r' && rest->at[len + 1] == '\n');
  const struct kh_str line = kh_str(rest->at, len);
  *rest = kh_str(rest->at + len + 2, rest->len - len - 2);
  return line;
}

static void check_headers(struct kh_str *rest)
{
  size_t count = 0;

  for (struct kh_str line = take_line(rest); line.len > 0; line = take_line(rest)) {
    const bool goes_on = line.at[0] == ' ';

    need(count > 0 && goes_on ? kh_str_equal(kh_str_of(headers[count - 1]), KH_STR("Subject:"))
                              : count < KH_COUNT(headers) && kh_str_starts(line, kh_str_of(headers[count])));
    count += !goes_on;
  }
  need(count == KH_COUNT(headers));
}

static void add_hex(struct kh_str digits, struct kh_buf *out)
{
  unsigned value = 0;

  for (size_t i = 0; i < digits.len; i++) {
    const char *at = strchr("0123456789ABCDEF", digits.at[i]);

    need(at && *at);
    value = value * 16 + (unsigned)(at - "0123456789ABCDEF");
  }
  (void)kh_buf_add_byte(out, (char)value);
}

/* One line of quoted-printable (RFC 2045, 6.7). */
static void decode(struct kh_str line, struct kh_buf *out)
{
  bool goes_on = false;

  for (size_t i = 0; i < line.len && !goes_on; i++) {
    goes_on = line.at[i] == '=' && i + 1 == line.len;
    if (line.at[i] != '=') {
      (void)kh_buf_add_byte(out, line.at[i]);
    } else if (!goes_on) {
      need(i + 2 < line.len);
      add_hex(kh_str(line.at + i + 1, 2), out);
      i += 2;
    }
  }
  need(line.len <= 76);
  if (!goes_on)
    (void)kh_buf_add_byte(out, '\n');
}

/* The part at REST up to the next boundary, which is TEXT or ends in it. */
static void check_part(struct kh_str *rest, const char *type, struct kh_str text)
{
  struct kh_buf decoded;

  kh_buf_init(&decoded, 1 << 22);
  need(kh_str_starts(take_line(rest), KH_STR("--=_" ID)));
  need(kh_str_equal(take_line(rest), kh_str_of(type)));
  need(kh_str_equal(take_line(rest), KH_STR("Content-Transfer-Encoding: quoted-printable")));
  need(take_line(rest).len == 0);
  while (!kh_str_starts(*rest, KH_STR("--=_" ID)))
    decode(take_line(rest), &decoded);
  const struct kh_str got = kh_buf_view(&decoded);
  need(!kh_buf_ok(&decoded) && memmem(got.at, got.len, text.at, text.len));
  kh_buf_release(&decoded);
}

static void check_address(struct kh_str text)
{
  size_t marks = 0;

  for (size_t i = 0; i < text.len; i++) {
    need(text.at[i] > ' ' && text.at[i] <= '~' && !strchr("<>()[],;:\\\"", text.at[i]));
    marks += text.at[i] == '@';
  }
  need(marks == 1 && kh_email_domain(text).len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_str rest = {(const char *)data, size}, parts[PARTS];
  struct kh_buf out;

  for (size_t i = 0; i < PARTS; i++) {
    parts[i] = rest.at ? kh_str_cut(&rest, '\0') : KH_STR("");
    parts[i] = parts[i].len > 0 ? parts[i] : KH_STR("x");
  }
  const bool is_address = kh_address_is_good(parts[0]);
  if (is_address)
    check_address(parts[0]);
  for (size_t i = 0; i < parts[1].len; i++)
    if ((unsigned char)parts[1].at[i] < ' ')
      return 0;
  const struct kh_email mail = {.from = is_address ? parts[0] : KH_STR("ci@kite.example"),
                                .to = KH_STR("jane@kite.example"),
                                .id = KH_STR(ID),
                                .thread = KH_STR(ID),
                                .list = KH_STR("web.acme"),
                                .subject = parts[1],
                                .text = parts[2],
                                .html = parts[3],
                                .at_us = (int64_t)size * 86400000000};
  kh_buf_init(&out, ROOM * (size + 8192));
  need(kh_email_write(&mail, &out) == KH_OK);
  rest = kh_buf_view(&out);
  check_headers(&rest);
  check_part(&rest, "Content-Type: text/plain; charset=utf-8", mail.text);
  check_part(&rest, "Content-Type: text/html; charset=utf-8", mail.html);
  need(kh_str_equal(rest, KH_STR("--=_" ID "--\r\n")));
  kh_buf_release(&out);
  return 0;
}
