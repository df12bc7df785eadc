/*
 * stores.h - the two stores, and webhooks and deliveries to put into them.
 */
#ifndef KH_TEST_STORES_H
#define KH_TEST_STORES_H

#include "memory/store.h"
#include "support/tempdir.h"

enum { KH_TEST_SQLITE, KH_TEST_PROCESS, KH_TEST_STORES };
enum { KH_TEST_FRESHNESS_S = 300 };
#define KH_TEST_T0_US INT64_C(1700000000000000)
#define KH_TEST_SECOND_US INT64_C(1000000)

/* A store with its folder. Every step that fails ends the test. */
struct kh_test_store {
  int kind;
  struct kh_tempdir dir; /* of SQLite's */
  struct kh_store store;
};

void kh_test_store_open(struct kh_test_store *test, int kind);
void kh_test_store_close(struct kh_test_store *test);
/* Closes and opens the file again; nothing for a store without one. */
void kh_test_store_reopen(struct kh_test_store *test);

/* BODY and SIGNATURE are any short texts; "" is no signature. */
struct kh_claim kh_test_claim(const char *entry, const char *body, const char *signature, int64_t now_us);

/* A delivery that is due at NOT_BEFORE_US and expires a day later. The caller releases it. */
struct kh_delivery kh_test_delivery(const char *id, struct kh_str body, int64_t not_before_us);

/* "delivery_refused: HTTP 404", with the answer "no_service". */
extern const struct kh_failure kh_test_failure;

/*
 * One webhook with its deliveries, within an open batch or as one of its own. As the worker does, it owes
 * nothing for an entry that was done before.
 */
void kh_test_commit(const struct kh_store *store, const struct kh_claim *claim,
                    const struct kh_delivery *deliveries, size_t count);
void kh_test_batch(const struct kh_store *store, const struct kh_claim *claim,
                   const struct kh_delivery *deliveries, size_t count);
/* An entry ENTRY with one delivery ID, in a batch of its own. */
void kh_test_owe(const struct kh_store *store, const char *id, struct kh_str body, int64_t not_before_us);

enum kh_seen kh_test_seen(const struct kh_store *store, const struct kh_claim *claim);

/* memory.sqlite as SQLite itself sees it, by a connection of its own: runs SQL, or asks for one number. */
void kh_test_sql(const struct kh_tempdir *dir, const char *sql);
/* True when SQL reads a whole table, or all of a partial index, for each row of another one. */
bool kh_test_sql_walks(const struct kh_tempdir *dir, const char *sql);
/* Of SQLite's own machine, that SQL takes to its end with "" for each parameter. */
int kh_test_sql_steps(const struct kh_tempdir *dir, const char *sql);
int64_t kh_test_sql_number(const struct kh_tempdir *dir, const char *sql);
/* How often NEEDLE stands in the database, its write-ahead log and its shared memory. */
size_t kh_test_count_in_files(const struct kh_tempdir *dir, const char *needle);

extern const char *const kh_test_sqlite_files[3];

#endif
