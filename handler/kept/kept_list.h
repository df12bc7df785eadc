/*
 * kept_list.h - which members of a webhook's body are kept, and how: the list that kept_write.c goes by.
 *
 * Kept is what names_body.c, words/ and notify/ read, and what memory/history/sighting.c does. A member that
 * is not here is not kept. Sources: those of names.h and receive/event.h.
 */
#ifndef KH_KEPT_LIST_H
#define KH_KEPT_LIST_H

#include "base/base.h"

enum kh_kept_form {
  KH_KEPT_TEXT,    /* a text, as kh_masked_text leaves it; integers and booleans, too */
  KH_KEPT_PERSON,  /* as kh_masked_person does */
  KH_KEPT_URL,     /* as kh_masked_url does */
  KH_KEPT_TEXTS,   /* a list of texts */
  KH_KEPT_OBJECT,  /* the members INSIDE it */
  KH_KEPT_SENDER,  /* such an object, or the name of a person */
  KH_KEPT_AUTHOR,  /* such an object, or an address */
  KH_KEPT_NOTHING, /* an address, or a container: kept only where it is empty */
  KH_KEPT_BUILD_ENV,
  KH_KEPT_STEPS
};

struct kh_kept_members;

struct kh_kept_member {
  struct kh_str key;
  enum kh_kept_form form;
  /*
   * The names that are withheld when it is altered; of a URL ALSO only where it leads elsewhere then. NULL:
   * nobody asks for it.
   */
  const char *name, *also;
  const struct kh_kept_members *inside;
};

struct kh_kept_members {
  const struct kh_kept_member *at;
  size_t count;
  bool has_times; /* members that end in `_at` are kept where they are times */
};

/* Of the body, but for `event` and `organization`. */
extern const struct kh_kept_members kh_kept_root;

#endif
