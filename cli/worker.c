#include "base/base.h"

#include "cli.h"
#include "inbox/spawn.h"
#include "worker/worker.h"

_Static_assert((int)KH_EXIT_DELIVERY == KH_PASS_LEFT_SOME, "a receiver must know this exit code");

static bool take_lock_fd(const struct kh_command *self, const char *name, const char *text, void *value)
{
  int64_t fd = -1;

  if (!kh_cli_number(self, name, text, 3, &fd))
    return false;
  *(int *)value = fd > INT_MAX ? INT_MAX : (int)fd;
  return true;
}

static const struct kh_cli_option options[] = {
    {"config", kh_cli_take_text, offsetof(struct kh_worker_call, config_path)},
    {"once", kh_cli_take_flag, offsetof(struct kh_worker_call, once)},
    {"serve", kh_cli_take_flag, offsetof(struct kh_worker_call, serve)},
    {"lock-fd", take_lock_fd, offsetof(struct kh_worker_call, inherited_fd)},
    {"budget-ms", kh_cli_take_number, offsetof(struct kh_worker_call, budget_ms)},
    {"linger", kh_cli_take_duration, offsetof(struct kh_worker_call, linger_s)},
    {0},
};

static int work(const struct kh_command *self, const struct kh_worker_call *call)
{
  static const int codes[] = {[KH_WORKER_END_DONE] = KH_EXIT_OK,
                              [KH_WORKER_END_LEFT_SOME] = KH_EXIT_DELIVERY,
                              [KH_WORKER_END_NO_CONFIG] = KH_EXIT_CONFIG,
                              [KH_WORKER_END_NO_STATE] = KH_EXIT_STATE};
  struct kh_diags mistakes = {0};
  struct kh_diag problem = {0};
  enum kh_worker_end end = kh_worker_run(call, &mistakes, &problem);

  kh_cli_print_diags(stderr, &mistakes);
  kh_diags_release(&mistakes);
  return end == KH_WORKER_END_NO_STATE ? kh_cli_fail(self, codes[end], "%s", problem.text) : codes[end];
}

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct kh_worker_call call = {
      .environment = kh_cli_environment(), .inherited_fd = -1, .linger_s = -1, .budget_ms = -1};
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  if (call.once && call.serve)
    return kh_cli_misused(self, "--once and --serve exclude each other");
  if (call.budget_ms >= 0 && !call.once)
    return kh_cli_misused(self, "--budget-ms is for --once");
  call.config_path = kh_cli_config_path(call.config_path);
  return work(self, &call);
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
    .operand = "",
    .run = run,
};
