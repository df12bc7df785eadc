/*
 * schema.h - the tables of memory.sqlite and every statement run on them; the words are in schema.c.
 *
 * Times are microseconds since 1970 UTC. Nothing is stored that could be used as a credential. A change to
 * the tables raises KH_SCHEMA_VERSION (PRAGMA user_version) and brings the step from the version before.
 */
#ifndef KH_SCHEMA_H
#define KH_SCHEMA_H

#define KH_SCHEMA_VERSION 6
enum { KH_DESTINATION_AGE_S = 30 * 24 * 3600 };
#define KH_DAY_US INT64_C(86400000000)
enum { KH_ENTRY_AGE_S = 2 * 24 * 3600 }; /* a claim of an entry, since the worker last met it */

/* One row: the version of the schema, and how many tables and indexes there are. */
extern const char kh_schema_look[];
/* Run before anything else on a file that is empty yet, and before an older one is written anew. */
extern const char kh_schema_shrinks[];
/* Run on every open. */
extern const char kh_schema_pragmas[];
/* A row if the pragmas hold without which a promise would be broken. */
extern const char kh_schema_pragmas_hold[];
/* One transaction in up to so many texts, NULL for none. */
enum { KH_SCHEMA_TEXTS = 3 };
extern const char *const kh_schema_create[KH_SCHEMA_TEXTS];
/* From each version to the next: kh_schema_steps[1] makes 2 of 1. */
extern const char *const kh_schema_steps[KH_SCHEMA_VERSION][KH_SCHEMA_TEXTS];
/* Run where nothing may be changed, instead of kh_schema_pragmas. */
extern const char kh_schema_look_pragmas[];

enum kh_statement {
  KH_SQL_BEGIN,
  KH_SQL_COMMIT,
  KH_SQL_ROLLBACK,

  /* for both: what came before */
  KH_SQL_BRANCH,
  KH_SQL_BUILD,
  KH_SQL_TOLD,
  /* for both: what is owed for a webhook, whose line is written first */
  KH_SQL_JOURNAL_END,
  KH_SQL_JOURNAL,
  KH_SQL_RULE_LIST,
  KH_SQL_RULE_LIST_NEW,
  KH_SQL_OWE_TO,
  KH_SQL_OWE,
  KH_SQL_TELL,

  /* for people (look.h) */
  KH_SQL_LIST,
  KH_SQL_CAN_SHRINK,
  KH_SQL_SHOW,
  KH_SQL_BRANCHES,
  KH_SQL_BUILDS,
  KH_SQL_DESTINATIONS,
  KH_SQL_COUNTS,
  KH_SQL_MESSAGES,
  KH_SQL_PIPELINES,
  KH_SQL_FORGET_LINES_OF_PIPELINE,
  KH_SQL_FORGET_BUILDS_OF_PIPELINE,
  KH_SQL_FORGET_PIPELINE,
  KH_SQL_FORGET_LINES_OF_PERSON,
  KH_SQL_FORGET_BUILDS_OF_PERSON,
  KH_SQL_FORGET_BRANCHES_OF_PERSON,
  KH_SQL_FATES_OF_PERSON,
  KH_SQL_FORGET_DEAD_OF_PERSON,
  KH_SQL_FORGET_ANSWERS_OF_PERSON,
  KH_SQL_FORGET_WHAT_WAS_TOLD,
  KH_SQL_FORGET_MESSAGES_OF_NONE,
  KH_SQL_FORGET_MESSAGES_OF_PERSON,
  KH_SQL_OWED_OF_PERSON,
  KH_SQL_NEXT_BUILD_OF_PERSON,
  KH_SQL_FORGET_NAMES,
  KH_SQL_WRITE_ANEW,
  KH_SQL_RELEASE,
  KH_SQL_REDRIVE,
  KH_SQL_FATES_OF_DROPPED,
  KH_SQL_DROP,
  KH_SQL_WEBHOOKS,
  KH_SQL_WEBHOOKS_BACK,
  KH_SQL_RULES_OF,
  KH_SQL_FATES,
  KH_SQL_EVENTS_SEEN,
  KH_SQL_SPAN,
  KH_SQL_FORGET_FATES,
  KH_SQL_FORGET_WEBHOOKS,
  KH_SQL_FORGET_SHARES,
  KH_SQL_COUNT_SHARES,

  /* for the worker */
  KH_SQL_ENTRY_SEEN,
  KH_SQL_SIGNATURE_SEEN,
  KH_SQL_BODY_SEEN,
  KH_SQL_ENTRY,
  KH_SQL_SIGNATURE,
  KH_SQL_BODY,
  KH_SQL_FATES_OF_KNOWN,
  KH_SQL_FATE_OF_DEAD,
  KH_SQL_FORGET_DEAD,
  KH_SQL_FATES_OF_REPLACED,
  KH_SQL_REPLACE,
  KH_SQL_JOURNAL_OLD,
  KH_SQL_PRUNE_JOURNAL,
  KH_SQL_PRUNE_ENDED,
  KH_SQL_FATES_BYTES,
  KH_SQL_CHANGED_BY_OTHERS,
  KH_SQL_PRUNE_RULE_LISTS,
  KH_SQL_SEE_EVENT,
  KH_SQL_PRUNE_ENTRIES,
  KH_SQL_PRUNE_SIGNATURES,
  KH_SQL_PRUNE_BODIES,
  KH_SQL_FIRSTS, /* of each destination */
  KH_SQL_TAKE,
  KH_SQL_COUNT,
  KH_SQL_SUCCESS,
  KH_SQL_REST,
  KH_SQL_REST_BY_NAME,
  KH_SQL_REST_CREDENTIAL,
  KH_SQL_FIND,
  KH_SQL_FATE_OF_DONE,
  KH_SQL_DONE,
  KH_SQL_RETRY,
  KH_SQL_BURY,
  KH_SQL_FREE,
  KH_SQL_SHRINK,
  KH_SQL_SHARE,
  KH_SQL_OVER,
  KH_SQL_ALL,
  KH_SQL_MOST_DEAD,
  KH_SQL_FULLEST,
  KH_SQL_OVERFLOW,
  KH_SQL_FATES_OF_FORGOTTEN,
  KH_SQL_FORGET,
  KH_SQL_FATES_OF_OLD,
  KH_SQL_FORGET_OLD,
  KH_SQL_CONFIG,
  KH_SQL_CONFIG_REFUSED,
  KH_SQL_CONFIG_RESTS,
  KH_SQL_MEND_WAITS,
  KH_SQL_MEND_RESTS,
  KH_SQL_MOVE_DELIVERIES,
  KH_SQL_MOVE_DESTINATIONS,
  KH_SQL_MOVE_SIGNATURES,
  KH_SQL_MOVE_BODIES,
  KH_SQL_PRUNE_DESTINATIONS,
  KH_SQL_COUNT_DAY,
  KH_SQL_PRUNE_DAYS,
  KH_SQL_BRANCH_NEW,
  KH_SQL_BRANCH_DAY,
  KH_SQL_BRANCH_KEEP,
  KH_SQL_BUILD_NEW,
  KH_SQL_BUILD_DAY,
  KH_SQL_BUILD_KEEP,
  KH_SQL_MESSAGE,
  KH_SQL_MESSAGE_KEEP,
  KH_SQL_PRUNE_BRANCHES,
  KH_SQL_PRUNE_BUILDS,
  KH_SQL_PRUNE_TOLD,
  KH_SQL_PRUNE_MESSAGES,
  KH_SQL_MOVE_BRANCHES,
  KH_SQL_MOVE_BUILDS,
  KH_SQL_MOVE_TOLD,
  KH_SQL_MOVE_MESSAGES,
  KH_SQL__COUNT
};

extern const char *const kh_sql[KH_SQL__COUNT];

#endif
