/*
 * log.h - structured log lines: one JSON object a line, one write() a line.
 *
 * Redaction is by type. A line can only hold the keys of enum kh_log_key, each
 * with one JSON type (docs/log.schema.json); there is no function that takes a
 * struct kh_secret, a whole payload or an arbitrary key. Adding a key is one
 * row here and one in the schema, and the tests hold the two together.
 */
#ifndef KH_LOG_H
#define KH_LOG_H

#include "base/clock.h"
#include "base/json.h"

/* X(key, its name in a line) */
#define KH_LOG_KEYS(X)                                                                                 \
  X(KH_LOG_TRANSPORT, "transport") /* cgi, fastcgi, invoke, worker */                                  \
  X(KH_LOG_REQUEST_ID, "request_id")                                                                   \
  X(KH_LOG_ENTRY, "entry") /* the webhook's name in the inbox */                                       \
  X(KH_LOG_EVENT, "event")                                                                             \
  X(KH_LOG_ORGANIZATION, "organization")                                                               \
  X(KH_LOG_PIPELINE, "pipeline")                                                                       \
  X(KH_LOG_BUILD_NUMBER, "build_number")                                                               \
  X(KH_LOG_BRANCH, "branch")                                                                           \
  X(KH_LOG_STATE, "state")                                                                             \
  X(KH_LOG_JOB, "job")                                                                                 \
  X(KH_LOG_AGENT, "agent")                                                                             \
  /* accepted, refused; of the worker: done, done before, repeat, replay, aside */                     \
  X(KH_LOG_VERDICT, "verdict")                                                                         \
  X(KH_LOG_REASON, "reason")                   /* an error token, absent when all is well */           \
  X(KH_LOG_DETAIL, "detail")                   /* a sentence for people */                             \
  X(KH_LOG_PLACE, "place")                     /* file:line:column */                                  \
  X(KH_LOG_PROOF, "proof")                     /* signature, token */                                  \
  X(KH_LOG_SECRET_NAME, "secret_name")         /* which named secret matched; never its value */       \
  X(KH_LOG_SIGNATURE_AGE_S, "signature_age_s") /* seconds between the signature's timestamp and now */ \
  X(KH_LOG_STATUS, "status")                   /* HTTP status answered or received */                  \
  X(KH_LOG_BYTES, "bytes")                                                                             \
  X(KH_LOG_DURATION_US, "duration_us")                                                                 \
  X(KH_LOG_WORKER, "worker") /* woken, started, absent, ran, busy */                                   \
  X(KH_LOG_OLDEST_ENTRY_S, "oldest_entry_s")                                                           \
  X(KH_LOG_RULES_MATCHED, "rules_matched") /* array of rule names */                                   \
  X(KH_LOG_DELIVERIES, "deliveries")       /* how many the webhook led to */                           \
  X(KH_LOG_DELIVERY, "delivery")           /* a delivery's id */                                       \
  X(KH_LOG_RULE, "rule")                                                                               \
  X(KH_LOG_NOTIFIER, "notifier")                                                                       \
  X(KH_LOG_ATTEMPT, "attempt")                                                                         \
  X(KH_LOG_RESULT, "result")     /* delivered, retry, dead */                                          \
  X(KH_LOG_RETRY_AT, "retry_at") /* time */                                                            \
  X(KH_LOG_MESSAGE_TEXT, "text") /* what the log notifier was asked to say */                          \
  X(KH_LOG_URL, "url")           /* a build's web page; never a webhook or API URL */

#define KH_LOG_ID(key, name) key,
enum kh_log_key { KH_LOG_KEYS(KH_LOG_ID) KH_LOG__COUNT };
#undef KH_LOG_ID

/* Where lines go; each is complete, with its newline. */
struct kh_log {
  void (*write)(void *self, struct kh_str line);
  void *self;
  const struct kh_clock *clock;
  enum kh_level least; /* what is less is not written; KH_DEBUG, the zero, writes all */
  struct kh_str
      invocation; /* on Lambda, "requestId" of each line, as Lambda's own lines have it; else absent */
};

/* A descriptor that lines go to: the caller's, who may change it between two lines. */
struct kh_log_fd {
  int fd;
  bool is_torn; /* the last line broke off */
};

/* Writes to TO->fd by one write() a line. Owns neither. */
struct kh_log kh_log_to_fd(struct kh_log_fd *to, const struct kh_clock *clock);

struct kh_log_line {
  struct kh_buf text; /* failed once memory ran out: the line then says so and nothing else */
  bool dropped;       /* less than the log's least level */
  const char *list;   /* the key whose array stands open at the text's end, or NULL */
};

/* Starts a line with timestamp, level and MESSAGE, a constant such as "webhook". */
void kh_log_begin(struct kh_log_line *line, const struct kh_log *log, enum kh_level level,
                  const char *message);
/*
 * Each key at most once in a line. Empty texts are left out. Bytes that are not UTF-8 become U+FFFD; texts
 * are cut at 1,024 bytes.
 */
void kh_log_text(struct kh_log_line *line, enum kh_log_key key, struct kh_str text);
/* A string of a payload, decoded; anything else is left out. */
void kh_log_value(struct kh_log_line *line, enum kh_log_key key, struct kh_json_value value);
void kh_log_number(struct kh_log_line *line, enum kh_log_key key, int64_t number);
/* Appends to an array. The items of one follow each other. */
void kh_log_item(struct kh_log_line *line, enum kh_log_key key, struct kh_str text);
void kh_log_time(struct kh_log_line *line, enum kh_log_key key, int64_t at_us);
/* KH_LOG_REASON from ERR, and DIAG's text and place where it has them. */
void kh_log_problem(struct kh_log_line *line, enum kh_err err, const struct kh_diag *diag);
/* Writes the line and frees it. */
void kh_log_end(struct kh_log_line *line, const struct kh_log *log);

#endif
