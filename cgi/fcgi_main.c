#include "base/base.h"

#include "base/file.h"
#include "cgi.h"

#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

extern char **environ;

enum { SYSTEMD_FIRST_FD = 3 };

/* What signal handlers touch. */
static volatile sig_atomic_t stopping = 0;
static volatile sig_atomic_t late = 0;
static volatile sig_atomic_t connection = -1;

static void on_stop(int signal_number)
{
  (void)signal_number;
  stopping = 1;
}

/* Ends a read that libfcgi would go on with for as long as a byte comes now and then; the answer can still be written. */
static void on_deadline(int signal_number)
{
  (void)signal_number;
  late = 1;
  (void)shutdown(connection, SHUT_RD);
}

static void set_deadline(int fd, int seconds)
{
  const struct itimerval timer = {.it_value = {.tv_sec = seconds}};

  late = 0;
  connection = fd;
  (void)setitimer(ITIMER_REAL, &timer, NULL);
}

static ssize_t read_stream(void *self, char *to, size_t room)
{
  FCGX_Stream *stream = self;
  int got = FCGX_GetStr(to, room > INT_MAX ? INT_MAX : (int)room, stream);

  if (late)
    return -2;
  return got > 0 || FCGX_GetError(stream) == 0 ? got : -1;
}

static bool is_listening(int fd)
{
  int listens = 0;
  socklen_t size = sizeof listens;

  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
}

/*
 * systemd's socket activation hands the listening socket over as descriptor 3; web servers and spawn-fcgi as 0. -1: none.
 * Several are refused: the clients of all but one would wait for ever.
 */
static int listening_socket(const char *const *environment)
{
  struct kh_str fds = KH_NO_STR;
  struct kh_str pid = KH_NO_STR;
  uint64_t own = 0;

  for (size_t i = 0; environment[i]; i++) {
    struct kh_str value = kh_str_of(environment[i]);
    struct kh_str name = kh_str_cut(&value, '=');

    if (kh_str_equal(name, KH_STR("LISTEN_FDS")))
      fds = value;
    else if (kh_str_equal(name, KH_STR("LISTEN_PID")))
      pid = value;
  }
  if (fds.at && kh_str_u64(pid, &own) && own == (uint64_t)getpid())
    return kh_str_equal(fds, KH_STR("1")) && is_listening(SYSTEMD_FIRST_FD) ? SYSTEMD_FIRST_FD : -1;
  return FCGX_IsCGI() ? -1 : 0;
}

static void handle(struct kh_reception *reception, FCGX_Request *fcgi, struct kh_buf *body,
                   struct kh_buf *answer)
{
  const struct kh_cgi_source source = {read_stream, fcgi->in};
  struct kh_request request;
  struct kh_response response;
  struct kh_cgi_body plan;

  kh_buf_clear(answer);
  body->max = kh_reception_max_body(reception);
  kh_buf_clear(body);
  kh_cgi_request((const char *const *)fcgi->envp, "fastcgi", &request, &plan);
  set_deadline(fcgi->ipcFd, KH_CGI_BODY_DEADLINE_MS / 1000);
  kh_cgi_read_body(&request, &plan, &source, body->max, body);
  set_deadline(-1, 0);
  kh_reception_handle(reception, &request, &response);
  if (!kh_cgi_response(&response, answer))
    (void)FCGX_PutStr(answer->at, (int)answer->len, fcgi->out);
  kh_buf_release(&response.body);
}

/* Signals that end the program are blocked but while it waits: one of them must not cut a webhook short. */
static void set_signals(sigset_t *while_waiting)
{
  const int ending[] = {SIGTERM, SIGINT, SIGUSR1};
  const struct sigaction stop = {.sa_handler = on_stop};
  const struct sigaction deadline = {.sa_handler = on_deadline};
  sigset_t blocked;

  (void)sigemptyset(&blocked);
  for (size_t i = 0; i < KH_COUNT(ending); i++) {
    (void)sigaddset(&blocked, ending[i]);
    (void)sigaction(ending[i], &stop, NULL);
  }
  (void)sigaction(SIGALRM, &deadline, NULL);
  (void)signal(SIGPIPE, SIG_IGN);
  (void)sigprocmask(SIG_BLOCK, &blocked, while_waiting);
  for (size_t i = 0; i < KH_COUNT(ending); i++)
    (void)sigdelset(while_waiting, ending[i]);
}

/* False when there is nothing to handle after all: a signal came, another process was faster, or accepting failed. */
static bool accept_next(FCGX_Request *fcgi, int listener, const sigset_t *while_waiting)
{
  const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
  struct pollfd socket = {.fd = listener, .events = POLLIN};

  if (ppoll(&socket, 1, NULL, while_waiting) <= 0 || stopping)
    return false;
  int result = FCGX_Accept_r(fcgi);
  /* Too many open files, for one: it passes, and leaving would not help. */
  if (result < 0 && result != -EAGAIN && result != -EINTR)
    (void)nanosleep(&pause, NULL);
  return result >= 0;
}

int main(void)
{
  const char *const *environment = (const char *const *)environ;
  struct kh_reception reception;
  struct kh_buf body;
  struct kh_buf answer;
  FCGX_Request fcgi;
  sigset_t while_waiting;

  kh_fd_fill_standard();
  int listener = listening_socket(environment);

  if (listener < 0) {
    (void)fputs("kitehook.fcgi " KH_VERSION ": start this program from a FastCGI manager, for example\n"
                "  spawn-fcgi -s /run/kitehook.sock -- kitehook.fcgi\n"
                "or from a systemd service with one socket, a ListenStream= with Accept=no.\n"
                "To try things by hand, use the kitehook command: kitehook invoke --help\n",
                stderr);
    return 2;
  }
  if (FCGX_Init() || FCGX_InitRequest(&fcgi, listener, FCGI_FAIL_ACCEPT_ON_INTR))
    return 1;
  set_signals(&while_waiting);
  /* Several processes wait for one socket: whoever comes second must not be stuck in accept, deaf to signals. */
  (void)fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK);
  kh_reception_open(&reception, kh_cgi_config_path(environment), environment, &kh_system_clock);
  kh_buf_init(&body, kh_reception_max_body(&reception));
  kh_buf_init(&answer, KH_RESPONSE_MAX_BYTES + 1024);

  while (!stopping) {
    if (!accept_next(&fcgi, listener, &while_waiting))
      continue;
    handle(&reception, &fcgi, &body, &answer);
    fcgi.keepConnection = 0; /* a kept connection would starve the others: there is one process */
    FCGX_Finish_r(&fcgi);
  }
  kh_buf_release(&answer);
  kh_buf_release(&body);
  kh_reception_close(&reception);
  return 0;
}
