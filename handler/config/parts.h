/*
 * parts.h - what the files of config/ share and nobody else needs.
 */
#ifndef KH_CONFIG_PARTS_H
#define KH_CONFIG_PARTS_H

#include "config/config.h"

/* ---- config.c ---- */

/* kh_config_read behind the file: CONFIG has been set up with a path. For the fuzzer too. */
void kh_config_init(struct kh_config *config, enum kh_config_depth depth, const char *const *environment);
enum kh_err kh_config_parse(struct kh_config *config, const char *file, struct kh_str text,
                            struct kh_diags *diags) KH_MUST_USE;

/* Of two results the first error; so a row of checks goes on after one that failed. */
static inline enum kh_err kh_first_err(enum kh_err first, enum kh_err second)
{
  return first ? first : second;
}

/* ---- files.c ---- */

/*
 * PATH as it stands in the file BESIDE, seen from where BESIDE is seen. False when it is empty or too long.
 */
bool kh_path_beside(const char *beside, const char *path, char resolved[KH_PATH_BYTES]);
/*
 * Appends the regular file at PATH to TEXT and watches it, there or not. *MODE gets its permissions. TEXT is
 * not moved while it grows, so that wiping it wipes all. KH_ERR_NOT_FOUND, KH_ERR_LIMIT, KH_ERR_IO; WHY has
 * the cause without the path.
 */
enum kh_err kh_config_load(struct kh_config *config, const char *path, struct kh_buf *text, unsigned *mode,
                           struct kh_diag *why) KH_MUST_USE;
/* Watches PATH, there or not, without reading it. KH_ERR_LIMIT, KH_ERR_NO_MEMORY. */
enum kh_err kh_config_watch(struct kh_config *config, const char *path) KH_MUST_USE;
/* Forgets the watched files. */
void kh_config_unwatch(struct kh_config *config);
/* TEXT behind the byte order mark that some editors put first. */
struct kh_str kh_without_bom(struct kh_str text);
/* What to do about it. */
const char *kh_config_load_cure(enum kh_err err);

/* ---- env_file.c ---- */

/*
 * Reads TEXT as systemd reads an EnvironmentFile into ENTRIES: "NAME=value" and a NUL each. Stricter: a line
 * that is no assignment, an unusable name, an open quote or a NUL byte is a mistake. Messages never quote a
 * line.
 */
enum kh_err kh_env_file_parse(struct kh_str text, const char *file, struct kh_buf *entries,
                              struct kh_diags *diags) KH_MUST_USE;
/* The value of NAME, the last one if there are several; absent when there is none. */
struct kh_str kh_env_file_get(const struct kh_buf *entries, const char *name);
/* [A-Za-z_][A-Za-z0-9_]* */
bool kh_env_name_is_valid(struct kh_str name);

/* ---- schema.c ---- */

/*
 * The keys that stand last, in any order; NULL-terminated. Receivers read no further than the first of them,
 * and ask only whether there is a `notify:`.
 */
extern const char *const kh_config_last_keys[];

/* ---- section.c ---- */

/* A mapping of the file while it is read. */
struct kh_section {
  struct kh_config *config;
  const json_t *object;
  const char *name; /* "webhook.", in front of a key in messages; "" for the whole file */
  struct kh_diags *diags;
};

struct kh_range {
  uint64_t min, max;
  const char *text; /* the same for people */
};

/* What stands under KEY; leaves the value alone when the key is absent, and after a mistake. */
enum kh_err kh_section_duration(const struct kh_section *section, const char *key,
                                const struct kh_range *range, int64_t *seconds) KH_MUST_USE;
enum kh_err kh_section_size(const struct kh_section *section, const char *key, const struct kh_range *range,
                            uint64_t *bytes) KH_MUST_USE;
enum kh_err kh_section_count(const struct kh_section *section, const char *key, const struct kh_range *range,
                             size_t *count) KH_MUST_USE;
/* An absolute path. With STREAM also the word "stderr", as it is. */
enum kh_err kh_section_path(const struct kh_section *section, const char *key, bool stream,
                            char path[KH_PATH_BYTES]) KH_MUST_USE;

/* ---- sources.c ---- */

/* What else than requests may come in, on Lambda. A receiver has none, and it is not read for one. */
enum kh_err kh_config_sources(const struct kh_section *top) KH_MUST_USE;

/* ---- reference.c ---- */

/*
 * A reference to a secret while it is resolved. No message quotes what stands in it: it could be the secret.
 */
struct kh_reference {
  struct kh_config *config;
  const json_t *node;
  const char *where;
  struct kh_diags *diags;
};

static inline enum kh_err kh_reference_mistake(const struct kh_reference *from, const char *key,
                                               const char *text)
{
  return kh_config_mistake(from->config, from->node, key, from->diags, "%s: %s", from->where, text);
}

/* With NAMED the mapping may hold a `name` too, which is the caller's. */
enum kh_err kh_reference_resolve(const struct kh_reference *from, bool named,
                                 struct kh_secret *secret) KH_MUST_USE;

/* ---- secret_mark.c ---- */

/*
 * What an editor or a copy has put around a secret, or in its place, as the rest of the sentence "the secret
 * …" with a cure: all of it counts. NULL when there is nothing. VALUE is not empty.
 */
const char *kh_secret_mark(struct kh_str value);

/* ---- remote.c ---- */

/* True for "ssm" and "secretsmanager". */
bool kh_remote_is_source(const char *source);
/* SOURCE is one of those. Without a remote there is no VALUE: a mistake, but at KH_CONFIG_CHECK. */
enum kh_err kh_remote_read(const struct kh_reference *from, const char *source, const char *name,
                           struct kh_buf *value) KH_MUST_USE;

/* ---- include.c ---- */

struct kh_file_names {
  const char *path;  /* absolute */
  const char *shown; /* as messages name it */
  bool is_list;      /* what it must be; else a table */
};

/* Reads the file that KEY of NODE names, and watches it. *FILE is NULL without memory; CONFIG owns it. */
enum kh_err kh_config_include_file(struct kh_config *config, const json_t *node, const char *key,
                                   const struct kh_file_names *names, struct kh_included **file,
                                   struct kh_diags *diags) KH_MUST_USE;

/* ---- secrets.c ---- */

/* The secrets under KEY of the section, one or a list of them; fine when there are none. */
enum kh_err kh_config_secrets(const struct kh_section *webhook, const char *key,
                              struct kh_secret_list *list) KH_MUST_USE;
void kh_config_secrets_release(struct kh_secret_list *list);

/* ---- sections.c ---- */

/* Reads the tree of CONFIG into it; all its mistakes. */
enum kh_err kh_config_sections(struct kh_config *config, struct kh_diags *diags) KH_MUST_USE;

#endif
