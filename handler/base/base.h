/*
 * base.h - the first include of every .c file.
 *
 * It brings the standard headers, three attributes, and then banned.h, so
 * that a function which is easy to misuse does not compile.
 *
 * The folder, in the order to read it:
 *   err.h, str.h, buf.h, secret.h       results and the three kinds of bytes; all the rest is made of them
 *   clock.h, file.h, arena.h, utf8.h,   tools that need nothing else
 *   base64.h, nearest.h
 *   json.h       json_read.c reads by json_string.c, json_number.c and json_keys.c; json_value.c answers
 *   json_put.h   writes into a buffer, at each webhook; json_write.h writes a tree of jansson's
 *   log.h        puts a line together by json_put.h
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
