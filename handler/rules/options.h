/*
 * options.h - the options of a notifier as a table: the keys that may stand under its name, what their
 * values may be, and where they go. `script/options` makes the schema and the manual page of it.
 */
#ifndef KH_OPTIONS_H
#define KH_OPTIONS_H

#include "config/config.h"

struct kh_notifier;
struct kh_rule;

enum kh_option_type {
  KH_OPTION_URL,     /* a secret that holds an https URL, or an http one to this machine's loopback */
  KH_OPTION_SECRET,  /* such as {env: NAME} */
  KH_OPTION_MESSAGE, /* message.h */
  KH_OPTION_TEXT,
  KH_OPTION_PLACE, /* where to inside of the credential: a template; one of each notifier */
  KH_OPTION_CHOICE,
  KH_OPTION_NUMBER, /* 0 or more */
  KH_OPTION_TRUTH,
  KH_OPTION_MAPPING,
  KH_OPTION_LIST /* of mappings, which configure checks; a member only */
};

/* A table ends with one without a name. Texts may quote `literally`. */
struct kh_option {
  const char *name;
  enum kh_option_type type;
  bool required;
  bool many;         /* of PLACE: a list of them, too */
  size_t offset;     /* of URL and SECRET: of its struct kh_secret in struct kh_rule */
  const char *words; /* for documents: what it is, in whole sentences */
  /* For messages: a value; of URL and SECRET the name of a variable. What is required has one. */
  const char *example;
  const char *by_default; /* or NULL */
  /* Of TEXT, of a PLACE without {{ or $, and of what URL and SECRET hold; or NULL. */
  bool (*is_good)(struct kh_str value);
  const char
      *form; /* for messages: what is good, behind "is" or "must hold"; of MAPPING its word for documents */
  const char *pattern;             /* of TEXT and PLACE: is_good as a regular expression, for editors */
  double max;                      /* of NUMBER */
  bool above_0;                    /* of NUMBER: 0 is too little */
  const char *const *choices;      /* of CHOICE; NULL-terminated */
  const struct kh_option *members; /* of MAPPING: TEXT, NUMBER, TRUTH and LIST */
  /* Of a member: 1 << place, for each of the notifier's choices that it may stand beside; 0: all. */
  unsigned beside;
};

/* A mapping that a table is for. */
struct kh_options {
  const struct kh_option *table;
  const json_t *given;   /* or NULL */
  const char *name;      /* in messages, before the name of an option: "slack" */
  const json_t *at;      /* where what is missing is told */
  bool may_hold_values;  /* Buildkite's form: a secret may stand there itself, and is then warned of */
  bool may_name_account; /* `service: NAME` may stand beside them */
};

/*
 * Reads OPTIONS into RULE, as far as their table says. Secrets go into RULE, and in the table's order their
 * references into rule->credential, behind what stands there; one that stands in the file itself is named by
 * a hash of it. An empty one, without an error, is what `kitehook check` cannot fetch. KH_OPTION_PLACE is
 * left to whoever calls. All mistakes go to DIAGS; KH_ERR_CONFIG, KH_ERR_NO_MEMORY.
 */
enum kh_err kh_options_read(struct kh_config *config, const struct kh_options *options, struct kh_rule *rule,
                            struct kh_diags *diags) KH_MUST_USE;
/* One mistake for each key that is not in OPTIONS' table. */
enum kh_err kh_options_keys(struct kh_config *config, const struct kh_options *options,
                            struct kh_diags *diags) KH_MUST_USE;
/* Of OPTIONS that were read: the text under NAME or its default, and the place of that among the choices. */
const char *kh_option_text(const struct kh_notifier *notifier, const json_t *options, const char *name);
size_t kh_option_choice(const struct kh_notifier *notifier, const json_t *options, const char *name);
/* The same by TABLE; NULL where it has no such option, too. */
const char *kh_option_text_by(const struct kh_option *table, const json_t *options, const char *name);
/* The option of that NAME; NULL when TABLE has none. */
const struct kh_option *kh_option_named(const struct kh_option *table, const char *name);

/* For is_good and form of a SECRET that is sent in a header. */
bool kh_option_is_token(struct kh_str value);
#define KH_OPTION_TOKEN_FORM "one token: no blanks, no line ends, ASCII"

bool kh_options_are_needed(const struct kh_notifier *notifier);
/* How an entry with what is required is written: "slack: {url: {env: SLACK_WEBHOOK_URL}}". */
void kh_options_usage(const struct kh_notifier *notifier, struct kh_buf *out);
/* Each form of that: "`- slack: \"#general\"`, or `- slack: {url: {env: SLACK_WEBHOOK_URL}}`". */
void kh_options_usages(const struct kh_notifier *notifier, struct kh_buf *out);
/*
 * The same for what TABLE requires, and what is in NEEDS (NULL-terminated, or NULL), behind NAME, a key: NAME
 * alone where that is nothing.
 */
void kh_options_usage_by(const struct kh_option *table, const char *const *needs, const char *name,
                         struct kh_buf *out);
/* Is OPTION required, or in NEEDS? */
bool kh_option_is_needed(const struct kh_option *option, const char *const *needs);

#endif
