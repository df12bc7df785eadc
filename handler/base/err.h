/*
 * err.h - the one result type, and where a message about it points.
 *
 * Every fallible function returns enum kh_err; zero is success. KH_ERRORS has of each error its token (what
 * the log says), the HTTP status it leads to and the level it is logged at. Tokens are stable: people build
 * alerts on them.
 */
#ifndef KH_ERR_H
#define KH_ERR_H

/* X(name, token, HTTP status, level) */
#define KH_ERRORS(X)                                                                                     \
  X(KH_OK, "ok", 200, KH_INFO)                                                                           \
  /* the request, before anything is hashed */                                                           \
  X(KH_ERR_METHOD, "method_not_allowed", 405, KH_WARN)                                                   \
  X(KH_ERR_MEDIA_TYPE, "media_type_not_json", 415, KH_WARN)                                              \
  X(KH_ERR_CONTENT_ENCODING, "content_encoding_not_identity", 415, KH_WARN)                              \
  X(KH_ERR_TOO_LARGE, "body_too_large", 413, KH_WARN)                                                    \
  X(KH_ERR_CONTENT_LENGTH, "content_length_malformed", 400, KH_WARN)                                     \
  X(KH_ERR_BODY_CUT, "body_cut", 400, KH_WARN)                                                           \
  X(KH_ERR_BODY_LATE, "body_late", 408, KH_WARN)                                                         \
  /* the proof: all of these look the same from outside */                                               \
  X(KH_ERR_CREDENTIAL_ABSENT, "credential_absent", 401, KH_WARN)                                         \
  X(KH_ERR_CREDENTIAL_REPEATED, "credential_repeated", 400, KH_WARN)                                     \
  X(KH_ERR_CREDENTIALS_BOTH, "credentials_both", 401, KH_WARN)                                           \
  X(KH_ERR_TOKEN_NOT_ACCEPTED, "token_not_accepted", 401, KH_WARN)                                       \
  X(KH_ERR_SIGNATURE_NOT_ACCEPTED, "signature_not_accepted", 401, KH_WARN)                               \
  X(KH_ERR_EVENT_REPEATED, "event_repeated", 400, KH_WARN)                                               \
  X(KH_ERR_HEADER_TOO_LONG, "header_too_long", 401, KH_WARN)                                             \
  X(KH_ERR_HEADER_CONTROL, "header_control_character", 401, KH_WARN)                                     \
  X(KH_ERR_FIELD_EMPTY, "field_empty", 401, KH_WARN)                                                     \
  X(KH_ERR_FIELD_WITHOUT_EQUALS, "field_without_equals", 401, KH_WARN)                                   \
  X(KH_ERR_TIMESTAMP_ABSENT, "timestamp_absent", 401, KH_WARN)                                           \
  X(KH_ERR_TIMESTAMP_REPEATED, "timestamp_repeated", 401, KH_WARN)                                       \
  X(KH_ERR_TIMESTAMP_MALFORMED, "timestamp_malformed", 401, KH_WARN)                                     \
  X(KH_ERR_SIGNATURE_ABSENT, "signature_absent", 401, KH_WARN)                                           \
  X(KH_ERR_SIGNATURE_REPEATED, "signature_repeated", 401, KH_WARN)                                       \
  X(KH_ERR_SIGNATURE_LENGTH, "signature_length", 401, KH_WARN)                                           \
  X(KH_ERR_SIGNATURE_NOT_HEX, "signature_not_lower_hex", 401, KH_WARN)                                   \
  X(KH_ERR_SIGNATURE_MISMATCH, "signature_mismatch", 401, KH_WARN)                                       \
  X(KH_ERR_TOKEN_MISMATCH, "token_mismatch", 401, KH_WARN)                                               \
  X(KH_ERR_STALE, "timestamp_stale", 401, KH_WARN)                                                       \
  X(KH_ERR_FUTURE, "timestamp_future", 401, KH_WARN)                                                     \
  /* an event that nobody signs */                                                                       \
  X(KH_ERR_PARTNER_SOURCE, "partner_source", 401, KH_WARN)                                               \
  X(KH_ERR_PARTNER_ACCOUNT, "partner_account", 401, KH_WARN)                                             \
  X(KH_ERR_PARTNER_TYPE, "partner_type", 400, KH_WARN)                                                   \
  X(KH_ERR_PARTNER_SHAPE, "partner_shape", 400, KH_WARN)                                                 \
  /* the body, once it is proven */                                                                      \
  X(KH_ERR_JSON_SYNTAX, "json_syntax", 400, KH_WARN)                                                     \
  X(KH_ERR_JSON_UTF8, "json_utf8", 400, KH_WARN)                                                         \
  X(KH_ERR_JSON_NUMBER, "json_number_range", 400, KH_WARN)                                               \
  X(KH_ERR_JSON_DUPLICATE_KEY, "json_duplicate_key", 400, KH_WARN)                                       \
  X(KH_ERR_JSON_DEPTH, "json_depth", 400, KH_WARN)                                                       \
  X(KH_ERR_JSON_TOKENS, "json_tokens", 400, KH_WARN)                                                     \
  X(KH_ERR_JSON_SIZE, "json_size", 400, KH_WARN)                                                         \
  X(KH_ERR_NOT_AN_OBJECT, "not_an_object", 400, KH_WARN)                                                 \
  X(KH_ERR_EVENT_NAME, "event_name", 400, KH_WARN)                                                       \
  X(KH_ERR_EVENT_MISMATCH, "event_mismatch", 400, KH_WARN)                                               \
  /* keeping it */                                                                                       \
  X(KH_ERR_INBOX_FULL, "inbox_full", 503, KH_ERROR)                                                      \
  X(KH_ERR_NO_SPACE, "no_space", 503, KH_ERROR)                                                          \
  X(KH_ERR_INBOX_IO, "inbox_io", 503, KH_ERROR)                                                          \
  X(KH_ERR_STATE_OWNER, "state_owner", 503, KH_ERROR)                                                    \
  X(KH_ERR_STATE_MODE, "state_mode", 503, KH_ERROR)                                                      \
  X(KH_ERR_ENTRY_MALFORMED, "entry_malformed", 500, KH_ERROR)                                            \
  X(KH_ERR_ENTRY_MAC, "entry_mac", 500, KH_ERROR)                                                        \
  X(KH_ERR_ENTRY_SECRET_GONE, "entry_secret_gone", 500, KH_ERROR)                                        \
  /* the worker and its deliveries */                                                                    \
  X(KH_ERR_STORE, "store", 503, KH_ERROR)                                                                \
  X(KH_ERR_RENDER, "not_rendered", 500, KH_ERROR)                                                        \
  X(KH_ERR_NO_PLACE, "no_place", 500, KH_ERROR)                                                          \
  X(KH_ERR_NOTIFIER_GONE, "notifier_gone", 502, KH_ERROR)                                                \
  X(KH_ERR_DELIVERY_REFUSED, "delivery_refused", 502, KH_ERROR) /* this one, and again would not help */ \
  /* whatever we send: address or credential are wrong */                                                \
  X(KH_ERR_DESTINATION_REFUSED, "destination_refused", 502, KH_ERROR)                                    \
  X(KH_ERR_DELIVERY_FAILED, "delivery_failed", 502, KH_WARN)                                             \
  X(KH_ERR_DELIVERY_EXPIRED, "delivery_expired", 502, KH_ERROR)                                          \
  X(KH_ERR_OUTBOX_FULL, "outbox_full", 503, KH_ERROR)                                                    \
  X(KH_ERR_LOCKED, "locked", 503, KH_INFO)                                                               \
  /* anywhere */                                                                                         \
  X(KH_ERR_CONFIG, "config", 500, KH_ERROR)                                                              \
  X(KH_ERR_NOT_FOUND, "not_found", 500, KH_ERROR)                                                        \
  X(KH_ERR_LIMIT, "limit", 500, KH_ERROR)                                                                \
  X(KH_ERR_IO, "io", 500, KH_ERROR)                                                                      \
  X(KH_ERR_NO_MEMORY, "no_memory", 503, KH_ERROR)

#define KH_ERR_ID(name, token, status, level) name,
enum kh_err { KH_ERRORS(KH_ERR_ID) KH_ERR__COUNT };
#undef KH_ERR_ID

enum kh_level { KH_DEBUG, KH_INFO, KH_WARN, KH_ERROR };

/* The stable name, such as "signature_mismatch"; "ok" for KH_OK. Never NULL. */
const char *kh_err_token(enum kh_err err);
/* The HTTP status that this result leads to, 200 to 599. */
int kh_err_status(enum kh_err err);
enum kh_level kh_err_level(enum kh_err err);
/* True for every error that an unverified caller must not be told apart from the others. */
bool kh_err_is_unverified(enum kh_err err);

/*
 * A message with its place: the caller's, fixed size, optional everywhere (NULL
 * is fine). The first error wins, since what follows is usually its echo.
 * Texts name what is wrong and what to do; they never hold a secret's value.
 */
struct kh_diag {
  enum kh_err err; /* KH_OK while nothing was said */
  char file[256];  /* "" when the place is not a file */
  unsigned line;   /* from 1; 0 when unknown */
  unsigned column; /* from 1; 0 when unknown */
  char text[512];
};

/*
 * Fills DIAG unless it is NULL or already speaks. Returns ERR, so that `return kh_diag_set(...)` reads well.
 */
enum kh_err kh_diag_set(struct kh_diag *diag, enum kh_err err, const char *format, ...) KH_PRINTF(3, 4);

#endif
