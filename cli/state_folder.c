#include "base/base.h"

#include "inbox/state.h"
#include "owner.h"
#include "state_folder.h"

#include <sys/stat.h>
#include <unistd.h>

/* What would help a worker or a receiver is not what helps somebody who typed this command. */
static int refuse_stranger(const struct kh_command *self, const char *state, const char *config_path)
{
  char owner[KH_USER_NAME_BYTES];
  struct stat about = {.st_uid = 0};

  (void)stat(state, &about);
  kh_user_name((unsigned)about.st_uid, true, owner);
  return kh_cli_fail(
      self, KH_EXIT_STATE, "%s belongs to user %u and this is user %u; type: sudo -u %s kitehook %s%s%s%s",
      state, (unsigned)about.st_uid, (unsigned)geteuid(), owner, self->name, self->operand ? "" : " ...",
      config_path ? " --config " : "", config_path ? config_path : "");
}

int kh_state_folder_open_at(struct kh_state_folder *folder, const struct kh_command *self,
                            const char *config_path, enum kh_config_depth depth)
{
  struct kh_diag diag = {0};
  int fd = -1;

  *folder = (struct kh_state_folder){.self = self, .now_us = kh_clock_now_us(&kh_system_clock)};
  int code = kh_cli_setup(self, &folder->setup, config_path, depth);
  if (code != KH_EXIT_OK)
    return code;
  folder->config = &folder->setup->config;
  if (folder->config->state[0] == '\0')
    return kh_cli_fail(self, KH_EXIT_CONFIG,
                       "%s has no `state:`, so nothing is kept; add `state: /var/lib/kitehook`",
                       kh_cli_config_path(config_path));
  enum kh_err err = kh_state_find(folder->config->state, &fd, &diag);
  if (err == KH_ERR_STATE_OWNER)
    return refuse_stranger(self, folder->config->state, config_path);
  if (err && err != KH_ERR_NOT_FOUND)
    return kh_cli_fail(self, KH_EXIT_STATE, "%s", diag.text);
  folder->exists = err == KH_OK;
  if (fd >= 0)
    close(fd);
  if (!folder->exists)
    fprintf(stderr, "kitehook %s: %s does not exist: nothing was kept there yet\n", self->name,
            folder->config->state);
  return KH_EXIT_OK;
}

int kh_state_folder_open(struct kh_state_folder *folder, const struct kh_command *self,
                         const char *config_path)
{
  return kh_state_folder_open_at(folder, self, config_path, KH_CONFIG_RECEIVER);
}

void kh_state_folder_close(struct kh_state_folder *folder)
{
  kh_setup_close(folder->setup);
}

const char *kh_state_folder_wake(const struct kh_command *self, const struct kh_config *config)
{
  struct kh_diag diag = {0};
  enum kh_worker_seen seen = kh_wake(config, &diag);

  if (seen == KH_WORKER_ABSENT)
    fprintf(stderr, "kitehook %s: no worker: %s\n", self->name, diag.text);
  return kh_worker_seen_token(seen);
}

int kh_state_folder_tell(const struct kh_state_folder *folder, const char *done, int64_t total,
                         const char *what, json_t *missing, bool wake, bool as_json)
{
  const char *worker = wake && total > 0 ? kh_state_folder_wake(folder->self, folder->config) : NULL;
  int code = json_array_size(missing) > 0 ? KH_EXIT_NO : KH_EXIT_OK;
  size_t i = 0;
  const json_t *name = NULL;

  if (as_json) {
    json_t *answer = json_object();

    json_object_set_new(answer, done, json_integer(total));
    json_object_set(answer, "missing", missing);
    if (wake)
      json_object_set_new(answer, "worker", worker ? json_string(worker) : json_null());
    kh_output_tell(answer);
  } else {
    printf("%s: %" PRId64 "%s%s\n", done, total, worker ? ", worker: " : "", worker ? worker : "");
  }
  json_array_foreach(missing, i, name)
      kh_cli_fail(folder->self, code, "there is no %s '%s'", what, json_string_value(name));
  json_decref(missing);
  return code;
}
