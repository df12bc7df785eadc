#include "base/base.h"

#include "language/names/withheld.h"

bool kh_env_is_kept(struct kh_str name)
{
  return kh_str_equal(name, KH_STR("BUILDKITE_GITHUB_EVENT")) ||
         kh_str_equal(name, KH_STR("BUILDKITE_GITHUB_ACTION"));
}

void kh_withheld_add(struct kh_withheld *withheld, struct kh_str text)
{
  const struct kh_name_info *name = kh_name_find(text);

  if (name)
    withheld->names[name->name] = true;
  else if (kh_str_equal(text, KH_STR(KH_WITHHELD_BUILD_ENV)))
    withheld->build_env = true;
  else if (kh_str_equal(text, KH_STR(KH_WITHHELD_PIPELINE_ENV)))
    withheld->pipeline_env = true;
  else if (kh_str_equal(text, KH_STR(KH_WITHHELD_META_DATA)))
    withheld->meta_data = true;
}

void kh_withheld_ask(struct kh_withheld *withheld, bool is_withheld, const char *text)
{
  if (is_withheld && !withheld->asked)
    withheld->asked = text;
}
