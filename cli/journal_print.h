/*
 * journal_print.h - what `kitehook log`, `show` and `why` print of the journal's JSON (journal_rows.h).
 */
#ifndef KH_JOURNAL_PRINT_H
#define KH_JOURNAL_PRINT_H

#include <jansson.h>

/* "2026-11-29T16:01:02Z", or "-" for null. */
void kh_journal_print_time(const json_t *time);
/* "acme-kites/kite-frame #12 main failed", of what a webhook has of these. */
void kh_journal_print_build(const json_t *webhook);
/* BEFORE and "proven by signature (secret default)"; nothing of one that an older version noted. */
void kh_journal_print_proof(const char *before, const json_t *webhook);
/* A webhook on one line, with its "reasons" (kh_journal_reasons_json). */
void kh_journal_print_line(const json_t *webhook);
/* "breaks -> slack env:HOOK: its condition is not true (condition_false)", behind INDENT blanks. */
void kh_journal_print_decision(const json_t *decision, int indent);
/* What became of one delivery, on a line of its own; WITH_ATTEMPTS one more for each that failed. */
void kh_journal_print_fate(const json_t *fate, int indent, bool with_attempts);

#endif
