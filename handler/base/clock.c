#include "base/base.h"

#include "base/clock.h"
#include "base/utf8.h"

static int64_t read_clock_us(clockid_t id)
{
  struct timespec at = {0, 0};

  (void)clock_gettime(id, &at);
  return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

static int64_t system_now_us(void *self)
{
  (void)self;
  return read_clock_us(CLOCK_REALTIME);
}

static int64_t system_ticks_us(void *self)
{
  (void)self;
  return read_clock_us(CLOCK_MONOTONIC);
}

static int64_t system_boot_us(void *self)
{
  (void)self;
  return read_clock_us(CLOCK_BOOTTIME);
}

const struct kh_clock kh_system_clock = {system_now_us, system_ticks_us, system_boot_us, NULL};

static int64_t steady_now_us(void *self)
{
  const struct kh_steady_clock *steady = self;

  return kh_clock_boot_us(steady->wall) + steady->ahead_us;
}

static int64_t steady_ticks_us(void *self)
{
  const struct kh_steady_clock *steady = self;

  return kh_clock_ticks_us(steady->wall);
}

static int64_t steady_boot_us(void *self)
{
  const struct kh_steady_clock *steady = self;

  return kh_clock_boot_us(steady->wall);
}

/* A process that is stopped between reading one clock and the other must not see a step. */
static int64_t ahead_of_boot_us(const struct kh_clock *wall)
{
  int64_t now_us = 0, before_us = 0, after_us = 0;

  for (int tries = 0; tries < 10 && (tries == 0 || after_us - before_us > KH_CLOCK_STEP_US / 10); tries++) {
    before_us = kh_clock_boot_us(wall);
    now_us = kh_clock_now_us(wall);
    after_us = kh_clock_boot_us(wall);
  }
  return now_us - after_us;
}

void kh_steady_clock_init(struct kh_steady_clock *steady, const struct kh_clock *wall)
{
  *steady = (struct kh_steady_clock){.wall = wall,
                                     .ahead_us = ahead_of_boot_us(wall),
                                     .clock = {steady_now_us, steady_ticks_us, steady_boot_us, steady}};
  steady->since_us = kh_clock_now_us(&steady->clock);
}

int64_t kh_steady_clock_look(struct kh_steady_clock *steady)
{
  const int64_t moved_us = ahead_of_boot_us(steady->wall) - steady->ahead_us;

  if (moved_us >= KH_CLOCK_STEP_US || moved_us <= -KH_CLOCK_STEP_US)
    return moved_us;
  kh_steady_clock_follow(steady, moved_us);
  return 0;
}

struct kh_clock_step kh_steady_clock_step(struct kh_steady_clock *steady, int64_t step_us)
{
  return (struct kh_clock_step){.step_us = step_us,
                                .earlier_us = step_us > -steady->gained_us ? step_us : -steady->gained_us,
                                .since_us = steady->since_us,
                                .now_us = kh_clock_now_us(&steady->clock)};
}

void kh_steady_clock_follow(struct kh_steady_clock *steady, int64_t step_us)
{
  steady->ahead_us += step_us;
  steady->since_us += step_us;
  steady->gained_us = steady->gained_us + step_us > 0 ? steady->gained_us + step_us : 0;
}

/* Howard Hinnant's days_from_civil and its inverse (public domain): no time zone files, no locale. */
static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  unsigned year_of_era = (unsigned)(year - era * 400);
  unsigned day_of_year = (153 * (month + (month > 2 ? -3U : 9U)) + 2) / 5 + day - 1;
  unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

  return era * 146097 + (int64_t)day_of_era - 719468;
}

static void civil_from_days(int64_t days, int *year, unsigned *month, unsigned *day)
{
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  unsigned day_of_era = (unsigned)(days - era * 146097);
  unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  unsigned shifted = (5 * day_of_year + 2) / 153;

  *day = day_of_year - (153 * shifted + 2) / 5 + 1;
  *month = shifted < 10 ? shifted + 3 : shifted - 9;
  *year = (int)((int64_t)year_of_era + era * 400 + (*month <= 2));
}

static void put_digits(char *to, unsigned value, int width)
{
  for (int i = width - 1; i >= 0; i--) {
    to[i] = (char)('0' + value % 10);
    value /= 10;
  }
}

void kh_time_format(int64_t at_us, char text[KH_TIME_TEXT_BYTES])
{
  const int64_t last_us = INT64_C(253402300799999999); /* 9999-12-31T23:59:59.999999Z */
  int64_t at_ms = (at_us < 0 ? 0 : at_us > last_us ? last_us : at_us) / 1000;
  unsigned in_day_ms = (unsigned)(at_ms % 86400000);
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;

  civil_from_days(at_ms / 86400000, &year, &month, &day);
  memcpy(text, "0000-00-00T00:00:00.000Z", KH_TIME_TEXT_BYTES);
  put_digits(text, (unsigned)year, 4);
  put_digits(text + 5, month, 2);
  put_digits(text + 8, day, 2);
  put_digits(text + 11, in_day_ms / 3600000, 2);
  put_digits(text + 14, in_day_ms / 60000 % 60, 2);
  put_digits(text + 17, in_day_ms / 1000 % 60, 2);
  put_digits(text + 20, in_day_ms % 1000, 3);
}

static bool take_number(struct kh_str *text, size_t digits, unsigned *value)
{
  uint64_t number = 0;

  if (text->len < digits || !kh_str_u64(kh_str(text->at, digits), &number))
    return false;
  *value = (unsigned)number;
  *text = kh_str(text->at + digits, text->len - digits);
  return true;
}

static bool take_byte(struct kh_str *text, char byte)
{
  if (text->len == 0 || text->at[0] != byte)
    return false;
  *text = kh_str(text->at + 1, text->len - 1);
  return true;
}

static bool take_fraction(struct kh_str *text, unsigned *micros)
{
  unsigned scale = 100000;

  if (!take_byte(text, '.'))
    return true;
  if (text->len == 0 || text->at[0] < '0' || text->at[0] > '9')
    return false;
  while (text->len > 0 && kh_is_digit(text->at[0])) {
    *micros += (unsigned)(text->at[0] - '0') * scale;
    scale /= 10;
    *text = kh_str(text->at + 1, text->len - 1);
  }
  return true;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
  static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

  return days[month - 1] + (month == 2 && leap ? 1U : 0U);
}

bool kh_time_parse(struct kh_str text, int64_t *at_us)
{
  unsigned year, month, day, hour, minute, second, micros = 0;

  if (!take_number(&text, 4, &year) || !take_byte(&text, '-') || !take_number(&text, 2, &month) ||
      !take_byte(&text, '-') || !take_number(&text, 2, &day))
    return false;
  bool iso = take_byte(&text, 'T');
  if (!iso && !take_byte(&text, ' '))
    return false;
  if (!take_number(&text, 2, &hour) || !take_byte(&text, ':') || !take_number(&text, 2, &minute) ||
      !take_byte(&text, ':') || !take_number(&text, 2, &second))
    return false;
  if (iso && !take_fraction(&text, &micros))
    return false;
  if (!kh_str_equal(text, iso ? KH_STR("Z") : KH_STR(" UTC")))
    return false;
  if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 ||
      second > 60)
    return false;

  int64_t days = days_from_civil(year, month, day);
  *at_us = ((days * 24 + hour) * 60 + minute) * 60000000 + (int64_t)second * 1000000 + micros;
  return true;
}
