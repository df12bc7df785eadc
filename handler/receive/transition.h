/*
 * transition.h - what an event tells of, the same whether a webhook or EventBridge tells it.
 *
 * Where both come in, one of the two is to be notified. The two have the thing's id in common, what became of
 * it, and when, to the second. Not the state, but of what has ended: a webhook may be newer than its event.
 */
#ifndef KH_TRANSITION_H
#define KH_TRANSITION_H

#include "receive/event.h"

/*
 * A hash of it, and of whether EventBridge tells it (IS_PARTNER). False, without one, for what may come again
 * as it was, for what names no thing, and without memory for it.
 */
bool kh_transition(const struct kh_event *event, bool is_partner, unsigned char digest[KH_DIGEST_BYTES]);

#endif
