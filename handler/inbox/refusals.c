#include "base/base.h"

#include "inbox/refusals.h"
#include "inbox/state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

enum { ROW_BYTES = 64, TABLE_BYTES = ROW_BYTES * KH_ERR__COUNT };

static const char file_name[] = "refused";
static const int64_t day_us = INT64_C(86400000000);

void kh_refusals_count(struct kh_refusals *refusals, enum kh_err verdict)
{
  if (verdict == KH_OK || refusals->counted[verdict] == UINT32_MAX)
    return;
  refusals->counted[verdict]++;
  refusals->has_any = true;
}

/* The first row, where the reason KH_OK would be, is the day's. */
static const char *name_of(size_t row)
{
  return row == KH_OK ? "day" : kh_err_token((enum kh_err)row);
}

static void put_rows(const struct kh_refusal_counts *counts, char table[TABLE_BYTES + 1])
{
  for (size_t i = 0; i < KH_ERR__COUNT; i++)
    (void)snprintf(table + i * ROW_BYTES, ROW_BYTES + 1, "%-31.31s%16" PRIu64 "%16" PRIu64 "\n", name_of(i),
                   counts->today[i] % 10000000000000000, counts->all[i] % 10000000000000000);
}

/* A reason goes by its name, since another version may have others. */
static void take_row(struct kh_str row, struct kh_refusal_counts *counts)
{
  const struct kh_str name = kh_str_trim(kh_str(row.at, 31));
  uint64_t today = 0, all = 0;

  if (!kh_str_u64(kh_str_trim(kh_str(row.at + 31, 16)), &today) ||
      !kh_str_u64(kh_str_trim(kh_str(row.at + 47, 16)), &all))
    return;
  for (size_t i = 0; i < KH_ERR__COUNT; i++)
    if (kh_str_equal(name, kh_str_of(name_of(i)))) {
      counts->today[i] = today;
      counts->all[i] = all;
    }
}

static enum kh_err read_counts(int fd, int64_t now_us, struct kh_refusal_counts *counts)
{
  const uint64_t today = (uint64_t)(now_us / day_us);
  char table[2 * TABLE_BYTES];
  const ssize_t len = pread(fd, table, sizeof table, 0);

  *counts = (struct kh_refusal_counts){{0}, {0}};
  for (ssize_t at = 0; at + ROW_BYTES <= len; at += ROW_BYTES)
    take_row(kh_str(table + at, ROW_BYTES - 1), counts);
  if (counts->today[KH_OK] != today)
    memset(counts->today, 0, sizeof counts->today);
  counts->today[KH_OK] = today;
  return len < 0 ? KH_ERR_IO : KH_OK;
}

static bool add(int fd, const struct kh_refusals *refusals, int64_t now_us)
{
  struct kh_refusal_counts counts;
  char table[TABLE_BYTES + 1];

  if (read_counts(fd, now_us, &counts))
    return false;
  for (size_t i = 0; i < KH_ERR__COUNT; i++) {
    counts.today[i] += refusals->counted[i];
    counts.all[i] += refusals->counted[i];
  }
  put_rows(&counts, table);
  return pwrite(fd, table, TABLE_BYTES, 0) == TABLE_BYTES && ftruncate(fd, TABLE_BYTES) == 0;
}

void kh_refusals_write(struct kh_refusals *refusals, const char *state, int64_t now_us)
{
  int state_fd = -1;

  /* Root, or anybody else, must not leave a file there that the folder's owner cannot write. */
  if (!refusals->has_any || kh_state_find(state, &state_fd, NULL))
    return;
  int fd = openat(state_fd, file_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && add(fd, refusals, now_us))
    *refusals = (struct kh_refusals){{0}, false};
  if (fd >= 0)
    (void)close(fd);
  (void)close(state_fd);
}

enum kh_err kh_refusals_read(const char *state, int64_t now_us, struct kh_refusal_counts *counts)
{
  int state_fd = -1;
  enum kh_err err = kh_state_find(state, &state_fd, NULL);

  if (err)
    return err == KH_ERR_NOT_FOUND ? err : KH_ERR_IO;
  int fd = openat(state_fd, file_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  const bool is_absent = fd < 0 && errno == ENOENT;
  err = fd < 0 ? KH_ERR_IO : read_counts(fd, now_us, counts);
  if (fd >= 0)
    (void)close(fd);
  (void)close(state_fd);
  return is_absent ? KH_ERR_NOT_FOUND : err;
}
