#include "base/base.h"

#include "base/json_parts.h"

#include <math.h>

enum {
  INT64_DIGITS = 19,
  /*
   * Whatever has at most this many digits before its point is below 1e308, and so below the largest double.
   */
  SAFE_DIGITS = 308,
  /*
   * A number half-way between two doubles has at most 767 digits that count; behind them only "more" matters.
   */
  DIGITS_THAT_COUNT = 770
};

static const char *skip_digits(const char *at, const char *end)
{
  while (at < end && *at >= '0' && *at <= '9')
    at++;
  return at;
}

static bool integer_fits(const char *digits, size_t count, bool negative)
{
  if (count != INT64_DIGITS)
    return count < INT64_DIGITS;
  return memcmp(digits, negative ? "9223372036854775808" : "9223372036854775807", INT64_DIGITS) <= 0;
}

/*
 * The exponent at AT, where an optional sign and digits stand. No text is long enough to undo a saturated
 * one.
 */
static int64_t read_exponent(const char *at, const char *end)
{
  const int64_t enough = INT64_C(1) << 40;
  bool negative = at < end && *at == '-';
  int64_t value = 0;

  if (at < end && (*at == '-' || *at == '+'))
    at++;
  for (; at < end && value < enough; at++)
    value = value * 10 + (*at - '0');
  return negative ? -value : value;
}

/*
 * From the point or the 'e' at AT. START is where the number starts, DIGITS how many stand before the point.
 */
static const char *real_end(struct kh_json_reader *reader, const char *start, const char *at, size_t digits)
{
  const char *const end = reader->end;
  int64_t exponent = 0;

  if (*at == '.') {
    const char *fraction = at + 1;

    at = skip_digits(fraction, end);
    if (at == fraction)
      return kh_json_fail(reader, KH_ERR_JSON_SYNTAX, at, "a digit must follow the point");
  }
  if (at < end && (*at == 'e' || *at == 'E')) {
    const char *sign = at + 1;
    const char *number = sign < end && (*sign == '+' || *sign == '-') ? sign + 1 : sign;

    at = skip_digits(number, end);
    if (at == number)
      return kh_json_fail(reader, KH_ERR_JSON_SYNTAX, at, "the exponent has no digits");
    exponent = read_exponent(sign, at);
  }
  if ((int64_t)digits + exponent > SAFE_DIGITS &&
      isinf(kh_json_number_real(kh_str(start, (size_t)(at - start)))))
    return kh_json_fail(reader, KH_ERR_JSON_NUMBER, start, "a number too large for a double");
  return at;
}

const char *kh_json_number_end(struct kh_json_reader *reader, const char *at, enum kh_json_type *type)
{
  const char *const start = at;
  const char *const end = reader->end;
  const char *digits = *at == '-' ? at + 1 : at;

  at = skip_digits(digits, end);
  if (at == digits)
    return kh_json_fail(reader, KH_ERR_JSON_SYNTAX, at, "a digit must follow the minus");
  if (*digits == '0' && at - digits > 1)
    return kh_json_fail(reader, KH_ERR_JSON_SYNTAX, digits + 1, "a number must not start with 0");
  if (at < end && (*at == '.' || *at == 'e' || *at == 'E')) {
    *type = KH_JSON_REAL;
    return real_end(reader, start, at, (size_t)(at - digits));
  }
  *type = KH_JSON_INTEGER;
  if (!integer_fits(digits, (size_t)(at - digits), digits != start))
    return kh_json_fail(reader, KH_ERR_JSON_NUMBER, start, "an integer outside 64 bits");
  return at;
}

/*
 * Writes the digits of [AT, END), leading zeros left out, to TO and returns how many. TO must have room for
 * one more than DIGITS_THAT_COUNT. Adds to EXPONENT what makes up for the point and for digits not written.
 */
static size_t write_digits(const char *at, const char *end, char *to, int64_t *exponent)
{
  bool behind_point = false, more = false;
  size_t len = 0;

  for (; at < end; at++) {
    bool keep = len < DIGITS_THAT_COUNT;

    if (*at == '.') {
      behind_point = true;
      continue;
    }
    if (keep && (len > 0 || *at != '0'))
      to[len++] = *at;
    more |= !keep && *at != '0';
    *exponent += (keep ? 0 : 1) - (behind_point ? 1 : 0);
  }
  if (more) {
    to[len++] = '1';
    --*exponent;
  }
  return len;
}

/* strtod wants the point of the locale. So it gets none: only digits and an exponent. */
double kh_json_number_real(struct kh_str number)
{
  char plain[DIGITS_THAT_COUNT + 32];
  const char *at = number.at, *const end = number.at + number.len;
  const char *mantissa_end = at;
  size_t len = 0;
  int64_t exponent = 0;

  if (*at == '-')
    plain[len++] = *at++;
  while (mantissa_end < end && *mantissa_end != 'e' && *mantissa_end != 'E')
    mantissa_end++;
  if (mantissa_end < end)
    exponent = read_exponent(mantissa_end + 1, end);
  size_t digits = write_digits(at, mantissa_end, plain + len, &exponent);
  len += digits;
  if (digits == 0)
    plain[len++] = '0';
  (void)snprintf(plain + len, sizeof plain - len, "e%" PRId64, exponent);
  return strtod(plain, NULL);
}
