#include "base/base.h"

#include "base/nearest.h"
#include "base/utf8.h"
#include "check_place.h"
#include "screen.h"

enum { WIDTH = 100, BEFORE_MAX = 70, BEFORE_KEPT = 40 };

/* A key, or a text below one whose texts may be shown. */
struct kh_place_of {
  const struct kh_yaml *yaml;
  const char *key;
  const json_t *text; /* NULL: the key alone */
  unsigned line, column;
};

static const char *const shown_keys[] = {"if", "branches", "pipelines", "events", "message", NULL};

static bool is_shown(const char *key)
{
  return shown_keys[kh_word_place(kh_str_of(key), shown_keys)] != NULL;
}

static void add(struct kh_places *places, struct kh_place_of place)
{
  if (places->count == places->room) {
    size_t room = places->room ? 2 * places->room : 64;
    struct kh_place_of *grown = reallocarray(places->at, room, sizeof *grown);

    if (!grown)
      return;
    places->at = grown;
    places->room = room;
  }
  places->at[places->count++] = place;
}

static void add_text(struct kh_places *places, const struct kh_yaml *yaml, const char *key,
                     const json_t *text)
{
  struct kh_place_of place = {.yaml = yaml, .key = key, .text = text};

  kh_yaml_place(place.yaml, text, &place.line, &place.column);
  add(places, place);
}

/* What could be a credential that stands where a key should is not shown, as in messages. */
static void add_key(struct kh_places *places, const struct kh_yaml *yaml, const json_t *object,
                    const char *key, const json_t *value)
{
  const char *text = json_string_value(value);
  struct kh_place_of place = {.yaml = yaml, .key = key};

  if (kh_config_shown(key).text[0] != '`' || (text && !*text))
    return;
  kh_yaml_key_place(place.yaml, object, key, &place.line, &place.column);
  add(places, place);
}

/* KEY is that of a rule whose texts may be shown, or NULL; IN_RULES is false above `notify`. */
static void walk(struct kh_places *places, const struct kh_yaml *yaml, const json_t *node, const char *key,
                 bool in_rules)
{
  json_t *tree = (json_t *)(uintptr_t)node; /* jansson's iterators take no const */
  const char *name = NULL;
  json_t *child = NULL;
  size_t i = 0;

  if (key && json_is_string(node))
    add_text(places, yaml, key, node);
  json_array_foreach(tree, i, child) walk(places, yaml, child, key, in_rules);
  json_object_foreach(tree, name, child)
  {
    add_key(places, yaml, node, name, child);
    walk(places, yaml, child, in_rules && is_shown(name) ? name : NULL,
         in_rules || strcmp(name, "notify") == 0);
  }
}

void kh_places_init(struct kh_places *places, const struct kh_config *config)
{
  *places = (struct kh_places){.config = config};
  if (config->yaml.root)
    walk(places, &config->yaml, config->yaml.root, NULL, false);
  for (const struct kh_included *file = config->included; file; file = file->next)
    if (file->yaml.root)
      walk(places, &file->yaml, file->yaml.root, NULL, true);
}

void kh_places_release(struct kh_places *places)
{
  free(places->at);
  *places = (struct kh_places){.config = NULL};
}

/* ---- finding ------------------------------------------------------------------------------- */

static bool is_before(unsigned line, unsigned column, unsigned other_line, unsigned other_column)
{
  return line < other_line || (line == other_line && column <= other_column);
}

/* The last that does not begin behind the mistake. */
static const struct kh_place_of *find(const struct kh_places *places, const struct kh_diag *diag)
{
  const struct kh_place_of *best = NULL;

  for (size_t i = 0; i < places->count; i++) {
    const struct kh_place_of *place = &places->at[i];

    if (place->line > 0 && strcmp(place->yaml->file, diag->file) == 0 &&
        is_before(place->line, place->column, diag->line, diag->column) &&
        (!best || is_before(best->line, best->column, place->line, place->column)))
      best = place;
  }
  return best;
}

static struct kh_str line_of(const struct kh_yaml *yaml, unsigned line)
{
  struct kh_str rest = kh_buf_view(&yaml->source);

  for (unsigned i = 1; i < line && rest.at; i++)
    (void)kh_str_cut(&rest, '\n');
  return rest.at ? kh_str_cut(&rest, '\n') : KH_NO_STR;
}

/* What stands before character COLUMN. */
static struct kh_str before(struct kh_str line, unsigned column)
{
  return kh_str(line.at, kh_utf8_bytes(line, column > 0 ? column - 1 : 0));
}

/* The part of the mistake's line that is text of PLACE: what stands before the mistake, and the rest. */
static bool find_text(const struct kh_place_of *place, const struct kh_diag *diag, struct kh_str *head,
                      struct kh_str *tail)
{
  struct kh_str line = line_of(place->yaml, diag->line);
  struct kh_str lead = before(line, diag->column);
  size_t begin = 0;
  size_t end = line.len;
  unsigned end_line = 0;
  unsigned end_column = 0;
  struct kh_str text = kh_str(json_string_value(place->text), json_string_length(place->text));
  unsigned characters = (unsigned)kh_utf8_count(text);

  kh_yaml_text_place(place->yaml, place->text, characters, &end_line, &end_column);
  if (!line.at || is_before(end_line, end_column, place->line, place->column) ||
      !is_before(diag->line, diag->column, end_line, end_column))
    return false;
  if (diag->line == place->line)
    begin = before(line, place->column).len;
  while (begin < lead.len && (line.at[begin] == ' ' || line.at[begin] == '\t'))
    begin++;
  if (diag->line == end_line) {
    end = before(line, end_column).len;
    end += end < line.len && (line.at[end] == '"' || line.at[end] == '\'');
  }
  *head = kh_str(line.at + begin, lead.len - begin);
  *tail = kh_str_trim(kh_str(line.at + lead.len, end > lead.len ? end - lead.len : 0));
  return true;
}

/* ---- what must not be shown ---------------------------------------------------------------- */

enum { SECRET_MIN_BYTES = 8 }; /* a shorter text counts only as a whole: `main` may stand anywhere */

static bool has(const char *text, const char *hidden)
{
  return strcmp(text, hidden) == 0 || (strlen(hidden) >= SECRET_MIN_BYTES && strstr(text, hidden) != NULL);
}

/* Does TEXT also stand, by an alias or written out, under a key that is not shown? Walks like walk(). */
static bool is_elsewhere(const json_t *node, const char *text, bool is_shown_here, bool in_rules)
{
  json_t *tree = (json_t *)(uintptr_t)node; /* jansson's iterators take no const */
  const char *name = NULL;
  json_t *child = NULL;
  size_t i = 0;

  if (json_is_string(node))
    return !is_shown_here && has(text, json_string_value(node)) && json_string_length(node) > 0;
  json_array_foreach(tree, i, child)
  {
    if (is_elsewhere(child, text, is_shown_here, in_rules))
      return true;
  }
  json_object_foreach(tree, name, child)
  {
    if (is_elsewhere(child, text, in_rules && is_shown(name), in_rules || strcmp(name, "notify") == 0))
      return true;
  }
  return false;
}

static bool may_show(const struct kh_config *config, const json_t *text)
{
  const char *shown = json_string_value(text);
  bool is_hidden = is_elsewhere(config->yaml.root, shown, false, false);

  for (const struct kh_included *file = config->included; file && !is_hidden; file = file->next)
    is_hidden = is_elsewhere(file->yaml.root, shown, false, true);
  return !is_hidden;
}

/* ---- printing ------------------------------------------------------------------------------ */

static bool is_word(char c)
{
  return kh_is_letter(c) || kh_is_digit(c) || c == '_' || c == '.' || (unsigned char)c >= 0x80;
}

static void print_lines(unsigned line, const char *label, struct kh_str head, struct kh_str tail)
{
  struct kh_str word = kh_str(tail.at, 0);
  unsigned columns = 0;
  bool is_cut = kh_screen_width(head) > BEFORE_MAX;

  while (is_cut && kh_screen_width(head) > BEFORE_KEPT)
    (void)kh_screen_next(&head, &columns);
  const char *close = tail.len > 1 && strchr("\"'/", tail.at[0])
                          ? memchr(tail.at + 1, tail.at[0], tail.len - 1)
                          : NULL;
  if (close)
    word.len = (size_t)(close - tail.at) + 1;
  while (word.len < tail.len && is_word(tail.at[word.len]))
    word.len++;
  printf("%6u | %s%s", line, label, is_cut ? "..." : "");
  kh_screen_put(head, WIDTH);
  kh_screen_put(tail, WIDTH - kh_screen_width(head));
  printf("\n       | %*s", (int)(strlen(label) + (is_cut ? 3 : 0) + kh_screen_width(head)), "");
  unsigned carets = kh_screen_width(word);
  unsigned most = WIDTH - kh_screen_width(head);
  for (unsigned i = 0; i < (carets > most ? most : carets) || i == 0; i++)
    putchar('^');
  putchar('\n');
}

void kh_places_print(const struct kh_places *places, const struct kh_diag *diag)
{
  const struct kh_place_of *place = diag->line > 0 ? find(places, diag) : NULL;
  struct kh_str head = KH_STR("");
  struct kh_str tail = KH_STR("");
  char label[64] = "";

  if (!place)
    return;
  if (!place->text) {
    if (place->line == diag->line && place->column == diag->column)
      print_lines(diag->line, "", head, kh_str_of(place->key));
    return;
  }
  if (diag->line == place->line)
    (void)snprintf(label, sizeof label, "%.32s: ", place->key);
  if (may_show(places->config, place->text) && find_text(place, diag, &head, &tail))
    print_lines(diag->line, label, head, tail);
}
