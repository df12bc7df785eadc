#include "base/base.h"

#include "base/utf8.h"
#include "language/template/upload.h"

#define OF_THE_JOB \
  "it is of the job that uploads the pipeline; {{job.name}} is the job that a message is about"
#define NO_ADDRESSES "messages do not carry addresses of persons; {{build.author.name}} is a name"

static const struct {
  const char *variable;
  enum kh_name name; /* KH_NAME__COUNT: none */
  const char *hint;
} known[] = {
    {"BUILDKITE_BRANCH", KH_NAME_BUILD_BRANCH, NULL},
    {"BUILDKITE_BUILD_AUTHOR", KH_NAME_BUILD_AUTHOR_NAME, NULL},
    {"BUILDKITE_BUILD_AUTHOR_EMAIL", KH_NAME__COUNT, NO_ADDRESSES},
    {"BUILDKITE_BUILD_CREATOR", KH_NAME_BUILD_CREATOR_NAME, NULL},
    {"BUILDKITE_BUILD_CREATOR_EMAIL", KH_NAME__COUNT, NO_ADDRESSES},
    {"BUILDKITE_BUILD_ID", KH_NAME_BUILD_ID, NULL},
    {"BUILDKITE_BUILD_NUMBER", KH_NAME_BUILD_NUMBER, NULL},
    {"BUILDKITE_BUILD_URL", KH_NAME_BUILD_URL, NULL},
    {"BUILDKITE_COMMIT", KH_NAME_BUILD_COMMIT, NULL},
    {"BUILDKITE_JOB_ID", KH_NAME__COUNT, OF_THE_JOB},
    {"BUILDKITE_LABEL", KH_NAME__COUNT, OF_THE_JOB},
    {"BUILDKITE_MESSAGE", KH_NAME_BUILD_MESSAGE, NULL},
    {"BUILDKITE_ORGANIZATION_ID", KH_NAME_ORGANIZATION_ID, NULL},
    {"BUILDKITE_ORGANIZATION_SLUG", KH_NAME_ORGANIZATION_SLUG, NULL},
    {"BUILDKITE_PIPELINE_DEFAULT_BRANCH", KH_NAME_PIPELINE_DEFAULT_BRANCH, NULL},
    {"BUILDKITE_PIPELINE_ID", KH_NAME_PIPELINE_ID, NULL},
    {"BUILDKITE_PIPELINE_NAME", KH_NAME_PIPELINE_NAME, NULL},
    {"BUILDKITE_PIPELINE_SLUG", KH_NAME_PIPELINE_SLUG, NULL},
    {"BUILDKITE_PULL_REQUEST", KH_NAME_PULL_REQUEST_ID, NULL},
    {"BUILDKITE_PULL_REQUEST_BASE_BRANCH", KH_NAME_PULL_REQUEST_BASE_BRANCH, NULL},
    {"BUILDKITE_PULL_REQUEST_REPO", KH_NAME_PULL_REQUEST_REPOSITORY, NULL},
    {"BUILDKITE_REPO", KH_NAME_PIPELINE_REPOSITORY, NULL},
    {"BUILDKITE_SOURCE", KH_NAME_BUILD_SOURCE, NULL},
    {"BUILDKITE_STEP_ID", KH_NAME__COUNT, OF_THE_JOB},
    {"BUILDKITE_STEP_KEY", KH_NAME__COUNT, OF_THE_JOB},
    {"BUILDKITE_TAG", KH_NAME_BUILD_TAG, NULL},
};

const struct kh_name_info *kh_upload_name(struct kh_str name, const char **hint)
{
  *hint = NULL;
  for (size_t i = 0; i < KH_COUNT(known); i++)
    if (kh_str_equal(name, kh_str_of(known[i].variable))) {
      *hint = known[i].hint;
      return known[i].name == KH_NAME__COUNT ? NULL : kh_name_info(known[i].name);
    }
  return NULL;
}

static size_t skip_name(struct kh_str text, size_t at, bool capitals)
{
  const size_t begin = at;

  while (at < text.len && (kh_begins_name(text.at[at]) || (at > begin && kh_is_digit(text.at[at]))) &&
         !(capitals && text.at[at] >= 'a' && text.at[at] <= 'z'))
    at++;
  return at;
}

/* The } of the ${ whose inside begins at AT; TEXT's end when it has none. */
static size_t find_brace(struct kh_str text, size_t at)
{
  for (unsigned depth = 1; at < text.len; at++) {
    depth += text.at[at] == '{';
    depth -= text.at[at] == '}';
    if (depth == 0)
      break;
  }
  return at;
}

/* ":0:7" */
static bool read_part(struct kh_str rest, struct kh_upload *found)
{
  uint64_t number = 0;

  rest = kh_str(rest.at + 1, rest.len - 1);
  struct kh_str first = kh_str_cut(&rest, ':');
  if (!kh_str_u64(first, &number) || number > UINT32_MAX)
    return false;
  found->from = (size_t)number;
  if (!rest.at)
    return true;
  if (!kh_str_u64(rest, &number) || number > UINT32_MAX)
    return false;
  found->count = (size_t)number;
  return true;
}

/* What stands behind the name in the braces. */
static bool read_rest(struct kh_str rest, struct kh_upload *found)
{
  if (rest.len == 0)
    return true;
  if (rest.at[0] == ':' && rest.len > 1 && kh_is_digit(rest.at[1]))
    return read_part(rest, found);
  if (rest.at[0] == ':')
    rest = kh_str(rest.at + 1, rest.len - 1);
  if (rest.len == 0 || (rest.at[0] != '-' && rest.at[0] != '?'))
    return false;
  if (rest.at[0] == '-')
    found->instead = kh_str(rest.at + 1, rest.len - 1);
  return !kh_upload_has_variable(found->instead);
}

/* One whose $ is at AT. */
static bool read_at(struct kh_str text, size_t at, struct kh_upload *found)
{
  const bool braced = at + 1 < text.len && text.at[at + 1] == '{';
  const size_t begin = at + 1 + braced;
  const size_t end = skip_name(text, begin, !braced);

  *found = (struct kh_upload){.at = at, .count = SIZE_MAX, .instead = KH_STR("")};
  found->name = kh_str(text.at + begin, end - begin);
  if (!braced) {
    found->len = end - at;
    /* "$A" is rather a price or a joke; "$Foo" is no name in capitals. */
    return found->name.len > 1 && !(end < text.len && kh_is_of_word(text.at[end]));
  }
  const size_t brace = find_brace(text, begin);
  if (found->name.len == 0 || brace == text.len)
    return false;
  found->len = brace + 1 - at;
  found->is_odd = !read_rest(kh_str(text.at + end, brace - end), found);
  return true;
}

bool kh_upload_next(struct kh_str text, size_t from, struct kh_upload *found)
{
  for (size_t i = from; i < text.len; i++) {
    const bool escapes = (text.at[i] == '$' || text.at[i] == '\\') && i + 1 < text.len &&
                         text.at[i + 1] == '$';

    if (!escapes && text.at[i] != '$')
      continue;
    if (read_at(text, i + escapes, found)) {
      found->is_escape = escapes;
      found->at -= escapes;
      found->len += escapes;
      return true;
    }
  }
  return false;
}

bool kh_upload_has_variable(struct kh_str text)
{
  struct kh_upload found = {.len = 0};
  bool has = kh_upload_next(text, 0, &found);

  while (has && found.is_escape)
    has = kh_upload_next(text, found.at + found.len, &found);
  return has;
}
