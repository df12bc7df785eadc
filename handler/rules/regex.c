#include "base/base.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "rules/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
  MATCH_LIMIT = 1000000,
  HEAP_LIMIT_KIB = 20 * 1024,
  GROUPS_DEPTH = 100,
  /* PCRE2 counts its match limit anew at each start; these steps count over all of them. */
  STEPS_MAX = 300000,
  BYTES_A_STEP = 64
};

struct kh_regex {
  struct kh_str source;
  struct kh_str flags;
  pcre2_code *code;
  pcre2_match_data *data;
  pcre2_match_context *context;
};

struct progress {
  size_t steps;
  PCRE2_SIZE last;
};

/* Called before each item of the pattern: moving far counts as well as moving often. */
static int count_step(pcre2_callout_block *block, void *progress)
{
  struct progress *p = progress;
  PCRE2_SIZE at = block->current_position;

  p->steps += 1 + (at > p->last ? at - p->last : p->last - at) / BYTES_A_STEP;
  p->last = at;
  return p->steps > STEPS_MAX ? PCRE2_ERROR_CALLOUT : 0;
}

static enum kh_err compile_code(struct kh_regex *regex, struct kh_str pattern, struct kh_regex_fault *fault)
{
  uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_CIRCUMFLEX | PCRE2_NEVER_BACKSLASH_C |
                     PCRE2_AUTO_CALLOUT;
  pcre2_compile_context *context = pcre2_compile_context_create(NULL);
  int error = 0;
  PCRE2_SIZE at = 0;

  if (!context)
    return KH_ERR_NO_MEMORY;
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context, GROUPS_DEPTH);
  if (regex->flags.len > 0)
    options |= PCRE2_CASELESS;
  regex->code = pcre2_compile((PCRE2_SPTR)pattern.at, pattern.len, options, &error, &at, context);
  pcre2_compile_context_free(context);
  if (regex->code)
    return KH_OK;
  fault->at = at < regex->source.len ? at : regex->source.len;
  if (pcre2_get_error_message(error, (PCRE2_UCHAR *)fault->text, sizeof fault->text) < 0)
    (void)snprintf(fault->text, sizeof fault->text, "PCRE2 error %d", error);
  return KH_ERR_CONFIG;
}

enum kh_err kh_regex_compile(struct kh_regex **regex, struct kh_str source, struct kh_str flags,
                             struct kh_regex_fault *fault)
{
  struct kh_regex *made = calloc(1, sizeof *made);
  struct kh_buf pattern;
  enum kh_err err = KH_ERR_NO_MEMORY;

  kh_buf_init(&pattern, 2 * source.len + 16);
  if (!made)
    goto done;
  made->source = source;
  made->flags = flags;
  err = KH_ERR_CONFIG;
  if (!kh_regex_scan(source, &pattern, fault))
    goto done;
  err = kh_buf_ok(&pattern);
  if (!err)
    err = compile_code(made, kh_buf_view(&pattern), fault);
  if (err)
    goto done;
  made->data = pcre2_match_data_create(1, NULL);
  made->context = pcre2_match_context_create(NULL);
  if (!made->data || !made->context) {
    err = KH_ERR_NO_MEMORY;
    goto done;
  }
  pcre2_set_match_limit(made->context, MATCH_LIMIT);
  pcre2_set_heap_limit(made->context, HEAP_LIMIT_KIB);
done:
  kh_buf_release(&pattern);
  if (err) {
    kh_regex_free(made);
    made = NULL;
  }
  *regex = made;
  return err;
}

void kh_regex_free(struct kh_regex *regex)
{
  if (!regex)
    return;
  pcre2_match_context_free(regex->context);
  pcre2_match_data_free(regex->data);
  pcre2_code_free(regex->code);
  free(regex);
}

/* A text that PCRE2 may read without looking at its encoding first. */
static struct kh_str well_formed(struct kh_str text, struct kh_arena *arena)
{
  size_t len = 0;
  char *copy = NULL;

  if (kh_utf8_valid(text))
    return text;
  copy = text.len < SIZE_MAX / 3 ? kh_arena_take(arena, 3 * text.len) : NULL;
  if (!copy)
    return KH_NO_STR;
  for (size_t i = 0; i < text.len;) {
    size_t length = (size_t)kh_utf8_length(text.at + i, text.at + text.len);

    memcpy(copy + len, length > 0 ? text.at + i : "\xEF\xBF\xBD", length > 0 ? length : 3);
    len += length > 0 ? length : 3;
    i += length > 0 ? length : 1;
  }
  return kh_str(copy, len);
}

enum kh_found kh_regex_search(const struct kh_regex *regex, struct kh_str text, struct kh_arena *arena)
{
  struct kh_str subject = well_formed(text, arena);
  struct progress progress = {0};
  int result = 0;

  if (!subject.at)
    return KH_FOUND_LIMIT;
  pcre2_set_callout(regex->context, count_step, &progress);
  result = pcre2_match(regex->code, (PCRE2_SPTR)subject.at, subject.len, 0, PCRE2_NO_UTF_CHECK, regex->data,
                       regex->context);
  pcre2_set_callout(regex->context, NULL, NULL);
  if (result >= 0)
    return KH_FOUND_YES;
  return result == PCRE2_ERROR_NOMATCH ? KH_FOUND_NO : KH_FOUND_LIMIT;
}

struct kh_str kh_regex_source(const struct kh_regex *regex)
{
  return regex->source;
}

struct kh_str kh_regex_flags(const struct kh_regex *regex)
{
  return regex->flags;
}
