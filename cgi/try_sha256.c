#include "base/base.h"

/* Links only where openssl_cpu.c can stand in for libcrypto's own (see CMakeLists.txt), and runs nowhere. */
unsigned char *SHA256(const unsigned char *bytes, size_t count, unsigned char *digest);

int main(void)
{
  unsigned char digest[32];

  return SHA256((const unsigned char *)"", 0, digest) == NULL;
}
