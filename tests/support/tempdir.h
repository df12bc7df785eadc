/*
 * tempdir.h - a folder of one test's own.
 */
#ifndef KH_TEST_TEMPDIR_H
#define KH_TEST_TEMPDIR_H

struct kh_tempdir {
  char path[256];
};

/* Makes a folder (0700) below TMPDIR or /tmp. Ends the test when it cannot. */
void kh_tempdir_open(struct kh_tempdir *dir);
/* Removes it with everything in it. */
void kh_tempdir_close(struct kh_tempdir *dir);

/* Writes "<dir>/<name>" to PATH, of PATH_BYTES bytes, and returns PATH. */
char *kh_tempdir_path(const struct kh_tempdir *dir, const char *name, char *path, size_t path_bytes);
/* How many entries the folder at PATH has, "." and ".." aside; -1 when it cannot be read. */
int kh_dir_count(const char *path);
/* Replaces the file at PATH by TEXT. Ends the test when it cannot. */
void kh_file_put(const char *path, struct kh_str text);

#endif
