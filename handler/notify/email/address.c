#include "base/base.h"

#include "base/utf8.h"
#include "language/names/withheld.h"
#include "notify/email/address.h"
#include "receive/event.h"
#include "words/address.h"

struct kh_str kh_email_domain(struct kh_str address)
{
  struct kh_str rest = address;

  (void)kh_str_cut(&rest, '@');
  return rest;
}

bool kh_email_is_recipient(struct kh_str text)
{
  return kh_str_equal(text, KH_STR(KH_EMAIL_AUTHOR)) || kh_address_is_good(text);
}

static enum kh_err add_author(const struct kh_event *event, struct kh_buf *place)
{
  const struct kh_json_value author = kh_json_get(event->build, KH_STR("author"));
  const bool is_text = kh_json_type(author) == KH_JSON_STRING;
  const struct kh_json_value address = is_text ? author : kh_json_get(author, KH_STR("email"));
  struct kh_buf text;
  enum kh_err err = KH_OK;

  if (event->withheld)
    return event->withheld->author_has_address ? kh_buf_add(place, KH_STR(KH_EMAIL_AUTHOR)) : KH_OK;
  kh_buf_init(&text, event->body.len);
  if (kh_json_type(address) == KH_JSON_STRING && kh_json_text(address, &text) == KH_ERR_NO_MEMORY)
    err = KH_ERR_NO_MEMORY;
  if (!err && kh_address_is_read(kh_buf_view(&text)))
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
  return kh_address_is_good(written) ? kh_buf_add(place, written) : KH_OK;
}

void kh_email_show_place(struct kh_str place, struct kh_buf *shown)
{
  struct kh_str domain = place;
  const struct kh_str local = kh_str_cut(&domain, '@');

  if (!domain.at || (kh_str_starts(local, KH_STR("{{")) && kh_str_ends(local, KH_STR("}}")))) {
    (void)kh_buf_add(shown, place);
    return;
  }
  (void)kh_buf_add(shown, kh_str(local.at, kh_utf8_bytes(local, 1)));
  (void)kh_buf_printf(shown, "…@%.*s", KH_FMT(domain));
}
