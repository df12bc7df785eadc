/*
 * github.h - what the words of GitHub share: the account, the commit that a delivery is about, and what its
 * answers mean.
 *
 * A place is "OWNER/REPOSITORY COMMIT NAME", where NAME is the context of a status or the name of a check. So
 * order holds for what one replaces, and nothing that another commit waits for is replaced.
 */
#ifndef KH_GITHUB_H
#define KH_GITHUB_H

#include "rules/notifier.h"

enum { KH_GITHUB_NAME_CHARACTERS = 255 }; /* of a context or a check's name; GitHub refuses more */

extern const struct kh_account kh_github_account;

/*
 * For configure functions: RULE's service has a token, or an app with all that it needs; where NEEDS_APP, an
 * app. KH_ERR_CONFIG.
 */
enum kh_err kh_github_check_account(struct kh_config *config, const struct kh_rule *rule, bool needs_app,
                                    struct kh_diags *diags) KH_MUST_USE;

/* ---- app.c: an app's token, for notifiers ---- */

/* Of the installation that RULE's service names. */
enum kh_err kh_github_ask_app(const struct kh_rule *rule, int64_t now_us, struct kh_secret *proof,
                              struct kh_outgoing *outgoing) KH_MUST_USE;
/* The same, unless it has a token of its own. */
enum kh_err kh_github_ask_grant(const struct kh_rule *rule, int64_t now_us, struct kh_secret *proof,
                                struct kh_outgoing *outgoing) KH_MUST_USE;
bool kh_github_take_grant(struct kh_str body, struct kh_secret *grant, int64_t *until_us);

/* ---- commit.c ---- */

/* A place, taken apart; borrowed from it. */
struct kh_github_commit {
  struct kh_str repository, commit, name;
};

/*
 * Appends "OWNER/REPOSITORY COMMIT " for RENDERING's build. KH_ERR_NOT_FOUND where that is in no repository
 * of the GitHub that RULE's service is for, or where its commit is none of 40 digits, as before HEAD is
 * resolved.
 */
enum kh_err kh_github_add_commit(const struct kh_rule *rule, const struct kh_rendering *rendering,
                                 struct kh_buf *place) KH_MUST_USE;
/*
 * Appends the name that a job's step has: its key or its label; nothing for events that are of no job.
 */
void kh_github_add_step(const struct kh_event *event, struct kh_buf *name);
/* False for a place that is none of these. */
bool kh_github_read_place(const char *place, struct kh_github_commit *commit) KH_MUST_USE;
/*
 * OUTGOING goes to PATH of RULE's service, as GitHub wants requests to be, by TOKEN, which is borrowed.
 */
enum kh_err kh_github_address(const struct kh_rule *rule, const char *path, const struct kh_secret *token,
                              struct kh_outgoing *outgoing) KH_MUST_USE;

/* ---- state.c ---- */

/* What a build or a job is worth to GitHub. */
enum kh_github_state {
  KH_GITHUB_PENDING, /* nothing is known, or nothing new: a job that is retried goes on as another one */
  KH_GITHUB_QUEUED,
  KH_GITHUB_RUNNING,
  KH_GITHUB_BLOCKED,
  KH_GITHUB_PASSED,
  KH_GITHUB_FAILED,
  KH_GITHUB_FAILING, /* it will have failed, and goes on */
  KH_GITHUB_TIMED_OUT,
  KH_GITHUB_CANCELED,
  KH_GITHUB_SKIPPED,
  KH_GITHUB_NOT_RUN,
  KH_GITHUB_STATE__COUNT
};

enum kh_github_state kh_github_state_of(const struct kh_event *event);

/* ---- run.c: the check run that goes on ---- */

extern const struct kh_told_by kh_github_runs;

/*
 * Can the run of OUTGOING->told tell what DELIVERY does? One that is completed never goes back, and a build
 * that comes to its end after another one's has a run of its own. *ID is borrowed from it.
 */
bool kh_github_goes_on(const struct kh_delivery *delivery, const struct kh_told *told, struct kh_str *id);

/* ---- answer.c ---- */

void kh_github_judge(const struct kh_incoming *answer, int64_t now_us, struct kh_verdict *verdict);

#endif
