/*
 * explain_memory.h - what came before the webhook that `kitehook explain` is asked about, as the worker of
 * the configuration would know it if it came now. Nothing is changed, and the worker is not held up.
 */
#ifndef KH_EXPLAIN_MEMORY_H
#define KH_EXPLAIN_MEMORY_H

#include "dry_run.h"
#include "memory/sqlite/look.h"
#include "rules/notifier.h"

#include <jansson.h>

struct kh_explain_memory {
  struct kh_facts facts; /* for a rendering */
  struct kh_look *look;  /* owned; NULL where there is none to be had */
  struct kh_past past;
  struct kh_sighting sighting;
  int64_t now_us;
  bool is_remembered;
  struct kh_diag problem; /* why there is none */
};

/* CONFIG and RUN are borrowed. The caller releases; MEMORY must not move meanwhile. */
void kh_explain_memory_open(struct kh_explain_memory *memory, const struct kh_config *config,
                            const struct kh_dry_run *run);
void kh_explain_memory_release(struct kh_explain_memory *memory);

/* RULE matches EVENT: has it, if it speaks of such once per build, spoken of this one already? */
bool kh_explain_said_already(struct kh_explain_memory *memory, const struct kh_rule *rule,
                             const struct kh_event *event);
/* An array of sentences: why names of history that RULES, or only the one of that name, use are null. */
json_t *kh_explain_memory_why(const struct kh_explain_memory *memory, const struct kh_rules *rules,
                              const char *only);

#endif
