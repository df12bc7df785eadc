/*
 * config_dir.h - a folder with a kitehook.yml and its secrets, read for one test.
 */
#ifndef KH_TEST_CONFIG_DIR_H
#define KH_TEST_CONFIG_DIR_H

#include "config/config.h"
#include "support/tempdir.h"

#define KH_TEST_SECRET "planted-secret-4b1f"

struct kh_config_dir {
  struct kh_tempdir dir;
  struct kh_config config;
  struct kh_diags diags;
};

/* Makes the folder, with KH_TEST_SECRET and a newline in `webhook-secret`. */
void kh_config_dir_open(struct kh_config_dir *dir);
void kh_config_dir_close(struct kh_config_dir *dir);
/* Puts TEXT into the file NAME (mode 0600). */
void kh_config_dir_put(const struct kh_config_dir *dir, const char *name, const char *text);
/* Writes kitehook.yml and reads it, in the place of what was read before. */
enum kh_err kh_config_dir_read(struct kh_config_dir *dir, const char *text, enum kh_config_depth depth,
                               const char *const *environment);

/* The diag at that place whose text holds FRAGMENT; NULL when there is none. Line 0: at any place. */
const struct kh_diag *kh_config_dir_find(const struct kh_config_dir *dir, unsigned line, unsigned column,
                                         const char *fragment);
/* All diags, one a line, for the message of a failed test. Holds until the next call. */
const char *kh_config_dir_said(const struct kh_config_dir *dir);

#endif
