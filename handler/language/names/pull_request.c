#include "base/base.h"

#include "base/url.h"
#include "base/utf8.h"
#include "language/names/pull_request.h"

enum { NUMBER_DIGITS = 10 };

/* Sources: buildkite/docs pages/pipelines/source_control; each provider's own pages. */
static const struct provider {
  const char *id; /* what pipeline.provider.id begins with: github_enterprise, gitlab_ee */
  const char *page;
} providers[] = {{"github", "pull"}, {"gitlab", "-/merge_requests"}, {"bitbucket", "pull-requests"}};

static struct kh_buf text_of(const struct kh_event *event, struct kh_json_value value)
{
  struct kh_buf text;

  kh_buf_init(&text, event->body.len); /* decoding never lengthens */
  (void)kh_json_text(value, &text);
  return text;
}

static const char *page_of(const struct kh_event *event)
{
  struct kh_buf id = text_of(event,
                             kh_json_get(kh_json_get(event->pipeline, KH_STR("provider")), KH_STR("id")));
  const char *page = NULL;

  for (size_t i = 0; i < KH_COUNT(providers) && !page; i++)
    if (kh_str_starts(kh_buf_view(&id), kh_str_of(providers[i].id)))
      page = providers[i].page;
  kh_buf_release(&id);
  return page;
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

struct kh_str kh_pull_request_number(const struct kh_event *event)
{
  const struct kh_json_value id = kh_json_get(kh_json_get(event->build, KH_STR("pull_request")),
                                              KH_STR("id"));
  const enum kh_json_type type = kh_json_type(id);
  const struct kh_str number = kh_json_raw(id); /* digits are never escaped */

  return (type == KH_JSON_STRING || type == KH_JSON_INTEGER) && number.len <= NUMBER_DIGITS &&
                 kh_str_is_of(number, "0123456789")
             ? number
             : KH_NO_STR;
}

/* The base's repository has the page, and that is the pipeline's; pull_request.repository may be a fork. */
void kh_pull_request_url(const struct kh_event *event, struct kh_buf *url)
{
  const struct kh_str number = kh_pull_request_number(event);
  const char *page = number.len > 0 ? page_of(event) : NULL;
  struct kh_buf repository = text_of(event, kh_json_get(event->pipeline, KH_STR("repository")));

  if (page)
    add_web_page(kh_buf_view(&repository), url);
  kh_buf_release(&repository);
  if (url->len == 0)
    return;
  (void)kh_buf_printf(url, "/%s/%.*s", page, KH_FMT(number));
  if (!kh_url_is_link(kh_buf_view(url)))
    kh_buf_clear(url);
}
