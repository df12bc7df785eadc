#include "base/base.h"

#include <sys/platform/x86.h>

/*
 * Instead of libcrypto's own, in the static receivers (see CMakeLists.txt). Before main it asks the processor
 * what it can do, and each of those CPUID instructions traps into the hypervisor of a virtual machine:
 * together they cost as much as verifying a webhook. glibc asked all of them already and remembers. Reserved
 * bit 10 of the first word is OpenSSL's mark that the words are set (crypto/cpuid.c, OPENSSL_ia32cap(3)).
 */
extern unsigned OPENSSL_ia32cap_P[4];
void OPENSSL_cpuid_setup(void);

enum { EBX = 1, ECX = 2, EDX = 3 };

void OPENSSL_cpuid_setup(void)
{
  const struct cpuid_feature *leaf_1 = __x86_get_cpuid_feature_leaf(CPUID_INDEX_1);
  const struct cpuid_feature *leaf_7 = __x86_get_cpuid_feature_leaf(CPUID_INDEX_7);

  OPENSSL_ia32cap_P[0] = leaf_1->active_array[EDX] | 1U << 10;
  OPENSSL_ia32cap_P[1] = leaf_1->active_array[ECX];
  OPENSSL_ia32cap_P[2] = leaf_7->active_array[EBX];
  OPENSSL_ia32cap_P[3] = leaf_7->active_array[ECX];
}
