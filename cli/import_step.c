#include "base/base.h"

#include "base/utf8.h"
#include "import.h"
#include "kitehook.h"

/* The text under the first of KEYS that STEP has; NULL. */
static const char *first_text(const json_t *step, const char *const *keys)
{
  for (; *keys; keys++) {
    const char *text = kh_config_text(json_object_get(step, *keys));

    if (text && *text)
      return text;
  }
  return NULL;
}

static const char *key_of(const json_t *step)
{
  return first_text(step, (const char *const[]){"key", "id", "identifier", NULL});
}

static const char *label_of(const json_t *step)
{
  return first_text(step, (const char *const[]){"label", "name", NULL});
}

/* Appends the commands of STEP as a job has them: one a line. */
static void add_commands(const json_t *step, struct kh_buf *out)
{
  const json_t *node = json_object_get(step, "command");
  const json_t *line = NULL;
  size_t i = 0;

  node = node ? node : json_object_get(step, "commands");
  if (kh_config_text(node))
    (void)kh_buf_add(out, kh_str_of(kh_config_text(node)));
  json_array_foreach(node, i, line)
  {
    const char *text = kh_config_text(line);

    (void)kh_buf_printf(out, "%s%s", i > 0 ? "\n" : "", text ? text : "");
  }
}

/* Each job of a step has something else there. */
static bool varies(struct kh_str text)
{
  static const char *const marks[] = {"{{", "%n", "%N", "%t"};

  for (size_t i = 0; i < KH_COUNT(marks); i++)
    if (memmem(text.at, text.len, marks[i], 2))
      return true;
  return false;
}

/* NAME == 'TEXT': in single quotes a condition knows no variables, and just two escapes. */
static void add_equals(struct kh_buf *out, const char *name, struct kh_str text)
{
  (void)kh_buf_printf(out, "%s == '", name);
  for (size_t i = 0; i < text.len; i++) {
    if (text.at[i] == '\'' || text.at[i] == '\\')
      (void)kh_buf_add_byte(out, '\\');
    (void)kh_buf_add_byte(out, text.at[i]);
  }
  (void)kh_buf_add_byte(out, '\'');
}

bool kh_import_step(const json_t *step, struct kh_buf *condition, char why[KH_IMPORT_WHY_BYTES])
{
  const char *const key = key_of(step);
  const char *const label = label_of(step);
  struct kh_buf written;
  struct kh_buf text;
  bool is_named = false;

  kh_buf_init(&written, KH_IMPORT_TEXT_BYTES);
  kh_buf_init(&text, KH_IMPORT_TEXT_BYTES);
  if (key || label)
    (void)kh_buf_add(&written, kh_str_of(key ? key : label));
  else
    add_commands(step, &written);
  if (written.len == 0)
    (void)snprintf(why, KH_IMPORT_WHY_BYTES,
                   "nothing tells this step's jobs from others; give the step a `key`");
  else if (varies(kh_buf_view(&written)) || !kh_import_fixed(kh_buf_view(&written), &text))
    (void)snprintf(why, KH_IMPORT_WHY_BYTES, "its jobs do not have its %s as it stands; give the step a %s",
                   key     ? "key"
                   : label ? "label"
                           : "command",
                   key ? "fixed `key`" : "`key`");
  else
    is_named = true;
  if (is_named)
    add_equals(condition, key ? "step.key" : label ? "step.label" : "job.command", kh_buf_view(&text));
  kh_buf_release(&text);
  kh_buf_release(&written);
  return is_named;
}

bool kh_import_step_is_by_command(const json_t *step)
{
  return !key_of(step) && !label_of(step);
}

const char *kh_import_step_name(const json_t *step)
{
  const char *other = first_text(
      step, (const char *const[]){"group", "command", "commands", "trigger", "block", "input", "wait", NULL});

  return key_of(step) ? key_of(step) : label_of(step) ? label_of(step) : other;
}
