/*
 * Target: kh_yaml_read_foreign and kh_yaml_write. A file of another program, from memory. Aborts where what
 * is written of a document is not read back as it was, or could do something to a terminal.
 */
#include "base/base.h"

#include "config/yaml.h"
#include "config/yaml_write.h"
#include "fuzz/replay.h"
#include "support/guard.h"

static void check_text(struct kh_str text, bool ascii)
{
  for (size_t i = 0; i < text.len; i++) {
    const unsigned char c = (unsigned char)text.at[i];

    if ((c < 0x20 && c != '\n') || c == 0x7F || (ascii && c >= 0x80))
      abort();
  }
}

static void write_back(json_t *document, bool ascii)
{
  struct kh_yaml yaml = {0};
  struct kh_buf text;

  kh_buf_init(&text, (size_t)8 * 1024 * 1024);
  if (kh_yaml_write(document, ascii, &text))
    abort();
  check_text(kh_buf_view(&text), ascii);
  if (kh_yaml_read_foreign(&yaml, "fuzz.yml", kh_buf_view(&text), NULL) || json_array_size(yaml.root) != 1 ||
      !json_equal(json_array_get(yaml.root, 0), document))
    abort();
  kh_yaml_release(&yaml);
  kh_buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_guard guard = {0};
  struct kh_yaml yaml = {0};
  json_t *document = NULL;
  size_t i = 0;

  if (size > 64 * 1024)
    return 0;
  const struct kh_str text = kh_guard_end(&guard, kh_str((const char *)data, size));
  const enum kh_err err = kh_yaml_read_foreign(&yaml, "fuzz.yml", text, NULL);
  if ((err == KH_OK) != (yaml.root != NULL))
    abort();
  json_array_foreach(yaml.root, i, document)
  {
    if (json_is_string(document))
      continue;
    write_back(document, false);
    write_back(document, true);
  }
  kh_yaml_release(&yaml);
  kh_guard_release(&guard);
  return 0;
}
