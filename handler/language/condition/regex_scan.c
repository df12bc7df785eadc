#include "base/base.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "language/condition/regex.h"

struct scan {
  struct kh_str source;
  size_t at;
  struct kh_buf *out;
  struct kh_regex_weight *weight;
  struct kh_regex_fault *fault;
};

static bool refuse(const struct scan *scan, size_t at, const char *what, const char *why)
{
  scan->fault->at = at;
  (void)snprintf(scan->fault->text, sizeof scan->fault->text, "%s%s", what, why);
  return false;
}

static char peek(const struct scan *scan, size_t ahead)
{
  return ahead < scan->source.len - scan->at ? scan->source.at[scan->at + ahead] : '\0';
}

static bool begins(const struct scan *scan, const char *text)
{
  return kh_str_starts(kh_str(scan->source.at + scan->at, scan->source.len - scan->at), kh_str_of(text));
}

static void take(struct scan *scan, size_t bytes)
{
  kh_buf_add(scan->out, kh_str(scan->source.at + scan->at, bytes));
  scan->at += bytes;
}

/* At a backslash, in a class or outside. */
static bool escape(struct scan *scan)
{
  char c = peek(scan, 1);

  if (scan->source.len - scan->at < 2)
    return refuse(scan, scan->at, "", "a backslash at the end");
  if (c != '\0' && strchr("hHRXKNQECVgo", c))
    return refuse(scan, scan->at, (char[]){'\\', c, '\0'}, " is not supported");
  if (c == 'v') {
    kh_buf_add(scan->out, KH_STR("\\x0b"));
    scan->at += 2;
    return true;
  }
  if (c == 'u') {
    for (size_t i = 2; i < 6; i++)
      if (kh_hex_digit(peek(scan, i)) < 0)
        return refuse(scan, scan->at, "", "\\u needs four hexadecimal digits");
    kh_buf_printf(scan->out, "\\x{%.4s}", scan->source.at + scan->at + 2);
    scan->at += 6;
    return true;
  }
  if (c == 'x' && peek(scan, 2) != '{' &&
      !(kh_hex_digit(peek(scan, 2)) >= 0 && kh_hex_digit(peek(scan, 3)) >= 0))
    return refuse(scan, scan->at, "", "\\x needs two hexadecimal digits");
  take(scan, 2);
  return true;
}

/* Behind the ":" of "[:name:]": the bytes to its end, 0 when it is none. */
static size_t set_length(const struct scan *scan)
{
  char marker = peek(scan, 1);

  if (marker != ':' && marker != '.' && marker != '=')
    return 0;
  for (size_t i = 2; scan->at + i + 1 < scan->source.len; i++)
    if (peek(scan, i) == marker && peek(scan, i + 1) == ']')
      return i + 2;
  return 0;
}

/* From "[" to its "]". What never closes is left to PCRE2. */
static bool class_of(struct scan *scan)
{
  size_t members = 0;

  take(scan, 1);
  if (peek(scan, 0) == '^')
    take(scan, 1);
  if (peek(scan, 0) == ']')
    take(scan, 1);
  while (scan->at < scan->source.len) {
    char c = peek(scan, 0);
    size_t set = c == '[' ? set_length(scan) : 0;

    members += ((unsigned char)c & 0xC0) == 0xC0;
    if (c == '\\') {
      members += peek(scan, 1) != '\0' && strchr("pPux01234567", peek(scan, 1));
      if (!escape(scan))
        return false;
    } else if (begins(scan, "-[")) {
      return refuse(scan, scan->at, "", "\"-[\" in a class means different things in different dialects");
    } else if (begins(scan, "&&")) {
      return refuse(scan, scan->at, "", "\"&&\" in a class means different things in different dialects");
    } else {
      take(scan, set > 0 ? set : 1);
      if (c == ']')
        break;
    }
  }
  if (members > scan->weight->members)
    scan->weight->members = members;
  return true;
}

/* "(?ims-x" and then ":" or ")". */
static bool is_options(const struct scan *scan)
{
  size_t i = 2;

  while (peek(scan, i) != '\0' && strchr("imsx-", peek(scan, i))) {
    /* Twice x is more than x in PCRE2. */
    if (peek(scan, i) == 'x' && peek(scan, i + 1) == 'x')
      return false;
    i++;
  }
  return i > 2 && (peek(scan, i) == ':' || peek(scan, i) == ')');
}

static bool group(struct scan *scan)
{
  static const struct {
    const char *begin;
    const char *what;
  } unsupported[] = {
      {"(*", "verbs \"(*\""},   {"(?<=", "lookbehinds"},     {"(?<!", "negative lookbehinds"},
      {"(?>", "atomic groups"}, {"(?<", "named groups"},     {"(?P<", "named groups"},
      {"(?'", "named groups"},  {"(?(", "conditionals"},     {"(?P", "named references"},
      {"(?R", "recursion"},     {"(?&", "recursion"},        {"(?|", "branch reset groups"},
      {"(?C", "callouts"},      {"(?^", "option resetting"},
  };

  for (size_t i = 0; i < KH_COUNT(unsupported); i++)
    if (begins(scan, unsupported[i].begin))
      return refuse(scan, scan->at, unsupported[i].what, " are not supported");
  if (begins(scan, "(?#")) {
    while (scan->at < scan->source.len && peek(scan, 0) != ')')
      take(scan, 1);
    if (scan->at < scan->source.len)
      take(scan, 1);
    return true;
  }
  if (peek(scan, 1) == '?' && !(peek(scan, 2) != '\0' && strchr(":=!", peek(scan, 2))) && !is_options(scan))
    return refuse(scan, scan->at, "", "this kind of group is not supported");
  take(scan, 1);
  /* Its "?" is no quantifier. */
  if (peek(scan, 0) == '?')
    take(scan, 1);
  return true;
}

/* The bytes of a bound "{2}", "{2,}", "{2,3}"; 0 when it is none. */
static size_t bound_length(const struct scan *scan)
{
  size_t i = 1;

  while (kh_is_digit(peek(scan, i)))
    i++;
  if (i == 1)
    return 0;
  if (peek(scan, i) == ',')
    i++;
  while (kh_is_digit(peek(scan, i)))
    i++;
  return peek(scan, i) == '}' ? i + 1 : 0;
}

/* At a bound. What is too large for PCRE2 is left to it. */
static void weigh_bound(const struct scan *scan)
{
  size_t repeats = 0;

  for (size_t i = 1; kh_is_digit(peek(scan, i)) && repeats <= UINT16_MAX; i++)
    repeats = 10 * repeats + (size_t)(peek(scan, i) - '0');
  if (repeats > scan->weight->repeats)
    scan->weight->repeats = repeats;
}

static bool quantifier(struct scan *scan)
{
  size_t length = peek(scan, 0) == '{' ? bound_length(scan) : 1;

  if (length == 0 && peek(scan, 1) == ',' && kh_is_digit(peek(scan, 2))) {
    size_t i = 2;

    while (kh_is_digit(peek(scan, i)))
      i++;
    if (peek(scan, i) == '}')
      return refuse(scan, scan->at, "", "\"{,n}\" means different things in different dialects; write {0,n}");
  }
  if (length > 0 && peek(scan, length) == '+')
    return refuse(scan, scan->at, "possessive quantifiers", " are not supported");
  if (length > 1)
    weigh_bound(scan);
  take(scan, length > 0 ? length : 1);
  return true;
}

bool kh_regex_scan(struct kh_str source, struct kh_buf *out, struct kh_regex_weight *weight,
                   struct kh_regex_fault *fault)
{
  struct scan scan = {.source = source, .out = out, .weight = weight, .fault = fault};

  while (scan.at < source.len) {
    bool fine = true;

    switch (peek(&scan, 0)) {
    case '\\':
      fine = escape(&scan);
      break;
    case '[':
      fine = class_of(&scan);
      break;
    case '(':
      fine = group(&scan);
      break;
    case '?':
    case '*':
    case '+':
    case '{':
      fine = quantifier(&scan);
      break;
    default:
      take(&scan, 1);
    }
    if (!fine)
      return false;
  }
  return true;
}
