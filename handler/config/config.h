/*
 * config.h - kitehook.yml as structs: what a receiver needs, then the rest.
 *
 * A receiver reads only as far as the first of `services:`, `tables:` and `notify:`, which come last, in any
 * order; a worker and `kitehook check` read it all. These stay trees here: rules/ and notify/ give them
 * meaning (kh_rules_compile in notify/notifiers.h).
 *
 *   webhook:
 *     signature: [{name: current, file: /path}, {name: previous, env: NAME}]   # and/or
 *     token: [...]                  # the same form; the weaker proof
 *     freshness: 5m                 # 1s to 1d; default 300 s
 *     max_body: 8MB                 # 1KB to 64MB; default 8 MiB
 *     deadline: 10s                 # 1s to 5m; default 10 s
 *   env_file: /etc/kitehook/env     # NAME=value lines, as systemd reads them
 *   log: stderr | /path             # the receiver's; default stderr
 *   state: /var/lib/kitehook        # the folder with inbox, memory, worker.lock
 *   inbox: {max_entries: 10000, max_bytes: 1GB, reserve: 64MB}
 *   outbox: {max_entries: 40000, max_bytes: 256MB, keep_dead: 30d}
 *   memory: {keep: 90d}             # 1d to 3650d
 *   journal: {max_entries: 10000, max_bytes: 64MB, keep: 30d}   # 0 entries: none is kept
 *   worker: start | service | wait  # or a mapping: {mode, program, log, linger}
 *   http: {ca_file: /path, proxy: http://host:3128}   # for deliveries
 *   sources: {eventbridge: {source: aws.partner/buildkite.com/…, account: "123456789012"}}   # Lambda's
 *   services: {...}                 # rules/account.h
 *   tables: {people: {file: people.yml}, rooms: {entries: {...}}}   # rules/tables.h
 *   notify: [...]
 *
 * A secret is {file: PATH}, {env: NAME} or {credential: NAME}, which systemd's LoadCredential= has put into
 * CREDENTIALS_DIRECTORY; on Lambda also {ssm: NAME}, {secretsmanager: NAME_OR_ARN} or {secretsmanager:
 * NAME_OR_ARN, key: MEMBER}, which whoever reads the config has fetched by struct kh_remote_secrets.
 *
 * One named secret or a list of them; `name` defaults to "default" for a single
 * one and is required, unique, [a-z0-9_-]{1,32} in a list. Relative paths start at the folder of the file
 * they stand in.
 *
 * An item `include: PATH` of `notify` stands for the items of that file, which is a list (kh_config_include).
 *
 * The folder: config.c calls yaml.c for the tree and sections.c for what stands in it.
 *   files.c      reads and watches files, for all of them
 *   yaml.c       libyaml's events as a tree, by yaml_reader.c and yaml_syntax.c; yaml_mark.c has the places
 *   sections.c   one mapping after the other, by section.c (one value; units.c), secrets.c and sources.c
 *   secrets.c    each by reference.c, which asks env_file.c or remote.c
 *   schema.c     mistakes, warnings and keys, for all of them and for rules/
 *   include.c, tables.c, in_text.c, yaml_text.c   for rules/: files beside it, and places within a text
 */
#ifndef KH_CONFIG_H
#define KH_CONFIG_H

#include "base/buf.h"
#include "base/log.h"
#include "base/secret.h"
#include "config/yaml.h"

#ifndef KH_WORKER_PROGRAM
#define KH_WORKER_PROGRAM "/usr/local/bin/kitehook"
#endif
/* Where the programs look without --config and KITEHOOK_CONFIG. */
#ifndef KH_CONFIG_PATH
#define KH_CONFIG_PATH "/etc/kitehook/kitehook.yml"
#endif

enum kh_config_depth {
  KH_CONFIG_RECEIVER,
  KH_CONFIG_WHOLE,
  KH_CONFIG_CHECK, /* the whole, and kept in spite of mistakes, so that those of `notify` can be found too */
  KH_CONFIG_DRY /* the whole without its secrets: they stay empty, and neither they nor env_file are read */
};
enum kh_worker_mode { KH_WORKER_START, KH_WORKER_SERVICE, KH_WORKER_WAIT };

/* Where secrets are that stand neither in a file nor in a variable. */
enum kh_remote_store { KH_REMOTE_SSM, KH_REMOTE_SECRETSMANAGER };
enum { KH_REMOTE_SECRET_MAX_BYTES = KH_SECRET_MAX_BYTES + 2 }; /* with a line end, which does not count */

/* The interface of what fetches them; handler/net/aws_secrets.h is the real one. */
struct kh_remote_secrets {
  /*
   * Appends the secret NAME to VALUE, which is empty, and moves VALUE's bytes no more once the first of them
   * is written, so that wiping it wipes all. KEY, unless NULL, is the member to take of a secret that is a
   * JSON object. On an error VALUE holds nothing, and WHY says what is wrong and what to do, without NAME.
   */
  enum kh_err (*fetch)(void *self, enum kh_remote_store store, const char *name, const char *key,
                       struct kh_buf *value, struct kh_diag *why);
  void *self;
};

enum { KH_SECRETS_MAX = 8, KH_PATH_BYTES = 512, KH_NAME_BYTES = 33, KH_ENV_FILE_MAX_BYTES = 64 * 1024 };

struct kh_named_secret {
  char name[KH_NAME_BYTES];
  struct kh_secret secret;
};

struct kh_secret_list {
  struct kh_named_secret at[KH_SECRETS_MAX];
  size_t count;
};

/* A file that a loaded config came from; when its stat changes, the config is read again. */
struct kh_watched_file {
  char *path; /* owned */
  struct kh_stamp {
    int64_t mtime_ns, size, inode, device, ctime_ns; /* -1 each while the file is missing */
  } stamp;
};

enum { KH_WATCHED_MAX = 64 };

enum { KH_INCLUDED_MAX = 32, KH_INCLUDE_DEPTH_MAX = 4 };

/* A file that an item of `notify` includes, or that is a table. */
struct kh_included {
  char path[KH_PATH_BYTES]; /* absolute */
  struct kh_yaml yaml;
  struct kh_included *next;
};

enum { KH_EVENTBRIDGE_SOURCE_BYTES = 257, KH_AWS_ACCOUNT_BYTES = 13 };

/* Whose events from Amazon EventBridge count. */
struct kh_eventbridge {
  char source[KH_EVENTBRIDGE_SOURCE_BYTES]; /* a partner's; "": nobody's */
  char account[KH_AWS_ACCOUNT_BYTES];       /* twelve digits */
};

struct kh_config {
  char path[KH_PATH_BYTES]; /* absolute */
  enum kh_config_depth depth;
  struct kh_secret_list signatures; /* at least one of the two lists is not empty */
  struct kh_secret_list tokens;
  int64_t freshness_s;
  size_t max_body_bytes;
  int64_t deadline_s; /* for a request to arrive */

  char log_path[KH_PATH_BYTES]; /* "" is stderr */

  char state[KH_PATH_BYTES]; /* "" when there is none: no inbox, no worker */
  size_t inbox_max_entries;
  uint64_t inbox_max_bytes;
  uint64_t inbox_reserve_bytes; /* of the file system, for the worker; see inbox/room.h */

  size_t outbox_max_entries;
  uint64_t outbox_max_bytes;
  int64_t outbox_keep_dead_s;

  int64_t memory_keep_s; /* of a branch, after its last webhook */

  size_t journal_max_entries; /* 0: none is kept */
  uint64_t journal_max_bytes;
  int64_t journal_keep_s;

  enum kh_worker_mode worker_mode;
  char worker_program[KH_PATH_BYTES]; /* default: KH_WORKER_PROGRAM, compiled in */
  char worker_log[KH_PATH_BYTES];     /* "" is <state>/worker.log, bounded; "stderr" is fd 2 */
  int64_t worker_linger_s;            /* how long an idle worker that a receiver started stays; default 5 */

  char http_ca_file[KH_PATH_BYTES]; /* "" is the system's; like the next not for receivers */
  struct kh_secret http_proxy;      /* may be empty */

  struct kh_eventbridge eventbridge; /* Lambda's alone; not for receivers */

  struct kh_yaml yaml;          /* kept at KH_CONFIG_WHOLE, for notify: and its places */
  bool has_notify;              /* the file has `notify:`, which a receiver does not read */
  json_t *services;             /* an object inside yaml (rules/account.h), or NULL */
  json_t *tables;               /* owned: for each name an object of texts (rules/tables.h); or NULL */
  json_t *notify;               /* an array inside yaml, or `expanded`; or NULL */
  json_t *expanded;             /* owned; `notify` with what it includes, or NULL */
  struct kh_included *included; /* owned, and each next one */
  json_t *templates;            /* owned; an array of the texts that rules/ found to be templates; or NULL */

  struct kh_buf env_file;                 /* its entries, "NAME=value" and a NUL each; wiped on release */
  const char *const *environment;         /* the caller's, "NAME=value", ends with NULL; or NULL */
  const struct kh_remote_secrets *remote; /* the caller's, or NULL */
  bool has_remote;                        /* anything at all came from there */
  bool has_remote_secrets; /* of webhook: when none of them matches, reading again may bring a newer one */

  size_t watched_count;
  struct kh_watched_file watched[KH_WATCHED_MAX];
};

/*
 * Reads PATH. ENVIRONMENT (the process's) is where `env:` looks after env_file;
 * it must outlive the config. All mistakes go to DIAGS, sorted by place; any of them but warnings makes
 * KH_ERR_CONFIG. Then, except at KH_CONFIG_CHECK, only kh_config_is_outdated and kh_config_release are of
 * use: the files stay watched, so that a cure is noticed.
 */
enum kh_err kh_config_read(struct kh_config *config, const char *path, enum kh_config_depth depth,
                           const char *const *environment, struct kh_diags *diags) KH_MUST_USE;
/*
 * The same where REMOTE, which must outlive the config, fetches `ssm:` and `secretsmanager:`. Without it
 * those are mistakes, but at KH_CONFIG_CHECK: there their form is looked at, and such a secret stays empty.
 */
enum kh_err kh_config_read_remote(struct kh_config *config, const char *path, enum kh_config_depth depth,
                                  const char *const *environment, const struct kh_remote_secrets *remote,
                                  struct kh_diags *diags) KH_MUST_USE;
void kh_config_release(struct kh_config *config);

/*
 * The first of the files that CONFIG was read from which has changed; NULL when none has. One stat() a file:
 * call it at most once a second.
 */
const char *kh_config_changed_file(const struct kh_config *config);
static inline bool kh_config_is_outdated(const struct kh_config *config)
{
  return kh_config_changed_file(config) != NULL;
}
/*
 * How long before UNTIL_US the youngest of CONFIG's files was written, or the folder of one that is missing.
 * Those that were written at UNTIL_US or later, by a clock that was wrong, do not count; UNTIL_US itself
 * where none does.
 */
int64_t kh_config_age_us(const struct kh_config *config, int64_t until_us);

/*
 * Tells configurations apart by where they came from: a hash of the watched files' names and stats, and of
 * nothing they hold. What came from the environment does not count.
 */
void kh_config_digest(const struct kh_config *config, unsigned char digest[KH_DIGEST_BYTES]);

/* The word that the file has for MODE. */
const char *kh_worker_mode_name(enum kh_worker_mode mode);

/*
 * KH_ERR_CONFIG and a mistake when there is `notify:` but no `state:`: a web server's receiver has no way to
 * do it.
 */
enum kh_err kh_config_needs_state(const struct kh_config *config, struct kh_diags *diags) KH_MUST_USE;

/*
 * Resolves a reference such as {env: NAME} (one trailing line end is dropped); the value
 * never appears in a message. An empty value is an error. WHERE names the key in messages, such as
 * "slack.url". A plain string is refused: a credential does not belong into the file of rules. At
 * KH_CONFIG_WHOLE.
 */
enum kh_err kh_config_secret(struct kh_config *config, const json_t *reference, const char *where,
                             struct kh_secret *secret, struct kh_diags *diags) KH_MUST_USE;
/*
 * The key of REFERENCE that says where its secret is, such as "env", and what stands there; NULL without one.
 */
const char *kh_config_secret_source(const json_t *reference, const char **name);

/*
 * The value of NAME among "NAME=value", ended by NULL; absent when there is none, and in an ENVIRONMENT of
 * NULL.
 */
struct kh_str kh_environment_get(const char *const *environment, const char *name);
/* Names in capitals may be told; anything else could be the secret itself, pasted into the wrong place. */
bool kh_env_name_is_told(const char *name);
/*
 * The same behind `ssm:` and `secretsmanager:`: whoever pastes a secret there writes no slash first, and
 * hardly one of nothing but small letters.
 */
bool kh_remote_name_is_told(const char *name);
/* Where systemd has put the credential NAME. False when the process is given none, or the path is long. */
bool kh_credential_path(const struct kh_config *config, const char *name, char path[KH_PATH_BYTES]);

/*
 * Puts what `notify` includes, and what that includes, in the place of the items that say so; those files are
 * watched from then on. All mistakes go to DIAGS; after one the item is left out. KH_ERR_CONFIG,
 * KH_ERR_NO_MEMORY.
 */
enum kh_err kh_config_include(struct kh_config *config, struct kh_diags *diags) KH_MUST_USE;
/*
 * Reads `tables` into config->tables, and the files that it names, which are watched from then on. All
 * mistakes go to DIAGS. KH_ERR_CONFIG, KH_ERR_NO_MEMORY.
 */
enum kh_err kh_config_tables(struct kh_config *config, struct kh_diags *diags) KH_MUST_USE;
/*
 * MADE, an object made of what stands at NODE, is from now on at that place for mistakes, and lives as long
 * as CONFIG. KH_ERR_NO_MEMORY.
 */
enum kh_err kh_config_stands_for(struct kh_config *config, json_t *made, const json_t *node) KH_MUST_USE;
/* TEXT, of CONFIG, is a template: `$NAME` in it has been looked at (kh_config_warn_of_variables). */
enum kh_err kh_config_is_template(struct kh_config *config, json_t *text) KH_MUST_USE;
/* The included file that NODE stands in; NULL when that is kitehook.yml itself. */
const struct kh_included *kh_config_included(const struct kh_config *config, const json_t *node);

/* Adds a mistake at the place of NODE, or of key KEY in it when KEY is not NULL. Returns KH_ERR_CONFIG. */
enum kh_err kh_config_mistake(const struct kh_config *config, const json_t *node, const char *key,
                              struct kh_diags *diags, const char *format, ...) KH_PRINTF(5, 6);
/* The same as a warning, which breaks nothing. */
void kh_config_warning(const struct kh_config *config, const json_t *node, const char *key,
                       struct kh_diags *diags, const char *format, ...) KH_PRINTF(5, 6);
/* A mistake, or with an ERR of KH_OK a warning, at byte AT of the text NODE. Returns ERR. */
enum kh_err kh_config_say_in_text(const struct kh_config *config, const json_t *node, size_t at,
                                  enum kh_err err, struct kh_diags *diags, const char *format, ...)
    KH_PRINTF(6, 7);
/* Warns of texts with a ${VARIABLE} that nothing will replace, once templates are known. */
void kh_config_warn_of_variables(const struct kh_config *config, struct kh_diags *diags);
/* One mistake for each key of OBJECT that is not in KNOWN (NULL-terminated), with "did you mean". */
enum kh_err kh_config_known_keys(const struct kh_config *config, const json_t *object,
                                 const char *const *known, struct kh_diags *diags);
/* The text of a scalar node; NULL when it is none. */
const char *kh_config_text(const json_t *node);

/*
 * A value for a message: "`5 minutes`", or "this value" when it is NULL, long or more than plain words. Never
 * for what could be a credential. `kh_config_shown(text).text` holds to the end of the expression.
 */
struct kh_shown {
  char text[48];
};
struct kh_shown kh_config_shown(const char *value);

/* "90s", "5m", "2h", "1d" and bare seconds; "512KB", "8MB", "1GB" (powers of 1,024) and bare bytes. */
bool kh_config_duration_s(const char *text, int64_t *seconds);
bool kh_config_size_bytes(const char *text, uint64_t *bytes);

#endif
