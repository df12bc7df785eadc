/*
 * journal_rows.h - what the journal has, as JSON; docs/why.md describes it.
 */
#ifndef KH_JOURNAL_ROWS_H
#define KH_JOURNAL_ROWS_H

#include "memory/sqlite/look.h"

#include <jansson.h>

/* {"id", "entry", …}: a webhook without what rules made of it. */
json_t *kh_journal_webhook_json(const struct kh_look_webhook *webhook);
/* {"not_event": 2, …}: what its rules came to, and how many of them; null where none was asked. */
json_t *kh_journal_reasons_json(const struct kh_look_webhook *webhook);
/* {"webhooks", "since", "until"}: what the journal covers. */
json_t *kh_journal_span_json(const struct kh_look_span *span);

/*
 * Into OBJECT what the journal has of a webhook's rules, "rules", each with its "digest", and of its
 * deliveries, "deliveries". KH_ERR_STORE.
 */
enum kh_err kh_journal_add_rules(struct kh_look *look, const struct kh_look_webhook *webhook, int64_t now_us,
                                 json_t *object, struct kh_diag *diag) KH_MUST_USE;

#endif
