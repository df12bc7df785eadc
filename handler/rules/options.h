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
  KH_OPTION_CHOICE,
  KH_OPTION_NUMBER, /* 0 or more */
  KH_OPTION_TRUTH,
  KH_OPTION_MAPPING
};

/* A table ends with one without a name. Texts may quote `literally`. */
struct kh_option {
  const char *name;
  enum kh_option_type type;
  bool required;
  size_t offset;                        /* of URL and SECRET: of its struct kh_secret in struct kh_rule */
  const char *words;                    /* for documents: what it is, in whole sentences */
  const char *example;                  /* for messages: a value; of URL and SECRET the name of a variable */
  const char *by_default;               /* or NULL */
  bool (*is_good)(struct kh_str value); /* of TEXT, and of what URL and SECRET hold; or NULL */
  const char
      *form; /* for messages: what is good, behind "is" or "must hold"; of MAPPING its word for documents */
  const char *pattern;             /* of TEXT: is_good as a regular expression, for editors */
  double max;                      /* of NUMBER */
  bool above_0;                    /* of NUMBER: 0 is too little */
  const char *const *choices;      /* of CHOICE; NULL-terminated */
  const struct kh_option *members; /* of MAPPING: TEXT, NUMBER and TRUTH */
  /* Of a member: 1 << place, for each of the notifier's choices that it may stand beside; 0: all. */
  unsigned beside;
};

/*
 * Reads OPTIONS, the mapping under the name of RULE's notifier or NULL, as far as its table says. Secrets go
 * into RULE, and in the table's order their references into rule->credential, behind the notifier's name.
 * An empty one, without an error, is what `kitehook check` cannot fetch. All mistakes go to DIAGS;
 * KH_ERR_CONFIG, KH_ERR_NO_MEMORY.
 */
enum kh_err kh_options_read(struct kh_config *config, const json_t *options, struct kh_rule *rule,
                            struct kh_diags *diags) KH_MUST_USE;
/* Of OPTIONS that were read: the text under NAME or its default, and the place of that among the choices. */
const char *kh_option_text(const struct kh_notifier *notifier, const json_t *options, const char *name);
size_t kh_option_choice(const struct kh_notifier *notifier, const json_t *options, const char *name);

/* For is_good and form of a SECRET that is sent in a header. */
bool kh_option_is_token(struct kh_str value);
#define KH_OPTION_TOKEN_FORM "one token: no blanks, no line ends, ASCII"

bool kh_options_are_needed(const struct kh_notifier *notifier);
/* How an entry with what is required is written: "slack: {url: {env: SLACK_WEBHOOK_URL}}". */
void kh_options_usage(const struct kh_notifier *notifier, struct kh_buf *out);

#endif
