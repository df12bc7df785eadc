/*
 * guard.h - bytes at the edge of a page that must not be touched.
 *
 * One byte read past the end (or before the start) is a crash, with or without a sanitizer.
 */
#ifndef KH_TEST_GUARD_H
#define KH_TEST_GUARD_H

struct kh_guard {
  void *map;
  size_t map_bytes;
};

/* A copy of TEXT whose last byte is followed by a PROT_NONE page. */
struct kh_str kh_guard_end(struct kh_guard *guard, struct kh_str text);
/* A copy of TEXT whose first byte stands right behind a PROT_NONE page. */
struct kh_str kh_guard_begin(struct kh_guard *guard, struct kh_str text);
void kh_guard_release(struct kh_guard *guard);

#endif
