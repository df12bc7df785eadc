#include "base/base.h"

#include "memory/reason.h"
#include "memory/sqlite/schema.h"
#include "memory/sqlite/statements.h"

#define DAY_US "86400000000"

/* What died for want of room while it was under way may arrive all the same. */
#define IS_OWED "(dead_us IS NULL OR reason GLOB 'outbox_full*')"

/* And not under way. */
#define IS_FREE "n.dead_us IS NULL AND instr(?1, ' ' || n.id || ' ') = 0"

/* What bounds.c adds up of each row that was changed. */
#define SHARED " RETURNING credential, length(body)"

/* The last answer that came stays, also when the last attempt got none. */
#define KEEP_ANSWER "status = iif(?5 = 0, status, ?5), answer = iif(?5 = 0, answer, ?6)"

/* What a person asks for. ?1 is the time; an empty text or, of the last, 0 asks for nothing. */
#define STATE_NOW \
  "CASE WHEN dead_us IS NOT NULL THEN 'dead' WHEN not_before_us <= ?1 THEN 'due' ELSE 'waiting' END"
#define OF_WEBHOOK(column) "(SELECT " column " FROM journal WHERE journal.seq = deliveries.webhook)"
/* A person's address as people see it: "j…@example.com". */
#define MASKED "credential || ' ' || substr(place, 1, 1) || '…' || substr(place, instr(place, '@'))"
#define ASKED_FOR                                                                                  \
  " WHERE (?2 = '' OR id = ?2) AND (?3 = '' OR " STATE_NOW " = ?3) AND (?4 = '' OR notifier = ?4)" \
  " AND (?5 = '' OR credential = ?5 OR credential || iif(place = '', '', ' ' || place) = ?5"       \
  " OR " MASKED " = ?5) AND (?6 = '' "                                                             \
  "OR event = ?6) AND (?7 = 0 OR created_us <= ?7)"

/* Of what leaves deliveries, by REASON and at WHEN, before it does: those for which WHICH holds. */
_Static_assert(KH_REASON_DELIVERED == 40 && KH_REASON_REPLACED == 49 && KH_REASON_DROPPED == 50 &&
                   KH_REASON_FORGOTTEN == 51 && KH_REASON_OWED_ANEW == 52 && KH_REASON_OWED_BEFORE == 53,
               "the numbers of fates");
#define SHOWN_OF(place)                                                                             \
  "iif(instr(" place ", '@') > 1, substr(" place ", 1, 1) || '…' || substr(" place ", instr(" place \
  ", '@')), " place ")"
#define SHOWN_PLACE SHOWN_OF("place")
/* Measured by dbstat: what a row has beside its texts, whose pages are not quite full. */
#define FATE_BYTES                                                                               \
  "(90 + (length(rule) + length(notifier) + length(credential) + length(place) + length(reason)" \
  " + length(answer) + length(tries)) * 9 / 8)"
#define FATE_FROM(webhook, reason, detail, status, answer, when)                                        \
  "INSERT OR REPLACE INTO ended SELECT " webhook ", id, rule, notifier, credential, " SHOWN_PLACE       \
  ", " reason ", " detail ", " status ", " answer ", attempt, tries, created_us, " when ", " FATE_BYTES \
  " FROM deliveries WHERE " webhook " >= (SELECT min(journal.seq) FROM journal) AND "
#define FATES(reason, when, which) \
  FATE_FROM("webhook", reason, "reason", "status", "answer", when) which " RETURNING bytes"
#define IS_REPLACED "credential = ?1 AND place = ?2 AND entry <> ?3 AND dead_us IS NULL"
#define IS_FORGOTTEN                                                                 \
  "seq IN (SELECT seq FROM deliveries WHERE credential = ?1 AND dead_us IS NOT NULL" \
  " ORDER BY dead_us, seq LIMIT ?2)"
#define IS_OLD "dead_us IS NOT NULL AND dead_us < ?1"
#define IS_DEAD_OF_PERSON "dead_us IS NOT NULL AND (" HAS_EITHER("body") " OR " HAS_EITHER("answer") ")"

/* What is owed or dead, by a number of reason.h. ?3 is the time. */
_Static_assert(KH_REASON_DUE == 41 && KH_REASON_WAITING == 42 && KH_REASON_RESTING == 43 &&
                   KH_REASON_REFUSED == 44 && KH_REASON_RULE_CHANGED == 45 && KH_REASON_DEAD == 46 &&
                   KH_REASON_EXPIRED == 47 && KH_REASON_OUTBOX_FULL == 48 && KH_REASON_UNDER_WAY == 54,
               "the numbers of what is owed or dead");
#define REASON_NOW                                                        \
  "CASE WHEN reason GLOB 'notifier_gone*' THEN 45"                        \
  " WHEN dead_us IS NOT NULL AND reason GLOB 'outbox_full*' THEN 48"      \
  " WHEN dead_us IS NOT NULL AND reason GLOB 'delivery_expired*' THEN 47" \
  " WHEN dead_us IS NOT NULL THEN 46"                                     \
  " WHEN is_refused AND not_before_us > ?3 THEN 44"                       \
  " WHEN not_before_us > ?3 AND reason = '' AND attempt > 0 THEN 54"      \
  " WHEN not_before_us > ?3 THEN 42 WHEN held_until_us > ?3 THEN 43 ELSE 41 END"

/* The last twenty attempts that failed. */
#define TRIES                                                              \
  "tries = iif(?9, tries, iif(tries = '', '',"                             \
  " iif(length(tries) - length(replace(tries, char(10), '')) < 19, tries," \
  " substr(tries, instr(tries, char(10)) + 1)) || char(10))"               \
  " || ?8 || ' ' || ?5 || ' ' || replace(?4, char(10), ' '))"

/* What a person asks for of the journal, between two numbers. */
#define WEBHOOKS                                                                                      \
  "SELECT seq, build_number, received_us, done_us, sent_s, bytes, deliveries, rule_list, entry,"      \
  " request_id, event, organization, pipeline, branch, state, build_id, job, verdict, proof, secret," \
  " decisions, notes, kept FROM journal WHERE seq > ?1 AND seq < ?2 AND received_us >= ?3"            \
  " AND (?4 = 0 OR build_number = ?4) AND (?5 = '' OR request_id = ?5 OR entry = ?5)"                 \
  " AND (?6 = '' OR event = ?6) AND (?7 = '' OR branch = ?7)"                                         \
  " AND (?8 = '' OR pipeline = ?8 OR organization || '/' || pipeline = ?8)"                           \
  " AND (?9 = '' OR verdict = ?9) AND (length(?10) = 0 OR instr(decisions, ?10) > 0)"

/* Of branches: what a person may call a pipeline. */
#define IS_PIPELINE "(pipeline_id = ?1 OR pipeline = ?1 OR organization || '/' || pipeline = ?1)"

/* ?1, or as JSON may have it ?2, in any case of ASCII's letters. */
#define HAS(column) "instr(lower(CAST(" column " AS TEXT)), lower(?1)) > 0"
#define HAS_EITHER(column) "(" HAS(column) " OR instr(lower(CAST(" column " AS TEXT)), lower(?2)) > 0)"

/* What then lies ahead of the new time was seen now. */
#define MOVED_SEEN "min(seen_us + iif(seen_us < ?3, ?4, ?1), ?2 + ?1)"
#define MOVE_SEEN "seen_us = " MOVED_SEEN " WHERE seen_us <= ?2"

#define MOVE_DAY "seen_us = " MOVED_SEEN ", day = " MOVED_SEEN " / " DAY_US " WHERE seen_us <= ?2"

/*
 * A window is looked at in both directions, so that a clock that was once wrong does not make everything a
 * repeat. It starts with the first sight and starts anew only once it has run out. Pruning takes at most 512
 * rows a batch from the old end.
 */
const char *const kh_sql[KH_SQL__COUNT] = {
    [KH_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [KH_SQL_COMMIT] = "COMMIT",
    [KH_SQL_ROLLBACK] = "ROLLBACK",
    [KH_SQL_BRANCH] = "SELECT seq, seen_us, builds FROM branches WHERE key = ?1 AND seen_us >= ?2",
    [KH_SQL_BUILD] = "SELECT seq, seen_us, jobs FROM builds WHERE id = ?1 AND seen_us >= ?2",
    [KH_SQL_TOLD] = "SELECT value FROM told WHERE what = ?1 AND seen_us >= ?2",
    [KH_SQL_JOURNAL_END] = "SELECT seq, (SELECT end_bytes FROM journal ORDER BY journal.seq DESC LIMIT 1)"
                           " FROM sqlite_sequence WHERE name = 'journal'",
    [KH_SQL_JOURNAL] =
        "INSERT INTO journal (seq, end_bytes, done_us, received_us, rule_list, build_number, deliveries,"
        " sent_s, bytes, entry, request_id, event, organization, pipeline, branch, state, verdict, build_id,"
        " job, proof, secret, decisions, notes, kept) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
        " ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)",
    [KH_SQL_RULE_LIST] = "SELECT id FROM rule_lists WHERE digest = ?1",
    [KH_SQL_RULE_LIST_NEW] = "INSERT INTO rule_lists (digest, rules) VALUES (?1, ?2) RETURNING id",
    [KH_SQL_OWE_TO] =
        "INSERT OR IGNORE INTO destinations (credential, place, delivered_us) VALUES (?1, ?2, 0)",
    [KH_SQL_OWE] =
        "INSERT INTO deliveries (id, rule, notifier, credential, place, entry, event, body, attempt,"
        " not_before_us, expires_us, created_us, since_us, webhook, subject)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12, ?13, ?14)"
        " ON CONFLICT (id) DO NOTHING",
    [KH_SQL_TELL] = "INSERT OR REPLACE INTO told (what, seen_us, value) VALUES (?1, ?2, ?3)",
    [KH_SQL_LIST] = "SELECT id, rule, notifier, credential, place, entry, event, reason, answer,"
                    " " STATE_NOW ", length(body), attempt, status, created_us, not_before_us,"
                    " expires_us, dead_us, " OF_WEBHOOK("pipeline") ", " OF_WEBHOOK(
                        "build_number") " FROM deliveries" ASKED_FOR " ORDER BY seq",
    [KH_SQL_CAN_SHRINK] = "SELECT auto_vacuum FROM pragma_auto_vacuum",
    [KH_SQL_BRANCHES] =
        "SELECT key, pipeline_id, organization, pipeline, branch, seen_us, builds FROM branches"
        " WHERE (?1 = '' OR " IS_PIPELINE ") AND (?2 = '' OR branch = ?2) ORDER BY seen_us DESC, seq DESC",
    [KH_SQL_BUILDS] = "SELECT branch_key, id, number, seen_us, jobs FROM builds WHERE (?1 = '' AND ?2 = '') "
                      "OR branch_key IN"
                      " (SELECT key FROM branches WHERE (?1 = '' OR " IS_PIPELINE
                      ") AND (?2 = '' OR branch = ?2))"
                      " ORDER BY seen_us, seq",
    [KH_SQL_PIPELINES] = "SELECT organization, pipeline, pipeline_id, count(*) FROM branches"
                         " GROUP BY organization, pipeline, pipeline_id",
    /* The journal has no ids. */
    [KH_SQL_FORGET_LINES_OF_PIPELINE] =
        "DELETE FROM journal WHERE pipeline <> '' AND (pipeline = ?1 OR organization || '/' || pipeline = ?1"
        " OR (organization, pipeline) IN (SELECT organization, pipeline FROM branches WHERE pipeline_id = "
        "?1))",
    [KH_SQL_FORGET_BUILDS_OF_PIPELINE] = "DELETE FROM builds WHERE branch_key IN"
                                         " (SELECT key FROM branches WHERE " IS_PIPELINE ") RETURNING id",
    [KH_SQL_FORGET_PIPELINE] = "DELETE FROM branches WHERE " IS_PIPELINE,
    [KH_SQL_FORGET_LINES_OF_PERSON] = "DELETE FROM journal WHERE " HAS("branch") " OR " HAS_EITHER("kept"),
    [KH_SQL_FORGET_BUILDS_OF_PERSON] = "DELETE FROM builds WHERE branch_key IN"
                                       " (SELECT key FROM branches WHERE " HAS("branch") ") RETURNING id",
    [KH_SQL_FORGET_BRANCHES_OF_PERSON] = "DELETE FROM branches WHERE " HAS("branch"),
    [KH_SQL_FATES_OF_PERSON] = FATE_FROM("webhook", "51", "reason", "status", "''", "dead_us")
        IS_DEAD_OF_PERSON,
    [KH_SQL_FORGET_DEAD_OF_PERSON] = "DELETE FROM deliveries WHERE " IS_DEAD_OF_PERSON,
    [KH_SQL_FORGET_ANSWERS_OF_PERSON] = "UPDATE ended SET answer = '', place = iif(" HAS_EITHER(
        "place") ", '', place) WHERE " HAS_EITHER("answer") " OR " HAS_EITHER("place"),
    [KH_SQL_FORGET_WHAT_WAS_TOLD] = "DELETE FROM told WHERE what = ?1",
    /* Also of builds that were forgotten just now. */
    [KH_SQL_FORGET_MESSAGES_OF_NONE] = "DELETE FROM messages WHERE substr(subject, 1,"
                                       " instr(subject || ' ', ' ') - 1) NOT IN (SELECT id FROM builds)",
    [KH_SQL_FORGET_MESSAGES_OF_PERSON] = "DELETE FROM messages WHERE " HAS("place"),
    [KH_SQL_OWED_OF_PERSON] = "SELECT id FROM deliveries WHERE dead_us IS NULL AND (" HAS_EITHER(
        "body") " OR " HAS_EITHER("answer") ") ORDER BY seq",
    /* Bytes between the names may look like one: who asks looks closer. */
    [KH_SQL_NEXT_BUILD_OF_PERSON] = "SELECT seq, jobs FROM builds WHERE " HAS(
        "jobs") " AND seq > ?2 ORDER BY seq LIMIT 1",
    [KH_SQL_FORGET_NAMES] = "UPDATE builds SET jobs = ?2 WHERE seq = ?1",
    [KH_SQL_WRITE_ANEW] = "VACUUM",
    [KH_SQL_SHOW] = "SELECT body FROM deliveries WHERE id = ?1",
    /* The reason is the latest, of what is owed before what is dead: 21 digits before it sort it. */
    [KH_SQL_DESTINATIONS] =
        "SELECT credential, place, max(delivered_us), max(held_until_us), sum(due), sum(waiting), sum(dead),"
        " min(oldest_us), min(next_us), sum(refused), max(refused_us), min(failing_us),"
        " substr(max(reason_at), 22), max(dead_us) FROM"
        " (SELECT credential, place, delivered_us, held_until_us, 0 AS due, 0 AS waiting, 0 AS dead,"
        " NULL AS oldest_us, NULL AS next_us, 0 AS refused, NULL AS refused_us, NULL AS failing_us,"
        " NULL AS reason_at, NULL AS dead_us"
        " FROM destinations UNION ALL"
        " SELECT credential, place, NULL, NULL, dead_us IS NULL AND not_before_us <= ?1,"
        " dead_us IS NULL AND not_before_us > ?1, dead_us IS NOT NULL,"
        " iif(dead_us IS NULL, created_us, NULL), iif(dead_us IS NULL, not_before_us, NULL),"
        " dead_us IS NULL AND is_refused, iif(is_refused, since_us, NULL),"
        " iif(dead_us IS NULL AND reason <> '', created_us, NULL),"
        " iif(reason <> '', (dead_us IS NULL) || printf('%020d', since_us) || reason, NULL), dead_us"
        " FROM deliveries) GROUP BY credential, place ORDER BY credential, place",
    [KH_SQL_COUNTS] = "SELECT day, accepted, repeats, delivered, failed, dead FROM counts"
                      " WHERE day IN (0, ?1)",
    [KH_SQL_MESSAGES] = "SELECT subject, rule, notifier, place, said, seen_us FROM messages ORDER BY seq",
    [KH_SQL_RELEASE] =
        "UPDATE destinations SET held_until_us = 0, failures = 0 WHERE held_until_us + failures > 0 AND"
        " (credential, place) IN (SELECT credential, place FROM deliveries" ASKED_FOR ")",
    /*
     * A dead one begins anew, for as long as it had the first time; of one that lives only the waiting ends.
     */
    [KH_SQL_REDRIVE] =
        "UPDATE deliveries SET attempt = iif(dead_us IS NULL, attempt, 0),"
        " expires_us = iif(dead_us IS NULL, expires_us, ?1 + min(expires_us - created_us, ?8)),"
        " not_before_us = iif(dead_us IS NULL, min(not_before_us, ?1), ?1),"
        " since_us = iif(dead_us IS NULL, min(since_us, ?1), ?1), dead_us = NULL" ASKED_FOR,
    [KH_SQL_FATES_OF_DROPPED] =
        "INSERT OR REPLACE INTO ended SELECT webhook, id, rule, notifier, credential, " SHOWN_PLACE
        ", 50, reason, status, answer, attempt, tries, created_us, ?1, " FATE_BYTES
        " FROM deliveries" ASKED_FOR " AND webhook >= (SELECT min(journal.seq) FROM journal)",
    [KH_SQL_DROP] = "DELETE FROM deliveries" ASKED_FOR,
    [KH_SQL_WEBHOOKS] = WEBHOOKS " ORDER BY seq LIMIT ?11",
    [KH_SQL_WEBHOOKS_BACK] = WEBHOOKS " ORDER BY seq DESC LIMIT ?11",
    [KH_SQL_RULES_OF] = "SELECT rules FROM rule_lists WHERE id = ?1",
    [KH_SQL_FATES] =
        "SELECT webhook, id, rule, notifier, credential, place, detail, answer, tries, reason, 0, status,"
        " attempts, created_us, 0, ended_us FROM ended WHERE webhook BETWEEN ?1 AND ?2 UNION ALL"
        " SELECT webhook, id, rule, notifier, d.credential, " SHOWN_OF(
            "d.place") ", reason, answer, tries, " REASON_NOW
                       ", dead_us IS NULL, status, attempt, created_us,"
                       " iif(dead_us IS NULL, max(not_before_us, coalesce(held_until_us, 0)), 0), "
                       "coalesce(dead_us, 0)"
                       " FROM deliveries AS d LEFT JOIN destinations AS t ON t.credential = d.credential"
                       " AND t.place = d.place WHERE webhook BETWEEN ?1 AND ?2 ORDER BY 1, 2",
    [KH_SQL_EVENTS_SEEN] = "SELECT organization, event, first_us, last_us FROM seen"
                           " ORDER BY organization, event",
    [KH_SQL_SPAN] = "SELECT count(*), min(seq), max(seq), min(received_us), max(received_us),"
                    " (SELECT end_bytes FROM journal ORDER BY seq DESC LIMIT 1)"
                    " - (SELECT end_bytes FROM journal ORDER BY seq LIMIT 1)"
                    " + (SELECT total(bytes) FROM ended) FROM journal",
    [KH_SQL_FORGET_FATES] = "DELETE FROM ended WHERE webhook NOT IN (SELECT seq FROM journal)",
    [KH_SQL_FORGET_WEBHOOKS] = "UPDATE deliveries SET webhook = 0 WHERE webhook > 0"
                               " AND webhook NOT IN (SELECT seq FROM journal)",
    [KH_SQL_FORGET_SHARES] = "DELETE FROM shares",
    [KH_SQL_COUNT_SHARES] = KH_SCHEMA_SHARES,
    [KH_SQL_ENTRY_SEEN] = "SELECT 1 FROM entries WHERE entry = ?1",
    [KH_SQL_SIGNATURE_SEEN] = "SELECT 1 FROM signatures WHERE signature = ?1 AND abs(?2 - seen_us) <= ?3",
    [KH_SQL_BODY_SEEN] = "SELECT 1 FROM bodies WHERE digest = ?1 AND abs(?2 - seen_us) <= ?3",
    [KH_SQL_ENTRY] = "INSERT INTO entries (entry, seen_us) VALUES (?1, ?2)"
                     " ON CONFLICT (entry) DO UPDATE SET seen_us = ?2 WHERE ?2 - seen_us > " DAY_US,
    [KH_SQL_SIGNATURE] = "INSERT INTO signatures (signature, seen_us) VALUES (?1, ?2)"
                         " ON CONFLICT (signature) DO UPDATE SET seen_us = ?2 WHERE abs(?2 - seen_us) > ?3",
    [KH_SQL_BODY] = "INSERT INTO bodies (digest, seen_us) VALUES (?1, ?2)"
                    " ON CONFLICT (digest) DO UPDATE SET seen_us = ?2 WHERE abs(?2 - seen_us) > ?3",
    /* Once is enough: the earlier one stands. */
    [KH_SQL_FATES_OF_KNOWN] = FATE_FROM("?2", "53", "''", "0", "''", "?3") "id = ?1 AND webhook <> ?2"
                                                                           " RETURNING bytes",
    [KH_SQL_FATE_OF_DEAD] = FATES("52", "?2", "id = ?1 AND dead_us IS NOT NULL"),
    [KH_SQL_FORGET_DEAD] = "DELETE FROM deliveries WHERE id = ?1 AND dead_us IS NOT NULL" SHARED,
    [KH_SQL_FATES_OF_REPLACED] = FATES("49", "?4", IS_REPLACED),
    [KH_SQL_REPLACE] = "DELETE FROM deliveries WHERE " IS_REPLACED SHARED,
    /* The first that stays, and all before it, are found by who asks. */
    [KH_SQL_JOURNAL_OLD] = "SELECT seq, end_bytes, done_us, length(kept) FROM journal ORDER BY seq",
    [KH_SQL_PRUNE_JOURNAL] = "DELETE FROM journal WHERE seq <= ?1",
    [KH_SQL_PRUNE_ENDED] = "DELETE FROM ended WHERE webhook <= ?1 RETURNING bytes",
    [KH_SQL_FATES_BYTES] = "SELECT coalesce(sum(bytes), 0) FROM ended",
    [KH_SQL_CHANGED_BY_OTHERS] = "SELECT data_version FROM pragma_data_version",
    [KH_SQL_PRUNE_RULE_LISTS] = "DELETE FROM rule_lists WHERE id NOT IN (SELECT rule_list FROM journal)",
    [KH_SQL_SEE_EVENT] = "INSERT INTO seen (organization, event, first_us, last_us) VALUES (?1, ?2, ?3, ?3)"
                         " ON CONFLICT (organization, event) DO UPDATE SET last_us = max(last_us, ?3)",
    /* Their names sort by arrival, which an index of its own would not pay for. */
    [KH_SQL_PRUNE_ENTRIES] = "DELETE FROM entries WHERE entry IN (SELECT entry FROM"
                             " (SELECT entry, seen_us FROM entries ORDER BY entry LIMIT 512)"
                             " WHERE seen_us < ?1)",
    [KH_SQL_PRUNE_SIGNATURES] =
        "DELETE FROM signatures WHERE signature IN"
        " (SELECT signature FROM signatures WHERE seen_us < ?1 ORDER BY seen_us LIMIT 512)",
    [KH_SQL_PRUNE_BODIES] = "DELETE FROM bodies WHERE digest IN"
                            " (SELECT digest FROM bodies WHERE seen_us < ?1 ORDER BY seen_us LIMIT 512)",
    /*
     * From one destination that is owed something to the next, behind ?2 and ?3: neither the thousands that
     * wait for one of them nor those that wait for nothing are walked over. ?1 is what is under way.
     */
    [KH_SQL_FIRST] =
        "SELECT d.credential, d.place, t.held_until_us, d.not_before_us, d.seq FROM deliveries AS d"
        " LEFT JOIN destinations AS t ON t.credential = d.credential AND t.place = d.place WHERE d.seq = "
        "coalesce("
        "(SELECT n.seq FROM deliveries AS n WHERE " IS_FREE " AND n.credential = ?2 AND n.place > ?3"
        " ORDER BY n.place, n.not_before_us, n.seq LIMIT 1),"
        " (SELECT n.seq FROM deliveries AS n WHERE " IS_FREE " AND n.credential > ?2"
        " ORDER BY n.credential, n.place, n.not_before_us, n.seq LIMIT 1))",
    [KH_SQL_ARRIVED] = "SELECT max(delivered_us) FROM destinations WHERE credential = ?1",
    [KH_SQL_TAKE] =
        "SELECT d.id, d.rule, d.notifier, d.credential, d.place, d.entry, d.event, d.body,"
        " d.attempt, d.not_before_us, d.expires_us, d.created_us, d.since_us, t.failures, d.subject"
        " FROM deliveries AS d JOIN destinations AS t"
        " ON t.credential = d.credential AND t.place = d.place WHERE d.seq = ?1",
    /* Nothing else, so that the row keeps its size. */
    [KH_SQL_COUNT] = "UPDATE deliveries SET attempt = ?2, not_before_us = ?3, since_us = ?4 WHERE id = ?1 "
                     "AND dead_us IS NULL",
    /*
     * Several are under way at once: what one was asked for, the answer to another does not end. With as many
     * failures as at its beginning, ?5, it rests for its pace alone.
     */
    [KH_SQL_SUCCESS] = "UPDATE destinations SET delivered_us = ?3, failures = iif(held_until_us > ?3 AND "
                       "failures <> ?5, failures, 0),"
                       " held_from_us = iif(?4 > 0, ?3, held_from_us),"
                       " held_until_us = max(?4, iif(held_until_us > ?3, held_until_us, 0))"
                       " WHERE credential = ?1 AND place = ?2",
    [KH_SQL_REST] = "UPDATE destinations SET held_from_us = iif(?2 > held_until_us, ?3, held_from_us),"
                    " held_until_us = max(held_until_us, ?2), failures = max(failures, ?4) WHERE"
                    " (credential, place) = (SELECT credential, place FROM deliveries WHERE id = ?1)",
    [KH_SQL_REST_BY_NAME] =
        "UPDATE destinations SET held_from_us = iif(?3 > held_until_us, ?4, held_from_us),"
        " held_until_us = max(held_until_us, ?3) WHERE credential = ?1 AND place = ?2",
    [KH_SQL_REST_CREDENTIAL] = "UPDATE destinations SET held_from_us = ?3, held_until_us = ?2"
                               " WHERE credential = ?1 AND held_until_us <= ?3 AND place IN (SELECT"
                               " place FROM deliveries WHERE credential = ?1 AND dead_us IS NULL)",
    [KH_SQL_FIND] = "SELECT seq, credential, place, length(body), dead_us IS NOT NULL, " FATE_BYTES
                    " FROM deliveries WHERE id = ?1 AND " IS_OWED,
    /* What an earlier attempt failed by is among the tries. */
    [KH_SQL_FATE_OF_DONE] = FATE_FROM("webhook", "40", "''", "0", "''", "?2") "seq = ?1",
    [KH_SQL_DONE] = "DELETE FROM deliveries WHERE seq = ?1",
    [KH_SQL_RETRY] = "UPDATE deliveries SET attempt = ?2, not_before_us = ?3, reason = ?4, " KEEP_ANSWER
                     ", is_refused = ?7, since_us = iif(?9, since_us, ?8), " TRIES
                     " WHERE id = ?1 AND dead_us IS NULL",
    /* One that was not tried once more tells why it waited. */
    [KH_SQL_BURY] = "UPDATE deliveries SET dead_us = ?3, reason = iif(?9 AND reason NOT IN ('', ?4),"
                    " ?4 || '; before: ' || reason, ?4), attempt = ?2, " KEEP_ANSWER
                    ", is_refused = ?7, since_us = ?8, " TRIES " WHERE id = ?1 AND dead_us IS NULL" SHARED,
    [KH_SQL_FREE] = "SELECT freelist_count, page_count FROM pragma_freelist_count, pragma_page_count",
    [KH_SQL_SHRINK] = "PRAGMA incremental_vacuum",
    [KH_SQL_SHARE] = "INSERT INTO shares VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (credential) DO UPDATE SET"
                     " owed = owed + ?2, owed_bytes = owed_bytes + ?3, dead = dead + ?4,"
                     " dead_bytes = dead_bytes + ?5",
    [KH_SQL_OVER] = "SELECT * FROM shares WHERE owed > ?1 OR owed_bytes > ?2 OR dead > ?1 OR dead_bytes > ?2"
                    " LIMIT 1",
    [KH_SQL_ALL] = "SELECT '', coalesce(sum(owed), 0), coalesce(sum(owed_bytes), 0), coalesce(sum(dead), 0),"
                   " coalesce(sum(dead_bytes), 0) FROM shares",
    [KH_SQL_MOST_DEAD] = "SELECT * FROM shares WHERE dead > 0 ORDER BY dead DESC LIMIT 1",
    [KH_SQL_FULLEST] = "SELECT * FROM shares ORDER BY max(owed * 1.0 / ?1, owed_bytes * 1.0 / ?2) DESC"
                       " LIMIT 1",
    [KH_SQL_OVERFLOW] = "UPDATE deliveries SET dead_us = ?3,"
                        " reason = 'outbox_full' || iif(reason = '', '', '; before: ' || reason) WHERE seq IN"
                        " (SELECT seq FROM deliveries WHERE credential = ?1 AND dead_us IS NULL"
                        " ORDER BY seq LIMIT ?2)" SHARED,
    [KH_SQL_FATES_OF_FORGOTTEN] = FATES("51", "?3", IS_FORGOTTEN),
    [KH_SQL_FORGET] = "DELETE FROM deliveries WHERE " IS_FORGOTTEN SHARED,
    [KH_SQL_FATES_OF_OLD] = FATES("51", "?2", IS_OLD),
    [KH_SQL_FORGET_OLD] = "DELETE FROM deliveries WHERE " IS_OLD SHARED,
    [KH_SQL_CONFIG] = "INSERT INTO config (seq, digest) VALUES (1, ?1)"
                      " ON CONFLICT (seq) DO UPDATE SET digest = ?1 WHERE digest <> ?1",
    [KH_SQL_CONFIG_REFUSED] = "UPDATE deliveries SET not_before_us = ?1 WHERE dead_us IS NULL AND"
                              " is_refused AND not_before_us > ?1",
    [KH_SQL_CONFIG_RESTS] = "UPDATE destinations SET held_until_us = 0, failures = 0",
    /* What lies ahead of ?1, the time, begins then, and lasts as long as it was to last. */
    [KH_SQL_MEND_WAITS] = "UPDATE deliveries SET not_before_us = not_before_us - max(since_us - ?1, 0),"
                          " since_us = min(since_us, ?1), expires_us = expires_us - max(created_us - ?1, 0),"
                          " created_us = min(created_us, ?1), dead_us = min(dead_us, ?1)"
                          " WHERE since_us > ?1 OR created_us > ?1 OR dead_us > ?1",
    [KH_SQL_MEND_RESTS] = "UPDATE destinations SET held_until_us = held_until_us - max(held_from_us - ?1, 0),"
                          " held_from_us = min(held_from_us, ?1), delivered_us = min(delivered_us, ?1)"
                          " WHERE held_from_us > ?1 OR delivered_us > ?1",
    /*
     * By ?1 or, what was stored before ?3, by ?4; what others stored by the new time already, behind ?2, the
     * old one, stays.
     */
    [KH_SQL_MOVE_DELIVERIES] =
        "UPDATE deliveries SET not_before_us = not_before_us + iif(since_us < ?3, ?4, ?1),"
        " since_us = since_us + iif(since_us < ?3, ?4, ?1),"
        " expires_us = expires_us + iif(created_us < ?3, ?4, ?1),"
        " created_us = created_us + iif(created_us < ?3, ?4, ?1),"
        " dead_us = dead_us + iif(dead_us < ?3, ?4, ?1) WHERE since_us <= ?2",
    [KH_SQL_MOVE_DESTINATIONS] =
        "UPDATE destinations SET delivered_us = iif(delivered_us > 0, delivered_us + ?1, 0),"
        " held_until_us = iif(held_until_us > 0, held_until_us + ?1, 0), held_from_us = held_from_us + ?1",
    [KH_SQL_MOVE_SIGNATURES] = "UPDATE signatures SET " MOVE_SEEN,
    [KH_SQL_MOVE_BODIES] = "UPDATE bodies SET " MOVE_SEEN,
    [KH_SQL_PRUNE_DESTINATIONS] = "DELETE FROM destinations WHERE delivered_us < ?1 AND"
                                  " (credential, place) NOT IN (SELECT credential, place FROM deliveries)",
    [KH_SQL_COUNT_DAY] = "INSERT INTO counts (day, accepted, repeats, delivered, failed, dead)"
                         " VALUES (0, ?2, ?3, ?4, ?5, ?6), (max(?1, 1), ?2, ?3, ?4, ?5, ?6)"
                         " ON CONFLICT (day) DO UPDATE SET accepted = accepted + ?2, repeats = repeats + ?3,"
                         " delivered = delivered + ?4, failed = failed + ?5, dead = dead + ?6",
    /* In both directions: what a clock counted that was wrong goes, too. */
    [KH_SQL_PRUNE_DAYS] = "DELETE FROM counts WHERE day <> 0 AND day NOT BETWEEN ?1 - 31 AND ?1",
    /* One that is there all the same is past its time. */
    [KH_SQL_BRANCH_NEW] = "INSERT OR REPLACE INTO branches (key, seen_us, builds, day, pipeline_id,"
                          " organization, pipeline, branch) VALUES (?1, ?2, ?3, ?2 / " DAY_US
                          ", ?4, ?5, ?6, ?7)",
    [KH_SQL_BRANCH_DAY] = "UPDATE branches SET seen_us = ?2, builds = ?3, day = ?2 / " DAY_US
                          ", organization = ?4, pipeline = ?5 WHERE seq = ?1",
    [KH_SQL_BRANCH_KEEP] = "UPDATE branches SET seen_us = ?2, builds = ?3 WHERE seq = ?1",
    [KH_SQL_BUILD_NEW] = "INSERT OR REPLACE INTO builds (id, seen_us, jobs, day, branch_key, number)"
                         " VALUES (?1, ?2, ?3, ?2 / " DAY_US ", ?4, ?5)",
    [KH_SQL_BUILD_DAY] = "UPDATE builds SET seen_us = ?2, jobs = ?3, day = ?2 / " DAY_US " WHERE seq = ?1",
    [KH_SQL_BUILD_KEEP] = "UPDATE builds SET seen_us = ?2, jobs = ?3 WHERE seq = ?1",
    [KH_SQL_MESSAGE] = "SELECT said, subject FROM messages WHERE what = ?1 AND seen_us >= ?2",
    [KH_SQL_MESSAGE_KEEP] = "INSERT OR REPLACE INTO messages (what, seen_us, subject, rule, notifier, place,"
                            " said) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [KH_SQL_PRUNE_BRANCHES] = "DELETE FROM branches WHERE seq IN"
                              " (SELECT seq FROM branches WHERE day < ?1 / " DAY_US
                              " ORDER BY day LIMIT 512)",
    [KH_SQL_PRUNE_BUILDS] = "DELETE FROM builds WHERE seq IN"
                            " (SELECT seq FROM builds WHERE day < ?1 / " DAY_US " ORDER BY day LIMIT 512)",
    [KH_SQL_PRUNE_TOLD] = "DELETE FROM told WHERE what IN"
                          " (SELECT what FROM told WHERE seen_us < ?1 ORDER BY seen_us LIMIT 512)",
    [KH_SQL_PRUNE_MESSAGES] = "DELETE FROM messages WHERE seq IN (SELECT seq FROM"
                              " (SELECT seq, seen_us FROM messages ORDER BY seq LIMIT 512)"
                              " WHERE seen_us < ?1)",
    [KH_SQL_MOVE_BRANCHES] = "UPDATE branches SET " MOVE_DAY,
    [KH_SQL_MOVE_BUILDS] = "UPDATE builds SET " MOVE_DAY,
    [KH_SQL_MOVE_TOLD] = "UPDATE told SET " MOVE_SEEN,
    [KH_SQL_MOVE_MESSAGES] = "UPDATE messages SET " MOVE_SEEN,
};
