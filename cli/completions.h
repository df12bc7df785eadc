/*
 * completions.h - what shells complete behind `kitehook`, made of the tables of commands and options.
 *
 * Sources: bash(1) "Programmable Completion", zshcompsys(1), fish's complete(1).
 */
#ifndef KH_COMPLETIONS_H
#define KH_COMPLETIONS_H

#include "cli.h"

/* Each prints the program for its shell. COMMANDS is NULL-terminated. */
void kh_completions_bash(const struct kh_command *const *commands);
void kh_completions_zsh(const struct kh_command *const *commands);
void kh_completions_fish(const struct kh_command *const *commands);
/* The names of fixtures, which all three ask for: a line each. */
void kh_completions_fixtures(const struct kh_command *const *commands);

#endif
