#include "base/base.h"

#include "base/file.h"
#include "inbox/room.h"
#include "inbox/state.h"
#include "support/suite.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static const uint64_t uncounted = UINT64_MAX;

/* Reckoned by hand from the rule: wanted, an eighth at most, 1 MiB at least, half at most. */
static const struct {
  uint64_t block_bytes, blocks, free_blocks, wanted, left, reserve;
} of_bytes[] = {
    {4096, 262144, 131072, 64 * MIB, 512 * MIB, 64 * MIB},    /* 1 GiB */
    {4096, 131072, 131072, 64 * MIB, 512 * MIB, 64 * MIB},    /* 512 MiB: an eighth is 64 MiB */
    {4096, 65536, 1, 64 * MIB, 4096, 32 * MIB},               /* 256 MiB */
    {1024, 24 * 1024, 0, 64 * MIB, 0, 3 * MIB},               /* 24 MiB */
    {4096, 2048, 2048, 64 * MIB, 8 * MIB, 1 * MIB},           /* 8 MiB: an eighth is the least */
    {4096, 1024, 1024, 64 * MIB, 4 * MIB, 1 * MIB},           /* 4 MiB */
    {4096, 512, 512, 64 * MIB, 2 * MIB, 1 * MIB},             /* 2 MiB: the least is half of it */
    {4096, 256, 256, 64 * MIB, 1 * MIB, 512 * KIB},           /* 1 MiB */
    {4096, 262144, 131072, 2 * MIB, 512 * MIB, 2 * MIB},      /* as wanted */
    {4096, 262144, 131072, 1024 * GIB, 512 * MIB, 128 * MIB}, /* never more than an eighth */
    {4096, 262144, 131072, 0, 512 * MIB, 0},                  /* none is wanted */
    {4096, 0, 0, 64 * MIB, UINT64_MAX, 0},                    /* a file system that does not say */
    {4096, UINT64_MAX, UINT64_MAX, 64 * MIB, UINT64_MAX, 64 * MIB},
    {0, 262144, 131072, 64 * MIB, 512 * MIB, 64 * MIB}, /* no fragment size: blocks are meant */
};

START_TEST(the_reserve_of_bytes)
{
  const struct statvfs about = {.f_frsize = of_bytes[_i].block_bytes,
                                .f_bsize = 4096,
                                .f_blocks = of_bytes[_i].blocks,
                                .f_bfree = UINT64_MAX, /* what root may use does not count */
                                .f_bavail = of_bytes[_i].free_blocks};
  const struct kh_room room = kh_room_of(&about, of_bytes[_i].wanted);

  ck_assert_uint_eq(room.left_bytes, of_bytes[_i].left);
  ck_assert_uint_eq(room.reserve_bytes, of_bytes[_i].reserve);
  ck_assert_uint_eq(room.left_inodes, uncounted);
  ck_assert_uint_eq(room.reserve_inodes, 0);
}
END_TEST

static const struct {
  uint64_t files, free, wanted, left, reserve;
} of_inodes[] = {
    {0, 0, 64 * MIB, uncounted, 0}, /* no bound */
    {0, 17, 64 * MIB, uncounted, 0}, {1000000, 5, 64 * MIB, 5, 1000}, {8000, 8000, 64 * MIB, 8000, 1000},
    {800, 100, 64 * MIB, 100, 100},  {128, 64, 64 * MIB, 64, 16},     {64, 1, 64 * MIB, 1, 16},
    {20, 20, 64 * MIB, 20, 10},      {800, 100, 0, 100, 0},
};

START_TEST(the_reserve_of_inodes)
{
  const struct statvfs about = {
      .f_files = of_inodes[_i].files, .f_ffree = UINT64_MAX, .f_favail = of_inodes[_i].free};
  const struct kh_room room = kh_room_of(&about, of_inodes[_i].wanted);

  ck_assert_uint_eq(room.left_inodes, of_inodes[_i].left);
  ck_assert_uint_eq(room.reserve_inodes, of_inodes[_i].reserve);
  ck_assert_uint_eq(room.left_bytes, UINT64_MAX);
}
END_TEST

static const struct {
  struct kh_room room;
  uint64_t bytes;
  bool has;
} fits[] = {
    {{1100, 50, 1000, 16, 9999}, 100, true},  {{1100, 50, 1000, 16, 9999}, 101, false},
    {{1000, 50, 1000, 16, 9999}, 0, true},    {{999, 50, 1000, 16, 9999}, 0, false},
    {{0, 50, 0, 0, 9999}, 1, false},          {{1100, 17, 1000, 16, 9999}, 100, true},
    {{1100, 16, 1000, 16, 9999}, 100, false}, {{1100, 1, 1000, 0, 9999}, 1, true},
    {{1100, 0, 1000, 0, 9999}, 1, false},     {{UINT64_MAX, UINT64_MAX, 0, 0, 9999}, UINT64_MAX, true},
};

START_TEST(what_fits_leaves_the_reserve_alone)
{
  ck_assert_int_eq(kh_room_has(&fits[_i].room, fits[_i].bytes), fits[_i].has);
}
END_TEST

START_TEST(what_cannot_be_asked_has_no_bound)
{
  const struct kh_room room = kh_room_at(-1, 64 * MIB);

  ck_assert(kh_room_has(&room, 1024 * GIB));
}
END_TEST

START_TEST(a_full_quota_is_a_full_disk)
{
  const int causes[] = {ENOSPC, EDQUOT, EIO};
  const enum kh_err errors[] = {KH_ERR_NO_SPACE, KH_ERR_NO_SPACE, KH_ERR_INBOX_IO};

  for (size_t i = 0; i < KH_COUNT(causes); i++) {
    errno = causes[i];
    ck_assert_int_eq(kh_state_failure("it", NULL), errors[i]);
    ck_assert_int_eq(kh_is_full(causes[i]), errors[i] == KH_ERR_NO_SPACE);
  }
}
END_TEST

static Suite *room_suite(void)
{
  Suite *suite = suite_create("room");
  TCase *room = kh_test_case(suite, "room");

  tcase_add_loop_test(room, the_reserve_of_bytes, 0, (int)KH_COUNT(of_bytes));
  tcase_add_loop_test(room, the_reserve_of_inodes, 0, (int)KH_COUNT(of_inodes));
  tcase_add_loop_test(room, what_fits_leaves_the_reserve_alone, 0, (int)KH_COUNT(fits));
  tcase_add_test(room, what_cannot_be_asked_has_no_bound);
  tcase_add_test(room, a_full_quota_is_a_full_disk);
  return suite;
}

int main(void)
{
  return kh_test_main(room_suite());
}
