/*
 * rule_list.h - what the journal keeps of the rules that a webhook was asked by, once for each configuration.
 *
 *   [{"name":"…","notifier":"…","destination":"…","digest":"<32 hex>"},…]
 *
 * in the order of `notify`, which the decisions have, too. No secret is in it, and no address.
 */
#ifndef KH_RULE_LIST_H
#define KH_RULE_LIST_H

#include "rules/notifier.h"

enum { KH_RULE_DIGEST_BYTES = 33, KH_RULE_LIST_MAX_BYTES = 4 * 1024 * 1024 };

/*
 * DIGEST gets 32 hexadecimal digits, of what RULE, which ENTRY of `notify` has, asks for and where it sends
 * to: its events, pipelines, branches and `if`, name, notifier, credential and place. Two rules of equal
 * digests decide alike.
 */
enum kh_err kh_rule_digest(const struct kh_rule *rule, const json_t *entry,
                           char digest[KH_RULE_DIGEST_BYTES]) KH_MUST_USE;

/* A list for memory (memory.h). {0} is empty. */
struct kh_rules_listed {
  struct kh_buf json; /* owned */
  struct kh_rule_list list;
};

/* Of RULES, compiled from CONFIG. KH_ERR_NO_MEMORY, KH_ERR_LIMIT. Release it either way. */
enum kh_err kh_rules_list(const struct kh_config *config, const struct kh_rules *rules,
                          struct kh_rules_listed *listed) KH_MUST_USE;
void kh_rules_listed_release(struct kh_rules_listed *listed);

#endif
