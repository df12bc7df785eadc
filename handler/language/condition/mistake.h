/*
 * mistake.h - what is wrong with a condition, and where.
 *
 * The first four kinds are those of Buildkite's own library (github.com/buildkite/conditional, errors.go). A
 * mistake is the caller's, fixed size, optional (NULL); the first one wins. Texts never hold a value from the
 * webhook or its environment.
 */
#ifndef KH_MISTAKE_H
#define KH_MISTAKE_H

#include "base/buf.h"

enum kh_mistake_kind {
  KH_MISTAKE_NONE,
  KH_MISTAKE_PARSE,
  KH_MISTAKE_VALIDATION,
  KH_MISTAKE_RESULT,
  KH_MISTAKE_EVALUATION,
  KH_MISTAKE_NOT_KEPT /* the webhook is out of the journal, which does not have what is asked for */
};

/* For KH_MISTAKE_NOT_KEPT: what is asked for. */
#define KH_NOT_KEPT_FORMAT "%s is not kept in the journal"

struct kh_mistake {
  enum kh_mistake_kind kind; /* NONE while nothing was said */
  size_t at;                 /* first byte of the place in the source */
  size_t len;                /* bytes; 0 for a place between two */
  char text[256];
  char hint[96]; /* what was probably meant, ready to be typed; "" when nothing is near */
};

/* Nothing was said yet. Costs less than zeros would: one is made for each rule and webhook. */
static inline void kh_mistake_init(struct kh_mistake *mistake)
{
  mistake->kind = KH_MISTAKE_NONE;
  mistake->at = mistake->len = 0;
  mistake->text[0] = mistake->hint[0] = '\0';
}
/*
 * Fills MISTAKE unless it is NULL or already speaks. Always false, so that `return kh_mistake_set(...)` reads
 * well.
 */
bool kh_mistake_set(struct kh_mistake *mistake, enum kh_mistake_kind kind, size_t at, size_t len,
                    const char *format, ...) KH_PRINTF(5, 6);
/* Adds what was probably meant; NULL is fine. */
void kh_mistake_hint(struct kh_mistake *mistake, const char *hint);
/* "parse", "validation", "result", "evaluation", "not_kept"; "none". */
const char *kh_mistake_kind_name(enum kh_mistake_kind kind);
/* The line of SOURCE that the mistake is in, and a second line with carets below its place. */
void kh_mistake_caret(const struct kh_mistake *mistake, struct kh_str source, struct kh_buf *out);

#endif
