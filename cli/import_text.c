#include "base/base.h"

#include "base/utf8.h"
#include "import.h"
#include "language/condition/condition.h"
#include "language/template/upload.h"

static bool refuse(char why[KH_IMPORT_WHY_BYTES], const char *format, ...) KH_PRINTF(2, 3);

static bool refuse(char why[KH_IMPORT_WHY_BYTES], const char *format, ...)
{
  va_list values;

  va_start(values, format);
  (void)vsnprintf(why, KH_IMPORT_WHY_BYTES, format, values);
  va_end(values);
  return false;
}

void kh_import_make_utf8(char *text)
{
  const char *end = text + strlen(text);

  while (text < end) {
    const int length = kh_utf8_length(text, end);

    if (length == 0)
      *text = '?';
    text += length > 0 ? length : 1;
  }
}

/* The NAME of `$NAME` or `${NAME…}` whose $ is at AT; absent when it is none. */
static struct kh_str name_at(struct kh_str text, size_t at)
{
  const size_t begin = at + 1 + (at + 1 < text.len && text.at[at + 1] == '{');
  size_t end = begin;

  while (end < text.len && (kh_begins_name(text.at[end]) || (end > begin && kh_is_digit(text.at[end]))))
    end++;
  return end > begin ? kh_str(text.at + begin, end - begin) : KH_NO_STR;
}

static bool is_escaped_dollar(struct kh_str text, size_t at)
{
  return at + 1 < text.len && (text.at[at] == '$' || text.at[at] == '\\') && text.at[at + 1] == '$';
}

/* ---- conditions ---- */

/* In what of the language a place is: 0, or the byte that ends it. */
static char state_behind(char state, struct kh_str text, size_t at)
{
  const char c = text.at[at];

  if (state)
    return c == state ? '\0' : state;
  if (c == '/' && at + 1 < text.len && text.at[at + 1] == '/')
    return '\n';
  return c == '"' || c == '\'' || c == '/' ? c : '\0';
}

/* The agent would write a value there. The language has it too, for names of the build and in some places. */
static bool stays(struct kh_str name, char state, char why[KH_IMPORT_WHY_BYTES])
{
  if (!kh_str_starts(name, KH_STR("BUILDKITE_")))
    return refuse(why, "its `if` has $%.*s, which only Buildkite's agent knows when it uploads the pipeline",
                  KH_FMT(name));
  if (state == '\'' || state == '/')
    return refuse(
        why,
        "its `if` has $%.*s between %s, where only Buildkite's agent replaces it; compare it in double "
        "quotes",
        KH_FMT(name), state == '/' ? "slashes" : "single quotes");
  return true;
}

/* What the language gets to see: the agent takes a $ off `$$` and a \ off `\$`. */
static bool upload_condition(struct kh_str text, struct kh_buf *out, char why[KH_IMPORT_WHY_BYTES])
{
  char state = '\0';

  for (size_t i = 0; i < text.len; i++) {
    const struct kh_str name = text.at[i] == '$' ? name_at(text, i) : KH_NO_STR;

    if (is_escaped_dollar(text, i)) {
      (void)kh_buf_add_byte(out, '$');
      i++;
      continue;
    }
    if (name.at && state != '\n' && !stays(name, state, why))
      return false;
    (void)kh_buf_add_byte(out, text.at[i]);
    if (state && state != '\n' && text.at[i] == '\\' && i + 1 < text.len)
      (void)kh_buf_add_byte(out, text.at[++i]);
    else
      state = state_behind(state, text, i);
  }
  return kh_buf_ok(out) == KH_OK || refuse(why, "its `if` is too long");
}

bool kh_import_condition(struct kh_str condition, bool of_step, struct kh_buf *out,
                         char why[KH_IMPORT_WHY_BYTES])
{
  struct kh_condition *compiled = NULL;
  struct kh_mistake mistake = {.kind = KH_MISTAKE_NONE};

  if (!upload_condition(condition, out, why))
    return false;
  enum kh_err err = kh_condition_compile(
      &compiled, kh_buf_view(out), KH_DIALECT_STRICT,
      of_step ? KH_ENTRYPOINT_STEP_NOTIFICATION : KH_ENTRYPOINT_BUILD_NOTIFICATION, &mistake);

  kh_condition_free(compiled);
  return !err || refuse(why, "Buildkite refuses its `if`: %s", mistake.text);
}

/* ---- texts ---- */

bool kh_import_fixed(struct kh_str text, struct kh_buf *out)
{
  for (size_t i = 0; i < text.len; i++) {
    const bool escaped = is_escaped_dollar(text, i);

    if (!escaped && text.at[i] == '$' && name_at(text, i).at)
      return false;
    (void)kh_buf_add_byte(out, text.at[i += escaped]);
  }
  return kh_buf_ok(out) == KH_OK;
}

/* Two braces are text at Buildkite, and begin a name here. */
static void add_braced(struct kh_str text, struct kh_buf *out)
{
  for (size_t i = 0; i < text.len; i++) {
    const bool braces = i + 1 < text.len && text.at[i] == text.at[i + 1] && strchr("{}", text.at[i]);

    if (braces)
      (void)kh_buf_printf(out, "{{\"%.2s\"}}", text.at + i++);
    else
      (void)kh_buf_add_byte(out, text.at[i]);
  }
}

/* As it stands where kitehook understands it so, too. */
static bool add_variable(struct kh_str text, const struct kh_upload *variable, struct kh_buf *out,
                         char why[KH_IMPORT_WHY_BYTES])
{
  const char *hint = NULL;
  const struct kh_name_info *name = kh_upload_name(variable->name, &hint);
  const bool is_whole = variable->from == 0 && variable->count == SIZE_MAX && variable->instead.len == 0;

  if (!variable->is_escape && !variable->is_odd && !name)
    return refuse(why, "it has $%.*s, which no webhook tells%s%s", KH_FMT(variable->name), hint ? ": " : "",
                  hint ? hint : "; write the text itself");
  if (variable->is_odd)
    return refuse(why, "it has ${%.*s…}, in a form that kitehook does not know", KH_FMT(variable->name));
  if (variable->is_escape || !is_whole)
    (void)kh_buf_add(out, kh_str(text.at + variable->at, variable->len));
  else
    (void)kh_buf_printf(out, "{{%s}}", name->text);
  return true;
}

bool kh_import_text(struct kh_str text, struct kh_buf *out, char why[KH_IMPORT_WHY_BYTES])
{
  struct kh_upload variable = {.len = 0};
  size_t at = 0;

  while (kh_upload_next(text, at, &variable)) {
    add_braced(kh_str(text.at + at, variable.at - at), out);
    if (!add_variable(text, &variable, out, why))
      return false;
    at = variable.at + variable.len;
  }
  add_braced(kh_str(text.at + at, text.len - at), out);
  return kh_buf_ok(out) == KH_OK || refuse(why, "a text of it is too long");
}
