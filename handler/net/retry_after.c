#include "base/base.h"

#include "net/retry_after.h"

#include <time.h>

enum { DATE_BYTES = 64, YEARS_AHEAD_MAX = 50, WHOLE_YEAR_MIN = 1000 };

static bool read_seconds(struct kh_str value, int64_t *seconds)
{
  int64_t sum = 0;

  for (size_t i = 0; i < value.len; i++) {
    const char c = value.at[i];

    if (c < '0' || c > '9')
      return false;
    sum = sum > (INT64_MAX - (c - '0')) / 10 ? INT64_MAX : sum * 10 + (c - '0');
  }
  *seconds = sum;
  return value.len > 0;
}

/* Of two digits: the last year that ends like that and is at most 50 years ahead. */
static int year_of(const struct tm *date, int64_t now_s)
{
  const time_t now = (time_t)now_s;
  struct tm today = {.tm_mday = 0};

  if (!gmtime_r(&now, &today))
    return date->tm_year;
  const int last = today.tm_year + YEARS_AHEAD_MAX;
  return last - (last - date->tm_year % 100) % 100;
}

#pragma GCC diagnostic ignored "-Wformat-y2k" /* RFC 850's years have two digits */

/* strptime takes more than it should: other cases, blanks and widths. What it read must look like VALUE. */
static bool read_form(struct kh_str value, int64_t now_s, struct tm *date)
{
  char text[DATE_BYTES];
  char again[DATE_BYTES];

  if (value.len >= sizeof text)
    return false;
  (void)snprintf(text, sizeof text, "%.*s", KH_FMT(value));
#define HAS_FORM(form)                                                                     \
  (*date = (struct tm){.tm_mday = 0}, strptime(text, form, date) &&                        \
                                          strftime(again, sizeof again, form, date) > 0 && \
                                          kh_str_equal(value, kh_str_of(again)))
  if (HAS_FORM("%a, %d %b %Y %H:%M:%S GMT") || HAS_FORM("%a %b %e %H:%M:%S %Y"))
    return date->tm_year >= WHOLE_YEAR_MIN - 1900;
  if (!HAS_FORM("%A, %d-%b-%y %H:%M:%S GMT"))
    return false;
#undef HAS_FORM
  date->tm_year = year_of(date, now_s);
  return true;
}

static bool read_date(struct kh_str value, int64_t now_s, int64_t *date_s)
{
  struct tm date;

  if (!read_form(value, now_s, &date) || date.tm_sec > 60)
    return false;
  struct tm day = {.tm_year = date.tm_year, .tm_mon = date.tm_mon, .tm_mday = date.tm_mday};
  (void)timegm(&day);
  if (day.tm_mon != date.tm_mon) /* a day that the month does not have became one of the next */
    return false;
  *date_s = timegm(&date);
  return true;
}

int64_t kh_retry_after_s(struct kh_str value, int64_t now_s)
{
  int64_t seconds = 0;
  int64_t date_s = 0;

  if (read_seconds(value, &seconds))
    return seconds;
  if (!read_date(value, now_s, &date_s))
    return -1;
  return date_s > now_s ? date_s - now_s : 0;
}
