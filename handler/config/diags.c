#include "base/base.h"

#include "base/buf.h"
#include "config/diags.h"

enum { FIRST_ROOM = 2 }; /* a receiver has room for a warning at every start, and no more */

void kh_diags_release(struct kh_diags *diags)
{
  free(diags->at);
  *diags = (struct kh_diags){0};
}

bool kh_diags_have_room(const struct kh_diags *diags, enum kh_err err)
{
  return diags && diags->count < KH_DIAGS_MAX && (err || diags->warnings < KH_DIAGS_WARN_MAX);
}

static bool is_said(const struct kh_diags *diags, const struct kh_diag *diag)
{
  for (size_t i = 0; i < diags->count && diag->line > 0; i++)
    if (diags->at[i].err == diag->err && diags->at[i].line == diag->line &&
        diags->at[i].column == diag->column && strcmp(diags->at[i].file, diag->file) == 0 &&
        strcmp(diags->at[i].text, diag->text) == 0)
      return true;
  return false;
}

static struct kh_diag *next_place(struct kh_diags *diags, enum kh_err err)
{
  if (!kh_diags_have_room(diags, err))
    return NULL;
  struct kh_diag *grown = kh_grown(diags->at, diags->count, &diags->room, FIRST_ROOM, sizeof *grown);
  if (!grown)
    return NULL;
  diags->at = grown;
  return &diags->at[diags->count];
}

enum kh_err kh_diags_add(struct kh_diags *diags, enum kh_err err, const char *file, unsigned line,
                         unsigned column, const char *format, ...)
{
  if (!diags)
    return err;

  struct kh_diag *diag = next_place(diags, err);
  if (!diag) {
    diags->more++;
    return err;
  }
  diag->err = err;
  diag->line = line;
  diag->column = column;
  (void)snprintf(diag->file, sizeof diag->file, "%s", file ? file : "");

  va_list values;
  va_start(values, format);
  (void)vsnprintf(diag->text, sizeof diag->text, format, values);
  va_end(values);
  if (is_said(diags, diag))
    return err;
  diags->count++;
  diags->warnings += err == KH_OK;
  return err;
}

static int compare(const struct kh_diag *a, const struct kh_diag *b)
{
  int files = strcmp(a->file, b->file);

  if (files != 0)
    return files;
  if (a->line != b->line)
    return a->line < b->line ? -1 : 1;
  return a->column == b->column ? 0 : a->column < b->column ? -1 : 1;
}

void kh_diags_sort(struct kh_diags *diags)
{
  for (size_t i = 1; i < diags->count; i++) {
    struct kh_diag diag = diags->at[i];
    size_t to = i;

    for (; to > 0 && compare(&diags->at[to - 1], &diag) > 0; to--)
      diags->at[to] = diags->at[to - 1];
    diags->at[to] = diag;
  }
}

struct kh_diag kh_diags_first(const struct kh_diags *diags)
{
  for (size_t i = 0; i < diags->count; i++)
    if (diags->at[i].err)
      return diags->at[i];
  return (struct kh_diag){0};
}
