#include "base/base.h"

#include "journal_rows.h"
#include "rules/notifier.h"
#include "status.h"

#include <unistd.h>

static void take_smaller(int64_t *at_us, int64_t other_us)
{
  if (other_us != 0 && (*at_us == 0 || other_us < *at_us))
    *at_us = other_us;
}

static bool lacks_rule(const struct kh_status *status, const struct kh_look_destination *destination)
{
  char credential[KH_CREDENTIAL_BYTES];

  (void)snprintf(credential, sizeof credential, "%.*s", KH_FMT(destination->credential));
  return status->setup && !status->mistake.err && !kh_rules_for(&status->setup->rules, credential);
}

/* What is owed there waits for a rule, and dies of it. */
static bool is_gone(const struct kh_status *status, const struct kh_look_destination *destination)
{
  return destination->due + destination->waiting > 0 && lacks_rule(status, destination);
}

/* What nobody sends any more may be dead for good reason. */
static bool is_dying(const struct kh_status *status, const struct kh_look_destination *destination)
{
  return destination->dead_us > destination->delivered_us && !lacks_rule(status, destination);
}

static json_t *json_of_destination(const struct kh_status *status,
                                   const struct kh_look_destination *destination)
{
  const bool is_held = destination->held_until_us > status->folder->now_us &&
                       destination->due + destination->waiting > 0;
  const bool is_refused = destination->refused_us > destination->delivered_us;
  const bool is_failing = destination->failing_us > destination->delivered_us;
  json_t *json = json_object();

  json_object_set_new(json, "destination",
                      kh_output_destination(destination->credential, destination->place));
  json_object_set_new(json, "last_success", kh_output_time(destination->delivered_us));
  json_object_set_new(json, "held_until", kh_output_time(is_held ? destination->held_until_us : 0));
  json_object_set_new(json, "due", json_integer(destination->due));
  json_object_set_new(json, "waiting", json_integer(destination->waiting));
  json_object_set_new(json, "dead", json_integer(destination->dead));
  json_object_set_new(json, "refused", json_boolean(is_refused));
  json_object_set_new(json, "failing", json_boolean(is_failing));
  json_object_set_new(json, "dying", json_boolean(is_dying(status, destination)));
  json_object_set_new(json, "reason", kh_output_text(destination->reason));
  if (is_gone(status, destination))
    json_object_set_new(json, "rule_gone", json_true());
  return json;
}

/* A text that is greater, as times of RFC 3339 are when later, takes the place of the other. */
static void keep_greater(json_t *sum, const json_t *one, const char *key)
{
  const char *known = json_string_value(json_object_get(sum, key));
  json_t *other = json_object_get(one, key);

  if (json_is_string(other) && (!known || strcmp(json_string_value(other), known) > 0))
    json_object_set(sum, key, other);
}

/* The worst, of which alone status_why.c tells, is the last. */
static const char *const troubles[] = {"dying", "failing", "refused", "rule_gone"};

/* 0: none. */
static size_t trouble_of(const json_t *one)
{
  size_t worst = 0;

  for (size_t i = 0; i < KH_COUNT(troubles); i++)
    if (json_is_true(json_object_get(one, troubles[i])))
      worst = i + 1;
  return worst;
}

/* SUM is of both, and says what is worse. */
static void add_to(json_t *sum, const json_t *one)
{
  static const char *const numbers[] = {"due", "waiting", "dead"};

  if (trouble_of(one) > trouble_of(sum) || json_is_null(json_object_get(sum, "reason")))
    json_object_set(sum, "reason", json_object_get(one, "reason"));
  for (size_t i = 0; i < KH_COUNT(numbers); i++)
    json_object_set_new(sum, numbers[i],
                        json_integer(json_integer_value(json_object_get(sum, numbers[i])) +
                                     json_integer_value(json_object_get(one, numbers[i]))));
  for (size_t i = 0; i < KH_COUNT(troubles); i++)
    if (json_is_true(json_object_get(one, troubles[i])))
      json_object_set_new(sum, troubles[i], json_true());
  keep_greater(sum, one, "last_success");
  keep_greater(sum, one, "held_until");
}

/* Takes ONE over. Two persons may look the same, as j…@example.com. */
static void append(json_t *places, json_t *one)
{
  json_t *known = NULL;
  size_t i = 0;

  json_array_foreach(places, i, known)
  {
    if (!json_equal(json_object_get(known, "destination"), json_object_get(one, "destination")))
      continue;
    add_to(known, one);
    json_decref(one);
    return;
  }
  json_array_append_new(places, one);
}

/* Takes ONE over. */
static void append_to_sum(struct kh_status_places *places, json_t *one)
{
  if (places->sum) {
    add_to(places->sum, one);
    json_decref(one);
  } else {
    places->sum = one;
    json_object_set_new(one, "destination", json_string(places->credential));
  }
  json_object_set_new(places->sum, "places", json_integer(++places->summed));
}

static void fold(struct kh_status_places *places, json_t *some)
{
  size_t i = 0;
  json_t *one = NULL;

  json_array_foreach(some, i, one) append_to_sum(places, json_incref(one));
  json_array_clear(some);
}

static void show(const struct kh_status *status, const json_t *some)
{
  size_t i = 0;
  json_t *one = NULL;

  json_array_foreach(some, i, one) append(status->destinations, json_incref(one));
}

/*
 * Those in trouble first. GitHub's are as many as commits of a month: where there are more than people read,
 * those that are well are one, and those in trouble are with them, should they be that many.
 */
static void end_places(struct kh_status *status)
{
  struct kh_status_places *places = &status->places;

  if (places->sum || json_array_size(places->well) + json_array_size(places->ill) > KH_STATUS_PLACES_MAX)
    fold(places, places->well);
  if (places->sum && trouble_of(places->sum) > 0)
    fold(places, places->ill);
  show(status, places->ill);
  show(status, places->well);
  if (places->sum)
    append(status->destinations, places->sum);
  json_array_clear(places->ill);
  json_array_clear(places->well);
  places->sum = NULL;
  places->summed = 0;
}

static void begin_places(struct kh_status *status, struct kh_str credential)
{
  end_places(status);
  (void)snprintf(status->places.credential, sizeof status->places.credential, "%.*s", KH_FMT(credential));
}

static void add_destination(void *self, const struct kh_look_destination *destination)
{
  struct kh_status *status = self;
  struct kh_status_places *places = &status->places;

  if (!kh_str_equal(destination->credential, kh_str_of(places->credential)))
    begin_places(status, destination->credential);
  status->due += destination->due;
  status->waiting += destination->waiting;
  status->dead += destination->dead;
  take_smaller(&status->oldest_us, destination->oldest_us);
  take_smaller(&status->next_us, destination->next_us);
  json_t *one = json_of_destination(status, destination);
  json_t *some = trouble_of(one) > 0 ? places->ill : places->well;
  append(some, one);
  if (json_array_size(some) > KH_STATUS_PLACES_MAX)
    fold(places, some);
}

/* ---- as JSON -------------------------------------------------------------------------------- */

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

static json_t *json_of_outbox(const struct kh_status *status)
{
  json_t *json = json_object();

  json_object_set_new(json, "due", json_integer(status->due));
  json_object_set_new(json, "waiting", json_integer(status->waiting));
  json_object_set_new(json, "dead", json_integer(status->dead));
  json_object_set_new(json, "oldest", kh_output_time(status->oldest_us));
  json_object_set_new(json, "next_attempt", kh_output_time(status->next_us));
  json_object_set_new(json, "can_shrink", json_boolean(status->can_shrink));
  return json;
}

static json_t *json_of_worker(const struct kh_status *status)
{
  json_t *json = json_object();

  json_object_set_new(json, "mode", json_string(kh_worker_mode_name(status->folder->config->worker_mode)));
  json_object_set_new(json, "alive", json_boolean(status->is_alive));
  json_object_set_new(json, "since", kh_output_time(status->since_us));
  return json;
}

static json_t *json_of_counts(const struct kh_look_counts *counts)
{
  json_t *json = json_object();

  json_object_set_new(json, "accepted", json_integer(counts->accepted));
  json_object_set_new(json, "repeated", json_integer(counts->repeats));
  json_object_set_new(json, "delivered", json_integer(counts->delivered));
  json_object_set_new(json, "failed", json_integer(counts->failed));
  json_object_set_new(json, "dead", json_integer(counts->dead));
  return json;
}

static json_t *json_of_refusals(const uint64_t counts[KH_ERR__COUNT])
{
  json_t *json = json_object();

  for (size_t i = KH_OK + 1; i < KH_ERR__COUNT; i++)
    if (counts[i] > 0)
      json_object_set_new(json, kh_err_token((enum kh_err)i), json_integer((json_int_t)counts[i]));
  return json;
}

/* Takes both over. */
static json_t *json_by_time(json_t *today, json_t *all)
{
  json_t *json = json_object();

  json_object_set_new(json, "today", today);
  json_object_set_new(json, "all", all);
  return json;
}

static json_t *json_of_all(const struct kh_status *status)
{
  const struct kh_state_folder *folder = status->folder;
  json_t *answer = json_object();

  json_object_set_new(answer, "state", json_string(folder->config->state));
  json_object_set_new(answer, "exists", json_boolean(folder->exists));
  json_object_set_new(answer, "inbox", status->has_inbox ? json_of_inbox(&status->load) : json_null());
  json_object_set_new(answer, "room", kh_room_left_json(&status->left));
  json_object_set_new(answer, "outbox", status->has_outbox ? json_of_outbox(status) : json_null());
  json_object_set_new(answer, "destinations",
                      status->has_outbox ? json_incref(status->destinations) : json_null());
  json_object_set_new(answer, "worker", json_of_worker(status));
  json_object_set_new(answer, "counts",
                      status->has_outbox
                          ? json_by_time(json_of_counts(&status->today), json_of_counts(&status->all))
                          : json_null());
  json_object_set_new(answer, "journal",
                      status->has_outbox ? kh_journal_span_json(&status->journal) : json_null());
  json_object_set_new(answer, "refused",
                      status->has_refused ? json_by_time(json_of_refusals(status->refused.today),
                                                         json_of_refusals(status->refused.all))
                                          : json_null());
  json_object_set_new(answer, "config", status->mistake.err ? kh_output_diag(&status->mistake) : json_null());
  json_object_set_new(answer, "why", json_incref(status->why));
  return answer;
}

/* ---- looking -------------------------------------------------------------------------------- */

static enum kh_err look_at_inbox(const struct kh_state_folder *folder, struct kh_inbox_load *load,
                                 struct kh_diag *diag)
{
  struct kh_inbox inbox = kh_inbox_closed();
  enum kh_err err = kh_inbox_find(&inbox, folder->config->state, diag);

  if (!err && kh_inbox_look(&inbox, load))
    err = kh_diag_set(diag, KH_ERR_INBOX_IO, "%s: %s", inbox.path, strerror(errno));
  kh_inbox_close(&inbox);
  return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

static enum kh_err look_at_outbox(struct kh_status *status, struct kh_diag *diag)
{
  const int64_t now_us = status->folder->now_us;
  struct kh_look *look = NULL;
  enum kh_err err = kh_look_open(&look, status->folder->config->state, KH_LOOK_ONLY, diag);

  if (!err)
    err = kh_look_destinations(look, now_us, add_destination, status, diag);
  end_places(status);
  if (!err)
    err = kh_look_counts(look, now_us, &status->today, &status->all, diag);
  if (!err)
    err = kh_look_can_shrink(look, &status->can_shrink, diag);
  if (!err)
    err = kh_look_span(look, &status->journal, diag);
  kh_look_close(look);
  return err;
}

/*
 * A receiver reads no further than `notify:`, so it starts workers that leave at once because of what stands
 * there, or because of a secret that cannot be read. One that is at work has read its secrets, of which some
 * may stand in an environment of its own.
 */
static void look_at_config(struct kh_status *status)
{
  struct kh_diags diags = {0};
  enum kh_err err = kh_setup_open(&status->setup, status->folder->config->path,
                                  status->is_alive ? KH_CONFIG_DRY : KH_CONFIG_WHOLE, kh_cli_environment(),
                                  NULL, &diags);

  kh_diags_sort(&diags);
  if (err)
    status->mistake = kh_diags_first(&diags);
  kh_diags_release(&diags);
}

/* One that a receiver has just started does not listen yet. */
static void look_for_worker_again(struct kh_status *status)
{
  const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};

  for (int i = 0; i < 10 && !status->is_alive; i++) {
    (void)nanosleep(&pause, NULL);
    status->is_alive = kh_worker_lock_is_held(status->folder->config->state, &status->since_us);
  }
}

static void look(struct kh_status *status)
{
  const struct kh_config *config = status->folder->config;

  status->is_alive = kh_worker_lock_is_held(config->state, &status->since_us);
  look_at_config(status);
  status->left = kh_room_left_find(config);
  status->has_inbox = look_at_inbox(status->folder, &status->load, &status->failure) == KH_OK;
  status->has_outbox = look_at_outbox(status, &status->failure) == KH_OK;
  status->has_refused = kh_refusals_read(config->state, status->folder->now_us, &status->refused) == KH_OK;
  if (!status->is_alive && (status->load.entries > 0 || status->due > 0))
    look_for_worker_again(status);
  kh_status_judge(status);
}

/* ---- telling -------------------------------------------------------------------------------- */

/* How the command was called. */
struct call {
  const char *config_path;
  bool json, prometheus, alive;
};

static int tell_alive(const struct kh_status *status)
{
  const json_t *grave = kh_status_find_grave(status);

  if (!grave) {
    puts("alive");
    return KH_EXIT_OK;
  }
  printf("not alive: ");
  kh_output_print_member(grave, "why");
  if (json_is_string(json_object_get(grave, "do"))) {
    printf("; type: ");
    kh_output_print_member(grave, "do");
  }
  printf("\n");
  return KH_EXIT_NO;
}

/* It cannot be looked at, and nothing says why it stands still. */
static bool is_blind(const struct kh_status *status)
{
  const char *what = json_string_value(json_object_get(json_array_get(status->why, 0), "what"));

  return what && strcmp(what, "state") == 0;
}

static int tell(const struct call *call, const struct kh_status *status)
{
  const int code = json_array_size(status->why) > 0 ? KH_EXIT_NO : KH_EXIT_OK;

  if (call->alive)
    return tell_alive(status);
  if (call->prometheus) {
    kh_status_print_metrics(status);
    return KH_EXIT_OK;
  }
  if (is_blind(status))
    return kh_cli_fail(status->folder->self, KH_EXIT_STATE, "%s", status->failure.text);
  if (call->json)
    kh_output_tell(json_of_all(status));
  else
    kh_status_print(status);
  return code;
}

/* Where a receiver cannot read it either, each webhook is answered 500; what is wrong is told already. */
static int tell_broken(const struct call *call)
{
  static const char why[] = "the configuration is broken, so webhooks are answered 500";
  const char *path = kh_cli_config_path(call->config_path);

  if (call->prometheus) {
    kh_status_print_metrics(NULL);
    return KH_EXIT_OK;
  }
  if (call->json)
    kh_output_tell(json_pack("{s:n, s:[{s:s, s:s, s:o}]}", "state", "why", "what", "config", "why", why, "do",
                             json_sprintf("kitehook check --config %s", path)));
  else
    printf("%s%s; type: kitehook check --config %s\n", call->alive ? "not alive: " : "why     ", why, path);
  return KH_EXIT_NO;
}

static int look_and_tell(const struct kh_command *self, const struct call *call)
{
  struct kh_state_folder folder;
  struct kh_status status = {.folder = &folder,
                             .destinations = json_array(),
                             .places = {.well = json_array(), .ill = json_array()},
                             .why = json_array()};
  int code = kh_state_folder_open(&folder, self, call->config_path);

  if (code == KH_EXIT_OK) {
    look(&status);
    code = tell(call, &status);
  } else if (code == KH_EXIT_CONFIG && !folder.config &&
             access(kh_cli_config_path(call->config_path), R_OK) == 0) {
    code = tell_broken(call);
  }
  json_decref(status.places.ill);
  json_decref(status.places.well);
  json_decref(status.destinations);
  json_decref(status.why);
  kh_setup_close(status.setup);
  kh_state_folder_close(&folder);
  return code;
}

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct call, config_path)},
    {"json", kh_cli_take_flag, offsetof(struct call, json)},
    {"prometheus", kh_cli_take_flag, offsetof(struct call, prometheus)},
    {"alive", kh_cli_take_flag, offsetof(struct call, alive)},
    {0},
};

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct call call = {0};
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  if (call.json + call.prometheus + call.alive > 1)
    return kh_cli_misused(self, "give one of --json, --prometheus and --alive");
  return look_and_tell(self, &call);
}

const struct kh_command kh_command_status = {
    .name = "status",
    .summary = "what waits, is due, dead or was counted, and why something does not move",
    .usage = "[--config F] [--json | --prometheus | --alive]",
    .help =
        "A look from beside: nothing is made, and neither receivers nor a worker are held up. Run it as the\n"
        "user who owns the state folder. Each line `why` is something that does not move, and what to "
        "type.\n\n"
        "  --config F    the configuration; default: $KITEHOOK_CONFIG, else " KH_CONFIG_PATH "\n"
        "  --json        answer by one JSON object: state, exists, inbox, room, outbox, destinations and\n"
        "                counts (null where they cannot be read), worker, journal, refused (null: nobody\n"
        "                counts), config (null, or its first mistake), why\n"
        "  --prometheus  answer in Prometheus' text format, for a textfile collector; exits 0 then\n"
        "  --alive       the health check: exits 0 while a worker is there, or none is needed, and the\n"
        "                inbox takes webhooks\n"
        "  -h, --help    show this\n\n"
        "Exit codes: 0 all moves, 1 something does not, or --alive says no, 2 called wrongly, 3 no\n"
        "configuration or no `state:`, 5 the state folder or memory cannot be had, or output failed.\n",
    .options = options,
    .operand = "",
    .run = run,
};
