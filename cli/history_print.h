/*
 * history_print.h - what `kitehook history` shows people, from its JSON (history_rows.h).
 */
#ifndef KH_HISTORY_PRINT_H
#define KH_HISTORY_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A line for each of BRANCHES; with WITH_PIPELINES, of whom. */
void kh_history_print_branches(const json_t *branches, bool with_pipelines, int64_t now_us);
/* What is so now, and a line for each build; with WITH_TOLD, what places answered to what they were told. */
void kh_history_print_builds(const json_t *branch, bool with_told, int64_t now_us);

#endif
