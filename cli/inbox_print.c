#include "base/base.h"

#include "cli.h"
#include "inbox_print.h"

json_t *kh_aside_json(const struct kh_aside *entry, const struct kh_inbox *inbox)
{
  char path[KH_PATH_BYTES + KH_ENTRY_NAME_BYTES + 8];
  json_t *json = json_object();

  snprintf(path, sizeof path, "%s/aside/%s", inbox->path, entry->name);
  json_object_set_new(json, "name", json_string(entry->name));
  json_object_set_new(json, "received", kh_output_time(entry->received_us));
  json_object_set_new(json, "bytes", json_integer((json_int_t)entry->bytes));
  json_object_set_new(json, "reason", kh_output_text(kh_str_of(entry->reason)));
  json_object_set_new(json, "detail", kh_output_text(kh_str_of(entry->detail)));
  json_object_set_new(json, "event", kh_output_text(kh_str_of(entry->event)));
  json_object_set_new(json, "request_id", kh_output_text(kh_str_of(entry->request_id)));
  json_object_set_new(json, "transport", kh_output_text(kh_str_of(entry->transport)));
  json_object_set_new(json, "proof", kh_output_text(kh_str_of(entry->proof)));
  json_object_set_new(json, "secret_name", kh_output_text(kh_str_of(entry->secret)));
  json_object_set_new(json, "file", json_string(path));
  return json;
}

void kh_aside_print_line(const json_t *json, const struct kh_aside *entry, int64_t now_us)
{
  const char *sentence = kh_cli_sentence(kh_cli_err_by_token(entry->reason));
  char age[24];

  kh_output_span(now_us - entry->received_us, age);
  kh_output_print_member(json, "name");
  printf("  %-8s", entry->received_us > 0 ? age : "-");
  kh_output_print_member(json, "reason");
  if (entry->detail[0]) {
    printf(": ");
    kh_output_print_member(json, "detail");
  } else if (sentence) {
    printf(": %s", sentence);
  }
  putchar('\n');
}

void kh_aside_print_whole(const json_t *json, const struct kh_aside *entry)
{
  static const char *const texts[] = {"name",  "received",   "reason",    "detail",      "event",
                                      "proof", "request_id", "transport", "secret_name", "file"};
  const char *sentence = kh_cli_sentence(kh_cli_err_by_token(entry->reason));

  kh_output_print_members(json, texts, KH_COUNT(texts), 12);
  printf("%-12s%" PRIu64 "\n", "bytes", entry->bytes);
  if (sentence)
    printf("%s\n", sentence);
}
