/*
 * outbox_print.h - deliveries: their JSON, and lines for people.
 */
#ifndef KH_OUTBOX_PRINT_H
#define KH_OUTBOX_PRINT_H

#include "memory/sqlite/look.h"
#include "output.h"

/* One delivery as docs/kitehook.1 has it. */
json_t *kh_outbox_json(const struct kh_look_delivery *delivery);
/* One line, and one more for why it is not delivered. */
void kh_outbox_print_line(const json_t *delivery, int64_t now_us);
/* All of it, with its body. */
void kh_outbox_print_whole(const json_t *delivery, struct kh_str body);

#endif
