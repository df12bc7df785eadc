#include "base/base.h"

#include "notify/notifiers.h"
#include "setup.h"

enum kh_err kh_setup_open(struct kh_setup **made, const char *path, enum kh_config_depth depth,
                          const char *const *environment, const struct kh_remote_secrets *remote,
                          struct kh_diags *diags)
{
  struct kh_setup *setup = calloc(1, sizeof *setup);

  *made = setup;
  if (!setup)
    return KH_ERR_NO_MEMORY;
  enum kh_err err = kh_config_read_remote(&setup->config, path, depth, environment, remote, diags);
  if (err && !setup->config.notify)
    return err;
  enum kh_err rules_err = kh_rules_compile(&setup->config, &setup->rules, diags);

  return err ? err : rules_err;
}

void kh_setup_close(struct kh_setup *setup)
{
  if (!setup)
    return;
  kh_rules_release(&setup->rules);
  kh_config_release(&setup->config);
  free(setup);
}
