#include "base/base.h"

#include "webhook_file.h"

/* How the command was called. */
struct call {
  const char *secret_text, *secret_file;
  int64_t timestamp_s;
};

static const struct kh_cli_option options[] = {
    {"secret", kh_cli_take_text, offsetof(struct call, secret_text)},
    {"secret-file", kh_cli_take_text, offsetof(struct call, secret_file)},
    {"timestamp", kh_cli_take_number, offsetof(struct call, timestamp_s)},
    {0},
};

static int run(const struct kh_command *self, int argc, char **argv)
{
  struct call call = {.timestamp_s = kh_clock_now_s(&kh_system_clock)};
  char signature[KH_SIGNATURE_BYTES];
  struct kh_secret secret = {0};
  struct kh_buf body;
  int code = kh_cli_options(self, argc, argv, &call);

  if (code != KH_GO_ON)
    return code;
  kh_buf_init(&body, KH_CLI_INPUT_MAX_BYTES);
  if (kh_cli_secret(self, call.secret_text, call.secret_file, &secret) &&
      kh_cli_read(self, argv[optind], &body)) {
    kh_sign(&secret, call.timestamp_s, kh_buf_view(&body), signature);
    printf("X-Buildkite-Signature: %s\n", signature);
    code = KH_EXIT_OK;
  } else {
    code = KH_EXIT_USAGE;
  }
  kh_buf_release(&body);
  kh_secret_release(&secret);
  return code;
}

const struct kh_command kh_command_sign = {
    .name = "sign",
    .summary = "print the signature header that Buildkite would send with a body",
    .usage = "(--secret S | --secret-file F) [--timestamp T] FILE|-",
    .help = "The body is FILE byte for byte, or standard input. With curl, send it by --data-binary.\n\n"
            "  --secret S       the webhook's token; other users of the machine can see it in `ps`\n"
            "  --secret-file F  the file that holds it; one line end at its end is dropped\n"
            "  --timestamp T    sign for this time, in seconds since 1970; default: now\n"
            "  -h, --help       show this\n\n"
            "Exit codes: 0 signed, 2 called wrongly or FILE cannot be read, 5 output failed.\n",
    .options = options,
    .operand = "FILE",
    .completes = KH_COMPLETES_FILES,
    .run = run,
};
