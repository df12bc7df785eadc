/*
 * tables.h - `tables:`, texts for texts: whom to mention for an address, the channel of a pipeline.
 *
 *   tables:
 *     people: {file: people.yml}                     # a mapping, in a file of its own
 *     rooms: {entries: {web-site: "#web", "web-*": "#web-others"}}
 *
 * An entry with '*' in it, or that begins with '!', is a list of branch patterns (branches.h); every other
 * one stands for itself, with its blanks. The exact one counts; else the first whose patterns match. Upper
 * and lower case of ASCII differ, but for a key with an '@' in it, an address. config/tables.c reads the
 * files.
 *
 * Limits: a key has 1,000 bytes, and a longer text is in no table; a value has 1,000 characters on one line.
 */
#ifndef KH_TABLES_H
#define KH_TABLES_H

#include "config/config.h"

/* Reads the tables of CONFIG. All mistakes go to DIAGS, without what stands in them. KH_ERR_CONFIG. */
enum kh_err kh_tables_read(struct kh_config *config, struct kh_diags *diags) KH_MUST_USE;
/* What TABLE, one of config->tables, has for KEY; absent where it has nothing. */
struct kh_str kh_table_find(const json_t *table, struct kh_str key);

#endif
