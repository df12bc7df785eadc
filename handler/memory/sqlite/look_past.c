#include "base/base.h"

#include "memory/sqlite/look_parts.h"
#include "memory/sqlite/past.h"

enum kh_err kh_look_recall(struct kh_look *look, const struct kh_sighting *sighting, int64_t branch_keep_s,
                           int64_t now_us, struct kh_past *past, struct kh_diag *diag)
{
  kh_past_clear(past);
  if (!look->db)
    return KH_OK;
  return kh_look_problem(look, kh_db_recall(look->db, branch_keep_s * 1000000, now_us, sighting, past), diag);
}

enum kh_err kh_look_was_told(struct kh_look *look, const unsigned char what[KH_DIGEST_BYTES], int64_t now_us,
                             bool *told, struct kh_diag *diag)
{
  int64_t value = 0;

  *told = false;
  return look->db ? kh_look_problem(look, kh_db_was_told(look->db, what, now_us, told, &value), diag) : KH_OK;
}

enum kh_err kh_look_told_value(struct kh_look *look, const unsigned char what[KH_DIGEST_BYTES],
                               int64_t now_us, int64_t *value, struct kh_diag *diag)
{
  bool told = false;

  *value = 0;
  return look->db ? kh_look_problem(look, kh_db_was_told(look->db, what, now_us, &told, value), diag) : KH_OK;
}

struct branches {
  bool (*each)(void *self, const struct kh_look_branch *branch);
  void *self;
  struct kh_branch builds;
};

/* In the order of KH_SQL_BRANCHES. */
static bool tell_branch(const struct kh_call *call, void *self)
{
  struct branches *branches = self;
  const bool is_whole = kh_branch_read(&branches->builds, kh_call_text_at(call, 6));
  const struct kh_look_branch branch = {.key = kh_call_text_at(call, 0),
                                        .pipeline_id = kh_call_text_at(call, 1),
                                        .organization = kh_call_text_at(call, 2),
                                        .pipeline = kh_call_text_at(call, 3),
                                        .branch = kh_call_text_at(call, 4),
                                        .seen_us = kh_call_number_at(call, 5),
                                        .builds = is_whole ? &branches->builds : NULL};

  return branches->each(branches->self, &branch);
}

static struct kh_call call_at(const struct kh_look *look, enum kh_statement statement,
                              const struct kh_look_at *at)
{
  struct kh_call call = kh_call(look->db, statement);

  kh_call_text(&call, at->pipeline);
  kh_call_text(&call, at->branch);
  return call;
}

enum kh_err kh_look_branches(struct kh_look *look, const struct kh_look_at *at,
                             bool (*each)(void *self, const struct kh_look_branch *branch), void *self,
                             struct kh_diag *diag)
{
  struct branches branches = {.each = each, .self = self};

  if (!look->db)
    return KH_OK;
  struct kh_call call = call_at(look, KH_SQL_BRANCHES, at);
  return kh_look_rows(look, &call, tell_branch, &branches, diag);
}

struct builds {
  bool (*each)(void *self, const struct kh_look_build *build);
  void *self;
  struct kh_past_build build;
  struct kh_jobs jobs;
};

/* In the order of KH_SQL_BUILDS. */
static bool tell_build(const struct kh_call *call, void *self)
{
  struct builds *builds = self;
  const bool is_whole = kh_build_read(&builds->build, &builds->jobs, kh_call_text_at(call, 4));
  const struct kh_look_build build = {.branch_key = kh_call_text_at(call, 0),
                                      .id = kh_call_text_at(call, 1),
                                      .number = kh_call_number_at(call, 2),
                                      .seen_us = kh_call_number_at(call, 3),
                                      .build = is_whole ? &builds->build : NULL,
                                      .jobs = is_whole ? &builds->jobs : NULL};

  return builds->each(builds->self, &build);
}

enum kh_err kh_look_builds(struct kh_look *look, const struct kh_look_at *at,
                           bool (*each)(void *self, const struct kh_look_build *build), void *self,
                           struct kh_diag *diag)
{
  struct builds builds = {.each = each, .self = self};

  if (!look->db)
    return KH_OK;
  struct kh_call call = call_at(look, KH_SQL_BUILDS, at);
  return kh_look_rows(look, &call, tell_build, &builds, diag);
}

struct messages {
  void (*each)(void *self, const struct kh_look_message *message);
  void *self;
};

/* In the order of KH_SQL_MESSAGES. */
static bool tell_message(const struct kh_call *call, void *self)
{
  const struct messages *messages = self;
  const struct kh_look_message message = {kh_call_text_at(call, 0), kh_call_text_at(call, 1),
                                          kh_call_text_at(call, 2), kh_call_text_at(call, 3),
                                          kh_call_text_at(call, 4), kh_call_number_at(call, 5)};

  messages->each(messages->self, &message);
  return true;
}

enum kh_err kh_look_messages(struct kh_look *look,
                             void (*each)(void *self, const struct kh_look_message *message), void *self,
                             struct kh_diag *diag)
{
  struct messages messages = {each, self};

  if (!look->db)
    return KH_OK;
  struct kh_call call = kh_call(look->db, KH_SQL_MESSAGES);
  return kh_look_rows(look, &call, tell_message, &messages, diag);
}

struct pipelines {
  void (*each)(void *self, const struct kh_look_pipeline *pipeline);
  void *self;
};

/* In the order of KH_SQL_PIPELINES. */
static bool tell_pipeline(const struct kh_call *call, void *self)
{
  const struct pipelines *pipelines = self;
  const struct kh_look_pipeline pipeline = {kh_call_text_at(call, 0), kh_call_text_at(call, 1),
                                            kh_call_text_at(call, 2), kh_call_number_at(call, 3)};

  pipelines->each(pipelines->self, &pipeline);
  return true;
}

enum kh_err kh_look_pipelines(struct kh_look *look,
                              void (*each)(void *self, const struct kh_look_pipeline *pipeline), void *self,
                              struct kh_diag *diag)
{
  struct pipelines pipelines = {each, self};

  if (!look->db)
    return KH_OK;
  struct kh_call call = kh_call(look->db, KH_SQL_PIPELINES);
  return kh_look_rows(look, &call, tell_pipeline, &pipelines, diag);
}
