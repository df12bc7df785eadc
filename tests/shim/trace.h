/*
 * trace.h - which call of a process goes wrong, and the record of all of them; see faults.c.
 *
 * Kernel calls are made directly, so that nothing here calls itself. errno is kept.
 */
#ifndef KH_TRACE_H
#define KH_TRACE_H

#include <sys/types.h>

struct text {
  const void *at;
  size_t len;
};

struct change {
  char kind;
  ino_t a, b;
  long long number;
  struct text one, two;
};

/* A name in a folder. */
struct place {
  ino_t folder;
  const char *name;
};

struct text kh_trace_text(const char *text);

/*
 * Counts the call and locks the trace. False, with errno, when the call has to fail; it may also not return.
 */
bool kh_trace_begin(int *trace, char kind);
/*
 * RESULT is what the call returned, and so is what comes back; CHANGE is put on record when it is not
 * below 0.
 */
long kh_trace_end(int trace, const struct change *change, long result);
/* Between the two. */
void kh_trace_put(int trace, const struct change *change);
/* The call that was just begun is to be made by halves; kh_trace_die follows. */
bool kh_trace_is_halved(void);
_Noreturn void kh_trace_die(int trace, char kind);

/* What a write to FD is for the trace; 0 when it is nothing. */
char kh_trace_kind_of_write(int fd);
bool kh_trace_is_below_root(int fd);
ino_t kh_trace_inode(int fd);
/* Where PATH, seen from FOLDER, is named. False outside of the root. */
bool kh_trace_place(int folder, const char *path, struct place *place);

#endif
