/*
 * suite.h - how every Check program here runs.
 *
 * Each test runs in a process of its own (Check's default; CK_FORK=no for debuggers and valgrind). Failures
 * are printed; CK_VERBOSITY=verbose prints every test.
 */
#ifndef KH_TEST_SUITE_H
#define KH_TEST_SUITE_H

#include <check.h>

/* Runs and frees SUITE. The exit code of main: 0 when all passed, and there was at least one test. */
int kh_test_main(Suite *suite);

/* A new test case of SUITE, with a time limit that suits sanitizers on a small machine. */
TCase *kh_test_case(Suite *suite, const char *name);

/* Says on stdout what this machine cannot test, and why. The test then returns. */
void kh_test_skip(const char *what, const char *why);

#endif
