#include "base/base.h"

#include "base/utf8.h"
#include "net/mail_wire.h"

/*
 * libcurl says QUIT once the outcome is known, and lets nothing else go on until that is answered: by 221
 * (RFC 5321, 4.2.3), which says nothing of the mail.
 */
enum { PARTING_S = 1, PARTED = 221, REPLY_S = 60, REPLY_DIGITS = 3 };

/* ---- what comes in ---- */

/* "250-SIZE 1000" or "250 2.0.0 Ok"; 0 where LINE does not begin so. */
static int code_of(struct kh_str line)
{
  const bool is_reply = line.len >= REPLY_DIGITS && line.at[0] >= '2' && line.at[0] <= '5' &&
                        kh_is_digit(line.at[1]) && kh_is_digit(line.at[2]) &&
                        (line.len == REPLY_DIGITS || line.at[3] == ' ' || line.at[3] == '-');

  return is_reply ? (line.at[0] - '0') * 100 + (line.at[1] - '0') * 10 + line.at[2] - '0' : 0;
}

static bool goes_on(struct kh_str line)
{
  return line.len > REPLY_DIGITS && line.at[3] == '-';
}

/* The lines of one answer follow each other; the next answer takes their place. */
static void note_reply(struct kh_wire *wire, struct kh_str line)
{
  struct kh_buf *words = &wire->answer->body;
  const int code = code_of(line);

  if (code == 0 || code == PARTED || (wire->is_sent && wire->has_header))
    return;
  if (!wire->has_more)
    kh_buf_clear(words);
  else if (words->len < words->max)
    (void)kh_buf_add_byte(words, ' ');
  const struct kh_str text = line.len > REPLY_DIGITS ? kh_str(line.at + 4, line.len - 4) : KH_STR("");
  const size_t room = words->max - words->len;
  (void)kh_buf_add(words, kh_str(text.at, text.len < room ? text.len : room));
  wire->has_more = goes_on(line);
  wire->reply = code;
  wire->has_header = wire->is_sent && !wire->has_more;
}

static size_t take_line(char *at, size_t size, size_t count, void *self)
{
  struct kh_wire *wire = self;
  const size_t len = size * count;

  wire->head_bytes += len;
  if (wire->head_bytes > KH_ANSWER_HEAD_MAX_BYTES)
    return CURL_WRITEFUNC_ERROR;
  note_reply(wire, kh_str_without_line_end(kh_str(at, len)));
  (void)curl_easy_setopt(wire->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT,
                         wire->has_header || wire->reply >= 400 ? (long)PARTING_S : (long)REPLY_S);
  return len;
}

/* ---- what goes out ---- */

static size_t give_text(char *to, size_t size, size_t count, void *self)
{
  struct kh_wire *wire = self;
  const size_t room = size * count;
  const size_t len = wire->unsent.len < room ? wire->unsent.len : room;

  memcpy(to, wire->unsent.at, len);
  wire->unsent = kh_str(wire->unsent.at + len, wire->unsent.len - len);
  wire->is_sent = wire->unsent.len == 0;
  return len;
}

/* As libcurl hands it to MAIL FROM and RCPT TO, where it must stay one word of one line. */
static bool is_address(const char *text)
{
  return text[0] && kh_str_is_ascii_from(kh_str_of(text), '!') && !strpbrk(text, "<>");
}

static bool is_server(struct kh_str url)
{
  return kh_str_is_ascii_from(url, '!') &&
         (kh_str_starts(url, KH_STR("smtp://")) || kh_str_starts(url, KH_STR("smtps://")));
}

static enum kh_err check(const struct kh_outgoing *request, struct kh_incoming *answer)
{
  if (!is_server(kh_secret_reveal(&request->url)))
    return kh_wire_fail(answer, "the server is none of smtp or smtps");
  if (!is_address(request->mail.from) || !is_address(request->mail.to))
    return kh_wire_fail(answer, "an address is none");
  return KH_OK;
}

#define SET(option, value) code = code ? code : curl_easy_setopt(easy, option, value)

/* Of the ways that servers offer, those that need no realm, ticket or token. */
static CURLcode set_login(CURL *easy, const struct kh_mail *mail)
{
  CURLcode code = CURLE_OK;

  SET(CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN;AUTH=CRAM-MD5");
  SET(CURLOPT_USERNAME, mail->user);
  SET(CURLOPT_PASSWORD, mail->password ? kh_secret_reveal(mail->password).at : "");
  return code;
}

static CURLcode set_options(struct kh_wire *wire, const struct kh_http_options *options,
                            const struct kh_outgoing *request)
{
  CURL *easy = wire->easy;
  const struct kh_mail *mail = &request->mail;
  CURLcode code = kh_wire_set_common(wire, options, request);

  SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  SET(CURLOPT_PROXY, "");
  SET(CURLOPT_USE_SSL, mail->is_plain ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
  SET(CURLOPT_CONNECTTIMEOUT_MS, 0L); /* it would count until the login is done, and servers greet slowly */
  SET(CURLOPT_FRESH_CONNECT, 1L);
  SET(CURLOPT_FORBID_REUSE, 1L);
  SET(CURLOPT_MAIL_FROM, mail->from);
  SET(CURLOPT_MAIL_RCPT, wire->headers);
  SET(CURLOPT_UPLOAD, 1L);
  SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body.len);
  SET(CURLOPT_READFUNCTION, give_text);
  SET(CURLOPT_READDATA, wire);
  SET(CURLOPT_HEADERFUNCTION, take_line);
  SET(CURLOPT_HEADERDATA, wire);
  return code || !mail->user ? code : set_login(easy, mail);
}

#undef SET

enum kh_err kh_mail_prepare(struct kh_wire *wire, const struct kh_http_options *options,
                            const struct kh_outgoing *request, struct kh_incoming *answer)
{
  enum kh_err err = check(request, answer);

  if (err)
    return err;
  *wire = (struct kh_wire){.easy = curl_easy_init(), .answer = answer, .unsent = request->body};
  if (!wire->easy)
    return kh_wire_fail(answer, "libcurl cannot be started");
  wire->headers = curl_slist_append(NULL, request->mail.to);
  if (!wire->headers)
    return kh_wire_fail(answer, "no memory");
  const CURLcode code = set_options(wire, options, request);
  if (code == CURLE_UNSUPPORTED_PROTOCOL)
    return kh_wire_fail(answer, "this libcurl sends no mail; use one that is built with SMTP");
  return code ? kh_wire_fail(answer, curl_easy_strerror(code)) : KH_OK;
}

/* ---- the end ---- */

enum kh_err kh_mail_conclude(struct kh_wire *wire, CURLcode code)
{
  struct kh_incoming *answer = wire->answer;

  if (code == CURLE_USE_SSL_FAILED)
    answer->mail_stop = KH_MAIL_STOP_TLS;
  else if (code == CURLE_LOGIN_DENIED)
    answer->mail_stop = KH_MAIL_STOP_LOGIN;
  answer->status = wire->reply;
  if (!code || wire->has_header || answer->mail_stop || wire->reply >= 400)
    return wire->reply > 0 ? KH_OK : kh_wire_fail(answer, "the server said nothing");
  kh_buf_clear(&answer->body);
  answer->status = 0;
  return kh_wire_fail(answer, kh_wire_problem(wire, code));
}
