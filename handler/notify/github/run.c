#include "base/base.h"

#include "base/json.h"
#include "base/url.h"
#include "base/utf8.h"
#include "notify/github/github.h"
#include "rules/outgoing.h"

/*
 * Source: docs.github.com/en/rest/checks/runs. GitHub shows the latest run of a name. What is remembered of
 * one is its id and its status: "4242 in_progress".
 */
enum { ID_DIGITS = 19, STATUS_BYTES = 16, PATH_BYTES = 4096 };

static const char completed[] = "completed";

static struct kh_str number_at(struct kh_json_value object, struct kh_str key)
{
  const struct kh_json_value value = kh_json_get(object, key);
  const struct kh_str text = kh_json_raw(value);

  return kh_json_type(value) == KH_JSON_INTEGER && text.len <= ID_DIGITS && kh_str_is_of(text, "0123456789")
             ? text
             : KH_NO_STR;
}

/* Of RUN, an object of GitHub's. */
static bool take_run(struct kh_json_value run, char text[KH_TOLD_BYTES])
{
  const struct kh_str id = number_at(run, KH_STR("id"));
  const struct kh_json_value value = kh_json_get(run, KH_STR("status"));
  const struct kh_str status = kh_json_raw(value);

  if (id.len == 0 || kh_json_type(value) != KH_JSON_STRING || status.len == 0 || status.len > STATUS_BYTES ||
      !kh_str_is_of(status, "abcdefghijklmnopqrstuvwxyz_"))
    return false;
  (void)snprintf(text, KH_TOLD_BYTES, "%.*s %.*s", KH_FMT(id), KH_FMT(status));
  return true;
}

static bool take(struct kh_str body, char text[KH_TOLD_BYTES])
{
  struct kh_json json;

  kh_json_init(&json, kh_json_default_limits);
  const bool good = kh_json_read(&json, body, NULL) == KH_OK && take_run(kh_json_root(&json), text);
  kh_json_release(&json);
  return good;
}

bool kh_github_goes_on(const struct kh_delivery *delivery, const struct kh_told *told, struct kh_str *id)
{
  struct kh_str rest = kh_str_of(told ? told->text : "");

  *id = kh_str_cut(&rest, ' ');
  if (id->len == 0 || id->len > ID_DIGITS || !kh_str_is_of(*id, "0123456789"))
    return false;
  if (!kh_str_equal(rest, kh_str_of(completed)))
    return true;
  return strcmp(told->subject, delivery->subject) == 0 &&
         kh_str_starts(kh_buf_view(&delivery->body), KH_STR("{\"status\":\"completed\""));
}

/* ---- where nothing is remembered ---- */

static bool is_number(struct kh_str app)
{
  return kh_str_is_of(app, "0123456789");
}

/* One that has a client id in the place of a number is told from others in the answer alone. */
static enum kh_err look(const struct kh_rule *rule, const struct kh_delivery *delivery,
                        struct kh_outgoing *outgoing)
{
  const struct kh_str app = kh_str_of(kh_account_text(rule, "app"));
  struct kh_github_commit commit;
  struct kh_buf path;

  if (!kh_github_read_place(delivery->place, &commit) || !outgoing->grant)
    return KH_ERR_RENDER;
  kh_buf_init(&path, PATH_BYTES);
  (void)kh_buf_printf(&path, "repos/%.*s/commits/%.*s/check-runs?filter=latest&check_name=",
                      KH_FMT(commit.repository), KH_FMT(commit.commit));
  kh_url_add(&path, commit.name);
  if (is_number(app))
    (void)kh_buf_printf(&path, "&app_id=%.*s", KH_FMT(app));
  enum kh_err err = kh_buf_ok(&path);
  if (!err)
    err = kh_github_address(rule, kh_buf_text(&path), outgoing->grant, outgoing);
  kh_buf_release(&path);
  return err;
}

static bool is_ours(struct kh_json_value run, struct kh_str app)
{
  const struct kh_json_value by = kh_json_get(run, KH_STR("app"));

  return is_number(app) ? kh_str_equal(number_at(by, KH_STR("id")), app)
                        : kh_json_text_is(kh_json_get(by, KH_STR("client_id")), app);
}

/* The one that was made last, which is the one that GitHub shows. */
static struct kh_json_value last_run(struct kh_json_value runs, struct kh_str name, struct kh_str app)
{
  struct kh_json_value last = {0};
  uint64_t last_id = 0, id = 0;

  for (struct kh_json_walk walk = kh_json_walk(runs); kh_json_next(&walk);)
    if (kh_str_u64(number_at(walk.value, KH_STR("id")), &id) && id > last_id && is_ours(walk.value, app) &&
        kh_json_text_is(kh_json_get(walk.value, KH_STR("name")), name)) {
      last = walk.value;
      last_id = id;
    }
  return last;
}

static bool find(const struct kh_rule *rule, const struct kh_delivery *delivery, struct kh_str body,
                 struct kh_told *told)
{
  struct kh_github_commit commit;
  struct kh_json json;
  bool found = false;

  *told = (struct kh_told){0};
  kh_json_init(&json, kh_json_default_limits);
  if (kh_github_read_place(delivery->place, &commit) && kh_json_read(&json, body, NULL) == KH_OK) {
    const struct kh_json_value run = last_run(kh_json_get(kh_json_root(&json), KH_STR("check_runs")),
                                              commit.name, kh_str_of(kh_account_text(rule, "app")));
    const struct kh_json_value subject = kh_json_get(run, KH_STR("external_id"));

    found = take_run(run, told->text);
    if (found && kh_json_type(subject) == KH_JSON_STRING && kh_json_raw(subject).len < sizeof told->subject)
      (void)snprintf(told->subject, sizeof told->subject, "%.*s", KH_FMT(kh_json_raw(subject)));
  }
  kh_json_release(&json);
  return found;
}

/* GitHub keeps 1,000 of a name; and a run is its app's alone, which may have been another one then. */
static bool is_gone(const struct kh_incoming *answer)
{
  const struct kh_str body = kh_buf_view(&answer->body);

  return answer->status == 404 || answer->status == 410 ||
         (answer->status == 403 && body.len > 0 && memmem(body.at, body.len, "Invalid app_id", 14));
}

const struct kh_told_by kh_github_runs = {.take = take, .look = look, .find = find, .is_gone = is_gone};
