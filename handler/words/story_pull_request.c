#include "base/base.h"

#include "base/utf8.h"
#include "words/story_parts.h"

enum { NUMBER_DIGITS = 10 };

/* Sources: buildkite/docs pages/pipelines/source_control; each provider's own pages. */
static const struct provider {
  const char *id; /* what pipeline.provider.id begins with: github_enterprise, gitlab_ee */
  const char *page;
  const char *words;
} providers[] = {{"github", "pull", "pull request #"},
                 {"gitlab", "-/merge_requests", "merge request !"},
                 {"bitbucket", "pull-requests", "pull request #"}},
  any = {"", NULL, "pull request #"};

static const struct provider *provider_of(const struct kh_event *event)
{
  struct kh_buf id = kh_part_raw(event, kh_json_get(event->pipeline, KH_STR("provider")), KH_STR("id"));
  const struct provider *found = &any;

  for (size_t i = 0; i < KH_COUNT(providers); i++)
    if (kh_str_starts(kh_buf_view(&id), kh_str_of(providers[i].id)))
      found = &providers[i];
  kh_buf_release(&id);
  return found;
}

/*
 * Adds "https://host/path" of what git calls a repository: "git@host:path.git", "ssh://git@host:22/path.git",
 * "https://user:word@host/path.git". No user, no password, and of ports only the web's.
 */
static void add_web_page(struct kh_str repository, struct kh_buf *url)
{
  const char *scheme = repository.len > 0 ? memmem(repository.at, repository.len, "://", 3) : NULL;
  const bool is_web = kh_str_starts(repository, KH_STR("http"));
  struct kh_str path = repository;

  if (scheme)
    path = kh_str(scheme + 3, repository.len - (size_t)(scheme + 3 - repository.at));
  struct kh_str host = kh_str_cut(&path, scheme ? '/' : ':');
  for (struct kh_str rest = host; rest.at;) {
    host = rest;
    (void)kh_str_cut(&rest, '@');
  }
  if (!is_web) {
    struct kh_str rest = host;
    host = kh_str_cut(&rest, ':');
  }
  if (kh_str_ends(path, KH_STR(".git")))
    path.len -= 4;
  if (host.len > 0 && path.len > 0 && !memchr(path.at, '?', path.len) && !memchr(path.at, '#', path.len))
    (void)kh_buf_printf(url, "%s://%.*s/%.*s", kh_str_starts(repository, KH_STR("http:")) ? "http" : "https",
                        KH_FMT(host), KH_FMT(path));
}

/* The base's repository has the page, and that is the pipeline's; pull_request.repository may be a fork. */
static void add_url(const struct kh_event *event, const char *page, struct kh_str number, struct kh_buf *url)
{
  struct kh_buf repository = kh_part_raw(event, event->pipeline, KH_STR("repository"));

  add_web_page(kh_buf_view(&repository), url);
  kh_buf_release(&repository);
  if (url->len == 0)
    return;
  (void)kh_buf_printf(url, "/%s/%.*s", page, KH_FMT(number));
  if (url->len > KH_STORY_URL_MAX_BYTES || !kh_text_is_link(kh_buf_view(url)))
    kh_buf_clear(url);
}

void kh_part_pull_request(struct kh_story *story, const struct kh_event *event)
{
  const struct kh_json_value id = kh_json_get(kh_json_get(event->build, KH_STR("pull_request")),
                                              KH_STR("id"));
  const enum kh_json_type type = kh_json_type(id);
  const struct kh_str number = kh_json_raw(id); /* digits are never escaped */

  if ((type != KH_JSON_STRING && type != KH_JSON_INTEGER) || number.len > NUMBER_DIGITS ||
      !kh_str_is_of(number, "0123456789"))
    return;
  const struct provider *provider = provider_of(event);
  (void)kh_buf_printf(kh_part_begin_detail(story, "", false), "%s%.*s", provider->words, KH_FMT(number));
  if (provider->page)
    add_url(event, provider->page, number, &story->details[story->detail_count - 1].url);
  kh_part_end_detail(story);
}
