/*
 * rendered.h - an event through each notifier, and what must hold of what comes out, whatever was in the
 * payload.
 */
#ifndef KH_TEST_RENDERED_H
#define KH_TEST_RENDERED_H

#include "notify/notifiers.h"

/* How many kh_notifiers are. */
#define KH_TEST_ONE(name) +1
enum { KH_TEST_NOTIFIERS = 0 KH_NOTIFIERS(KH_TEST_ONE) };

/*
 * "- NAME: {…}" with what NOTIFIER's table of options requires, and KEYS, further lines of the entry or "",
 * as a rule; each secret is "planted…", and a URL ends so. Lives as long as the process.
 */
const struct kh_rule *kh_test_rule_of(const struct kh_notifier *notifier, const char *keys);

/*
 * Renders EVENT into BODY, which the caller releases, by kh_test_rule_of. Ends the test when that fails, when
 * the result is no JSON or has a text with a control character or a mark of direction, when the check for
 * NOTIFIER, if there is one, objects, or when "planted" is in it, as in every secret of the tests' payloads
 * and rules.
 */
void kh_test_render(const char *why, const struct kh_notifier *notifier, const struct kh_event *event,
                    struct kh_buf *body);
/* The same from a RENDERING, which may have a history. */
void kh_test_render_from(const char *why, const struct kh_notifier *notifier, struct kh_rendering *rendering,
                         struct kh_buf *body);
/* The same with every notifier; only the checks count. */
void kh_test_render_all(const char *why, const struct kh_event *event);

#endif
