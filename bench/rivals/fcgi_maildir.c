/*
 * fcgi_maildir.c - the least a FastCGI program can do that keeps the body durably in $BENCH_MAILDIR.
 *
 * cc: -std=c11 -D_GNU_SOURCE -O2 -static FILE -lfcgi
 */
#include "maildir.h"

#include <fcgiapp.h>
#include <stdlib.h>

int main(void)
{
  static char body[1024 * 1024];
  struct maildir maildir = {-1, -1, 0};
  FCGX_Request request;

  if (!maildir_open(&maildir, getenv("BENCH_MAILDIR")) || FCGX_Init() != 0 ||
      FCGX_InitRequest(&request, 0, 0) != 0)
    return 1;
  while (FCGX_Accept_r(&request) == 0) {
    int len = FCGX_GetStr(body, sizeof body, request.in);

    FCGX_PutS(maildir_keep(&maildir, body, (size_t)len)
                  ? "Status: 200 OK\r\nContent-Type: application/json\r\n\r\n{}"
                  : "Status: 503 Service Unavailable\r\nContent-Type: application/json\r\n\r\n{}",
              request.out);
    FCGX_Finish_r(&request);
  }
  return 0;
}
