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

#define KH_BANNED(function) sorry_##function##_is_banned_see_base_banned_h

#undef strcpy
#define strcpy(a, b) KH_BANNED(strcpy)
#undef strcat
#define strcat(a, b) KH_BANNED(strcat)
#undef strncpy
#define strncpy(a, b, n) KH_BANNED(strncpy)
#undef strncat
#define strncat(a, b, n) KH_BANNED(strncat)
#undef strtok
#define strtok(a, b) KH_BANNED(strtok)
#undef sprintf
#define sprintf(...) KH_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) KH_BANNED(vsprintf)
#undef atoi
#define atoi(a) KH_BANNED(atoi)
#undef atol
#define atol(a) KH_BANNED(atol)
#undef atoll
#define atoll(a) KH_BANNED(atoll)
#undef atof
#define atof(a) KH_BANNED(atof)
#undef gmtime
#define gmtime(a) KH_BANNED(gmtime)
#undef localtime
#define localtime(a) KH_BANNED(localtime)
#undef ctime
#define ctime(a) KH_BANNED(ctime)
#undef asctime
#define asctime(a) KH_BANNED(asctime)
#undef mktime
#define mktime(a) KH_BANNED(mktime)
#undef gets
#define gets(a) KH_BANNED(gets)
#undef scanf
#define scanf(...) KH_BANNED(scanf)
#undef sscanf
#define sscanf(...) KH_BANNED(sscanf)
#undef fscanf
#define fscanf(...) KH_BANNED(fscanf)

#endif
