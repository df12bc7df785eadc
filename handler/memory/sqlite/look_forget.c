#include "base/base.h"

#include "memory/sqlite/look_parts.h"

#include <time.h>

/* A worker that never rests lets nobody else write for seconds: each of the first kind waits up to 5 s. */
enum { WRITES_TRIED_MAX = 6, EMPTYING_TRIED_MAX = 500, EMPTYING_PAUSE_MS = 20 };

struct forgetting {
  struct kh_look *look;
  const struct kh_look_forget *what;
  struct kh_look_forgotten *forgotten;
  struct kh_diag *diag;
};

/* One whose first value, and maybe only one, is the name. */
static struct kh_call named(const struct forgetting *forgetting, enum kh_statement statement)
{
  const struct kh_look_forget *what = forgetting->what;
  struct kh_call call = kh_call(forgetting->look->db, statement);

  kh_call_text(&call, what->pipeline.len > 0 ? what->pipeline : what->person);
  return call;
}

static enum kh_err forget(const struct forgetting *forgetting, enum kh_statement statement, int64_t *count)
{
  struct kh_call call = named(forgetting, statement);

  return kh_look_change(forgetting->look, &call, count, forgetting->diag);
}

/* What was told of one build. */
static enum kh_err forget_told(const struct forgetting *forgetting, struct kh_str build_id)
{
  const struct kh_look_forget *what = forgetting->what;
  enum kh_err err = KH_OK;

  for (size_t i = 0; !err && i < what->rule_count; i++) {
    struct kh_call call = kh_call(forgetting->look->db, KH_SQL_FORGET_WHAT_WAS_TOLD);
    unsigned char told[KH_DIGEST_BYTES];
    int64_t count = 0;

    what->what(what->self, i, build_id, told);
    kh_call_bytes(&call, told, sizeof told);
    err = kh_look_change(forgetting->look, &call, &count, forgetting->diag);
    forgetting->forgotten->told += count;
  }
  return err;
}

/* The same, where the name may also stand as JSON has it. */
static enum kh_err forget_in_json(const struct forgetting *forgetting, enum kh_statement statement,
                                  int64_t *count)
{
  struct kh_call call = named(forgetting, statement);

  kh_call_text(&call, forgetting->what->person_in_json);
  return kh_look_change(forgetting->look, &call, count, forgetting->diag);
}

/* What belonged to lines of the journal that are gone. */
static enum kh_err forget_fates(const struct forgetting *forgetting)
{
  static const enum kh_statement statements[] = {KH_SQL_FORGET_FATES, KH_SQL_FORGET_WEBHOOKS};
  enum kh_err err = KH_OK;

  for (size_t i = 0; !err && i < KH_COUNT(statements); i++) {
    struct kh_call call = kh_call(forgetting->look->db, statements[i]);
    int64_t count = 0;

    err = kh_look_change(forgetting->look, &call, &count, forgetting->diag);
  }
  return err;
}

static enum kh_err forget_builds(const struct forgetting *forgetting, enum kh_statement statement)
{
  struct kh_call call = named(forgetting, statement);
  enum kh_err err = KH_OK;

  while (!err && !(err = kh_call_row(&call))) {
    forgetting->forgotten->builds++;
    err = forget_told(forgetting, kh_call_text_at(&call, 0));
  }
  err = err == KH_ERR_NOT_FOUND ? KH_OK : kh_look_problem(forgetting->look, err, forgetting->diag);
  kh_call_end(&call);
  return err;
}

/* ---- the names of jobs ---- */

static bool has_name(struct kh_str text, struct kh_str name)
{
  for (size_t at = 0; at + name.len <= text.len; at++)
    if (kh_str_equal_nocase(kh_str(text.at + at, name.len), name))
      return true;
  return false;
}

/* How many jobs of BYTES, one build, are called so; NEW_BYTES are those without these names. */
static int64_t without_names(struct kh_str bytes, struct kh_str name, struct kh_buf *new_bytes)
{
  struct kh_past_build build;
  struct kh_jobs jobs;
  int64_t count = 0;

  if (!kh_build_read(&build, &jobs, bytes))
    return 0;
  for (size_t i = 0; i < jobs.count; i++)
    if (has_name(jobs.at[i].name, name)) {
      jobs.at[i].name = KH_NO_STR;
      count++;
    }
  if (count > 0)
    kh_build_write(&build, &jobs, new_bytes);
  return count;
}

/* The next build behind *SEQ, which becomes its. KH_ERR_NOT_FOUND. */
static enum kh_err forget_next_names(const struct forgetting *forgetting, int64_t *seq)
{
  struct kh_call next = named(forgetting, KH_SQL_NEXT_BUILD_OF_PERSON);
  struct kh_buf bytes;
  int64_t count = 0;

  kh_buf_init(&bytes, KH_PAST_ROW_MAX_BYTES);
  kh_call_number(&next, *seq);
  enum kh_err err = kh_call_row(&next);
  if (!err) {
    *seq = kh_call_number_at(&next, 0);
    count = without_names(kh_call_text_at(&next, 1), forgetting->what->person, &bytes);
    err = kh_buf_ok(&bytes);
  }
  kh_call_end(&next);
  if (!err && count > 0) {
    struct kh_call change = kh_call(forgetting->look->db, KH_SQL_FORGET_NAMES);
    int64_t rows = 0;

    kh_call_number(&change, *seq);
    kh_call_bytes(&change, bytes.at, bytes.len);
    err = kh_look_change(forgetting->look, &change, &rows, forgetting->diag);
    forgetting->forgotten->names += count;
  }
  kh_buf_release(&bytes);
  return err;
}

static enum kh_err forget_names(const struct forgetting *forgetting)
{
  enum kh_err err = KH_OK;
  int64_t seq = 0;

  while (!err)
    err = forget_next_names(forgetting, &seq);
  return err == KH_ERR_NOT_FOUND ? KH_OK : kh_look_problem(forgetting->look, err, forgetting->diag);
}

/* ---- deliveries ---- */

/* What became of them stays, without what the destination said. */
static enum kh_err forget_dead(const struct forgetting *forgetting)
{
  int64_t count = 0;
  enum kh_err err = forget_in_json(forgetting, KH_SQL_FATES_OF_PERSON, &count);

  if (!err)
    err = forget_in_json(forgetting, KH_SQL_FORGET_DEAD_OF_PERSON, &forgetting->forgotten->dead);
  return err ? err : forget_in_json(forgetting, KH_SQL_FORGET_ANSWERS_OF_PERSON, &count);
}

static enum kh_err tell_owed(const struct forgetting *forgetting)
{
  struct kh_call call = named(forgetting, KH_SQL_OWED_OF_PERSON);
  enum kh_err err = KH_OK;

  kh_call_text(&call, forgetting->what->person_in_json);
  while (!(err = kh_call_row(&call)))
    forgetting->what->owed(forgetting->what->self, kh_call_text_at(&call, 0));
  err = err == KH_ERR_NOT_FOUND ? KH_OK : kh_look_problem(forgetting->look, err, forgetting->diag);
  kh_call_end(&call);
  return err;
}

/* ---- all ---- */

static enum kh_err forget_pipeline(const struct forgetting *forgetting)
{
  struct kh_look_forgotten *forgotten = forgetting->forgotten;
  enum kh_err err = forget(forgetting, KH_SQL_FORGET_LINES_OF_PIPELINE, &forgotten->lines);

  if (!err)
    err = forget_fates(forgetting);
  if (!err)
    err = forget_builds(forgetting, KH_SQL_FORGET_BUILDS_OF_PIPELINE);
  if (!err)
    err = forget(forgetting, KH_SQL_FORGET_PIPELINE, &forgotten->branches);
  return err;
}

static enum kh_err forget_person(const struct forgetting *forgetting)
{
  struct kh_look_forgotten *forgotten = forgetting->forgotten;
  enum kh_err err = forget_in_json(forgetting, KH_SQL_FORGET_LINES_OF_PERSON, &forgotten->lines);

  if (!err)
    err = forget_fates(forgetting);
  if (!err)
    err = forget_builds(forgetting, KH_SQL_FORGET_BUILDS_OF_PERSON);
  if (!err)
    err = forget(forgetting, KH_SQL_FORGET_BRANCHES_OF_PERSON, &forgotten->branches);
  if (!err)
    err = forget_names(forgetting);
  if (!err)
    err = forget_dead(forgetting);
  if (!err)
    err = tell_owed(forgetting);
  return err;
}

/* STATEMENT, which writes, between those of a worker. */
static enum kh_err run_between(struct kh_look *look, enum kh_statement statement, struct kh_diag *diag)
{
  enum kh_err err = kh_look_run(look, statement, diag);

  for (int i = 1; err && i < WRITES_TRIED_MAX; i++)
    err = kh_look_run(look, statement, diag);
  return err;
}

/* False with DIAG, also where somebody reads all the time. */
static bool overwrite(struct kh_look *look, struct kh_diag *diag)
{
  const struct timespec pause = {.tv_nsec = EMPTYING_PAUSE_MS * 1000000L};
  enum kh_err err = run_between(look, KH_SQL_WRITE_ANEW, diag);
  bool done = false;

  for (int i = 0; !err && !done && i < EMPTYING_TRIED_MAX; i++) {
    err = kh_look_problem(look, kh_db_empty_log(look->db, &done), diag);
    if (!done)
      (void)nanosleep(&pause, NULL);
  }
  if (!err && !done)
    (void)kh_diag_set(diag, KH_ERR_STORE, "somebody reads it");
  return done;
}

enum kh_err kh_look_forget(struct kh_look *look, const struct kh_look_forget *what,
                           struct kh_look_forgotten *forgotten, struct kh_diag *diag)
{
  const struct forgetting forgetting = {look, what, forgotten, diag};

  *forgotten = (struct kh_look_forgotten){.is_gone = true};
  if (!look->db)
    return KH_OK;
  enum kh_err err = run_between(look, KH_SQL_BEGIN, diag);
  if (err)
    return err;
  err = what->pipeline.len > 0 ? forget_pipeline(&forgetting) : forget_person(&forgetting);
  if (!err && what->is_dry)
    return kh_look_run(look, KH_SQL_ROLLBACK, diag);
  err = kh_look_end_change(look, err, diag);
  if (!err)
    forgotten->is_gone = overwrite(look, diag);
  return err;
}
