/*
 * inbox_print.h - entries that were set aside: their JSON, and lines for people.
 */
#ifndef KH_INBOX_PRINT_H
#define KH_INBOX_PRINT_H

#include "inbox/aside.h"
#include "output.h"

/* One entry as docs/kitehook.1 has it. */
json_t *kh_aside_json(const struct kh_aside *entry, const struct kh_inbox *inbox);
/* Each of what kh_aside_json made of ENTRY. One line: the name, its age, and why. */
void kh_aside_print_line(const json_t *json, const struct kh_aside *entry, int64_t now_us);
/* All of it. */
void kh_aside_print_whole(const json_t *json, const struct kh_aside *entry);

#endif
