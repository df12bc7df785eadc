#include "base/base.h"

#include "base/json.h"
#include "base/utf8.h"
#include "notify/slack/answer.h"

/* Ids of Slack's have about half of it. */
enum { TOLD_WORD_BYTES = 24 };

#define AGAIN KH_ERR_DELIVERY_FAILED
#define CONFIG KH_ERR_DESTINATION_REFUSED
#define NEVER KH_ERR_DELIVERY_REFUSED

#define GONE "the webhook was removed or switched off"
#define NO_WORKSPACE "its workspace is gone or switched off"
#define NO_CHANNEL "its channel or user is gone"
#define ARCHIVED "its channel is archived"
#define FORBIDDEN "an admin of the workspace forbids it"
#define NO_RIGHT "the credential does not allow it"

static const struct known_word {
  const char *word;
  enum kh_err err;
  const char *hint; /* for people; NULL where the word says it all */
} known_words[] = {
    {"rate_limited", AGAIN, NULL},
    {"ratelimited", AGAIN, NULL},
    {"internal_error", AGAIN, NULL},
    {"fatal_error", AGAIN, NULL},
    {"service_unavailable", AGAIN, NULL},
    {"request_timeout", AGAIN, NULL},
    {"rollup_error", AGAIN, NULL},
    {"team_added_to_org", AGAIN, NULL},
    {"org_login_required", AGAIN, NULL},

    {"no_service", CONFIG, GONE},
    {"no_service_id", CONFIG, GONE},
    {"no_active_hooks", CONFIG, GONE},
    {"invalid_token", CONFIG, GONE},
    {"no_team", CONFIG, NO_WORKSPACE},
    {"team_disabled", CONFIG, NO_WORKSPACE},
    {"action_prohibited", CONFIG, FORBIDDEN},
    {"posting_to_general_channel_denied", CONFIG, FORBIDDEN},
    {"channel_not_found", CONFIG, NO_CHANNEL},
    {"user_not_found", CONFIG, NO_CHANNEL},
    {"not_in_channel", CONFIG, NULL},
    {"is_archived", CONFIG, ARCHIVED},
    {"channel_is_archived", CONFIG, ARCHIVED},
    {"restricted_action", CONFIG, FORBIDDEN},
    {"restricted_action_read_only_channel", CONFIG, FORBIDDEN},
    {"restricted_action_thread_only_channel", CONFIG, FORBIDDEN},
    {"invalid_auth", CONFIG, NO_RIGHT},
    {"not_authed", CONFIG, NO_RIGHT},
    {"account_inactive", CONFIG, NO_RIGHT},
    {"token_revoked", CONFIG, NO_RIGHT},
    {"token_expired", CONFIG, NO_RIGHT},
    {"missing_scope", CONFIG, NO_RIGHT},
    {"not_allowed_token_type", CONFIG, NO_RIGHT},
    {"no_permission", CONFIG, NO_RIGHT},
    {"access_denied", CONFIG, NO_RIGHT},
    {"ekm_access_denied", CONFIG, FORBIDDEN},

    {"invalid_payload", NEVER, NULL},
    {"invalid_blocks", NEVER, NULL},
    {"invalid_blocks_format", NEVER, NULL},
    {"no_text", NEVER, NULL},
    {"msg_too_long", NEVER, NULL},
    {"msg_blocks_too_long", NEVER, NULL},
    {"too_many_attachments", NEVER, NULL},
    {"invalid_arguments", NEVER, NULL},
};

static const struct known_word *find(struct kh_str text)
{
  for (size_t i = 0; i < KH_COUNT(known_words); i++)
    if (kh_str_equal(text, kh_str_of(known_words[i].word)))
      return &known_words[i];
  return NULL;
}

/* The word is all that a webhook answers; the API, and some limits of webhooks, put it into `error`. */
static const struct known_word *find_in(struct kh_str text)
{
  const struct known_word *known = NULL;
  struct kh_json json;

  if (!kh_str_starts(text, KH_STR("{")))
    return find(text);
  kh_json_init(&json, kh_json_default_limits);
  if (kh_json_read(&json, text, NULL) == KH_OK)
    known = find(kh_json_raw(kh_json_get(kh_json_root(&json), KH_STR("error"))));
  kh_json_release(&json);
  return known;
}

/*
 * What came before the answer was cut contradicts nothing: Slack has it, and would get it twice. The API
 * repeats the message behind that word, more than is kept of an answer.
 */
static bool is_ok(const struct kh_incoming *answer, struct kh_str text)
{
  if (kh_str_starts(text, KH_STR("{\"ok\":true")))
    return true;
  return kh_str_equal(text, KH_STR("ok")) || (answer->problem[0] && kh_str_starts(KH_STR("ok"), text));
}

void kh_slack_judge(const struct kh_incoming *answer, int64_t now_us, struct kh_verdict *verdict)
{
  const struct kh_str text = kh_str_without_line_end(kh_buf_view(&answer->body));
  const struct known_word *known = find_in(text);

  (void)now_us;
  if (known) {
    verdict->err = known->err;
    (void)snprintf(verdict->note, sizeof verdict->note, "%s%s%s", known->word, known->hint ? ", " : "",
                   known->hint ? known->hint : "");
  } else if (verdict->err == KH_OK && !is_ok(answer, text)) {
    verdict->err = AGAIN;
    (void)snprintf(verdict->note, sizeof verdict->note, "without the `ok` that Slack says");
  }
  verdict->retry_after_s = verdict->err ? answer->retry_after_s : -1;
}

/* A member that is made of CHARACTERS alone; empty where it is none, or longer than any. */
static struct kh_str word_at(struct kh_json_value object, struct kh_str key, const char *characters)
{
  const struct kh_json_value value = kh_json_get(object, key);
  const struct kh_str text = kh_json_raw(value);

  return kh_json_type(value) == KH_JSON_STRING && text.len <= TOLD_WORD_BYTES &&
                 kh_str_is_of(text, characters)
             ? text
             : KH_NO_STR;
}

bool kh_slack_take_told(struct kh_str body, char text[KH_TOLD_BYTES])
{
  struct kh_json json;
  bool good = false;

  kh_json_init(&json, kh_json_default_limits);
  if (kh_str_starts(body, KH_STR("{")) && kh_json_read(&json, body, NULL) == KH_OK) {
    const struct kh_json_value root = kh_json_root(&json);
    const struct kh_str channel = word_at(root, KH_STR("channel"), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    const struct kh_str ts = word_at(root, KH_STR("ts"), "0123456789.");

    good = channel.len > 0 && ts.len > 0;
    if (good)
      (void)snprintf(text, KH_TOLD_BYTES, "%.*s %.*s", KH_FMT(channel), KH_FMT(ts));
  }
  kh_json_release(&json);
  return good;
}
