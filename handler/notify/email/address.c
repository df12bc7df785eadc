#include "base/base.h"

#include "base/utf8.h"
#include "notify/email/address.h"
#include "receive/event.h"

/* Source: RFC 5321, 4.5.3.1; RFC 1035, 2.3.4. */
enum { LOCAL_MAX_BYTES = 64, LABEL_MAX_BYTES = 63 };

/* RFC 5322, 3.2.3: what an atom has beside letters and digits. */
static const char atom_marks[] = "!#$%&'*+-/=?^_`{|}~";

static bool is_ascii_word(struct kh_str text, const char *also)
{
  return kh_str_is_ascii_from(text, '!') && kh_str_is_word(text, also);
}

static bool is_local(struct kh_str text)
{
  struct kh_str rest = text;

  while (rest.at)
    if (!is_ascii_word(kh_str_cut(&rest, '.'), atom_marks))
      return false;
  return text.len > 0 && text.len <= LOCAL_MAX_BYTES;
}

static bool is_domain(struct kh_str text)
{
  struct kh_str rest = text;

  while (rest.at) {
    const struct kh_str label = kh_str_cut(&rest, '.');

    if (!is_ascii_word(label, "-") || label.len > LABEL_MAX_BYTES || label.at[0] == '-' ||
        label.at[label.len - 1] == '-')
      return false;
  }
  return text.len > 0;
}

struct kh_str kh_email_domain(struct kh_str address)
{
  struct kh_str rest = address;

  (void)kh_str_cut(&rest, '@');
  return rest;
}

bool kh_email_is_address(struct kh_str text)
{
  struct kh_str rest = text;
  const struct kh_str local = kh_str_cut(&rest, '@');

  return text.len <= KH_ADDRESS_MAX_BYTES && rest.at && is_local(local) && is_domain(rest);
}

bool kh_email_is_recipient(struct kh_str text)
{
  return kh_str_equal(text, KH_STR(KH_EMAIL_AUTHOR)) || kh_email_is_address(text);
}

/* Where the code host takes no mail for somebody who keeps the address private. */
static bool is_read(struct kh_str address)
{
  return !kh_str_ends(address, KH_STR("noreply.github.com"));
}

static enum kh_err add_author(const struct kh_event *event, struct kh_buf *place)
{
  const struct kh_json_value author = kh_json_get(event->build, KH_STR("author"));
  const bool is_text = kh_json_type(author) == KH_JSON_STRING;
  const struct kh_json_value address = is_text ? author : kh_json_get(author, KH_STR("email"));
  struct kh_buf text;
  enum kh_err err = KH_OK;

  kh_buf_init(&text, event->body.len);
  if (kh_json_type(address) == KH_JSON_STRING && kh_json_text(address, &text) == KH_ERR_NO_MEMORY)
    err = KH_ERR_NO_MEMORY;
  if (!err && kh_email_is_address(kh_buf_view(&text)) && is_read(kh_buf_view(&text)))
    err = kh_buf_add(place, kh_buf_view(&text));
  kh_buf_release(&text);
  return err;
}

enum kh_err kh_email_place(const struct kh_rule *rule, const struct kh_rendering *rendering,
                           struct kh_str written, struct kh_buf *place)
{
  (void)rule;
  if (kh_str_equal(written, KH_STR(KH_EMAIL_AUTHOR)))
    return add_author(rendering->event, place);
  return kh_email_is_address(written) ? kh_buf_add(place, written) : KH_OK;
}

void kh_email_show_place(struct kh_str place, struct kh_buf *shown)
{
  struct kh_str domain = place;
  const struct kh_str local = kh_str_cut(&domain, '@');

  if (!domain.at) {
    (void)kh_buf_add(shown, place);
    return;
  }
  (void)kh_buf_add(shown, kh_str(local.at, kh_utf8_bytes(local, 1)));
  (void)kh_buf_printf(shown, "…@%.*s", KH_FMT(domain));
}
