/*
 * Target: handler/base/json_*.c. Aborts where the strict JSON reader and jansson differ
 * (support/json_oracle.h), or where the reader touches a byte outside its text.
 */
#include "base/base.h"

#include "fuzz/replay.h"
#include "support/guard.h"
#include "support/json_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_guard guard = {0};
  char problem[KH_JSON_PROBLEM_BYTES];
  bool accepted = false;

  struct kh_str text = kh_guard_end(&guard, kh_str((const char *)data, size));
  if (!kh_json_agrees(text, &accepted, problem)) {
    (void)fprintf(stderr, "json_fuzz: %s\n", problem);
    abort();
  }
  kh_guard_release(&guard);
  return 0;
}
