#include "base/base.h"

#include "base/file.h"
#include "cgi.h"
#include "fcgi_server.h"

#include <fcgiapp.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

extern char **environ;

enum { SYSTEMD_FIRST_FD = 3 };

/* What signal handlers touch. */
static volatile sig_atomic_t stopping = 0;
static volatile sig_atomic_t hung_up = 0;

static void on_stop(int signal_number)
{
  (void)signal_number;
  stopping = 1;
}

static void on_hangup(int signal_number)
{
  (void)signal_number;
  hung_up = 1;
}

static void on_nothing(int signal_number)
{
  (void)signal_number;
}

/* What serves one request after the other; buffers are reused. */
struct receiver {
  struct kh_fcgi_server server;
  struct kh_reception reception;
  struct kh_refusals refusals;
  struct kh_buf body;
  struct kh_buf answer;
  FCGX_Request fcgi;
  int64_t written_us; /* when `refusals` was, in the clock's ticks */
};

/* What is left to read of a body, and what it ends with: see fcgi_server.h. */
struct collected {
  struct kh_str rest;
  enum kh_err end;
};

static ssize_t read_collected(void *self, char *to, size_t room)
{
  struct collected *body = self;
  const size_t count = body->rest.len < room ? body->rest.len : room;

  if (count == 0 && body->end)
    return body->end == KH_ERR_BODY_LATE ? -2 : -1;
  if (count > 0)
    memcpy(to, body->rest.at, count);
  body->rest = kh_str(body->rest.at + count, body->rest.len - count);
  return (ssize_t)count;
}

static void handle(struct receiver *receiver, struct kh_str collected, enum kh_err end)
{
  struct collected input = {collected, end};
  const struct kh_cgi_source source = {read_collected, &input};
  struct kh_buf *answer = &receiver->answer;
  struct kh_buf *body = &receiver->body;
  struct kh_request request;
  struct kh_response response;
  struct kh_cgi_body plan;

  kh_buf_clear(answer);
  body->max = kh_reception_max_body(&receiver->reception);
  kh_buf_clear(body);
  kh_cgi_request((const char *const *)receiver->fcgi.envp, "fastcgi", &request, &plan);
  kh_cgi_read_body(&request, &plan, &source, body->max, body);
  kh_reception_handle(&receiver->reception, &request, &response);
  /* The answer belongs over what was read; until here libfcgi has written nothing. */
  (void)lseek(receiver->fcgi.ipcFd, 0, SEEK_SET);
  if (!kh_cgi_response(&response, answer))
    (void)FCGX_PutStr(answer->at, (int)answer->len, receiver->fcgi.out);
  kh_buf_release(&response.body);
}

/* As the config in use has them. */
static void take_limits(struct receiver *receiver)
{
  receiver->server.body_max_bytes = kh_reception_max_body(&receiver->reception);
  receiver->server.deadline_ms = kh_reception_deadline_ms(&receiver->reception);
}

/* The file is shared with other receivers: what it is too busy for now comes a second later. */
static void write_refusals(void *self)
{
  struct receiver *receiver = self;
  const struct kh_config *config = receiver->reception.config;
  const struct kh_clock *clock = receiver->server.clock;

  if (config && config->state[0])
    kh_refusals_write(&receiver->refusals, config->state, kh_clock_now_us(clock));
  receiver->written_us = kh_clock_ticks_us(clock);
  receiver->server.tick_us = receiver->refusals.has_any ? receiver->written_us + KH_REFUSALS_EVERY_US
                                                        : INT64_MAX;
}

static bool serve(void *self, int records, struct kh_str body, enum kh_err end)
{
  struct receiver *receiver = self;
  FCGX_Request *fcgi = &receiver->fcgi;

  if (hung_up) {
    hung_up = 0;
    kh_reception_look_again(&receiver->reception);
  }
  /*
   * For libfcgi this is a connection that is kept: it reads the next head from there, without accepting one.
   */
  if (fcgi->ipcFd < 0)
    fcgi->ipcFd = fcntl(records, F_DUPFD_CLOEXEC, 0);
  fcgi->keepConnection = 1;
  if (fcgi->ipcFd < 0 || FCGX_Accept_r(fcgi) < 0)
    return false;
  handle(receiver, body, end);
  fcgi->keepConnection = 1;
  FCGX_Finish_r(fcgi);
  take_limits(receiver);
  if (receiver->refusals.has_any)
    receiver->server.tick_us = receiver->written_us + KH_REFUSALS_EVERY_US;
  /* libfcgi closes its descriptor when it could not write. */
  return fcgi->ipcFd >= 0;
}

static bool is_listening(int fd)
{
  int listens = 0;
  socklen_t size = sizeof listens;

  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
}

/* Of the process environment; NULL when it is not set. */
static const char *variable(const char *const *environment, struct kh_str name)
{
  for (size_t i = 0; environment[i]; i++) {
    struct kh_str value = kh_str_of(environment[i]);

    if (kh_str_equal(kh_str_cut(&value, '='), name))
      return value.at;
  }
  return NULL;
}

/*
 * systemd's socket activation hands the listening socket over as descriptor 3; web servers and spawn-fcgi
 * as 0. -1: none. Several are refused: the clients of all but one would wait for ever.
 */
static int listening_socket(const char *const *environment)
{
  struct kh_str fds = kh_str_of(variable(environment, KH_STR("LISTEN_FDS")));
  struct kh_str pid = kh_str_of(variable(environment, KH_STR("LISTEN_PID")));
  uint64_t own = 0;

  if (fds.at && kh_str_u64(pid, &own) && own == (uint64_t)getpid())
    return kh_str_equal(fds, KH_STR("1")) && is_listening(SYSTEMD_FIRST_FD) ? SYSTEMD_FIRST_FD : -1;
  return FCGX_IsCGI() ? -1 : 0;
}

/* Each of them is blocked but while it waits: none must cut a webhook short between keeping and answering. */
static void set_signals(sigset_t *while_waiting)
{
  const struct {
    int number;
    void (*handler)(int signal_number);
  } handled[] = {
      {SIGTERM, on_stop}, {SIGINT, on_stop}, {SIGUSR1, on_stop}, {SIGHUP, on_hangup}, {SIGUSR2, on_nothing}};
  sigset_t blocked;

  (void)sigemptyset(&blocked);
  for (size_t i = 0; i < KH_COUNT(handled); i++) {
    const struct sigaction action = {.sa_handler = handled[i].handler};

    (void)sigaddset(&blocked, handled[i].number);
    (void)sigaction(handled[i].number, &action, NULL);
  }
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGXFSZ, SIG_IGN);
  (void)sigprocmask(SIG_BLOCK, &blocked, while_waiting);
  for (size_t i = 0; i < KH_COUNT(handled); i++)
    (void)sigdelset(while_waiting, handled[i].number);
}

int main(void)
{
  static struct receiver receiver;
  const char *const *environment = (const char *const *)environ;
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
  /* libfcgi gets heads that are complete, and nothing to accept. */
  if (FCGX_Init() || FCGX_InitRequest(&receiver.fcgi, -1, 0))
    return 1;
  set_signals(&while_waiting);
  /*
   * Several processes wait for one socket: whoever comes second must not be stuck in accept, deaf to signals.
   */
  (void)fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK);
  kh_reception_open(&receiver.reception, kh_cgi_config_path(environment), environment, &kh_system_clock);
  receiver.reception.refusals = &receiver.refusals;
  kh_buf_init(&receiver.body, kh_reception_max_body(&receiver.reception));
  kh_buf_init(&receiver.answer, KH_RESPONSE_MAX_BYTES + 1024);
  receiver.server = (struct kh_fcgi_server){
      .listener = listener,
      .clock = &kh_system_clock,
      .allowed_addresses = variable(environment, KH_STR("FCGI_WEB_SERVER_ADDRS")),
      .serve = serve,
      .tick = write_refusals,
      .tick_us = INT64_MAX,
      .self = &receiver,
  };
  take_limits(&receiver);

  enum kh_err err = kh_fcgi_serve_until(&receiver.server, &stopping, &while_waiting);

  write_refusals(&receiver);
  kh_buf_release(&receiver.answer);
  kh_buf_release(&receiver.body);
  kh_reception_close(&receiver.reception);
  return err ? 1 : 0;
}
