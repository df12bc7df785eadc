#include "base/base.h"

#include "base/nearest.h"
#include "fixture.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_folder(const char *path)
{
  struct stat about;

  return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* Relative to the program, since what is installed may be moved. */
static void find_folder(struct kh_fixture *fixture)
{
  static const char *const places[] = {KH_FIXTURES_FROM_PROGRAM, "../../fixtures/events"};
  char program[PATH_MAX] = "";
  ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
  char *slash = len > 0 ? strrchr(program, '/') : NULL;

  for (size_t i = 0; slash && i < KH_COUNT(places); i++) {
    char place[PATH_MAX] = "";

    if (snprintf(place, sizeof place, "%.*s/%s", (int)(slash - program), program, places[i]) <
            (int)sizeof place &&
        is_folder(place) && realpath(place, fixture->folder))
      return;
  }
  fixture->folder[0] = '\0';
}

static void find_nearest(const char *name, struct kh_fixture *fixture)
{
  DIR *folder = fixture->folder[0] ? opendir(fixture->folder) : NULL;
  size_t least = SIZE_MAX;
  struct dirent *entry = NULL;

  while (folder && (entry = readdir(folder))) {
    size_t distance = kh_word_distance(kh_str_of(name), kh_str_of(entry->d_name));

    if (entry->d_name[0] == '.' || distance >= least || strlen(entry->d_name) >= sizeof fixture->meant ||
        !kh_word_is_near(distance, kh_str_of(entry->d_name)))
      continue;
    least = distance;
    snprintf(fixture->meant, sizeof fixture->meant, "%s", entry->d_name);
  }
  if (folder)
    closedir(folder);
}

void kh_fixture_find(const char *name, struct kh_fixture *fixture)
{
  *fixture = (struct kh_fixture){.folder = ""};
  find_folder(fixture);
  if (fixture->folder[0] && name[0] != '.' && !strchr(name, '/') &&
      snprintf(fixture->path, sizeof fixture->path, "%s/%s", fixture->folder, name) <
          (int)sizeof fixture->path &&
      is_folder(fixture->path))
    return;
  fixture->path[0] = '\0';
  find_nearest(name, fixture);
}
