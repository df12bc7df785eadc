#include "base/base.h"

#include "check.h"

#include <sys/stat.h>

struct walk {
  const struct kh_config *config;
  struct kh_diags *diags;
  json_t *seen; /* the paths that were looked at */
};

static void look_at(const struct walk *walk, const char *path)
{
  struct stat about;

  if (json_object_get(walk->seen, path) || lstat(path, &about) || S_ISLNK(about.st_mode))
    return;
  json_object_set_new(walk->seen, path, json_true());
  const bool by_group = (about.st_mode & S_IWGRP) && about.st_gid != 0;
  const bool by_all = about.st_mode & S_IWOTH;
  const bool is_sticky_folder = S_ISDIR(about.st_mode) && (about.st_mode & S_ISVTX);

  if ((by_group || by_all) && !is_sticky_folder)
    kh_config_warning(walk->config, walk->config->yaml.root, NULL, walk->diags,
                      "others can write %s, and so choose what kitehook does; type `chmod %s%s-w %s`", path,
                      by_group ? "g" : "", by_all ? "o" : "", path);
}

/* PATH, which is absolute, and all folders above it. */
static void climb(const struct walk *walk, const char *path)
{
  char part[PATH_MAX];

  if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
    return;
  for (char *slash = strrchr(part, '/'); slash && slash != part; slash = strrchr(part, '/')) {
    look_at(walk, part);
    *slash = '\0';
  }
  look_at(walk, "/");
}

/* A link is as good as the folder it lies in, and as what it leads to. */
static void follow(const struct walk *walk, const char *path)
{
  char *real = realpath(path, NULL);

  climb(walk, path);
  if (real)
    climb(walk, real);
  free(real);
}

void kh_check_writers(const struct kh_config *config, struct kh_diags *diags)
{
  const struct walk walk = {.config = config, .diags = diags, .seen = json_object()};

  for (size_t i = 0; i < config->watched_count; i++)
    follow(&walk, config->watched[i].path);
  if (config->state[0] && config->worker_mode != KH_WORKER_SERVICE)
    follow(&walk, config->worker_program);
  json_decref(walk.seen);
}
