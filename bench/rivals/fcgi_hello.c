/*
 * fcgi_hello.c - the least a FastCGI program can do: it reads the request's body to its end and answers 200.
 *
 * cc: -std=c11 -D_GNU_SOURCE -O2 -static FILE -lfcgi
 */
#include <fcgiapp.h>

int main(void)
{
  char body[16384];
  FCGX_Request request;

  if (FCGX_Init() != 0 || FCGX_InitRequest(&request, 0, 0) != 0)
    return 1;
  while (FCGX_Accept_r(&request) == 0) {
    while (FCGX_GetStr(body, sizeof body, request.in) > 0)
      continue;
    FCGX_PutS("Status: 200 OK\r\nContent-Type: application/json\r\n\r\n{}", request.out);
    FCGX_Finish_r(&request);
  }
  return 0;
}
