#include "base/base.h"

#include "memory/queue.h"

void kh_delivery_release(struct kh_delivery *delivery)
{
  kh_buf_release(&delivery->body);
  *delivery = (struct kh_delivery){0};
}
