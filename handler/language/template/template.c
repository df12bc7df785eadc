#include "base/base.h"

#include "base/url.h"
#include "base/utf8.h"
#include "language/template/parts.h"

enum {
  TEMPLATE_ARENA_BYTES = 1024 * 1024,
  RENDER_ARENA_BYTES = 2 * KH_TEMPLATE_PARTS_MAX * KH_TEMPLATE_PIECE_BYTES,
};

enum kh_err kh_template_compile(struct kh_template **template, struct kh_str source,
                                const struct kh_template_reader *reader)
{
  struct kh_template *made = calloc(1, sizeof *made);
  enum kh_err err = KH_OK;

  *template = NULL;
  if (!made)
    return KH_ERR_NO_MEMORY;
  kh_arena_init(&made->arena, TEMPLATE_ARENA_BYTES, NULL, 0);
  if (source.len > KH_TEMPLATE_MAX_BYTES) {
    struct kh_mistake mistake = {0};

    kh_mistake_set(&mistake, KH_MISTAKE_PARSE, 0, 0, "a message has at most %d bytes", KH_TEMPLATE_MAX_BYTES);
    if (reader->mistake)
      reader->mistake(reader->self, &mistake);
    err = KH_ERR_CONFIG;
    goto done;
  }
  made->source = kh_arena_copy(&made->arena, source);
  if (made->source.at && !kh_template_parse(made, reader))
    err = KH_ERR_CONFIG;
  if (made->arena.err)
    err = KH_ERR_NO_MEMORY;
done:
  if (err) {
    kh_template_free(made);
    made = NULL;
  }
  *template = made;
  return err;
}

void kh_template_free(struct kh_template *template)
{
  if (!template)
    return;
  for (struct kh_part *part = template->first; part; part = part->next)
    kh_condition_free(part->condition);
  kh_arena_release(&template->arena);
  free(template);
}

struct using
{
  const struct kh_uses *uses;
  size_t at;
};

static void use_at(void *self, const struct kh_use *use)
{
  const struct using *using = self;
  struct kh_use moved = *use;

  moved.at = using->at;
  using->uses->use(using->uses->self, &moved);
}

void kh_template_uses(const struct kh_template *template, const struct kh_uses *uses)
{
  for (const struct kh_part *part = template->first; part; part = part->next) {
    struct using using = {uses, part->at};

    if (part->condition)
      kh_condition_uses(part->condition, &(struct kh_uses){&using, use_at});
    if (part->type == KH_PART_VALUE && part->name)
      uses->use(uses->self, &(struct kh_use){part->name, part->name->root, part->at, 2});
  }
}

/* What a message is put together of, before it is cut and escaped. */
struct piece {
  struct kh_str text;
  bool is_value;
  enum kh_template_sort sort;
  struct piece *next;
};

enum { TAIL = sizeof "_https://" - 1 };

struct rendering {
  struct kh_arena arena;
  struct piece *first;
  struct piece **end;
  char tail[TAIL]; /* what was written last */
  bool in_url;     /* it is a URL, or the beginning of one */
};

static bool begins_url(const char tail[TAIL])
{
  const struct kh_str https = kh_str(tail + 1, TAIL - 1);
  const struct kh_str http = kh_str(tail + 2, TAIL - 2);

  return (kh_url_scheme(https) == https.len && !kh_is_of_word(tail[0])) ||
         (kh_url_scheme(http) == http.len && !kh_is_of_word(tail[1]));
}

/* By characters: the branches of an {{#if}} may hold "https" and what goes on with "://". */
static void follow(struct rendering *run, struct kh_str text)
{
  for (size_t i = 0; i < text.len; i++) {
    memmove(run->tail, run->tail + 1, TAIL - 1);
    run->tail[TAIL - 1] = text.at[i];
    run->in_url = run->in_url ? kh_url_takes(text.at[i]) : begins_url(run->tail);
  }
}

static void add_piece(struct rendering *run, const struct kh_part *part, struct kh_str text,
                      enum kh_template_sort sort)
{
  struct piece *piece = text.len > 0 ? kh_arena_take(&run->arena, sizeof *piece) : NULL;
  const bool is_value = part->type == KH_PART_VALUE;

  if (!piece)
    return;
  *piece = (struct piece){
      .text = is_value ? kh_arena_copy(&run->arena, text) : text, .is_value = is_value, .sort = sort};
  *run->end = piece;
  run->end = &piece->next;
  follow(run, text);
}

/* What a table has for a value that is not there decides too much; any other value may miss a part. */
static void tell_lack(const struct kh_part *part, const struct kh_names *names, struct kh_mistake *undecided)
{
  if (kh_names_lack(names) && part->filters && part->filters->type == KH_FILTER_TABLE)
    (void)kh_mistake_set(undecided, KH_MISTAKE_NOT_KEPT, part->at, 0, KH_NOT_KEPT_FORMAT,
                         kh_names_lack(names));
}

static enum kh_err collect(struct rendering *run, const struct kh_template *template,
                           const struct kh_names *names, const struct kh_template_format *format,
                           struct kh_mistake *undecided)
{
  struct kh_buf text;
  enum kh_err err = KH_OK;

  enum kh_template_sort sort = KH_SORT_TEXT;

  kh_buf_init(&text, KH_TEMPLATE_PIECE_BYTES);
  for (const struct kh_part *part = template->first; part && !err;) {
    const struct kh_part *next = part->next;

    if (part->type == KH_PART_LITERAL) {
      add_piece(run, part, part->text, KH_SORT_TEXT);
    } else if (part->type == KH_PART_VALUE) {
      kh_buf_clear(&text);
      kh_names_ask_anew(names);
      err = kh_template_value(part, names, format, run->in_url, &text, &sort);
      tell_lack(part, names, undecided);
      add_piece(run, part, kh_buf_view(&text), sort);
    } else if (part->type == KH_PART_ELSE) {
      next = part->other;
    } else if (part->type == KH_PART_IF && !kh_condition_eval(part->condition, names, NULL, undecided)) {
      next = part->other->next;
    }
    part = next;
  }
  kh_buf_release(&text);
  return err ? err : run->arena.err;
}

/* Only of what the author wrote: values have no blanks at their ends. */
static void trim(struct rendering *run)
{
  struct piece *last = NULL;

  for (struct piece *piece = run->first; piece && !piece->is_value; piece = piece->next) {
    while (piece->text.len > 0 && kh_is_blank(piece->text.at[0]))
      piece->text = kh_str(piece->text.at + 1, piece->text.len - 1);
    if (piece->text.len > 0)
      break;
  }
  for (struct piece *piece = run->first; piece; piece = piece->next) {
    size_t kept = piece->text.len;

    while (!piece->is_value && kept > 0 && kh_is_blank(piece->text.at[kept - 1]))
      kept--;
    if (kept > 0)
      last = piece;
  }
  for (struct piece *piece = last; piece; piece = piece->next)
    while (!piece->is_value && piece->text.len > 0 && kh_is_blank(piece->text.at[piece->text.len - 1]))
      piece->text.len--;
}

static void write_out(const struct rendering *run, const struct kh_template_format *format,
                      struct kh_buf *out)
{
  size_t characters = 0;

  for (const struct piece *piece = run->first; piece; piece = piece->next)
    characters += kh_utf8_count(piece->text);
  bool too_long = characters > format->max_characters;
  size_t left = too_long ? format->max_characters - 1 : characters;
  for (const struct piece *piece = run->first; piece && left > 0; piece = piece->next) {
    struct kh_str text = kh_str(piece->text.at, kh_utf8_bytes(piece->text, left));

    left -= kh_utf8_count(text);
    if (piece->is_value && piece->sort != KH_SORT_OWN && format->escape)
      (void)format->escape(out, text, text.len == piece->text.len ? piece->sort : KH_SORT_TEXT);
    else
      (void)kh_buf_add(out, text);
  }
  if (too_long)
    (void)kh_buf_add(out, KH_STR("…"));
}

enum kh_err kh_template_render(const struct kh_template *template, const struct kh_names *names,
                               const struct kh_template_format *format, struct kh_buf *out,
                               struct kh_mistake *undecided)
{
  struct rendering run = {.first = NULL};

  run.end = &run.first;
  kh_arena_init(&run.arena, RENDER_ARENA_BYTES, NULL, 0);
  enum kh_err err = collect(&run, template, names, format, undecided);
  if (!err) {
    trim(&run);
    write_out(&run, format, out);
    err = kh_buf_ok(out);
  }
  kh_arena_release(&run.arena);
  return err;
}
