#include "base/base.h"

#include "net/aws_credentials.h"
#include "net/aws_error.h"
#include "net/aws_secrets.h"
#include "net/http_curl.h"
#include "support/config_dir.h"
#include "support/network.h"
#include "support/suite.h"

#include <malloc.h>

/*
 * Credentials, endpoints, errors, and what becomes of an answer. The signature itself has its oracle in
 * integration/aws_test.py. PLANT stands in every secret and in no message; the linker brings free() and
 * realloc() here first, so that a block which still holds it is noticed.
 */
#define PLANT "pl4nt3d"

static unsigned leaks, curl_handles;

void __real_free(void *at);
void __wrap_free(void *at);
void *__real_realloc(void *at, size_t size);
void *__wrap_realloc(void *at, size_t size);
void *__real_curl_easy_init(void);
void *__wrap_curl_easy_init(void);

static void look_at(void *at)
{
  if (at && memmem(at, malloc_usable_size(at), PLANT, strlen(PLANT)))
    leaks++;
}

void __wrap_free(void *at)
{
  look_at(at);
  __real_free(at);
}

void *__wrap_realloc(void *at, size_t size)
{
  look_at(at);
  return __real_realloc(at, size);
}

void *__wrap_curl_easy_init(void)
{
  curl_handles++;
  return __real_curl_easy_init();
}

static const char *const usual[] = {"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=AKIAEXAMPLE",
                                    "AWS_SECRET_ACCESS_KEY=" PLANT "/key+",
                                    "AWS_SESSION_TOKEN=" PLANT "==", NULL};

/* ---- credentials ---- */

static const struct {
  const char *environment[6];
  const char *region, *token; /* NULL: refused */
  const char *said;
} whoever[] = {
    {{"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=s", "AWS_SESSION_TOKEN=t"},
     "eu-west-1",
     "t",
     ""},
    {{"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=s", "AWS_SESSION_TOKEN="},
     "eu-west-1",
     "",
     ""},
    {{"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=s"}, "eu-west-1", "", ""},
    {{"AWS_REGION=", "AWS_DEFAULT_REGION=cn-north-1", "AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=s"},
     "cn-north-1",
     "",
     ""},
    {{"AWS_DEFAULT_REGION=a", "AWS_REGION=b", "AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=s"}, "b", "", ""},
    {{"AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=s"}, NULL, NULL, "AWS_REGION is not set"},
    {{"AWS_REGION=eu:west", "AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=s"},
     NULL,
     NULL,
     "AWS_REGION holds no region"},
    {{"AWS_REGION=a.b/", "AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=s"},
     NULL,
     NULL,
     "AWS_REGION holds no region"},
    {{"AWS_REGION=r", "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=s"},
     NULL,
     NULL,
     "AWS_ACCESS_KEY_ID is not set"},
    {{"AWS_REGION=r", "AWS_ACCESS_KEY_ID=A"}, NULL, NULL, "AWS_SECRET_ACCESS_KEY is not set"},
    {{"AWS_REGION=r", "AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=" PLANT "\n"},
     NULL,
     NULL,
     "AWS_SECRET_ACCESS_KEY holds a blank"},
    {{"AWS_REGION=r", "AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=s", "AWS_SESSION_TOKEN=" PLANT " x"},
     NULL,
     NULL,
     "AWS_SESSION_TOKEN holds a blank"},
    {{NULL}, NULL, NULL, "AWS_REGION is not set"},
};

START_TEST(reads_credentials)
{
  struct kh_aws_credentials who;
  struct kh_diag why = {0};
  enum kh_err err = kh_aws_credentials_read(&who, whoever[_i].environment, &why);

  ck_assert_int_eq(err, whoever[_i].region ? KH_OK : KH_ERR_CONFIG);
  ck_assert_msg(strstr(why.text, whoever[_i].said) != NULL, "%s", why.text);
  ck_assert_ptr_null(strstr(why.text, PLANT));
  if (!err) {
    ck_assert_str_eq(who.region, whoever[_i].region);
    ck_assert_str_eq(kh_secret_reveal(&who.access_key_id).at, "A");
    ck_assert_str_eq(kh_secret_reveal(&who.secret_access_key).at, "s");
    ck_assert_str_eq(kh_secret_reveal(&who.session_token).at, whoever[_i].token);
  }
  kh_aws_credentials_release(&who);
}
END_TEST

/* ---- endpoints ---- */

static const struct {
  const char *environment[5], *region, *url; /* NULL: refused */
} endpoints[] = {
    {{NULL}, "eu-west-1", "https://ssm.eu-west-1.amazonaws.com/"},
    {{NULL}, "us-gov-west-1", "https://ssm.us-gov-west-1.amazonaws.com/"},
    {{NULL}, "cn-north-1", "https://ssm.cn-north-1.amazonaws.com.cn/"},
    {{"AWS_ENDPOINT_URL=http://127.0.0.1:5055"}, "r", "http://127.0.0.1:5055/"},
    {{"AWS_ENDPOINT_URL=http://[::1]:5055/"}, "r", "http://[::1]:5055/"},
    {{"AWS_ENDPOINT_URL=http://a", "AWS_ENDPOINT_URL_SSM=https://b.example"}, "r", "https://b.example/"},
    {{"AWS_ENDPOINT_URL=http://a", "AWS_ENDPOINT_URL_SSM="}, "r", "http://a/"},
    {{"AWS_ENDPOINT_URL=", "AWS_ENDPOINT_URL_SQS=http://c"}, "r", "https://ssm.r.amazonaws.com/"},
    {{"AWS_ENDPOINT_URL=http://a", "AWS_ENDPOINT_URL_SSM=http://b",
      "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true"},
     "r",
     "https://ssm.r.amazonaws.com/"},
    {{"AWS_ENDPOINT_URL=http://a", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=false"}, "r", "http://a/"},
    {{"AWS_ENDPOINT_URL=http://a/path"}, "r", NULL},
    {{"AWS_ENDPOINT_URL=http://a?q"}, "r", NULL},
    {{"AWS_ENDPOINT_URL=http://user:" PLANT "@a"}, "r", NULL},
    {{"AWS_ENDPOINT_URL=ftp://a"}, "r", NULL},
    {{"AWS_ENDPOINT_URL=http://"}, "r", NULL},
    {{"AWS_ENDPOINT_URL_SSM=a b"}, "r", NULL},
};

START_TEST(finds_the_endpoint)
{
  struct kh_secret url = {0};
  struct kh_diag why = {0};
  enum kh_err err = kh_aws_endpoint(endpoints[_i].environment, "ssm", "AWS_ENDPOINT_URL_SSM",
                                    endpoints[_i].region, &url, &why);

  ck_assert_int_eq(err, endpoints[_i].url ? KH_OK : KH_ERR_CONFIG);
  ck_assert_str_eq(kh_secret_reveal(&url).at, endpoints[_i].url ? endpoints[_i].url : "");
  ck_assert_ptr_null(strstr(why.text, PLANT));
  ck_assert(!err || strstr(why.text, "AWS_ENDPOINT_URL") == why.text);
  kh_secret_release(&url);
}
END_TEST

/* ---- a transport of ours ---- */

struct reply {
  int status;
  const char *aws_error, *body, *problem;
};

static struct {
  struct reply replies[3];
  unsigned sent;
  char url[128], body[512], target[64], service[32], region[32];
  bool has_token;
} wire;

static enum kh_err fake_send(void *self, const struct kh_outgoing *request, struct kh_incoming *answer)
{
  ck_assert_ptr_eq(self, &wire);
  ck_assert_ptr_nonnull(request->aws);
  ck_assert_uint_lt(wire.sent, KH_COUNT(wire.replies));
  const struct reply *reply = &wire.replies[wire.sent++];
  (void)snprintf(wire.url, sizeof wire.url, "%s", kh_secret_reveal(&request->url).at);
  (void)snprintf(wire.body, sizeof wire.body, "%.*s", KH_FMT(request->body));
  (void)snprintf(wire.target, sizeof wire.target, "%s", request->aws->target);
  (void)snprintf(wire.service, sizeof wire.service, "%s", request->aws->service);
  (void)snprintf(wire.region, sizeof wire.region, "%s", request->aws->region);
  wire.has_token = !kh_secret_is_empty(request->aws->session_token);
  ck_assert(kh_str_equal(request->content_type, KH_STR("application/x-amz-json-1.1")));
  ck_assert_int_eq(request->timeout_ms, 1234);
  ck_assert_str_eq(kh_secret_reveal(request->aws->access_key_id).at, "AKIAEXAMPLE");
  ck_assert_str_eq(kh_secret_reveal(request->aws->secret_access_key).at, PLANT "/key+");
  answer->status = reply->status;
  if (reply->aws_error)
    (void)snprintf(answer->aws_error, sizeof answer->aws_error, "%s", reply->aws_error);
  if (reply->problem)
    (void)snprintf(answer->problem, sizeof answer->problem, "%s", reply->problem);
  (void)kh_buf_add(&answer->body, kh_str_of(reply->body));
  return reply->status ? KH_OK : KH_ERR_DELIVERY_FAILED;
}

static struct kh_fake_sender sender;
static struct kh_aws aws;

static void open_wire(void)
{
  memset(&wire, 0, sizeof wire);
  leaks = 0;
  sender = (struct kh_fake_sender){.send = fake_send, .self = &wire};
  aws = (struct kh_aws){
      .transport = kh_fake_sender_transport(&sender), .environment = usual, .timeout_ms = 1234};
}

static void close_wire(void)
{
  kh_aws_forget(&aws);
}

/* Fetches and returns the error; VALUE is the caller's. */
static enum kh_err fetch(enum kh_remote_store store, const char *name, const char *key, struct kh_buf *value,
                         struct kh_diag *why)
{
  struct kh_remote_secrets remote = kh_aws_secrets(&aws);

  kh_buf_init(value, KH_REMOTE_SECRET_MAX_BYTES);
  return remote.fetch(remote.self, store, name, key, value, why);
}

/* ---- what is sent ---- */

START_TEST(sends_what_the_services_document)
{
  static const char *const bodies[] = {"{\"Name\":\"/a/b:3\",\"WithDecryption\":true}",
                                       "{\"SecretId\":\"prod\"}"};
  static const char *const targets[] = {"AmazonSSM.GetParameter", "secretsmanager.GetSecretValue"};
  static const char *const services[] = {"ssm", "secretsmanager"};
  static const char *const urls[] = {"https://ssm.eu-west-1.amazonaws.com/",
                                     "https://secretsmanager.eu-west-1.amazonaws.com/"};
  struct kh_diag why = {0};
  struct kh_buf value;

  wire.replies[0] = (struct reply){.status = 200,
                                   .body = _i == KH_REMOTE_SSM ? "{\"Parameter\":{\"Value\":\"" PLANT "\"}}"
                                                               : "{\"SecretString\":\"" PLANT "\"}"};
  ck_assert_int_eq(
      fetch((enum kh_remote_store)_i, _i == KH_REMOTE_SSM ? "/a/b:3" : "prod", NULL, &value, &why), KH_OK);
  ck_assert_str_eq(kh_buf_text(&value), PLANT);
  ck_assert_uint_eq(wire.sent, 1);
  ck_assert_str_eq(wire.body, bodies[_i]);
  ck_assert_str_eq(wire.target, targets[_i]);
  ck_assert_str_eq(wire.service, services[_i]);
  ck_assert_str_eq(wire.region, "eu-west-1");
  ck_assert_str_eq(wire.url, urls[_i]);
  ck_assert(wire.has_token);
  kh_wipe_buf(&value);
  ck_assert_uint_eq(leaks, 0);
}
END_TEST

/* ---- what comes back ---- */

static const struct {
  enum kh_remote_store store;
  const char *key, *body;
  const char *value; /* NULL: refused */
  const char *said;
} answers[] = {
    {KH_REMOTE_SSM, NULL,
     "{\"Parameter\":{\"Name\":\"/a\",\"Type\":\"SecureString\",\"Value\":\"" PLANT "\",\"Version\":1}}",
     PLANT, ""},
    {KH_REMOTE_SSM, NULL, "{\"Parameter\":{\"Value\":\"" PLANT "\\u00e9\\\"\\n\\ud83d\\ude00\"}}",
     PLANT "\xC3\xA9\"\n\xF0\x9F\x98\x80", ""},
    {KH_REMOTE_SSM, NULL, "{\"Parameter\":{\"Value\":\"{\\\"a\\\":\\\"" PLANT "\\\"}\"}}",
     "{\"a\":\"" PLANT "\"}", ""},
    {KH_REMOTE_SSM, NULL, "{\"Parameter\":{\"Value\":5}}", NULL, "not what GetParameter answers"},
    {KH_REMOTE_SSM, NULL, "{\"Value\":\"" PLANT "\"}", NULL, "not what GetParameter answers"},
    {KH_REMOTE_SSM, NULL, "[\"" PLANT "\"]", NULL, "not what GetParameter answers"},
    {KH_REMOTE_SSM, NULL, "<html>" PLANT "</html>", NULL, "the answer is no JSON"},
    {KH_REMOTE_SSM, NULL, "", NULL, "the answer is no JSON"},
    {KH_REMOTE_SECRETSMANAGER, NULL, "{\"SecretString\":\"" PLANT "\",\"VersionId\":\"x\"}", PLANT, ""},
    {KH_REMOTE_SECRETSMANAGER, NULL, "{\"SecretString\":\"[1]\"}", "[1]", ""},
    {KH_REMOTE_SECRETSMANAGER, NULL, "{\"SecretString\":\"123\"}", "123", ""},
    {KH_REMOTE_SECRETSMANAGER, NULL, "{\"SecretBinary\":\"" PLANT "\"}", NULL, "SecretBinary"},
    {KH_REMOTE_SECRETSMANAGER, NULL, "{\"SecretString\":null,\"SecretBinary\":\"" PLANT "\"}", NULL,
     "SecretBinary"},
    {KH_REMOTE_SECRETSMANAGER, NULL, "{}", NULL, "not what GetSecretValue answers"},
    {KH_REMOTE_SECRETSMANAGER, NULL, "{\"SecretString\":\"{\\\"a\\\":\\\"" PLANT "\\\"}\"}", NULL,
     "name the member to take by `key: NAME`"},
    {KH_REMOTE_SECRETSMANAGER, "a", "{\"SecretString\":\"{\\\"a\\\":\\\"" PLANT "\\\\n\\\"}\"}", PLANT "\n",
     ""},
    {KH_REMOTE_SECRETSMANAGER, "a \"b",
     "{\"SecretString\":\"{\\\"x\\\":1,\\\"a \\\\\\\"b\\\":\\\"" PLANT "\\\"}\"}", PLANT, ""},
    {KH_REMOTE_SECRETSMANAGER, "b", "{\"SecretString\":\"{\\\"a\\\":\\\"" PLANT "\\\"}\"}", NULL,
     "no member of the name"},
    {KH_REMOTE_SECRETSMANAGER, "a", "{\"SecretString\":\"{\\\"a\\\":5}\"}", NULL, "is no text"},
    {KH_REMOTE_SECRETSMANAGER, "a", "{\"SecretString\":\"{\\\"a\\\":{\\\"b\\\":\\\"" PLANT "\\\"}}\"}", NULL,
     "is no text"},
    {KH_REMOTE_SECRETSMANAGER, "a", "{\"SecretString\":\"" PLANT "\"}", NULL, "it is no JSON object"},
};

START_TEST(takes_the_secret_out_of_the_answer)
{
  struct kh_diag why = {0};
  struct kh_buf value;

  wire.replies[0] = (struct reply){.status = 200, .body = answers[_i].body};
  enum kh_err err = fetch(answers[_i].store, "a", answers[_i].key, &value, &why);
  ck_assert_int_eq(err == KH_OK, answers[_i].value != NULL);
  ck_assert_str_eq(kh_buf_text(&value), answers[_i].value ? answers[_i].value : "");
  ck_assert_msg(strstr(why.text, answers[_i].said) != NULL, "%s", why.text);
  ck_assert_int_eq(why.err, err);
  ck_assert_ptr_null(strstr(why.text, PLANT));
  kh_wipe_buf(&value);
  ck_assert_uint_eq(leaks, 0);
}
END_TEST

/* The longest secret that fits, with each byte escaped, and one more. */
START_TEST(bounds_the_secret)
{
  static char body[8 * KH_REMOTE_SECRET_MAX_BYTES];
  struct kh_diag why = {0};
  struct kh_buf value;
  size_t len = (size_t)snprintf(body, sizeof body, "{\"Parameter\":{\"Value\":\"" PLANT);

  for (size_t i = strlen(PLANT); i < KH_REMOTE_SECRET_MAX_BYTES + (size_t)_i; i++)
    len += (size_t)snprintf(body + len, sizeof body - len, "\\u0041");
  (void)snprintf(body + len, sizeof body - len, "\"}}");
  wire.replies[0] = (struct reply){.status = 200, .body = body};
  ck_assert_int_eq(fetch(KH_REMOTE_SSM, "a", NULL, &value, &why), _i ? KH_ERR_LIMIT : KH_OK);
  ck_assert_uint_eq(value.len, _i ? 0 : KH_REMOTE_SECRET_MAX_BYTES);
  ck_assert(!_i || strstr(why.text, "longer than 4096 bytes"));
  kh_wipe_buf(&value);
  ck_assert_uint_eq(leaks, 0);
}
END_TEST

START_TEST(bounds_the_answer)
{
  static char body[KH_AWS_ANSWER_MAX_BYTES + 1];
  struct kh_diag why = {0};
  struct kh_buf value;

  memset(body, 'x', KH_AWS_ANSWER_MAX_BYTES);
  wire.replies[0] = (struct reply){.status = 200, .body = body};
  ck_assert_int_eq(fetch(KH_REMOTE_SSM, "a", NULL, &value, &why), KH_ERR_LIMIT);
  ck_assert_ptr_nonnull(strstr(why.text, "the answer is longer than"));
  kh_wipe_buf(&value);
}
END_TEST

/* ---- what AWS refuses ---- */

#define XML(code)                                                                 \
  "<ErrorResponse><Error><Type>Sender</Type><Code>" code "</Code><Message>" PLANT \
  "</Message></Error></ErrorResponse>"

static const struct {
  struct reply reply;
  enum kh_err err;
  const char *said;
} refusals[] = {
    {{400, NULL, "{\"__type\":\"ParameterNotFound\",\"message\":\"" PLANT "\"}", NULL},
     KH_ERR_DELIVERY_REFUSED,
     "ssm:GetParameter in eu-west-1: ParameterNotFound; there is none of this name"},
    {{400, NULL, "{\"__type\":\"com.amazonaws.ssm#AccessDeniedException\",\"Message\":\"" PLANT "\"}", NULL},
     KH_ERR_DELIVERY_REFUSED,
     ": AccessDeniedException; the role of this function needs this permission"},
    {{400, "AccessDeniedException:http://internal.example/x", "{\"__type\":\"Other\"}", NULL},
     KH_ERR_DELIVERY_REFUSED,
     ": AccessDeniedException; the role"},
    {{400, NULL, "{\"code\":\"ThrottlingException,x\",\"__type\":\"Other\"}", NULL},
     KH_ERR_DELIVERY_FAILED,
     ": ThrottlingException; too many calls"},
    {{403, NULL, XML("SignatureDoesNotMatch"), NULL},
     KH_ERR_DELIVERY_REFUSED,
     ": SignatureDoesNotMatch; AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID"},
    {{403, NULL, XML("InvalidClientTokenId"), NULL},
     KH_ERR_DELIVERY_REFUSED,
     ": InvalidClientTokenId; AWS does not know these keys"},
    {{400, NULL, "{\"__type\":\"ExpiredTokenException\"}", NULL},
     KH_ERR_DELIVERY_REFUSED,
     "these keys have expired"},
    {{400, NULL, "{\"__type\":\"RequestTimeTooSkewed\"}", NULL},
     KH_ERR_DELIVERY_REFUSED,
     "the clock here is wrong"},
    {{400, NULL, "{\"__type\":\"Wh4t.Ever_New\"}", NULL},
     KH_ERR_DELIVERY_REFUSED,
     ": Wh4t.Ever_New; AWS refuses it"},
    {{400, NULL, "{\"__type\":\"a b " PLANT "\"}", NULL},
     KH_ERR_DELIVERY_REFUSED,
     ": HTTP 400; AWS refuses it"},
    {{400, "", "{\"__type\":\"\"}", NULL}, KH_ERR_DELIVERY_REFUSED, ": HTTP 400; AWS refuses it"},
    {{400, NULL, "{\"__type\":5,\"code\":[\"" PLANT "\"]}", NULL},
     KH_ERR_DELIVERY_REFUSED,
     "; AWS refuses it"},
    {{404, NULL, "<html>" PLANT, NULL},
     KH_ERR_DELIVERY_REFUSED,
     ": HTTP 404; AWS refuses it; is the endpoint the right one?"},
    {{301, NULL, "", NULL}, KH_ERR_DELIVERY_REFUSED, ": HTTP 301;"},
    {{403, NULL, "<Code>", NULL}, KH_ERR_DELIVERY_REFUSED, ": HTTP 403;"},
    {{429, NULL, "", NULL}, KH_ERR_DELIVERY_FAILED, ": HTTP 429; too many calls"},
    {{0, NULL, "", "Timeout was reached"},
     KH_ERR_DELIVERY_FAILED,
     "no answer (Timeout was reached); a function inside a VPC needs"},
    {{200, NULL, "{\"Parameter\":{\"Value\":\"" PLANT "\"}}", "Transferred a partial file"},
     KH_ERR_DELIVERY_FAILED,
     "no answer (Transferred a partial file)"},
};

START_TEST(tells_what_aws_refuses)
{
  struct kh_diag why = {0};
  struct kh_buf value;

  wire.replies[0] = wire.replies[1] = refusals[_i].reply;
  ck_assert_int_eq(fetch(KH_REMOTE_SSM, "a", NULL, &value, &why), refusals[_i].err);
  ck_assert_msg(strstr(why.text, refusals[_i].said) != NULL, "%s", why.text);
  ck_assert_ptr_null(strstr(why.text, PLANT));
  ck_assert_uint_eq(value.len, 0);
  /* What may pass is asked once more, unless no answer came: that took its time already. */
  ck_assert_uint_eq(wire.sent, strstr(why.text, "too many calls") ? 2 : 1);
  kh_wipe_buf(&value);
  ck_assert_uint_eq(leaks, 0);
}
END_TEST

START_TEST(asks_once_for_each_name)
{
  struct kh_diag why = {0};
  struct kh_buf value;

  for (size_t i = 0; i < 2; i++)
    wire.replies[i] = (struct reply){.status = 200, .body = "{\"Parameter\":{\"Value\":\"" PLANT "\"}}"};
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(fetch(KH_REMOTE_SSM, "a", NULL, &value, &why), KH_OK);
    ck_assert_str_eq(kh_buf_text(&value), PLANT);
    kh_wipe_buf(&value);
  }
  ck_assert_uint_eq(wire.sent, 1);
  ck_assert_int_eq(fetch(KH_REMOTE_SSM, "b", NULL, &value, &why), KH_OK);
  kh_wipe_buf(&value);
  ck_assert_uint_eq(wire.sent, 2);
  kh_aws_forget(&aws);
  ck_assert_uint_eq(leaks, 0);
}
END_TEST

START_TEST(stops_when_the_time_is_up)
{
  struct kh_diag why = {0};
  struct kh_buf value;

  aws.clock = &kh_system_clock;
  aws.until_us = kh_clock_ticks_us(&kh_system_clock) - 1;
  ck_assert_int_eq(fetch(KH_REMOTE_SSM, "a", NULL, &value, &why), KH_ERR_DELIVERY_FAILED);
  ck_assert_ptr_nonnull(strstr(why.text, "no time was left"));
  ck_assert_uint_eq(wire.sent, 0);
  kh_wipe_buf(&value);
}
END_TEST

START_TEST(tries_once_more_when_aws_has_trouble)
{
  struct kh_diag why = {0};
  struct kh_buf value;

  wire.replies[0] = (struct reply){.status = 500, .body = "{\"__type\":\"InternalServerError\"}"};
  wire.replies[1] = (struct reply){.status = 200, .body = "{\"Parameter\":{\"Value\":\"" PLANT "\"}}"};
  ck_assert_int_eq(fetch(KH_REMOTE_SSM, "a", NULL, &value, &why), KH_OK);
  ck_assert_str_eq(kh_buf_text(&value), PLANT);
  ck_assert_int_eq(why.err, KH_OK);
  kh_wipe_buf(&value);
  kh_aws_forget(&aws);

  wire.sent = 0;
  wire.replies[1] = (struct reply){.status = 503, .body = ""};
  ck_assert_int_eq(fetch(KH_REMOTE_SSM, "a", NULL, &value, &why), KH_ERR_DELIVERY_FAILED);
  ck_assert_uint_eq(wire.sent, 2);
  ck_assert_ptr_nonnull(strstr(why.text, ": HTTP 503; AWS has trouble; try again"));
  kh_wipe_buf(&value);
  ck_assert_uint_eq(leaks, 0);
}
END_TEST

START_TEST(needs_credentials_first)
{
  static const char *const none[] = {"AWS_REGION=eu-west-1", NULL};
  struct kh_diag why = {0};
  struct kh_buf value;

  aws.environment = none;
  ck_assert_int_eq(fetch(KH_REMOTE_SSM, "a", NULL, &value, &why), KH_ERR_CONFIG);
  ck_assert_uint_eq(wire.sent, 0);
  ck_assert_ptr_nonnull(strstr(why.text, "AWS_ACCESS_KEY_ID is not set"));
  kh_wipe_buf(&value);
}
END_TEST

/* ---- on the whole way into a configuration ---- */

START_TEST(leaves_nothing_behind)
{
  struct kh_remote_secrets remote = kh_aws_secrets(&aws);
  struct kh_config_dir dir;
  char path[KH_PATH_BYTES];

  wire.replies[0] = (struct reply){.status = 200, .body = "{\"Parameter\":{\"Value\":\"" PLANT "-1\\n\"}}"};
  wire.replies[1] = (struct reply){.status = 200,
                                   .body = "{\"SecretString\":\"{\\\"k\\\":\\\"" PLANT "-2\\\"}\"}"};
  wire.replies[2] = (struct reply){.status = 200,
                                   .body = "{\"Parameter\":{\"Value\":\"\"},\"x\":\"" PLANT "\"}"};
  kh_config_dir_open(&dir);
  kh_tempdir_path(&dir.dir, "kitehook.yml", path, sizeof path);
  kh_config_dir_put(&dir, "kitehook.yml",
                    "webhook: {signature: {ssm: /a}, token: {secretsmanager: b, key: k}}\n");
  ck_assert_int_eq(kh_config_read_remote(&dir.config, path, KH_CONFIG_WHOLE, NULL, &remote, &dir.diags),
                   KH_OK);
  ck_assert_str_eq(kh_secret_reveal(&dir.config.signatures.at[0].secret).at, PLANT "-1");
  ck_assert_str_eq(kh_secret_reveal(&dir.config.tokens.at[0].secret).at, PLANT "-2");
  kh_config_release(&dir.config);
  kh_aws_forget(&aws);
  kh_config_dir_put(&dir, "kitehook.yml", "webhook: {signature: {ssm: /a}}\n");
  ck_assert_int_eq(kh_config_read_remote(&dir.config, path, KH_CONFIG_WHOLE, NULL, &remote, &dir.diags),
                   KH_ERR_CONFIG);
  ck_assert_ptr_nonnull(kh_config_dir_find(&dir, 1, 23, "the secret is empty"));
  kh_config_dir_close(&dir);
  ck_assert_uint_eq(wire.sent, 3);
  ck_assert_uint_eq(leaks, 0);
}
END_TEST

/* That look_at would see what was not wiped. */
START_TEST(notices_what_is_not_wiped)
{
  struct kh_buf text;

  kh_buf_init(&text, 64);
  (void)kh_buf_add(&text, KH_STR(PLANT));
  kh_buf_release(&text);
  ck_assert_uint_eq(leaks, 1);
  (void)kh_buf_add(&text, KH_STR(PLANT));
  kh_wipe_buf(&text);
  ck_assert_uint_eq(leaks, 1);
}
END_TEST

/* ---- when to ask again ---- */

START_TEST(asks_again_at_most_once_a_minute)
{
  const int64_t second = 1000000, now = INT64_C(1790000000) * second;

  ck_assert(kh_aws_refresh_is_due(0, now));
  ck_assert(!kh_aws_refresh_is_due(now, now));
  ck_assert(!kh_aws_refresh_is_due(now, now + 60 * second - 1));
  ck_assert(kh_aws_refresh_is_due(now, now + 60 * second));
  ck_assert(kh_aws_refresh_is_due(now, now - 1));
}
END_TEST

/* ---- nothing before it is needed ---- */

START_TEST(touches_libcurl_for_a_reference_only)
{
  static const char *const nowhere[] = {"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=A",
                                        "AWS_SECRET_ACCESS_KEY=" PLANT, "AWS_ENDPOINT_URL=http://127.0.0.1:1",
                                        NULL};
  static const char *const texts[] = {"webhook: {signature: {file: webhook-secret}}\n",
                                      "webhook: {signature: {ssm: /a}}\n"};
  struct kh_aws real = {.environment = nowhere, .timeout_ms = 1000};
  struct kh_remote_secrets remote = kh_aws_secrets(&real);
  struct kh_config_dir dir;
  char path[KH_PATH_BYTES];

  ck_assert_int_eq(kh_http_curl_open(&real.transport, NULL), KH_OK);
  kh_config_dir_open(&dir);
  kh_tempdir_path(&dir.dir, "kitehook.yml", path, sizeof path);
  for (unsigned i = 0; i < KH_COUNT(texts); i++) {
    kh_config_dir_put(&dir, "kitehook.yml", texts[i]);
    enum kh_err err = kh_config_read_remote(&dir.config, path, KH_CONFIG_WHOLE, NULL, &remote, &dir.diags);
    ck_assert_int_eq(err, i ? KH_ERR_CONFIG : KH_OK);
    ck_assert_uint_eq(curl_handles, i);
    kh_config_release(&dir.config);
  }
  ck_assert_ptr_nonnull(
      kh_config_dir_find(&dir, 1, 23, "cannot fetch /a: ssm:GetParameter in eu-west-1: no answer ("));
  kh_config_dir_close(&dir);
  kh_http_curl_close(&real.transport);
}
END_TEST

static Suite *aws_suite(void)
{
  Suite *suite = suite_create("aws");
  TCase *all = kh_test_case(suite, "aws");

  tcase_add_checked_fixture(all, open_wire, close_wire);
  tcase_add_loop_test(all, reads_credentials, 0, (int)KH_COUNT(whoever));
  tcase_add_loop_test(all, finds_the_endpoint, 0, (int)KH_COUNT(endpoints));
  tcase_add_loop_test(all, sends_what_the_services_document, 0, 2);
  tcase_add_loop_test(all, takes_the_secret_out_of_the_answer, 0, (int)KH_COUNT(answers));
  tcase_add_loop_test(all, bounds_the_secret, 0, 2);
  tcase_add_test(all, bounds_the_answer);
  tcase_add_loop_test(all, tells_what_aws_refuses, 0, (int)KH_COUNT(refusals));
  tcase_add_test(all, tries_once_more_when_aws_has_trouble);
  tcase_add_test(all, asks_once_for_each_name);
  tcase_add_test(all, stops_when_the_time_is_up);
  tcase_add_test(all, needs_credentials_first);
  tcase_add_test(all, leaves_nothing_behind);
  tcase_add_test(all, notices_what_is_not_wiped);
  tcase_add_test(all, asks_again_at_most_once_a_minute);
  tcase_add_test(all, touches_libcurl_for_a_reference_only);
  return suite;
}

int main(void)
{
  return kh_test_main(aws_suite());
}
