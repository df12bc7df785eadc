#include "base/base.h"

#include "cgi.h"

#include <fcgiapp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

extern char **environ;

enum { SYSTEMD_FIRST_FD = 3 };

static void stop(int signal_number)
{
  (void)signal_number;
  FCGX_ShutdownPending();
}

static ssize_t read_stream(void *self, char *to, size_t room)
{
  FCGX_Stream *stream = self;
  errno = 0;
  int got = FCGX_GetStr(to, room > INT_MAX ? INT_MAX : (int)room, stream);

  if (got > 0 || FCGX_GetError(stream) == 0)
    return got;
  return errno == EAGAIN ? -2 : -1; /* SO_RCVTIMEO's way to say that time is up */
}

/* systemd's socket activation hands the listening socket over as descriptor 3; web servers and spawn-fcgi as 0. */
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
  if (kh_str_equal(fds, KH_STR("1")) && kh_str_u64(pid, &own) && own == (uint64_t)getpid())
    return SYSTEMD_FIRST_FD;
  return FCGX_IsCGI() ? -1 : 0;
}

static void handle(struct kh_reception *reception, FCGX_Request *fcgi, struct kh_buf *body,
                   struct kh_buf *answer)
{
  const struct timeval patience = {.tv_sec = KH_CGI_BODY_DEADLINE_MS / 1000};
  const struct kh_cgi_source source = {read_stream, fcgi->in};
  struct kh_request request;
  struct kh_response response;
  struct kh_cgi_body plan;

  (void)setsockopt(fcgi->ipcFd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  kh_buf_clear(answer);
  body->max = kh_reception_max_body(reception);
  kh_buf_clear(body);
  kh_cgi_request((const char *const *)fcgi->envp, "fastcgi", &request, &plan);
  kh_cgi_read_body(&request, &plan, &source, body->max, body);
  kh_reception_handle(reception, &request, &response);
  if (!kh_cgi_response(&response, answer))
    (void)FCGX_PutStr(answer->at, (int)answer->len, fcgi->out);
  kh_buf_release(&response.body);
}

static void set_signals(void)
{
  struct sigaction on_stop = {.sa_handler = stop};

  /* Without SA_RESTART: the waiting accept must return. libfcgi sets its own handlers first. */
  (void)sigaction(SIGTERM, &on_stop, NULL);
  (void)sigaction(SIGINT, &on_stop, NULL);
  (void)sigaction(SIGUSR1, &on_stop, NULL);
  (void)signal(SIGPIPE, SIG_IGN);
}

int main(void)
{
  const char *const *environment = (const char *const *)environ;
  struct kh_reception reception;
  struct kh_buf body;
  struct kh_buf answer;
  FCGX_Request fcgi;
  int listener = listening_socket(environment);

  if (listener < 0) {
    (void)fputs("kitehook.fcgi " KH_VERSION ": start this program from a FastCGI manager, for example\n"
                "  spawn-fcgi -s /run/kitehook.sock -- kitehook.fcgi\n"
                "To try things by hand, use the kitehook command: kitehook invoke --help\n",
                stderr);
    return 2;
  }
  if (FCGX_Init() || FCGX_InitRequest(&fcgi, listener, FCGI_FAIL_ACCEPT_ON_INTR))
    return 1;
  (void)umask(0077);
  set_signals();
  kh_reception_open(&reception, kh_cgi_config_path(environment), environment, &kh_system_clock);
  kh_buf_init(&body, kh_reception_max_body(&reception));
  kh_buf_init(&answer, KH_RESPONSE_MAX_BYTES + 1024);

  while (FCGX_Accept_r(&fcgi) >= 0) {
    handle(&reception, &fcgi, &body, &answer);
    fcgi.keepConnection = 0; /* a kept connection would starve the others: there is one process */
    FCGX_Finish_r(&fcgi);
  }
  kh_buf_release(&answer);
  kh_buf_release(&body);
  kh_reception_close(&reception);
  return 0;
}
