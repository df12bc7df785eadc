#include "base/base.h"

#include "cgi.h"
#include "support/suite.h"

enum { MAX_BYTES = 100 };

static struct kh_request request;
static struct kh_cgi_body plan;

static void read_variables(const char *const *variables)
{
  memset(&request, 0xA5, sizeof request);
  memset(&plan, 0xA5, sizeof plan);
  kh_cgi_request(variables, "cgi", &request, &plan);
}

/* ---- variables ---- */

static const struct {
  const char *variable;
  enum kh_method method;
} methods[] = {
    {"REQUEST_METHOD=POST", KH_METHOD_POST},    {"REQUEST_METHOD=GET", KH_METHOD_GET},
    {"REQUEST_METHOD=HEAD", KH_METHOD_HEAD},    {"REQUEST_METHOD=PUT", KH_METHOD_OTHER},
    {"REQUEST_METHOD=post", KH_METHOD_OTHER},   {"REQUEST_METHOD=", KH_METHOD_OTHER},
    {"REQUEST_METHOD=POST ", KH_METHOD_OTHER},  {"REQUEST_METHOD", KH_METHOD_OTHER},
    {"X_REQUEST_METHOD=POST", KH_METHOD_OTHER}, {"HTTP_REQUEST_METHOD=POST", KH_METHOD_OTHER},
};

START_TEST(methods_are_case_sensitive)
{
  const char *const variables[] = {methods[_i].variable, NULL};

  read_variables(variables);
  ck_assert_msg(request.method == methods[_i].method, "%s", methods[_i].variable);
  ck_assert_str_eq(request.transport, "cgi");
  ck_assert_int_eq(request.body_err, KH_OK);
  ck_assert_uint_eq(request.body.len, 0);
}
END_TEST

static const struct {
  const char *name;
  enum kh_header header;
} headers[] = {
    {"CONTENT_TYPE", KH_HEADER_CONTENT_TYPE},
    {"HTTP_CONTENT_ENCODING", KH_HEADER_CONTENT_ENCODING},
    {"HTTP_X_BUILDKITE_EVENT", KH_HEADER_EVENT},
    {"HTTP_X_BUILDKITE_REQUEST", KH_HEADER_REQUEST},
    {"HTTP_X_BUILDKITE_SIGNATURE", KH_HEADER_SIGNATURE},
    {"HTTP_X_BUILDKITE_TOKEN", KH_HEADER_TOKEN},
    {"X_BUILDKITE_TOKEN", KH_HEADER__COUNT},
    {"HTTP_X_BUILDKITE_TOKENS", KH_HEADER__COUNT},
    {"HTTP_X_BUILDKITE", KH_HEADER__COUNT},
    {"http_x_buildkite_token", KH_HEADER__COUNT},
    {"HTTP_AUTHORIZATION", KH_HEADER__COUNT},
    {"QUERY_STRING", KH_HEADER__COUNT},
};

START_TEST(headers_come_from_their_variables)
{
  char variable[128];
  const char *const variables[] = {"SERVER_SOFTWARE=x", variable, "PATH=/bin", NULL};

  (void)snprintf(variable, sizeof variable, "%s=a=b, c", headers[_i].name);
  read_variables(variables);
  for (enum kh_header header = 0; header < KH_HEADER__COUNT; header++) {
    struct kh_header_value value = request.headers[header];

    ck_assert(!value.repeated);
    if (header != headers[_i].header) {
      ck_assert_ptr_null(value.text.at);
      continue;
    }
    ck_assert_ptr_eq(value.text.at, variable + strlen(headers[_i].name) + 1);
    ck_assert(kh_str_equal(value.text, KH_STR("a=b, c")));
  }
}
END_TEST

/* nginx passes a repeated header as two entries; lighttpd maps X_Buildkite_Event onto the same name. */
START_TEST(a_header_passed_twice_is_seen_twice)
{
  const char *const variables[] = {"HTTP_X_BUILDKITE_TOKEN=first", "HTTP_X_BUILDKITE_EVENT=ping",
                                   "HTTP_X_BUILDKITE_TOKEN=second", "HTTP_X_BUILDKITE_EVENT=ping", NULL};

  read_variables(variables);
  ck_assert(request.headers[KH_HEADER_TOKEN].repeated);
  ck_assert(kh_str_equal(request.headers[KH_HEADER_TOKEN].text, KH_STR("first")));
  ck_assert(request.headers[KH_HEADER_EVENT].repeated);
  ck_assert(!request.headers[KH_HEADER_SIGNATURE].repeated);
}
END_TEST

START_TEST(an_empty_header_was_sent)
{
  const char *const variables[] = {"HTTP_X_BUILDKITE_TOKEN=", NULL};

  read_variables(variables);
  ck_assert_ptr_nonnull(request.headers[KH_HEADER_TOKEN].text.at);
  ck_assert_uint_eq(request.headers[KH_HEADER_TOKEN].text.len, 0);
}
END_TEST

START_TEST(odd_environments_are_harmless)
{
  const char *const odd[] = {"", "=", "=x", "NOVALUE", "CONTENT_LENGTH", "HTTP_X_BUILDKITE_TOKEN", NULL};
  const char *const none[] = {NULL};

  read_variables(odd);
  ck_assert_int_eq(request.method, KH_METHOD_OTHER);
  ck_assert_ptr_null(request.headers[KH_HEADER_TOKEN].text.at);
  ck_assert(!plan.has_length && !plan.malformed && !plan.expected);
  read_variables(none);
  ck_assert_int_eq(request.method, KH_METHOD_OTHER);
}
END_TEST

static const struct {
  const char *length; /* NULL: absent */
  const char *encoding;
  const char *method;
  bool has_length, malformed, expected;
  uint64_t value;
} lengths[] = {
    {"16", NULL, "POST", true, false, false, 16},
    {"0", NULL, "POST", true, false, false, 0},
    {"0016", NULL, "POST", true, false, false, 16},
    {"18446744073709551615", NULL, "POST", true, false, false, UINT64_MAX},
    {"16", "chunked", "POST", true, false, false, 16},
    {"0", "chunked", "POST", true, false, false, 0},
    {NULL, NULL, "POST", false, false, true, 0},
    {"", NULL, "POST", false, false, true, 0},
    {NULL, "chunked", "POST", false, false, true, 0},
    {NULL, "chunked", "GET", false, false, true, 0},
    {"", NULL, "GET", false, false, false, 0},
    {NULL, NULL, "GET", false, false, false, 0},
    {NULL, NULL, "HEAD", false, false, false, 0},
    {"0", NULL, "GET", true, false, false, 0},
    {"18446744073709551616", NULL, "POST", false, true, false, 0},
    {"-1", NULL, "POST", false, true, false, 0},
    {"+16", NULL, "POST", false, true, false, 0},
    {" 16", NULL, "POST", false, true, false, 0},
    {"16 ", NULL, "POST", false, true, false, 0},
    {"16, 16", NULL, "POST", false, true, false, 0},
    {"0x10", NULL, "POST", false, true, false, 0},
    {"1e3", NULL, "POST", false, true, false, 0},
    {"16.0", NULL, "POST", false, true, false, 0},
    {"many", NULL, "POST", false, true, false, 0},
};

/* A length that is there wins; empty or absent means: until the end. Transfer-Encoding never overrides it. */
START_TEST(lengths_are_read_strictly)
{
  char length[64], encoding[64], method[64];
  const char *variables[4] = {method, NULL, NULL, NULL};
  size_t count = 1;

  (void)snprintf(method, sizeof method, "REQUEST_METHOD=%s", lengths[_i].method);
  (void)snprintf(length, sizeof length, "CONTENT_LENGTH=%s", lengths[_i].length ? lengths[_i].length : "");
  (void)snprintf(encoding, sizeof encoding, "HTTP_TRANSFER_ENCODING=%s",
                 lengths[_i].encoding ? lengths[_i].encoding : "");
  if (lengths[_i].length)
    variables[count++] = length;
  if (lengths[_i].encoding)
    variables[count++] = encoding;
  read_variables(variables);
  const char *what = lengths[_i].length ? lengths[_i].length : "(absent)";
  ck_assert_msg(plan.malformed == lengths[_i].malformed, "%s", what);
  if (lengths[_i].malformed)
    return;
  ck_assert_msg(plan.has_length == lengths[_i].has_length, "%s", what);
  if (plan.has_length)
    ck_assert_uint_eq(plan.length, lengths[_i].value);
  else
    ck_assert_msg(plan.expected == lengths[_i].expected, "%s %s", lengths[_i].method, what);
}
END_TEST

START_TEST(two_lengths_are_none)
{
  const char *const variables[] = {"REQUEST_METHOD=POST", "CONTENT_LENGTH=5", "CONTENT_LENGTH=6", NULL};

  read_variables(variables);
  ck_assert(plan.malformed);
}
END_TEST

/* ---- the body ---- */

/* Gives TOTAL bytes ('a' + place % 26) in pieces of at most PIECE, then END (0, -1 or -2). */
struct script {
  uint64_t total, given;
  size_t piece;
  ssize_t end;
  size_t calls;
};

static ssize_t play(void *self, char *to, size_t room)
{
  struct script *script = self;
  uint64_t left = script->total - script->given;
  size_t size = room < script->piece ? room : script->piece;

  script->calls++;
  ck_assert_uint_gt(room, 0);
  if (left == 0)
    return script->end;
  if (size > left)
    size = (size_t)left;
  for (size_t i = 0; i < size; i++)
    to[i] = (char)('a' + (script->given + i) % 26);
  script->given += size;
  return (ssize_t)size;
}

static const struct {
  const char *what;
  struct kh_cgi_body body;
  struct script script;
  enum kh_err err;
  size_t want;    /* bytes of the body when all is well */
  uint64_t taken; /* of the source */
} bodies[] = {
    {"exactly the length", {.has_length = true, .length = 50}, {50, 0, 1000, 0, 0}, KH_OK, 50, 50},
    {"byte by byte", {.has_length = true, .length = 50}, {50, 0, 1, 0, 0}, KH_OK, 50, 50},
    {"no more than the length", {.has_length = true, .length = 50}, {80, 0, 7, 0, 0}, KH_OK, 50, 50},
    {"the limit",
     {.has_length = true, .length = MAX_BYTES},
     {MAX_BYTES, 0, 30, 0, 0},
     KH_OK,
     MAX_BYTES,
     MAX_BYTES},
    {"nothing", {.has_length = true, .length = 0}, {50, 0, 10, 0, 0}, KH_OK, 0, 0},
    {"cut", {.has_length = true, .length = 50}, {49, 0, 10, 0, 0}, KH_ERR_BODY_CUT, 0, 49},
    {"cut at once", {.has_length = true, .length = 50}, {0, 0, 10, 0, 0}, KH_ERR_BODY_CUT, 0, 0},
    {"a failure", {.has_length = true, .length = 50}, {20, 0, 10, -1, 0}, KH_ERR_BODY_CUT, 0, 20},
    {"late", {.has_length = true, .length = 50}, {20, 0, 10, -2, 0}, KH_ERR_BODY_LATE, 0, 20},
    {"over the limit, and drained",
     {.has_length = true, .length = MAX_BYTES + 1},
     {MAX_BYTES + 1, 0, 30, 0, 0},
     KH_ERR_TOO_LARGE,
     0,
     MAX_BYTES + 1},
    {"far over the limit, and drained",
     {.has_length = true, .length = 3000000},
     {3000000, 0, 65536, 0, 0},
     KH_ERR_TOO_LARGE,
     0,
     3000000},
    {"a length that lies, far over",
     {.has_length = true, .length = UINT64_MAX},
     {500, 0, 100, 0, 0},
     KH_ERR_TOO_LARGE,
     0,
     500},
    {"over the limit, and late",
     {.has_length = true, .length = 3000000},
     {500, 0, 100, -2, 0},
     KH_ERR_TOO_LARGE,
     0,
     500},
    {"no number, and drained",
     {.malformed = true, .has_length = true},
     {500, 0, 100, 0, 0},
     KH_ERR_CONTENT_LENGTH,
     0,
     500},
    {"until the end", {.expected = true}, {50, 0, 7, 0, 0}, KH_OK, 50, 50},
    {"until the end, nothing there", {.expected = true}, {0, 0, 7, 0, 0}, KH_OK, 0, 0},
    {"until the end, the limit", {.expected = true}, {MAX_BYTES, 0, 30, 0, 0}, KH_OK, MAX_BYTES, MAX_BYTES},
    {"until the end, over the limit by one",
     {.expected = true},
     {MAX_BYTES + 1, 0, 30, 0, 0},
     KH_ERR_TOO_LARGE,
     0,
     MAX_BYTES + 1},
    {"until the end, over the limit",
     {.expected = true},
     {3000000, 0, 65536, 0, 0},
     KH_ERR_TOO_LARGE,
     0,
     3000000},
    {"until the end, a failure", {.expected = true}, {50, 0, 7, -1, 0}, KH_ERR_BODY_CUT, 0, 50},
    {"until the end, late", {.expected = true}, {50, 0, 7, -2, 0}, KH_ERR_BODY_LATE, 0, 50},
    {"none is expected", {.expected = false}, {50, 0, 7, 0, 0}, KH_OK, 0, 0},
};

START_TEST(bodies_are_read_whole_or_not_at_all)
{
  struct script script = bodies[_i].script;
  const struct kh_cgi_source source = {play, &script};
  struct kh_buf to;

  kh_buf_init(&to, MAX_BYTES);
  request = (struct kh_request){.method = KH_METHOD_POST, .transport = "cgi"};
  kh_cgi_read_body(&request, &bodies[_i].body, &source, MAX_BYTES, &to);
  ck_assert_msg(request.body_err == bodies[_i].err, "%s: %s", bodies[_i].what,
                kh_err_token(request.body_err));
  ck_assert_msg(script.given == bodies[_i].taken, "%s: %" PRIu64 " bytes were read", bodies[_i].what,
                script.given);
  if (request.body_err == KH_OK) {
    ck_assert_uint_eq(request.body.len, bodies[_i].want);
    for (size_t i = 0; i < request.body.len; i++)
      ck_assert_int_eq(request.body.at[i], (char)('a' + i % 26));
  }
  ck_assert_uint_le(request.body.len, MAX_BYTES);
  kh_buf_release(&to);
}
END_TEST

/* A GET without a body may come with an open stdin that never ends: nothing is asked of it. */
START_TEST(where_no_body_is_expected_nothing_is_read)
{
  struct script script = {100, 0, 10, 0, 0};
  const struct kh_cgi_source source = {play, &script};
  const struct kh_cgi_body none = {.expected = false};
  const struct kh_cgi_body empty = {.has_length = true, .length = 0};
  struct kh_buf to;

  kh_buf_init(&to, MAX_BYTES);
  request = (struct kh_request){.method = KH_METHOD_GET};
  kh_cgi_read_body(&request, &none, &source, MAX_BYTES, &to);
  kh_cgi_read_body(&request, &empty, &source, MAX_BYTES, &to);
  ck_assert_uint_eq(script.calls, 0);
  kh_buf_release(&to);
}
END_TEST

START_TEST(draining_ends)
{
  struct script script = {UINT64_MAX, 0, 65536, 0, 0};
  const struct kh_cgi_source source = {play, &script};
  const struct kh_cgi_body endless = {.expected = true};
  struct kh_buf to;

  kh_buf_init(&to, MAX_BYTES);
  request = (struct kh_request){.method = KH_METHOD_POST};
  kh_cgi_read_body(&request, &endless, &source, MAX_BYTES, &to);
  ck_assert_int_eq(request.body_err, KH_ERR_TOO_LARGE);
  ck_assert_uint_le(script.given, KH_CGI_DRAIN_MAX_BYTES + 2 * 65536);
  kh_buf_release(&to);
}
END_TEST

/* ---- the answer ---- */

static void answer(int status, const char *allow, bool head, const char *body, struct kh_buf *out)
{
  struct kh_response response = {
      .status = status, .content_type = "application/json", .allow = allow, .head = head};

  kh_buf_init(&response.body, KH_RESPONSE_MAX_BYTES);
  (void)kh_buf_add(&response.body, kh_str_of(body));
  kh_buf_init(out, 65536);
  ck_assert_int_eq(kh_cgi_response(&response, out), KH_OK);
  kh_buf_release(&response.body);
}

/* The value of header NAME in CGI output, or the absent string. */
static struct kh_str header_of(const struct kh_buf *out, const char *name)
{
  struct kh_str rest = kh_buf_view(out);

  while (rest.at) {
    struct kh_str value = kh_str_cut(&rest, '\n');

    ck_assert(kh_str_ends(value, KH_STR("\r")));
    value.len--;
    if (value.len == 0)
      break;
    struct kh_str key = kh_str_cut(&value, ':');
    ck_assert_msg(value.at, "no colon in %.*s", KH_FMT(key));
    if (kh_str_equal_nocase(key, kh_str_of(name)))
      return kh_str_trim(value);
  }
  return KH_NO_STR;
}

START_TEST(an_answer_in_cgi_form)
{
  struct kh_buf out;

  answer(200, NULL, false, "{\"verdict\":\"accepted\"}", &out);
  ck_assert(kh_str_starts(kh_buf_view(&out), KH_STR("Status: 200 ")));
  ck_assert(kh_str_ends(kh_buf_view(&out), KH_STR("\r\n\r\n{\"verdict\":\"accepted\"}")));
  ck_assert(kh_str_equal(header_of(&out, "Content-Type"), KH_STR("application/json")));
  ck_assert_ptr_null(header_of(&out, "Allow").at);
  struct kh_str length = header_of(&out, "Content-Length");
  ck_assert(!length.at || kh_str_equal(length, KH_STR("22")));
  kh_buf_release(&out);

  answer(405, "GET, HEAD, POST", false, "{}", &out);
  ck_assert(kh_str_equal(header_of(&out, "Allow"), KH_STR("GET, HEAD, POST")));
  kh_buf_release(&out);
}
END_TEST

START_TEST(an_answer_to_head_has_no_body)
{
  struct kh_buf out;

  answer(200, NULL, true, "a line\n", &out);
  ck_assert(kh_str_ends(kh_buf_view(&out), KH_STR("\r\n\r\n")));
  ck_assert_ptr_null(strstr(kh_buf_text(&out), "a line"));
  kh_buf_release(&out);
}
END_TEST

START_TEST(every_status_has_its_line)
{
  for (enum kh_err err = KH_OK; err < KH_ERR__COUNT; err++) {
    struct kh_buf out;
    char want[32];

    answer(kh_err_status(err), NULL, false, "{}", &out);
    struct kh_str status = header_of(&out, "Status");
    (void)snprintf(want, sizeof want, "%d ", kh_err_status(err));
    ck_assert_msg(kh_str_starts(status, kh_str_of(want)) && status.len > strlen(want), "%.*s",
                  KH_FMT(status));
    if (kh_err_status(err) != 500)
      ck_assert_ptr_null(strstr(kh_buf_text(&out), "Internal Server Error"));
    kh_buf_release(&out);
  }
}
END_TEST

START_TEST(an_answer_that_does_not_fit_is_an_error)
{
  struct kh_response response = {.status = 200, .content_type = "application/json"};
  struct kh_buf out;

  kh_buf_init(&response.body, 100);
  kh_buf_init(&out, 20);
  ck_assert_int_eq(kh_cgi_response(&response, &out), KH_ERR_LIMIT);
  kh_buf_release(&out);
}
END_TEST

START_TEST(the_config_path_comes_from_the_environment)
{
  const char *const given[] = {"XKITEHOOK_CONFIG=/no", "KITEHOOK_CONFIGS=/no", "HTTP_KITEHOOK_CONFIG=/no",
                               "KITEHOOK_CONFIG=/etc/own.yml", NULL};
  const char *const empty[] = {"KITEHOOK_CONFIG=", NULL};
  const char *const none[] = {NULL};

  ck_assert_str_eq(kh_cgi_config_path(given), "/etc/own.yml");
  ck_assert_str_eq(kh_cgi_config_path(empty), KH_CONFIG_PATH);
  ck_assert_str_eq(kh_cgi_config_path(none), KH_CONFIG_PATH);
}
END_TEST

static Suite *cgi_suite(void)
{
  Suite *suite = suite_create("cgi");
  TCase *variables = kh_test_case(suite, "variables");
  TCase *body = kh_test_case(suite, "body");
  TCase *answers = kh_test_case(suite, "answer");

  tcase_add_loop_test(variables, methods_are_case_sensitive, 0, (int)KH_COUNT(methods));
  tcase_add_loop_test(variables, headers_come_from_their_variables, 0, (int)KH_COUNT(headers));
  tcase_add_test(variables, a_header_passed_twice_is_seen_twice);
  tcase_add_test(variables, an_empty_header_was_sent);
  tcase_add_test(variables, odd_environments_are_harmless);
  tcase_add_loop_test(variables, lengths_are_read_strictly, 0, (int)KH_COUNT(lengths));
  tcase_add_test(variables, two_lengths_are_none);
  tcase_add_loop_test(body, bodies_are_read_whole_or_not_at_all, 0, (int)KH_COUNT(bodies));
  tcase_add_test(body, where_no_body_is_expected_nothing_is_read);
  tcase_add_test(body, draining_ends);
  tcase_add_test(answers, an_answer_in_cgi_form);
  tcase_add_test(answers, an_answer_to_head_has_no_body);
  tcase_add_test(answers, every_status_has_its_line);
  tcase_add_test(answers, an_answer_that_does_not_fit_is_an_error);
  tcase_add_test(answers, the_config_path_comes_from_the_environment);
  return suite;
}

int main(void)
{
  return kh_test_main(cgi_suite());
}
