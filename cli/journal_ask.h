/*
 * journal_ask.h - what the commands that read the journal share: opening it, and saying what is not there.
 */
#ifndef KH_JOURNAL_ASK_H
#define KH_JOURNAL_ASK_H

#include "memory/sqlite/look.h"
#include "state_folder.h"

/*
 * Opens the state folder and, in *LOOK, its memory, to look only. KH_EXIT_OK, or what to exit with, after a
 * complaint. Close both either way.
 */
int kh_journal_open(struct kh_state_folder *folder, struct kh_look **look, const struct kh_command *self,
                    const char *config_path);

/*
 * What the look knows by slugs, for what a person calls PIPELINE: a slug, organization/slug or an id. SLUGS
 * gets the text that the answer points into, and is the caller's to release.
 */
enum kh_err kh_journal_pipeline(struct kh_look *look, struct kh_str pipeline, struct kh_buf *slugs,
                                struct kh_diag *diag) KH_MUST_USE;

/*
 * Complains that the journal has no webhook at all, with what to type, and returns what to exit with;
 * KH_EXIT_OK where it has some. SPAN gets what it covers.
 */
int kh_journal_must_have_some(const struct kh_state_folder *folder, struct kh_look *look,
                              struct kh_look_span *span);

/*
 * The rules of today, without secrets, to be closed; NULL where they cannot be read, after a complaint that
 * ends in SO: "so that …".
 */
struct kh_setup *kh_journal_rules(const struct kh_state_folder *folder, const char *so);

#endif
