/*
 * Templates for tests/model/template_model.py: one JSON object a line in, {"template", "names", "without",
 * "escape", "max"}, one a line out: {"text", "undecided"}, or {"mistakes": [[byte, length, text, hint], …]}.
 * `escape` is "plain", or "marked", which puts each value between [ and ].
 */
#include "base/base.h"

#include "language/names/names_json.h"
#include "language/template/template.h"
#include "words/text.h"

enum { LINE_MAX_BYTES = 1 << 20, OUT_MAX_BYTES = 1 << 20 };

static enum kh_err mark(struct kh_buf *out, struct kh_str value, enum kh_template_sort sort)
{
  (void)sort;
  (void)kh_buf_add_byte(out, '[');
  (void)kh_buf_add(out, value);
  return kh_buf_add_byte(out, ']');
}

static void tell(void *self, const struct kh_mistake *mistake)
{
  json_array_append_new(self, json_pack("[I,I,s,s]", (json_int_t)mistake->at, (json_int_t)mistake->len,
                                        mistake->text, mistake->hint));
}

static json_t *render(const struct kh_template *template, const json_t *asked)
{
  struct kh_names_json json = {json_object_get(asked, "names"), json_object_get(asked, "without")};
  const char *escape = json_string_value(json_object_get(asked, "escape"));
  const json_t *max = json_object_get(asked, "max");
  const struct kh_names names = kh_names_json(&json);
  const struct kh_template_format format = {max ? (size_t)json_integer_value(max) : 3000, kh_text_line,
                                            escape && strcmp(escape, "marked") == 0 ? mark : NULL};
  struct kh_mistake undecided = {.kind = KH_MISTAKE_NONE};
  struct kh_buf out;

  kh_buf_init(&out, OUT_MAX_BYTES);
  enum kh_err err = kh_template_render(template, &names, &format, &out, &undecided);
  json_t *answer = err ? json_pack("{s:s}", "error", kh_err_token(err))
                       : json_pack("{s:s%,s:b}", "text", kh_buf_text(&out), out.len, "undecided",
                                   undecided.kind != KH_MISTAKE_NONE);
  kh_buf_release(&out);
  return answer;
}

static json_t *answer_to(const json_t *asked)
{
  const json_t *text = json_object_get(asked, "template");
  json_t *mistakes = json_array();
  const struct kh_template_reader reader = {mistakes, tell, NULL, false};
  struct kh_template *template = NULL;

  enum kh_err err = kh_template_compile(&template, kh_str(json_string_value(text), json_string_length(text)),
                                        &reader);
  json_t *answer = err ? json_pack("{s:O}", "mistakes", mistakes) : render(template, asked);
  json_decref(mistakes);
  kh_template_free(template);
  return answer;
}

int main(void)
{
  char *line = malloc(LINE_MAX_BYTES);
  bool good = line != NULL;

  while (good && fgets(line, LINE_MAX_BYTES, stdin)) {
    json_t *asked = json_loads(line, JSON_ALLOW_NUL, NULL);
    json_t *answer = asked ? answer_to(asked) : NULL;

    good = answer && json_dumpf(answer, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF;
    json_decref(answer);
    json_decref(asked);
  }
  free(line);
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
