#include "base/base.h"

#include "base/json.h"
#include "base/utf8.h"
#include "net/aws_error.h"

static const struct kh_json_limits limits = {.bytes = 256 * 1024, .depth = 32, .tokens = 1000};

/* Of "com.amazonaws.ssm#ParameterNotFound:http://…" what stands between. False when that is no code. */
static bool take_code(struct kh_str text, char code[KH_AWS_CODE_BYTES])
{
  text = kh_str_cut(&text, ':');
  text = kh_str_cut(&text, ',');
  struct kh_str behind = text;
  (void)kh_str_cut(&behind, '#');
  if (behind.at)
    text = behind;

  bool good = text.len < KH_AWS_CODE_BYTES && kh_str_is_word(text, "._");

  if (good)
    (void)snprintf(code, KH_AWS_CODE_BYTES, "%.*s", KH_FMT(text));
  return good;
}

static bool take_json(struct kh_str body, char code[KH_AWS_CODE_BYTES])
{
  struct kh_json doc;
  bool found = false;

  kh_json_init(&doc, limits);
  if (kh_json_read(&doc, body, NULL) == KH_OK) {
    struct kh_json_value root = kh_json_root(&doc);

    found = take_code(kh_json_raw(kh_json_get(root, KH_STR("code"))), code) ||
            take_code(kh_json_raw(kh_json_get(root, KH_STR("__type"))), code);
  }
  kh_json_release(&doc);
  return found;
}

/* JSON services too answer in XML when the door does not let a request in. */
static bool take_xml(struct kh_str body, char code[KH_AWS_CODE_BYTES])
{
  const struct kh_str tag = KH_STR("<Code>");
  const char *found = body.len > 0 ? memmem(body.at, body.len, tag.at, tag.len) : NULL;

  if (!found)
    return false;
  struct kh_str rest = kh_str(found + tag.len, body.len - (size_t)(found - body.at) - tag.len);
  return take_code(kh_str_cut(&rest, '<'), code);
}

void kh_aws_error_code(const struct kh_incoming *answer, char code[KH_AWS_CODE_BYTES])
{
  struct kh_str body = kh_buf_view(&answer->body);

  code[0] = '\0';
  if (!take_code(kh_str_of(answer->aws_error), code) && !take_json(body, code))
    (void)take_xml(body, code);
}

#define DENIED                                                                                           \
  "the role of this function needs this permission on it, and kms:Decrypt on its key if that is one of " \
  "yours"
#define ABSENT "there is none of this name in this account and region; create it, or correct the name"
#define KEY "its KMS key cannot be used; is it enabled, and has the role kms:Decrypt on it?"
#define NAME "AWS does not take this name; correct it"
#define MISMATCH "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID, or the clock here is wrong"
#define CLOCK "the clock here is wrong; correct it"
#define UNKNOWN "AWS does not know these keys; AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN must be of one session"
#define EXPIRED "these keys have expired; a new start of the function gets new ones"
#define BUSY "too many calls at once; try again in a minute"

static const struct {
  const char *code, *cure;
} cures[] = {
    {"AccessDenied", DENIED},
    {"AccessDeniedException", DENIED},
    {"ParameterNotFound", ABSENT},
    {"ResourceNotFoundException", ABSENT},
    {"ParameterVersionNotFound", "it has no such version or label; correct what follows the colon"},
    {"InvalidKeyId", KEY},
    {"DecryptionFailure", KEY},
    {"InvalidRequestException", "it cannot be read now; is it marked for deletion?"},
    {"ValidationException", NAME},
    {"InvalidParameterException", NAME},
    {"SignatureDoesNotMatch", MISMATCH},
    {"InvalidSignatureException", MISMATCH},
    {"IncompleteSignature", MISMATCH},
    {"RequestTimeTooSkewed", CLOCK},
    {"RequestExpired", CLOCK},
    {"InvalidClientTokenId", UNKNOWN},
    {"UnrecognizedClientException", UNKNOWN},
    {"InvalidAccessKeyId", UNKNOWN},
    {"ExpiredToken", EXPIRED},
    {"ExpiredTokenException", EXPIRED},
    {"Throttling", BUSY},
    {"ThrottlingException", BUSY},
    {"TooManyRequestsException", BUSY},
    {"RequestLimitExceeded", BUSY},
};

bool kh_aws_error_is_busy(const char *code)
{
  for (size_t i = 0; i < KH_COUNT(cures); i++)
    if (strcmp(cures[i].code, code) == 0)
      return strcmp(cures[i].cure, BUSY) == 0;
  return false;
}

const char *kh_aws_error_cure(const char *code, int status)
{
  for (size_t i = 0; i < KH_COUNT(cures); i++)
    if (strcmp(cures[i].code, code) == 0)
      return cures[i].cure;
  if (status == 429)
    return BUSY;
  return status >= 500 ? "AWS has trouble; try again in a minute"
                       : "AWS refuses it; is the endpoint the right one?";
}
