/*
 * Target: handler/language/condition/possible.h. The first byte chooses dialect (bit 0) and entry point
 * (bits 1 and 2); the rest is a condition. Aborts where compiling and mistake disagree, where a place lies
 * outside of the source, where an evaluation is true in spite of a mistake, or comes out differently the
 * second time.
 */
#include "base/base.h"

#include "fuzz/replay.h"
#include "language/condition/possible.h"
#include "language/names/names_json.h"
#include "support/guard.h"
#include "support/values.h"

static void check_place(const struct kh_mistake *mistake, struct kh_str source)
{
  if (mistake->at > source.len || mistake->len > source.len - mistake->at)
    abort();
  if ((mistake->kind == KH_MISTAKE_NONE) != (mistake->text[0] == '\0'))
    abort();
}

static void see(void *self, const struct kh_traced *seen)
{
  struct kh_str *source = self;
  struct kh_buf out;

  if (seen->at > source->len || seen->len > source->len - seen->at)
    abort();
  kh_buf_init(&out, 1 << 26);
  kh_test_value_print(seen->value, &out);
  kh_buf_release(&out);
}

static void evaluate(const struct kh_condition *condition, struct kh_str source)
{
  json_t *object = json_pack("{s:s,s:s,s:i,s:[s,s],s:{s:s,s:s,s:s}}", "build.branch", "feature/\xC3\xA9-1",
                             "build.message", "fix: a\n\nb", "build.number", 7, "build.creator.teams", "ops",
                             "dev", "env", "A", "value", "B", "", "N", "2");
  struct kh_names_json json = {.object = object};
  struct kh_names names = kh_names_json(&json);
  struct kh_mistake first = {.kind = KH_MISTAKE_NONE};
  struct kh_mistake second = {.kind = KH_MISTAKE_NONE};

  bool truth = kh_condition_eval(condition, &names, NULL, &first);
  if (truth && first.kind != KH_MISTAKE_NONE)
    abort();
  check_place(&first, source);
  if (kh_condition_eval(condition, &names, &(struct kh_trace){&source, see}, &second) != truth ||
      first.kind != second.kind || first.at != second.at)
    abort();
  (void)kh_condition_eval(condition, NULL, NULL, NULL);
  json_decref(object);
}

static void advise(void *self, size_t at, size_t len, const char *text)
{
  const struct kh_str *source = self;

  if (at > source->len || len > source->len - at || !text[0])
    abort();
}

static void find_event(void *self, const struct kh_use *use)
{
  *(bool *)self |= use->name && use->name->name == KH_NAME_EVENT;
}

/* Without a webhook every name is null, which each may be but `event`. */
static void check_possible(const struct kh_condition *condition)
{
  const unsigned may = kh_condition_possible(condition, &(struct kh_supposed){.event = KH_NO_STR});
  bool has_event = false;

  kh_condition_uses(condition, &(struct kh_uses){&has_event, find_event});
  if (!has_event && kh_condition_eval(condition, NULL, NULL, NULL) && !(may & KH_MAY_BE_TRUE))
    abort();
}

static void check_comments(const struct kh_condition *condition, struct kh_str source)
{
  size_t at = 0, before = 0;

  for (struct kh_str one = kh_condition_comment(condition, &at); one.at;
       one = kh_condition_comment(condition, &at)) {
    if (!kh_str_starts(one, KH_STR("//")) || at <= before || at > source.len)
      abort();
    before = at;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_guard guard = {0};
  struct kh_mistake mistake = {.kind = KH_MISTAKE_NONE};
  struct kh_condition *condition = NULL;

  if (size == 0)
    return 0;
  struct kh_str source = kh_guard_end(&guard, kh_str((const char *)data + 1, size - 1));
  enum kh_err err = kh_condition_compile(&condition, source, (enum kh_dialect)(data[0] & 1),
                                         (enum kh_entrypoint)(data[0] >> 1 & 3), &mistake);
  if (!err != !!condition || (err && err != KH_ERR_CONFIG) || !err != (mistake.kind == KH_MISTAKE_NONE))
    abort();
  check_place(&mistake, source);
  if (condition) {
    const struct kh_advice advice = {.self = &source, .tell = advise};

    kh_condition_advise(condition, &advice);
    kh_condition_constants(condition, &(struct kh_supposed){.event = KH_NO_STR}, &advice);
    check_possible(condition);
    check_comments(condition, source);
    evaluate(condition, source);
  }
  kh_condition_free(condition);
  kh_guard_release(&guard);
  return 0;
}
