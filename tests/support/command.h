/*
 * command.h - one run of another program, for oracles.
 */
#ifndef KH_TEST_COMMAND_H
#define KH_TEST_COMMAND_H

#include "base/buf.h"

/*
 * Runs ARGV (found in PATH, ends with NULL) with INPUT on stdin and appends what it
 * prints to OUT. Returns its exit status; ends the test when it cannot be run.
 */
int kh_command(const char *const *argv, struct kh_str input, struct kh_buf *out);

#endif
