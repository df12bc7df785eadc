/*
 * regex.h - regular expressions as Buildkite's conditions have them, over PCRE2.
 *
 * Compiled once, with their condition. `^` and `$` are the ends of the whole text, `(?m)` makes them line
 * anchors; \d \w \s are ASCII. What Buildkite refuses is refused, and so is what PCRE2 would read differently
 * (regex_scan.c). Searches are bounded by steps, not by time, so they cost the same everywhere: one
 * condition's at most a few dozen milliseconds, whatever patterns and texts are. Not for two threads at once.
 */
#ifndef KH_REGEX_H
#define KH_REGEX_H

#include "base/arena.h"
#include "base/buf.h"

struct kh_regex;

enum {
  KH_REGEX_STEPS_MAX = 300000,                      /* of all searches of one evaluation of a condition */
  KH_REGEX_STEPS_WEBHOOK = 10 * KH_REGEX_STEPS_MAX, /* of all that are about one webhook */
};

enum kh_found { KH_FOUND_NO, KH_FOUND_YES, KH_FOUND_LIMIT /* too many steps or no memory: not known */ };

/* What makes the items of a pattern dear. */
struct kh_regex_weight {
  size_t repeats; /* the largest count that an item must be repeated */
  size_t members; /* of a class, which are looked at one by one: all that may be beyond ASCII */
};

/* What is wrong with a pattern. */
struct kh_regex_fault {
  size_t at; /* byte of the pattern */
  char text[160];
};

/*
 * SOURCE and FLAGS are borrowed and must outlive the regex. KH_ERR_CONFIG: FAULT says why. KH_ERR_NO_MEMORY.
 */
enum kh_err kh_regex_compile(struct kh_regex **regex, struct kh_str source, struct kh_str flags,
                             struct kh_regex_fault *fault) KH_MUST_USE;
void kh_regex_free(struct kh_regex *regex);
/*
 * Is it anywhere in TEXT? Bytes that are no UTF-8 count as one U+FFFD each; ARENA is for that copy. Takes its
 * steps off STEPS_LEFT; they are 0 when there were too few.
 */
enum kh_found kh_regex_search(const struct kh_regex *regex, struct kh_str text, struct kh_arena *arena,
                              size_t *steps_left);
struct kh_str kh_regex_source(const struct kh_regex *regex);
struct kh_str kh_regex_flags(const struct kh_regex *regex);

/*
 * regex_scan.c: refuses what must be refused, adds the pattern for PCRE2 to OUT and weighs it. False: FAULT
 * says why.
 */
bool kh_regex_scan(struct kh_str source, struct kh_buf *out, struct kh_regex_weight *weight,
                   struct kh_regex_fault *fault);

#endif
