#include "base/base.h"

#include "base/json.h"
#include "base/json_write.h"
#include "net/aws_secrets.h"

enum { REQUEST_MAX_BYTES = 8192 };
static const int64_t refresh_us = INT64_C(60) * 1000000;

static const struct kh_json_limits limits = {.bytes = KH_AWS_ANSWER_MAX_BYTES, .depth = 32, .tokens = 20000};

static const struct kh_aws_operation get_parameter = {
    .service = "ssm",
    .name = "GetParameter",
    .target = "AmazonSSM.GetParameter",
    .endpoint_variable = "AWS_ENDPOINT_URL_SSM",
};
static const struct kh_aws_operation get_secret_value = {
    .service = "secretsmanager",
    .name = "GetSecretValue",
    .target = "secretsmanager.GetSecretValue",
    .endpoint_variable = "AWS_ENDPOINT_URL_SECRETS_MANAGER",
};

/* TEXT is made as large as VALUE could become, so that it never moves and wiping it wipes all. */
static enum kh_err decode(struct kh_json_value value, struct kh_buf *text, struct kh_diag *why)
{
  const size_t len = kh_json_raw(value).len;

  kh_buf_init(text, len);
  enum kh_err err = kh_buf_reserve(text, len) ? kh_json_text(value, text) : KH_ERR_NO_MEMORY;
  return err ? kh_diag_set(why, err, "no memory left for it") : KH_OK;
}

static enum kh_err copy(struct kh_str text, struct kh_buf *value, struct kh_diag *why)
{
  if (text.len > value->max - value->len)
    return kh_diag_set(why, KH_ERR_LIMIT, "it is longer than %d bytes; is it the right one?",
                       KH_SECRET_MAX_BYTES);
  if (!kh_buf_reserve(value, text.len))
    return kh_diag_set(why, KH_ERR_NO_MEMORY, "no memory left for it");
  return kh_buf_add(value, text);
}

static enum kh_err copy_text(struct kh_json_value from, struct kh_buf *value, struct kh_diag *why)
{
  struct kh_buf text;
  enum kh_err err = decode(from, &text, why);

  if (!err)
    err = copy(kh_buf_view(&text), value, why);
  kh_wipe_buf(&text);
  return err;
}

static enum kh_err copy_member(struct kh_json_value object, const char *key, struct kh_buf *value,
                               struct kh_diag *why)
{
  struct kh_json_value member = kh_json_get(object, kh_str_of(key));

  if (kh_json_type(member) == KH_JSON_MISSING)
    return kh_diag_set(why, KH_ERR_NOT_FOUND,
                       "it has no member of the name that `key` gives; correct that name");
  if (kh_json_type(member) != KH_JSON_STRING)
    return kh_diag_set(why, KH_ERR_CONFIG,
                       "the member that `key` names is no text; write its value in quotes");
  return copy_text(member, value, why);
}

/* The console makes an object of key and value even of a single secret. */
static enum kh_err choose(struct kh_str text, const char *key, struct kh_buf *value, struct kh_diag *why)
{
  struct kh_json doc;
  enum kh_err err;

  kh_json_init(&doc, limits);
  bool is_object = kh_json_read(&doc, text, NULL) == KH_OK &&
                   kh_json_type(kh_json_root(&doc)) == KH_JSON_OBJECT;
  if (key && is_object)
    err = copy_member(kh_json_root(&doc), key, value, why);
  else if (key)
    err = kh_diag_set(why, KH_ERR_CONFIG, "it is no JSON object, so it has no members; remove `key`");
  else if (is_object)
    err = kh_diag_set(why, KH_ERR_CONFIG, "it is a JSON object; name the member to take by `key: NAME`");
  else
    err = copy(text, value, why);
  kh_json_release(&doc);
  return err;
}

static enum kh_err take_secret(struct kh_json_value answer, const char *key, struct kh_buf *value,
                               struct kh_diag *why)
{
  struct kh_json_value string = kh_json_get(answer, KH_STR("SecretString"));
  struct kh_buf text;

  if (kh_json_type(string) != KH_JSON_STRING)
    return kh_json_is_missing_or_null(kh_json_get(answer, KH_STR("SecretBinary")))
               ? kh_diag_set(why, KH_ERR_IO, "secretsmanager: the answer is not what GetSecretValue answers")
               : kh_diag_set(why, KH_ERR_CONFIG,
                             "it holds binary data (SecretBinary); store it as text instead");
  enum kh_err err = decode(string, &text, why);
  if (!err)
    err = choose(kh_buf_view(&text), key, value, why);
  kh_wipe_buf(&text);
  return err;
}

static enum kh_err take_parameter(struct kh_json_value answer, struct kh_buf *value, struct kh_diag *why)
{
  struct kh_json_value string = kh_json_get(kh_json_get(answer, KH_STR("Parameter")), KH_STR("Value"));

  if (kh_json_type(string) != KH_JSON_STRING)
    return kh_diag_set(why, KH_ERR_IO, "ssm: the answer is not what GetParameter answers");
  return copy_text(string, value, why);
}

static enum kh_err make_request(enum kh_remote_store store, const char *name, struct kh_buf *body)
{
  json_t *request = store == KH_REMOTE_SSM ? json_pack("{s:s, s:b}", "Name", name, "WithDecryption", 1)
                                           : json_pack("{s:s}", "SecretId", name);
  enum kh_err err = kh_json_write(request, body);

  json_decref(request);
  return err;
}

struct kh_aws_kept {
  struct kh_aws_kept *next;
  enum kh_remote_store store;
  char *name;
  struct kh_buf answer;
};

static void release_kept(struct kh_aws_kept *kept)
{
  kh_wipe_buf(&kept->answer);
  free(kept->name);
  free(kept);
}

void kh_aws_forget(struct kh_aws *aws)
{
  while (aws->kept) {
    struct kh_aws_kept *kept = aws->kept;

    aws->kept = kept->next;
    release_kept(kept);
  }
}

static const struct kh_aws_operation *operation_of(enum kh_remote_store store)
{
  return store == KH_REMOTE_SSM ? &get_parameter : &get_secret_value;
}

static enum kh_err ask(struct kh_aws *aws, enum kh_remote_store store, const char *name, struct kh_diag *why)
{
  struct kh_aws_kept *kept = calloc(1, sizeof *kept);
  struct kh_buf body;

  if (!kept)
    return kh_diag_set(why, KH_ERR_NO_MEMORY, "no memory left for it");
  kh_buf_init(&body, REQUEST_MAX_BYTES);
  kh_buf_init(&kept->answer, 0);
  kept->store = store;
  kept->name = strdup(name);
  enum kh_err err = kept->name ? make_request(store, name, &body) : KH_ERR_NO_MEMORY;
  if (err)
    (void)kh_diag_set(why, err, "no request can be made of this name");
  else
    err = kh_aws_call(aws, operation_of(store), kh_buf_view(&body), &kept->answer, why);
  if (err) {
    release_kept(kept);
  } else {
    kept->next = aws->kept;
    aws->kept = kept;
  }
  kh_buf_release(&body);
  return err;
}

static const struct kh_aws_kept *find_kept(const struct kh_aws *aws, enum kh_remote_store store,
                                           const char *name)
{
  const struct kh_aws_kept *kept = aws->kept;

  while (kept && (kept->store != store || strcmp(kept->name, name) != 0))
    kept = kept->next;
  return kept;
}

static enum kh_err fetch(void *self, enum kh_remote_store store, const char *name, const char *key,
                         struct kh_buf *value, struct kh_diag *why)
{
  struct kh_aws *aws = self;
  const struct kh_aws_kept *kept = find_kept(aws, store, name);
  struct kh_json doc;
  enum kh_err err = KH_OK;

  kh_json_init(&doc, limits);
  if (!kept)
    err = ask(aws, store, name, why);
  if (err)
    goto done;
  kept = find_kept(aws, store, name);
  err = kh_json_read(&doc, kh_buf_view(&kept->answer), NULL);
  if (err)
    (void)kh_diag_set(why, err, "%s: the answer is no JSON; is the endpoint the right one?",
                      operation_of(store)->service);
  else if (store == KH_REMOTE_SSM)
    err = take_parameter(kh_json_root(&doc), value, why);
  else
    err = take_secret(kh_json_root(&doc), key, value, why);

done:
  kh_json_release(&doc);
  return err;
}

struct kh_remote_secrets kh_aws_secrets(struct kh_aws *aws)
{
  return (struct kh_remote_secrets){fetch, aws};
}

bool kh_aws_refresh_is_due(int64_t fetched_us, int64_t now_us)
{
  return now_us < fetched_us || now_us - fetched_us >= refresh_us;
}
