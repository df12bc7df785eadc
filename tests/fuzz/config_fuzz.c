/*
 * Target: handler/config/. A config from memory at both depths, and the same bytes as an env_file. Aborts where a
 * message holds a secret's value, where mistakes and result disagree, and where a worker accepts what a receiver,
 * which sees less of the file, refuses.
 */
#include "base/base.h"

#include "config/parts.h"
#include "fuzz/replay.h"
#include "support/guard.h"

#define PLANTED "fuzz-planted-value"

static const char *const environment[] = {"HOOK=" PLANTED, "A=" PLANTED, NULL};

static enum kh_err read_at(enum kh_config_depth depth, struct kh_str text)
{
  struct kh_config *config = malloc(sizeof *config);
  struct kh_diags diags = {0};

  if (!config)
    abort();
  kh_config_init(config, depth, environment);
  /* Relative paths lead into a folder that is not there. */
  (void)snprintf(config->path, sizeof config->path, "/nonexistent/kitehook.yml");
  enum kh_err err = kh_config_parse(config, "fuzz.yml", text, &diags);
  if ((err == KH_OK) != (diags.count == diags.warnings))
    abort();
  /* The fuzzer learns the word; as a key of the file it may be told. */
  bool is_secret = !memmem(text.at, text.len, PLANTED, sizeof PLANTED - 1);
  for (size_t i = 0; i < diags.count; i++)
    if (is_secret && strstr(diags.at[i].text, PLANTED))
      abort();
  if (!err && config->signatures.count + config->tokens.count == 0)
    abort();
  kh_config_release(config);
  free(config);
  kh_diags_release(&diags);
  return err;
}

static void read_env_file(struct kh_str text)
{
  struct kh_buf entries;

  kh_buf_init(&entries, text.len + 1);
  enum kh_err err = kh_env_file_parse(text, "env", &entries, NULL);
  (void)kh_env_file_get(&entries, "A");
  if (kh_buf_ok(&entries) || (!err && entries.len > 0 && entries.at[entries.len - 1] != '\0'))
    abort();
  kh_wipe_buf(&entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_guard guard = {0};

  if (size > KH_ENV_FILE_MAX_BYTES)
    return 0;
  struct kh_str text = kh_guard_end(&guard, kh_str((const char *)data, size));
  read_env_file(text);
  enum kh_err whole = read_at(KH_CONFIG_WHOLE, text);
  if (read_at(KH_CONFIG_RECEIVER, text) != KH_OK && whole == KH_OK)
    abort();
  kh_guard_release(&guard);
  return 0;
}
