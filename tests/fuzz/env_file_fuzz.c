/*
 * Target: handler/config/env_file.c. Aborts where the reader takes a text and finds other names or values in
 * it than systemd would, where result and mistakes disagree, where a name cannot be used or is not found, and
 * where a message depends on what the text says.
 */
#include "base/base.h"

#include "config/parts.h"
#include "fuzz/replay.h"
#include "support/guard.h"

static void need(bool is_so)
{
  if (!is_so)
    abort();
}

/*
 * The oracle: systemd's own machine (254, src/basic/env-file.c, parse_env_file_internal), state by state,
 * whose shape has nothing in common with the reader's.
 */
enum state { BEFORE_NAME, NAME, BEFORE_VALUE, BARE, BARE_ESCAPE, SINGLE, DOUBLE, DOUBLE_ESCAPE, COMMENT };

struct machine {
  enum state state;
  struct kh_buf *entries;
  struct kh_buf name, value;
  size_t name_end, value_end; /* without the blanks behind them */
};

static bool is_one_of(const char *set, char c)
{
  return memchr(set, c, strlen(set)) != NULL;
}

static void push(struct kh_buf *text, size_t *end, char c, bool counts)
{
  need(kh_buf_add_byte(text, c) == KH_OK);
  if (counts)
    *end = text->len;
}

static void end_entry(struct machine *machine)
{
  if (machine->state != BEFORE_NAME && machine->state != NAME && machine->state != COMMENT)
    need(kh_buf_printf(machine->entries, "%.*s=%.*s", (int)machine->name_end, kh_buf_text(&machine->name),
                       (int)machine->value_end, kh_buf_text(&machine->value)) == KH_OK &&
         kh_buf_add_byte(machine->entries, '\0') == KH_OK);
  machine->state = BEFORE_NAME;
  machine->name.len = machine->name_end = 0;
  machine->value.len = machine->value_end = 0;
}

static void step_name(struct machine *machine, char c)
{
  if (is_one_of("\r\n", c))
    end_entry(machine);
  else if (machine->state == BEFORE_NAME && is_one_of("#;", c))
    machine->state = COMMENT;
  else if (machine->state == NAME && c == '=')
    machine->state = BEFORE_VALUE;
  else if (machine->state == NAME || (machine->state == BEFORE_NAME && !is_one_of(" \t", c))) {
    machine->state = NAME;
    push(&machine->name, &machine->name_end, c, !is_one_of(" \t", c));
  }
}

static void step_value(struct machine *machine, char c)
{
  const bool is_blank = is_one_of(" \t", c);

  if (is_one_of("\r\n", c))
    end_entry(machine);
  else if (c == '\\') {
    machine->state = BARE_ESCAPE;
    machine->value_end = machine->value.len;
  } else if (machine->state == BEFORE_VALUE && c == '\'')
    machine->state = SINGLE;
  else if (machine->state == BEFORE_VALUE && c == '"')
    machine->state = DOUBLE;
  else if (machine->state == BARE || !is_blank) {
    machine->state = BARE;
    push(&machine->value, &machine->value_end, c, !is_blank);
  }
}

static void step_quoted(struct machine *machine, char c)
{
  const enum state state = machine->state;

  if (c == (state == SINGLE ? '\'' : '"') && state != DOUBLE_ESCAPE)
    machine->state = BEFORE_VALUE;
  else if (state == DOUBLE && c == '\\')
    machine->state = DOUBLE_ESCAPE;
  else {
    if (state == DOUBLE_ESCAPE && !is_one_of("\"\\`$\n", c))
      push(&machine->value, &machine->value_end, '\\', true);
    if (state != DOUBLE_ESCAPE || c != '\n')
      push(&machine->value, &machine->value_end, c, true);
    machine->state = state == SINGLE ? SINGLE : DOUBLE;
  }
}

static void read_as_systemd(struct kh_str text, struct kh_buf *entries)
{
  struct machine machine = {.state = BEFORE_NAME, .entries = entries};

  kh_buf_init(&machine.name, text.len + 1);
  kh_buf_init(&machine.value, text.len + 1);
  for (size_t i = 0; i < text.len; i++) {
    const char c = text.at[i];

    if (machine.state <= NAME || machine.state == COMMENT)
      step_name(&machine, c);
    else if (machine.state == BARE_ESCAPE) {
      machine.state = BARE;
      if (!is_one_of("\r\n", c))
        push(&machine.value, &machine.value_end, c, true);
    } else if (machine.state == BEFORE_VALUE || machine.state == BARE)
      step_value(&machine, c);
    else
      step_quoted(&machine, c);
  }
  end_entry(&machine);
  kh_buf_release(&machine.name);
  kh_buf_release(&machine.value);
}

static void check_entries(const struct kh_buf *entries)
{
  struct kh_str rest = kh_buf_view(entries);

  need(rest.len == 0 || rest.at[rest.len - 1] == '\0');
  while (rest.len > 0) {
    struct kh_str value = kh_str_cut(&rest, '\0');
    struct kh_str name = kh_str_cut(&value, '=');
    char text[KH_ENV_FILE_MAX_BYTES];

    need(value.at && kh_env_name_is_valid(name));
    (void)snprintf(text, sizeof text, "%.*s", KH_FMT(name));
    need(kh_env_file_get(entries, text).at >= value.at); /* the last one counts */
  }
}

/* A message is one of a few sentences: nothing of the text can be in it. */
static void check_messages(const struct kh_diags *diags)
{
  static const char *const sentences[] = {
      "not an assignment; write NAME=value, or # before a comment",
      "`export` is not supported; write NAME=value",
      "not a usable name before the =; names are letters, digits and _",
      "the single quote that begins here is not closed",
      "the double quote that begins here is not closed",
      "a NUL byte; this is not a text of NAME=value lines",
  };

  for (size_t i = 0; i < diags->count; i++) {
    size_t at = 0;

    while (at < KH_COUNT(sentences) && strcmp(diags->at[i].text, sentences[at]) != 0)
      at++;
    need(at < KH_COUNT(sentences));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_diags diags = {0};
  struct kh_guard guard = {0};
  struct kh_buf entries, wanted;

  if (size >= KH_ENV_FILE_MAX_BYTES)
    return 0;
  struct kh_str text = kh_guard_end(&guard, kh_str((const char *)data, size));
  kh_buf_init(&entries, size + 1);
  kh_buf_init(&wanted, size + 1);
  enum kh_err err = kh_env_file_parse(text, "env", &entries, &diags);
  need(kh_buf_ok(&entries) == KH_OK && (err == KH_OK) == (diags.count == 0));
  check_entries(&entries);
  check_messages(&diags);
  if (!err) {
    read_as_systemd(kh_without_bom(text), &wanted);
    need(kh_str_equal(kh_buf_view(&entries), kh_buf_view(&wanted)));
  }
  kh_buf_release(&entries);
  kh_buf_release(&wanted);
  kh_diags_release(&diags);
  kh_guard_release(&guard);
  return 0;
}
