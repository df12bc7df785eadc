#include "base/base.h"

#include "base/nearest.h"
#include "language/condition/functions.h"

static const struct kh_function_info table[] = {
    {KH_FUNCTION_ENV, "env", KH_KIND_STRING, KH_KIND_STRING, 1, KH_ROOT_BUILD, false},
    {KH_FUNCTION_BUILD_ENV, "build.env", KH_KIND_STRING, KH_KIND_STRING, 1, KH_ROOT_BUILD, false},
    {KH_FUNCTION_META_DATA, "build.meta_data", KH_KIND_STRING, KH_KIND_STRING, 1, KH_ROOT_BUILD, true},
    {KH_FUNCTION_AT_LEAST, "at_least", KH_KIND_BOOLEAN, KH_KIND_NUMBER, 2, KH_ROOT_NONE, true},
};

#define PREFIX "BUILDKITE_"
static const char *const allowed[] = {
    PREFIX "BRANCH",
    PREFIX "TAG",
    PREFIX "MESSAGE",
    PREFIX "COMMIT",
    PREFIX "PIPELINE_SLUG",
    PREFIX "PIPELINE_NAME",
    PREFIX "PIPELINE_ID",
    PREFIX "ORGANIZATION_SLUG",
    PREFIX "TRIGGERED_FROM_BUILD_ID",
    PREFIX "TRIGGERED_FROM_BUILD_NUMBER",
    PREFIX "TRIGGERED_FROM_BUILD_PIPELINE_SLUG",
    PREFIX "TRIGGERED_FROM_BUILD_JOB_ID",
    PREFIX "REBUILT_FROM_BUILD_ID",
    PREFIX "REBUILT_FROM_BUILD_NUMBER",
    PREFIX "REPO",
    PREFIX "PULL_REQUEST",
    PREFIX "PULL_REQUEST_BASE_BRANCH",
    PREFIX "PULL_REQUEST_REPO",
    PREFIX "PULL_REQUEST_USING_MERGE_REFSPEC",
    PREFIX "MERGE_QUEUE_BASE_BRANCH",
    PREFIX "MERGE_QUEUE_BASE_COMMIT",
    PREFIX "GIT_DIFF_BASE",
    PREFIX "GITHUB_ACTION",
    PREFIX "GITHUB_COMMENT_ID",
    PREFIX "GITHUB_DEPLOYMENT_ID",
    PREFIX "GITHUB_DEPLOYMENT_TASK",
    PREFIX "GITHUB_DEPLOYMENT_ENVIRONMENT",
    PREFIX "GITHUB_DEPLOYMENT_PAYLOAD",
    PREFIX "GITHUB_EVENT",
    PREFIX "GITHUB_REVIEW_ID",
    PREFIX "GITHUB_CHECK_RUN_CONCLUSION",
    PREFIX "GITHUB_CHECK_RUN_NAME",
    PREFIX "GITHUB_DEPLOYMENT_STATUS_ENVIRONMENT",
    PREFIX "GITHUB_DEPLOYMENT_STATUS_STATE",
    PREFIX "GITHUB_RELEASE_DRAFT",
    PREFIX "GITHUB_RELEASE_PRERELEASE",
    PREFIX "GITHUB_RELEASE_TAG",
    PREFIX "GITHUB_REVIEW_STATE",
    NULL,
};

const struct kh_function_info *kh_function_find(struct kh_str text)
{
  for (size_t i = 0; i < KH_COUNT(table); i++)
    if (kh_str_equal(text, kh_str_of(table[i].text)))
      return &table[i];
  return NULL;
}

const char *kh_function_nearest(struct kh_str text, bool with_extended)
{
  const char *known[KH_COUNT(table) + 1] = {NULL};
  size_t count = 0;

  for (size_t i = 0; i < KH_COUNT(table); i++)
    if (with_extended || !table[i].extended)
      known[count++] = table[i].text;
  return kh_word_nearest(text, known);
}

bool kh_env_name_is_refused(struct kh_str name, bool computed)
{
  if (!kh_str_starts(name, KH_STR(PREFIX)))
    return false;
  if (computed && kh_str_equal(name, KH_STR(PREFIX "PULL_REQUEST_LABELS")))
    return false;
  return !allowed[kh_word_place(name, allowed)];
}

const char *kh_env_name_nearest(struct kh_str name)
{
  return kh_word_nearest(name, allowed);
}
