#include "base/base.h"

#include "base/utf8.h"
#include "screen.h"

struct range {
  uint32_t first, last;
};

/* As wcwidth() has them in a UTF-8 locale, which a command cannot count on. */
static const struct range combining[] = {
    {0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},   {0x610, 0x61A},   {0x64B, 0x65F},
    {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};
static const struct range wide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},
                                    {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
                                    {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F},
                                    {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
/* Control characters, and those that turn the direction of writing. */
static const struct range refused[] = {{0, 0x1F},        {0x7F, 0x9F},     {0x61C, 0x61C},
                                       {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x2069},
                                       {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F}};

static bool is_in(uint32_t character, const struct range *ranges, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (character >= ranges[i].first && character <= ranges[i].last)
      return true;
  return false;
}

struct kh_str kh_screen_next(struct kh_str *text, unsigned *columns)
{
  const char *at = text->at;
  uint32_t value = kh_utf8_take(text);
  struct kh_str character = kh_str(at, (size_t)(text->at - at));

  if (value < ' ' && strchr("\t\n\r", (int)value) && value > 0)
    character = KH_STR(" ");
  else if ((character.len == 1 && value >= 0x80) || is_in(value, refused, KH_COUNT(refused)))
    character = KH_STR("?");
  *columns = is_in(value, combining, KH_COUNT(combining)) ? 0 : 1 + is_in(value, wide, KH_COUNT(wide));
  return character;
}

unsigned kh_screen_width(struct kh_str text)
{
  unsigned all = 0;
  unsigned columns = 0;

  while (text.len > 0) {
    (void)kh_screen_next(&text, &columns);
    all += columns;
  }
  return all;
}

unsigned kh_screen_put(struct kh_str text, unsigned columns)
{
  unsigned taken = 0;
  unsigned width = 0;
  bool cut = kh_screen_width(text) > columns;
  unsigned room = cut && columns > 3 ? columns - 3 : columns;

  while (text.len > 0) {
    struct kh_str character = kh_screen_next(&text, &width);

    if (taken + width > room)
      break;
    printf("%.*s", KH_FMT(character));
    taken += width;
  }
  if (!cut)
    return taken;
  printf("...");
  return taken + 3;
}

void kh_screen_write(FILE *to, struct kh_str text)
{
  unsigned width = 0;

  while (text.len > 0) {
    struct kh_str character = kh_screen_next(&text, &width);

    fprintf(to, "%.*s", KH_FMT(character));
  }
}
