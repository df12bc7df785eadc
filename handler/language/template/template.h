/*
 * template.h - the text of a message: `{{pipeline.name}} {{build.branch | default "no branch" | truncate
 * 40}}`.
 *
 *   {{NAME | FILTER …}}                 a variable of a condition, or one that only messages have
 *                                       (KH_NAME_MESSAGE)
 *   {{"TEXT" | FILTER …}}               TEXT itself, so {{"{{"}} writes two braces; "…" or '…', \ before \
 *                                       and the quote
 *   {{#if CONDITION}} … {{else}} … {{/if}}
 *   default "TEXT"                      instead of nothing
 *   truncate N                          at most N characters; "…" is the last of a longer text
 *   duration                            first, of a number of seconds: "2h 5m 3s"
 *   time                                first, of a time: "2026-11-22 09:46 UTC"
 *   table NAME                          first: what a table (rules/tables.h) has for the value; nothing where
 *                                       it has none
 *   urlencode                           last: all but letters, digits and -._~ as %XX
 *
 * What stands between {{ and }} comes out as plain text on one line, escaped for where it goes; what stands
 * outside is the author's and goes out as it is. Numbers are decimal, booleans true and false, lists their
 * items with ", " between; null is empty. A line with nothing but an {{#if}}, {{else}} or {{/if}} leaves no
 * line behind. What a value adds to an http or https URL that has begun before it is percent-encoded
 * (base/url.h), unless urlencode did it. Addresses of persons are only what `table` looks
 * up, and a person's name or a repository's URL loses what it has of credentials. What a table has is the
 * author's text, as what stands outside.
 *
 * Limits: 16 KiB of source, 500 parts, 16 levels of {{#if}}, 1,000 characters a value.
 */
#ifndef KH_TEMPLATE_H
#define KH_TEMPLATE_H

#include "language/condition/condition.h"

#include <jansson.h>

enum {
  KH_TEMPLATE_MAX_BYTES = 16 * 1024,
  KH_TEMPLATE_PARTS_MAX = 500,
  KH_TEMPLATE_DEPTH_MAX = 16,
  KH_TEMPLATE_MISTAKES_MAX = 20, /* of one template; later ones are not told */
  KH_TEMPLATE_VALUE_CHARACTERS = 1000,
  KH_TEMPLATE_KEY_BYTES = 1000, /* that a table is asked for; a longer value has nothing there */
};

struct kh_template;

/* Who hears what is wrong with a template. Any function may be NULL. */
struct kh_template_reader {
  void *self;
  void (*mistake)(void *self, const struct kh_mistake *mistake);
  void (*advise)(void *self, size_t at, size_t len, const char *text);
  bool remembers;                                     /* as in kh_advice (condition.h) */
  void (*comment)(void *self, size_t at, size_t len); /* in the condition of an {{#if}} */
  const json_t *tables; /* an object of objects of texts, which outlives the template; or NULL */
  struct kh_str (*find)(const json_t *table, struct kh_str key); /* absent where there is nothing */
  bool with_uploads; /* what Buildkite's agent replaces at upload is a value, too (upload.h) */
};

/*
 * Reads and checks SOURCE, which is copied. READER hears of every mistake, places being bytes of SOURCE:
 * KH_ERR_CONFIG. KH_ERR_NO_MEMORY. *TEMPLATE is NULL unless KH_OK.
 */
enum kh_err kh_template_compile(struct kh_template **template, struct kh_str source,
                                const struct kh_template_reader *reader) KH_MUST_USE;
void kh_template_free(struct kh_template *template);

/* Tells every use of a variable; its place is that of the {{ before it. */
void kh_template_uses(const struct kh_template *template, const struct kh_uses *uses);

/* What a value may be besides plain text, where the format knows more than that. */
enum kh_template_sort {
  KH_SORT_TEXT,
  KH_SORT_PAGE,  /* of a build, a job or a pull request: no stranger wrote it */
  KH_SORT_TITLE, /* of a pipeline or step, where people write emoji codes */
  KH_SORT_OWN    /* out of a table: the author's, and never escaped */
};

/* How a message is written where it goes. */
struct kh_template_format {
  size_t max_characters; /* of the message, before escaping; "…" is the last of a longer one */
  /* Appends one harmless line of DIRTY, as kh_text_line in words/text.h does. */
  void (*line)(struct kh_str dirty, size_t max_characters, struct kh_buf *out);
  /* Appends VALUE, which came out of `line` or stands in the template as a text, escaped. NULL: as it is. */
  enum kh_err (*escape)(struct kh_buf *out, struct kh_str value, enum kh_template_sort sort);
};

/*
 * Appends the message to OUT, without white space at its ends; it may be empty. An {{#if}} that cannot be
 * decided goes the other way, and UNDECIDED, which may be NULL, says why; so does a table that is asked for
 * what is not kept in the journal, and has nothing. KH_ERR_NO_MEMORY; KH_ERR_LIMIT when
 * OUT is too small for what `escape` makes of max_characters. Not for two threads at once with the same
 * template.
 */
enum kh_err kh_template_render(const struct kh_template *template, const struct kh_names *names,
                               const struct kh_template_format *format, struct kh_buf *out,
                               struct kh_mistake *undecided) KH_MUST_USE;

#endif
