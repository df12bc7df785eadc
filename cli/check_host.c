#include "base/base.h"

#include "check.h"
#include "room_left.h"

#include <sys/stat.h>
#include <unistd.h>

static void check_sources(const struct kh_config *config, struct kh_diags *diags)
{
  if (json_object_get(config->yaml.root, "sources"))
    kh_config_warning(
        config, config->yaml.root, "sources", diags,
        "sources: only a Lambda function has them, and a web server's receiver takes no notice; "
        "`kitehook check --lambda` looks at the file of one");
}

static void check_worker_program(const struct kh_config *config, struct kh_diags *diags)
{
  if (config->worker_mode != KH_WORKER_SERVICE && access(config->worker_program, X_OK))
    kh_config_warning(
        config, config->yaml.root, "worker", diags,
        "worker.program: receivers start %s, which cannot be run here: %s; name where kitehook is, or "
        "say `worker: service`",
        config->worker_program, strerror(errno));
}

static void check_log(const struct kh_config *config, struct kh_diags *diags)
{
  char folder[KH_PATH_BYTES];

  if (config->log_path[0] == '\0' || access(config->log_path, W_OK) == 0)
    return;
  int reason = errno;
  (void)snprintf(folder, sizeof folder, "%s", config->log_path);
  kh_cut_to_folder(folder);
  if (reason == ENOENT && access(folder, W_OK | X_OK) == 0)
    return;
  kh_config_warning(
      config, config->yaml.root, "log", diags,
      "log: this user cannot write %s: %s; receivers would log to stderr: make the folder, and the "
      "file, for the user that they run as",
      config->log_path, strerror(reason));
}

/* Where all is tried by hand, the configuration is there, too. */
static void check_place(const struct kh_config *config, struct kh_diags *diags)
{
  static const char *const passing[] = {"/tmp/", "/var/tmp/", "/dev/shm/", "/run/"};
  const struct kh_str state = kh_str_of(config->state), path = kh_str_of(config->path);

  for (size_t i = 0; i < KH_COUNT(passing); i++)
    if (kh_str_starts(state, kh_str_of(passing[i])) && !kh_str_starts(path, kh_str_of(passing[i])))
      kh_config_warning(
          config, config->yaml.root, "state", diags,
          "state: the system cleans %s, and services may each see another one: what waits in %s "
          "is lost then; name /var/lib/kitehook, or another folder that lasts",
          passing[i], config->state);
}

static void check_state(const struct kh_config *config, struct kh_diags *diags)
{
  char parent[KH_PATH_BYTES];
  struct stat about;

  if (stat(config->state, &about) == 0) {
    if (about.st_uid != geteuid())
      kh_config_warning(
          config, config->yaml.root, "state", diags,
          "state: %s belongs to user %u and this is user %u; receivers and worker must run as its "
          "owner",
          config->state, (unsigned)about.st_uid, (unsigned)geteuid());
    else if (about.st_mode & 0077)
      kh_config_warning(config, config->yaml.root, "state", diags,
                        "state: others may enter %s, so receivers refuse it; type `chmod 700 %s`",
                        config->state, config->state);
    return;
  }
  (void)snprintf(parent, sizeof parent, "%s", config->state);
  kh_cut_to_folder(parent);
  if (errno == ENOENT && access(parent, W_OK | X_OK))
    kh_config_warning(config, config->yaml.root, "state", diags,
                      "state: this user cannot make %s: %s: %s; make it for the user that receivers run as",
                      config->state, parent, strerror(errno));
}

static void check_room(const struct kh_config *config, struct kh_diags *diags)
{
  const json_t *inbox = json_object_get(config->yaml.root, "inbox");
  const bool is_set = json_object_get(inbox, "reserve") != NULL;
  const struct kh_room_left left = kh_room_left_find(config);
  char words[KH_ROOM_WORDS_BYTES];

  if (!left.is_short)
    return;
  kh_room_left_words(&left, words);
  kh_config_warning(config, is_set ? inbox : config->yaml.root, is_set ? "reserve" : "state", diags,
                    "inbox.reserve: the file system of %s has %s", config->state, words);
}

void kh_check_host(const struct kh_config *config, struct kh_diags *diags)
{
  if (config->depth != KH_CONFIG_CHECK || !config->yaml.root)
    return;
  kh_check_writers(config, diags);
  check_log(config, diags);
  check_sources(config, diags);
  if (config->state[0] == '\0')
    return;
  check_place(config, diags);
  check_state(config, diags);
  check_worker_program(config, diags);
  check_room(config, diags);
}
