/*
 * node.h - what the files of the condition language hand to each other. Nothing of it is for others;
 * condition.h is, and it has the map.
 */
#ifndef KH_NODE_H
#define KH_NODE_H

#include "language/condition/condition.h"
#include "language/condition/functions.h"

enum {
  KH_CONDITION_DEPTH_MAX = 100,
  KH_CONDITION_NODES_MAX = 10000,
  KH_CONDITION_ARENA_BYTES = 8 * 1024 * 1024,
};

enum kh_token_type {
  KH_TOKEN_END,
  KH_TOKEN_BAD, /* the mistake is already told */
  KH_TOKEN_NAME,
  KH_TOKEN_TRUE,
  KH_TOKEN_FALSE,
  KH_TOKEN_NULL,
  KH_TOKEN_INCLUDES,
  KH_TOKEN_INTEGER,
  KH_TOKEN_STRING,
  KH_TOKEN_REGEX,
  KH_TOKEN_SUBSTITUTION,
  KH_TOKEN_EQUAL,
  KH_TOKEN_UNEQUAL,
  KH_TOKEN_MATCHES,
  KH_TOKEN_MATCHES_NOT,
  KH_TOKEN_AND,
  KH_TOKEN_OR,
  KH_TOKEN_NOT,
  KH_TOKEN_QUESTION,
  KH_TOKEN_COLON,
  KH_TOKEN_COMMA,
  KH_TOKEN_OPEN,
  KH_TOKEN_CLOSE,
  KH_TOKEN_LIST_OPEN,
  KH_TOKEN_LIST_CLOSE
};

struct kh_token {
  enum kh_token_type type;
  size_t at;
  size_t len;
  struct kh_str body;  /* between the quotes or slashes, as it stands */
  struct kh_str text;  /* of a string: escapes resolved */
  struct kh_str flags; /* of a regex */
  int64_t number;
  bool double_quoted;
};

struct kh_lexer {
  struct kh_str source;
  size_t at;
  bool extended;
  struct kh_arena *arena;
  struct kh_mistake *mistake;
};

/* lexer.c: KH_TOKEN_END for ever at the end. */
struct kh_token kh_lexer_next(struct kh_lexer *lexer);

enum kh_node_type {
  KH_NODE_CONSTANT, /* true, false, null, integer, regex: `value` */
  KH_NODE_STRING,   /* `value`; `body` when it is a template */
  KH_NODE_SUBSTITUTION,
  KH_NODE_VARIABLE,
  KH_NODE_CALL,
  KH_NODE_LIST,
  KH_NODE_NOT,
  KH_NODE_AND, /* two or more children */
  KH_NODE_OR,
  KH_NODE_COMPARE, /* `op` */
  KH_NODE_TERNARY
};

struct kh_node {
  enum kh_node_type type;
  enum kh_token_type op;
  size_t at; /* in the source */
  size_t len;
  unsigned depth;
  bool is_template; /* a string that has to be expanded */
  bool is_live;     /* … and whose value depends on the environment */
  struct kh_str body;
  struct kh_value value;
  const struct kh_name_info *name;         /* set by the check */
  const struct kh_function_info *function; /* set by the check */
  struct kh_node *first;
  struct kh_node *next; /* sibling */
};

struct kh_regex_link {
  struct kh_regex *regex;
  struct kh_regex_link *next;
};

struct kh_condition {
  struct kh_arena arena;
  struct kh_str source; /* a copy, in the arena */
  enum kh_dialect dialect;
  enum kh_entrypoint entrypoint;
  struct kh_node *root; /* NULL: blank */
  struct kh_regex_link *regexes;
  size_t nodes;
};

/* parser.c: sets `root`. False: MISTAKE says why. */
bool kh_condition_parse(struct kh_condition *condition, struct kh_mistake *mistake);
/* check.c: names, functions and kinds. */
bool kh_condition_check(struct kh_condition *condition, struct kh_mistake *mistake);

/* equal.c: strings by bytes, lists in order, regexes by their text and flags; different kinds are unequal. */
bool kh_value_equal(const struct kh_value *a, const struct kh_value *b);

#endif
