/*
 * file.h - whole files in, whole messages out.
 */
#ifndef KH_FILE_H
#define KH_FILE_H

#include "base/buf.h"

/*
 * Appends the file at PATH to OUT. KH_ERR_NOT_FOUND when it does not exist,
 * KH_ERR_LIMIT when it is larger than OUT may grow, KH_ERR_IO otherwise; DIAG
 * names the path and the cause.
 */
enum kh_err kh_file_read(const char *path, struct kh_buf *out, struct kh_diag *diag) KH_MUST_USE;
/* Appends all that FD gives until its end; the same errors. */
enum kh_err kh_fd_read(int fd, struct kh_buf *out) KH_MUST_USE;
/*
 * True for the two values of errno that say "no room": ENOSPC, and EDQUOT of a quota, which statvfs does not
 * show.
 */
static inline bool kh_is_full(int cause)
{
  return cause == ENOSPC || cause == EDQUOT;
}

/*
 * Writes all of TEXT, over short writes and EINTR. KH_ERR_NO_SPACE for ENOSPC and EDQUOT, KH_ERR_IO
 * otherwise.
 */
enum kh_err kh_fd_write(int fd, struct kh_str text) KH_MUST_USE;

/*
 * As kh_fd_write, for a log that goes on whatever it costs. *IS_TORN: what was written last broke off, as on
 * a full disk; a line end then comes before LINE, which would be unreadable behind it.
 */
enum kh_err kh_fd_write_line(int fd, struct kh_str line, bool *is_torn) KH_MUST_USE;

/* True when PATH, which FD has open, is a file whose last line has no end. */
bool kh_fd_is_torn(int fd, const char *path);

/* True when PATH names what FD has open; false too when that cannot be told. */
bool kh_fd_is_at(int fd, const char *path);

/*
 * Opens the null device in place of each of the descriptors 0 to 2 that is closed, as FastCGI's specification
 * allows 1 and 2 to be. Otherwise a connection gets such a number, and log lines go to the client.
 */
void kh_fd_fill_standard(void);

#endif
