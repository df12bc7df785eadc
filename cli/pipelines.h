/*
 * pipelines.h - a pipeline or branch that memory does not have, and those that it has instead.
 */
#ifndef KH_PIPELINES_H
#define KH_PIPELINES_H

#include "cli.h"
#include "memory/sqlite/look.h"

#include <jansson.h>

/*
 * Complains that there is no PIPELINE, or none at all where that is NULL, with what was probably meant and
 * what there is. Returns what to exit with.
 */
int kh_cli_no_pipeline(const struct kh_command *self, struct kh_look *look, const char *pipeline);
/* The same of BRANCH, where PIPELINE has none of that name. */
int kh_cli_no_branch(const struct kh_command *self, struct kh_look *look, const char *pipeline,
                     const char *branch);

/* What was probably meant by PIPELINE, which memory does not have: a string, or null. */
json_t *kh_cli_nearest_pipeline(struct kh_look *look, const char *pipeline);

#endif
