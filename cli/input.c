#include "base/base.h"

#include "base/file.h"
#include "cli.h"
#include "screen.h"

#include <unistd.h>

bool kh_cli_read(const struct kh_command *self, const char *file, struct kh_buf *out)
{
  struct kh_diag diag = {0};
  enum kh_err err = KH_OK;

  if (strcmp(file, "-") != 0) {
    err = kh_file_read(file, out, &diag);
  } else {
    err = kh_fd_read(STDIN_FILENO, out);
    if (err)
      kh_diag_set(&diag, err, "standard input cannot be read, or is too large");
  }
  if (err)
    kh_cli_fail(self, KH_EXIT_USAGE, "%s", diag.text[0] ? diag.text : kh_err_token(err));
  return err == KH_OK;
}

static bool secret_from_file(const struct kh_command *self, const char *file, struct kh_secret *secret)
{
  struct kh_diag diag = {0};
  struct kh_buf text;
  bool is_read = false;

  kh_buf_init(&text, KH_SECRET_MAX_BYTES + 2);
  if (kh_file_read(file, &text, &diag) != KH_OK) {
    kh_cli_fail(self, KH_EXIT_USAGE, "--secret-file: %s", diag.text);
    goto done;
  }
  if (kh_secret_set(secret, kh_str_without_line_end(kh_buf_view(&text))) != KH_OK)
    kh_cli_fail(self, KH_EXIT_USAGE, "--secret-file: %s is too long for a secret", file);
  else
    is_read = true;
done:
  kh_wipe_buf(&text);
  return is_read;
}

bool kh_cli_secret(const struct kh_command *self, const char *text, const char *file,
                   struct kh_secret *secret)
{
  if (!text == !file) {
    kh_cli_misused(self, "give either --secret or --secret-file");
    return false;
  }
  if (file) {
    if (!secret_from_file(self, file, secret))
      return false;
  } else if (kh_secret_set(secret, kh_str_of(text)) != KH_OK) {
    kh_cli_misused(self, "--secret is too long");
    return false;
  }
  if (kh_secret_is_empty(secret)) {
    kh_cli_misused(self, "an empty secret proves nothing");
    return false;
  }
  return true;
}

const char *kh_cli_config_path(const char *option)
{
  const char *from_environment = getenv("KITEHOOK_CONFIG");

  if (option)
    return option;
  return from_environment && from_environment[0] ? from_environment : KH_CONFIG_PATH;
}

const char *const *kh_cli_environment(void)
{
  return (const char *const *)environ;
}

int kh_cli_setup(const struct kh_command *self, struct kh_setup **setup, const char *config_path,
                 enum kh_config_depth depth)
{
  struct kh_diags diags = {0};
  enum kh_err err = kh_setup_open(setup, kh_cli_config_path(config_path), depth, kh_cli_environment(), NULL,
                                  &diags);

  kh_cli_print_diags(stderr, &diags);
  kh_diags_release(&diags);
  if (!*setup)
    return kh_cli_fail(self, KH_EXIT_STATE, "no memory");
  return err ? KH_EXIT_CONFIG : KH_EXIT_OK;
}

void kh_cli_print_diag(FILE *to, const struct kh_diag *diag)
{
  kh_screen_write(to, kh_str_of(diag->file));
  if (diag->file[0] && diag->line > 0)
    fprintf(to, ":%u:%u: ", diag->line, diag->column);
  else if (diag->file[0])
    fputs(": ", to);
  fputs(diag->err == KH_OK ? "warning: " : "", to);
  kh_screen_write(to, kh_str_of(diag->text));
  fputc('\n', to);
}

void kh_cli_print_diags(FILE *to, const struct kh_diags *diags)
{
  for (size_t i = 0; i < diags->count; i++)
    kh_cli_print_diag(to, &diags->at[i]);
  if (diags->more > 0)
    fprintf(to, "and %zu more\n", diags->more);
}
