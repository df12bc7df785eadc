/*
 * message_case.h - a rule with a `message:`, and what it makes of an event.
 */
#ifndef KH_TEST_MESSAGE_CASE_H
#define KH_TEST_MESSAGE_CASE_H

#include "support/rules.h"

#include <jansson.h>

/* HOOK, a URL; KEY, of a webhook; TOKEN, of lamps. */
extern const char *const kh_test_message_environment[];
/* A build.finished of build #7, failed, on main, with a message of two lines and some markup. */
extern const char kh_test_message_event[];

#define KH_TEST_MESSAGE_SLACK "- slack: {url: {env: HOOK}, message: "

/* The body that the one rule of NOTIFY makes of EVENT; the caller releases it. */
json_t *kh_test_message(const char *notify, const struct kh_event *event);
/* BEFORE, MESSAGE in quotes and a brace: an entry of `notify`, put together in OUT. */
const char *kh_test_message_entry(const char *before, const char *message, struct kh_buf *out);

#endif
