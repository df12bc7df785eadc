/*
 * blocks.h - the pieces of a message for Slack; only this folder's files include it.
 *
 * Source: docs.slack.dev, reference/block-kit/blocks (rich text) and messaging/formatting-message-text.
 */
#ifndef KH_SLACK_BLOCKS_H
#define KH_SLACK_BLOCKS_H

#include "base/buf.h"
#include "language/template/template.h"

#include <jansson.h>

enum { KH_SLACK_BOLD = 1, KH_SLACK_ITALIC = 2, KH_SLACK_STRIKE = 4, KH_SLACK_CODE = 8 };
enum { KH_SLACK_TEXT_CHARACTERS = 3000, KH_SLACK_FALLBACK_BYTES = 4000 };

/*
 * One rich_text_section being written. Its texts are never parsed: no markup, no mention, no escaping to get
 * wrong.
 */
struct kh_slack_section {
  json_t *elements;
  bool failed;
};

/*
 * Adds {"type": TYPE, KEY: TEXT} and, where there are some, a url and styles. Slack refuses empty texts: none
 * is added.
 */
void kh_slack_add(struct kh_slack_section *section, const char *type, const char *key, struct kh_str text,
                  struct kh_str url, unsigned styles);
void kh_slack_add_text(struct kh_slack_section *section, struct kh_str text, unsigned styles);
/* As a link, unless URL is empty, or TEXT is nothing but blanks. True when it is one. */
bool kh_slack_add_words(struct kh_slack_section *section, struct kh_str text, struct kh_str url,
                        unsigned styles);

/*
 * The emoji code that begins at AT of TEXT, such as ":docker:" or ":wave::skin-tone-2:"; empty when none
 * does. It begins a word, or stands right behind another one, which ended at EMOJI_END.
 */
struct kh_str kh_slack_emoji(struct kh_str text, size_t at, size_t emoji_end);
void kh_slack_add_emoji(struct kh_slack_section *section, struct kh_str code);
/* Adds TITLE, the name of a pipeline or step: its emoji codes as emoji, the rest as a link or a text. */
void kh_slack_add_title(struct kh_slack_section *section, struct kh_str title, struct kh_str url,
                        unsigned styles);

/*
 * Appends TEXT for the one member that Slack parses, its three special characters escaped. False when it had
 * to be cut, to end with "…" within MAX_BYTES of OUT; MORE says that something will be added behind it.
 */
bool kh_slack_escape(struct kh_str text, size_t max_bytes, bool more, struct kh_buf *out);

/* For messages: values stand between marks, which nothing else can hold. */
extern const struct kh_template_format kh_slack_format;

/*
 * Adds a message made by kh_slack_format to SECTION, and the same without markup to FALLBACK. What the author
 * wrote may have *bold*, _italic_, ~strike~ and `code` on one line, <url|text>, bare URLs, <@U…>, <#C…>,
 * <!here>, <!channel>, <!everyone>, <!subteam^S…>, these also with a label, :emoji:, &amp;, &lt; and &gt;.
 * Values are text wherever they stand, but for pages of Buildkite's, which are links, and the emoji of
 * titles.
 */
enum kh_err kh_slack_markup(struct kh_str message, struct kh_slack_section *section, struct kh_buf *fallback);

#endif
