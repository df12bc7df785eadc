#include "base/base.h"

#include "base/nearest.h"
#include "language/condition/node.h"
#include "language/condition/regex.h"

static const char *const dialects[] = {
    [KH_DIALECT_STRICT] = "strict", [KH_DIALECT_EXTENDED] = "extended", NULL};

static const char *const entrypoints[] = {
    [KH_ENTRYPOINT_BUILD] = "build",
    [KH_ENTRYPOINT_BUILD_WITH_STEP] = "build-with-step",
    [KH_ENTRYPOINT_BUILD_NOTIFICATION] = "build-notification",
    [KH_ENTRYPOINT_STEP_NOTIFICATION] = "step-notification",
    NULL,
};

bool kh_dialect_parse(struct kh_str text, enum kh_dialect *dialect)
{
  size_t place = kh_word_place(text, dialects);

  if (dialects[place])
    *dialect = (enum kh_dialect)place;
  return dialects[place] != NULL;
}

bool kh_entrypoint_parse(struct kh_str text, enum kh_entrypoint *entrypoint)
{
  size_t place = kh_word_place(text, entrypoints);

  if (entrypoints[place])
    *entrypoint = (enum kh_entrypoint)place;
  return entrypoints[place] != NULL;
}

bool kh_entrypoint_is_notification(enum kh_entrypoint entrypoint)
{
  return entrypoint == KH_ENTRYPOINT_BUILD_NOTIFICATION || entrypoint == KH_ENTRYPOINT_STEP_NOTIFICATION;
}

enum kh_err kh_condition_compile(struct kh_condition **condition, struct kh_str source,
                                 enum kh_dialect dialect, enum kh_entrypoint entrypoint,
                                 struct kh_mistake *mistake)
{
  struct kh_condition *made = calloc(1, sizeof *made);
  enum kh_err err = KH_ERR_NO_MEMORY;

  *condition = NULL;
  if (!made)
    return err;
  kh_arena_init(&made->arena, KH_CONDITION_ARENA_BYTES, NULL, 0);
  made->dialect = dialect;
  made->entrypoint = entrypoint;
  err = KH_ERR_CONFIG;
  if (source.len > KH_CONDITION_MAX_BYTES) {
    kh_mistake_set(mistake, KH_MISTAKE_PARSE, 0, 0, "a condition has at most %d bytes",
                   KH_CONDITION_MAX_BYTES);
    goto done;
  }
  made->source = kh_arena_copy(&made->arena, source);
  if (made->source.at && !kh_text_is_blank(made->source) &&
      !(kh_condition_parse(made, mistake) && kh_condition_check(made, mistake)))
    goto done;
  err = KH_OK;
done:
  if (made->arena.err == KH_ERR_NO_MEMORY)
    err = KH_ERR_NO_MEMORY;
  if (err) {
    kh_condition_free(made);
    made = NULL;
  }
  *condition = made;
  return err;
}

void kh_condition_free(struct kh_condition *condition)
{
  if (!condition)
    return;
  for (struct kh_regex_link *link = condition->regexes; link; link = link->next)
    kh_regex_free(link->regex);
  kh_arena_release(&condition->arena);
  free(condition);
}
