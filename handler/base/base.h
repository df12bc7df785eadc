/*
 * base.h - the first include of every .c file.
 *
 * It brings the standard headers, three attributes, and then banned.h, so
 * that a function which is easy to misuse does not compile.
 */
#ifndef KH_BASE_H
#define KH_BASE_H

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The result must be looked at; a compiler warning (an error here) otherwise. */
#define KH_MUST_USE __attribute__((warn_unused_result))
/* printf-like: FORMAT is argument number F, its values start at number V. */
#define KH_PRINTF(f, v) __attribute__((format(printf, f, v)))
#define KH_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#include "base/banned.h"
#include "base/err.h"
#include "base/str.h"

#endif
