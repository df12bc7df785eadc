/*
 * annotations.h - `output: {annotations: […]}` of a check: remarks at lines of files, as Buildkite has them.
 */
#ifndef KH_GITHUB_ANNOTATIONS_H
#define KH_GITHUB_ANNOTATIONS_H

#include "config/config.h"

/*
 * *MADE becomes {"annotations": […]}, owned by the caller, as GitHub takes them, where OUTPUT has some; else
 * it stays. All mistakes go to DIAGS; KH_ERR_CONFIG, KH_ERR_NO_MEMORY.
 */
enum kh_err kh_github_take_annotations(struct kh_config *config, const json_t *output, json_t **made,
                                       struct kh_diags *diags) KH_MUST_USE;

#endif
