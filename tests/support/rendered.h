/*
 * rendered.h - an event through each notifier, and what must hold of what comes out, whatever was in the
 * payload.
 */
#ifndef KH_TEST_RENDERED_H
#define KH_TEST_RENDERED_H

#include "notify/notifiers.h"

/* A rule for NOTIFIER as a bare configuration makes it, without URL and secret. */
void kh_test_rule_open(struct kh_rule *rule, const struct kh_notifier *notifier);
void kh_test_rule_close(struct kh_rule *rule);

/*
 * Renders EVENT into BODY, which the caller releases. Ends the test when that fails, when the check for
 * NOTIFIER objects, or when the result holds "planted", as every secret of the tests' payloads does.
 */
void kh_test_render(const char *why, const struct kh_notifier *notifier, const struct kh_event *event,
                    struct kh_buf *body);
/* The same with every notifier; only the checks count. */
void kh_test_render_all(const char *why, const struct kh_event *event);

#endif
