#include "base/base.h"

#include "cli.h"
#include "config/yaml_write.h"
#include "import.h"
#include "screen.h"

enum { OUTPUT_BYTES = 4 * 1024 * 1024 };

static const char *text_of(const json_t *object, const char *key)
{
  const char *text = json_string_value(json_object_get(object, key));

  return text ? text : "";
}

/* One line of a comment, whatever TEXT holds. */
static void put_text(const char *text)
{
  kh_screen_write(stdout, kh_str_of(text));
}

/* ---- YAML ---- */

static bool is_seen_whole(struct kh_str text)
{
  while (text.len > 0) {
    const char *at = text.at;
    unsigned columns = 0;
    const struct kh_str shown = kh_screen_next(&text, &columns);

    if (shown.at != at && *at != '\n')
      return false;
  }
  return true;
}

/* NODE, each line behind INDENT blanks. What a terminal would not show as it is stands there escaped. */
static void put_yaml(json_t *node, int indent)
{
  struct kh_buf text;

  kh_buf_init(&text, OUTPUT_BYTES);
  enum kh_err err = kh_yaml_write(node, false, &text);
  if (!err && !is_seen_whole(kh_buf_view(&text))) {
    kh_buf_clear(&text);
    err = kh_yaml_write(node, true, &text);
  }
  struct kh_str rest = kh_buf_view(&text);
  while (!err && rest.len > 0) {
    const struct kh_str line = kh_str_cut(&rest, '\n');

    printf("%*s%.*s\n", line.len > 0 ? indent : 0, "", KH_FMT(line));
  }
  if (err)
    puts("  # it cannot be written as YAML");
  kh_buf_release(&text);
}

/* ---- the file ---- */

static size_t count_of(const struct kh_import *import, const char *key)
{
  const json_t *entry = NULL;
  size_t count = 0;
  size_t i = 0;

  json_array_foreach(import->entries, i, entry) count += json_object_get(entry, key) != NULL;
  return count;
}

static void print_head(const struct kh_import *import)
{
  const size_t rules = count_of(import, "rule");
  const size_t refused = count_of(import, "refused");
  const json_t *file = NULL;
  size_t i = 0;

  printf("# By `kitehook import`: %zu %s", rules, rules == 1 ? "rule" : "rules");
  if (refused > 0)
    printf(", and %zu that could not be taken over: \"not taken over\" below says why", refused);
  puts(".");
  json_array_foreach(import->files, i, file)
  {
    fputs("#   ", stdout);
    put_text(text_of(file, "file"));
    fputs(" is of ", stdout);
    put_text(text_of(file, "pipeline"));
    printf(", by %s\n", text_of(file, "by"));
  }
}

static void print_variables(const struct kh_import *import)
{
  const char *name = NULL;
  json_t *place = NULL;

  if (json_object_size(import->variables) == 0)
    return;
  puts("# Variables that hold what stood in the open; put them into the file that `env_file:` names:");
  json_object_foreach(import->variables, name, place)
  {
    printf("#   %s: ", name);
    put_text(json_string_value(place));
    putchar('\n');
  }
}

static void print_services(const struct kh_import *import)
{
  if (json_object_size(import->services) == 0)
    return;
  json_t *services = kh_import_services(import->services);
  puts("services: # the accounts by which all is sent; fill in what is only an example");
  put_yaml(services, 2);
  json_decref(services);
}

static void print_entry(const json_t *entry)
{
  json_t *rule = json_object_get(entry, "rule");
  const json_t *remark = NULL;
  size_t i = 0;

  fputs("  # ", stdout);
  put_text(text_of(entry, "place"));
  if (json_object_get(entry, "of")) {
    fputs(", step ", stdout);
    put_text(text_of(entry, "of")[0] ? text_of(entry, "of") : "without a name");
  }
  if (!rule) {
    fputs(": not taken over: ", stdout);
    put_text(text_of(entry, "refused"));
  }
  putchar('\n');
  json_array_foreach(json_object_get(entry, "remarks"), i, remark)
  {
    fputs("  # ", stdout);
    put_text(json_string_value(remark));
    putchar('\n');
  }
  if (!rule)
    return;
  json_t *list = json_pack("[O]", rule);
  put_yaml(list, 2);
  json_decref(list);
}

/* ---- what has to be done by hand ---- */

static void complain(const struct kh_import *import)
{
  const char *name = NULL;
  json_t *value = NULL;
  size_t i = 0;

  json_object_foreach(import->variables, name, value)
  {
    fprintf(stderr, "kitehook import: put into %s what stands in ", name);
    kh_screen_write(stderr, kh_str_of(json_string_value(value)));
    fputc('\n', stderr);
  }
  json_array_foreach(import->entries, i, value)
  {
    if (!json_object_get(value, "refused"))
      continue;
    kh_screen_write(stderr, kh_str_of(text_of(value, "place")));
    fputs(": not taken over: ", stderr);
    kh_screen_write(stderr, kh_str_of(text_of(value, "refused")));
    fputc('\n', stderr);
  }
}

void kh_import_print(const struct kh_import *import)
{
  const json_t *entry = NULL;
  size_t i = 0;

  print_head(import);
  print_variables(import);
  puts("webhook:\n"
       "  signature: {env: WEBHOOK_SECRET} # of the webhook in Buildkite's settings\n"
       "state: /var/lib/kitehook");
  print_services(import);
  puts(count_of(import, "rule") > 0 ? "notify:" : "notify: []");
  json_array_foreach(import->entries, i, entry) print_entry(entry);
  complain(import);
}
