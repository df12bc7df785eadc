#include "base/base.h"

#include "rules/verdict.h"

void kh_verdict_doubt_page(const struct kh_incoming *answer, struct kh_verdict *verdict)
{
  struct kh_str body = kh_buf_view(&answer->body);

  while (body.len > 0 && (unsigned char)body.at[0] <= ' ')
    body = kh_str(body.at + 1, body.len - 1);
  if (verdict->err != KH_OK || !kh_str_starts(body, KH_STR("<")))
    return;
  verdict->err = KH_ERR_DELIVERY_FAILED;
  verdict->retry_after_s = answer->retry_after_s;
  (void)snprintf(verdict->note, sizeof verdict->note, "with a page, which something on the way said");
}
