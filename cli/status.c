#include "base/base.h"

#include "memory/sqlite/look.h"
#include "output.h"
#include "room_left.h"
#include "rules/notifier.h"
#include "state_folder.h"

/* What is owed, over all destinations. */
struct totals {
  const struct kh_rules *rules; /* NULL where the configuration is broken */
  bool can_shrink;
  json_t *destinations;
  int64_t due, waiting, dead;
  int64_t oldest_us, next_us;
  int64_t now_us;
};

static void take_smaller(int64_t *at_us, int64_t other_us)
{
  if (other_us != 0 && (*at_us == 0 || other_us < *at_us))
    *at_us = other_us;
}

/* What is owed there waits for a rule, and dies of it. */
static bool is_gone(const struct kh_rules *rules, const struct kh_look_destination *destination)
{
  char credential[KH_CREDENTIAL_BYTES];

  (void)snprintf(credential, sizeof credential, "%.*s", KH_FMT(destination->credential));
  return rules && destination->due + destination->waiting > 0 && !kh_rules_for(rules, credential);
}

static void add_destination(void *self, const struct kh_look_destination *destination)
{
  struct totals *totals = self;
  const bool is_held = destination->held_until_us > totals->now_us &&
                       destination->due + destination->waiting > 0;
  const int64_t held_until_us = is_held ? destination->held_until_us : 0;
  json_t *json = json_object();

  totals->due += destination->due;
  totals->waiting += destination->waiting;
  totals->dead += destination->dead;
  take_smaller(&totals->oldest_us, destination->oldest_us);
  take_smaller(&totals->next_us, destination->next_us);
  json_object_set_new(json, "destination",
                      kh_output_destination(destination->credential, destination->place));
  json_object_set_new(json, "last_success", kh_output_time(destination->delivered_us));
  json_object_set_new(json, "held_until", kh_output_time(held_until_us));
  json_object_set_new(json, "due", json_integer(destination->due));
  json_object_set_new(json, "waiting", json_integer(destination->waiting));
  json_object_set_new(json, "dead", json_integer(destination->dead));
  if (is_gone(totals->rules, destination))
    json_object_set_new(json, "rule_gone", json_true());
  json_array_append_new(totals->destinations, json);
}

static json_t *json_of_inbox(const struct kh_inbox_load *load)
{
  json_t *json = json_object();

  json_object_set_new(json, "waiting", json_integer((json_int_t)load->entries));
  json_object_set_new(json, "bytes", json_integer((json_int_t)load->bytes));
  json_object_set_new(json, "oldest", kh_output_time(load->oldest_us));
  json_object_set_new(json, "aside", json_integer((json_int_t)load->aside));
  json_object_set_new(json, "aside_bytes", json_integer((json_int_t)load->aside_bytes));
  return json;
}

static json_t *json_of_outbox(const struct totals *totals)
{
  json_t *json = json_object();

  json_object_set_new(json, "due", json_integer(totals->due));
  json_object_set_new(json, "waiting", json_integer(totals->waiting));
  json_object_set_new(json, "dead", json_integer(totals->dead));
  json_object_set_new(json, "oldest", kh_output_time(totals->oldest_us));
  json_object_set_new(json, "next_attempt", kh_output_time(totals->next_us));
  json_object_set_new(json, "can_shrink", json_boolean(totals->can_shrink));
  return json;
}

static json_t *json_of_worker(const struct kh_state_folder *folder)
{
  int64_t since_us = 0;
  bool alive = kh_worker_lock_is_held(folder->config->state, &since_us);
  json_t *json = json_object();

  json_object_set_new(json, "mode", json_string(kh_worker_mode_name(folder->config->worker_mode)));
  json_object_set_new(json, "alive", json_boolean(alive));
  json_object_set_new(json, "since", kh_output_time(since_us));
  return json;
}

static void print_age(const char *label, int64_t at_us, int64_t now_us)
{
  char span[24];

  kh_output_span(now_us - at_us, span);
  if (at_us != 0)
    printf(", %s%s%s", label, span, at_us > now_us ? "" : " ago");
}

static void print_destinations(const json_t *destinations, int64_t now_us)
{
  size_t i = 0;
  const json_t *one = NULL;

  json_array_foreach(destinations, i, one)
  {
    json_t *success = json_object_get(one, "last_success");
    char span[24] = "";
    int64_t at_us = 0;

    if (kh_time_parse(kh_str_of(json_string_value(success)), &at_us))
      kh_output_span(now_us - at_us, span);
    printf("  ");
    kh_output_print_text(json_object_get(one, "destination"));
    printf(": last success %s%s, %" JSON_INTEGER_FORMAT " due, %" JSON_INTEGER_FORMAT
           " waiting, %" JSON_INTEGER_FORMAT " dead",
           span[0] ? span : "never", span[0] ? " ago" : "", json_integer_value(json_object_get(one, "due")),
           json_integer_value(json_object_get(one, "waiting")),
           json_integer_value(json_object_get(one, "dead")));
    if (kh_time_parse(kh_str_of(json_string_value(json_object_get(one, "held_until"))), &at_us)) {
      kh_output_span(at_us - now_us, span);
      printf(", on hold for %s", span);
    }
    if (json_object_get(one, "rule_gone"))
      printf(", no rule sends there any more");
    printf("\n");
  }
}

static void print_outbox(const struct totals *totals)
{
  printf("outbox  %" PRId64 " due, %" PRId64 " waiting, %" PRId64 " dead", totals->due, totals->waiting,
         totals->dead);
  print_age("the oldest was made ", totals->oldest_us, totals->now_us);
  if (totals->due == 0)
    print_age("the next is due in ", totals->next_us, totals->now_us);
  printf("\n");
  if (!totals->can_shrink)
    printf("        memory.sqlite keeps its size: there was no room for a copy; make room, restart the "
           "worker\n");
}

/* TOTALS is NULL where memory could not be read for want of room. */
static void print(const struct kh_state_folder *folder, const struct kh_inbox_load *load,
                  const struct kh_room_left *left, const struct totals *totals)
{
  char words[KH_ROOM_WORDS_BYTES];
  int64_t since_us = 0, now_us = folder->now_us;
  bool alive = kh_worker_lock_is_held(folder->config->state, &since_us);

  printf("state   %s%s\n", folder->config->state, folder->exists ? "" : ", which does not exist yet");
  printf("inbox   %zu waiting, %zu set aside", load->entries, load->aside);
  print_age("the oldest came ", load->oldest_us, now_us);
  kh_room_left_words(left, words);
  printf("\nroom    %s\n", words);
  if (totals)
    print_outbox(totals);
  else
    printf("outbox  cannot be read on a full disk\n");
  printf("worker  %s", alive ? "at work" : "none at the moment");
  if (alive)
    print_age("since ", since_us, now_us);
  printf(" (worker: %s)\n", kh_worker_mode_name(folder->config->worker_mode));
  if (totals)
    print_destinations(totals->destinations, now_us);
}

static enum kh_err look_at_inbox(const struct kh_state_folder *folder, struct kh_inbox_load *load,
                                 struct kh_diag *diag)
{
  struct kh_inbox inbox = kh_inbox_closed();
  enum kh_err err = kh_inbox_find(&inbox, folder->config->state, diag);

  *load = (struct kh_inbox_load){0};
  if (!err && kh_inbox_look(&inbox, load))
    err = kh_diag_set(diag, KH_ERR_INBOX_IO, "%s: %s", inbox.path, strerror(errno));
  kh_inbox_close(&inbox);
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

static enum kh_err look_at_outbox(const struct kh_state_folder *folder, struct totals *totals,
                                  struct kh_diag *diag)
{
  struct kh_look *look = NULL;
  enum kh_err err = kh_look_open(&look, folder->config->state, KH_LOOK_ONLY, diag);

  if (!err)
    err = kh_look_destinations(look, folder->now_us, add_destination, totals, diag);
  if (!err)
    err = kh_look_can_shrink(look, &totals->can_shrink, diag);
  kh_look_close(look);
  return err;
}

/*
 * A receiver reads no further than `notify:`, so it starts workers that leave at once because of what stands
 * there, or because of a secret that cannot be read. One that is at work has read its secrets, of which some
 * may stand in an environment of its own.
 */
static struct kh_diag find_mistake(const struct kh_state_folder *folder, struct kh_setup **setup)
{
  struct kh_diags diags = {0};
  struct kh_diag first = {0};
  int64_t since_us = 0;
  const bool is_alive = kh_worker_lock_is_held(folder->config->state, &since_us);
  enum kh_err err = kh_setup_open(setup, folder->config->path, is_alive ? KH_CONFIG_DRY : KH_CONFIG_WHOLE,
                                  kh_cli_environment(), NULL, &diags);

  kh_diags_sort(&diags);
  if (err)
    first = kh_diags_first(&diags);
  kh_diags_release(&diags);
  return first;
}

static json_t *json_of_all(const struct kh_state_folder *folder, const struct kh_inbox_load *load,
                           const struct kh_room_left *left, const struct totals *totals,
                           const struct kh_diag *mistake)
{
  json_t *answer = json_object();

  json_object_set_new(answer, "state", json_string(folder->config->state));
  json_object_set_new(answer, "exists", json_boolean(folder->exists));
  json_object_set_new(answer, "inbox", json_of_inbox(load));
  json_object_set_new(answer, "room", kh_room_left_json(left));
  json_object_set_new(answer, "outbox", totals ? json_of_outbox(totals) : json_null());
  json_object_set_new(answer, "destinations", totals ? json_incref(totals->destinations) : json_null());
  json_object_set_new(answer, "worker", json_of_worker(folder));
  json_object_set_new(answer, "config", mistake->err ? kh_output_diag(mistake) : json_null());
  return answer;
}

/* How the command was called. */
struct call {
  const char *config_path;
  bool json;
};

static int tell(const struct kh_command *self, const struct call *call)
{
  struct totals totals = {.destinations = json_array()};
  struct kh_inbox_load load;
  struct kh_state_folder folder;
  struct kh_diag diag = {0};
  struct kh_diag mistake = {0};
  struct kh_setup *setup = NULL;
  int code = kh_state_folder_open(&folder, self, call->config_path);

  if (code != KH_EXIT_OK)
    goto done;
  enum kh_err err = look_at_inbox(&folder, &load, &diag);
  mistake = find_mistake(&folder, &setup);
  totals.rules = mistake.err || !setup ? NULL : &setup->rules;
  totals.now_us = folder.now_us;
  const struct kh_room_left left = kh_room_left_find(folder.config);
  const struct totals *seen = &totals;
  if (!err)
    err = look_at_outbox(&folder, &totals, &diag);
  if (err && !kh_room_has(&left.room, 0)) {
    err = KH_OK;
    seen = NULL;
  }
  if (err) {
    code = kh_cli_fail(self, KH_EXIT_STATE, "%s", diag.text);
  } else if (call->json) {
    kh_output_tell(json_of_all(&folder, &load, &left, seen, &mistake));
  } else {
    print(&folder, &load, &left, seen);
    if (mistake.err) {
      printf("config  is broken, so no worker can start; type `kitehook check`: ");
      kh_cli_print_diag(stdout, &mistake);
    }
  }
done:
  json_decref(totals.destinations);
  kh_setup_close(setup);
  kh_state_folder_close(&folder);
  return code;
}

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct call, config_path)},
    {"json", kh_cli_take_flag, offsetof(struct call, json)},
    {0},
};

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct call call = {0};
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  return tell(self, &call);
}

const struct kh_command kh_command_status = {
    .name = "status",
    .summary =
        "how much waits, is due, dead or set aside, how much room is left, and whether a worker is at work",
    .usage = "[--config F] [--json]",
    .help =
        "A look from beside: nothing is made, and neither receivers nor a worker are held up. Run it as the\n"
        "user who owns the state folder.\n\n"
        "  --config F   the configuration; default: $KITEHOOK_CONFIG, else " KH_CONFIG_PATH "\n"
        "  --json       answer by one JSON object: state, exists, inbox, room, outbox and destinations\n"
        "               (null where a full disk keeps them from being read), worker, config (null, or its\n"
        "               first mistake)\n"
        "  -h, --help   show this\n\n"
        "Exit codes: 0 told, whatever it is, 2 called wrongly, 3 configuration, 5 the state folder or "
        "memory\n"
        "cannot be had, or output failed.\n",
    .options = options,
    .operand = "",
    .run = run,
};
