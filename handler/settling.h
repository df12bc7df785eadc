/*
 * settling.h - a worker's setup is kept fresh, and changes only once its files are still.
 *
 * An editor empties a file before it fills it, scp writes on for a while, git replaces one file after the
 * other: by what stands there meanwhile notifications would be lost. So files that have changed are read, and
 * count once device, inode, size, mtime and ctime of all of them are KH_SETTLE_MS later what they were; where
 * they hold fewer rules than before, as half a file would, KH_SETTLE_FEWER_MS later. Rules that come to a
 * worker that has none need not wait.
 */
#ifndef KH_SETTLING_H
#define KH_SETTLING_H

#include "base/clock.h"
#include "setup.h"

enum { KH_SETTLE_MS = 2000, KH_SETTLE_FEWER_MS = 5000, KH_SETTLE_PATIENCE_MS = 10000 };

struct kh_settling {
  const char *path; /* this and the next as kh_setup_open takes them; all borrowed */
  const char *const *environment;
  const struct kh_clock *clock;

  struct kh_setup *last;       /* owned; the last one read, where that is not in use; or NULL */
  bool is_waiting;             /* LAST may be written on; else it was found to be wrong */
  int64_t last_us;             /* ticks: when LAST was read */
  int64_t since_us;            /* ticks: when the setup in use was first found outdated */
  char changed[KH_PATH_BYTES]; /* a file that was other than before at the last such look */
};

enum kh_settled {
  KH_SETTLED_SAME,  /* nothing new */
  KH_SETTLED_WAITS, /* changed, but not still for long enough */
  KH_SETTLED_FRESH,
  KH_SETTLED_WRONG /* the setup in use is to be kept; said once for each state of the files */
};

/*
 * The first setup, at KH_CONFIG_WHOLE, which needs `state`: *SETUP and the errors are those of kh_setup_open.
 * *WAIT_MS gets how long to wait before it is opened anew, since a file is younger than KH_SETTLE_MS; else 0.
 */
enum kh_err kh_settling_open(struct kh_settling *settling, struct kh_setup **setup, int64_t *wait_ms,
                             struct kh_diags *diags) KH_MUST_USE;
void kh_settling_close(struct kh_settling *settling);

/*
 * Looks whether there is another setup than the one IN_USE; call it at most once a second. AT_ONCE reads the
 * files anew and waits for nothing. *FRESH, with KH_SETTLED_FRESH, is the caller's; why it is wrong is in
 * DIAGS. A setup of another state folder is wrong, and so is, but AT_ONCE, one that has no rules where the
 * one in use has some and does not say `notify: []`.
 */
enum kh_settled kh_settling_look(struct kh_settling *settling, const struct kh_setup *in_use, bool at_once,
                                 struct kh_setup **fresh, struct kh_diags *diags);

/* True when a look may find something. As dear as kh_config_is_outdated. */
bool kh_settling_is_due(const struct kh_settling *settling, const struct kh_setup *in_use);
/* For how long the files have been other ones than those of the setup in use, while they wait; else 0. */
int64_t kh_settling_for_ms(const struct kh_settling *settling);
/* True while the files hold something that was found to be wrong. */
static inline bool kh_settling_is_wrong(const struct kh_settling *settling)
{
  return settling->last && !settling->is_waiting;
}

#endif
