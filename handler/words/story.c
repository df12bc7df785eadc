#include "base/base.h"

#include "words/story_parts.h"

/* A name of at most 4 bytes a character, with words of ours around it, or a URL. */
enum { TEXT_MAX_BYTES = KH_STORY_URL_MAX_BYTES, OUR_WORDS_BYTES = 128 };
_Static_assert(4 * KH_STORY_MESSAGE_CHARACTERS + OUR_WORDS_BYTES <= TEXT_MAX_BYTES, "a text cannot fail");
_Static_assert(4 * KH_STORY_NAME_CHARACTERS + OUR_WORDS_BYTES <= TEXT_MAX_BYTES, "a text cannot fail");

static void tell_build_state(struct kh_story *story, const struct kh_event *event)
{
  struct kh_buf state;

  kh_buf_init(&state, event->body.len);
  (void)kh_event_build_state(event, &state);
  kh_part_state(story, event, kh_buf_view(&state));
  kh_buf_clear(&state);
  if (event->build_blocked && !kh_json_text(event->build_state, &state)) {
    const struct kh_state_words *so_far = kh_text_state(kh_buf_view(&state));

    if (so_far && (so_far->mood == KH_MOOD_PASSED || so_far->mood == KH_MOOD_FAILED))
      (void)kh_buf_printf(&story->words, ", %s so far", so_far->words);
  }
  kh_buf_release(&state);
}

static void add_pipeline(const struct kh_event *event, struct kh_buf *out)
{
  if (!kh_part_text(event, event->pipeline, KH_STR("name"), out) &&
      !kh_part_text(event, event->pipeline, KH_STR("slug"), out))
    (void)kh_buf_add(out, KH_STR("A pipeline"));
}

static void add_build(const struct kh_event *event, struct kh_buf *out)
{
  if (event->build_number > 0)
    (void)kh_buf_printf(out, "build #%" PRId64, event->build_number);
  else
    (void)kh_buf_add(out, KH_STR("build"));
}

static void tell_build(struct kh_story *story, const struct kh_event *event, const struct kh_history *history)
{
  add_pipeline(event, &story->subject);
  add_build(event, &story->item);
  tell_build_state(story, event);
  kh_part_url(story, event, event->build);
  struct kh_buf message = kh_part_raw(event, event->build, KH_STR("message"));
  kh_text_line(kh_buf_view(&message), KH_STORY_MESSAGE_CHARACTERS, &story->message);
  kh_buf_release(&message);

  kh_part_detail(story, event, event->build, KH_STR("branch"), "", true);
  kh_part_commit(story, event);
  kh_part_persons(story, event);
  kh_part_pull_request(story, event);
  kh_part_duration(story, event, event->build);
  kh_part_past(story, event, history);
}

static void add_job_name(const struct kh_event *event, struct kh_buf *out)
{
  static const struct {
    const char *type, *name;
  } unnamed[] = {{"waiter", "A wait step"}, {"manual", "A block step"}, {"trigger", "A trigger step"}};
  struct kh_buf name;

  kh_buf_init(&name, event->body.len);
  (void)kh_event_job_name(event, &name);
  kh_text_line(kh_buf_view(&name), KH_STORY_NAME_CHARACTERS, out);
  kh_buf_release(&name);
  if (out->len > 0 || kh_part_text(event, event->job, KH_STR("command"), out) ||
      kh_part_text(event, event->job, KH_STR("step_key"), out))
    return;
  for (size_t i = 0; i < KH_COUNT(unnamed); i++)
    if (kh_json_text_is(kh_json_get(event->job, KH_STR("type")), kh_str_of(unnamed[i].type))) {
      (void)kh_buf_add(out, kh_str_of(unnamed[i].name));
      return;
    }
  (void)kh_buf_add(out, KH_STR("A job"));
}

static bool is_true(struct kh_json_value value)
{
  bool truth = false;

  return kh_json_bool(value, &truth) && truth;
}

/* " (exit status 1, soft failure, retried)", as far as it is so. */
static void tell_job_result(struct kh_story *story, const struct kh_event *event)
{
  struct kh_buf *words = &story->words;
  const size_t before = words->len;
  int64_t status = 0;

  if (kh_json_int(kh_json_get(event->job, KH_STR("exit_status")), &status))
    (void)kh_buf_printf(words, " (exit status %" PRId64, status);
  if (is_true(kh_json_get(event->job, KH_STR("soft_failed"))))
    (void)kh_buf_printf(words, "%ssoft failure", words->len > before ? ", " : " (");
  if (is_true(kh_json_get(event->job, KH_STR("retried")))) {
    (void)kh_buf_printf(words, "%sretried", words->len > before ? ", " : " (");
    if (story->mood == KH_MOOD_FAILED) /* which it is not yet: the step goes on */
      story->mood = KH_MOOD_WARNING;
  }
  if (words->len > before)
    (void)kh_buf_add_byte(words, ')');
}

static void tell_job_state(struct kh_story *story, const struct kh_event *event)
{
  struct kh_str name = kh_str_of(event->name);
  struct kh_buf state = kh_part_raw(event, event->job, KH_STR("state"));
  int64_t status = 0;

  if (kh_str_equal(name, KH_STR("job.activated"))) {
    (void)kh_buf_add(&story->words, KH_STR("was unblocked"));
  } else if (kh_str_equal(name, KH_STR("job.promised_exit_status")) &&
             kh_json_int(kh_json_get(event->job, KH_STR("promised_exit_status")), &status)) {
    (void)kh_buf_printf(&story->words, "will end with exit status %" PRId64, status);
    story->mood = status == 0 ? KH_MOOD_NEWS : KH_MOOD_WARNING;
  } else {
    kh_part_state(story, event, kh_buf_view(&state));
    tell_job_result(story, event);
  }
  kh_buf_release(&state);
}

static void tell_job(struct kh_story *story, const struct kh_event *event)
{
  add_job_name(event, &story->subject);
  story->joint = " in ";
  add_pipeline(event, &story->item);
  (void)kh_buf_add_byte(&story->item, ' ');
  add_build(event, &story->item);
  tell_job_state(story, event);
  kh_part_url(story, event, event->job);
  kh_part_url(story, event, event->build);
  kh_part_detail(story, event, event->build, KH_STR("branch"), "", true);
  kh_part_detail(story, event, kh_json_get(event->job, KH_STR("agent")), KH_STR("name"), "on ", false);
  kh_part_duration(story, event, event->job);
}

static void tell_agent(struct kh_story *story, const struct kh_event *event)
{
  static const struct kh_state_words agents[] = {
      {"agent.connected", "connected", KH_MOOD_NEWS, true},
      {"agent.lost", "was lost", KH_MOOD_WARNING, true},
      {"agent.disconnected", "disconnected", KH_MOOD_NEWS, true},
      {"agent.stopping", "is stopping", KH_MOOD_NEWS, true},
      {"agent.stopped", "stopped", KH_MOOD_NEWS, true},
      {"agent.blocked", "was blocked: its address is not allowed", KH_MOOD_WARNING, true},
  };
  struct kh_str name = kh_str_of(event->name);

  (void)kh_buf_add(&story->subject, KH_STR("Agent"));
  (void)kh_part_text(event, event->agent, KH_STR("name"), &story->item);
  kh_part_url(story, event, event->agent);
  for (size_t i = 0; i < KH_COUNT(agents); i++)
    if (kh_str_equal(name, kh_str_of(agents[i].state))) {
      (void)kh_buf_add(&story->words, kh_str_of(agents[i].words));
      story->mood = agents[i].mood;
    }
  if (story->words.len == 0)
    kh_part_happening(event, &story->words);
  kh_part_detail(story, event, event->agent, KH_STR("hostname"), "on ", false);
  kh_part_detail(story, event, event->root, KH_STR("blocked_ip"), "address ", false);
}

static void add_organization(struct kh_story *story, const struct kh_event *event, const char *before)
{
  kh_text_line(kh_str_of(event->organization), KH_STORY_NAME_CHARACTERS,
               kh_part_begin_detail(story, before, false));
  kh_part_end_detail(story);
}

static void tell_cluster_token(struct kh_story *story, const struct kh_event *event)
{
  (void)kh_buf_add(&story->subject, KH_STR("Agent registration"));
  if (kh_str_equal(kh_str_of(event->name), KH_STR("cluster_token.registration_blocked"))) {
    (void)kh_buf_add(&story->words, KH_STR("was blocked: the address is not allowed"));
    story->mood = KH_MOOD_WARNING;
  } else {
    kh_part_happening(event, &story->words);
  }
  kh_part_detail(story, event, event->root, KH_STR("blocked_ip"), "address ", false);
  kh_part_detail(story, event, event->cluster_token, KH_STR("description"), "token ", false);
  add_organization(story, event, "in ");
}

static void tell_other(struct kh_story *story, const struct kh_event *event)
{
  if (event->kind == KH_EVENT_PING) {
    (void)kh_buf_add(&story->subject, KH_STR("Ping"));
    (void)kh_buf_add(&story->words, KH_STR("from Buildkite: webhooks arrive here"));
  } else {
    kh_text_line(kh_str_of(event->name), KH_STORY_NAME_CHARACTERS, &story->subject);
  }
  if (story->subject.len == 0)
    (void)kh_buf_add(&story->subject, KH_STR("An event without a name"));
  add_organization(story, event, "");
}

enum kh_err kh_story_read(struct kh_story *story, const struct kh_event *event,
                          const struct kh_history *history)
{
  struct kh_buf *const texts[] = {&story->subject, &story->item, &story->url, &story->words, &story->message};
  bool good = true;

  *story = (struct kh_story){.joint = " "};
  for (size_t i = 0; i < KH_COUNT(texts); i++)
    kh_buf_init(texts[i], TEXT_MAX_BYTES);
  for (size_t i = 0; i < KH_STORY_DETAILS_MAX; i++) {
    kh_buf_init(&story->details[i].text, TEXT_MAX_BYTES);
    kh_buf_init(&story->details[i].url, TEXT_MAX_BYTES);
  }

  if (event->kind == KH_EVENT_BUILD)
    tell_build(story, event, history);
  else if (event->kind == KH_EVENT_JOB)
    tell_job(story, event);
  else if (event->kind == KH_EVENT_AGENT)
    tell_agent(story, event);
  else if (event->kind == KH_EVENT_CLUSTER_TOKEN)
    tell_cluster_token(story, event);
  else
    tell_other(story, event);

  for (size_t i = 0; i < KH_COUNT(texts); i++)
    good = good && !kh_buf_ok(texts[i]);
  for (size_t i = 0; i < KH_STORY_DETAILS_MAX; i++)
    good = good && !kh_buf_ok(&story->details[i].text) && !kh_buf_ok(&story->details[i].url);
  return good ? KH_OK : KH_ERR_NO_MEMORY;
}

void kh_story_release(struct kh_story *story)
{
  struct kh_buf *const texts[] = {&story->subject, &story->item, &story->url, &story->words, &story->message};

  for (size_t i = 0; i < KH_COUNT(texts); i++)
    kh_buf_release(texts[i]);
  for (size_t i = 0; i < KH_STORY_DETAILS_MAX; i++) {
    kh_buf_release(&story->details[i].text);
    kh_buf_release(&story->details[i].url);
  }
}

void kh_story_headline(const struct kh_story *story, struct kh_buf *out)
{
  (void)kh_buf_printf(out, "%s%s%s%s%s", kh_buf_text(&story->subject),
                      story->item.len > 0 ? story->joint : "", kh_buf_text(&story->item),
                      story->words.len > 0 ? " " : "", kh_buf_text(&story->words));
}

void kh_story_rest(const struct kh_story *story, struct kh_buf *out)
{
  const bool is_aside = story->message.len > 0 && story->detail_count > 0;

  (void)kh_buf_add(out, kh_buf_view(&story->message));
  if (is_aside)
    (void)kh_buf_add(out, KH_STR(" ("));
  for (size_t i = 0; i < story->detail_count; i++)
    (void)kh_buf_printf(out, "%s%s%s", i ? ", " : "", story->details[i].before,
                        kh_buf_text(&story->details[i].text));
  if (is_aside)
    (void)kh_buf_add_byte(out, ')');
}

void kh_story_line(const struct kh_story *story, struct kh_buf *out)
{
  const bool has_message = story->message.len > 0;

  kh_story_headline(story, out);
  if (!has_message && story->detail_count == 0)
    return;
  (void)kh_buf_add(out, has_message ? KH_STR(": ") : KH_STR(" ("));
  kh_story_rest(story, out);
  if (!has_message)
    (void)kh_buf_add_byte(out, ')');
}
