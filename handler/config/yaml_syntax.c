#include "base/base.h"

#include "base/utf8.h"
#include "config/yaml_reader.h"

struct cure {
  const char *problem; /* what libyaml says, or a part of it */
  const char *cure;
};

static const struct cure cures[] = {
    {"mapping values are not allowed in this context",
     "check the indentation, and quote a text that has a colon and a blank in it"},
    {"found character that cannot start any token",
     "indent with spaces, not tabs, and quote a text that begins with @ or %"},
    {"could not find expected ':'", "each line of a mapping is `key: value`"},
    {"found unexpected end of stream", "a quote or a bracket is not closed"},
    {"control characters are not allowed", "write plain UTF-8 text"},
    {" UTF-8 ", "save the file as UTF-8"},
    {"did not find expected alphabetic or numeric character",
     "quote a text that begins with & or *, or goes on behind a # comment"},
};

static const char *cure_of(const char *problem)
{
  for (size_t i = 0; i < KH_COUNT(cures); i++)
    if (strstr(problem, cures[i].problem))
      return cures[i].cure;
  return "check indentation, quotes and brackets here and above";
}

/* libyaml knows only the offset of a byte that it cannot decode. */
static yaml_mark_t place_of_byte(struct kh_str text, size_t offset)
{
  yaml_mark_t at = {0, 0, 0};

  for (size_t i = 0; i < offset && i < text.len; i++) {
    if (text.at[i] == '\n') {
      at.line++;
      at.column = 0;
    } else if (kh_utf8_begins(text.at[i])) {
      at.column++;
    }
  }
  return at;
}

enum kh_err kh_yaml_syntax_mistake(struct kh_yaml_reader *reader)
{
  const yaml_parser_t *parser = &reader->parser;

  if (parser->error == YAML_MEMORY_ERROR)
    return KH_ERR_NO_MEMORY;

  /* A constant of libyaml: it never quotes the file, which may hold a credential. */
  const char *problem = parser->problem ? parser->problem : "it cannot be read";
  yaml_mark_t at = parser->error == YAML_READER_ERROR ? place_of_byte(reader->text, parser->problem_offset)
                                                      : parser->problem_mark;

  return kh_yaml_mistake(reader, at, "not valid YAML: %s; %s", problem, cure_of(problem));
}
