#include "base/base.h"

#include "settling.h"

static const int64_t settle_us = (int64_t)KH_SETTLE_MS * 1000;

static enum kh_err check_state(const struct kh_config *config, struct kh_diags *diags)
{
  if (config->state[0])
    return KH_OK;
  return kh_diags_add(diags, KH_ERR_CONFIG, config->path, 0, 0,
                      "without `state:` nothing is kept, and a worker has nothing to do");
}

/* *SETUP is to be closed either way; NULL when there was no memory for it. */
static enum kh_err read_setup(const struct kh_settling *settling, struct kh_setup **setup,
                              struct kh_diags *diags)
{
  enum kh_err err = kh_setup_open(setup, settling->path, KH_CONFIG_WHOLE, settling->environment, NULL, diags);

  return err ? err : check_state(&(*setup)->config, diags);
}

enum kh_err kh_settling_open(struct kh_settling *settling, struct kh_setup **setup, int64_t *wait_ms,
                             struct kh_diags *diags)
{
  enum kh_err err = read_setup(settling, setup, diags);

  *wait_ms = 0;
  if (*setup) {
    /* A clock may be a little behind; a file of the far future is not waited for, nor hides a young one. */
    const int64_t until_us = kh_clock_now_us(settling->clock) + settle_us;
    const int64_t left_us = 2 * settle_us - kh_config_age_us(&(*setup)->config, until_us);

    if (left_us > 0)
      *wait_ms = left_us / 1000 + 1;
  }
  return err;
}

void kh_settling_close(struct kh_settling *settling)
{
  kh_setup_close(settling->last);
  settling->last = NULL;
  settling->is_waiting = false;
}

/* A worker holds the lock of one folder; another one is for another worker. */
static enum kh_err check_same_state(const struct kh_setup *in_use, const struct kh_setup *fresh,
                                    struct kh_diags *diags)
{
  if (strcmp(in_use->config.state, fresh->config.state) == 0)
    return KH_OK;
  return kh_diags_add(diags, KH_ERR_CONFIG, fresh->config.path, 0, 0,
                      "`state` is another folder now; restart the worker");
}

/* Half a file may stand for long, and be without a mistake. */
static enum kh_err check_rules_stay(const struct kh_setup *in_use, const struct kh_setup *fresh,
                                    struct kh_diags *diags)
{
  const struct kh_config *config = &fresh->config;
  const bool is_meant = config->notify && !config->expanded;

  if (in_use->rules.count == 0 || fresh->rules.count > 0 || is_meant)
    return KH_OK;
  return kh_diags_add(diags, KH_ERR_CONFIG, config->path, 0, 0,
                      "all rules are gone; those before stay in use: write them again, or `notify: []` where "
                      "none are wanted");
}

static enum kh_settled wait_for(struct kh_settling *settling, struct kh_setup *setup)
{
  kh_setup_close(settling->last);
  settling->last = setup;
  settling->last_us = kh_clock_ticks_us(settling->clock);
  if (!settling->is_waiting)
    settling->since_us = settling->last_us;
  settling->is_waiting = true;
  return KH_SETTLED_WAITS;
}

static enum kh_settled begin_to_wait(struct kh_settling *settling, const char *changed)
{
  struct kh_setup *setup = NULL;

  (void)snprintf(settling->changed, sizeof settling->changed, "%s", changed);
  (void)!read_setup(settling, &setup, NULL); /* what may be half a file needs no comment */
  return setup ? wait_for(settling, setup) : KH_SETTLED_SAME;
}

/*
 * They are read anew: within one tick of its clock a file system does not tell whether something was written
 * before or after the last reading.
 */
static enum kh_settled take(struct kh_settling *settling, const struct kh_setup *in_use, bool at_once,
                            struct kh_setup **fresh, struct kh_diags *diags)
{
  struct kh_setup *setup = NULL;
  enum kh_err err = read_setup(settling, &setup, diags);

  if (!setup)
    return KH_SETTLED_SAME;
  if (!at_once && settling->is_waiting && kh_config_is_outdated(&settling->last->config)) {
    kh_diags_release(diags);
    return wait_for(settling, setup);
  }
  if (!err)
    err = check_same_state(in_use, setup, diags);
  if (!err && !at_once)
    err = check_rules_stay(in_use, setup, diags);
  kh_settling_close(settling);
  if (err)
    settling->last = setup;
  else
    *fresh = setup;
  return err ? KH_SETTLED_WRONG : KH_SETTLED_FRESH;
}

static bool is_still(const struct kh_settling *settling, const struct kh_setup *in_use)
{
  const size_t count = settling->last->rules.count; /* 0 where there is a mistake: that changes nothing */
  const bool is_fewer = count > 0 && count < in_use->rules.count;
  const int64_t still_us = kh_clock_ticks_us(settling->clock) - settling->last_us;

  return still_us >= (is_fewer ? (int64_t)KH_SETTLE_FEWER_MS * 1000 : settle_us);
}

static const struct kh_config *newest(const struct kh_settling *settling, const struct kh_setup *in_use)
{
  return settling->last ? &settling->last->config : &in_use->config;
}

enum kh_settled kh_settling_look(struct kh_settling *settling, const struct kh_setup *in_use, bool at_once,
                                 struct kh_setup **fresh, struct kh_diags *diags)
{
  const char *changed = kh_config_changed_file(newest(settling, in_use));

  *fresh = NULL;
  if (at_once || (changed && in_use->rules.count == 0))
    return take(settling, in_use, at_once, fresh, diags);
  if (changed)
    return begin_to_wait(settling, changed);
  if (!settling->is_waiting)
    return KH_SETTLED_SAME;
  return is_still(settling, in_use) ? take(settling, in_use, false, fresh, diags) : KH_SETTLED_WAITS;
}

bool kh_settling_is_due(const struct kh_settling *settling, const struct kh_setup *in_use)
{
  return settling->is_waiting || kh_config_is_outdated(newest(settling, in_use));
}

int64_t kh_settling_for_ms(const struct kh_settling *settling)
{
  return settling->is_waiting ? (kh_clock_ticks_us(settling->clock) - settling->since_us) / 1000 : 0;
}
