/*
 * replay.h - what every fuzz target defines.
 *
 * With clang's -fsanitize=fuzzer the target is a fuzzer; linked with replay.c it is a plain program that
 * feeds it the files, and the files of the folders, given as arguments.
 */
#ifndef KH_FUZZ_REPLAY_H
#define KH_FUZZ_REPLAY_H

/* Returns 0; aborts when DATA shows a mistake. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
