#include "base/base.h"

#include "notify/github/github.h"
#include "notify/notifiers.h"
#include "rules/outgoing.h"
#include "words/member.h"
#include "words/story.h"

/* Source: docs.github.com/en/rest/commits/statuses; the length as many clients know it. */
enum { DESCRIPTION_CHARACTERS = 140 };

static const char *const words_of_state[KH_GITHUB_STATE__COUNT] = {
    [KH_GITHUB_PENDING] = "pending", [KH_GITHUB_QUEUED] = "pending",    [KH_GITHUB_RUNNING] = "pending",
    [KH_GITHUB_BLOCKED] = "success", [KH_GITHUB_PASSED] = "success",    [KH_GITHUB_FAILED] = "failure",
    [KH_GITHUB_FAILING] = "failure", [KH_GITHUB_TIMED_OUT] = "failure", [KH_GITHUB_CANCELED] = "error",
    [KH_GITHUB_SKIPPED] = "failure", [KH_GITHUB_NOT_RUN] = "error",
};

static enum kh_err request(const struct kh_rule *rule, const struct kh_delivery *delivery, int64_t now_us,
                           struct kh_outgoing *outgoing)
{
  struct kh_github_commit commit;
  char path[KH_PLACE_BYTES];

  (void)now_us;
  if (!kh_github_read_place(delivery->place, &commit))
    return KH_ERR_RENDER;
  (void)snprintf(path, sizeof path, "repos/%.*s/statuses/%.*s", KH_FMT(commit.repository),
                 KH_FMT(commit.commit));
  const enum kh_err err = kh_github_address(rule, path, outgoing->grant ? outgoing->grant : &rule->secret,
                                            outgoing);
  return err ? err : kh_outgoing_text(outgoing, "context", commit.name);
}

/* Without WRITTEN as Buildkite has it: "buildkite/web", and for a job "buildkite/web/tests". */
static enum kh_err place(const struct kh_rule *rule, const struct kh_rendering *rendering,
                         struct kh_str written, struct kh_buf *place)
{
  const struct kh_event *event = rendering->event;
  struct kh_buf name;

  kh_buf_init(&name, KH_PLACE_BYTES);
  enum kh_err err = kh_github_add_commit(rule, rendering, place);
  if (!err && written.len == 0) {
    struct kh_buf raw;

    kh_buf_init(&raw, event->body.len);
    (void)!kh_json_text(kh_json_get(event->pipeline, KH_STR("slug")), &raw);
    (void)kh_buf_printf(&name, "buildkite/%s", kh_buf_text(&raw));
    kh_buf_release(&raw);
    if (event->kind == KH_EVENT_JOB)
      (void)kh_buf_add_byte(&name, '/');
    kh_github_add_step(event, &name);
    written = kh_buf_view(&name);
  }
  if (!err)
    err = kh_buf_ok(&name);
  if (!err)
    kh_text_line(written, KH_GITHUB_NAME_CHARACTERS, place);
  kh_buf_release(&name);
  return err;
}

/* GitHub shows the commit, its author and its message beside it. */
static void add_description(const struct kh_story *story, struct kh_buf *line)
{
  const char *before = " (";

  kh_story_headline(story, line);
  for (size_t i = 0; i < story->detail_count; i++) {
    const struct kh_story_detail *detail = &story->details[i];

    if (detail->code || strcmp(detail->before, "by ") == 0)
      continue;
    (void)kh_buf_printf(line, "%s%s%s", before, detail->before, kh_buf_text(&detail->text));
    before = ", ";
  }
  if (before[0] == ',')
    (void)kh_buf_add_byte(line, ')');
}

static enum kh_err describe(json_t *json, struct kh_rendering *rendering)
{
  struct kh_story story;
  struct kh_buf line;
  enum kh_err err = kh_story_read(&story, rendering->event, &rendering->facts->history);

  kh_buf_init(&line, KH_DELIVERY_MAX_BYTES);
  add_description(&story, &line);
  err = err ? err : kh_buf_ok(&line);
  if (!err && !(kh_member_line(json, "description", kh_buf_view(&line), DESCRIPTION_CHARACTERS) &&
                kh_member_set(json, "target_url", kh_buf_view(&story.url))))
    err = KH_ERR_NO_MEMORY;
  kh_buf_release(&line);
  kh_story_release(&story);
  return err;
}

static enum kh_err render(const struct kh_rule *rule, struct kh_rendering *rendering, struct kh_buf *body)
{
  const enum kh_github_state state = kh_github_state_of(rendering->event);
  const bool waits = state == KH_GITHUB_BLOCKED && json_is_true(rule->made);
  json_t *json = json_pack("{s:s}", "state", waits ? "pending" : words_of_state[state]);
  enum kh_err err = json ? describe(json, rendering) : KH_ERR_NO_MEMORY;

  if (!err)
    err = kh_notify_write_json(json_incref(json), body);
  json_decref(json);
  return err;
}

static enum kh_err say(const json_t *body, struct kh_buf *text)
{
  const char *state = json_string_value(json_object_get(body, "state"));
  const char *description = json_string_value(json_object_get(body, "description"));

  return state && description ? kh_buf_printf(text, "%s: %s", state, description) : KH_ERR_RENDER;
}

static const struct kh_option options[] = {
    {.name = "context",
     .type = KH_OPTION_PLACE,
     .words = "What the status is called, which is what a newer one replaces. Without it "
              "`buildkite/SLUG` of the pipeline, and for events of jobs `buildkite/SLUG/STEP`.",
     .example = "ci/tests"},
    {.name = "blocked_builds_as_pending",
     .type = KH_OPTION_TRUTH,
     .words = "A build that is blocked is `pending`, and no `success`.",
     .by_default = "false"},
    {.name = NULL},
};

static enum kh_err configure(struct kh_config *config, const json_t *given, struct kh_rule *rule,
                             struct kh_diags *diags)
{
  const char *text = kh_config_text(json_object_get(given, "blocked_builds_as_pending"));

  rule->made = json_boolean(text && strcmp(text, "true") == 0);
  return kh_github_check_account(config, rule, false, diags);
}

static const char *const default_events[] = {"build.failing", "build.finished", NULL};

static const char *const account_needs[] = {"token", NULL};

static const struct kh_form form = {
    .is_word = true, .account = &kh_github_account, .account_needs = account_needs, .place = place};

/*
 * Sources: docs.github.com/en/rest, "Rate limits for the REST API": 80 requests that make something in a
 * minute and 500 in an hour, of one account. As many at once as leave the hour whole.
 */
const struct kh_notifier kh_notifier_github_commit_status = {
    .name = "github_commit_status",
    .words = "Sets a status of the build's commit at GitHub",
    .content_type = "application/json",
    .default_events = default_events,
    .options = options,
    .configure = configure,
    .form = &form,
    .rate = {.burst = 60, .every_ms = 8250},
    .replaces = true,
    .is_state = true,
    .render = render,
    .say = say,
    .request = request,
    .ask_grant = kh_github_ask_grant,
    .take_grant = kh_github_take_grant,
    .judge = kh_github_judge,
};
