#include "base/base.h"

#include "worker/worker.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* The signals stay blocked, so that none can come between looking for one and going to sleep. */
static int take_signals(int one, int other)
{
  sigset_t taken;

  sigemptyset(&taken);
  sigaddset(&taken, one);
  sigaddset(&taken, other);
  if (sigprocmask(SIG_BLOCK, &taken, NULL) != 0)
    return -1;
  return signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* SIGHUP means "read your configuration" to a service, and "your terminal has gone" to anything else. */
static bool prepare(struct kh_worker *worker)
{
  worker->signal_fd = take_signals(SIGTERM, SIGINT);
  if (worker->serve)
    worker->hangup_fd = take_signals(SIGHUP, SIGHUP);
  return worker->signal_fd >= 0 && (!worker->serve || worker->hangup_fd >= 0);
}

static void say_started(struct kh_worker *worker)
{
  const struct kh_config *config = worker->config;
  int64_t linger_s = worker->linger_s >= 0 ? worker->linger_s : config->worker_linger_s;
  struct kh_diag detail = {0};

  if (worker->once)
    snprintf(detail.text, sizeof detail.text, "for one pass");
  else if (worker->serve || config->worker_mode == KH_WORKER_SERVICE)
    snprintf(detail.text, sizeof detail.text, "as a service");
  else
    snprintf(detail.text, sizeof detail.text, "leaves when idle for %" PRId64 " s", linger_s);
  kh_worker_say(worker, KH_INFO, "worker started", KH_OK, &detail);
}

static void say_left(struct kh_worker *worker)
{
  struct kh_log_line line;

  kh_log_begin(&line, &worker->log, KH_INFO, "worker left");
  kh_log_text(&line, KH_LOG_TRANSPORT, KH_STR("worker"));
  kh_log_text(&line, KH_LOG_DETAIL, worker->stop ? KH_STR("asked to by a signal") : KH_NO_STR);
  kh_log_number(&line, KH_LOG_DURATION_US, kh_clock_ticks_us(&kh_system_clock) - worker->started_us);
  kh_log_end(&line, &worker->log);
}

static int work(struct kh_worker *worker)
{
  int code = KH_EXIT_OK;

  umask(077);
  if (!prepare(worker))
    return kh_cli_fail(worker->self, KH_EXIT_STATE, "signals: %s", strerror(errno));
  if (!kh_service_open(&worker->service, worker->signal_fd))
    return kh_cli_fail(worker->self, KH_EXIT_STATE, "the service manager: %s", strerror(errno));
  code = kh_worker_open(worker);
  if (code == KH_EXIT_OK) {
    say_started(worker);
    kh_service_ready(&worker->service);
    code = kh_worker_work(worker);
    say_left(worker);
  }
  kh_worker_close(worker);
  kh_service_close(&worker->service);
  close(worker->signal_fd);
  if (worker->hangup_fd >= 0)
    close(worker->hangup_fd);
  return code;
}

static bool take_lock_fd(const struct kh_command *self, const char *name, const char *text, void *value)
{
  int64_t fd = -1;

  if (!kh_cli_number(self, name, text, 3, &fd))
    return false;
  *(int *)value = fd > INT_MAX ? INT_MAX : (int)fd;
  return true;
}

static bool take_linger(const struct kh_command *self, const char *name, const char *text, void *linger_s)
{
  return kh_cli_duration(self, name, text, "5, 30s or 10m", linger_s);
}

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct kh_worker, config_path)},
    {"once", kh_cli_take_flag, offsetof(struct kh_worker, once)},
    {"serve", kh_cli_take_flag, offsetof(struct kh_worker, serve)},
    {"lock-fd", take_lock_fd, offsetof(struct kh_worker, inherited_fd)},
    {"budget-ms", kh_cli_take_number, offsetof(struct kh_worker, budget_ms)},
    {"linger", take_linger, offsetof(struct kh_worker, linger_s)},
    {0},
};

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct kh_worker worker = {
      .self = self, .inherited_fd = -1, .linger_s = -1, .budget_ms = -1, .signal_fd = -1, .hangup_fd = -1};
  int code = kh_cli_options(self, argc, argv, &worker);

  if (code != KH_GO_ON)
    return code;
  if (optind < argc)
    return kh_cli_misused(self, "'%s' is too much; the configuration is named by --config", argv[optind]);
  if (worker.once && worker.serve)
    return kh_cli_misused(self, "--once and --serve exclude each other");
  if (worker.budget_ms >= 0 && !worker.once)
    return kh_cli_misused(self, "--budget-ms is for --once");
  worker.config_path = kh_cli_config_path(worker.config_path);
  return work(&worker);
}

const struct kh_command kh_command_worker = {
    .name = "worker",
    .summary = "turn the webhooks that were kept into notifications, and send them",
    .usage = "[--config F] [--once [--budget-ms N] | --serve | --linger D] [--lock-fd N]",
    .help =
        "One worker a state folder, as the user who owns it. It works until the inbox is empty and nothing\n"
        "is owed, stays a while and leaves; with `worker: service`, or --serve, it never leaves. Receivers\n"
        "wake it, and start one unless `worker: service` says that somebody else does. SIGTERM and SIGINT\n"
        "end it after the batch or delivery at hand; nothing is lost, and neither is it by a kill.\n\n"
        "A changed configuration is read again, at most once a second, and with --serve at once on SIGHUP; "
        "a\n"
        "broken one is logged and the old one kept. Log lines go to `worker.log` of the configuration, else "
        "to standard error; with\n"
        "--lock-fd the default is STATE/worker.log, at most 10 MiB and one older one (worker.log.1).\n\n"
        "  --config F     the configuration; default: $KITEHOOK_CONFIG, else " KH_CONFIG_PATH "\n"
        "  --once         make one pass over what waits and what is due, then leave\n"
        "  --budget-ms N  begin nothing more after N milliseconds; for --once\n"
        "  --serve        never leave; under systemd with Type=notify and WatchdogSec=\n"
        "  --linger D     leave when idle for this long, such as 5 or 2m; default: worker.linger\n"
        "  --lock-fd N    the lock is held already by descriptor N; receivers use this\n"
        "  -h, --help     show this\n\n"
        "Exit codes: 0 left in order; with --once 4 when something is left: a webhook that waits, or a\n"
        "notification that is owed, perhaps later; 2 called wrongly, 3 configuration, 5 the state folder "
        "cannot\n"
        "be had: another worker is there, another user owns it, or memory fails (--once; otherwise it tries\n"
        "again).\n",
    .options = options,
    .run = run,
};
