/*
 * notifier.h - what a notifier is, and a compiled rule.
 *
 * A notifier is one file with one `const struct kh_notifier`, and one word in the list in
 * notify/notifiers.h. It is pure: it turns an event into the bytes of a request and never sees the network.
 * docs/ADDING.md walks through one.
 *
 * `render` makes of an event what lies in the outbox until it is delivered, without anything secret;
 * `request` makes of that one attempt.
 *
 * The folder: rule.c compiles `notify:` into rules, each by entry.c (its form, by options.c and account.c
 * what it says, by message.c its templates) and match_compile.c (branches.c). For each event decision.c asks
 * match.c, and render.c has the notifier make its delivery.
 */
#ifndef KH_NOTIFIER_H
#define KH_NOTIFIER_H

#include "base/log.h"
#include "memory/memory.h"
#include "memory/queue.h"
#include "net/transport.h"
#include "rules/account.h"
#include "rules/match.h"
#include "rules/options.h"
#include "rules/verdict.h"

struct kh_rendering;
struct kh_rule;
struct kh_template;

/* What a notifier renders from: one webhook. All is borrowed, and outlives what is done with it. */
struct kh_rendering {
  const struct kh_event *event;
  const struct kh_names *names; /* of event (language/names/names_event.h) */
  const struct kh_facts *facts;
  struct kh_mistake
      undecided; /* by the rule rendered last: why an {{#if}} of its message went the other way */
};

/* How many requests a place takes: BURST at once, then one each EVERY_MS. Zeros: as many as there are. */
struct kh_rate {
  unsigned burst;    /* 0: 1 */
  unsigned every_ms; /* 0: no such limit */
  bool per_place;    /* each place of a credential has its own; else all of them share one */
};

/*
 * Buildkite's own form of an entry, for a word that its `notify:` has: what stands behind the word is a text,
 * a list, nothing, or a mapping. A notifier has its own form of a mapping beside that only where this has
 * OPTIONS.
 */
struct kh_form {
  /*
   * The option that stands alone behind the word: `slack: "#general"` is {channels: "#general"}. Of one of
   * type KH_OPTION_URL or KH_OPTION_SECRET both the value, which Buildkite has in the file itself, and a
   * reference such as `webhook: {env: HOOK_URL}`. NULL where nothing can.
   */
  const char *alone;
  bool is_word; /* the word may stand without anything, as `github_check` */
  /* NULL: the notifier's, which has no other form. Else of this form only. */
  const struct kh_option *options;
  /*
   * With OPTIONS: a mapping is in this form, too, unless it has an option that the notifier requires. One
   * that names a service always is.
   */
  bool takes_mapping;
  const char *const *default_events; /* Buildkite's; NULL: the notifier's */
  /* By default no build that is blocked, unless the rule's `if` speaks of them. */
  bool not_blocked;
  const struct kh_account *account; /* that it goes by, or NULL */
  /* Of that, which of the options that are not required this word needs; NULL-terminated, or NULL. */
  const char *const *account_needs;
  /*
   * Cuts the name of a service off PLACE, as it stands in the file: "acme" of "acme#builds". Empty where it
   * has none. NULL where `service: NAME` says it.
   */
  struct kh_str (*account_of)(struct kh_str *place);
  /*
   * Where to: appends to PLACE what WRITTEN, a place of RULE for this webhook, stands for; WRITTEN is empty
   * where RULE says no place. Nothing, where there is no such place; KH_ERR_NOT_FOUND where this webhook has
   * none for anybody, and it is no mistake of RULE. WRITTEN may hold what a stranger chose, such as a branch.
   * KH_ERR_LIMIT, KH_ERR_NO_MEMORY. NULL: WRITTEN itself.
   */
  enum kh_err (*place)(const struct kh_rule *rule, const struct kh_rendering *rendering,
                       struct kh_str written, struct kh_buf *place);
};

/*
 * Where a place answers with an id of what was made, so that a later delivery can go on with it: the answer
 * is read up to KH_TOLD_ANSWER_MAX_BYTES, and what `take` finds in it is remembered with the outcome, for 30
 * days. For each place, where the notifier is_state; else for each rule, place, and build or job. Pure.
 */
struct kh_told_by {
  /*
   * TEXT, words of ASCII that may be shown, becomes what BODY, the answer to a delivery that has arrived,
   * says of what was made. False where that cannot be read: then a later one goes on with nothing.
   */
  bool (*take)(struct kh_str body, char text[KH_TOLD_BYTES]);
  /*
   * Where nothing is remembered, or an attempt before this one may have made something, its place is asked
   * first: OUTGOING, empty but for a grant, becomes that request, whose answer `judge` judges, too. NULL, as
   * the next two, where nothing goes on yet. Errors as of `request`.
   */
  enum kh_err (*look)(const struct kh_rule *rule, const struct kh_delivery *delivery,
                      struct kh_outgoing *outgoing);
  /* TOLD becomes what BODY, a 2xx answer to that, says. False where there is nothing to go on with. */
  bool (*find)(const struct kh_rule *rule, const struct kh_delivery *delivery, struct kh_str body,
               struct kh_told *told);
  /* ANSWER says that what the request went on with is not there any more: it is made anew, at once. */
  bool (*is_gone)(const struct kh_incoming *answer);
};

enum { KH_TOLD_ANSWER_MAX_BYTES = 512 * 1024 };

struct kh_notifier {
  const char *name;  /* the word in kitehook.yml: "slack"; at most 24 bytes */
  const char *words; /* for documents: what it does, without a full stop */
  const char *content_type;
  const char *const *default_events; /* NULL-terminated */
  const struct kh_option *options;
  const struct kh_form *form; /* NULL where Buildkite has no such word */
  int64_t age_max_s;          /* how long a delivery is tried; 0: KH_DELIVERY_AGE_MAX_S */
  unsigned at_once; /* how many may be on their way to one destination; 0: 1, and so in their order */
  struct kh_rate rate;
  bool replaces; /* a newer delivery makes an older one that still waits pointless */
  bool by_mail;  /* `request` makes a mail, which no function of Lambda can send */
  /* What it tells stands until the next one: older than what its place was told last, it is not sent. */
  bool is_state;
  /*
   * What the table cannot say of OPTIONS, once read by it without a mistake; in Buildkite's form the mapping
   * that it stands for. Once for each service that the rule goes by. NULL where it says it all.
   */
  enum kh_err (*configure)(struct kh_config *config, const json_t *options, struct kh_rule *rule,
                           struct kh_diags *diags);
  /*
   * Appends to SHOWN what people may see of PLACE, of a delivery or as it stands in the file, but for a
   * template, which is shown itself. No log has a place. NULL: PLACE itself.
   */
  void (*show_place)(struct kh_str place, struct kh_buf *shown);
  /*
   * What stands, of a webhook out of the journal, for a place that is not kept. A delivery to it can be
   * looked at and not be sent. NULL where all are kept.
   */
  const char *unkept_place;
  /*
   * Writes the body that lies in the outbox, one for all places. KH_ERR_RENDER, KH_ERR_LIMIT,
   * KH_ERR_NO_MEMORY.
   */
  enum kh_err (*render)(const struct kh_rule *rule, struct kh_rendering *rendering, struct kh_buf *body);
  /*
   * Appends to TEXT, for people, what is seen of BODY, which `render` wrote, where it arrives: lines of plain
   * text. KH_ERR_RENDER when it is none of this notifier's, KH_ERR_LIMIT, KH_ERR_NO_MEMORY. NULL where BODY
   * is for programs and has no words.
   */
  enum kh_err (*say)(const json_t *body, struct kh_buf *text);
  /*
   * OUTGOING sends DELIVERY's body by RULE's verb to its url. Changes it for one attempt at NOW_US: what is
   * new each time, or must not lie in the outbox (outgoing.h); and where outgoing->told has something, goes
   * on with that, or sets it to NULL and makes something new. NULL where nothing is to change. KH_ERR_RENDER,
   * KH_ERR_LIMIT, KH_ERR_NO_MEMORY.
   */
  enum kh_err (*request)(const struct kh_rule *rule, const struct kh_delivery *delivery, int64_t now_us,
                         struct kh_outgoing *outgoing);
  /*
   * Where an attempt needs a grant, a secret with an end that one call yields: OUTGOING, empty before,
   * becomes that call, whose answer `judge` judges, too. What PROOF is made to hold stays until it has ended.
   * KH_ERR_NOT_FOUND where RULE needs none, KH_ERR_CONFIG where a secret of RULE is not what it should be,
   * KH_ERR_LIMIT, KH_ERR_NO_MEMORY. NULL where no rule needs one.
   */
  enum kh_err (*ask_grant)(const struct kh_rule *rule, int64_t now_us, struct kh_secret *proof,
                           struct kh_outgoing *outgoing);
  /* GRANT gets what BODY, a 2xx answer to that, yields, and *UNTIL_US its end. False where it has none. */
  bool (*take_grant)(struct kh_str body, struct kh_secret *grant, int64_t *until_us);
  /* NULL where no answer is remembered. */
  const struct kh_told_by *told_by;
  /* What ANSWER means, which came at NOW_US. NULL where the status says it all. */
  void (*judge)(const struct kh_incoming *answer, int64_t now_us, struct kh_verdict *verdict);
  /*
   * Instead of these two where a delivery does not leave this machine: it goes to LOG, there and then. NULL
   * for all others. KH_ERR_RENDER for a body that cannot be read.
   */
  enum kh_err (*deliver)(const struct kh_delivery *delivery, const struct kh_log *log);
};

enum { KH_RULE_PARTS = 3 };

struct kh_rule {
  char name[33]; /* `name:`, or the notifier's name and its place: "slack-1" */
  const struct kh_notifier *notifier;
  const struct kh_form *form; /* that it is written in; NULL: the notifier's own */
  struct kh_match match;
  enum kh_verb verb;           /* of a request, as the next three, which are empty where there is none */
  struct kh_secret url;        /* where to */
  struct kh_secret secret;     /* what to sign with, or a token */
  struct kh_secret capability; /* what lets whoever knows it send: a topic, a routing key */
  json_t *made;                /* owned; what configure prepared for render */
  struct kh_template *message; /* owned; `message:`, or NULL for the notifier's own words */
  struct kh_template
      *parts[KH_RULE_PARTS];            /* owned, each of them or NULL; what else configure made to render */
  char credential[KH_CREDENTIAL_BYTES]; /* names them without telling them: "slack env:SLACK_WEBHOOK_URL" */
  /* Where to inside of it, "" where that is all; where there are PLACES, these as written, for people. */
  char place[KH_PLACE_BYTES];
  struct kh_template **places; /* owned, and each of them: rendered for a webhook, one delivery each */
  size_t place_count, place_room;
  const json_t *account; /* borrowed: the options in `services:` that it goes by; or NULL */
  char account_name[33];
  /*
   * Owned: the same entry by another service of its kind, or NULL. It has no match and no message, and the
   * first renders for all.
   */
  struct kh_rule *also;
};

struct kh_rules {
  struct kh_rule *at; /* owned */
  size_t count;
};

enum { KH_RULES_MAX = 1000 };
enum { KH_DELIVERY_AGE_MAX_S = 24 * 3600 }; /* how long a delivery is tried */

/*
 * Compiles config->notify, where NOTIFIERS, NULL-terminated, are all there are. All mistakes go to DIAGS;
 * KH_ERR_CONFIG if there was one, KH_ERR_NO_MEMORY. RULES borrows from CONFIG.
 */
enum kh_err kh_rules_compile_with(struct kh_config *config, const struct kh_notifier *const *notifiers,
                                  struct kh_rules *rules, struct kh_diags *diags) KH_MUST_USE;
void kh_rules_release(struct kh_rules *rules);
/*
 * The first rule that has CREDENTIAL, siblings by service included; NULL when the config has none any more.
 */
const struct kh_rule *kh_rules_for(const struct kh_rules *rules, const char *credential);

enum { KH_PLACES_MAX = 50 }; /* of a rule */

/* {0} is empty. */
struct kh_deliveries {
  struct kh_delivery *at; /* owned, as each of them */
  size_t count, room;
};

void kh_deliveries_release(struct kh_deliveries *deliveries);

/*
 * Appends to MADE the deliveries that RULE makes of a webhook, one for each of its places: rendered, with
 * their ids and dates; only `entry` is left to the caller. EVENT_DIGEST, usually the hash of the body, names
 * the event: an id is a hash of it and of RULE's name, and of credential and place where RULE has several; no
 * two in MADE have the same. rendering->undecided is set anew. KH_ERR_NO_PLACE when one or more places come
 * to nothing: those of the others are there. After another error none is: KH_ERR_RENDER, KH_ERR_NO_MEMORY, or
 * KH_ERR_LIMIT over KH_DELIVERY_MAX_BYTES.
 */
enum kh_err kh_rule_render(const struct kh_rule *rule, struct kh_rendering *rendering,
                           const unsigned char event_digest[KH_DIGEST_BYTES], int64_t now_us,
                           struct kh_deliveries *made) KH_MUST_USE;

/*
 * What one attempt at NOW_US sends of DELIVERY, let in by GRANT and going on with TOLD, each of which may be
 * NULL, but for its time-out. KH_ERR_RENDER, KH_ERR_LIMIT, KH_ERR_NO_MEMORY. Release OUTGOING either way;
 * until it is on its way it borrows from RULE and DELIVERY.
 */
enum kh_err kh_rule_request(const struct kh_rule *rule, const struct kh_delivery *delivery,
                            const struct kh_secret *grant, const struct kh_told *told, int64_t now_us,
                            struct kh_outgoing *outgoing) KH_MUST_USE;

/*
 * For render functions: writes JSON compactly to BODY and frees it. KH_ERR_RENDER when JSON is NULL; else as
 * kh_json_write.
 */
enum kh_err kh_notify_write_json(json_t *json, struct kh_buf *body) KH_MUST_USE;

#endif
