/*
 * journal.h - one line of the journal, and what is owed for it, written into a database. Private to
 * memory/sqlite.
 */
#ifndef KH_SQLITE_JOURNAL_H
#define KH_SQLITE_JOURNAL_H

#include "memory/memory.h"
#include "memory/queue.h"
#include "memory/sqlite/db.h"

/*
 * The number of the last line, also where it is gone, and where the last one that is there ends, all of them
 * laid end to end. Zeros where there was none.
 */
struct kh_journal_end {
  int64_t seq, bytes;
};

enum kh_err kh_db_journal_end(struct kh_db *db, struct kh_journal_end *end) KH_MUST_USE;
/* The number of RULES, which are written where they are new. */
enum kh_err kh_db_rule_list(struct kh_db *db, const struct kh_rule_list *rules, int64_t *id) KH_MUST_USE;
/* Behind END, which becomes its own. */
enum kh_err kh_db_write_journal(struct kh_db *db, const struct kh_journal *journal, int64_t rule_list,
                                struct kh_journal_end *end) KH_MUST_USE;

/* To be run: DELIVERY becomes owed for the line WEBHOOK, 0 for none, unless its id is known. */
struct kh_call kh_db_owe(struct kh_db *db, const struct kh_delivery *delivery, int64_t webhook);

#endif
