#include "base/base.h"

#include "memory/sqlite/schema.h"

#define TEXT_OF(number) TEXT_OF_WORD(number)
#define TEXT_OF_WORD(word) #word

const char kh_schema_look[] =
    "SELECT (SELECT user_version FROM pragma_user_version), count(*) FROM sqlite_schema";

const char kh_schema_shrinks[] = "PRAGMA auto_vacuum = INCREMENTAL;";

const char kh_schema_pragmas[] = "PRAGMA journal_mode = WAL;"
                                 "PRAGMA synchronous = FULL;"
                                 "PRAGMA secure_delete = ON;"
                                 "PRAGMA temp_store = MEMORY;"
                                 "PRAGMA trusted_schema = OFF;"
                                 "PRAGMA wal_autocheckpoint = 1000;"
                                 "PRAGMA journal_size_limit = 4194304;";

const char kh_schema_pragmas_hold[] =
    "SELECT 1 FROM pragma_journal_mode, pragma_secure_delete, pragma_synchronous"
    " WHERE journal_mode = 'wal' AND secure_delete = 1 AND synchronous = 2";

const char kh_schema_look_pragmas[] = "PRAGMA query_only = ON;"
                                      "PRAGMA temp_store = MEMORY;"
                                      "PRAGMA trusted_schema = OFF;";

/*
 * When a delivery last arrived there; 0 for never, as of the next two, from and until when it rests. Failures
 * are those since then.
 */
#define BY_DESTINATION                                                                                   \
  "CREATE INDEX deliveries_next ON deliveries (credential, place, not_before_us) WHERE dead_us IS NULL;" \
  "CREATE TABLE destinations ("                                                                          \
  "  credential TEXT NOT NULL, place TEXT NOT NULL, delivered_us INTEGER NOT NULL,"                      \
  "  held_until_us INTEGER NOT NULL DEFAULT 0, held_from_us INTEGER NOT NULL DEFAULT 0,"                 \
  "  failures INTEGER NOT NULL DEFAULT 0,"                                                               \
  "  PRIMARY KEY (credential, place)) STRICT, WITHOUT ROWID;"

/*
 * What each credential has in deliveries, as bounds.c adds it up: a trigger at each row cost as much as the
 * row. An index finds the oldest that are dead.
 */
#define SHARES                                                                                         \
  "CREATE INDEX deliveries_dead ON deliveries (credential, dead_us) WHERE dead_us IS NOT NULL;"        \
  "CREATE TABLE shares (credential TEXT PRIMARY KEY NOT NULL, owed INTEGER NOT NULL,"                  \
  " owed_bytes INTEGER NOT NULL, dead INTEGER NOT NULL, dead_bytes INTEGER NOT NULL) STRICT, WITHOUT " \
  "ROWID;" KH_SCHEMA_SHARES ";"

/*
 * A destination used to be one text. Of LIFX's a selector and a path followed the references, which may hold
 * blanks: it is split where only one place of it can be where the selector begins.
 */
#define SELECTORS                                                                                      \
  "(SELECT column1 AS word FROM (VALUES (' all'), (' id:'), (' label:'), (' group:'), (' group_id:')," \
  " (' location:'), (' location_id:'), (' scene_id:')))"
#define SELECTOR_AT                                                                                   \
  "(SELECT iif(sum((length(credential) - length(replace(credential, word, ''))) / length(word)) = 1," \
  " max(instr(credential, word)), 0) FROM " SELECTORS ")"
#define SPLIT(table)                                                      \
  "UPDATE " table " SET place = substr(credential, " SELECTOR_AT " + 1)," \
  " credential = substr(credential, 1, " SELECTOR_AT " - 1)"              \
  " WHERE credential GLOB 'lifx *' AND " SELECTOR_AT " > 0;"

/*
 * Which are done, whatever the journal still knows: the file of one may be left. An older memory gives as
 * many as an inbox usually holds at most (inbox.max_entries).
 */
#define ENTRIES \
  "CREATE TABLE entries (entry TEXT PRIMARY KEY NOT NULL, seen_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
#define ENTRIES_OF_JOURNAL                                         \
  ENTRIES "INSERT INTO entries SELECT entry, done_us FROM journal" \
          " ORDER BY seq DESC LIMIT 10000;"

/* What was proven, and what became of it, for people. Day 0 is all time, others count from 1970, UTC. */
#define COUNTS                                                                                         \
  "CREATE TABLE counts (day INTEGER PRIMARY KEY, accepted INTEGER NOT NULL, repeats INTEGER NOT NULL," \
  " delivered INTEGER NOT NULL, failed INTEGER NOT NULL, dead INTEGER NOT NULL) STRICT;"

/*
 * What came before (memory/history/past.h). The day, of the last webhook, is for pruning: an index that every
 * webhook changed would cost it a page more.
 */
#define HISTORY                                                                                           \
  "CREATE TABLE branches (seq INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, pipeline_id TEXT NOT NULL,"  \
  " organization TEXT NOT NULL, pipeline TEXT NOT NULL, branch TEXT NOT NULL, seen_us INTEGER NOT NULL,"  \
  " day INTEGER NOT NULL, builds BLOB NOT NULL) STRICT;"                                                  \
  "CREATE INDEX branches_day ON branches (day);"                                                          \
  "CREATE TABLE builds (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, branch_key BLOB NOT NULL,"      \
  " number INTEGER NOT NULL, seen_us INTEGER NOT NULL, day INTEGER NOT NULL, jobs BLOB NOT NULL) STRICT;" \
  "CREATE INDEX builds_day ON builds (day);"                                                              \
  "CREATE TABLE told (what BLOB PRIMARY KEY NOT NULL, seen_us INTEGER NOT NULL,"                          \
  " value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"                                                       \
  "CREATE INDEX told_seen ON told (seen_us);"

/*
 * What places answered, by which a later delivery goes on with what was made (queue.h): in the order of
 * `seq`, the oldest first.
 */
#define MESSAGES                                                                                         \
  "ALTER TABLE deliveries ADD COLUMN subject TEXT NOT NULL DEFAULT '';"                                  \
  "CREATE TABLE messages (seq INTEGER PRIMARY KEY, what BLOB NOT NULL UNIQUE, seen_us INTEGER NOT NULL," \
  " subject TEXT NOT NULL, rule TEXT NOT NULL, notifier TEXT NOT NULL, place TEXT NOT NULL,"             \
  " said TEXT NOT NULL) STRICT;"

/*
 * What came and what became of it. Where a row ends, if all lie on pages end to end, bounds.c adds up; what
 * is long comes last. No index: it would cost each webhook, and people wait a moment.
 *
 * No number comes twice, also where the last line was forgotten: people have noted it. Ended is what left
 * deliveries, by which number of reason.h; rule_lists, what was asked; seen, which events ever came.
 */
#define JOURNAL                                                                                           \
  "CREATE TABLE journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, end_bytes INTEGER NOT NULL,"              \
  " done_us INTEGER NOT NULL,"                                                                            \
  " received_us INTEGER NOT NULL, rule_list INTEGER NOT NULL, build_number INTEGER NOT NULL,"             \
  " deliveries INTEGER NOT NULL, sent_s INTEGER NOT NULL, bytes INTEGER NOT NULL, entry TEXT NOT NULL,"   \
  " request_id TEXT NOT NULL, event TEXT NOT NULL, organization TEXT NOT NULL, pipeline TEXT NOT NULL,"   \
  " branch TEXT NOT NULL, state TEXT NOT NULL, verdict TEXT NOT NULL, build_id TEXT NOT NULL,"            \
  " job TEXT NOT NULL, proof TEXT NOT NULL, secret TEXT NOT NULL, decisions BLOB NOT NULL,"               \
  " notes TEXT NOT NULL, kept BLOB NOT NULL) STRICT;"                                                     \
  "CREATE TABLE ended (webhook INTEGER NOT NULL, id TEXT NOT NULL, rule TEXT NOT NULL,"                   \
  " notifier TEXT NOT NULL, credential TEXT NOT NULL, place TEXT NOT NULL, reason INTEGER NOT NULL,"      \
  " detail TEXT NOT NULL, status INTEGER NOT NULL, answer TEXT NOT NULL, attempts INTEGER NOT NULL,"      \
  " tries TEXT NOT NULL, created_us INTEGER NOT NULL, ended_us INTEGER NOT NULL, bytes INTEGER NOT NULL," \
  " PRIMARY KEY (webhook, id)) STRICT, WITHOUT ROWID;"                                                    \
  "CREATE TABLE rule_lists (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, rules TEXT NOT NULL)"    \
  " STRICT;"                                                                                              \
  "CREATE TABLE seen (organization TEXT NOT NULL, event TEXT NOT NULL, first_us INTEGER NOT NULL,"        \
  " last_us INTEGER NOT NULL, PRIMARY KEY (organization, event)) STRICT, WITHOUT ROWID;"
/* A row of the older journal, about. */
#define OLDER_BYTES "300"
/* The last, behind the columns that there were: which line of the journal it is of, 0 for none. */
#define OF_WEBHOOKS                                                       \
  "ALTER TABLE deliveries ADD COLUMN webhook INTEGER NOT NULL DEFAULT 0;" \
  "ALTER TABLE deliveries ADD COLUMN tries TEXT NOT NULL DEFAULT '';"

const char *const kh_schema_create[KH_SCHEMA_TEXTS] = {
    "BEGIN IMMEDIATE;" ENTRIES
    "CREATE TABLE signatures (signature TEXT PRIMARY KEY NOT NULL, seen_us INTEGER NOT NULL)"
    "  STRICT, WITHOUT ROWID;"
    "CREATE INDEX signatures_seen ON signatures (seen_us);"
    "CREATE TABLE bodies (digest BLOB PRIMARY KEY NOT NULL, seen_us INTEGER NOT NULL)"
    "  STRICT, WITHOUT ROWID;"
    "CREATE INDEX bodies_seen ON bodies (seen_us);"
    "CREATE TABLE deliveries (" /* owed while dead_us is NULL; since_us: made, or last tried */
    "  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, rule TEXT NOT NULL, notifier TEXT NOT NULL,"
    "  credential TEXT NOT NULL, place TEXT NOT NULL, entry TEXT NOT NULL, event TEXT NOT NULL,"
    "  body BLOB NOT NULL, attempt INTEGER NOT NULL, not_before_us INTEGER NOT NULL,"
    "  expires_us INTEGER NOT NULL, created_us INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT '',"
    "  dead_us INTEGER, status INTEGER NOT NULL DEFAULT 0, answer TEXT NOT NULL DEFAULT '',"
    "  is_refused INTEGER NOT NULL DEFAULT 0, since_us INTEGER NOT NULL DEFAULT 0) STRICT;" BY_DESTINATION
    "CREATE TABLE config (seq INTEGER PRIMARY KEY CHECK (seq = 1), digest BLOB NOT NULL) STRICT;",
    COUNTS SHARES HISTORY,
    MESSAGES JOURNAL OF_WEBHOOKS "PRAGMA user_version = " TEXT_OF(KH_SCHEMA_VERSION) "; COMMIT;"};

const char *const kh_schema_steps[KH_SCHEMA_VERSION][KH_SCHEMA_TEXTS] = {
    [1] = {"BEGIN IMMEDIATE;"
           "ALTER TABLE deliveries ADD COLUMN status INTEGER NOT NULL DEFAULT 0;"
           "ALTER TABLE deliveries ADD COLUMN answer TEXT NOT NULL DEFAULT '';"
           "CREATE TABLE destinations ("
           "  destination TEXT PRIMARY KEY NOT NULL, delivered_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
           "PRAGMA user_version = 2;"
           "COMMIT;"},
    [2] = {"BEGIN IMMEDIATE;"
           "ALTER TABLE deliveries ADD COLUMN is_refused INTEGER NOT NULL DEFAULT 0;"
           "DROP INDEX deliveries_due;"
           "CREATE INDEX deliveries_next ON deliveries (destination, not_before_us) WHERE dead_us IS NULL;"
           "ALTER TABLE destinations ADD COLUMN held_until_us INTEGER NOT NULL DEFAULT 0;"
           "INSERT OR IGNORE INTO destinations (destination, delivered_us)"
           "  SELECT DISTINCT destination, 0 FROM deliveries;"
           "CREATE TABLE config (seq INTEGER PRIMARY KEY CHECK (seq = 1), digest BLOB NOT NULL) STRICT;"
           "PRAGMA user_version = 3;"
           "COMMIT;"},
    [3] = {"BEGIN IMMEDIATE;"
           "ALTER TABLE deliveries DROP COLUMN content_type;"
           "DROP INDEX deliveries_next;"
           "ALTER TABLE deliveries RENAME COLUMN destination TO credential;"
           "ALTER TABLE deliveries ADD COLUMN place TEXT NOT NULL DEFAULT '';"
           "ALTER TABLE deliveries ADD COLUMN since_us INTEGER NOT NULL DEFAULT 0;"
           "UPDATE deliveries SET since_us = created_us;"
           "ALTER TABLE destinations RENAME TO whole;" BY_DESTINATION
           "INSERT INTO destinations SELECT destination, '', delivered_us, held_until_us, 0,"
           "  held_until_us > 0 FROM whole;"
           "DROP TABLE whole;" SPLIT("deliveries") SPLIT("destinations") ENTRIES_OF_JOURNAL,
           COUNTS SHARES "PRAGMA user_version = 4; COMMIT;"},
    /* The first files of version 4 counted by triggers, which would count twice now. */
    [4] = {"BEGIN IMMEDIATE;"
           "DROP TRIGGER IF EXISTS deliveries_added;"
           "DROP TRIGGER IF EXISTS deliveries_removed;"
           "DROP TRIGGER IF EXISTS deliveries_changed;" HISTORY "PRAGMA user_version = 5; COMMIT;"},
    /* As many of the older journal as one holds where nobody says so. */
    [5] =
        {"BEGIN IMMEDIATE;"
         "ALTER TABLE journal RENAME TO older;" MESSAGES JOURNAL OF_WEBHOOKS,
         "INSERT INTO journal SELECT seq, " OLDER_BYTES " * row_number() OVER (ORDER BY seq), done_us,"
         " received_us, 0, build_number, deliveries, 0, 0, entry, request_id, event, organization, pipeline,"
         " branch, state, verdict, '', '', '', '', x'', '', x'' FROM older"
         " WHERE seq > (SELECT max(seq) FROM older) - 10000;"
         "UPDATE deliveries SET webhook = coalesce((SELECT seq FROM older WHERE older.entry ="
         " deliveries.entry), 0);"
         "DROP TABLE older;"
         "PRAGMA user_version = 6; COMMIT;"},
};
