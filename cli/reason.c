#include "base/base.h"

#include "cli.h"

static const char *const sentences[KH_ERR__COUNT] = {
    [KH_ERR_METHOD] = "Webhooks come by POST; who sent something else is not Buildkite.",
    [KH_ERR_MEDIA_TYPE] = "The Content-Type is not application/json; let nothing on the way change it.",
    [KH_ERR_CONTENT_ENCODING] = "The body is compressed; Buildkite's is not.",
    [KH_ERR_TOO_LARGE] =
        "The body is larger than webhook.max_body; raise that, and the web server's own limit.",
    [KH_ERR_CONTENT_LENGTH] = "The Content-Length is not a number, or there are two that differ.",
    [KH_ERR_BODY_LATE] = "The body did not arrive within webhook.deadline.",
    [KH_ERR_INBOX_FULL] = "As many wait as inbox.max_entries and max_bytes allow; type `kitehook status`.",
    [KH_ERR_NO_SPACE] =
        "The disk is full, but for inbox.reserve; make room, `kitehook status` says how much.",
    [KH_ERR_INBOX_IO] = "The state folder cannot be written; type `kitehook status`.",
    [KH_ERR_STATE_OWNER] =
        "The receiver runs as another user than the owner of the state folder; the log says "
        "what to type.",
    [KH_ERR_STATE_MODE] = "Others may enter the state folder; close it by `chmod 700`.",
    [KH_ERR_CONFIG] = "The configuration is broken; type `kitehook check`.",
    [KH_ERR_BODY_CUT] = "The body is shorter than its Content-Length.",
    [KH_ERR_CREDENTIAL_ABSENT] =
        "There is neither X-Buildkite-Signature nor X-Buildkite-Token: a stranger, or something on the way "
        "takes the header off; see the recipe of your web server.",
    [KH_ERR_CREDENTIAL_REPEATED] = "A credential header came more than once.",
    [KH_ERR_CREDENTIALS_BOTH] =
        "X-Buildkite-Signature and X-Buildkite-Token came together; Buildkite sends one.",
    [KH_ERR_TOKEN_NOT_ACCEPTED] =
        "A token came, but only signatures are accepted (webhook.signature); choose the HMAC signature in "
        "Buildkite's settings of the webhook.",
    [KH_ERR_SIGNATURE_NOT_ACCEPTED] =
        "A signature came, but only tokens are accepted (webhook.token); list the secret under "
        "webhook.signature.",
    [KH_ERR_EVENT_REPEATED] = "X-Buildkite-Event came more than once.",
    [KH_ERR_HEADER_TOO_LONG] = "The signature header is longer than 1,024 bytes.",
    [KH_ERR_HEADER_CONTROL] = "The credential header holds a control character.",
    [KH_ERR_FIELD_EMPTY] = "The signature header has an empty part between two commas, or at an end.",
    [KH_ERR_FIELD_WITHOUT_EQUALS] = "A part of the signature header has no '='.",
    [KH_ERR_TIMESTAMP_ABSENT] = "The signature header has no timestamp.",
    [KH_ERR_TIMESTAMP_REPEATED] = "The signature header has two timestamps.",
    [KH_ERR_TIMESTAMP_MALFORMED] = "The timestamp is not 1 to 12 decimal digits.",
    [KH_ERR_SIGNATURE_ABSENT] = "The signature header has no signature.",
    [KH_ERR_SIGNATURE_REPEATED] = "The signature header has two signatures.",
    [KH_ERR_SIGNATURE_LENGTH] = "The signature is not 64 digits long.",
    [KH_ERR_SIGNATURE_NOT_HEX] = "The signature is not lower-case hexadecimal.",
    [KH_ERR_SIGNATURE_MISMATCH] =
        "The signature is not that of the secret over this timestamp and these bytes: another secret, "
        "or a body that was changed on its way (even white space counts). Copy the secret from Buildkite's "
        "settings of the webhook anew.",
    [KH_ERR_TOKEN_MISMATCH] =
        "The token is another one; copy it from Buildkite's settings of the webhook anew.",
    [KH_ERR_STALE] =
        "The signature is right but older than webhook.freshness allows: a replay, or this host's clock is "
        "ahead; look at `timedatectl`.",
    [KH_ERR_FUTURE] =
        "The signature is right but further in the future than webhook.freshness allows: this host's clock "
        "is behind; look at `timedatectl`.",
    [KH_ERR_PARTNER_SOURCE] =
        "It comes from another source than `sources.eventbridge.source`, or none is named.",
    [KH_ERR_PARTNER_ACCOUNT] = "It comes by another AWS account than `sources.eventbridge.account`.",
    [KH_ERR_PARTNER_TYPE] = "No webhook tells the same; leave that detail-type out of the rule's pattern.",
    [KH_ERR_PARTNER_SHAPE] = "It has not the form that Buildkite documents; the log names the key.",
    [KH_ERR_JSON_SYNTAX] = "The proof is right, but the body is not JSON.",
    [KH_ERR_JSON_UTF8] = "The proof is right, but the body is not UTF-8.",
    [KH_ERR_JSON_DUPLICATE_KEY] = "The proof is right, but an object of the body has a key twice.",
    [KH_ERR_NOT_AN_OBJECT] = "The proof is right, but the body is not a JSON object.",
    [KH_ERR_EVENT_NAME] = "The event's name is over 100 bytes, or holds a control character.",
    [KH_ERR_EVENT_MISMATCH] = "X-Buildkite-Event and the body's `event` differ.",
};

const char *kh_cli_sentence(enum kh_err err)
{
  return sentences[err];
}

enum kh_err kh_cli_err_by_token(const char *token)
{
  for (int err = KH_OK; err < KH_ERR__COUNT; err++)
    if (strcmp(kh_err_token((enum kh_err)err), token) == 0)
      return (enum kh_err)err;
  return KH_OK;
}
