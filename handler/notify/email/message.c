#include "base/base.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "notify/email/address.h"
#include "notify/email/look.h"
#include "notify/email/message.h"

/*
 * RFC 2047, 2: an encoded word has at most 75 characters, a line with one 76. RFC 2045, 6.7: so has a line of
 * quoted-printable, its "=" included.
 */
enum { WORD_BYTES = 39, PLAIN_SUBJECT_BYTES = 66, QUOTED_CHARACTERS = 76, DAY_S = 24 * 3600 };

/* ---- headers ---- */

/* "Sun, 29 Nov 2026 13:52:57 +0000" (RFC 5322, 3.3) */
static void add_date(int64_t at_us, struct kh_buf *out)
{
  static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"}; /* from 1970-01-01 */
  static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const int64_t day = at_us / 1000000 / DAY_S;
  char iso[KH_TIME_TEXT_BYTES]; /* "2026-11-22T01:02:03.456Z" */

  kh_time_format(at_us, iso);
  const int month = (iso[5] - '0') * 10 + iso[6] - '0';
  (void)kh_buf_printf(out, "Date: %s, %.2s %s %.4s %.8s +0000\r\n", days[day % 7], iso + 8, months[month - 1],
                      iso, iso + 11);
}

static bool is_plain(struct kh_str subject)
{
  return subject.len <= PLAIN_SUBJECT_BYTES && kh_str_is_ascii_from(subject, ' ') &&
         !memmem(subject.at, subject.len, "=?", 2);
}

static void add_subject(struct kh_str subject, struct kh_buf *out)
{
  char encoded[KH_BASE64_CHARACTERS(WORD_BYTES) + 1];

  (void)kh_buf_add(out, KH_STR("Subject:"));
  if (is_plain(subject))
    (void)kh_buf_printf(out, " %.*s", KH_FMT(subject));
  else
    while (subject.len > 0) {
      const size_t whole = kh_str_utf8_cut(subject, WORD_BYTES);
      const size_t len = whole > 0 ? whole : WORD_BYTES; /* of what is no UTF-8 there may be none */

      kh_base64_encode((const unsigned char *)subject.at, len, encoded);
      subject = kh_str(subject.at + len, subject.len - len);
      (void)kh_buf_printf(out, " =?utf-8?B?%s?=%s", encoded, subject.len > 0 ? "\r\n" : "");
    }
  (void)kh_buf_add(out, KH_STR("\r\n"));
}

static void add_headers(const struct kh_email *mail, struct kh_buf *out)
{
  const struct kh_str domain = kh_email_domain(mail->from);

  add_date(mail->at_us, out);
  (void)kh_buf_printf(out, "From: <%.*s>\r\nTo: <%.*s>\r\n", KH_FMT(mail->from), KH_FMT(mail->to));
  (void)kh_buf_printf(out, "Message-ID: <%.*s@%.*s>\r\n", KH_FMT(mail->id), KH_FMT(domain));
  if (mail->thread.len > 0)
    (void)kh_buf_printf(out, "In-Reply-To: <%.*s@%.*s>\r\nReferences: <%.*s@%.*s>\r\n", KH_FMT(mail->thread),
                        KH_FMT(domain), KH_FMT(mail->thread), KH_FMT(domain));
  add_subject(mail->subject, out);
  if (mail->list.len > 0)
    (void)kh_buf_printf(out, "List-Id: <%.*s.kitehook.%.*s>\r\n", KH_FMT(mail->list), KH_FMT(domain));
  (void)kh_buf_printf(out,
                      "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                      "Content-Type: multipart/alternative; boundary=\"=_%.*s\"\r\n\r\n",
                      KH_FMT(mail->id));
}

/* ---- parts ---- */

/* A blank at the end of a line would not be seen, or be taken off. */
static bool is_kept(struct kh_str text, size_t at)
{
  const char c = text.at[at];
  const bool ends_line = at + 1 == text.len || text.at[at + 1] == '\n';

  return c == ' ' ? !ends_line : c > ' ' && c <= '~' && c != '=';
}

static void add_quoted(struct kh_str text, struct kh_buf *out)
{
  size_t column = 0;

  for (size_t at = 0; at < text.len; at++) {
    const bool kept = is_kept(text, at);
    const size_t len = kept ? 1 : 3;

    if (text.at[at] == '\n') {
      (void)kh_buf_add(out, KH_STR("\r\n"));
      column = 0;
      continue;
    }
    if (column + len >= QUOTED_CHARACTERS) {
      (void)kh_buf_add(out, KH_STR("=\r\n"));
      column = 0;
    }
    if (kept)
      (void)kh_buf_add_byte(out, text.at[at]);
    else
      (void)kh_buf_printf(out, "=%02X", (unsigned)(unsigned char)text.at[at]);
    column += len;
  }
}

static void begin_part(const struct kh_email *mail, const char *type, struct kh_buf *out)
{
  (void)kh_buf_printf(out,
                      "--=_%.*s\r\nContent-Type: text/%s; charset=utf-8\r\n"
                      "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
                      KH_FMT(mail->id), type);
}

enum kh_err kh_email_write(const struct kh_email *mail, struct kh_buf *out)
{
  add_headers(mail, out);
  begin_part(mail, "plain", out);
  add_quoted(mail->text, out);
  (void)kh_buf_add(out, KH_STR("\r\n"));
  begin_part(mail, "html", out);
  add_quoted(kh_str_of(kh_email_html_head), out);
  add_quoted(mail->html, out);
  add_quoted(kh_str_of(kh_email_html_end), out);
  (void)kh_buf_printf(out, "--=_%.*s--\r\n", KH_FMT(mail->id));
  return kh_buf_ok(out);
}
