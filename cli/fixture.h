/*
 * fixture.h - the fixtures that came with this kitehook, by their names.
 */
#ifndef KH_FIXTURE_H
#define KH_FIXTURE_H

#include "base/base.h"

/* The folders of fixtures: webhooks, and events from EventBridge. Ends with NULL. */
extern const char *const kh_fixture_kinds[];

struct kh_fixture {
  char folder[PATH_MAX]; /* that has those folders; "" where there is none */
  char path[PATH_MAX];   /* the one of that name; "" where there is none */
  char meant[256];       /* then the one that was probably meant, or "" */
};

/* Looks for NAME beside this program: where it was installed, else where it was built. */
void kh_fixture_find(const char *name, struct kh_fixture *fixture);

#endif
