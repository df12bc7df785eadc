#include "base/base.h"

#include "config/config.h"

struct unit {
  const char *suffix;
  uint64_t factor;
};

static const struct unit durations[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
static const struct unit sizes[] = {
    {"", 1}, {"B", 1}, {"KB", 1024}, {"MB", UINT64_C(1024) * 1024}, {"GB", UINT64_C(1024) * 1024 * 1024}};

static bool read_amount(const char *text, const struct unit *units, size_t count, uint64_t max,
                        uint64_t *amount)
{
  size_t digits = strspn(text, "0123456789");
  uint64_t number = 0;

  if (!kh_str_u64(kh_str(text, digits), &number))
    return false;
  for (size_t i = 0; i < count; i++)
    if (strcmp(text + digits, units[i].suffix) == 0) {
      if (number > max / units[i].factor)
        return false;
      *amount = number * units[i].factor;
      return true;
    }
  return false;
}

bool kh_config_duration_s(const char *text, int64_t *seconds)
{
  uint64_t amount = 0;

  if (!text || !read_amount(text, durations, KH_COUNT(durations), INT64_MAX, &amount))
    return false;
  *seconds = (int64_t)amount;
  return true;
}

bool kh_config_size_bytes(const char *text, uint64_t *bytes)
{
  return text && read_amount(text, sizes, KH_COUNT(sizes), UINT64_MAX, bytes);
}
