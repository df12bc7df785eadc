/*
 * yaml.h - a YAML file as a jansson tree that remembers places.
 *
 * libyaml gives events; mappings become objects, sequences arrays, and every
 * scalar a json_string: the schema that reads the tree decides what "yes" or
 * "012" means, so YAML's own guesses never matter. Anchors and aliases work;
 * duplicate keys, merge keys, tags, NUL bytes, a second document and nesting
 * over 32 are refused. Lines and columns count from 1, columns in characters.
 */
#ifndef KH_YAML_H
#define KH_YAML_H

#include "base/buf.h"
#include "config/diags.h"

#include <jansson.h>

enum {
  KH_YAML_MAX_BYTES = 1024 * 1024,
  KH_YAML_MAX_DEPTH = 32,
  KH_YAML_MAX_NODES = 20000, /* keys and values, with every alias counted as what it stands for */
  KH_YAML_TABLE_MAX = (KH_YAML_MAX_NODES - 1) / 2,
  KH_YAML_MAX_ANCHORS = 100,
};

struct kh_yaml_mark;

struct kh_yaml {
  char file[256]; /* as messages name it */
  json_t *root;   /* owned; an object; an array after kh_yaml_read_list, and kh_yaml_read_foreign */
  struct kh_yaml_mark *marks; /* owned */
  size_t mark_count;
  size_t mark_room;
  const char *stopped_at; /* that of STOP_KEYS at which reading ended, so what follows was not seen */
  struct kh_buf source;   /* the file's text, for places inside of texts; empty with STOP_KEYS */
};

/*
 * Reads TEXT. With STOP_KEYS (of the top level, NULL-terminated; or NULL) it returns as soon as one of them
 * is met, without it. Where a line begins with such a key and a colon, no byte behind that is looked at.
 * Errors go to DIAGS with FILE, line and column: KH_ERR_CONFIG, KH_ERR_NO_MEMORY. After an error ROOT is
 * NULL, unless what was wrong could be left out (a tag, a key that stands there twice): then it is there, so
 * that a caller can look for more mistakes.
 */
enum kh_err kh_yaml_read(struct kh_yaml *yaml, const char *file, struct kh_str text,
                         const char *const *stop_keys, struct kh_diags *diags) KH_MUST_USE;
/* Does a line of TEXT begin with KEY and a colon, as a key of the top level does? */
bool kh_yaml_has_line(struct kh_str text, const char *key);
/* The same for a file that is a list. */
enum kh_err kh_yaml_read_list(struct kh_yaml *yaml, const char *file, struct kh_str text,
                              struct kh_diags *diags) KH_MUST_USE;
/* The same for a mapping of texts, a table of up to KH_YAML_TABLE_MAX. */
enum kh_err kh_yaml_read_table(struct kh_yaml *yaml, const char *file, struct kh_str text,
                               struct kh_diags *diags) KH_MUST_USE;
/*
 * The same for a file that was written for another program: ROOT is an array of its documents, each of any
 * kind. Merge keys are merged, and tags passed over. What was left out is told, and makes no error.
 */
enum kh_err kh_yaml_read_foreign(struct kh_yaml *yaml, const char *file, struct kh_str text,
                                 struct kh_diags *diags) KH_MUST_USE;
void kh_yaml_release(struct kh_yaml *yaml);

/* Both from 1, columns in characters; 0, 0 when unknown. */
struct kh_place {
  unsigned line, column;
};

/* Where NODE begins (of an alias: where its anchor stands). */
struct kh_place kh_yaml_place(const struct kh_yaml *yaml, const json_t *node);
/*
 * Where character INDEX (from 0) of the text NODE stands in the file, whether it is quoted, escaped, folded
 * or a block; with as many characters as it has, its end. The place of NODE where that cannot be told.
 */
struct kh_place kh_yaml_text_place(const struct kh_yaml *yaml, const json_t *node, unsigned index);
/* Where the key KEY of the mapping OBJECT stands. */
struct kh_place kh_yaml_key_place(const struct kh_yaml *yaml, const json_t *object, const char *key);

/*
 * For the reader only. Adds a place; of a key when KEY is not NULL. Keeps NODE alive, and KEY must live as
 * long.
 */
enum kh_err kh_yaml_mark(struct kh_yaml *yaml, json_t *node, const char *key,
                         struct kh_place place) KH_MUST_USE;

#endif
