/*
 * err.h - the one result type, and where a message about it points.
 *
 * Every fallible function returns enum kh_err; zero is success. err.c holds one
 * table: each error's token (what the log says), the HTTP status it leads to
 * and the level it is logged at. Tokens are stable: people build alerts on them.
 */
#ifndef KH_ERR_H
#define KH_ERR_H

enum kh_err {
  KH_OK = 0,

  /* the request, before anything is hashed */
  KH_ERR_METHOD,
  KH_ERR_MEDIA_TYPE,
  KH_ERR_CONTENT_ENCODING,
  KH_ERR_TOO_LARGE,
  KH_ERR_CONTENT_LENGTH,
  KH_ERR_BODY_CUT,
  KH_ERR_BODY_LATE,

  /* the proof: all of these look the same from outside */
  KH_ERR_CREDENTIAL_ABSENT,
  KH_ERR_CREDENTIAL_REPEATED,
  KH_ERR_CREDENTIALS_BOTH,
  KH_ERR_TOKEN_NOT_ACCEPTED,
  KH_ERR_SIGNATURE_NOT_ACCEPTED,
  KH_ERR_EVENT_REPEATED,
  KH_ERR_HEADER_TOO_LONG,
  KH_ERR_HEADER_CONTROL,
  KH_ERR_FIELD_EMPTY,
  KH_ERR_FIELD_WITHOUT_EQUALS,
  KH_ERR_TIMESTAMP_ABSENT,
  KH_ERR_TIMESTAMP_REPEATED,
  KH_ERR_TIMESTAMP_MALFORMED,
  KH_ERR_SIGNATURE_ABSENT,
  KH_ERR_SIGNATURE_REPEATED,
  KH_ERR_SIGNATURE_LENGTH,
  KH_ERR_SIGNATURE_NOT_HEX,
  KH_ERR_SIGNATURE_MISMATCH,
  KH_ERR_TOKEN_MISMATCH,
  KH_ERR_STALE,
  KH_ERR_FUTURE,

  /* the body, once it is proven */
  KH_ERR_JSON_SYNTAX,
  KH_ERR_JSON_UTF8,
  KH_ERR_JSON_NUMBER,
  KH_ERR_JSON_DUPLICATE_KEY,
  KH_ERR_JSON_DEPTH,
  KH_ERR_JSON_TOKENS,
  KH_ERR_JSON_SIZE,
  KH_ERR_NOT_AN_OBJECT,
  KH_ERR_EVENT_NAME,
  KH_ERR_EVENT_MISMATCH,

  /* keeping it */
  KH_ERR_INBOX_FULL,
  KH_ERR_NO_SPACE,
  KH_ERR_INBOX_IO,
  KH_ERR_STATE_OWNER,
  KH_ERR_STATE_MODE,
  KH_ERR_ENTRY_MALFORMED,
  KH_ERR_ENTRY_MAC,
  KH_ERR_ENTRY_SECRET_GONE,

  /* the worker and its deliveries */
  KH_ERR_STORE,
  KH_ERR_RENDER,
  KH_ERR_NOTIFIER_GONE,
  KH_ERR_DELIVERY_REFUSED,    /* this one, and again would not help */
  KH_ERR_DESTINATION_REFUSED, /* whatever we send: address or credential are wrong */
  KH_ERR_DELIVERY_FAILED,
  KH_ERR_DELIVERY_EXPIRED,
  KH_ERR_OUTBOX_FULL,
  KH_ERR_LOCKED,

  /* anywhere */
  KH_ERR_CONFIG,
  KH_ERR_NOT_FOUND,
  KH_ERR_LIMIT,
  KH_ERR_IO,
  KH_ERR_NO_MEMORY,

  KH_ERR__COUNT
};

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
