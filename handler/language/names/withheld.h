/*
 * withheld.h - of a webhook out of the journal (kept/kept.h): which values it had that were not kept as they
 * were, so that nobody takes them for null.
 */
#ifndef KH_WITHHELD_H
#define KH_WITHHELD_H

#include "language/names/names.h"

#define KH_WITHHELD_BUILD_ENV "build.env"
#define KH_WITHHELD_PIPELINE_ENV "pipeline.env"
#define KH_WITHHELD_META_DATA "build.meta_data"

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

/* TEXT, the text of a name or one of the three above, is withheld. Others are nothing to us. */
void kh_withheld_add(struct kh_withheld *withheld, struct kh_str text);
/* TEXT was asked for. */
void kh_withheld_ask(struct kh_withheld *withheld, bool is_withheld, const char *text);
/*
 * Does the journal keep this variable of a build's environment? Only the two that names stand for
 * (condition/resolve.c), and only a value that is a word in small letters; else it has null there.
 */
bool kh_env_is_kept(struct kh_str name);

#endif
