#include "base/base.h"

#include "language/condition/node.h"
#include "language/condition/regex.h"
#include "language/condition/shell.h"

struct parser {
  struct kh_condition *condition;
  struct kh_lexer lexer;
  struct kh_token token; /* the one to be looked at */
  struct kh_mistake *mistake;
  size_t end; /* behind the last token that was taken */
  unsigned depth;
};

static struct kh_node *expression(struct parser *parser);

static struct kh_node *fail(struct parser *parser, size_t at, size_t len, const char *text)
{
  kh_mistake_set(parser->mistake, KH_MISTAKE_PARSE, at, len, "%s", text);
  return NULL;
}

static struct kh_node *unexpected(struct parser *parser, const char *wanted)
{
  if (parser->token.type == KH_TOKEN_END)
    kh_mistake_set(parser->mistake, KH_MISTAKE_PARSE, parser->token.at, 0,
                   "the condition ends where %s should be", wanted);
  else
    kh_mistake_set(parser->mistake, KH_MISTAKE_PARSE, parser->token.at, parser->token.len,
                   "%s should be here", wanted);
  return NULL;
}

static void advance(struct parser *parser)
{
  parser->end = parser->token.at + parser->token.len;
  parser->token = kh_lexer_next(&parser->lexer);
}

static bool accept(struct parser *parser, enum kh_token_type type)
{
  if (parser->token.type != type)
    return false;
  advance(parser);
  return true;
}

static struct kh_node *node(struct parser *parser, enum kh_node_type type, size_t at)
{
  struct kh_condition *condition = parser->condition;
  struct kh_node *made = NULL;

  if (++condition->nodes > KH_CONDITION_NODES_MAX)
    return fail(parser, at, 0, "the condition has too many parts");
  made = kh_arena_take(&condition->arena, sizeof *made);
  if (!made)
    return fail(parser, at, 0, "the condition is too large");
  made->type = type;
  made->at = at;
  made->len = parser->end > at ? parser->end - at : 0;
  return made;
}

/* CHILD, and what follows it, become the last children of PARENT. */
static struct kh_node *adopt(struct parser *parser, struct kh_node *parent, struct kh_node **last,
                             struct kh_node *child)
{
  if (!parent || !child)
    return NULL;
  if (*last)
    (*last)->next = child;
  else
    parent->first = child;
  *last = child;
  parent->len = parser->end - parent->at;
  if (child->depth + 1 > parent->depth)
    parent->depth = child->depth + 1;
  if (parent->depth > KH_CONDITION_DEPTH_MAX)
    return fail(parser, parent->at, parent->len, "the condition is nested too deeply");
  return parent;
}

static struct kh_node *constant(struct parser *parser, struct kh_value value)
{
  size_t at = parser->token.at;

  advance(parser);
  struct kh_node *made = node(parser, KH_NODE_CONSTANT, at);
  if (made)
    made->value = value;
  return made;
}

static struct kh_node *string(struct parser *parser)
{
  struct kh_token token = parser->token;

  advance(parser);
  struct kh_node *made = node(parser, KH_NODE_STRING, token.at);
  if (!made)
    return NULL;
  made->value = kh_value_text(token.text);
  made->body = token.body;
  if (token.double_quoted && !kh_shell_is_template(token.body, &made->is_template, &made->is_live))
    return fail(parser, token.at, token.len, "too many \"${\" in this string are never closed");
  return made;
}

static struct kh_node *regex(struct parser *parser)
{
  struct kh_token token = parser->token;
  struct kh_regex_fault fault = {0};
  struct kh_regex_link *link = kh_arena_take(&parser->condition->arena, sizeof *link);

  if (!link)
    return fail(parser, token.at, token.len, "the condition is too large");
  enum kh_err err = kh_regex_compile(&link->regex, token.body, token.flags, &fault);
  if (err == KH_ERR_CONFIG) {
    kh_mistake_set(parser->mistake, KH_MISTAKE_PARSE, token.at + 1 + fault.at, 1, "regular expression: %s",
                   fault.text);
    return NULL;
  }
  if (err) {
    parser->condition->arena.err = err;
    return fail(parser, token.at, token.len, "there is no memory for this regular expression");
  }
  link->next = parser->condition->regexes;
  parser->condition->regexes = link;
  return constant(parser, (struct kh_value){.kind = KH_KIND_REGEX, .regex = link->regex});
}

/* Items up to CLOSE, which is taken too. */
static struct kh_node *items(struct parser *parser, struct kh_node *parent, enum kh_token_type close,
                             const char *wanted)
{
  struct kh_node *last = NULL;

  if (!parent)
    return NULL;
  if (!accept(parser, close)) {
    do {
      if (!adopt(parser, parent, &last, expression(parser)))
        return NULL;
    } while (accept(parser, KH_TOKEN_COMMA));
    if (!accept(parser, close))
      return unexpected(parser, wanted);
  }
  parent->len = parser->end - parent->at;
  return parent;
}

static struct kh_node *group(struct parser *parser)
{
  struct kh_node *inner = NULL;

  advance(parser);
  inner = expression(parser);
  if (inner && !accept(parser, KH_TOKEN_CLOSE))
    return unexpected(parser, "\")\"");
  return inner;
}

static struct kh_node *primary(struct parser *parser)
{
  struct kh_token token = parser->token;
  struct kh_node *made = NULL;

  switch (token.type) {
  case KH_TOKEN_TRUE:
  case KH_TOKEN_FALSE:
    return constant(parser, kh_value_truth(token.type == KH_TOKEN_TRUE));
  case KH_TOKEN_NULL:
    return constant(parser, kh_value_null());
  case KH_TOKEN_INTEGER:
    return constant(parser, kh_value_number(token.number));
  case KH_TOKEN_STRING:
    return string(parser);
  case KH_TOKEN_REGEX:
    return regex(parser);
  case KH_TOKEN_SUBSTITUTION:
  case KH_TOKEN_NAME:
    advance(parser);
    made = node(parser, token.type == KH_TOKEN_NAME ? KH_NODE_VARIABLE : KH_NODE_SUBSTITUTION, token.at);
    if (made)
      made->body = token.body;
    if (!made || token.type != KH_TOKEN_NAME || !accept(parser, KH_TOKEN_OPEN))
      return made;
    made->type = KH_NODE_CALL;
    return items(parser, made, KH_TOKEN_CLOSE, "\",\" or \")\"");
  case KH_TOKEN_OPEN:
    return group(parser);
  case KH_TOKEN_LIST_OPEN:
    advance(parser);
    return items(parser, node(parser, KH_NODE_LIST, token.at), KH_TOKEN_LIST_CLOSE, "\",\" or \"]\"");
  default:
    return unexpected(parser, "a value");
  }
}

static struct kh_node *unary(struct parser *parser)
{
  size_t at = parser->token.at;
  size_t count = 0;
  struct kh_node *made = NULL;

  while (accept(parser, KH_TOKEN_NOT))
    if (++count > KH_CONDITION_DEPTH_MAX)
      return fail(parser, at, 0, "the condition is nested too deeply");
  made = primary(parser);
  for (; made && count > 0; count--) {
    struct kh_node *last = NULL;

    made = adopt(parser, node(parser, KH_NODE_NOT, at), &last, made);
  }
  return made;
}

static struct kh_node *compare(struct parser *parser)
{
  struct kh_node *left = unary(parser);

  while (left && ((parser->token.type >= KH_TOKEN_EQUAL && parser->token.type <= KH_TOKEN_MATCHES_NOT) ||
                  parser->token.type == KH_TOKEN_INCLUDES)) {
    struct kh_node *made = node(parser, KH_NODE_COMPARE, left->at);
    struct kh_node *last = NULL;

    if (!made)
      return NULL;
    made->op = parser->token.type;
    advance(parser);
    if (!adopt(parser, made, &last, left) || !adopt(parser, made, &last, unary(parser)))
      return NULL;
    left = made;
  }
  return left;
}

/* One node for a whole chain: long ones are common, and need no depth. */
static struct kh_node *chain(struct parser *parser, enum kh_token_type op, enum kh_node_type type,
                             struct kh_node *(*operand)(struct parser *))
{
  struct kh_node *first = operand(parser);
  struct kh_node *made = NULL;
  struct kh_node *last = NULL;

  if (!first || parser->token.type != op)
    return first;
  made = adopt(parser, node(parser, type, first->at), &last, first);
  while (made && accept(parser, op))
    made = adopt(parser, made, &last, operand(parser));
  return made;
}

static struct kh_node *conjunction(struct parser *parser)
{
  return chain(parser, KH_TOKEN_AND, KH_NODE_AND, compare);
}

static struct kh_node *expression(struct parser *parser)
{
  struct kh_node *condition = NULL;
  struct kh_node *made = NULL;
  struct kh_node *last = NULL;

  if (++parser->depth > KH_CONDITION_DEPTH_MAX)
    return fail(parser, parser->token.at, 0, "the condition is nested too deeply");
  condition = chain(parser, KH_TOKEN_OR, KH_NODE_OR, conjunction);
  if (condition && accept(parser, KH_TOKEN_QUESTION)) {
    made = adopt(parser, node(parser, KH_NODE_TERNARY, condition->at), &last, condition);
    made = made ? adopt(parser, made, &last, expression(parser)) : NULL;
    if (made && !accept(parser, KH_TOKEN_COLON))
      made = unexpected(parser, "the \":\" of \"?\"");
    condition = made ? adopt(parser, made, &last, expression(parser)) : NULL;
  }
  parser->depth--;
  return condition;
}

static bool is_same_word(struct kh_str text, const char *word)
{
  return text.len == strlen(word) && strncasecmp(text.at, word, text.len) == 0;
}

/* Something stands behind a whole condition: perhaps an operator of another language. */
static bool refuse_rest(const struct parser *parser, const struct kh_node *whole)
{
  const struct kh_token *token = &parser->token;
  struct kh_str word = token->type == KH_TOKEN_NAME ? token->body : KH_STR("");

  if (whole->type == KH_NODE_VARIABLE && is_same_word(whole->body, "not"))
    return kh_mistake_set(parser->mistake, KH_MISTAKE_PARSE, whole->at, whole->len,
                          "\"%.*s\" is no operator; write \"!\"", KH_FMT(whole->body));
  if (is_same_word(word, "and") || is_same_word(word, "or"))
    return kh_mistake_set(parser->mistake, KH_MISTAKE_PARSE, token->at, token->len,
                          "\"%.*s\" is no operator; write \"%s\"", KH_FMT(word),
                          is_same_word(word, "or") ? "||" : "&&");
  return kh_mistake_set(parser->mistake, KH_MISTAKE_PARSE, token->at, token->len,
                        "the condition is over before this");
}

bool kh_condition_parse(struct kh_condition *condition, struct kh_mistake *mistake)
{
  struct parser parser = {
      .condition = condition,
      .lexer = {.source = condition->source,
                .extended = condition->dialect == KH_DIALECT_EXTENDED,
                .arena = &condition->arena,
                .mistake = mistake},
      .mistake = mistake,
  };
  const char *nul = memchr(condition->source.at, '\0', condition->source.len);

  if (nul)
    return kh_mistake_set(mistake, KH_MISTAKE_PARSE, (size_t)(nul - condition->source.at), 1, "a NUL byte");
  advance(&parser);
  if (parser.token.type == KH_TOKEN_END)
    return kh_mistake_set(mistake, KH_MISTAKE_PARSE, 0, 0, "the condition is empty");
  condition->root = expression(&parser);
  if (!condition->root)
    return false;
  if (parser.token.type != KH_TOKEN_END) {
    (void)refuse_rest(&parser, condition->root);
    condition->root = NULL;
    return false;
  }
  return !condition->arena.err;
}
