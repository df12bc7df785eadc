#include "base/base.h"

#include "base/nearest.h"
#include "owner.h"
#include "status.h"

#include <sys/stat.h>
#include <unistd.h>

static void add(const struct kh_status *status, const char *what, const char *cure, const char *format, ...)
    KH_PRINTF(4, 5);

static void add(const struct kh_status *status, const char *what, const char *cure, const char *format, ...)
{
  json_t *trouble = json_object();
  va_list values;

  va_start(values, format);
  json_object_set_new(trouble, "what", json_string(what));
  json_object_set_new(trouble, "why", json_vsprintf(format, values));
  json_object_set_new(trouble, "do", cure ? json_string(cure) : json_null());
  va_end(values);
  json_array_append_new(status->why, trouble);
}

/* ---- what keeps receivers from taking ------------------------------------------------------- */

static bool leads_nowhere(const struct kh_status *status)
{
  struct stat about;

  return !status->folder->exists && lstat(status->folder->config->state, &about) == 0 &&
         S_ISLNK(about.st_mode);
}

static void judge_link(const struct kh_status *status)
{
  const char *state = status->folder->config->state;
  char cure[KH_PATH_BYTES + 64];

  (void)snprintf(cure, sizeof cure, "ls -l %s", state);
  add(status, "folder", cure, "%s is a link that leads nowhere; make the folder that it names, or remove it",
      state);
}

/* For a folder that is not there yet, where it will be made. */
static void judge_folder(const struct kh_status *status)
{
  const char *state = status->folder->config->state;
  char folder[KH_PATH_BYTES], cure[2 * KH_PATH_BYTES], name[KH_USER_NAME_BYTES];

  (void)snprintf(folder, sizeof folder, "%s", state);
  if (!status->folder->exists)
    kh_cut_to_folder(folder);
  if (access(folder, W_OK | X_OK) == 0)
    return;
  const int cause = errno;
  (void)snprintf(cure, sizeof cure, "%s %s", cause == EROFS ? "findmnt -T" : "chmod 700", folder);
  if (cause == EROFS) {
    add(status, "read_only", cure,
        "the file system of %s is read-only, so webhooks are answered 503; mount it for writing", folder);
  } else if (status->folder->exists) {
    add(status, "folder", cure, "its owner cannot write %s: %s", state, strerror(cause));
  } else {
    kh_user_name((unsigned)geteuid(), false, name);
    (void)snprintf(cure, sizeof cure, "sudo install -d -m 700 -o %s %s", name, state);
    add(status, "folder", cure, "%s does not exist, and this user cannot make it: %s: %s", state, folder,
        strerror(cause));
  }
}

static void judge_owners(const struct kh_status *status)
{
  const char *state = status->folder->config->state;
  const struct kh_foreign foreign = kh_foreign_find(state);
  char cure[KH_PATH_BYTES + 128], owner[KH_USER_NAME_BYTES], other[KH_USER_NAME_BYTES];

  if (foreign.count == 0)
    return;
  kh_user_name((unsigned)geteuid(), false, owner);
  kh_user_name(foreign.uid, false, other);
  (void)snprintf(cure, sizeof cure, "sudo chown -R %s %s", owner, state);
  add(status, "owner", cure, "%s belongs to %s (of %zu like this); all in %s must belong to %s", foreign.path,
      other, foreign.count, state, owner);
}

static void judge_room(const struct kh_status *status)
{
  const struct kh_config *config = status->folder->config;
  char words[KH_ROOM_WORDS_BYTES], cure[KH_PATH_BYTES + 64];

  if (!status->left.is_short)
    return;
  kh_room_left_words(&status->left, words);
  (void)snprintf(cure, sizeof cure, "df -h %s", config->state);
  add(status, "room", cure, "the file system of %s has %s, or lower inbox.reserve", config->state, words);
}

static void judge_aside(const struct kh_status *status)
{
  const size_t aside = status->load.aside;

  if (aside > 0)
    add(status, "aside", "kitehook inbox list",
        "%zu webhook%s set aside; this says why: retry or drop what is there", aside,
        aside == 1 ? " was" : "s were");
}

static bool is_inbox_full(const struct kh_status *status)
{
  const struct kh_config *config = status->folder->config;
  const struct kh_inbox_load *load = &status->load;

  return load->entries + load->aside >= config->inbox_max_entries ||
         load->bytes + load->aside_bytes >= config->inbox_max_bytes;
}

static void judge_inbox(const struct kh_status *status)
{
  const struct kh_config *config = status->folder->config;
  const struct kh_inbox_load *load = &status->load;

  if (!is_inbox_full(status))
    return;
  add(status, "inbox_full", load->aside > 0 ? "kitehook inbox list" : NULL,
      "the inbox is full, so a worker must empty it, or inbox.max_entries grow: %zu wait and %zu are set "
      "aside, of inbox.max_entries %zu (%" PRIu64 " bytes, of inbox.max_bytes %" PRIu64
      "); webhooks are answered 503",
      load->entries, load->aside, config->inbox_max_entries, load->bytes + load->aside_bytes,
      config->inbox_max_bytes);
}

/* ---- what keeps the worker from working ----------------------------------------------------- */

static void judge_config(const struct kh_status *status)
{
  const struct kh_diag *mistake = &status->mistake;
  char cure[KH_PATH_BYTES + 64], place[32] = "";

  if (!mistake->err)
    return;
  (void)snprintf(cure, sizeof cure, "kitehook check --config %s", status->folder->config->path);
  if (mistake->line > 0)
    (void)snprintf(place, sizeof place, ":%u:%u", mistake->line, mistake->column);
  add(status, "config", cure, "the configuration is broken, so no worker can start: %s%s: %s", mistake->file,
      place, mistake->text);
}

/* By somebody who owns the state folder: root's worker would be refused. */
static void worker_command(const struct kh_config *config, char command[KH_PATH_BYTES + 128])
{
  char owner[KH_USER_NAME_BYTES];

  kh_user_name((unsigned)geteuid(), true, owner);
  if (config->worker_mode == KH_WORKER_SERVICE)
    (void)snprintf(command, KH_PATH_BYTES + 128, "sudo systemctl start kitehook-worker");
  else
    (void)snprintf(command, KH_PATH_BYTES + 128, "sudo -u %s kitehook worker%s --config %s", owner,
                   config->worker_mode == KH_WORKER_WAIT ? " --once" : "", config->path);
}

static bool has_work(const struct kh_status *status)
{
  return status->load.entries > 0 || (status->has_outbox && status->due > 0);
}

static void judge_worker(const struct kh_status *status)
{
  static const char *const starters[] = {
      [KH_WORKER_START] = "the next webhook starts one",
      [KH_WORKER_SERVICE] = "the service is not running (`journalctl -u kitehook-worker` says why)",
      [KH_WORKER_WAIT] = "the next webhook makes a pass; let cron make one, too"};
  const struct kh_config *config = status->folder->config;
  char cure[KH_PATH_BYTES + 128];

  if (status->is_alive || !has_work(status))
    return;
  worker_command(config, cure);
  if (config->worker_mode != KH_WORKER_SERVICE && access(config->worker_program, X_OK))
    add(status, "worker", cure, "no worker is at work, and receivers cannot start %s (worker.program): %s",
        config->worker_program, strerror(errno));
  else
    add(status, "worker", cure,
        "no worker is at work, but something waits (webhooks: %zu, notifications due: %" PRId64 "); %s",
        status->load.entries, status->due, starters[config->worker_mode]);
}

/* ---- what keeps notifications from arriving ------------------------------------------------- */

/* By words of reasons, which are libcurl's or name a status; the first that is found. */
static const struct {
  const char *word, *cure;
} failures[] = {
    {"resolve proxy", "this host finds no address for the proxy: mend http.proxy"},
    {"resolve host", "this host finds no address for it: mend the name in its URL, or /etc/resolv.conf"},
    {"connect to server", "nobody answers at its URL (or at http.proxy), or a firewall is in the way: try "
                          "curl from here"},
    {"certificate", "its authority is not known here: name it by http.ca_file, or mend the name in its URL"},
    {"SSL", "its port speaks no TLS, or another version: mend its URL"},
    {"Timeout", "it, or a firewall, does not answer in time: try curl from here"},
    {"HTTP 429", "it wants fewer: narrow the rules by branches, pipelines or events"},
    {"SMTP", "the trouble is there: its answer, by `kitehook outbox`, says more"},
    {"HTTP 5", "the trouble is there: wait, or ask whoever runs it"},
};

static const char *cure_of_failure(const char *reason)
{
  for (size_t i = 0; i < KH_COUNT(failures); i++)
    if (strstr(reason, failures[i].word))
      return failures[i].cure;
  return "the log says more (`delivery attempt`)";
}

static const char *text_of(const json_t *object, const char *name)
{
  const char *text = json_string_value(json_object_get(object, name));

  return text ? text : "";
}

static void judge_destination(const struct kh_status *status, const json_t *one)
{
  const char *destination = text_of(one, "destination");
  const char *reason = text_of(one, "reason");
  const json_int_t places = json_integer_value(json_object_get(one, "places"));
  json_t *where = places > 0
                      ? json_sprintf("some of %" JSON_INTEGER_FORMAT " places of %s", places, destination)
                      : json_string(destination);
  json_t *cure = json_sprintf("kitehook outbox redrive --state waiting --destination '%s'", destination);
  json_t *look = json_sprintf("kitehook outbox list --destination '%s'", destination);
  json_t *dead = json_sprintf("kitehook outbox list --state dead --destination '%s'", destination);

  if (json_object_get(one, "rule_gone"))
    add(status, "rule_gone", json_string_value(look),
        "no rule sends to %s any more; what is owed there is given up after an hour",
        json_string_value(where));
  else if (json_is_true(json_object_get(one, "refused")))
    add(status, "refused", json_string_value(cure),
        "%s refuses (%s): its address or credential is wrong; mend it where the configuration names it, "
        "and it goes again by itself, or at once by this",
        json_string_value(where), reason);
  else if (json_is_true(json_object_get(one, "failing")))
    add(status, "failing", json_string_value(look),
        "nothing arrives at %s (%s); it is tried again until it expires; %s", json_string_value(where),
        reason, cure_of_failure(reason));
  else if (json_is_true(json_object_get(one, "dying")))
    add(status, "dying", json_string_value(dead),
        "the last notification to %s was given up (%s); the dead ones wait until you redrive or drop them",
        json_string_value(where), reason);
  json_decref(where);
  json_decref(cure);
  json_decref(dead);
  json_decref(look);
}

/* ---- all of it ------------------------------------------------------------------------------ */

void kh_status_judge(struct kh_status *status)
{
  size_t i = 0;
  const json_t *one = NULL;

  judge_config(status);
  if (leads_nowhere(status))
    judge_link(status);
  else
    judge_folder(status);
  if (status->folder->exists)
    judge_owners(status);
  judge_room(status);
  if (status->has_inbox) {
    judge_inbox(status);
    judge_aside(status);
  }
  judge_worker(status);
  if (status->has_outbox)
    json_array_foreach(status->destinations, i, one) judge_destination(status, one);
  if (status->failure.err && json_array_size(status->why) == 0)
    add(status, "state", NULL, "%s", status->failure.text);
}

/* Receivers take nothing, or nobody works. A file system that is short of room may still take a small one. */
static bool is_grave(const struct kh_status *status, const char *what)
{
  static const char *const grave[] = {"read_only", "folder", "owner", "inbox_full", "worker", "state", NULL};

  if (strcmp(what, "room") == 0)
    return status->left.takes_bytes == 0;
  return grave[kh_word_place(kh_str_of(what), grave)] != NULL;
}

const json_t *kh_status_find_grave(const struct kh_status *status)
{
  const struct kh_config *config = status->folder->config;
  char cure[KH_PATH_BYTES + 128];
  size_t i = 0;
  const json_t *one = NULL;

  json_array_foreach(status->why, i, one) if (is_grave(status, text_of(one, "what"))) return one;
  if (status->is_alive || config->worker_mode != KH_WORKER_SERVICE)
    return NULL;
  worker_command(config, cure);
  add(status, "worker", cure, "no worker is at work, and receivers start none (worker: service)");
  return json_array_get(status->why, json_array_size(status->why) - 1);
}
