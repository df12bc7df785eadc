/*
 * schema.h - the tables of memory.sqlite, how a file is opened, and what brings an older one up to date.
 *
 * Times are microseconds since 1970 UTC. Nothing is stored that could be used as a credential. A change to
 * the tables raises KH_SCHEMA_VERSION (PRAGMA user_version) and brings the step from the version before.
 */
#ifndef KH_SCHEMA_H
#define KH_SCHEMA_H

#define KH_SCHEMA_VERSION 6

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

/* Fills shares, which is empty, from deliveries. */
#define KH_SCHEMA_SHARES                                                                                    \
  "INSERT INTO shares SELECT credential, sum(dead_us IS NULL), sum(iif(dead_us IS NULL, length(body), 0))," \
  " sum(dead_us IS NOT NULL), sum(iif(dead_us IS NULL, 0, length(body))) FROM deliveries"                   \
  " GROUP BY credential"

#endif
