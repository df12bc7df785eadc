#include "base/base.h"

#include "base/utf8.h"
#include "net/transport.h"
#include "words/address.h"

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

bool kh_address_is_good(struct kh_str text)
{
  struct kh_str rest = text;
  const struct kh_str local = kh_str_cut(&rest, '@');

  return text.len <= KH_ADDRESS_MAX_BYTES && rest.at && is_local(local) && is_domain(rest);
}

/* The code host takes no mail for somebody who keeps the address private. */
bool kh_address_is_read(struct kh_str text)
{
  return kh_address_is_good(text) && !kh_str_ends(text, KH_STR("noreply.github.com"));
}
