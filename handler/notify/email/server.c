#include "base/base.h"

#include "base/url.h"
#include "base/utf8.h"
#include "notify/email/address.h"
#include "notify/email/server.h"
#include "words/address.h"

enum { USER_MAX_BYTES = 256, PORT_MAX = 65535 };

/* ---- the account ---- */

static bool is_host(struct kh_str host)
{
  if (host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
    return kh_str_is_of(kh_str(host.at + 1, host.len - 2), "0123456789abcdefABCDEF:.");
  return kh_str_is_ascii_from(host, '!') && kh_str_is_word(host, ".-") && host.at[0] != '-';
}

/* smtp://HOST or smtps://HOST, and maybe :PORT */
static bool is_server(struct kh_str text)
{
  struct kh_str rest = text;
  const struct kh_str scheme = kh_str_cut(&rest, ':');
  const char *colon = rest.len > 0 ? memrchr(rest.at, ':', rest.len) : NULL;
  const bool has_port = colon && rest.at[rest.len - 1] != ']';
  uint64_t port = PORT_MAX;

  if (!kh_str_equal(scheme, KH_STR("smtp")) && !kh_str_equal(scheme, KH_STR("smtps")))
    return false;
  if (!kh_str_starts(rest, KH_STR("//")))
    return false;
  const char *end = has_port ? colon : rest.at + rest.len;
  if (has_port && !kh_str_u64(kh_str(colon + 1, (size_t)(rest.at + rest.len - colon - 1)), &port))
    return false;
  return end > rest.at + 2 && port > 0 && port <= PORT_MAX &&
         is_host(kh_str(rest.at + 2, (size_t)(end - rest.at - 2)));
}

static bool is_login(struct kh_str text)
{
  return text.len > 0 && text.len <= USER_MAX_BYTES && !kh_str_has_control(text, false);
}

#define HOST "([A-Za-z0-9][A-Za-z0-9.-]*|\\[[0-9A-Fa-f:.]+\\])"

static const struct kh_option account_options[] = {
    {.name = "smtp",
     .type = KH_OPTION_TEXT,
     .required = true,
     .words = "The server: `smtps://HOST`, which has TLS from the first byte (port 465), or `smtp://HOST`, "
              "which gets to it by STARTTLS (port 25); a submission port is named, as in "
              "`smtp://mail.example.com:587`.",
     .example = "smtps://mail.example.com",
     .is_good = is_server,
     .form = "a server: smtps://HOST:465 or smtp://HOST:587, without user or path",
     .pattern = "^smtps?://" HOST "(:[0-9]{1,5})?$"},
    {.name = "from",
     .type = KH_OPTION_TEXT,
     .required = true,
     .words = "The sender's address.",
     .example = "ci@example.com",
     .is_good = kh_address_is_good,
     .form = "one address, such as ci@example.com",
     .pattern = "^[^@ ]+@[A-Za-z0-9.-]+$"},
    {.name = "user",
     .type = KH_OPTION_TEXT,
     .words = "Who logs in, where the server asks for it.",
     .is_good = is_login,
     .form = "a name of at most 256 bytes",
     .pattern = "^.+$"},
    {.name = "password",
     .type = KH_OPTION_SECRET,
     .offset = offsetof(struct kh_rule, secret),
     .words = "A secret that holds the password of `user`.",
     .example = "MAIL_PASSWORD",
     .is_good = is_login,
     .form = "a password of at most 256 bytes, without a line end"},
    {.name = "tls",
     .type = KH_OPTION_TRUTH,
     .words =
         "Whether `smtp://` must lead to TLS. By default it must, but to 127.0.0.1, localhost and [::1], "
         "where it does not. `false` is without, and so without a login."},
    {.name = NULL},
};

const struct kh_account kh_email_account = {
    .kind = "email", .words = "A server that mail goes to, by SMTP", .options = account_options};

static bool is_loopback(const struct kh_rule *rule)
{
  return kh_url_is_loopback(kh_str_of(kh_account_text(rule, "smtp")), KH_STR("smtp://"));
}

static bool is_plain(const struct kh_rule *rule)
{
  const char *tls = kh_account_text(rule, "tls");

  return kh_str_starts(kh_str_of(kh_account_text(rule, "smtp")), KH_STR("smtp://")) &&
         (tls ? strcmp(tls, "false") == 0 : is_loopback(rule));
}

enum kh_err kh_email_configure(struct kh_config *config, const json_t *given, struct kh_rule *rule,
                               struct kh_diags *diags)
{
  const bool has_user = json_object_get(rule->account, "user");
  const bool has_password = json_object_get(rule->account, "password");

  (void)given;
  if (has_user != has_password)
    return kh_config_mistake(config, rule->account, has_user ? "user" : "password", diags,
                             "services.email: `user` and `password` go together");
  if (has_user && is_plain(rule) && !is_loopback(rule))
    return kh_config_mistake(
        config, rule->account, "tls", diags,
        "services.email: a password goes by TLS alone; take `tls: false` away, or `user` "
        "and `password`");
  return KH_OK;
}

/* ---- an attempt ---- */

enum kh_err kh_email_address(const struct kh_rule *rule, const char *recipient, struct kh_outgoing *outgoing)
{
  struct kh_mail *mail = &outgoing->mail;
  const struct kh_str to = kh_str_of(recipient);

  if (!rule->account || !kh_address_is_good(to))
    return KH_ERR_RENDER;
  *mail = (struct kh_mail){
      .user = kh_account_text(rule, "user"), .password = &rule->secret, .is_plain = is_plain(rule)};
  (void)snprintf(mail->from, sizeof mail->from, "%s", kh_account_text(rule, "from"));
  (void)snprintf(mail->to, sizeof mail->to, "%.*s", KH_FMT(to));
  return kh_secret_set(&outgoing->url, kh_str_of(kh_account_text(rule, "smtp")));
}

/* ---- its answer ---- */

static bool is_about_login(int code)
{
  static const int codes[] = {530, 534, 535, 538};

  for (size_t i = 0; i < KH_COUNT(codes); i++)
    if (code == codes[i])
      return true;
  return false;
}

static void want_config(struct kh_verdict *verdict, const char *note)
{
  verdict->err = KH_ERR_DESTINATION_REFUSED;
  (void)snprintf(verdict->note, sizeof verdict->note, "%s", note);
}

/* Sources: RFC 5321, 4.2.1 and 4.2.3; RFC 3207, 4 (454); RFC 4954, 6. */
void kh_email_judge(const struct kh_incoming *answer, int64_t now_us, struct kh_verdict *verdict)
{
  enum { CLOSING = 421 };
  const int code = answer->status;

  (void)now_us;
  verdict->err = code / 100 == 2 ? KH_OK : code / 100 == 5 ? KH_ERR_DELIVERY_REFUSED : KH_ERR_DELIVERY_FAILED;
  verdict->retry_after_s = verdict->err ? answer->retry_after_s : -1;
  if (code == CLOSING)
    return;
  if (answer->mail_stop == KH_MAIL_STOP_TLS)
    want_config(verdict, "no STARTTLS there; write smtps:// in services.email.smtp, or another port");
  else if (is_about_login(code))
    want_config(verdict, "it wants another login: `user` and `password` in services.email");
  else if (answer->mail_stop == KH_MAIL_STOP_LOGIN && (code < 400 || code >= 500))
    want_config(verdict, "no login by PLAIN, LOGIN or CRAM-MD5 there");
}
