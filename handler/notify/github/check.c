#include "base/base.h"

#include "notify/github/annotations.h"
#include "notify/github/github.h"
#include "notify/notifiers.h"
#include "rules/message.h"
#include "rules/outgoing.h"
#include "words/member.h"
#include "words/story.h"

/*
 * Source: docs.github.com/en/rest/checks/runs. A run is made when there is a conclusion, and each event makes
 * one: GitHub shows the latest of a name.
 */
enum { TITLE_CHARACTERS = 255, OUTPUT_BYTES = 65535, ID_CHARACTERS = 128 };
enum { PART_TITLE, PART_SUMMARY, PART_TEXT };

static const char *const names_of_parts[] = {"title", "summary", "text"};
_Static_assert(KH_COUNT(names_of_parts) <= KH_RULE_PARTS, "each has a template");

static const char *const conclusions[KH_GITHUB_STATE__COUNT] = {
    [KH_GITHUB_PENDING] = "neutral",    [KH_GITHUB_BLOCKED] = "success", [KH_GITHUB_PASSED] = "success",
    [KH_GITHUB_FAILED] = "failure",     [KH_GITHUB_FAILING] = "failure", [KH_GITHUB_TIMED_OUT] = "timed_out",
    [KH_GITHUB_CANCELED] = "cancelled", [KH_GITHUB_SKIPPED] = "neutral", [KH_GITHUB_NOT_RUN] = "skipped",
};

static enum kh_err request(const struct kh_rule *rule, const struct kh_delivery *delivery, int64_t now_us,
                           struct kh_outgoing *outgoing)
{
  struct kh_github_commit commit;
  char path[KH_PLACE_BYTES];

  (void)now_us;
  if (!kh_github_read_place(delivery->place, &commit) || !outgoing->grant)
    return KH_ERR_RENDER;
  (void)snprintf(path, sizeof path, "repos/%.*s/check-runs", KH_FMT(commit.repository));
  enum kh_err err = kh_github_address(rule, path, outgoing->grant, outgoing);
  if (!err)
    err = kh_outgoing_text(outgoing, "head_sha", commit.commit);
  return err ? err : kh_outgoing_text(outgoing, "name", commit.name);
}

/* Without WRITTEN the pipeline's name, and for a job its step. What goes on has no conclusion, and no run. */
static enum kh_err place(const struct kh_rule *rule, const struct kh_rendering *rendering,
                         struct kh_str written, struct kh_buf *place)
{
  const struct kh_event *event = rendering->event;
  struct kh_buf name;

  if (kh_github_state_of(event) == KH_GITHUB_PENDING)
    return KH_ERR_NOT_FOUND;
  kh_buf_init(&name, event->body.len + KH_PLACE_BYTES);
  enum kh_err err = kh_github_add_commit(rule, rendering, place);
  if (!err && written.len == 0) {
    kh_github_add_step(event, &name);
    if (name.len == 0)
      (void)!kh_json_text(kh_json_get(event->pipeline, KH_STR("name")), &name);
    if (name.len == 0)
      (void)!kh_json_text(kh_json_get(event->pipeline, KH_STR("slug")), &name);
    written = kh_buf_view(&name);
  }
  if (!err)
    kh_text_line(written, KH_GITHUB_NAME_CHARACTERS, place);
  if (!err)
    err = kh_buf_ok(&name);
  kh_buf_release(&name);
  return err;
}

/* ---- the output ---- */

/*
 * In Markdown every sign of ASCII may stand behind a backslash, and then is only itself; but GitHub looks for
 * `@name` and `#7` in what comes out of that. Source: github.com/github/cmark-gfm, issue 181.
 */
static enum kh_err escape(struct kh_buf *out, struct kh_str value, enum kh_template_sort sort)
{
  (void)sort;
  for (size_t i = 0; i < value.len; i++) {
    if (strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", value.at[i]))
      (void)kh_buf_add_byte(out, '\\');
    (void)kh_buf_add_byte(out, value.at[i]);
    if (strchr("@#", value.at[i]))
      (void)kh_buf_add(out, KH_STR("&#8203;"));
  }
  return kh_buf_ok(out);
}

static const struct kh_template_format markdown = {
    .max_characters = KH_MESSAGE_CHARACTERS, .line = kh_text_line, .escape = escape};

static enum kh_err add_part(json_t *output, const struct kh_rule *rule, struct kh_rendering *rendering,
                            size_t part, struct kh_str otherwise)
{
  const bool is_title = part == PART_TITLE;
  struct kh_buf text;
  enum kh_err err = KH_OK;
  bool good = false;

  kh_buf_init(&text, OUTPUT_BYTES);
  if (rule->parts[part])
    err = kh_template_say(rule->parts[part], names_of_parts[part], rendering,
                          is_title ? &kh_message_plain : &markdown, &text);
  if (!err && text.len == 0)
    err = is_title ? kh_buf_add(&text, otherwise) : escape(&text, otherwise, KH_SORT_TEXT);
  good = is_title ? kh_member_line(output, "title", kh_buf_view(&text), TITLE_CHARACTERS)
                  : kh_member_set(output, names_of_parts[part], kh_buf_view(&text));
  kh_buf_release(&text);
  return !err && !good ? KH_ERR_NO_MEMORY : err;
}

static enum kh_err add_output(json_t *output, const struct kh_rule *rule, struct kh_rendering *rendering,
                              const struct kh_story *story)
{
  json_t *annotations = json_object_get(rule->made, "annotations");
  struct kh_buf title, summary;

  kh_buf_init(&title, KH_DELIVERY_MAX_BYTES);
  kh_buf_init(&summary, KH_DELIVERY_MAX_BYTES);
  kh_story_headline(story, &title);
  kh_story_line(story, &summary);
  enum kh_err err = kh_buf_ok(&title) ? kh_buf_ok(&title) : kh_buf_ok(&summary);
  if (!err)
    err = add_part(output, rule, rendering, PART_TITLE, kh_buf_view(&title));
  if (!err)
    err = add_part(output, rule, rendering, PART_SUMMARY, kh_buf_view(&summary));
  if (!err)
    err = add_part(output, rule, rendering, PART_TEXT, KH_STR(""));
  if (!err && annotations && json_object_set(output, "annotations", annotations))
    err = KH_ERR_NO_MEMORY;
  kh_buf_release(&title);
  kh_buf_release(&summary);
  return err;
}

static enum kh_err render(const struct kh_rule *rule, struct kh_rendering *rendering, struct kh_buf *body)
{
  const struct kh_event *event = rendering->event;
  struct kh_story story;
  enum kh_err err = kh_story_read(&story, event, &rendering->facts->history);
  json_t *output = json_object();
  json_t *json = json_pack("{s:s, s:s, s:O}", "status", "completed", "conclusion",
                           conclusions[kh_github_state_of(event)], "output", output);

  if (!err && !(json && kh_member_set(json, "details_url", kh_buf_view(&story.url)) &&
                kh_member_of(json, "external_id", event, event->build, "id", ID_CHARACTERS)))
    err = KH_ERR_NO_MEMORY;
  if (!err)
    err = add_output(output, rule, rendering, &story);
  if (!err)
    err = kh_notify_write_json(json_incref(json), body);
  json_decref(output);
  json_decref(json);
  kh_story_release(&story);
  return err;
}

static enum kh_err say(const json_t *body, struct kh_buf *text)
{
  const char *conclusion = json_string_value(json_object_get(body, "conclusion"));
  const char *title = json_string_value(json_object_get(json_object_get(body, "output"), "title"));

  return conclusion && title ? kh_buf_printf(text, "%s: %s", conclusion, title) : KH_ERR_RENDER;
}

/* ---- options ---- */

static const struct kh_option members[] = {
    {.name = "title",
     .type = KH_OPTION_TEXT,
     .words = "A template of one line. Default: what happened, such as `Web build #42 failed`.",
     .example = "Tests"},
    {.name = "summary",
     .type = KH_OPTION_TEXT,
     .words = "A template in Markdown. Default: the same with commit, branch, author and how long it took.",
     .example = "Tests"},
    {.name = "text",
     .type = KH_OPTION_TEXT,
     .words = "A template in Markdown, for details.",
     .example = "Tests"},
    {.name = "annotations",
     .type = KH_OPTION_LIST,
     .words =
         "Up to 50 mappings of `path`, `start_line`, `end_line`, `annotation_level` (`notice`, `warning` "
         "or `failure`) and `message`, and on one line `start_column` and `end_column`.",
     .example = "[]"},
    {.name = NULL},
};

static const struct kh_option options[] = {
    {.name = "name",
     .type = KH_OPTION_PLACE,
     .words = "What the check is called. Without it the pipeline's name, and for events of jobs the step's "
              "key or label.",
     .example = "Tests"},
    {.name = "output",
     .type = KH_OPTION_MAPPING,
     .words = "What the check shows.",
     .form = "output",
     .members = members},
    {.name = NULL},
};

static enum kh_err configure(struct kh_config *config, const json_t *given, struct kh_rule *rule,
                             struct kh_diags *diags)
{
  json_t *output = json_object_get(given, "output");
  enum kh_err err = kh_github_check_account(config, rule, true, diags);

  for (size_t i = 0; i < KH_COUNT(names_of_parts); i++) {
    json_t *node = json_object_get(output, names_of_parts[i]);
    const char *text = kh_config_text(node);

    if (text && *text &&
        kh_template_of(config, node, names_of_parts[i], &rule->match, &rule->parts[i], diags))
      err = KH_ERR_CONFIG;
  }
  if (kh_github_take_annotations(config, output, &rule->made, diags))
    err = KH_ERR_CONFIG;
  return err;
}

static const char *const default_events[] = {"build.failing", "build.finished", NULL};

static const char *const account_needs[] = {"app", "installation", "private_key", NULL};

static const struct kh_form form = {.is_word = true,
                                    .not_blocked = true,
                                    .account = &kh_github_account,
                                    .account_needs = account_needs,
                                    .place = place};

/* Its rate is that of a status (commit_status.c). */
const struct kh_notifier kh_notifier_github_check = {
    .name = "github_check",
    .words = "Makes a check run of the build's commit at GitHub",
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
    .ask_grant = kh_github_ask_app,
    .take_grant = kh_github_take_grant,
    .judge = kh_github_judge,
};
