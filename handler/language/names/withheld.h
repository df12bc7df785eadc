/*
 * withheld.h - of a webhook out of the journal (kept/kept.h): which values it had that were not kept as they
 * were, so that nobody takes them for null.
 */
#ifndef KH_WITHHELD_H
#define KH_WITHHELD_H

#include "language/names/names.h"

struct kh_withheld {
  bool names[KH_NAME__COUNT]; /* had a value, which is not kept or was altered */
  bool build_env, pipeline_env, meta_data;
  bool author_has_address; /* of the author the address could be written to */
  /*
   * What was asked for and is withheld, "build.author.email"; NULL while nothing was. Whoever evaluates sets
   * it to NULL first.
   */
  const char *asked;
};

#endif
