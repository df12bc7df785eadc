#include "base/base.h"

#include "inbox/refusals.h"
#include "inbox/state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

enum { ROW_BYTES = 64, ROWS = KH_ERR__COUNT + KH_REFUSAL_HOURS, TABLE_BYTES = ROW_BYTES * ROWS };
enum { CHUNK_BYTES = 64 * ROW_BYTES };

static const char file_name[] = "refused";
static const int64_t day_us = INT64_C(86400000000), hour_us = INT64_C(3600000000);

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

/* ROW has room for a NUL behind it. */
static void put_row(char *row, const char *name, uint64_t one, uint64_t other)
{
  (void)snprintf(row, ROW_BYTES + 1, "%-31.31s%16" PRIu64 "%16" PRIu64 "\n", name, one % 10000000000000000,
                 other % 10000000000000000);
}

static void put_rows(const struct kh_refusal_counts *counts, char table[TABLE_BYTES + 1])
{
  for (size_t i = 0; i < KH_ERR__COUNT; i++)
    put_row(table + i * ROW_BYTES, name_of(i), counts->today[i], counts->all[i]);
  for (size_t i = 0; i < KH_REFUSAL_HOURS; i++) {
    const struct kh_refusal_hour *hour = &counts->hours[i];
    char name[32];

    (void)snprintf(name, sizeof name, "hour %" PRId64, hour->hour);
    put_row(table + (KH_ERR__COUNT + i) * ROW_BYTES, name, hour->all, hour->unkept);
  }
}

static struct kh_refusal_hour *place_of(struct kh_refusal_counts *counts, int64_t hour)
{
  return &counts->hours[hour % KH_REFUSAL_HOURS];
}

static void take_hour(struct kh_str number, uint64_t all, uint64_t unkept, struct kh_refusal_counts *counts)
{
  uint64_t hour = 0;

  if (kh_str_u64(number, &hour) && hour > 0 && hour <= (uint64_t)(INT64_MAX / hour_us))
    *place_of(counts, (int64_t)hour) = (struct kh_refusal_hour){(int64_t)hour, all, unkept};
}

/* A reason goes by its name, since another version may have others. */
static void take_row(struct kh_str row, struct kh_refusal_counts *counts)
{
  struct kh_str name = kh_str_trim(kh_str(row.at, 31));
  uint64_t today = 0, all = 0;

  if (!kh_str_u64(kh_str_trim(kh_str(row.at + 31, 16)), &today) ||
      !kh_str_u64(kh_str_trim(kh_str(row.at + 47, 16)), &all))
    return;
  if (kh_str_starts(name, KH_STR("hour "))) {
    take_hour(kh_str(name.at + 5, name.len - 5), today, all, counts);
    return;
  }
  for (size_t i = 0; i < KH_ERR__COUNT; i++)
    if (kh_str_equal(name, kh_str_of(name_of(i)))) {
      counts->today[i] = today;
      counts->all[i] = all;
    }
}

static enum kh_err read_counts(int fd, int64_t now_us, struct kh_refusal_counts *counts)
{
  const uint64_t today = (uint64_t)(now_us / day_us);
  char rows[CHUNK_BYTES];
  ssize_t len = 0;

  *counts = (struct kh_refusal_counts){.today = {0}};
  for (off_t from = 0; from < 2 * TABLE_BYTES; from += CHUNK_BYTES) {
    len = pread(fd, rows, sizeof rows, from);
    for (ssize_t at = 0; at + ROW_BYTES <= len; at += ROW_BYTES)
      take_row(kh_str(rows + at, ROW_BYTES - 1), counts);
    if (len < CHUNK_BYTES)
      break;
  }
  if (counts->today[KH_OK] != today)
    memset(counts->today, 0, sizeof counts->today);
  counts->today[KH_OK] = today;
  return len < 0 ? KH_ERR_IO : KH_OK;
}

static void add_to_hour(const struct kh_refusals *refusals, int64_t now_us, struct kh_refusal_counts *counts)
{
  const int64_t now = now_us / hour_us;

  if (now <= 0)
    return;
  struct kh_refusal_hour *hour = place_of(counts, now);
  if (hour->hour != now)
    *hour = (struct kh_refusal_hour){.hour = now};
  for (size_t i = 0; i < KH_ERR__COUNT; i++) {
    hour->all += refusals->counted[i];
    hour->unkept += kh_err_status((enum kh_err)i) >= 500 ? refusals->counted[i] : 0;
  }
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
  add_to_hour(refusals, now_us, &counts);
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

/* The first of the last hours of which there is a row; 0 for none. */
static int64_t first_hour(const struct kh_refusal_counts *counts, int64_t now)
{
  int64_t first = 0;

  for (size_t i = 0; i < KH_REFUSAL_HOURS; i++) {
    const int64_t hour = counts->hours[i].hour;

    if (hour > now - KH_REFUSAL_HOURS && hour > 0 && (first == 0 || hour < first))
      first = hour;
  }
  return first;
}

void kh_refusals_between(const struct kh_refusal_counts *counts, int64_t from_us, int64_t to_us,
                         int64_t now_us, struct kh_refusal_span *span)
{
  const int64_t from = from_us / hour_us, to = to_us / hour_us;
  const int64_t first = first_hour(counts, now_us / hour_us);
  const int64_t since = first > from ? first : from;

  *span = (struct kh_refusal_span){.from_us = from * hour_us, .to_us = (to + 1) * hour_us};
  if (first == 0 || since > to)
    return;
  span->since_us = since * hour_us;
  for (size_t i = 0; i < KH_REFUSAL_HOURS; i++) {
    const struct kh_refusal_hour *hour = &counts->hours[i];

    if (hour->hour >= since && hour->hour <= to) {
      span->all += hour->all;
      span->unkept += hour->unkept;
    }
  }
}
