#include "base/base.h"

#include "base/nearest.h"
#include "fixture.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const kh_fixture_kinds[] = {"events", "eventbridge", NULL};

static bool is_folder(const char *path)
{
  struct stat about;

  return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* Relative to the program, since what is installed may be moved. */
static void find_folder(struct kh_fixture *fixture)
{
  static const char *const places[] = {KH_FIXTURES_FROM_PROGRAM, "../../fixtures"};
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

static void find_nearest(const char *name, const char *kind, struct kh_fixture *fixture, size_t *least)
{
  char path[PATH_MAX];
  DIR *folder = NULL;
  struct dirent *entry = NULL;

  if (snprintf(path, sizeof path, "%s/%s", fixture->folder, kind) < (int)sizeof path)
    folder = opendir(path);
  while (folder && (entry = readdir(folder))) {
    size_t distance = kh_word_distance(kh_str_of(name), kh_str_of(entry->d_name));

    if (entry->d_name[0] == '.' || distance >= *least || strlen(entry->d_name) >= sizeof fixture->meant ||
        !kh_word_is_near(distance, kh_str_of(entry->d_name)))
      continue;
    *least = distance;
    snprintf(fixture->meant, sizeof fixture->meant, "%s", entry->d_name);
  }
  if (folder)
    closedir(folder);
}

void kh_fixture_find(const char *name, struct kh_fixture *fixture)
{
  size_t least = SIZE_MAX;

  *fixture = (struct kh_fixture){.folder = ""};
  find_folder(fixture);
  if (!fixture->folder[0])
    return;
  for (size_t i = 0; kh_fixture_kinds[i] && name[0] != '.' && !strchr(name, '/'); i++)
    if (snprintf(fixture->path, sizeof fixture->path, "%s/%s/%s", fixture->folder, kh_fixture_kinds[i],
                 name) < (int)sizeof fixture->path &&
        name[0] && is_folder(fixture->path))
      return;
  fixture->path[0] = '\0';
  for (size_t i = 0; kh_fixture_kinds[i]; i++)
    find_nearest(name, kh_fixture_kinds[i], fixture, &least);
}
