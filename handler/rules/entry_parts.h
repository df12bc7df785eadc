/*
 * entry_parts.h - what the files that read an entry of `notify` hand to each other: entry.c has its form and
 * the order, entry_places.c where to, entry_account.c by which service.
 */
#ifndef KH_ENTRY_PARTS_H
#define KH_ENTRY_PARTS_H

#include "rules/entry.h"

/* What is read, and who hears of it. */
struct kh_entry_reader {
  struct kh_config *config;
  const json_t *entry;
  const struct kh_form *form;    /* or NULL */
  const struct kh_option *table; /* of the form */
  json_t *given;                 /* the mapping of options; or NULL */
  struct kh_rule *rule;
  struct kh_diags *diags;
};

/* What FROM's entry has under the option of places, a text or a list of them; or NULL. */
json_t *kh_entry_places(const struct kh_entry_reader *from);
/* The places in NODE are told apart by I; NULL behind the last one. */
static inline json_t *kh_entry_place(json_t *node, size_t i)
{
  return json_is_array(node) ? json_array_get(node, i) : i == 0 ? node : NULL;
}
/* Does PLACE, as it stands in the file, go by the service NAME? */
bool kh_entry_goes_by(const struct kh_entry_reader *from, const json_t *place, const char *name);

/* Are the places that the form needs there, and good? */
enum kh_err kh_entry_check_places(const struct kh_entry_reader *from) KH_MUST_USE;
/* Compiles them, once it is known by which services the rule goes. */
enum kh_err kh_entry_read_places(const struct kh_entry_reader *from) KH_MUST_USE;
/* Finds the services, with a sibling of the rule for each but the first, and reads them. */
enum kh_err kh_entry_read_accounts(const struct kh_entry_reader *from) KH_MUST_USE;

#endif
