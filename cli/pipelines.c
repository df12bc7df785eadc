#include "base/base.h"

#include "base/nearest.h"
#include "pipelines.h"
#include "screen.h"

enum { SHOWN_MAX = 10 };

static void add_name(json_t *names, struct kh_str name)
{
  if (name.len > 0)
    json_array_append_new(names, json_stringn(name.at, name.len));
}

static void add_pipeline(void *self, const struct kh_look_pipeline *pipeline)
{
  add_name(self, pipeline->pipeline.len > 0 ? pipeline->pipeline : pipeline->id);
}

static bool add_branch(void *self, const struct kh_look_branch *branch)
{
  add_name(self, branch->branch);
  return true;
}

/* NULL when none is near, or there was no memory. */
static const char *nearest(const char *word, const json_t *names)
{
  const char **known = calloc(json_array_size(names) + 1, sizeof *known);
  const char *found = NULL;
  const json_t *name = NULL;
  size_t i = 0;

  if (!known)
    return NULL;
  json_array_foreach(names, i, name) known[i] = json_string_value(name);
  found = kh_word_nearest(kh_str_of(word), known);
  free(known);
  return found;
}

json_t *kh_cli_nearest_pipeline(struct kh_look *look, const char *pipeline)
{
  json_t *names = json_array(), *found = NULL;

  if (kh_look_pipelines(look, add_pipeline, names, NULL) == KH_OK) {
    const char *meant = nearest(pipeline, names);

    found = meant ? json_string(meant) : NULL;
  }
  json_decref(names);
  return found ? found : json_null();
}

/* Takes NAMES over. */
static int complain(const struct kh_command *self, const char *what, const char *word, json_t *names)
{
  const size_t count = json_array_size(names);
  const char *meant = nearest(word, names);

  fprintf(stderr, "kitehook %s: nothing is remembered of a %s '", self->name, what);
  kh_screen_write(stderr, kh_str_of(word));
  if (meant) {
    fputs("'; did you mean '", stderr);
    kh_screen_write(stderr, kh_str_of(meant));
  }
  fputs(meant ? "'? There is " : "'; there is ", stderr);
  for (size_t i = 0; i < count && i < SHOWN_MAX; i++) {
    fputs(i > 0 ? ", " : "", stderr);
    kh_screen_write(stderr, kh_str_of(json_string_value(json_array_get(names, i))));
  }
  if (count > SHOWN_MAX)
    fprintf(stderr, " and %zu more", count - SHOWN_MAX);
  fputc('\n', stderr);
  json_decref(names);
  return KH_EXIT_NO;
}

int kh_cli_no_pipeline(const struct kh_command *self, struct kh_look *look, const char *pipeline)
{
  json_t *names = json_array();
  struct kh_diag diag = {0};

  if (kh_look_pipelines(look, add_pipeline, names, &diag)) {
    json_decref(names);
    return kh_cli_fail(self, KH_EXIT_STATE, "%s", diag.text);
  }
  if (json_array_size(names) > 0 && pipeline)
    return complain(self, "pipeline", pipeline, names);
  json_decref(names);
  return kh_cli_fail(self, KH_EXIT_NO,
                     "nothing is remembered yet: no worker has worked on a webhook of a build or a job; "
                     "`kitehook status` says whether any waits");
}

int kh_cli_no_branch(const struct kh_command *self, struct kh_look *look, const char *pipeline,
                     const char *branch)
{
  const struct kh_look_at at = {.pipeline = kh_str_of(pipeline)};
  json_t *names = json_array();
  struct kh_diag diag = {0};

  if (kh_look_branches(look, &at, add_branch, names, &diag)) {
    json_decref(names);
    return kh_cli_fail(self, KH_EXIT_STATE, "%s", diag.text);
  }
  if (json_array_size(names) > 0)
    return complain(self, "branch", branch, names);
  json_decref(names);
  return kh_cli_no_pipeline(self, look, pipeline);
}
