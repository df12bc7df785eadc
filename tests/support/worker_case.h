/*
 * worker_case.h - a state folder, and workers that a test starts in it.
 */
#ifndef KH_TEST_WORKER_CASE_H
#define KH_TEST_WORKER_CASE_H

#include "inbox/wake.h"
#include "support/tempdir.h"

#include <sys/types.h>

enum { KH_TEST_PATIENCE_MS = 10000 }; /* how long anything may take that will come */

struct kh_worker_case {
  struct kh_tempdir dir;
  char state[512];
  struct kh_config *config; /* mode start; its program does not exist until a script is put there */
  struct kh_worker_lock lock;
  struct kh_diag diag;
  pid_t worker; /* killed at the end; 0: none */
};

/* SIGPIPE is ignored from here on, as in every receiver. */
void kh_worker_case_open(struct kh_worker_case *it);
void kh_worker_case_close(struct kh_worker_case *it);

/* Takes the lock; ends the test when it cannot. */
void kh_worker_case_take(struct kh_worker_case *it);
/* kh_wake with a fresh diag. */
enum kh_worker_seen kh_worker_case_wake(struct kh_worker_case *it);
void kh_worker_case_must_see(struct kh_worker_case *it, enum kh_worker_seen want);
/* True when nobody holds worker.lock. */
bool kh_worker_case_lock_is_free(const struct kh_worker_case *it);

/* The worker's program becomes a shell script that tells its process id and then does THEN. */
void kh_worker_case_put_script(const struct kh_worker_case *it, const char *then);
/* One that stays until it is released, the folder is gone, or half a minute is over. */
void kh_worker_case_put_patient_script(const struct kh_worker_case *it);
/* The process id that the script told. */
pid_t kh_worker_case_wait(const struct kh_worker_case *it);
/* Lets a patient script end, and waits until its lock is free. */
void kh_worker_case_release(struct kh_worker_case *it);

int64_t kh_test_now_ms(void);
int kh_test_open_descriptors(void);

#endif
