#include "base/base.h"

#include "output.h"
#include "reason_words.h"

void kh_reason_put(json_t *object, enum kh_reason reason, struct kh_str note)
{
  json_object_set_new(object, "reason", json_string(kh_reason_word(reason)));
  json_object_set_new(object, "says", json_string(kh_reason_says(reason)));
  json_object_set_new(object, "do", kh_output_text(kh_str_of(kh_reason_cure(reason))));
  json_object_set_new(object, "note", kh_output_text(note));
}

void kh_reason_print(const json_t *object)
{
  kh_output_print_member(object, "says");
  printf(" (");
  kh_output_print_member(object, "reason");
  printf(")");
  if (!json_is_string(json_object_get(object, "note")))
    return;
  printf(": ");
  kh_output_print_member(object, "note");
}

void kh_reason_print_cure(const json_t *object, int indent)
{
  if (!json_is_string(json_object_get(object, "do")))
    return;
  printf("%*sto do: ", indent, "");
  kh_output_print_member(object, "do");
  putchar('\n');
}
