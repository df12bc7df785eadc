#include "base/base.h"

#include "base/clock.h"
#include "notify/notifiers.h"
#include "output.h"
#include "screen.h"

static json_t *json_of(struct kh_str text)
{
  return json_loadb(text.len > 0 ? text.at : "", text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

json_t *kh_output_json(struct kh_str text)
{
  json_t *value = json_of(text);

  return value ? value : json_stringn(text.at ? text.at : "", text.len);
}

json_t *kh_output_text(struct kh_str text)
{
  return text.len > 0 ? json_stringn(text.at, text.len) : json_null();
}

/* A credential begins with its notifier's name. */
static void show_place(struct kh_str credential, struct kh_str place, struct kh_buf *shown)
{
  const struct kh_notifier *notifier = kh_notifier_named(kh_str_cut(&credential, ' '));

  kh_buf_init(shown, 2 * (size_t)KH_PLACE_BYTES);
  if (notifier && notifier->show_place)
    notifier->show_place(place, shown);
  else
    (void)kh_buf_add(shown, place);
}

json_t *kh_output_place(struct kh_str credential, struct kh_str place)
{
  struct kh_buf shown;

  show_place(credential, place, &shown);
  json_t *text = kh_output_text(kh_buf_view(&shown));
  kh_buf_release(&shown);
  return text;
}

json_t *kh_output_destination(struct kh_str credential, struct kh_str place)
{
  struct kh_buf shown;

  show_place(credential, place, &shown);
  json_t *text = json_sprintf("%.*s%s%s", KH_FMT(credential), place.len > 0 ? " " : "", kh_buf_text(&shown));
  kh_buf_release(&shown);
  return text;
}

const char *kh_output_verb(const struct kh_rule *rule)
{
  if (rule->notifier->deliver)
    return NULL;
  return rule->notifier->by_mail ? "mail" : kh_verb_name(rule->verb);
}

json_t *kh_output_time(int64_t at_us)
{
  char text[KH_TIME_TEXT_BYTES];

  if (at_us == 0)
    return json_null();
  kh_time_format(at_us, text);
  return json_string(text);
}

json_t *kh_output_diag(const struct kh_diag *diag)
{
  json_t *json = json_object();

  json_object_set_new(json, "file", kh_output_text(kh_str_of(diag->file)));
  json_object_set_new(json, "line", json_integer(diag->line));
  json_object_set_new(json, "column", json_integer(diag->column));
  json_object_set_new(json, "message", kh_output_text(kh_str_of(diag->text)));
  return json;
}

void kh_output_tell(json_t *answer)
{
  json_dumpf(answer, stdout, JSON_COMPACT);
  putchar('\n');
  json_decref(answer);
}

static void print_lines(struct kh_str rest)
{
  while (rest.at) {
    struct kh_str line = kh_str_cut(&rest, '\n');

    if (line.len == 0 && !rest.at)
      break;
    printf("    ");
    kh_screen_write(stdout, line);
    putchar('\n');
  }
}

static void print_pretty(const json_t *value)
{
  char *pretty = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);

  print_lines(kh_str_of(pretty ? pretty : "?"));
  free(pretty);
}

void kh_output_print_body(struct kh_str body)
{
  json_t *value = json_of(body);

  if (value)
    print_pretty(value);
  else
    print_lines(body);
  json_decref(value);
}

enum kh_err kh_output_add_notification(const struct kh_notifier *notifier, const json_t *body,
                                       struct kh_buf *text)
{
  if (notifier && notifier->say && notifier->say(body, text) == KH_OK)
    return kh_buf_ok(text);
  kh_buf_clear(text);
  char *pretty = json_is_string(body) ? NULL : json_dumps(body, JSON_INDENT(2) | JSON_ENCODE_ANY);
  const char *shown = pretty ? pretty : json_string_value(body);
  (void)kh_buf_add(text, kh_str_of(shown ? shown : "?"));
  free(pretty);
  return kh_buf_ok(text);
}

void kh_output_print_notification(const struct kh_notifier *notifier, const json_t *body)
{
  struct kh_buf text;

  kh_buf_init(&text, 16 * (size_t)KH_DELIVERY_MAX_BYTES);
  print_lines(kh_output_add_notification(notifier, body, &text) ? KH_STR("?") : kh_buf_view(&text));
  kh_buf_release(&text);
}

void kh_output_print_text(const json_t *text)
{
  kh_screen_write(stdout, json_is_string(text) ? kh_str(json_string_value(text), json_string_length(text))
                                               : KH_STR("-"));
}

void kh_output_print_member(const json_t *object, const char *name)
{
  kh_output_print_text(json_object_get(object, name));
}

void kh_output_print_members(const json_t *object, const char *const *names, size_t count, int width)
{
  for (size_t i = 0; i < count; i++) {
    if (json_is_null(json_object_get(object, names[i])))
      continue;
    printf("%-*s", width, names[i]);
    kh_output_print_member(object, names[i]);
    putchar('\n');
  }
}

void kh_output_span(int64_t span_us, char text[24])
{
  static const struct {
    int64_t seconds;
    char letter;
  } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
  int64_t seconds = (span_us < 0 ? -span_us : span_us) / 1000000;
  size_t i = 0;

  while (i + 1 < KH_COUNT(units) && seconds < 2 * units[i].seconds)
    i++;
  snprintf(text, 24, "%" PRId64 "%c", seconds / units[i].seconds, units[i].letter);
}

void kh_output_size(uint64_t bytes, char text[24])
{
  static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB"};
  uint64_t tenths = 0;
  size_t unit = 0;

  for (; unit + 1 < KH_COUNT(units) && bytes >= 1024; unit++) {
    tenths = bytes % 1024 * 10 / 1024;
    bytes /= 1024;
  }
  if (bytes < 10 && tenths > 0)
    snprintf(text, 24, "%" PRIu64 ".%" PRIu64 " %s", bytes, tenths, units[unit]);
  else
    snprintf(text, 24, "%" PRIu64 " %s", bytes, units[unit]);
}
