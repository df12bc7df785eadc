#include "base/base.h"

#include "support/stores.h"
#include "support/suite.h"

/* The files of older versions, as these made them. */

#define REMEMBERED                                                                                           \
  "CREATE TABLE journal (seq INTEGER PRIMARY KEY, entry TEXT NOT NULL UNIQUE, request_id TEXT NOT NULL,"     \
  " event TEXT NOT NULL, organization TEXT NOT NULL, pipeline TEXT NOT NULL, branch TEXT NOT NULL,"          \
  " state TEXT NOT NULL, verdict TEXT NOT NULL, build_number INTEGER NOT NULL, received_us INTEGER NOT "     \
  "NULL,"                                                                                                    \
  " done_us INTEGER NOT NULL, deliveries INTEGER NOT NULL) STRICT;"                                          \
  "CREATE TABLE signatures (signature TEXT PRIMARY KEY NOT NULL, seen_us INTEGER NOT NULL) STRICT, WITHOUT " \
  "ROWID;"                                                                                                   \
  "CREATE INDEX signatures_seen ON signatures (seen_us);"                                                    \
  "CREATE TABLE bodies (digest BLOB PRIMARY KEY NOT NULL, seen_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;"  \
  "CREATE INDEX bodies_seen ON bodies (seen_us);"                                                            \
  "INSERT INTO journal VALUES (1, 'before', '', '', '', '', '', '', 'done', 0, 5, 5, 0);"

#define ROWS                                                                                                \
  "INSERT INTO deliveries (id, rule, notifier, destination, entry, event, content_type, body, attempt,"     \
  " not_before_us, expires_us, created_us, reason, dead_us) VALUES"                                         \
  " ('dead', 'r', 'slack', 'slack env:A', 'e', 'ping', 'application/json', x'7B7D', 2, 5, 9, 5, 'why', 7)," \
  " ('live', 'r', 'slack', 'slack env:B', 'f', 'ping', 'application/json', x'7B7D', 1, 5, 9, 5, '', NULL);" \
  "INSERT INTO deliveries (id, rule, notifier, destination, entry, event, content_type, body, attempt,"     \
  " not_before_us, expires_us, created_us, dead_us)"                                                        \
  " SELECT column1, 'r', 'lifx', column2, 'g', 'ping', 'application/json', x'7B7D', 0, 6, 9, 5, column3"    \
  " FROM (VALUES ('all', 'lifx env:T all effects/breathe', NULL),"                                          \
  " ('label', 'lifx file:/my token env:ROOT label:Left Lamp effects/pulse', NULL),"                         \
  " ('dark', 'lifx env:T group_id:7 state', 8),"                                                            \
  " ('unclear', 'lifx file:/one for all label:Lamp state', NULL),"                                          \
  " ('hashed', 'lifx env:T 0123456789abcdef state', NULL));"

static const char first_schema[] = REMEMBERED
    "CREATE TABLE deliveries (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, rule TEXT NOT NULL,"
    " notifier TEXT NOT NULL, destination TEXT NOT NULL, entry TEXT NOT NULL, event TEXT NOT NULL,"
    " content_type TEXT NOT NULL, body BLOB NOT NULL, attempt INTEGER NOT NULL, not_before_us INTEGER NOT "
    "NULL,"
    " expires_us INTEGER NOT NULL, created_us INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT '', dead_us "
    "INTEGER)"
    " STRICT;"
    "CREATE INDEX deliveries_due ON deliveries (not_before_us) WHERE dead_us IS NULL;" ROWS
    "PRAGMA user_version = 1;";

static const char second_schema[] = REMEMBERED
    "CREATE TABLE deliveries (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, rule TEXT NOT NULL,"
    " notifier TEXT NOT NULL, destination TEXT NOT NULL, entry TEXT NOT NULL, event TEXT NOT NULL,"
    " content_type TEXT NOT NULL, body BLOB NOT NULL, attempt INTEGER NOT NULL, not_before_us INTEGER NOT "
    "NULL,"
    " expires_us INTEGER NOT NULL, created_us INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT '', dead_us "
    "INTEGER,"
    " status INTEGER NOT NULL DEFAULT 0, answer TEXT NOT NULL DEFAULT '') STRICT;"
    "CREATE INDEX deliveries_due ON deliveries (not_before_us) WHERE dead_us IS NULL;"
    "CREATE TABLE destinations (destination TEXT PRIMARY KEY NOT NULL, delivered_us INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "INSERT INTO destinations VALUES ('slack env:A', 3);" ROWS "PRAGMA user_version = 2;";

static const char third_schema[] = REMEMBERED
    "CREATE TABLE deliveries (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, rule TEXT NOT NULL,"
    " notifier TEXT NOT NULL, destination TEXT NOT NULL, entry TEXT NOT NULL, event TEXT NOT NULL,"
    " content_type TEXT NOT NULL, body BLOB NOT NULL, attempt INTEGER NOT NULL, not_before_us INTEGER NOT "
    "NULL,"
    " expires_us INTEGER NOT NULL, created_us INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT '', dead_us "
    "INTEGER,"
    " status INTEGER NOT NULL DEFAULT 0, answer TEXT NOT NULL DEFAULT '', is_refused INTEGER NOT NULL "
    "DEFAULT 0)"
    " STRICT;"
    "CREATE INDEX deliveries_next ON deliveries (destination, not_before_us) WHERE dead_us IS NULL;"
    "CREATE TABLE destinations (destination TEXT PRIMARY KEY NOT NULL, delivered_us INTEGER NOT NULL,"
    " held_until_us INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;"
    "CREATE TABLE config (seq INTEGER PRIMARY KEY CHECK (seq = 1), digest BLOB NOT NULL) STRICT;" ROWS
    "INSERT INTO destinations (destination, delivered_us)"
    " SELECT DISTINCT destination, iif(destination = 'slack env:A', 3, 0) FROM deliveries;"
    "PRAGMA user_version = 3;";

static const char fourth_schema[] =
    "PRAGMA auto_vacuum = INCREMENTAL; "
    "CREATE TABLE journal ( seq INTEGER PRIMARY KEY, entry TEXT NOT NULL UNIQUE, request_id TEXT NOT "
    "NULL, event TEXT NOT NULL, organization TEXT NOT NULL, pipeline TEXT NOT NULL, branch TEXT NOT "
    "NULL, state TEXT NOT NULL, verdict TEXT NOT NULL, build_number INTEGER NOT NULL, received_us "
    "INTEGER NOT NULL, done_us INTEGER NOT NULL, deliveries INTEGER NOT NULL) STRICT;CREATE TABLE "
    "entries (entry TEXT PRIMARY KEY NOT NULL, seen_us INTEGER NOT NULL) STRICT, WITHOUT "
    "ROWID;CREATE TABLE signatures (signature TEXT PRIMARY KEY NOT NULL, seen_us INTEGER NOT NULL) "
    "STRICT, WITHOUT ROWID;CREATE INDEX signatures_seen ON signatures (seen_us);CREATE TABLE bodies "
    "(digest BLOB PRIMARY KEY NOT NULL, seen_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;CREATE INDEX "
    "bodies_seen ON bodies (seen_us);CREATE TABLE deliveries ( seq INTEGER PRIMARY KEY, id TEXT NOT "
    "NULL UNIQUE, rule TEXT NOT NULL, notifier TEXT NOT NULL, credential TEXT NOT NULL, place TEXT "
    "NOT NULL, entry TEXT NOT NULL, event TEXT NOT NULL, body BLOB NOT NULL, attempt INTEGER NOT "
    "NULL, not_before_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, created_us INTEGER NOT NULL, "
    "reason TEXT NOT NULL DEFAULT '', dead_us INTEGER, status INTEGER NOT NULL DEFAULT 0, answer "
    "TEXT NOT NULL DEFAULT '', is_refused INTEGER NOT NULL DEFAULT 0, since_us INTEGER NOT NULL "
    "DEFAULT 0) STRICT;CREATE INDEX deliveries_next ON deliveries (credential, place, not_before_us) "
    "WHERE dead_us IS NULL;CREATE TABLE destinations ( credential TEXT NOT NULL, place TEXT NOT "
    "NULL, delivered_us INTEGER NOT NULL, held_until_us INTEGER NOT NULL DEFAULT 0, held_from_us "
    "INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (credential, "
    "place)) STRICT, WITHOUT ROWID;CREATE TABLE config (seq INTEGER PRIMARY KEY CHECK (seq = 1), "
    "digest BLOB NOT NULL) STRICT; CREATE TABLE counts (day INTEGER PRIMARY KEY, accepted INTEGER "
    "NOT NULL, repeats INTEGER NOT NULL, delivered INTEGER NOT NULL, failed INTEGER NOT NULL, dead "
    "INTEGER NOT NULL) STRICT;CREATE INDEX deliveries_dead ON deliveries (credential, dead_us) WHERE "
    "dead_us IS NOT NULL;CREATE TABLE shares (credential TEXT PRIMARY KEY NOT NULL, owed INTEGER NOT "
    "NULL, owed_bytes INTEGER NOT NULL, dead INTEGER NOT NULL, dead_bytes INTEGER NOT NULL) STRICT, "
    "WITHOUT ROWID;INSERT INTO shares SELECT credential, sum(dead_us IS NULL), sum(iif(dead_us IS "
    "NULL, length(body), 0)), sum(dead_us IS NOT NULL), sum(iif(dead_us IS NULL, 0, length(body))) "
    "FROM deliveries GROUP BY credential;CREATE TRIGGER deliveries_added AFTER INSERT ON deliveries "
    "BEGIN INSERT INTO shares VALUES (NEW.credential, NEW.dead_us IS NULL, iif(NEW.dead_us IS NULL, "
    "length(NEW.body), 0), NEW.dead_us IS NOT NULL, iif(NEW.dead_us IS NULL, 0, length(NEW.body))) "
    "ON CONFLICT (credential) DO UPDATE SET owed = owed + excluded.owed, owed_bytes = owed_bytes + "
    "excluded.owed_bytes, dead = dead + excluded.dead, dead_bytes = dead_bytes + "
    "excluded.dead_bytes; END;CREATE TRIGGER deliveries_removed AFTER DELETE ON deliveries BEGIN "
    "UPDATE shares SET owed = owed - (OLD.dead_us IS NULL), dead = dead - (OLD.dead_us IS NOT NULL), "
    "owed_bytes = owed_bytes - iif(OLD.dead_us IS NULL, length(OLD.body), 0), dead_bytes = "
    "dead_bytes - iif(OLD.dead_us IS NULL, 0, length(OLD.body)) WHERE credential = OLD.credential; "
    "END;CREATE TRIGGER deliveries_changed AFTER UPDATE OF credential, body, dead_us ON deliveries "
    "BEGIN UPDATE shares SET owed = owed - (OLD.dead_us IS NULL), dead = dead - (OLD.dead_us IS NOT "
    "NULL), owed_bytes = owed_bytes - iif(OLD.dead_us IS NULL, length(OLD.body), 0), dead_bytes = "
    "dead_bytes - iif(OLD.dead_us IS NULL, 0, length(OLD.body)) WHERE credential = "
    "OLD.credential;INSERT INTO shares VALUES (NEW.credential, NEW.dead_us IS NULL, iif(NEW.dead_us "
    "IS NULL, length(NEW.body), 0), NEW.dead_us IS NOT NULL, iif(NEW.dead_us IS NULL, 0, "
    "length(NEW.body))) ON CONFLICT (credential) DO UPDATE SET owed = owed + excluded.owed, "
    "owed_bytes = owed_bytes + excluded.owed_bytes, dead = dead + excluded.dead, dead_bytes = "
    "dead_bytes + excluded.dead_bytes; END;PRAGMA user_version = 4;";

#define FOURTH_ROWS                                                                                  \
  "INSERT INTO journal VALUES (1, 'before', '', '', '', '', '', '', 'done', 0, 5, 5, 0); INSERT "    \
  "INTO entries VALUES ('before', 5); INSERT INTO deliveries (id, rule, notifier, credential, "      \
  "place, entry, event, body, attempt, not_before_us, expires_us, created_us, reason, dead_us, "     \
  "since_us) VALUES ('dead', 'r', 'slack', 'slack env:A', '', 'e', 'ping', x'7B7D', 2, 5, 9, 5, "    \
  "'why', 7, 5), ('live', 'r', 'slack', 'slack env:B', '', 'f', 'ping', x'7B7D', 1, 5, 9, 5, '', "   \
  "NULL, 5); INSERT INTO deliveries (id, rule, notifier, credential, place, entry, event, body, "    \
  "attempt, not_before_us, expires_us, created_us, dead_us) SELECT column1, 'r', 'lifx', column2, "  \
  "column3, 'g', 'ping', x'7B7D', 0, 6, 9, 5, column4 FROM (VALUES ('all', 'lifx env:T', 'all "      \
  "effects/breathe', NULL), ('label', 'lifx file:/my token env:ROOT', 'label:Left Lamp "             \
  "effects/pulse', NULL), ('dark', 'lifx env:T', 'group_id:7 state', 8), ('unclear', 'lifx "         \
  "file:/one for all label:Lamp state', '', NULL), ('hashed', 'lifx env:T 0123456789abcdef state', " \
  "'', NULL)); INSERT INTO destinations (credential, place, delivered_us) SELECT DISTINCT "          \
  "credential, place, iif(credential = 'slack env:A', 3, 0) FROM deliveries;"

static const char fourth_rows[] = FOURTH_ROWS;

/* Of version 5, which is 4 with what came before and without its triggers. */
static const char fifth_rows[] =
    "DROP TRIGGER deliveries_added; DROP TRIGGER deliveries_removed; DROP TRIGGER deliveries_changed;"
    "CREATE TABLE branches (seq INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, pipeline_id TEXT NOT NULL,"
    " organization TEXT NOT NULL, pipeline TEXT NOT NULL, branch TEXT NOT NULL, seen_us INTEGER NOT NULL,"
    " day INTEGER NOT NULL, builds BLOB NOT NULL) STRICT;"
    "CREATE INDEX branches_day ON branches (day);"
    "CREATE TABLE builds (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, branch_key BLOB NOT NULL,"
    " number INTEGER NOT NULL, seen_us INTEGER NOT NULL, day INTEGER NOT NULL, jobs BLOB NOT NULL) STRICT;"
    "CREATE INDEX builds_day ON builds (day);"
    "CREATE TABLE told (what BLOB PRIMARY KEY NOT NULL, seen_us INTEGER NOT NULL,"
    " value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX told_seen ON told (seen_us);"
    "INSERT INTO journal VALUES (20007, 'e', 'request', 'ping', 'acme', '', '', '', 'done', 0, 5, 6, "
    "1);" FOURTH_ROWS
    "INSERT INTO shares SELECT credential, sum(dead_us IS NULL), sum(iif(dead_us IS NULL, length(body), 0)),"
    " sum(dead_us IS NOT NULL), sum(iif(dead_us IS NULL, 0, length(body))) FROM deliveries"
    " GROUP BY credential;"
    "PRAGMA user_version = 5;";

static const struct {
  const char *schema, *rows;
} files[] = {{first_schema, ""},
             {second_schema, ""},
             {third_schema, ""},
             {fourth_schema, fourth_rows},
             {fourth_schema, fifth_rows}};

/* What differs between two files of one version, if anything: columns and indexes. */
static const char *const shapes[] = {
    "SELECT count(*) FROM pragma_table_info('destinations') WHERE pk > 0",
    "SELECT count(*) FROM pragma_table_info('journal')",
    "SELECT count(*) FROM pragma_table_info('entries')",
    "SELECT count(*) FROM pragma_table_info('deliveries')",
    "SELECT count(*) FROM pragma_table_info('destinations')",
    "SELECT count(*) FROM pragma_table_info('config')",
    "SELECT count(*) FROM pragma_table_info('branches')",
    "SELECT count(*) FROM pragma_table_info('builds')",
    "SELECT count(*) FROM pragma_table_info('told')",
    "SELECT count(*) FROM pragma_table_info('ended')",
    "SELECT count(*) FROM pragma_table_info('rule_lists')",
    "SELECT count(*) FROM pragma_table_info('seen')",
    "SELECT count(*) FROM sqlite_schema WHERE name = 'deliveries_next'",
    "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'",
    "PRAGMA user_version",
    "PRAGMA auto_vacuum",
};

/* What a delivery and its destination are called now. */
static const struct {
  const char *id, *credential, *place;
} split[] = {
    {"dead", "slack env:A", ""},
    {"all", "lifx env:T", "all effects/breathe"},
    {"label", "lifx file:/my token env:ROOT", "label:Left Lamp effects/pulse"},
    {"dark", "lifx env:T", "group_id:7 state"},
    {"unclear", "lifx file:/one for all label:Lamp state", ""},
    {"hashed", "lifx env:T 0123456789abcdef state", ""},
};

static void check_split(const struct kh_tempdir *dir)
{
  for (size_t i = 0; i < KH_COUNT(split); i++) {
    char sql[512];

    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM deliveries JOIN destinations USING (credential, place)"
                   " WHERE id = '%s' AND credential = '%s' AND place = '%s'",
                   split[i].id, split[i].credential, split[i].place);
    ck_assert_msg(kh_test_sql_number(dir, sql) == 1, "%s", sql);
  }
}

START_TEST(an_older_file_is_brought_up_to_date)
{
  struct kh_test_store old = {.kind = KH_TEST_SQLITE}, fresh;
  struct kh_delivery delivery = {0};
  const struct kh_claim before = kh_test_claim("before", "b", "", KH_TEST_T0_US);

  kh_test_store_open(&fresh, KH_TEST_SQLITE);
  kh_tempdir_open(&old.dir);
  kh_test_sql(&old.dir, files[_i].schema);
  kh_test_sql(&old.dir, files[_i].rows);
  for (int round = 0; round < 2; round++) {
    ck_assert_int_eq(kh_store_open_sqlite(&old.store, old.dir.path, KH_TEST_FRESHNESS_S, NULL), KH_OK);
    for (size_t i = 0; i < KH_COUNT(shapes); i++)
      ck_assert_int_eq(kh_test_sql_number(&old.dir, shapes[i]), kh_test_sql_number(&fresh.dir, shapes[i]));
    if (round == 0)
      kh_store_close(&old.store);
  }
  ck_assert_int_eq(kh_test_sql_number(&old.dir,
                                      "SELECT count(*) FROM deliveries WHERE id = 'dead' AND reason = 'why'"
                                      " AND dead_us = 7 AND status = 0 AND answer = '' AND is_refused = 0"),
                   1);
  ck_assert_int_eq(kh_test_sql_number(&old.dir, "SELECT sum(owed) FROM shares"), 5);
  ck_assert_int_eq(kh_test_sql_number(&old.dir, "SELECT sum(dead_bytes) FROM shares"), 4);
  check_split(&old.dir);
  ck_assert_int_eq(kh_test_seen(&old.store, &before), KH_SEEN_DONE);
  ck_assert_int_eq(kh_queue_take(&old.store.queue, KH_TEST_T0_US, NULL, &delivery), KH_OK);
  ck_assert_str_eq(delivery.id, "live");
  ck_assert_uint_eq(delivery.attempt, 1);
  ck_assert(kh_str_equal(kh_buf_view(&delivery.body), KH_STR("{}")));
  ck_assert_uint_eq(delivery.failures, 0);
  kh_delivery_release(&delivery);
  ck_assert_int_eq(kh_queue_done(&old.store.queue, "live", 0, KH_TEST_T0_US, 0), KH_OK);
  ck_assert_int_eq(kh_test_sql_number(&old.dir, "SELECT max(delivered_us) FROM destinations"), KH_TEST_T0_US);
  ck_assert_int_eq(kh_test_sql_number(&old.dir, "SELECT sum(owed) FROM shares"), 4);
  kh_test_store_close(&old);
  kh_test_store_close(&fresh);
}
END_TEST

/* The last ten thousand lines stay, under their numbers, and what is owed for them still is. */
START_TEST(an_older_journal_is_read_on)
{
  struct kh_test_store old = {.kind = KH_TEST_SQLITE};

  kh_tempdir_open(&old.dir);
  kh_test_sql(&old.dir, fourth_schema);
  kh_test_sql(&old.dir, fifth_rows);
  ck_assert_int_eq(kh_store_open_sqlite(&old.store, old.dir.path, KH_TEST_FRESHNESS_S, NULL), KH_OK);
  ck_assert_int_eq(kh_test_sql_number(&old.dir, "SELECT seq FROM journal WHERE entry = 'e' AND"
                                                " request_id = 'request' AND event = 'ping' AND"
                                                " organization = 'acme' AND verdict = 'done' AND"
                                                " received_us = 5 AND done_us = 6 AND deliveries = 1"),
                   20007);
  ck_assert_int_eq(kh_test_sql_number(&old.dir, "SELECT count(*) FROM journal"), 1);
  ck_assert_int_eq(kh_test_sql_number(&old.dir, "SELECT webhook FROM deliveries WHERE id = 'dead'"), 20007);
  ck_assert_int_eq(kh_test_sql_number(&old.dir, "SELECT webhook FROM deliveries WHERE id = 'live'"), 0);
  kh_test_owe(&old.store, "new", KH_STR("x"), KH_TEST_T0_US);
  ck_assert_int_eq(kh_test_sql_number(&old.dir, "SELECT webhook FROM deliveries WHERE id = 'new'"), 20008);
  kh_test_store_close(&old);
}
END_TEST

static Suite *sqlite_upgrade_suite(void)
{
  Suite *suite = suite_create("sqlite_upgrade");
  TCase *upgrade = kh_test_case(suite, "upgrade");

  tcase_add_loop_test(upgrade, an_older_file_is_brought_up_to_date, 0, (int)KH_COUNT(files));
  tcase_add_test(upgrade, an_older_journal_is_read_on);
  return suite;
}

int main(void)
{
  return kh_test_main(sqlite_upgrade_suite());
}
