/*
 * reason.h - why: the one closed list of what became of a webhook, of a rule that was asked about it, and of
 * a delivery.
 *
 * The journal keeps the number, which is therefore never given to another reason; people and programs see the
 * word. docs/why.md is made of this list (script/reasons), and `explain`, `why` and `show` speak its
 * sentences. A new reason takes the next free number of its stage.
 */
#ifndef KH_REASON_H
#define KH_REASON_H

#include "base/str.h"

enum kh_reason_stage { KH_STAGE_WEBHOOK, KH_STAGE_RULE, KH_STAGE_DELIVERY };

/* X(number, name, word, stage, what it says, what to do about it: "" where it is as it should be) */
#define KH_REASONS(X)                                                                                        \
  /* a webhook */                                                                                            \
  X(1, KH_REASON_DONE, "done", KH_STAGE_WEBHOOK, "it was new, and the rules were asked", "")                 \
  X(2, KH_REASON_REPLAY, "replay", KH_STAGE_WEBHOOK,                                                         \
    "its signature was seen before, so it notifies of nothing", "")                                          \
  X(3, KH_REASON_REPEAT, "repeat", KH_STAGE_WEBHOOK, "the same was told before, so it notifies of nothing",  \
    "")                                                                                                      \
  X(4, KH_REASON_REPLAYED, "replayed", KH_STAGE_WEBHOOK,                                                     \
    "a person had the rules asked once more, by `kitehook replay --send`", "")                               \
  X(5, KH_REASON_ASIDE, "aside", KH_STAGE_WEBHOOK, "it could not be understood and was set aside",           \
    "`kitehook inbox` lists it with its reason, and tries it again")                                         \
  /* a rule */                                                                                               \
  X(16, KH_REASON_NOTIFIED, "notified", KH_STAGE_RULE, "it matches, and a notification is owed", "")         \
  X(17, KH_REASON_NOT_EVENT, "not_event", KH_STAGE_RULE, "it is not for events of this name",                \
    "add the event to the rule's `events`")                                                                  \
  X(18, KH_REASON_BUILD_BLOCKED, "build_blocked", KH_STAGE_RULE,                                             \
    "the build is blocked, and by default that is left out",                                                 \
    "name the events, or speak of blocked builds in `if`")                                                   \
  X(19, KH_REASON_NOT_PIPELINE, "not_pipeline", KH_STAGE_RULE, "it is not for this pipeline",                \
    "look at the rule's `pipelines`")                                                                        \
  X(20, KH_REASON_NOT_BRANCH, "not_branch", KH_STAGE_RULE, "it is not for this branch",                      \
    "look at the rule's `branches`")                                                                         \
  X(21, KH_REASON_CONDITION_FALSE, "condition_false", KH_STAGE_RULE, "its condition is not true",            \
    "look at the rule's `if`")                                                                               \
  X(22, KH_REASON_UNDECIDED, "undecided", KH_STAGE_RULE,                                                     \
    "its condition cannot be decided, and so does not hold",                                                 \
    "mend the rule's `if`; the note says what is in the way")                                                \
  X(23, KH_REASON_NOT_KEPT, "not_kept", KH_STAGE_RULE,                                                       \
    "it asks for a value that the journal does not keep, so nobody knows", "")                               \
  X(24, KH_REASON_SAID_ALREADY, "said_already", KH_STAGE_RULE,                                               \
    "it matches, but speaks once per build and has spoken of this one", "")                                  \
  X(25, KH_REASON_SUPERSEDED, "superseded", KH_STAGE_RULE,                                                   \
    "it matches, but a newer webhook has told each of its places its state", "")                             \
  X(26, KH_REASON_NO_PLACE, "no_place", KH_STAGE_RULE,                                                       \
    "it matches, but a place of it is empty for this webhook, and gets nothing",                             \
    "look at the templates of the rule's places")                                                            \
  X(27, KH_REASON_NOT_THERE, "not_there", KH_STAGE_RULE,                                                     \
    "it matches, but nothing of this webhook is where its service is", "")                                   \
  X(28, KH_REASON_NOT_RENDERED, "not_rendered", KH_STAGE_RULE,                                               \
    "it matches, but its notification could not be made and is not sent",                                    \
    "the note and the log line `rule failed` say why")                                                       \
  /* a delivery */                                                                                           \
  X(40, KH_REASON_DELIVERED, "delivered", KH_STAGE_DELIVERY, "it has arrived", "")                           \
  X(41, KH_REASON_DUE, "due", KH_STAGE_DELIVERY, "it is to be sent now",                                     \
    "a worker must run: `kitehook status`")                                                                  \
  X(42, KH_REASON_WAITING, "waiting", KH_STAGE_DELIVERY, "it failed, and is tried again later",              \
    "`kitehook outbox redrive` tries it at once")                                                            \
  X(43, KH_REASON_RESTING, "resting", KH_STAGE_DELIVERY,                                                     \
    "its destination rests after a failure, or keeps its pace", "")                                          \
  X(44, KH_REASON_REFUSED, "refused", KH_STAGE_DELIVERY,                                                     \
    "its destination refused kitehook as such; it waits for another configuration",                          \
    "mend the address or the credential")                                                                    \
  X(45, KH_REASON_RULE_CHANGED, "rule_changed", KH_STAGE_DELIVERY,                                           \
    "no rule of `notify` sends there any more", "bring the rule back; once it is dead, redrive it, too")     \
  X(46, KH_REASON_DEAD, "dead", KH_STAGE_DELIVERY, "it was given up, since sending it again would not help", \
    "mend what is wrong with it, and `kitehook outbox redrive`")                                             \
  X(47, KH_REASON_EXPIRED, "expired", KH_STAGE_DELIVERY,                                                     \
    "it was given up after so many attempts, or so much time", "`kitehook outbox redrive`")                  \
  X(48, KH_REASON_OUTBOX_FULL, "outbox_full", KH_STAGE_DELIVERY,                                             \
    "it was given up, since more was owed to its credential than the outbox holds",                          \
    "`kitehook outbox redrive`, or a larger `outbox`")                                                       \
  X(49, KH_REASON_REPLACED, "replaced", KH_STAGE_DELIVERY,                                                   \
    "a newer notification for the same place took its turn before it was sent", "")                          \
  X(50, KH_REASON_DROPPED, "dropped", KH_STAGE_DELIVERY, "a person dropped it", "")                          \
  X(51, KH_REASON_FORGOTTEN, "forgotten", KH_STAGE_DELIVERY,                                                 \
    "it was dead for as long as those are kept, or made room for others", "")                                \
  X(52, KH_REASON_OWED_ANEW, "owed_anew", KH_STAGE_DELIVERY,                                                 \
    "it was dead, and a later webhook owes the same again", "")                                              \
  X(53, KH_REASON_OWED_BEFORE, "owed_before", KH_STAGE_DELIVERY,                                             \
    "an earlier webhook owes the same already, and once is enough", "")                                      \
  X(54, KH_REASON_UNDER_WAY, "under_way", KH_STAGE_DELIVERY,                                                 \
    "it is on its way, and is tried again where no answer comes", "")

#define KH_REASON_ID(number, name, word, stage, says, cure) name = number,
enum kh_reason { KH_REASON_NONE = 0, KH_REASONS(KH_REASON_ID) KH_REASON__MAX = 255 };
#undef KH_REASON_ID

/* False of a number that is none, such as one of a newer kitehook. */
bool kh_reason_is_known(int64_t number);
/* The stable word, such as "not_event"; "unknown" for none. Never NULL, as the next three. */
const char *kh_reason_word(enum kh_reason reason);
enum kh_reason_stage kh_reason_stage(enum kh_reason reason);
/* A sentence without a capital and a full stop, which "it" begins or could begin. */
const char *kh_reason_says(enum kh_reason reason);
/* What to do; "" where nothing is to be done. */
const char *kh_reason_cure(enum kh_reason reason);
/* KH_REASON_NONE where there is none of that word. */
enum kh_reason kh_reason_by_word(struct kh_str word);

#endif
