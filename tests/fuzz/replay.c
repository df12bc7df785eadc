#include "base/base.h"

#include "base/file.h"
#include "fuzz/replay.h"

#include <ftw.h>
#include <sys/stat.h>

enum { MAX_OPEN_FOLDERS = 16, MAX_FILE_BYTES = 1 << 30 };

/* nftw hands its callback no argument. */
static unsigned long replayed;
static bool failed;

static int replay(const char *path, const struct stat *status, int type, struct FTW *place)
{
  struct kh_buf text;
  struct kh_diag diag = {0};

  (void)status;
  (void)place;
  if (type == FTW_D || type == FTW_DP)
    return 0;
  kh_buf_init(&text, MAX_FILE_BYTES);
  if (kh_file_read(path, &text, &diag)) {
    (void)fprintf(stderr, "replay: %s\n", diag.text);
    failed = true;
  } else {
    /* Printed first, so that a crash names its file. */
    (void)printf("%s\n", path);
    (void)fflush(stdout);
    (void)LLVMFuzzerTestOneInput((const uint8_t *)kh_buf_view(&text).at, text.len);
    replayed++;
  }
  kh_buf_release(&text);
  return 0;
}

int main(int argc, char **argv)
{
  for (int i = 1; i < argc; i++)
    if (nftw(argv[i], replay, MAX_OPEN_FOLDERS, FTW_PHYS)) {
      (void)fprintf(stderr, "replay: %s: %s\n", argv[i], strerror(errno));
      failed = true;
    }
  (void)printf("%lu files replayed\n", replayed);
  return failed || replayed == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
