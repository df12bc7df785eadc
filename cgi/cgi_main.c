#include "base/base.h"

#include "base/file.h"
#include "cgi.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

extern char **environ;

/* Standard input with a deadline: it may be a pipe, a file or a socket that nobody writes to. */
static ssize_t read_stdin(void *self, char *to, size_t room)
{
  const int64_t *deadline_us = self;
  int64_t left_ms = (*deadline_us - kh_clock_ticks_us(&kh_system_clock)) / 1000;
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

  if (left_ms <= 0 || poll(&input, 1, (int)left_ms) == 0)
    return -2;
  for (;;) {
    ssize_t got = read(STDIN_FILENO, to, room);

    if (got >= 0 || errno != EINTR)
      return got;
  }
}

static int serve(const char *const *variables)
{
  struct kh_reception reception;
  struct kh_request request;
  struct kh_response response;
  struct kh_cgi_body plan;
  struct kh_buf body;
  struct kh_buf answer;

  kh_reception_open(&reception, kh_cgi_config_path(variables), variables, &kh_system_clock);
  size_t max_body = kh_reception_max_body(&reception);
  int64_t deadline_us = kh_clock_ticks_us(&kh_system_clock) + kh_reception_deadline_ms(&reception) * 1000;
  const struct kh_cgi_source source = {read_stdin, &deadline_us};

  kh_buf_init(&body, max_body);
  kh_buf_init(&answer, KH_RESPONSE_MAX_BYTES + 1024);
  kh_cgi_request(variables, "cgi", &request, &plan);
  kh_cgi_read_body(&request, &plan, &source, max_body, &body);
  kh_reception_handle(&reception, &request, &response);
  enum kh_err err = kh_cgi_response(&response, &answer);
  if (!err)
    err = kh_fd_write(STDOUT_FILENO, kh_buf_view(&answer));
  /* The server has answer and end at once, and goes on while the kernel takes this process apart. */
  (void)close(STDOUT_FILENO);

  /* Secrets are wiped; the rest goes with the process. */
  kh_reception_close(&reception);
  return err ? 1 : 0;
}

/* Arguments are ignored: some servers make them from the query string. */
int main(void)
{
  const char *const *variables = (const char *const *)environ;
  bool is_request = false;

  kh_fd_fill_standard();

  for (size_t i = 0; variables[i]; i++)
    is_request = is_request || kh_str_starts(kh_str_of(variables[i]), KH_STR("REQUEST_METHOD="));
  if (!is_request) {
    (void)fputs("kitehook.cgi " KH_VERSION ": a web server starts this program for each webhook (CGI).\n"
                "To try things by hand, use the kitehook command: kitehook invoke --help\n",
                stderr);
    return 2;
  }
  (void)signal(SIGPIPE, SIG_IGN);
  _exit(serve(variables));
}
