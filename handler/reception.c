#include "base/base.h"

#include "base/file.h"
#include "kitehook.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { LOOK_EVERY_US = 1000000, YOUNG_US = 2000000 };

static const size_t body_max_without_config = 8 * 1024 * 1024;
static const int64_t deadline_without_config_s = 10;

static void log_config(struct kh_reception *reception, enum kh_err err, const struct kh_diag *diag)
{
  struct kh_log log = kh_log_to_fd(&reception->lines, reception->clock);
  struct kh_log_line line;

  kh_log_begin(&line, &log, err ? KH_ERROR : KH_INFO, err ? "config broken" : "config reloaded");
  kh_log_problem(&line, err, diag);
  kh_log_end(&line, &log);
}

static void open_log(struct kh_reception *reception)
{
  const char *path = reception->config->log_path;
  int fd = path[0] ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0600) : STDERR_FILENO;

  if (reception->lines.fd > STDERR_FILENO)
    (void)close(reception->lines.fd);
  reception->lines = (struct kh_log_fd){fd >= 0 ? fd : STDERR_FILENO, fd >= 0 && kh_fd_is_torn(fd, path)};
  if (fd < 0) {
    struct kh_diag diag = {0};

    (void)kh_diag_set(&diag, KH_ERR_IO, "%s: %s; logging to stderr instead", path, strerror(errno));
    log_config(reception, KH_ERR_IO, &diag);
  }
}

static void leave_config(struct kh_reception *reception)
{
  if (!reception->config)
    return;
  kh_receiver_release(&reception->receiver);
  kh_config_release(reception->config);
  reception->config = NULL;
}

static bool refresh(void *owner);

static void count(void *owner, enum kh_err verdict, const struct kh_event *event)
{
  const struct kh_reception *reception = owner;

  (void)event;
  if (reception->refusals)
    kh_refusals_count(reception->refusals, verdict);
}

static void open_receiver(struct kh_reception *reception)
{
  const struct kh_config *config = reception->config;
  struct kh_sink sink = {0};

  if (config->state[0])
    sink = kh_inbox_sink_init(&reception->inbox, config);
  kh_receiver_init(&reception->receiver, config, sink, reception->clock,
                   kh_log_to_fd(&reception->lines, reception->clock));
  reception->receiver.refresh = refresh;
  reception->receiver.observe = count;
  reception->receiver.owner = reception;
}

static enum kh_err check_has_state(const struct kh_config *fresh, struct kh_diags *diags)
{
  if (!fresh->has_notify || fresh->state[0])
    return KH_OK;
  /* Answered 200 it would lead to nothing, and nobody would know. */
  return kh_diags_add(
      diags, KH_ERR_CONFIG, fresh->path, 0, 0,
      "`notify` needs `state`, the folder where webhooks wait for the worker; add it above `notify`");
}

/* Half a file may be without a mistake, and name no folder, another one, or only some of the secrets. */
static enum kh_err check_is_whole(const struct kh_config *in_use, const struct kh_config *fresh,
                                  struct kh_diags *diags)
{
  if (in_use->has_notify && !fresh->has_notify)
    return kh_diags_add(diags, KH_ERR_CONFIG, fresh->path, 0, 0,
                        "`notify` is gone; the configuration before stays in use: write it again, or "
                        "`notify: []` where none is wanted");
  if (in_use->state[0] && !fresh->state[0])
    return kh_diags_add(diags, KH_ERR_CONFIG, fresh->path, 0, 0,
                        "`state` is gone; webhooks go on being kept in %s: write it again, or restart the "
                        "receiver where that is meant",
                        in_use->state);
  return KH_OK;
}

/* How long until FRESH, as a first one, is no longer young. What goes on to `notify` is not half a file. */
static int64_t young_for_us(const struct kh_config *fresh, int64_t now_us)
{
  const int64_t age_us = now_us - fresh->watched[0].stamp.mtime_ns / 1000;

  if (fresh->has_notify || age_us <= -YOUNG_US || age_us >= YOUNG_US)
    return 0;
  return YOUNG_US - (age_us > 0 ? age_us : 0);
}

/* A first one cannot be compared with one before. */
static enum kh_err check_is_settled(const struct kh_config *fresh, int64_t now_us, struct kh_diags *diags)
{
  if (young_for_us(fresh, now_us) == 0)
    return KH_OK;
  return kh_diags_add(diags, KH_ERR_CONFIG, fresh->path, 0, 0,
                      "written just now and without `notify`, it may be half a file; it counts in %d s",
                      YOUNG_US / 1000000);
}

/* Nobody sends a webhook again: whoever starts with a young file waits, and reads it again. */
static enum kh_err read_config(struct kh_reception *reception, struct kh_config *fresh, bool at_start,
                               struct kh_diags *diags)
{
  for (bool again = at_start;; again = false) {
    enum kh_err err = kh_config_read(fresh, reception->config_path, KH_CONFIG_RECEIVER,
                                     reception->environment, diags);
    const int64_t wait_us = again && !err ? young_for_us(fresh, kh_clock_now_us(reception->clock)) : 0;

    if (wait_us == 0)
      return err;
    kh_config_release(fresh);
    (void)poll(NULL, 0, (int)(wait_us / 1000 + 1));
  }
}

/* Reads the config anew; the old one is given up only for a good one. True when it was. */
static bool load(struct kh_reception *reception, bool again)
{
  struct kh_config *fresh = &reception->configs[reception->config == &reception->configs[0]];
  struct kh_diags diags = {0};
  enum kh_err err = read_config(reception, fresh, !again, &diags);

  if (!err)
    err = check_has_state(fresh, &diags);
  if (!err)
    err = reception->config ? check_is_whole(reception->config, fresh, &diags)
                            : check_is_settled(fresh, kh_clock_now_us(reception->clock), &diags);
  if (err) {
    struct kh_diag first = kh_diags_first(&diags);

    if (!reception->complained)
      log_config(reception, err, &first);
    reception->complained = true;
    kh_config_release(fresh);
  } else {
    leave_config(reception);
    reception->config = fresh;
    reception->complained = false;
    open_log(reception);
    open_receiver(reception);
    if (again)
      log_config(reception, KH_OK, NULL);
  }
  kh_diags_release(&diags);
  return err == KH_OK;
}

/* True when there is another config. */
static bool look(struct kh_reception *reception)
{
  if (!reception->config || kh_config_is_outdated(reception->config))
    return load(reception, true);
  /* After logrotate moved the file away what we write would go where nobody looks. */
  if (reception->config->log_path[0] && !kh_fd_is_at(reception->lines.fd, reception->config->log_path))
    open_log(reception);
  return false;
}

/* True, and *LAST_US is moved, when the last time was a second ago. */
static bool is_due(const struct kh_reception *reception, int64_t *last_us)
{
  int64_t now_us = kh_clock_ticks_us(reception->clock);

  if (now_us - *last_us < LOOK_EVERY_US)
    return false;
  *last_us = now_us;
  return true;
}

static bool refresh(void *owner)
{
  struct kh_reception *reception = owner;

  return is_due(reception, &reception->refreshed_us) && look(reception);
}

void kh_reception_open(struct kh_reception *reception, const char *path, const char *const *environment,
                       const struct kh_clock *clock)
{
  /* Member by member: a CGI should not touch the pages of the config that it will not read. */
  reception->config = NULL;
  reception->refusals = NULL;
  reception->config_path = path;
  reception->environment = environment;
  reception->clock = clock;
  reception->lines = (struct kh_log_fd){.fd = STDERR_FILENO};
  reception->looked_us = kh_clock_ticks_us(clock);
  reception->refreshed_us = reception->looked_us - LOOK_EVERY_US;
  reception->complained = false;
  (void)load(reception, false);
}

void kh_reception_close(struct kh_reception *reception)
{
  leave_config(reception);
  if (reception->lines.fd > STDERR_FILENO)
    (void)close(reception->lines.fd);
  reception->lines.fd = STDERR_FILENO;
}

size_t kh_reception_max_body(const struct kh_reception *reception)
{
  return reception->config ? reception->config->max_body_bytes : body_max_without_config;
}

int64_t kh_reception_deadline_ms(const struct kh_reception *reception)
{
  return 1000 * (reception->config ? reception->config->deadline_s : deadline_without_config_s);
}

void kh_reception_look_again(struct kh_reception *reception)
{
  reception->looked_us -= LOOK_EVERY_US;
}

static void answer_broken(struct kh_reception *reception, const struct kh_request *request,
                          struct kh_response *response)
{
  if (request->method != KH_METHOD_GET && request->method != KH_METHOD_HEAD)
    count(reception, KH_ERR_CONFIG, NULL);
  *response = (struct kh_response){.status = kh_err_status(KH_ERR_CONFIG),
                                   .content_type = "application/json",
                                   .head = request->method == KH_METHOD_HEAD};
  kh_buf_init(&response->body, KH_RESPONSE_MAX_BYTES);
  (void)kh_buf_add(&response->body, KH_STR("{\"error\":\"config\"}"));
}

void kh_reception_handle(struct kh_reception *reception, const struct kh_request *request,
                         struct kh_response *response)
{
  if (is_due(reception, &reception->looked_us))
    (void)look(reception);
  if (reception->config)
    kh_receive(&reception->receiver, request, response);
  else
    answer_broken(reception, request, response);
}
