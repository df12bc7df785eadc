#include "base/base.h"

#include "support/config_dir.h"

#include <check.h>

void kh_config_dir_open(struct kh_config_dir *dir)
{
  memset(dir, 0, sizeof *dir);
  kh_tempdir_open(&dir->dir);
  kh_config_dir_put(dir, "webhook-secret", KH_TEST_SECRET "\n");
}

void kh_config_dir_close(struct kh_config_dir *dir)
{
  kh_config_release(&dir->config);
  kh_diags_release(&dir->diags);
  kh_tempdir_close(&dir->dir);
}

void kh_config_dir_put(const struct kh_config_dir *dir, const char *name, const char *text)
{
  char path[KH_PATH_BYTES];

  kh_file_put(kh_tempdir_path(&dir->dir, name, path, sizeof path), kh_str_of(text));
}

enum kh_err kh_config_dir_read(struct kh_config_dir *dir, const char *text, enum kh_config_depth depth,
                               const char *const *environment)
{
  char path[KH_PATH_BYTES];

  kh_config_release(&dir->config);
  kh_diags_release(&dir->diags);
  kh_config_dir_put(dir, "kitehook.yml", text);
  kh_tempdir_path(&dir->dir, "kitehook.yml", path, sizeof path);
  return kh_config_read(&dir->config, path, depth, environment, &dir->diags);
}

const struct kh_diag *kh_config_dir_find(const struct kh_config_dir *dir, unsigned line, unsigned column,
                                         const char *fragment)
{
  for (size_t i = 0; i < dir->diags.count; i++) {
    const struct kh_diag *diag = &dir->diags.at[i];
    bool here = line == 0 || (diag->line == line && diag->column == column);

    if (here && strstr(diag->text, fragment))
      return diag;
  }
  return NULL;
}

const char *kh_config_dir_said(const struct kh_config_dir *dir)
{
  static char said[KH_DIAGS_MAX * sizeof(struct kh_diag)];
  size_t len = 0;

  said[0] = '\0';
  for (size_t i = 0; i < dir->diags.count; i++) {
    const struct kh_diag *diag = &dir->diags.at[i];

    len += (size_t)snprintf(said + len, sizeof said - len, "%s%s:%u:%u: %s\n", diag->err ? "" : "warning ",
                            diag->file, diag->line, diag->column, diag->text);
  }
  return said;
}
