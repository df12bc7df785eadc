/*
 * banned.h - functions that do not compile here, and what to use instead.
 *
 * strcpy strcat strncpy strncat sprintf vsprintf  kh_buf, or snprintf
 * strtok                                          kh_str_cut
 * atoi atol atoll atof                            kh_str_u64, kh_str_i64
 * gmtime localtime ctime asctime mktime           base/clock.h
 * gets scanf sscanf fscanf                        read, then kh_str
 * memcmp on secrets                               kh_digest_equal (a review rule: memcmp is also right
 *                                                 elsewhere)
 */
#ifndef KH_BANNED_H
#define KH_BANNED_H

#undef sprintf /* a macro where clang fortifies it */
#pragma GCC poison strcpy strcat strncpy strncat strtok sprintf vsprintf atoi atol atoll atof
#pragma GCC poison gmtime localtime ctime asctime mktime gets scanf sscanf fscanf

#endif
