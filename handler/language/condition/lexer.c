#include "base/base.h"

#include "base/utf8.h"
#include "language/condition/node.h"
#include "language/condition/shell.h"

static char peek(const struct kh_lexer *lexer, size_t ahead)
{
  return ahead < lexer->source.len - lexer->at ? lexer->source.at[lexer->at + ahead] : '\0';
}

static struct kh_str part(const struct kh_lexer *lexer, size_t begin, size_t end)
{
  return kh_str(lexer->source.at + begin, end - begin);
}

static struct kh_token bad(struct kh_lexer *lexer, size_t at, size_t len, const char *text)
{
  kh_mistake_set(lexer->mistake, KH_MISTAKE_PARSE, at, len, "%s", text);
  lexer->at = lexer->source.len;
  return (struct kh_token){.type = KH_TOKEN_BAD, .at = at, .len = len};
}

static struct kh_token token(struct kh_lexer *lexer, enum kh_token_type type, size_t at)
{
  return (struct kh_token){.type = type, .at = at, .len = lexer->at - at};
}

static void skip_blanks_and_comments(struct kh_lexer *lexer)
{
  while (lexer->at < lexer->source.len) {
    if (strchr(" \t\n\r", peek(lexer, 0)))
      lexer->at++;
    else if (peek(lexer, 0) == '/' && peek(lexer, 1) == '/')
      while (lexer->at < lexer->source.len && peek(lexer, 0) != '\n')
        lexer->at++;
    else
      break;
  }
}

static struct kh_token name(struct kh_lexer *lexer)
{
  static const struct {
    const char *text;
    enum kh_token_type type;
  } keywords[] = {{"true", KH_TOKEN_TRUE},
                  {"false", KH_TOKEN_FALSE},
                  {"null", KH_TOKEN_NULL},
                  {"includes", KH_TOKEN_INCLUDES}};
  size_t begin = lexer->at;

  while (kh_begins_name(peek(lexer, 0)) || kh_is_digit(peek(lexer, 0)) || peek(lexer, 0) == '.')
    lexer->at++;
  struct kh_str text = part(lexer, begin, lexer->at);
  for (size_t i = 0; i < KH_COUNT(keywords); i++)
    if (kh_str_equal(text, kh_str_of(keywords[i].text)))
      return token(lexer, keywords[i].type, begin);
  if (kh_str_ends(text, KH_STR(".")) || memmem(text.at, text.len, "..", 2))
    return bad(lexer, begin, text.len, "a name cannot end in a dot or have two in a row");
  struct kh_token made = token(lexer, KH_TOKEN_NAME, begin);
  made.body = text;
  return made;
}

static struct kh_token integer(struct kh_lexer *lexer)
{
  size_t begin = lexer->at;
  bool negative = peek(lexer, 0) == '-';
  uint64_t limit = (uint64_t)INT64_MAX + negative;
  uint64_t sum = 0;

  lexer->at += negative;
  uint64_t base = peek(lexer, 0) == '0' ? 8 : 10;
  for (; kh_is_digit(peek(lexer, 0)); lexer->at++) {
    uint64_t digit = (uint64_t)(peek(lexer, 0) - '0');

    if (digit >= base)
      return bad(lexer, begin, lexer->at + 1 - begin,
                 "a number that begins with 0 is octal: only the digits 0 to 7");
    if (sum > (limit - digit) / base)
      return bad(lexer, begin, lexer->at + 1 - begin, "a number beyond 64 bits");
    sum = sum * base + digit;
  }
  struct kh_token made = token(lexer, KH_TOKEN_INTEGER, begin);
  made.number = negative ? (int64_t)(~sum + 1) : (int64_t)sum;
  return made;
}

/* The text that BODY stands for. False: octal above 0377. */
static bool unescape(struct kh_lexer *lexer, struct kh_str body, bool double_quoted, struct kh_str *text)
{
  char *bytes = kh_arena_take(lexer->arena, body.len);
  size_t len = 0;

  for (size_t i = 0; bytes && i < body.len;) {
    bool pair = body.at[i] == '\\' && i + 1 < body.len;

    if (!pair) {
      bytes[len++] = body.at[i++];
    } else if (double_quoted) {
      if (!kh_escape_double(body, &i, &bytes[len++]))
        return false;
    } else {
      if (body.at[i + 1] != '\\' && body.at[i + 1] != '\'')
        bytes[len++] = '\\';
      bytes[len++] = body.at[i + 1];
      i += 2;
    }
  }
  *text = kh_str(bytes, len);
  return true;
}

static struct kh_token string(struct kh_lexer *lexer)
{
  size_t begin = lexer->at;
  char quote = peek(lexer, 0);

  for (lexer->at++; lexer->at < lexer->source.len && peek(lexer, 0) != quote;)
    lexer->at += peek(lexer, 0) == '\\' && lexer->at + 1 < lexer->source.len ? 2 : 1;
  if (lexer->at >= lexer->source.len)
    return bad(lexer, begin, 1, "this quote is never closed");
  struct kh_str body = part(lexer, begin + 1, lexer->at);
  lexer->at++;
  struct kh_token made = token(lexer, KH_TOKEN_STRING, begin);
  made.body = body;
  made.double_quoted = quote == '"';
  if (!unescape(lexer, body, made.double_quoted, &made.text))
    return bad(lexer, begin, made.len, "an octal escape above \\377 is no byte");
  return made;
}

static struct kh_token regex(struct kh_lexer *lexer)
{
  size_t begin = lexer->at;

  for (lexer->at++; lexer->at < lexer->source.len && peek(lexer, 0) != '/';)
    lexer->at += peek(lexer, 0) == '\\' && lexer->at + 1 < lexer->source.len ? 2 : 1;
  if (lexer->at >= lexer->source.len)
    return bad(lexer, begin, 1, "this \"/\" begins a regular expression that never ends");
  struct kh_str body = part(lexer, begin + 1, lexer->at++);
  size_t flags = lexer->at;
  while (kh_begins_name(peek(lexer, 0)))
    lexer->at++;
  for (size_t i = flags; i < lexer->at; i++)
    if (lexer->source.at[i] != 'i')
      return bad(lexer, i, 1, "the only flag of a regular expression is \"i\"");
  struct kh_token made = token(lexer, KH_TOKEN_REGEX, begin);
  made.body = body;
  made.flags = part(lexer, flags, lexer->at);
  return made;
}

static struct kh_token substitution(struct kh_lexer *lexer)
{
  size_t begin = lexer->at;
  size_t steps = KH_SHELL_STEPS;
  size_t length = kh_shell_length(lexer->source, begin, &steps);

  if (length == 0)
    return bad(lexer, begin, 1,
               peek(lexer, 1) == '{' ? "this \"${\" is never closed"
                                     : "\"$\" must be followed by a name or \"{\"");
  lexer->at += length;
  struct kh_token made = token(lexer, KH_TOKEN_SUBSTITUTION, begin);
  made.body = part(lexer, begin, lexer->at);
  return made;
}

static struct kh_token operator_or_bad(struct kh_lexer *lexer)
{
  static const struct {
    const char *text;
    enum kh_token_type type;
  } operators[] = {
      {"==", KH_TOKEN_EQUAL},       {"!=", KH_TOKEN_UNEQUAL},   {"=~", KH_TOKEN_MATCHES},
      {"!~", KH_TOKEN_MATCHES_NOT}, {"&&", KH_TOKEN_AND},       {"||", KH_TOKEN_OR},
      {"!", KH_TOKEN_NOT},          {"?", KH_TOKEN_QUESTION},   {":", KH_TOKEN_COLON},
      {",", KH_TOKEN_COMMA},        {"(", KH_TOKEN_OPEN},       {")", KH_TOKEN_CLOSE},
      {"[", KH_TOKEN_LIST_OPEN},    {"]", KH_TOKEN_LIST_CLOSE},
  };
  static const struct {
    char begin;
    const char *text;
  } advice[] = {
      {'=', "\"=\" alone is no operator; write \"==\""},
      {'&', "\"&\" alone is no operator; write \"&&\""},
      {'|', "\"|\" alone is no operator; write \"||\""},
      {'<', "there are no ordering operators; in kitehook's dialect at_least(a, b) compares numbers"},
      {'>', "there are no ordering operators; in kitehook's dialect at_least(a, b) compares numbers"},
      {'#', "a comment begins with //"},
      {'-', "there are no negative numbers in this dialect, and no subtraction"},
  };
  size_t begin = lexer->at;
  struct kh_str rest = part(lexer, begin, lexer->source.len);

  for (size_t i = 0; i < KH_COUNT(operators); i++)
    if (kh_str_starts(rest, kh_str_of(operators[i].text))) {
      lexer->at += strlen(operators[i].text);
      return token(lexer, operators[i].type, begin);
    }
  for (size_t i = 0; i < KH_COUNT(advice); i++)
    if (peek(lexer, 0) == advice[i].begin)
      return bad(lexer, begin, 1, advice[i].text);
  return bad(lexer, begin, 1, "this character means nothing outside of quotes");
}

struct kh_token kh_lexer_next(struct kh_lexer *lexer)
{
  skip_blanks_and_comments(lexer);
  char c = peek(lexer, 0);
  if (lexer->at >= lexer->source.len)
    return token(lexer, KH_TOKEN_END, lexer->at);
  if (kh_begins_name(c))
    return name(lexer);
  if (kh_is_digit(c) || (lexer->extended && c == '-' && kh_is_digit(peek(lexer, 1))))
    return integer(lexer);
  if (c == '"' || c == '\'')
    return string(lexer);
  if (c == '/')
    return regex(lexer);
  if (c == '$')
    return substitution(lexer);
  return operator_or_bad(lexer);
}
