/*
 * message.h - `message:` of a rule: compiled when the config is read, rendered for each event.
 */
#ifndef KH_MESSAGE_H
#define KH_MESSAGE_H

#include "language/template/template.h"
#include "rules/notifier.h"

enum { KH_MESSAGE_CHARACTERS = 3000, KH_MESSAGE_BYTES = 64 * 1024 };

/*
 * Compiles NODE, a text, for events that MATCH takes. What Buildkite's agent replaces at upload becomes the
 * name it stands for (upload.h). NAME is how messages call it. All mistakes go to DIAGS; KH_ERR_CONFIG.
 */
enum kh_err kh_template_of(struct kh_config *config, json_t *node, const char *name,
                           const struct kh_match *match, struct kh_template **made,
                           struct kh_diags *diags) KH_MUST_USE;
/* Appends to OUT what TEMPLATE comes to; rendering->undecided says what could not be decided. */
enum kh_err kh_template_say(const struct kh_template *template, const char *name,
                            struct kh_rendering *rendering, const struct kh_template_format *format,
                            struct kh_buf *out) KH_MUST_USE;

/* Nothing but blanks, or what YAML has for nothing and for yes and no: nobody means that as a text. */
bool kh_message_is_none(const char *text);

/*
 * For configure functions: reads OPTIONS' member `message` into RULE, if there is one. All its mistakes go to
 * DIAGS.
 */
enum kh_err kh_message_compile(struct kh_config *config, const json_t *options, struct kh_rule *rule,
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
