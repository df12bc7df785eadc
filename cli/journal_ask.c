#include "base/base.h"

#include "journal_ask.h"

int kh_journal_open(struct kh_state_folder *folder, struct kh_look **look, const struct kh_command *self,
                    const char *config_path)
{
  struct kh_diag diag = {0};
  int code = kh_state_folder_open(folder, self, config_path);

  if (code == KH_EXIT_OK && kh_look_open(look, folder->config->state, KH_LOOK_ONLY, &diag))
    code = kh_cli_fail(self, KH_EXIT_STATE, "%s", diag.text);
  return code;
}

struct naming {
  struct kh_str id;
  struct kh_buf *slugs;
};

static void name_by_id(void *self, const struct kh_look_pipeline *pipeline)
{
  const struct naming *naming = self;

  if (!kh_str_equal(pipeline->id, naming->id) || pipeline->pipeline.len == 0)
    return;
  kh_buf_clear(naming->slugs);
  if (pipeline->organization.len > 0)
    (void)kh_buf_printf(naming->slugs, "%.*s/", KH_FMT(pipeline->organization));
  (void)kh_buf_add(naming->slugs, pipeline->pipeline);
}

enum kh_err kh_journal_pipeline(struct kh_look *look, struct kh_str pipeline, struct kh_buf *slugs,
                                struct kh_diag *diag)
{
  struct naming naming = {pipeline, slugs};

  kh_buf_init(slugs, KH_CLI_INPUT_MAX_BYTES);
  (void)kh_buf_add(slugs, pipeline);
  return pipeline.len > 0 ? kh_look_pipelines(look, name_by_id, &naming, diag) : KH_OK;
}

/* The whole configuration, without secrets; NULL where it has a mistake. */
static struct kh_setup *open_setup(const struct kh_state_folder *folder)
{
  struct kh_setup *setup = NULL;
  struct kh_diags diags = {0};

  if (kh_setup_open(&setup, folder->config->path, KH_CONFIG_DRY, kh_cli_environment(), NULL, &diags)) {
    kh_setup_close(setup);
    setup = NULL;
  }
  kh_diags_release(&diags);
  return setup;
}

static bool is_switched_off(const struct kh_state_folder *folder)
{
  struct kh_setup *setup = open_setup(folder);
  const bool is_off = setup && setup->config.journal_max_entries == 0;

  kh_setup_close(setup);
  return is_off;
}

int kh_journal_must_have_some(const struct kh_state_folder *folder, struct kh_look *look,
                              struct kh_look_span *span)
{
  struct kh_diag diag = {0};

  if (kh_look_span(look, span, &diag))
    return kh_cli_fail(folder->self, KH_EXIT_STATE, "%s", diag.text);
  if (span->webhooks > 0)
    return KH_EXIT_OK;
  if (is_switched_off(folder))
    return kh_cli_fail(folder->self, KH_EXIT_NO,
                       "there is no journal: %s has `journal: {max_entries: 0}`; raise it, such as to 10000",
                       folder->config->path);
  return kh_cli_fail(folder->self, KH_EXIT_NO,
                     "the journal is empty: no worker has worked on a webhook; type: kitehook status");
}

struct kh_setup *kh_journal_rules(const struct kh_state_folder *folder, const char *so)
{
  struct kh_setup *setup = open_setup(folder);

  if (!setup)
    fprintf(stderr, "kitehook %s: the rules cannot be read (`kitehook check` says why), %s\n",
            folder->self->name, so);
  return setup;
}
