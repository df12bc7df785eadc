/*
 * Target: handler/config/ and the rules of notify:. A config from memory at each depth. Aborts where
 * a message holds a secret's value, where mistakes and result disagree, where a worker accepts what a
 * receiver, which sees less of the file, refuses, and where a text has a place outside of the file.
 */
#include "base/base.h"

#include "config/parts.h"
#include "fuzz/replay.h"
#include "notify/notifiers.h"
#include "support/guard.h"

#define PLANTED "fuzz-planted-value"

static const char *const environment[] = {"HOOK=" PLANTED, "A=" PLANTED, NULL};

static void check_places(const struct kh_yaml *yaml, const json_t *node, unsigned lines)
{
  json_t *tree = (json_t *)(uintptr_t)node;
  const char *key;
  json_t *child;
  size_t index;

  json_array_foreach(tree, index, child) check_places(yaml, child, lines);
  json_object_foreach(tree, key, child) check_places(yaml, child, lines);
  for (size_t i = 0; i <= json_string_length(node); i += 1 + json_string_length(node) / 3) {
    unsigned line = 0;
    unsigned column = 0;

    kh_yaml_text_place(yaml, node, (unsigned)i, &line, &column);
    if (line == 0 || line > lines || column == 0)
      abort();
  }
}

static void check_tree(const struct kh_config *config, struct kh_str text)
{
  unsigned lines = 2; /* YAML has more line ends than these two */

  for (size_t i = 0; i < text.len; i++)
    lines += text.at[i] == '\n' || text.at[i] == '\r' || (unsigned char)text.at[i] >= 0x80;
  if (config->yaml.root)
    check_places(&config->yaml, config->yaml.root, lines);
  kh_config_warn_of_variables(config, NULL);
}

static size_t mistakes(const struct kh_diags *diags)
{
  return diags->count - diags->warnings + diags->more;
}

static void compile_rules(struct kh_config *config, struct kh_diags *diags)
{
  struct kh_rules rules = {0};
  size_t before = mistakes(diags);
  enum kh_err err = kh_rules_compile(config, &rules, diags);

  /* One more warning may be among those that did not fit. */
  if ((err == KH_OK) != (mistakes(diags) == before) && diags->more == 0)
    abort();
  for (size_t i = 0; i < rules.count; i++)
    if (!rules.at[i].notifier || !rules.at[i].name[0] || !kh_rules_for(&rules, rules.at[i].credential))
      abort();
  kh_rules_release(&rules);
}

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
  if (depth == KH_CONFIG_CHECK)
    compile_rules(config, &diags);
  /* The fuzzer learns the word; as a key of the file it may be told. */
  bool is_secret = !memmem(text.at, text.len, PLANTED, sizeof PLANTED - 1);
  for (size_t i = 0; i < diags.count; i++)
    if (is_secret && strstr(diags.at[i].text, PLANTED))
      abort();
  if (depth == KH_CONFIG_CHECK && text.len < 4096)
    check_tree(config, text);
  if (!err && config->signatures.count + config->tokens.count == 0)
    abort();
  kh_config_release(config);
  free(config);
  kh_diags_release(&diags);
  return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_guard guard = {0};

  if (size > KH_ENV_FILE_MAX_BYTES)
    return 0;
  struct kh_str text = kh_guard_end(&guard, kh_str((const char *)data, size));
  enum kh_err whole = read_at(KH_CONFIG_WHOLE, text);
  (void)read_at(KH_CONFIG_CHECK, text);
  if (read_at(KH_CONFIG_RECEIVER, text) != KH_OK && whole == KH_OK)
    abort();
  kh_guard_release(&guard);
  return 0;
}
