/*
 * message.h - `message:` of a rule: compiled when the config is read, rendered for each event.
 */
#ifndef KH_MESSAGE_H
#define KH_MESSAGE_H

#include "language/template/template.h"
#include "rules/notifier.h"

enum { KH_MESSAGE_CHARACTERS = 3000, KH_MESSAGE_BYTES = 64 * 1024 };

/*
 * For configure functions: reads OPTIONS' member `message` into RULE, if there is one. All its mistakes go to
 * DIAGS.
 */
enum kh_err kh_message_compile(const struct kh_config *config, const json_t *options, struct kh_rule *rule,
                               struct kh_diags *diags) KH_MUST_USE;

/* For what needs no escaping, since a library writes it as JSON. */
extern const struct kh_template_format kh_message_plain;

/*
 * For render functions: appends RULE's message to OUT, which holds KH_MESSAGE_BYTES. Nothing comes out of a
 * rule without one, and some messages are empty for some events: then the notifier's own words stand.
 */
enum kh_err kh_message_render(const struct kh_rule *rule, struct kh_rendering *rendering,
                              const struct kh_template_format *format, struct kh_buf *out) KH_MUST_USE;

#endif
