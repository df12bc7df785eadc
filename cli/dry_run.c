#include "base/base.h"

#include "dry_run.h"
#include "language/condition/regex.h"

/*
 * What reads events takes only what was proven. So the webhook is signed here, by a key of this command's
 * own, whatever proof it came with: nothing that is made of it leaves the process.
 */
static enum kh_err prove(struct kh_dry_run *run)
{
  const struct kh_secret_list none = {.count = 0};
  const struct kh_verifier verifier = {&run->key, &none, INT32_MAX};
  const int64_t now_us = run->webhook.now_us;

  if (run->webhook.request.body_err)
    return run->webhook.request.body_err;
  if (kh_secret_set(&run->key.at[0].secret, KH_STR("dry run")))
    return KH_ERR_NO_MEMORY;
  run->key.count = 1;
  run->webhook.request.headers[KH_HEADER_TOKEN] = (struct kh_header_value){.text = KH_NO_STR};
  kh_webhook_file_sign_anew(&run->webhook, &run->key.at[0].secret);
  enum kh_err err = kh_verify(&verifier, &run->webhook.request, run->webhook.now_us / 1000000,
                              &run->verified);
  run->webhook.now_us = now_us;
  return err;
}

/* Whoever it comes from. */
static enum kh_err read_eventbridge(struct kh_dry_run *run, struct kh_diag *diag)
{
  struct kh_partner partner = {.id = KH_NO_STR};
  enum kh_err err = kh_partner_read(kh_json_root(&run->webhook.eventbridge), &run->webhook.joined, &partner,
                                    diag);

  run->verified = partner.verified;
  return err;
}

static void begin(struct kh_dry_run *run)
{
  *run = (struct kh_dry_run){.steps_left = KH_REGEX_STEPS_WEBHOOK};
  kh_json_init(&run->doc, kh_json_default_limits);
}

/* Of run->webhook, unless that already failed by ERR. FILE is for complaints. */
static bool understand(const struct kh_command *self, struct kh_dry_run *run, const char *file,
                       enum kh_err err)
{
  struct kh_diag diag = {0};

  if (!err)
    err = kh_webhook_file_is_eventbridge(&run->webhook) ? read_eventbridge(run, &diag) : prove(run);
  if (!err)
    err = kh_event_read(&run->verified, &run->doc, &run->event, &diag);
  if (err)
    kh_cli_fail(self, KH_EXIT_USAGE, "%s: no webhook: %s%s%s", file, kh_err_token(err),
                diag.text[0] ? ": " : "", diag.text);
  run->event.steps_left = &run->steps_left;
  return err == KH_OK;
}

bool kh_dry_run_read(const struct kh_command *self, struct kh_dry_run *run, const char *file)
{
  begin(run);
  return kh_webhook_file_read(self, &run->webhook, file, -1, NULL) && understand(self, run, file, KH_OK);
}

bool kh_dry_run_of_body(const struct kh_command *self, struct kh_dry_run *run, struct kh_str body)
{
  begin(run);
  return understand(self, run, "the test", kh_webhook_file_of_body(&run->webhook, body));
}

void kh_dry_run_release(struct kh_dry_run *run)
{
  kh_json_release(&run->doc);
  kh_secret_release(&run->key.at[0].secret);
  kh_webhook_file_release(&run->webhook);
}
