/*
 * log.h - the worker's log as a file that cannot fill a disk and may be rotated by others.
 *
 * One write() a line, appended, mode 0600. Over its bound the file is renamed to "<path>.1", which replaces
 * the one before, and begun anew. When somebody else has renamed or removed it, the next line opens it again.
 */
#ifndef KH_WORKER_LOG_H
#define KH_WORKER_LOG_H

#include "base/log.h"
#include "config/config.h"

enum { KH_LOG_FILE_MAX_BYTES = 10 * 1024 * 1024 };

struct kh_log_file {
  char path[KH_PATH_BYTES + 16]; /* "" is standard error */
  uint64_t max_bytes;            /* 0: no bound; whoever chose the path sees to it */
  int fd;                        /* -1 while closed */
  bool is_torn;                  /* its last line broke off, here or in the worker before */
};

/* PATH "" or MAX_BYTES 0: see above. KH_ERR_IO with DIAG. */
enum kh_err kh_log_file_open(struct kh_log_file *log, const char *path, uint64_t max_bytes,
                             struct kh_diag *diag) KH_MUST_USE;
void kh_log_file_close(struct kh_log_file *log);
/* The lines' way in. LOG must stay where it is. */
struct kh_log kh_log_file_lines(struct kh_log_file *log, const struct kh_clock *clock);

#endif
