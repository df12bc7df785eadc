/*
 * The conditional language against tests/vectors/conditions.jsonl: one object a line, {"rule", "expression",
 * "names", "entrypoint", "dialect", "validate_only", "without", "expect"}. `rule` is the section of the
 * specification; `expect` is true, false, "valid" or "error KIND".
 */
#include "base/base.h"

#include "base/clock.h"
#include "language/condition/condition.h"
#include "language/condition/regex.h"
#include "language/names/names_json.h"
#include "support/guard.h"
#include "support/suite.h"
#include "support/values.h"

#include <jansson.h>

#define VECTORS KH_SOURCE_DIR "/tests/vectors/conditions.jsonl"

enum { LINE_MAX_BYTES = 1 << 20, VECTORS_MIN = 600 };

static struct kh_str text_of(const json_t *vector, const char *key)
{
  const json_t *text = json_object_get(vector, key);

  return kh_str(json_string_value(text), json_string_length(text));
}

/* What the condition of VECTOR comes to, in the words of `expect`. */
static void run_vector(const json_t *vector, char result[64])
{
  struct kh_names_json json = {json_object_get(vector, "names"), json_object_get(vector, "without")};
  struct kh_names names = kh_names_json(&json);
  struct kh_guard guard = {0};
  struct kh_mistake mistake = {0};
  struct kh_condition *condition = NULL;
  enum kh_dialect dialect = KH_DIALECT_STRICT;
  enum kh_entrypoint entrypoint = KH_ENTRYPOINT_BUILD;
  bool validate_only = json_is_true(json_object_get(vector, "validate_only"));
  bool truth = false;

  ck_assert(kh_dialect_parse(text_of(vector, "dialect"), &dialect));
  ck_assert(kh_entrypoint_parse(text_of(vector, "entrypoint"), &entrypoint));
  struct kh_str source = kh_guard_end(&guard, text_of(vector, "expression"));
  enum kh_err err = kh_condition_compile(&condition, source, dialect, entrypoint, &mistake);
  ck_assert(err == KH_OK || err == KH_ERR_CONFIG);
  ck_assert((err == KH_OK) == (mistake.kind == KH_MISTAKE_NONE) && !err == (condition != NULL));
  if (condition && !validate_only)
    truth = kh_condition_eval(condition, &names, NULL, &mistake);
  ck_assert(!truth || mistake.kind == KH_MISTAKE_NONE);
  ck_assert(mistake.at <= source.len && mistake.len <= source.len - mistake.at);
  ck_assert((mistake.kind == KH_MISTAKE_NONE) == (mistake.text[0] == '\0'));
  if (mistake.kind != KH_MISTAKE_NONE && (validate_only || !kh_entrypoint_is_notification(entrypoint)))
    (void)snprintf(result, 64, "error %s", kh_mistake_kind_name(mistake.kind));
  else
    (void)snprintf(result, 64, "%s", validate_only ? "valid" : truth ? "true" : "false");
  kh_condition_free(condition);
  kh_guard_release(&guard);
}

static size_t check_vectors(FILE *file, const char *dialect)
{
  char *line = malloc(LINE_MAX_BYTES);
  size_t checked = 0;
  unsigned number = 0;
  unsigned failed = 0;

  ck_assert_ptr_nonnull(line);
  while (fgets(line, LINE_MAX_BYTES, file)) {
    json_t *vector = json_loads(line, JSON_ALLOW_NUL, NULL);
    const json_t *expected = json_object_get(vector, "expect");
    const char *expect = json_is_boolean(expected) ? (json_is_true(expected) ? "true" : "false")
                                                   : json_string_value(expected);
    char result[64] = "";

    number++;
    ck_assert_msg(expect && json_string_length(json_object_get(vector, "rule")) > 0, "line %u", number);
    if (kh_str_equal(text_of(vector, "dialect"), kh_str_of(dialect))) {
      run_vector(vector, result);
      if (strcmp(result, expect) != 0) {
        (void)fprintf(stderr, "%s:%u: %s, expected %s: %s", VECTORS, number, result, expect, line);
        failed++;
      }
      checked++;
    }
    json_decref(vector);
  }
  free(line);
  ck_assert_msg(failed == 0, "%u of %zu vectors fail", failed, checked);
  return checked;
}

static void check_dialect(const char *dialect, size_t min)
{
  FILE *file = fopen(VECTORS, "r");

  ck_assert_ptr_nonnull(file);
  ck_assert_uint_gt(check_vectors(file, dialect), min);
  ck_assert_int_eq(fclose(file), 0);
}

START_TEST(strict_vectors_hold)
{
  check_dialect("strict", VECTORS_MIN);
}
END_TEST

START_TEST(extended_vectors_hold)
{
  check_dialect("extended", 150);
}
END_TEST

/* ---- mistakes point at their place and know what was meant ---- */

static const struct {
  const char *source;
  size_t at;
  size_t len;
  const char *hint;
} places[] = {
    {"build.brnach == 'x'", 0, 12, "build.branch"},
    {"true && branch == 'x'", 8, 6, "build.branch"},
    {"build.state == 'faild'", 15, 7, "failed"},
    {"build.state == 'Passed'", 15, 8, "passed"},
    {"env('BUILDKITE_BRNCH') == ''", 4, 17, "BUILDKITE_BRANCH"},
    {"pipeline.name == 'x'", 0, 13, "env(\"BUILDKITE_PIPELINE_NAME\")"},
    {"bulid.env('X') == ''", 0, 14, "build.env"},
    {"build.branch = 'x'", 13, 1, ""},
    {"(true", 5, 0, ""},
    {"'a", 0, 1, ""},
    {"build.branch =~ /a(?<=b)/", 18, 1, ""},
    {"true ||\n  !build.number", 11, 12, ""},
    {"at_leest(1, 2)", 0, 14, "at_least"},
    {"event.name == 'x'", 0, 10, "agent.name"},
};

START_TEST(mistake_has_its_place)
{
  struct kh_mistake mistake = {0};
  struct kh_condition *condition = NULL;
  struct kh_str source = kh_str_of(places[_i].source);

  ck_assert_int_eq(
      kh_condition_compile(&condition, source, KH_DIALECT_EXTENDED, KH_ENTRYPOINT_BUILD, &mistake),
      KH_ERR_CONFIG);
  ck_assert_ptr_null(condition);
  ck_assert_msg(mistake.at == places[_i].at && mistake.len == places[_i].len, "%s: %zu+%zu",
                places[_i].source, mistake.at, mistake.len);
  ck_assert_str_eq(mistake.hint, places[_i].hint);
}
END_TEST

START_TEST(caret_stands_below)
{
  struct kh_mistake mistake = {.kind = KH_MISTAKE_PARSE, .at = 11, .len = 12};
  struct kh_buf out;

  kh_buf_init(&out, 1000);
  kh_mistake_caret(&mistake, KH_STR("true ||\n  !build.number\nx"), &out);
  ck_assert_str_eq(kh_buf_text(&out), "  !build.number\n   ^^^^^^^^^^^^");
  kh_buf_release(&out);
}
END_TEST

/* ---- limits ---- */

/* A branch of BYTES: RUN times the filler and then a BREAK, again and again. */
struct branch {
  const char *source;
  const char *filler;
  size_t bytes;
  size_t run;
  const char *brk;
};

static const struct branch explosions[] = {
    {"build.branch =~ /(a+)+$/", "a", 31, 30, "!"},
    {"build.branch =~ /(a+)+$/", "a", 100001, 100000, "!"},
    {"build.branch =~ /(a|aa)+$/", "a", 100001, 100000, "!"},
    {"build.branch =~ /a*a*a*a*a*[bc]/", "a", 100001, 100000, "!"},
    {"build.branch =~ /[a-z]+[0-9]/", "a", 100001, 100000, "!"},
    {"build.branch =~ /^(([a-z])+.)+[A-Z]([a-z])+$/", "a", 100001, 100000, "!"},
    {"build.branch =~ /(?:a{1,12})+[bc]/", "a", 20001, 20000, "!"},
    {"build.branch =~ /(a*)*\\1[xy]/", "a", 20001, 20000, "!"},
    /* What one item does by itself, between two steps. */
    {"build.branch =~ /^(a+)b.*?\\1d/i", "a", 200000, 100000, "b"},
    {"build.branch =~ /^(a+)b.*?\\1{9}d/i", "a", 200000, 10000, "b"},
    {"build.branch =~ /^(\\xE9+)b.*?\\1d/i", "\xC3\xA9", 200001, 50000, "b"},
    {"build.branch =~ /a{50000}/", "a", 500000, 49999, "-"},
    {"build.branch =~ /\\w{50000}/", "a", 500000, 49999, "-"},
    {"build.branch =~ /\\p{L}{50000}/", "a", 500000, 49999, "-"},
    {"build.branch =~ /(?:x|a{50000,})y/i", "a", 500000, 49999, "y"},
    {"build.branch =~ /\\p{L}{1000}/", "\xC3\xA9", 200000, 999, "-"},
    {"build.branch =~ /[\\p{Lu}\\p{M}\\p{P}\\p{Nd}\\p{Lo}\\p{Ll}]{900}-/", "a", 200000, 899, "-"},
    {"build.branch =~ /a{50000}/", "a", 8000000, 49999, "-"},
    {"build.branch =~ /[\\p{Lu}\\p{M}\\p{P}\\p{Nd}\\p{Lo}\\p{Ll}]*!1/", "\xC3\xA9", 8000000, 4000000, ""},
};

/* What has to be done once is no explosion. */
static const struct {
  struct branch branch;
  bool truth;
} ordinary[] = {
    {{"build.branch =~ /[0-9a-f]{40}/", "0123456789abcdef", 100000, 2, " "}, false},
    {{"build.branch =~ /^\\w{1000}$/", "a", 1000, 1000, ""}, true},
    {{"build.branch =~ /^(\\w{1,1000}-)+$/", "a", 100000, 999, "-"}, true},
    {{"build.branch =~ /(\\w+) \\1b/", "tree ", 10000, 2, "wood "}, false},
    {{"build.branch =~ /(?m)^fix(\\([a-z-]+\\))?!:/", "fix: a line of words\n", 100000, 1, ""}, false},
    {{"build.branch =~ /foo/", "a", 8000000, 8000000, ""}, false},
    {{"build.branch =~ /[\\p{L}\\p{N}_]+@[\\p{L}\\p{N}_]+/", "few words ", 10000, 999, "a@b "}, true},
};

static struct kh_str branch_of(const struct branch *branch, char **text)
{
  const size_t filler = strlen(branch->filler);
  const size_t brk = strlen(branch->brk);
  size_t len = 0;

  *text = malloc(branch->bytes + filler + brk);
  ck_assert_ptr_nonnull(*text);
  for (size_t i = 1; len < branch->bytes; i++) {
    const bool breaks = i % (branch->run + 1) == 0;

    memcpy(*text + len, breaks ? branch->brk : branch->filler, breaks ? brk : filler);
    len += breaks ? brk : filler;
  }
  return kh_str(*text, len);
}

static void branch_is(void *self, const struct kh_name_info *name, struct kh_arena *arena,
                      struct kh_value *value)
{
  (void)arena;
  if (name->name == KH_NAME_BUILD_BRANCH)
    *value = kh_value_text(*(const struct kh_str *)self);
}

/* Decides SOURCE with NAMES; the steps that were left go to NAMES. */
static bool decide(const char *source, const struct kh_names *names, struct kh_mistake *mistake)
{
  struct kh_condition *condition = NULL;

  *mistake = (struct kh_mistake){.kind = KH_MISTAKE_NONE};
  ck_assert_int_eq(
      kh_condition_compile(&condition, kh_str_of(source), KH_DIALECT_EXTENDED, KH_ENTRYPOINT_BUILD, mistake),
      KH_OK);
  clock_t before = clock();
  bool truth = kh_condition_eval(condition, names, NULL, mistake);
  (void)printf("%8.1f ms of the processor: %s\n", (double)(clock() - before) * 1000 / CLOCKS_PER_SEC, source);
  kh_condition_free(condition);
  return truth;
}

START_TEST(explosion_is_bounded)
{
  struct kh_mistake mistake;
  char *text = NULL;
  struct kh_str branch = branch_of(&explosions[_i], &text);
  size_t left = KH_REGEX_STEPS_WEBHOOK;
  struct kh_names names = {.self = &branch, .value = branch_is, .steps_left = &left};

  ck_assert(!decide(explosions[_i].source, &names, &mistake));
  ck_assert_msg(mistake.kind == KH_MISTAKE_EVALUATION, "%s: %s", explosions[_i].source,
                kh_mistake_kind_name(mistake.kind));
  ck_assert_uint_eq(left, KH_REGEX_STEPS_WEBHOOK - KH_REGEX_STEPS_MAX);
  free(text);
}
END_TEST

START_TEST(ordinary_search_is_decided)
{
  struct kh_mistake mistake;
  char *text = NULL;
  struct kh_str branch = branch_of(&ordinary[_i].branch, &text);
  size_t left = KH_REGEX_STEPS_WEBHOOK;
  struct kh_names names = {.self = &branch, .value = branch_is, .steps_left = &left};
  bool truth = decide(ordinary[_i].branch.source, &names, &mistake);

  ck_assert_msg(mistake.kind == KH_MISTAKE_NONE, "%s: %s", ordinary[_i].branch.source, mistake.text);
  ck_assert_msg(truth == ordinary[_i].truth, "%s", ordinary[_i].branch.source);
  ck_assert_uint_gt(left, KH_REGEX_STEPS_WEBHOOK - KH_REGEX_STEPS_MAX);
  free(text);
}
END_TEST

/* ---- one budget for a condition, and one for all that share it ---- */

enum { TAGS = 4000 };

static void tags_are(void *self, const struct kh_name_info *name, struct kh_arena *arena,
                     struct kh_value *value)
{
  (void)arena;
  if (name->name == KH_NAME_AGENT_META_DATA)
    *value = kh_value_list(self, TAGS);
  else
    *value = kh_value_text(*(struct kh_str *)self);
}

START_TEST(all_searches_of_a_condition_share_its_steps)
{
  static struct kh_str tags[TAGS];
  struct kh_mistake mistake;
  size_t left = KH_REGEX_STEPS_WEBHOOK;
  const struct kh_names names = {.self = tags, .value = tags_are, .steps_left = &left};

  /* One of them alone is decided. */
  for (size_t i = 0; i < TAGS; i++)
    tags[i] = KH_STR("aaaaaaaaaaaa!");
  ck_assert(!decide("agent.name =~ /^(a|aa)+$/", &names, &mistake));
  ck_assert_int_eq(mistake.kind, KH_MISTAKE_NONE);
  size_t one = KH_REGEX_STEPS_WEBHOOK - left;
  ck_assert_uint_gt(one * TAGS, KH_REGEX_STEPS_MAX);
  ck_assert_uint_lt(one, KH_REGEX_STEPS_MAX);

  left = KH_REGEX_STEPS_WEBHOOK;
  ck_assert(!decide("agent.meta_data includes /^(a|aa)+$/", &names, &mistake));
  ck_assert_int_eq(mistake.kind, KH_MISTAKE_EVALUATION);
  ck_assert_str_eq(mistake.text, "the regular expression takes too many steps on this text");
  ck_assert_uint_eq(left, KH_REGEX_STEPS_WEBHOOK - KH_REGEX_STEPS_MAX);

  /* A search that fails at once is not free. */
  left = KH_REGEX_STEPS_WEBHOOK;
  ck_assert(!decide("agent.meta_data includes /zz/", &names, &mistake));
  ck_assert_int_eq(mistake.kind, KH_MISTAKE_NONE);
  ck_assert_uint_le(left, KH_REGEX_STEPS_WEBHOOK - TAGS);
}
END_TEST

START_TEST(all_conditions_share_the_steps_of_their_names)
{
  struct kh_mistake mistake;
  char *text = NULL;
  struct kh_str branch = branch_of(&explosions[1], &text);
  size_t left = KH_REGEX_STEPS_WEBHOOK;
  const struct kh_names names = {.self = &branch, .value = branch_is, .steps_left = &left};

  for (size_t i = 1; i <= KH_REGEX_STEPS_WEBHOOK / KH_REGEX_STEPS_MAX; i++) {
    ck_assert(!decide("build.branch =~ /(a+)+$/", &names, &mistake));
    ck_assert_str_eq(mistake.text, "the regular expression takes too many steps on this text");
    ck_assert_uint_eq(left, KH_REGEX_STEPS_WEBHOOK - i * KH_REGEX_STEPS_MAX);
  }
  ck_assert(!decide("build.branch =~ /^a/", &names, &mistake));
  ck_assert_int_eq(mistake.kind, KH_MISTAKE_EVALUATION);
  ck_assert_str_eq(mistake.text, "regular expressions took all the steps that there are for one webhook");
  ck_assert(!decide("!(build.branch =~ /^b/)", &names, &mistake));
  ck_assert_int_eq(mistake.kind, KH_MISTAKE_EVALUATION);
  ck_assert(decide("build.branch != 'main'", &names, &mistake));
  ck_assert_int_eq(mistake.kind, KH_MISTAKE_NONE);
  free(text);
}
END_TEST

START_TEST(size_is_bounded)
{
  struct kh_mistake mistake = {0};
  struct kh_condition *condition = NULL;
  size_t len = KH_CONDITION_MAX_BYTES + 1;
  char *text = malloc(len);

  ck_assert_ptr_nonnull(text);
  memset(text, ' ', len);
  memcpy(text, "true", 4);
  ck_assert_int_eq(
      kh_condition_compile(&condition, kh_str(text, len - 1), KH_DIALECT_STRICT, KH_ENTRYPOINT_BUILD, NULL),
      KH_OK);
  kh_condition_free(condition);
  ck_assert_int_eq(
      kh_condition_compile(&condition, kh_str(text, len), KH_DIALECT_STRICT, KH_ENTRYPOINT_BUILD, &mistake),
      KH_ERR_CONFIG);
  ck_assert_int_eq(mistake.kind, KH_MISTAKE_PARSE);
  /* "[1,1,1,…": too many parts. */
  memset(text, '!', len - 1);
  for (size_t i = 0; i + 2 < len; i += 2)
    memcpy(text + i, "1,", 2);
  text[0] = '[';
  mistake = (struct kh_mistake){0};
  ck_assert_int_eq(kh_condition_compile(&condition, kh_str(text, len - 1), KH_DIALECT_STRICT,
                                        KH_ENTRYPOINT_BUILD, &mistake),
                   KH_ERR_CONFIG);
  ck_assert_int_eq(mistake.kind, KH_MISTAKE_PARSE);
  free(text);
}
END_TEST

/* ---- trace, uses, advice ---- */

static void note_seen(void *self, const struct kh_traced *seen)
{
  struct kh_buf *out = self;

  kh_buf_printf(out, "%zu+%zu@%u%s ", seen->at, seen->len, seen->depth, seen->secret ? "!" : "");
  kh_test_value_print(seen->value, out);
  kh_buf_add_byte(out, ';');
}

static void note_use(void *self, const struct kh_use *use)
{
  kh_buf_printf(self, "%s/%s;", use->name ? use->name->text : "-", kh_root_name(use->root));
}

static void note_advice(void *self, size_t at, size_t len, const char *text)
{
  kh_buf_printf(self, "%zu+%zu %s;", at, len, text);
}

static struct kh_condition *compiled(const char *source)
{
  struct kh_condition *condition = NULL;

  ck_assert_int_eq(
      kh_condition_compile(&condition, kh_str_of(source), KH_DIALECT_EXTENDED, KH_ENTRYPOINT_BUILD, NULL),
      KH_OK);
  return condition;
}

START_TEST(trace_tells_each_value)
{
  struct kh_buf out;
  struct kh_condition *condition = compiled("1 == 1 && build.tag == null && env('X') != 'a\"' || true");

  kh_buf_init(&out, 4096);
  ck_assert(kh_condition_eval(condition, NULL, &(struct kh_trace){&out, note_seen}, NULL));
  ck_assert_str_eq(kh_buf_text(&out),
                   "0+1@3 1;5+1@3 1;0+6@2 true;10+9@3 null;23+4@3 null;10+17@2 true;35+3@4 \"X\";"
                   "31+8@3! \"\";43+4@3 \"a\\\"\";31+16@2 true;0+47@1 true;0+55@0 true;");
  kh_condition_free(condition);
  kh_buf_release(&out);
}
END_TEST

START_TEST(uses_are_told)
{
  struct kh_buf out;
  struct kh_condition *condition = compiled("event == 'ping' || \"$X\" == env('Y') || job.soft_failed");

  kh_buf_init(&out, 4096);
  kh_condition_uses(condition, &(struct kh_uses){&out, note_use});
  ck_assert_str_eq(kh_buf_text(&out), "event/event;-/build;-/build;job.soft_failed/job;");
  kh_condition_free(condition);
  kh_buf_release(&out);
}
END_TEST

static const struct {
  const char *source;
  const char *advice; /* its beginning; "" for none */
} advised[] = {
    {"build.branch =~ /x\\$/", "16+5 \"\\$\" matches"},
    {"build.branch =~ /x\\\\$/", ""},
    {"build.branch =~ /x$/", ""},
    {"1 == 1", "0+6 this condition says the same"},
    {"!build.pull_request.draft", "1+24 build.pull_request.draft is always null"},
    {"event == 'build.finishd'", "9+15 Buildkite documents no event"},
    {"event == 'build.finished'", ""},
};

START_TEST(advice_is_given)
{
  struct kh_buf out;
  struct kh_condition *condition = compiled(advised[_i].source);

  kh_buf_init(&out, 4096);
  kh_condition_advise(condition, &(struct kh_advice){.self = &out, .tell = note_advice});
  if (advised[_i].advice[0])
    ck_assert_msg(kh_str_starts(kh_buf_view(&out), kh_str_of(advised[_i].advice)), "%s", kh_buf_text(&out));
  else
    ck_assert_uint_eq(out.len, 0);
  kh_condition_free(condition);
  kh_buf_release(&out);
}
END_TEST

static Suite *condition_suite(void)
{
  Suite *suite = suite_create("condition");
  TCase *vectors = kh_test_case(suite, "vectors");
  TCase *mistakes = kh_test_case(suite, "mistakes");
  TCase *limits = kh_test_case(suite, "limits");
  TCase *tools = kh_test_case(suite, "tools");

  tcase_add_test(vectors, strict_vectors_hold);
  tcase_add_test(vectors, extended_vectors_hold);
  tcase_add_loop_test(mistakes, mistake_has_its_place, 0, (int)KH_COUNT(places));
  tcase_add_test(mistakes, caret_stands_below);
  tcase_add_loop_test(limits, explosion_is_bounded, 0, (int)KH_COUNT(explosions));
  tcase_add_loop_test(limits, ordinary_search_is_decided, 0, (int)KH_COUNT(ordinary));
  tcase_add_test(limits, all_searches_of_a_condition_share_its_steps);
  tcase_add_test(limits, all_conditions_share_the_steps_of_their_names);
  tcase_add_test(limits, size_is_bounded);
  tcase_add_test(tools, trace_tells_each_value);
  tcase_add_test(tools, uses_are_told);
  tcase_add_loop_test(tools, advice_is_given, 0, (int)KH_COUNT(advised));
  return suite;
}

int main(void)
{
  return kh_test_main(condition_suite());
}
