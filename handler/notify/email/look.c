#include "base/base.h"

#include "base/url.h"
#include "base/utf8.h"
#include "notify/email/look.h"
#include "words/html.h"

/* No pictures, no scripts, nothing to fetch. Who knows no <style> shows the same words. */
const char kh_email_html_head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<style>\n"
    ":root { color-scheme: light dark; }\n"
    "body { margin: 0; padding: 16px; background: #ffffff; color: #1f2328;\n"
    "  font: 15px/1.5 -apple-system, \"Segoe UI\", Roboto, \"Helvetica Neue\", Arial, sans-serif; }\n"
    "div { max-width: 600px; padding: 2px 0 2px 14px; border-left: 4px solid #656d76;\n"
    "  overflow-wrap: anywhere; }\n"
    "p { margin: 0 0 6px; } .headline { font-size: 17px; } .details { color: #656d76; font-size: 13px; }\n"
    "a { color: #0969da; } code { font: 12px ui-monospace, Menlo, Consolas, monospace; }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "  body { background: #0d1117; color: #e6edf3; } a { color: #58a6ff; } .details { color: #9198a1; } }\n"
    "</style></head><body>\n";
const char kh_email_html_end[] = "\n</body></html>\n";

/* Seen well on white and on black. */
static const char *const colours[KH_MOOD__COUNT] = {
    [KH_MOOD_NEWS] = "#6e7781",    [KH_MOOD_PASSED] = "#2da44e",  [KH_MOOD_FAILED] = "#e5534b",
    [KH_MOOD_WARNING] = "#d4a72c", [KH_MOOD_BLOCKED] = "#8250df", [KH_MOOD_CANCELED] = "#6e7781",
    [KH_MOOD_SKIPPED] = "#6e7781", [KH_MOOD_RUNNING] = "#218bff", [KH_MOOD_SCHEDULED] = "#218bff",
};

static void add_details_text(const struct kh_story *story, struct kh_buf *text)
{
  for (size_t i = 0; i < story->detail_count; i++)
    (void)kh_buf_printf(text, "%s%s%s", i ? ", " : "", story->details[i].before,
                        kh_buf_text(&story->details[i].text));
}

void kh_email_write_text(const struct kh_story *story, struct kh_str message, struct kh_buf *text)
{
  if (message.len > 0) {
    (void)kh_buf_add(text, message);
    return;
  }
  kh_story_headline(story, text);
  if (story->message.len > 0)
    (void)kh_buf_printf(text, "\n\n%s", kh_buf_text(&story->message));
  if (story->detail_count > 0)
    (void)kh_buf_add(text, KH_STR("\n\n"));
  add_details_text(story, text);
  if (story->url.len > 0)
    (void)kh_buf_printf(text, "\n\n%s", kh_buf_text(&story->url));
}

/* The URL that begins at AT, without the full stop of a sentence; empty where none does. */
static struct kh_str url_at(struct kh_str text, size_t at)
{
  const struct kh_str rest = kh_str(text.at + at, text.len - at);
  size_t len = 0;

  if (kh_url_scheme(rest) == 0 || (at > 0 && kh_is_of_word(text.at[at - 1])))
    return KH_NO_STR;
  while (len < rest.len && kh_url_takes(rest.at[len]))
    len++;
  while (len > 0 && strchr(".,;:!?)", rest.at[len - 1]))
    len--;
  return kh_url_is_link(kh_str(rest.at, len)) ? kh_str(rest.at, len) : KH_NO_STR;
}

static void add_message(struct kh_str message, struct kh_buf *html)
{
  for (size_t at = 0; at < message.len;) {
    const struct kh_str url = url_at(message, at);

    if (url.len > 0)
      kh_html_add_link(html, url, url);
    else
      kh_html_add(html, kh_str(message.at + at, 1));
    at += url.len > 0 ? url.len : 1;
  }
}

static void add_headline(const struct kh_story *story, struct kh_buf *html)
{
  (void)kh_buf_add(html, KH_STR("<p class=\"headline\"><strong>"));
  kh_html_add(html, kh_buf_view(&story->subject));
  (void)kh_buf_add(html, KH_STR("</strong>"));
  if (story->item.len > 0) {
    kh_html_add(html, kh_str_of(story->joint));
    kh_html_add_link(html, kh_buf_view(&story->url), kh_buf_view(&story->item));
  }
  if (story->words.len > 0)
    (void)kh_buf_add_byte(html, ' ');
  kh_html_add(html, kh_buf_view(&story->words));
  (void)kh_buf_add(html, KH_STR("</p>"));
}

static void add_details(const struct kh_story *story, struct kh_buf *html)
{
  (void)kh_buf_add(html, KH_STR("<p class=\"details\">"));
  for (size_t i = 0; i < story->detail_count; i++) {
    const struct kh_story_detail *detail = &story->details[i];

    (void)kh_buf_printf(html, "%s%s%s", i ? " · " : "", detail->before, detail->code ? "<code>" : "");
    kh_html_add_link(html, kh_buf_view(&detail->url), kh_buf_view(&detail->text));
    (void)kh_buf_add(html, detail->code ? KH_STR("</code>") : KH_STR(""));
  }
  (void)kh_buf_add(html, KH_STR("</p>"));
}

void kh_email_write_html(const struct kh_story *story, struct kh_str message, struct kh_buf *html)
{
  (void)kh_buf_printf(html, "<div style=\"border-color: %s\">", colours[story->mood]);
  if (message.len > 0) {
    (void)kh_buf_add(html, KH_STR("<p>"));
    add_message(message, html);
    (void)kh_buf_add(html, KH_STR("</p>"));
  } else {
    add_headline(story, html);
    if (story->message.len > 0) {
      (void)kh_buf_add(html, KH_STR("<p>"));
      kh_html_add(html, kh_buf_view(&story->message));
      (void)kh_buf_add(html, KH_STR("</p>"));
    }
    if (story->detail_count > 0)
      add_details(story, html);
  }
  (void)kh_buf_add(html, KH_STR("</div>"));
}
