/*
 * why_print.h - the answer of `kitehook why` for people, from its JSON (docs/why.md).
 */
#ifndef KH_WHY_PRINT_H
#define KH_WHY_PRINT_H

#include <jansson.h>

void kh_why_print(const json_t *answer);

#endif
