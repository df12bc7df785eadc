/*
 * diags.h - all the mistakes of a config file at once.
 */
#ifndef KH_DIAGS_H
#define KH_DIAGS_H

#include "base/base.h"

enum {
  KH_DIAGS_MAX = 100,     /* later ones are counted, not kept */
  KH_DIAGS_WARN_MAX = 50, /* so that warnings leave room for mistakes */
};

struct kh_diags {
  struct kh_diag *at; /* owned */
  size_t count;
  size_t room;
  size_t more;     /* how many did not fit */
  size_t warnings; /* entries of AT with err == KH_OK are warnings */
};

void kh_diags_release(struct kh_diags *diags);
/* False when another one would only be counted, or DIAGS is NULL: its place need not be found. */
bool kh_diags_have_room(const struct kh_diags *diags, enum kh_err err);
/* Adds one, unless DIAGS is NULL or has the same at the same place of a file. Returns ERR. */
enum kh_err kh_diags_add(struct kh_diags *diags, enum kh_err err, const char *file, unsigned line,
                         unsigned column, const char *format, ...) KH_PRINTF(6, 7);
/* By file, line and column; what stands at one place stays in the order found. */
void kh_diags_sort(struct kh_diags *diags);
/* The first error as one diag (all zero when there is none). */
struct kh_diag kh_diags_first(const struct kh_diags *diags);

#endif
