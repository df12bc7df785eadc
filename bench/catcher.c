/*
 * catcher.c BODY - a destination that takes everything at once: it answers each POST with 200 and "ok".
 *
 * Listens on a port of its own on loopback, and prints it. The body of the first request goes to the file
 * BODY. At the end of its standard input it prints how many requests it has answered, and ends.
 *
 * cc: -std=c11 -D_GNU_SOURCE -O2 -static FILE
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 64, REQUEST_MAX = 64 * 1024 };

struct connection {
  int fd; /* -1: free */
  size_t len;
  char request[REQUEST_MAX + 1];
};

static struct connection connections[CONNECTIONS_MAX];
static const char *body_file;
static long answered;

static int listen_on_loopback(void)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0 || bind(fd, (const struct sockaddr *)&address, size) || listen(fd, 128) ||
      getsockname(fd, (struct sockaddr *)&address, &size))
    return -1;
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static void take_connection(int listener)
{
  const int on = 1;
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

  for (int i = 0; fd >= 0 && i < CONNECTIONS_MAX; i++)
    if (connections[i].fd < 0) {
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      connections[i].fd = fd;
      connections[i].len = 0;
      return;
    }
  if (fd >= 0)
    close(fd);
}

static bool keep_body(const char *body, size_t len)
{
  FILE *file = fopen(body_file, "w");
  bool good = file && fwrite(body, 1, len, file) == len;

  return file && fclose(file) == 0 && good;
}

/* The bytes of the whole request at the beginning of CONNECTION; 0 while it is incomplete. */
static size_t whole_request(struct connection *connection, const char **body)
{
  connection->request[connection->len] = '\0';
  const char *end = strstr(connection->request, "\r\n\r\n");
  const char *length = strcasestr(connection->request, "\r\nContent-Length:");

  if (!end || !length || length > end)
    return 0;
  *body = end + 4;
  size_t whole = (size_t)(*body - connection->request) + strtoul(length + 17, NULL, 10);
  return whole <= connection->len ? whole : 0;
}

/* False when the connection is over. */
static bool answer(struct connection *connection)
{
  static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";
  const char *body = NULL;
  ssize_t got = read(connection->fd, connection->request + connection->len, REQUEST_MAX - connection->len);
  size_t whole;

  if (got <= 0)
    return false;
  connection->len += (size_t)got;
  while ((whole = whole_request(connection, &body)) > 0) {
    const char *end = connection->request + whole;

    if (answered == 0 && !keep_body(body, (size_t)(end - body)))
      return false;
    if (write(connection->fd, ok, sizeof ok - 1) != (ssize_t)(sizeof ok - 1))
      return false;
    answered++;
    connection->len -= whole;
    memmove(connection->request, end, connection->len);
  }
  return true;
}

int main(int argc, char **argv)
{
  struct pollfd watched[CONNECTIONS_MAX + 2] = {{.fd = STDIN_FILENO, .events = POLLIN}};
  char byte;

  if (argc != 2) {
    fputs("usage: catcher BODY\n", stderr);
    return 2;
  }
  body_file = argv[1];
  for (int i = 0; i < CONNECTIONS_MAX; i++)
    connections[i].fd = -1;
  watched[1] = (struct pollfd){.fd = listen_on_loopback(), .events = POLLIN};
  if (watched[1].fd < 0)
    return 1;
  for (;;) {
    for (int i = 0; i < CONNECTIONS_MAX; i++)
      watched[i + 2] = (struct pollfd){.fd = connections[i].fd, .events = POLLIN};
    if (poll(watched, CONNECTIONS_MAX + 2, -1) < 0)
      return 1;
    if (watched[0].revents && read(STDIN_FILENO, &byte, 1) <= 0)
      break;
    for (int i = 0; i < CONNECTIONS_MAX; i++)
      if (watched[i + 2].revents && !answer(&connections[i])) {
        close(connections[i].fd);
        connections[i].fd = -1;
      }
    if (watched[1].revents)
      take_connection(watched[1].fd);
  }
  printf("%ld\n", answered);
  return 0;
}
