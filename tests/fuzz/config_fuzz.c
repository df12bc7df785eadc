#include "base/base.h"

#include "config/parts.h"

/*
 * A config from memory at both depths, and the same bytes as an env_file. No secret's value may come back in a
 * message. What either depth accepts, a receiver must accept too: it sees less of the file.
 */

static const char *const environment[] = {"HOOK=fuzz-planted-value", "A=fuzz-planted-value", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
  for (size_t i = 0; i < diags.count; i++)
    if (strstr(diags.at[i].text, "fuzz-planted-value"))
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
  kh_config_wipe(&entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_str text = kh_str((const char *)data, size);

  if (size > KH_ENV_FILE_MAX_BYTES)
    return 0;
  read_env_file(text);
  (void)read_at(KH_CONFIG_RECEIVER, text);
  (void)read_at(KH_CONFIG_WHOLE, text);
  return 0;
}
