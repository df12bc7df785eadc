/*
 * suite.h - how every Check program here runs.
 *
 * All tests of a program run in one process, and what they leak is found at its end: a process for each
 * took most of the time, and hid leaks that its stack still held. With CK_FORK=yes each has its own, which
 * also tells which test crashed. Failures are printed; CK_VERBOSITY=verbose prints every test.
 */
#ifndef KH_TEST_SUITE_H
#define KH_TEST_SUITE_H

#include <check.h>

/* Runs and frees SUITE. The exit code of main: 0 when all passed, and there was at least one test. */
int kh_test_main(Suite *suite);
/* The same with a process for each test: for those that fail on purpose, or have children that assert. */
int kh_test_main_apart(Suite *suite);

/* A new test case of SUITE, without Check's time limit. */
TCase *kh_test_case(Suite *suite, const char *name);

/* Says on stdout what this machine cannot test, and why. The test then returns. */
void kh_test_skip(const char *what, const char *why);

#endif
