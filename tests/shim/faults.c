/*
 * A library for LD_PRELOAD: what a process changes in a folder is written down, call by call, and one call
 * can be made to go wrong.
 *
 * KH_FAULTS_ROOT   the folder, absolute and without links; changes elsewhere are left alone
 * KH_FAULTS_TRACE  the file that gets a record for each change; several processes may share it
 * KH_FAULTS_AT     the number of the call that goes wrong, from 1; unset or 0: none
 * KH_FAULTS_HOW    "before", "after": SIGKILL then; "half": SIGKILL after half of a write; a number: it fails
 *                  so (errno)
 *
 * A record is a line "KIND A B NUMBER LEN1 LEN2" and then two texts of these lengths. KIND, with A and B
 * inodes:
 *   C D P  a file, folder or FIFO B named TEXT1 appeared in folder A
 *   W      TEXT2 was written into file A at NUMBER;  T: file A was cut to NUMBER bytes
 *   S      file or folder A was synced
 *   R L    TEXT1 in folder A was renamed or linked to TEXT2 in folder B
 *   U      TEXT1 left folder A
 *   F      a FIFO was written to
 *   O      TEXT2 goes to standard output or a socket now: an answer
 *   K      call NUMBER goes wrong as TEXT1 says; TEXT2 is its kind
 * Calls that failed by themselves leave no record.
 */
#include "base/base.h"

#include "trace.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_at(int folder, const char *path, int flags, mode_t mode)
{
  struct place place;
  int trace;

  if (!(flags & (O_CREAT | O_TRUNC)) || !kh_trace_place(folder, path, &place))
    return (int)syscall(SYS_openat, folder, path, flags, mode);
  bool is_new = syscall(SYS_faccessat, folder, path, F_OK) != 0;
  if (!is_new && !(flags & O_TRUNC))
    return (int)syscall(SYS_openat, folder, path, flags, mode);
  char kind = is_new ? 'C' : 'T';
  if (!kh_trace_begin(&trace, kind))
    return -1;
  int fd = (int)syscall(SYS_openat, folder, path, flags, mode);
  ino_t inode = fd >= 0 ? kh_trace_inode(fd) : 0;
  struct change change = {
      .kind = kind, .a = is_new ? place.folder : inode, .b = inode, .one = kh_trace_text(place.name)};
  return (int)kh_trace_end(trace, &change, fd);
}

static mode_t mode_of(int flags, va_list more)
{
  return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
}

#define DEFINE_OPEN(name, ...)                 \
  int name(__VA_ARGS__, ...)                   \
  {                                            \
    va_list more;                              \
                                               \
    va_start(more, flags);                     \
    mode_t mode = mode_of(flags, more);        \
    va_end(more);                              \
    return open_at(FOLDER, path, flags, mode); \
  }
#define FOLDER AT_FDCWD
DEFINE_OPEN(open, const char *path, int flags)
DEFINE_OPEN(open64, const char *path, int flags)
#undef FOLDER
#define FOLDER folder
DEFINE_OPEN(openat, int folder, const char *path, int flags)
DEFINE_OPEN(openat64, int folder, const char *path, int flags)

/* AT below 0: at the file's own position. */
static ssize_t write_at(int fd, const void *bytes, size_t len, off_t at)
{
  char kind = kh_trace_kind_of_write(fd);
  int trace = -1;

  if (kind && !kh_trace_begin(&trace, kind))
    return -1;
  off_t from = at >= 0 ? at : kind == 'W' ? lseek(fd, 0, SEEK_CUR) : 0;
  if (kind == 'W' && at < 0 && fcntl(fd, F_GETFL) & O_APPEND)
    from = lseek(fd, 0, SEEK_END);
  bool half = kind && kh_trace_is_halved() && len > 1;
  if (half)
    len /= 2;
  struct change change = {
      .kind = kind, .a = kind ? kh_trace_inode(fd) : 0, .number = from, .two = {bytes, len}};
  if (kind == 'O') /* whoever reads it must not be ahead of the trace */
    kh_trace_put(trace, &change);
  ssize_t wrote = at >= 0 ? syscall(SYS_pwrite64, fd, bytes, len, at) : syscall(SYS_write, fd, bytes, len);
  if (half) {
    if (kind == 'W')
      kh_trace_put(trace, &change);
    kh_trace_die(trace, kind);
  }
  if (!kind)
    return wrote;
  if (wrote >= 0)
    change.two.len = (size_t)wrote;
  (void)kh_trace_end(trace, &change, kind == 'O' ? -1 : wrote);
  return wrote;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
  return write_at(fd, bytes, len, -1);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
  return write_at(fd, bytes, len, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
  return write_at(fd, bytes, len, at);
}

int ftruncate(int fd, off_t size)
{
  const struct change change = {.kind = 'T', .a = kh_trace_inode(fd), .number = size};
  int trace;

  if (!kh_trace_is_below_root(fd))
    return (int)syscall(SYS_ftruncate, fd, size);
  return kh_trace_begin(&trace, 'T') ? (int)kh_trace_end(trace, &change, syscall(SYS_ftruncate, fd, size))
                                     : -1;
}

int ftruncate64(int fd, off64_t size)
{
  return ftruncate(fd, size);
}

/* To whoever reads the file it has grown, as by a cut to a larger size. */
int posix_fallocate(int fd, off_t at, off_t bytes)
{
  const struct change change = {.kind = 'T', .a = kh_trace_inode(fd), .number = at + bytes};
  struct stat about;
  int trace;

  if (!kh_trace_is_below_root(fd) || fstat(fd, &about) || about.st_size >= at + bytes)
    return syscall(SYS_fallocate, fd, 0, at, bytes) ? errno : 0;
  if (!kh_trace_begin(&trace, 'T'))
    return errno;
  return kh_trace_end(trace, &change, syscall(SYS_fallocate, fd, 0, at, bytes)) ? errno : 0;
}

int posix_fallocate64(int fd, off64_t at, off64_t bytes)
{
  return posix_fallocate(fd, at, bytes);
}

static int sync_by(long number, int fd)
{
  const struct change change = {.kind = 'S', .a = kh_trace_inode(fd)};
  int trace;

  if (!kh_trace_is_below_root(fd))
    return (int)syscall(number, fd);
  return kh_trace_begin(&trace, 'S') ? (int)kh_trace_end(trace, &change, syscall(number, fd)) : -1;
}

int fsync(int fd)
{
  return sync_by(SYS_fsync, fd);
}

int fdatasync(int fd)
{
  return sync_by(SYS_fdatasync, fd);
}

static int move(char kind, int from, const char *old_path, int to, const char *new_path, unsigned flags)
{
  struct place old_place, new_place;
  long number = kind == 'R' ? SYS_renameat2 : SYS_linkat;
  int trace;

  if (!kh_trace_place(from, old_path, &old_place) || !kh_trace_place(to, new_path, &new_place))
    return (int)syscall(number, from, old_path, to, new_path, flags);
  const struct change change = {.kind = kind,
                                .a = old_place.folder,
                                .b = new_place.folder,
                                .one = kh_trace_text(old_place.name),
                                .two = kh_trace_text(new_place.name)};
  return kh_trace_begin(&trace, kind)
             ? (int)kh_trace_end(trace, &change, syscall(number, from, old_path, to, new_path, flags))
             : -1;
}

int rename(const char *old_path, const char *new_path)
{
  return move('R', AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

int renameat(int from, const char *old_path, int to, const char *new_path)
{
  return move('R', from, old_path, to, new_path, 0);
}

int renameat2(int from, const char *old_path, int to, const char *new_path, unsigned flags)
{
  return move('R', from, old_path, to, new_path, flags);
}

int link(const char *old_path, const char *new_path)
{
  return move('L', AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

int linkat(int from, const char *old_path, int to, const char *new_path, int flags)
{
  return move('L', from, old_path, to, new_path, (unsigned)flags);
}

int unlinkat(int folder, const char *path, int flags)
{
  struct place place;
  int trace;

  if (!kh_trace_place(folder, path, &place))
    return (int)syscall(SYS_unlinkat, folder, path, flags);
  const struct change change = {.kind = 'U', .a = place.folder, .one = kh_trace_text(place.name)};
  return kh_trace_begin(&trace, 'U')
             ? (int)kh_trace_end(trace, &change, syscall(SYS_unlinkat, folder, path, flags))
             : -1;
}

int unlink(const char *path)
{
  return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
  return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

static int make(char kind, int folder, const char *path, mode_t mode)
{
  struct place place;
  struct stat about = {.st_ino = 0};
  mode_t type = kind == 'D' ? 0 : S_IFIFO;
  int trace = -1;
  bool inside = kh_trace_place(folder, path, &place);

  if (inside && !kh_trace_begin(&trace, kind))
    return -1;
  long result = kind == 'D' ? syscall(SYS_mkdirat, folder, path, mode)
                            : syscall(SYS_mknodat, folder, path, type | mode, 0);
  if (!inside)
    return (int)result;
  int cause = errno;
  (void)fstatat(folder, path, &about, AT_SYMLINK_NOFOLLOW);
  errno = cause;
  const struct change change = {
      .kind = kind, .a = place.folder, .b = about.st_ino, .one = kh_trace_text(place.name)};
  return (int)kh_trace_end(trace, &change, result);
}

int mkdirat(int folder, const char *path, mode_t mode)
{
  return make('D', folder, path, mode);
}

int mkdir(const char *path, mode_t mode)
{
  return make('D', AT_FDCWD, path, mode);
}

int mkfifoat(int folder, const char *path, mode_t mode)
{
  return make('P', folder, path, mode);
}

int mkfifo(const char *path, mode_t mode)
{
  return make('P', AT_FDCWD, path, mode);
}
