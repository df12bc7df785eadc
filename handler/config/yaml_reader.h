/*
 * yaml_reader.h - what the parts of the YAML reader share. Only yaml*.c include it.
 */
#ifndef KH_YAML_READER_H
#define KH_YAML_READER_H

#include "config/yaml.h"

#include <yaml.h>

struct kh_yaml_anchor {
  char *name;   /* owned */
  json_t *node; /* owned */
};

struct kh_yaml_reader {
  yaml_parser_t parser;
  struct kh_yaml *yaml;
  struct kh_diags *diags;
  struct kh_str text;
  size_t given;                 /* bytes of TEXT that libyaml has */
  const char *const *stop_keys; /* or NULL */
  bool is_list;                 /* the file is one, and no mapping */
  bool is_table;                /* kh_yaml_read_table */
  bool is_foreign;              /* kh_yaml_read_foreign */
  struct kh_yaml_anchor anchors[KH_YAML_MAX_ANCHORS];
  size_t anchor_count;
  size_t nodes;
  unsigned depth;
  bool mistaken; /* something was wrong that could be left out */
};

/* libyaml's read handler over TEXT, which it cuts at the first of the stop keys; SELF is the reader. */
int kh_yaml_give_line(void *self, unsigned char *to, size_t room, size_t *given);

/* Adds a mistake at AT. Returns KH_ERR_CONFIG. */
enum kh_err kh_yaml_mistake(struct kh_yaml_reader *reader, yaml_mark_t at, const char *format, ...)
    KH_PRINTF(3, 4);
/* Adds what the parser stumbled over. KH_ERR_CONFIG, or KH_ERR_NO_MEMORY. */
enum kh_err kh_yaml_syntax_mistake(struct kh_yaml_reader *reader) KH_MUST_USE;

/* The two limits: one more key or value, one level deeper. The caller takes the level back, error or not. */
enum kh_err kh_yaml_count(struct kh_yaml_reader *reader, yaml_mark_t at) KH_MUST_USE;
enum kh_err kh_yaml_enter(struct kh_yaml_reader *reader, yaml_mark_t at) KH_MUST_USE;

/* The node an alias stands for, shared (a reference of the caller's own). */
enum kh_err kh_yaml_read_alias(struct kh_yaml_reader *reader, const yaml_event_t *event,
                               json_t **node) KH_MUST_USE;
/* Remembers NODE as NAME; does nothing when NAME is NULL. */
enum kh_err kh_yaml_add_anchor(struct kh_yaml_reader *reader, const yaml_char_t *name, json_t *node,
                               yaml_mark_t at) KH_MUST_USE;

#endif
