#include "base/base.h"

#include "base/json_text.h"
#include "base/utf8.h"
#include "notify/github/github.h"
#include "rules/outgoing.h"
#include "words/text.h"

#define HEX "0123456789abcdef"
enum { COMMIT_DIGITS = 40, OWNER_MAX_BYTES = 64, REPOSITORY_MAX_BYTES = 100, URL_MAX_BYTES = 4096 };

/* ---- which repository ---- */

/* "acme/web": of owners letters, digits, "-" and, in an enterprise, "_"; of repositories "." too. */
static bool is_repository(struct kh_str text)
{
  const struct kh_str owner = kh_str_cut(&text, '/');

  return owner.len > 0 && owner.len <= OWNER_MAX_BYTES && kh_str_is_word(owner, "-_") && text.len > 0 &&
         text.len <= REPOSITORY_MAX_BYTES && kh_str_is_word(text, "-_.") &&
         !kh_str_equal(text, KH_STR(".")) && !kh_str_equal(text, KH_STR(".."));
}

/* The host of "https://user@host:port/path", "ssh://git@host/path" or "git@host:path"; *PATH is the path. */
static struct kh_str host_of(struct kh_str url, struct kh_str *path)
{
  const char *scheme = url.len > 0 ? memmem(url.at, url.len, "://", 3) : NULL;
  struct kh_str rest = scheme ? kh_str(scheme + 3, url.len - (size_t)(scheme + 3 - url.at)) : url;
  struct kh_str host = kh_str_cut(&rest, scheme ? '/' : ':');
  const char *user = host.len > 0 ? memrchr(host.at, '@', host.len) : NULL;

  if (user)
    host = kh_str(user + 1, host.len - (size_t)(user + 1 - host.at));
  *path = rest;
  return kh_str_cut(&host, ':');
}

/* "acme/web" of "/acme/web.git/"; empty when it is none. */
static struct kh_str repository_in(struct kh_str path)
{
  const struct kh_str end = KH_STR(".git");

  if (kh_str_starts(path, KH_STR("/")))
    path = kh_str(path.at + 1, path.len - 1);
  if (kh_str_ends(path, KH_STR("/")))
    path.len--;
  if (kh_str_ends(path, end))
    path.len -= end.len;
  return is_repository(path) ? path : KH_NO_STR;
}

static bool is_loopback(struct kh_str host)
{
  return kh_str_equal(host, KH_STR("127.0.0.1")) || kh_str_equal(host, KH_STR("localhost")) ||
         kh_str_starts(host, KH_STR("["));
}

/*
 * Is HOST, of a repository, the GitHub whose API is at API? github.com has two; a loopback stands for it. Who
 * reads no secrets does not know where API is, and believes it.
 */
static bool is_host_of(struct kh_str host, struct kh_str api)
{
  const struct kh_str before = KH_STR("api.");

  if (api.len == 0)
    return host.len > 0;
  if (is_loopback(api))
    api = KH_STR("api.github.com");
  if (kh_str_starts(api, before))
    api = kh_str(api.at + before.len, api.len - before.len);
  return kh_str_equal_nocase(host, api) ||
         (kh_str_equal(api, KH_STR("github.com")) && kh_str_equal_nocase(host, KH_STR("ssh.github.com")));
}

static struct kh_str text_of(struct kh_json_value object, struct kh_str key, struct kh_arena *arena)
{
  const struct kh_str text = kh_json_text_in(kh_json_get(object, key), arena);

  return text.at ? text : KH_STR("");
}

/*
 * By the repository's URL; where its host is only an alias, as deploy keys make people write, by what
 * Buildkite itself knows of one that is at github.com.
 */
static struct kh_str find_repository(const struct kh_rule *rule, const struct kh_event *event,
                                     struct kh_arena *arena)
{
  const struct kh_json_value provider = kh_json_get(event->pipeline, KH_STR("provider"));
  const struct kh_json_value settings = kh_json_get(provider, KH_STR("settings"));
  const struct kh_str known = text_of(settings, KH_STR("repository"), arena);
  struct kh_str path = KH_NO_STR;
  const struct kh_str api = host_of(kh_secret_reveal(&rule->url), &path);

  if (is_host_of(host_of(text_of(event->pipeline, KH_STR("repository"), arena), &path), api))
    return repository_in(path);
  return kh_json_text_is(kh_json_get(provider, KH_STR("id")), KH_STR("github")) &&
                 is_host_of(KH_STR("github.com"), api) && is_repository(known)
             ? known
             : KH_NO_STR;
}

enum kh_err kh_github_add_commit(const struct kh_rule *rule, const struct kh_rendering *rendering,
                                 struct kh_buf *place)
{
  const struct kh_event *event = rendering->event;
  struct kh_arena arena;

  kh_arena_init(&arena, event->body.len + 1024, NULL, 0);
  const struct kh_str repository = find_repository(rule, event, &arena);
  const struct kh_str commit = text_of(event->build, KH_STR("commit"), &arena);
  enum kh_err err = arena.err;

  if (!err && (repository.len == 0 || commit.len != COMMIT_DIGITS || !kh_str_is_of(commit, HEX)))
    err = KH_ERR_NOT_FOUND;
  if (!err)
    err = kh_buf_printf(place, "%.*s %.*s ", KH_FMT(repository), KH_FMT(commit));
  kh_arena_release(&arena);
  return err;
}

void kh_github_add_step(const struct kh_event *event, struct kh_buf *name)
{
  struct kh_buf raw;

  if (event->kind != KH_EVENT_JOB)
    return;
  kh_buf_init(&raw, event->body.len);
  (void)!kh_json_text(kh_json_get(event->job, KH_STR("step_key")), &raw);
  if (raw.len == 0)
    (void)kh_event_job_name(event, &raw);
  kh_text_line(kh_buf_view(&raw), KH_GITHUB_NAME_CHARACTERS, name);
  if (raw.err == KH_ERR_NO_MEMORY)
    kh_buf_fail(name, KH_ERR_NO_MEMORY);
  kh_buf_release(&raw);
}

/* ---- from a place to a request ---- */

bool kh_github_read_place(const char *place, struct kh_github_commit *commit)
{
  struct kh_str rest = kh_str_of(place);

  commit->repository = kh_str_cut(&rest, ' ');
  commit->commit = kh_str_cut(&rest, ' ');
  commit->name = rest;
  return is_repository(commit->repository) && commit->commit.len == COMMIT_DIGITS && rest.len > 0;
}

enum kh_err kh_github_address(const struct kh_rule *rule, const char *path, const struct kh_secret *token,
                              struct kh_outgoing *outgoing)
{
  struct kh_str api = kh_secret_reveal(&rule->url);
  struct kh_buf url;

  while (kh_str_ends(api, KH_STR("/")))
    api.len--;
  kh_buf_init(&url, URL_MAX_BYTES);
  (void)kh_buf_printf(&url, "%.*s/%s", KH_FMT(api), path);
  enum kh_err err = kh_buf_ok(&url);
  if (!err)
    err = kh_secret_set(&outgoing->url, kh_buf_view(&url));
  kh_wipe_buf(&url);
  kh_outgoing_bearer(outgoing, token);
  kh_outgoing_header(outgoing, "Accept", "application/vnd.github+json");
  kh_outgoing_header(outgoing, "X-GitHub-Api-Version", "2022-11-28");
  return err;
}
