/*
 * answer.h - what LIFX says of the lamps that it was asked to change.
 *
 * Source: api.developer.lifx.com, "Errors and Warnings" and "Rate Limits".
 */
#ifndef KH_LIFX_ANSWER_H
#define KH_LIFX_ANSWER_H

#include "rules/notifier.h"

/*
 * The judge of the lifx notifier. A lamp that did not follow is told; only where none did is it tried again,
 * for an effect that is repeated starts over on those that did.
 */
void kh_lifx_judge(const struct kh_incoming *answer, int64_t now_us, struct kh_verdict *verdict);

#endif
