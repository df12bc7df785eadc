#include "base/base.h"

#include "language/condition/node.h"
#include "language/condition/regex.h"

static bool lists_equal(const struct kh_value *a, const struct kh_value *b)
{
  if (a->list.count != b->list.count)
    return false;
  for (size_t i = 0; i < a->list.count; i++) {
    struct kh_str x = a->list.items[i];
    struct kh_str y = b->list.items[i];

    if (!x.at != !y.at || !kh_str_equal(x, y))
      return false;
  }
  return true;
}

bool kh_value_equal(const struct kh_value *a, const struct kh_value *b)
{
  if (a->kind != b->kind)
    return false;
  switch (a->kind) {
  case KH_KIND_NULL:
    return true;
  case KH_KIND_BOOLEAN:
    return a->truth == b->truth;
  case KH_KIND_NUMBER:
    return a->number == b->number;
  case KH_KIND_STRING:
    return kh_str_equal(a->text, b->text);
  case KH_KIND_LIST:
    return lists_equal(a, b);
  case KH_KIND_REGEX:
    return kh_str_equal(kh_regex_source(a->regex), kh_regex_source(b->regex)) &&
           kh_str_equal(kh_regex_flags(a->regex), kh_regex_flags(b->regex));
  }
  return false;
}
