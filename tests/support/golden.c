#include "base/base.h"

#include "memory/queue.h"
#include "support/golden.h"
#include "support/tempdir.h"

#include <check.h>
#include <dirent.h>

enum { PATH_BYTES = 512 };

size_t kh_golden_each(const char *folder, void (*check)(const char *name, void *self), void *self)
{
  char path[PATH_BYTES];
  size_t count = 0;

  (void)snprintf(path, sizeof path, KH_SOURCE_DIR "/fixtures/%s", folder);
  DIR *dir = opendir(path);
  ck_assert_ptr_nonnull(dir);
  for (const struct dirent *entry; (entry = readdir(dir));) {
    if (entry->d_name[0] == '.')
      continue;
    check(entry->d_name, self);
    count++;
  }
  (void)closedir(dir);
  return count;
}

json_t *kh_golden_load(const char *folder, const char *name, const char *file)
{
  char path[PATH_BYTES];

  (void)snprintf(path, sizeof path, KH_SOURCE_DIR "/fixtures/%s/%s/%s", folder, name, file);
  return json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
}

static void update(const char *folder, const char *name, const char *file, const json_t *rendered)
{
  char path[PATH_BYTES];
  char *text = json_dumps(rendered, JSON_INDENT(2) | JSON_REAL_PRECISION(15));

  (void)snprintf(path, sizeof path, KH_SOURCE_DIR "/fixtures/%s/%s/%s", folder, name, file);
  if (rendered) {
    struct kh_buf line;

    kh_buf_init(&line, KH_DELIVERY_MAX_BYTES * 2);
    (void)kh_buf_printf(&line, "%s\n", text);
    kh_file_put(path, kh_buf_view(&line));
    kh_buf_release(&line);
  } else {
    (void)remove(path);
  }
  free(text);
}

void kh_golden_check(const char *folder, const char *name, const char *file, const json_t *rendered)
{
  if (getenv("KH_UPDATE_GOLDEN"))
    update(folder, name, file, rendered);
  json_t *expected = kh_golden_load(folder, name, file);
  ck_assert_msg(!rendered == !expected, "%s: %s %s", name, file,
                rendered ? "is missing" : "must not be there");
  ck_assert_msg(!rendered || json_equal(rendered, expected), "%s: %s differs", name, file);
  json_decref(expected);
}
