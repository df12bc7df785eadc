#include "base/base.h"

#include <netdb.h>
#include <sys/socket.h>

/*
 * What libfcgi gets instead of connect and gethostbyname in the static
 * kitehook.fcgi (see CMakeLists.txt): a receiver has no way to the network.
 */
int kh_no_connect(int fd, const struct sockaddr *address, socklen_t length);
struct hostent *kh_no_gethostbyname(const char *name);

int kh_no_connect(int fd, const struct sockaddr *address, socklen_t length)
{
  (void)fd;
  (void)address;
  (void)length;
  errno = EACCES;
  return -1;
}

struct hostent *kh_no_gethostbyname(const char *name)
{
  (void)name;
  return NULL;
}
