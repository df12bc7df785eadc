#include "base/base.h"

#include "net/retry_after.h"

/*
 * retry_after_probe NOW - for each line of standard input, a value of Retry-After, prints the seconds that it
 * asks for at NOW. retry_after_test.py drives it. Exit 2 for wrong usage.
 */

int main(int count, char **words)
{
  char *line = NULL;
  size_t room = 0;
  ssize_t len = 0;
  int64_t now_s = 0;

  if (count != 2 || !kh_str_i64(kh_str_of(words[1]), &now_s))
    return 2;
  while ((len = getline(&line, &room, stdin)) > 0)
    printf("%" PRId64 "\n", kh_retry_after_s(kh_str(line, (size_t)len - 1), now_s));
  free(line);
  return 0;
}
