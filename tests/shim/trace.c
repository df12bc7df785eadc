#include "base/base.h"

#include "trace.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static struct {
  const char *root, *trace, *how;
  unsigned long at;
} settings;
static unsigned long calls;

static __attribute__((constructor)) void read_settings(void)
{
  const char *at = getenv("KH_FAULTS_AT");
  const char *how = getenv("KH_FAULTS_HOW");

  settings.root = getenv("KH_FAULTS_ROOT");
  settings.trace = getenv("KH_FAULTS_TRACE");
  settings.at = at ? strtoul(at, NULL, 10) : 0;
  settings.how = how ? how : "before";
}

/* ---- the trace ---- */

static _Noreturn void end_process(void)
{
  (void)syscall(SYS_kill, getpid(), SIGKILL);
  for (;;)
    (void)pause();
}

/* Opened anew each time: descriptors are closed and inherited in ways that are none of our business. */
static int lock_trace(void)
{
  int fd = (int)syscall(SYS_openat, AT_FDCWD, settings.trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                        0600);

  if (fd < 0 || flock(fd, LOCK_EX))
    end_process();
  return fd;
}

void kh_trace_put(int fd, const struct change *change)
{
  char head[160];
  int len = snprintf(head, sizeof head, "%c %llu %llu %lld %zu %zu\n", change->kind,
                     (unsigned long long)change->a, (unsigned long long)change->b, change->number,
                     change->one.len, change->two.len);
  const struct text texts[] = {change->one, change->two};

  if (syscall(SYS_write, fd, head, (size_t)len) != len)
    end_process();
  for (size_t i = 0; i < 2; i++)
    if (texts[i].len > 0 && syscall(SYS_write, fd, texts[i].at, texts[i].len) != (long)texts[i].len)
      end_process();
}

struct text kh_trace_text(const char *text)
{
  return (struct text){text, strlen(text)};
}

static bool is_how(const char *how)
{
  return strcmp(settings.how, how) == 0;
}

static void put_fault(int fd, char kind)
{
  const struct change fault = {
      .kind = 'K', .number = (long long)calls, .one = kh_trace_text(settings.how), .two = {&kind, 1}};

  kh_trace_put(fd, &fault);
}

bool kh_trace_begin(int *trace, char kind)
{
  *trace = lock_trace();
  if (++calls != settings.at || is_how("after") || is_how("half"))
    return true;
  if (is_how("before"))
    kh_trace_die(*trace, kind);
  put_fault(*trace, kind);
  (void)syscall(SYS_close, *trace);
  errno = (int)strtol(settings.how, NULL, 10);
  return false;
}

long kh_trace_end(int trace, const struct change *change, long result)
{
  int cause = errno;

  if (result >= 0)
    kh_trace_put(trace, change);
  if (calls == settings.at && is_how("after"))
    kh_trace_die(trace, change->kind);
  (void)syscall(SYS_close, trace);
  errno = cause;
  return result;
}

bool kh_trace_is_halved(void)
{
  return calls == settings.at && is_how("half");
}

_Noreturn void kh_trace_die(int trace, char kind)
{
  put_fault(trace, kind);
  end_process();
}

/* ---- what belongs to the folder ---- */

bool kh_trace_is_below_root(int fd)
{
  char link[64], path[PATH_BYTES];
  size_t root = settings.root ? strlen(settings.root) : 0;

  if (root == 0 || !settings.trace)
    return false;
  (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t len = readlink(link, path, sizeof path - 1);
  if (len < (ssize_t)root)
    return false;
  path[len] = '\0';
  return strncmp(path, settings.root, root) == 0 && (path[root] == '\0' || path[root] == '/');
}

ino_t kh_trace_inode(int fd)
{
  struct stat about = {.st_ino = 0};

  (void)fstat(fd, &about);
  return about.st_ino;
}

bool kh_trace_place(int folder, const char *path, struct place *place)
{
  const char *slash = strrchr(path, '/');
  char parent[PATH_BYTES] = ".";
  int cause = errno;

  place->name = slash ? slash + 1 : path;
  if (slash && (size_t)(slash - path) < sizeof parent - 1)
    (void)snprintf(parent, sizeof parent, "%.*s", slash == path ? 1 : (int)(slash - path), path);
  int fd = (int)syscall(SYS_openat, folder, parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
  bool found = fd >= 0 && kh_trace_is_below_root(fd);
  if (found)
    place->folder = kh_trace_inode(fd);
  if (fd >= 0)
    (void)syscall(SYS_close, fd);
  errno = cause;
  return found;
}

char kh_trace_kind_of_write(int fd)
{
  struct stat about;
  int cause = errno;
  char kind = '\0';

  if (!settings.trace)
    return '\0';
  if (fd == STDOUT_FILENO || (fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode)))
    kind = 'O';
  else if (fstat(fd, &about) == 0 && (S_ISREG(about.st_mode) || S_ISFIFO(about.st_mode)) &&
           kh_trace_is_below_root(fd))
    kind = S_ISREG(about.st_mode) ? 'W' : 'F';
  errno = cause;
  return kind;
}
