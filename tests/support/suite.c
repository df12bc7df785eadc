#include "base/base.h"

#include "support/suite.h"

#include <unistd.h>

/*
 * Check would write down each assertion that holds, and move what it wrote as it reads it: of 1.8 million
 * in one program that was more than half of its time. Where a test crashed, AddressSanitizer says.
 */
void __wrap__mark_point(const char *file, int line);
void __wrap__mark_point(const char *file, int line)
{
  (void)file;
  (void)line;
}

TCase *kh_test_case(Suite *suite, const char *name)
{
  TCase *test_case = tcase_create(name);

  /* Check's own limit would be met on a loaded machine; tests/run.py finds a stuck test by its silence. */
  tcase_set_timeout(test_case, 0);
  suite_add_tcase(suite, test_case);
  return test_case;
}

void kh_test_skip(const char *what, const char *why)
{
  (void)printf("SKIPPED %s: %s\n", what, why);
  (void)fflush(stdout);
}

static pid_t runs_here;

/* A test that calls exit() would end all that come after it, and look well. */
static void check_end(void)
{
  if (getpid() == runs_here) {
    (void)fprintf(stderr, "a test ended the program\n");
    _exit(EXIT_FAILURE);
  }
}

static int run(Suite *suite, enum fork_status status)
{
  SRunner *runner = srunner_create(suite);

  srunner_set_fork_status(runner, status);
  runs_here = getpid();
  if (atexit(check_end) != 0)
    return EXIT_FAILURE;
  srunner_run_all(runner, CK_ENV);
  runs_here = 0;
  int count = srunner_ntests_run(runner);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  if (count == 0)
    (void)fprintf(stderr, "no test ran\n");
  return count > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int kh_test_main(Suite *suite)
{
  return run(suite, getenv("CK_FORK") ? CK_FORK_GETENV : CK_NOFORK);
}

int kh_test_main_apart(Suite *suite)
{
  return run(suite, CK_FORK);
}
