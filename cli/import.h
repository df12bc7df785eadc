/*
 * import.h - `notify:` of pipelines as rules: what `kitehook import` reads, makes and prints.
 *
 * import.c is the command. import_pipeline.c finds the entries of a pipeline, import_slug.c whose it is;
 * import_rule.c makes a rule of an entry, by import_step.c a condition for its step, by import_text.c what
 * Buildkite's agent would have made of its texts; import_services.c finds what it is sent by; import_print.c
 * prints.
 */
#ifndef KH_IMPORT_H
#define KH_IMPORT_H

#include "base/buf.h"
#include "config/yaml.h"

#include <jansson.h>

struct kh_command;

enum { KH_IMPORT_WHY_BYTES = 320, KH_IMPORT_TEXT_BYTES = 64 * 1024, KH_IMPORT_SLUG_BYTES = 1024 };

/* What was read so far. {0} is empty. */
struct kh_import {
  const struct kh_command *self;
  const char *pipelines; /* --pipeline, or NULL */
  /*
   * Owned. An object an entry, in the order in which they are printed: `place` ("FILE:LINE"), `of`, its step,
   * and either `rule` and `remarks`, an array of texts, or `refused`, why there is none.
   */
  json_t *entries;
  size_t rules;      /* among them */
  json_t *files;     /* owned: objects of `file`, `pipeline` and `by`, how that was known */
  json_t *services;  /* owned: by kind, objects with the names that their accounts need, if any */
  json_t *variables; /* owned: by name, in which file and line it stands in the open, and behind which word */
  json_t *values;    /* owned: each such value, and the name that it has now. Never printed */
};

/* Where an entry stands. All is borrowed. */
struct kh_import_scope {
  struct kh_import *import;
  const struct kh_yaml *yaml;
  const char *pipeline;
  enum { KH_IMPORT_BUILD, KH_IMPORT_GROUP, KH_IMPORT_STEP, KH_IMPORT_OTHER_STEP } level;
  json_t *step; /* or NULL */
};

/*
 * Adds the entries of the pipelines in FILE, "-" for standard input. Complains, and returns what to exit
 * with, when it cannot be read or nothing tells whose it is.
 */
int kh_import_file(struct kh_import *import, const char *file);
/* The slug of DOCUMENT, a pipeline that stands in FILE. False when nothing tells. *BY is how it is known. */
bool kh_import_slug(const struct kh_import *import, const char *file, json_t *document,
                    char slug[KH_IMPORT_SLUG_BYTES], const char **by);
/* Makes UTF-8 of TEXT, in place, for jansson takes nothing else: '?' for each byte that is none. */
void kh_import_make_utf8(char *text);
/* Adds what becomes of ENTRY, one of `notify`. */
void kh_import_entry(const struct kh_import_scope *scope, json_t *entry);
/* The same for what is no entry, or no list of them; WHY says so. */
void kh_import_refuse(const struct kh_import_scope *scope, const json_t *at, const char *why);

/*
 * Appends a condition that is true of jobs of STEP. False, and WHY has the reason, when nothing tells them
 * from others.
 */
bool kh_import_step(const json_t *step, struct kh_buf *condition, char why[KH_IMPORT_WHY_BYTES]);
/* Would that condition have its command in it, since it has neither key nor label? */
bool kh_import_step_is_by_command(const json_t *step);
/* What people call STEP: its key, its label or its command; NULL when it has none. */
const char *kh_import_step_name(const json_t *step);

/*
 * Appends what becomes of CONDITION, an `if` as it stands in a pipeline. False, and WHY has the reason, when
 * that would not mean the same.
 */
bool kh_import_condition(struct kh_str condition, bool of_step, struct kh_buf *out,
                         char why[KH_IMPORT_WHY_BYTES]);
/* The same of a text that is none of ours, such as a label: false when it has a variable. */
bool kh_import_fixed(struct kh_str text, struct kh_buf *out);
/* The same of a text that becomes a template: a message, or where to. */
bool kh_import_text(struct kh_str text, struct kh_buf *out, char why[KH_IMPORT_WHY_BYTES]);

/* Adds to SERVICES what WORD with OPTIONS, as a rule has them, goes by. */
void kh_import_note_service(json_t *services, const char *word, const json_t *options);
/* What has to stand below `services:` for them, with examples to be filled in. The caller's. */
json_t *kh_import_services(const json_t *services);

/* Prints the configuration to standard output, and to standard error what has to be done by hand. */
void kh_import_print(const struct kh_import *import);

#endif
