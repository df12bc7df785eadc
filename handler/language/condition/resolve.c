#include "base/base.h"

#include "language/condition/functions.h"
#include "language/condition/resolve.h"

static void raw(const struct kh_names *names, const struct kh_name_info *name, struct kh_arena *arena,
                struct kh_value *value)
{
  value->kind = KH_KIND_NULL;
  if (names && names->value)
    names->value(names->self, name, arena, value);
  if (value->kind != name->kind)
    *value = kh_value_null();
}

static struct kh_str raw_text(const struct kh_names *names, enum kh_name name, struct kh_arena *arena)
{
  struct kh_value value;

  raw(names, kh_name_info(name), arena, &value);
  return value.kind == KH_KIND_STRING ? value.text : KH_NO_STR;
}

static bool raw_env(const struct kh_names *names, enum kh_environment part, struct kh_str name,
                    struct kh_arena *arena, struct kh_str *value)
{
  return names && names->environment && names->environment(names->self, part, name, arena, value);
}

/* What a webhook from the source host said; other builds have none. */
static struct kh_str of_source(const struct kh_names *names, enum kh_name name, struct kh_str variable,
                               struct kh_arena *arena)
{
  struct kh_str text = KH_NO_STR;

  if (!kh_str_equal(raw_text(names, KH_NAME_BUILD_SOURCE, arena), KH_STR("webhook")))
    return KH_NO_STR;
  text = raw_text(names, name, arena);
  if (!text.at && !raw_env(names, KH_ENVIRONMENT_BUILD, variable, arena, &text))
    return KH_NO_STR;
  return text;
}

static struct kh_str source_event(const struct kh_names *names, struct kh_arena *arena)
{
  return of_source(names, KH_NAME_BUILD_SOURCE_EVENT, KH_STR("BUILDKITE_GITHUB_EVENT"), arena);
}

void kh_resolve(const struct kh_names *names, const struct kh_name_info *name, struct kh_arena *arena,
                struct kh_value *value)
{
  switch (name->name) {
  case KH_NAME_BUILD_SOURCE_EVENT:
    *value = kh_value_text(source_event(names, arena));
    return;
  case KH_NAME_BUILD_SOURCE_ACTION:
    *value = kh_value_text(of_source(names, name->name, KH_STR("BUILDKITE_GITHUB_ACTION"), arena));
    return;
  case KH_NAME_PULL_REQUEST_LABEL:
    *value = kh_value_null();
    if (!kh_str_equal(source_event(names, arena), KH_STR("pull_request")))
      return;
    break;
  default:
    break;
  }
  raw(names, name, arena, value);
  if (value->kind == KH_KIND_STRING && (name->flags & KH_NAME_BLANK_IS_NULL) && kh_text_is_blank(value->text))
    *value = kh_value_null();
}

/* ---- the built-in environment ---- */

enum form { WHEN_KNOWN, OR_EMPTY, OR_FALSE, JOINED, TRUE_OR_EMPTY };

static const struct {
  const char *name;
  enum kh_name source;
  enum form form;
} built_in[] = {
    {"BUILDKITE_BRANCH", KH_NAME_BUILD_BRANCH, WHEN_KNOWN},
    {"BUILDKITE_COMMIT", KH_NAME_BUILD_COMMIT, WHEN_KNOWN},
    {"BUILDKITE_REPO", KH_NAME_PIPELINE_REPOSITORY, WHEN_KNOWN},
    {"BUILDKITE_PIPELINE_SLUG", KH_NAME_PIPELINE_SLUG, WHEN_KNOWN},
    {"BUILDKITE_PIPELINE_NAME", KH_NAME_PIPELINE_NAME, WHEN_KNOWN},
    {"BUILDKITE_PIPELINE_ID", KH_NAME_PIPELINE_ID, WHEN_KNOWN},
    {"BUILDKITE_ORGANIZATION_SLUG", KH_NAME_ORGANIZATION_SLUG, WHEN_KNOWN},
    {"BUILDKITE_TAG", KH_NAME_BUILD_TAG, OR_EMPTY},
    {"BUILDKITE_MESSAGE", KH_NAME_BUILD_MESSAGE, OR_EMPTY},
    {"BUILDKITE_PULL_REQUEST", KH_NAME_PULL_REQUEST_ID, OR_FALSE},
    {"BUILDKITE_PULL_REQUEST_BASE_BRANCH", KH_NAME_PULL_REQUEST_BASE_BRANCH, OR_EMPTY},
    {"BUILDKITE_PULL_REQUEST_REPO", KH_NAME_PULL_REQUEST_REPOSITORY, OR_EMPTY},
    {"BUILDKITE_PULL_REQUEST_LABELS", KH_NAME_PULL_REQUEST_LABELS, JOINED},
    {"BUILDKITE_PULL_REQUEST_USING_MERGE_REFSPEC", KH_NAME_USING_MERGE_REFSPEC, TRUE_OR_EMPTY},
    {"BUILDKITE_MERGE_QUEUE_BASE_BRANCH", KH_NAME_MERGE_QUEUE_BASE_BRANCH, OR_EMPTY},
    {"BUILDKITE_MERGE_QUEUE_BASE_COMMIT", KH_NAME_MERGE_QUEUE_BASE_COMMIT, OR_EMPTY},
    {"BUILDKITE_TRIGGERED_FROM_BUILD_ID", KH_NAME_TRIGGERED_FROM_ID, OR_EMPTY},
    {"BUILDKITE_TRIGGERED_FROM_BUILD_NUMBER", KH_NAME_TRIGGERED_FROM_NUMBER, OR_EMPTY},
    {"BUILDKITE_TRIGGERED_FROM_BUILD_PIPELINE_SLUG", KH_NAME_TRIGGERED_FROM_SLUG, OR_EMPTY},
    {"BUILDKITE_TRIGGERED_FROM_BUILD_JOB_ID", KH_NAME_TRIGGERED_FROM_JOB_ID, OR_EMPTY},
    {"BUILDKITE_REBUILT_FROM_BUILD_ID", KH_NAME_REBUILT_FROM_ID, OR_EMPTY},
    {"BUILDKITE_REBUILT_FROM_BUILD_NUMBER", KH_NAME_REBUILT_FROM_NUMBER, OR_EMPTY},
    /* The pipeline's setting to take the commit instead is in no webhook. */
    {"BUILDKITE_GIT_DIFF_BASE", KH_NAME_MERGE_QUEUE_BASE_BRANCH, OR_EMPTY},
};

static struct kh_str number_text(int64_t number, struct kh_arena *arena)
{
  char text[24] = "";

  (void)snprintf(text, sizeof text, "%" PRId64, number);
  return kh_arena_copy(arena, kh_str_of(text));
}

static struct kh_str joined(const struct kh_value *list, struct kh_arena *arena)
{
  size_t len = 0;
  size_t count = list->kind == KH_KIND_LIST ? list->list.count : 0;
  char *text = NULL;

  for (size_t i = 0; i < count; i++)
    len += list->list.items[i].len + 1;
  text = kh_arena_take(arena, len);
  if (!text)
    return KH_STR("");
  len = 0;
  for (size_t i = 0; i < count; i++) {
    if (i > 0)
      text[len++] = ',';
    memcpy(text + len, list->list.items[i].at ? list->list.items[i].at : "", list->list.items[i].len);
    len += list->list.items[i].len;
  }
  return kh_str(text, len);
}

/* False when this built-in leaves the variable to the build's own environment. */
static bool built_in_value(enum form form, const struct kh_value *value, struct kh_arena *arena,
                           struct kh_str *text)
{
  if (form == JOINED)
    *text = joined(value, arena);
  else if (form == TRUE_OR_EMPTY)
    *text = kh_value_is_true(value) ? KH_STR("true") : KH_STR("");
  else if (value->kind == KH_KIND_STRING && (form != OR_FALSE || value->text.len > 0))
    *text = value->text;
  else if (value->kind == KH_KIND_NUMBER)
    *text = number_text(value->number, arena);
  else if (form == WHEN_KNOWN)
    return false;
  else
    *text = form == OR_FALSE ? KH_STR("false") : KH_STR("");
  return true;
}

bool kh_resolve_env(const struct kh_names *names, struct kh_str name, struct kh_arena *arena,
                    struct kh_str *value)
{
  if (kh_env_name_is_refused(name, true))
    return false;
  if (kh_str_starts(name, KH_STR("BUILDKITE_")))
    for (size_t i = 0; i < KH_COUNT(built_in); i++)
      if (kh_str_equal(name, kh_str_of(built_in[i].name))) {
        struct kh_value source;

        raw(names, kh_name_info(built_in[i].source), arena, &source);
        if (built_in_value(built_in[i].form, &source, arena, value))
          return true;
        break;
      }
  return raw_env(names, KH_ENVIRONMENT_BUILD, name, arena, value) ||
         raw_env(names, KH_ENVIRONMENT_PIPELINE, name, arena, value);
}
