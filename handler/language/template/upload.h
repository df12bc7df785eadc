/*
 * upload.h - `${BUILDKITE_BRANCH}` in a text that was written for a pipeline.
 *
 * Buildkite's agent replaces `$NAME` and `${NAME}` while it uploads a pipeline, and so does not here. Those
 * that a webhook knows, too, stand for a name; `$$NAME` and `\$NAME` write `$NAME` itself. Without braces
 * only names in capitals count: "$5" and "$foo" are texts.
 *
 * Source: github.com/buildkite/interpolate, README: `${A:-text}`, `${A-text}`, `${A:?text}`, `${A?text}`,
 * `${A:7}`, `${A:0:7}`.
 */
#ifndef KH_UPLOAD_H
#define KH_UPLOAD_H

#include "language/names/names.h"

struct kh_upload {
  size_t at, len;        /* all of it, from its $; of an escape from the first of its two characters */
  bool is_escape;        /* `$$NAME`: without its first character it is the text itself */
  bool is_odd;           /* none of the forms above */
  struct kh_str name;    /* "BUILDKITE_BRANCH" */
  struct kh_str instead; /* of nothing; or empty */
  size_t from, count;    /* of the value's characters; SIZE_MAX for all */
};

/* The first one in TEXT, from byte FROM on. False when there is none. */
bool kh_upload_next(struct kh_str text, size_t from, struct kh_upload *found);
/* Is there one that is no escape? */
bool kh_upload_has_variable(struct kh_str text);
/* What NAME stands for; NULL where no webhook tells, and then *HINT is what to write instead, or NULL. */
const struct kh_name_info *kh_upload_name(struct kh_str name, const char **hint);

#endif
