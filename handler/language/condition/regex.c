#include "base/base.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "language/condition/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
  MATCH_LIMIT = 1000000,
  HEAP_LIMIT_KIB = 20 * 1024,
  GROUPS_DEPTH = 100,
  BYTES_A_STEP = 64,
  REPEAT_COST = 3,
  SPAN_COST = 4
};

struct kh_regex {
  struct kh_str source;
  struct kh_str flags;
  pcre2_code *code;
  pcre2_match_data *data;
  pcre2_match_context *context;
  struct kh_regex_weight weight;
  uint64_t byte_cost; /* of a byte of the text, in bytes of a simple pattern */
  uint64_t item_cost; /* of an item that does not match, beyond a step */
  bool refers_back;
};

/* PCRE2 counts its match limit anew at each start; these steps count over all of them. */
struct progress {
  const struct kh_regex *regex;
  size_t left;
  PCRE2_SIZE last;
};

static void spend(struct progress *progress, uint64_t bytes)
{
  const uint64_t steps = 1 + bytes / BYTES_A_STEP;

  progress->left = steps < progress->left ? progress->left - (size_t)steps : 0;
}

/* What an item may do with groups: all are copied with each way back, and a reference compares one. */
static uint64_t bytes_of_groups(const struct kh_regex *regex, const pcre2_callout_block *block)
{
  uint64_t longest = 0;

  for (uint32_t i = 1; regex->refers_back && i < block->capture_top; i++) {
    const PCRE2_SIZE *ends = &block->offset_vector[2 * (size_t)i];

    if (ends[0] != PCRE2_UNSET && ends[1] > ends[0] && ends[1] - ends[0] > longest)
      longest = ends[1] - ends[0];
  }
  return block->capture_top + longest * (1 + regex->weight.repeats) * SPAN_COST;
}

/*
 * Called before each item of the pattern. Moving far counts as well as moving often, and so does what an item
 * may do without moving on: fail at the end of its count, or of the group that it refers to.
 */
static int count_step(pcre2_callout_block *block, void *progress)
{
  struct progress *p = progress;
  const PCRE2_SIZE at = block->current_position;
  const uint64_t moved = at > p->last ? at - p->last : p->last - at;
  uint64_t bytes = moved * p->regex->byte_cost + p->regex->item_cost;

  if (block->capture_top > 1)
    bytes += bytes_of_groups(p->regex, block);
  spend(p, bytes);
  p->last = at;
  return p->left > 0 ? 0 : PCRE2_ERROR_CALLOUT;
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
  if (regex->code) {
    uint32_t last_group = 0;

    (void)pcre2_pattern_info(regex->code, PCRE2_INFO_BACKREFMAX, &last_group);
    regex->refers_back = last_group > 0;
    return KH_OK;
  }
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
  if (!kh_regex_scan(source, &pattern, &made->weight, fault))
    goto done;
  err = kh_buf_ok(&pattern);
  if (!err)
    err = compile_code(made, kh_buf_view(&pattern), fault);
  if (err)
    goto done;
  made->byte_cost = 1 + made->weight.members;
  if (made->weight.repeats >= BYTES_A_STEP)
    made->item_cost = made->weight.repeats * made->byte_cost * REPEAT_COST;
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

enum kh_found kh_regex_search(const struct kh_regex *regex, struct kh_str text, struct kh_arena *arena,
                              size_t *steps_left)
{
  struct progress progress = {.regex = regex, .left = *steps_left};
  struct kh_str subject = KH_NO_STR;
  int result = 0;

  /* Its encoding is looked at, and one item may go over the whole of it. */
  spend(&progress, text.len * regex->byte_cost);
  *steps_left = progress.left;
  if (progress.left == 0)
    return KH_FOUND_LIMIT;
  subject = well_formed(text, arena);
  if (!subject.at)
    return KH_FOUND_LIMIT;
  pcre2_set_callout(regex->context, count_step, &progress);
  result = pcre2_match(regex->code, (PCRE2_SPTR)subject.at, subject.len, 0, PCRE2_NO_UTF_CHECK, regex->data,
                       regex->context);
  pcre2_set_callout(regex->context, NULL, NULL);
  /* Filling all memory that it may have takes as long as all steps do. */
  const bool is_known = result >= 0 || result == PCRE2_ERROR_NOMATCH;
  *steps_left = is_known ? progress.left : 0;
  if (!is_known)
    return KH_FOUND_LIMIT;
  return result >= 0 ? KH_FOUND_YES : KH_FOUND_NO;
}

struct kh_str kh_regex_source(const struct kh_regex *regex)
{
  return regex->source;
}

struct kh_str kh_regex_flags(const struct kh_regex *regex)
{
  return regex->flags;
}
