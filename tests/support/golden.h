/*
 * golden.h - files below fixtures/ that say what is made of a case.
 */
#ifndef KH_TEST_GOLDEN_H
#define KH_TEST_GOLDEN_H

#include <jansson.h>

/* FOLDER/NAME/FILE below fixtures/ as JSON, which the caller releases; NULL where there is none. */
json_t *kh_golden_load(const char *folder, const char *name, const char *file);
/*
 * That file is RENDERED, and NULL stands for none. KH_UPDATE_GOLDEN=1 writes the files anew; read the
 * difference before you keep it.
 */
void kh_golden_check(const char *folder, const char *name, const char *file, const json_t *rendered);
/* Calls CHECK for each case of FOLDER, and returns how many there are. */
size_t kh_golden_each(const char *folder, void (*check)(const char *name, void *self), void *self);

#endif
