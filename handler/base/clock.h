/*
 * clock.h - where time comes from, and the two ways Buildkite writes it.
 */
#ifndef KH_CLOCK_H
#define KH_CLOCK_H

/* Injected, so that tests can stand anywhere in time. */
struct kh_clock {
  int64_t (*now_us)(void *self);   /* wall clock, microseconds since 1970 UTC */
  int64_t (*ticks_us)(void *self); /* never goes back; only differences mean anything */
  int64_t (*boot_us)(void *self);  /* the same, and time that the machine slept counts */
  void *self;
};

extern const struct kh_clock kh_system_clock;

static inline int64_t kh_clock_now_us(const struct kh_clock *clock)
{
  return clock->now_us(clock->self);
}
static inline int64_t kh_clock_now_s(const struct kh_clock *clock)
{
  return clock->now_us(clock->self) / 1000000;
}
static inline int64_t kh_clock_ticks_us(const struct kh_clock *clock)
{
  return clock->ticks_us(clock->self);
}
static inline int64_t kh_clock_boot_us(const struct kh_clock *clock)
{
  return clock->boot_us(clock->self);
}

/*
 * The wall clock as it was last followed, going on by the boot clock: it never steps by itself. Whoever
 * stores times takes them from here; when a look tells of a step, what is stored is moved, and then this
 * follows.
 */
struct kh_steady_clock {
  const struct kh_clock *wall; /* borrowed */
  int64_t ahead_us;            /* of the boot clock */
  int64_t since_us;            /* when it began, by the time that it has now */
  int64_t gained_us;           /* by steps forwards that none backwards has undone */
  struct kh_clock clock;       /* hand out its address; the struct must not move */
};

/*
 * A step of the clock, for who stored times. What was stored before SINCE_US came from another process, and
 * perhaps before a step that nobody saw: it is not set back beyond the steps forwards that were seen.
 */
struct kh_clock_step {
  int64_t step_us;    /* forwards or, below 0, backwards */
  int64_t earlier_us; /* the same, for what was stored before SINCE_US */
  int64_t since_us;   /* this and the next by the time before the step */
  int64_t now_us;
};

enum { KH_CLOCK_STEP_US = 1000000 }; /* less between two looks is drift */

void kh_steady_clock_init(struct kh_steady_clock *steady, const struct kh_clock *wall);
/* By how much the wall clock was set, forwards or, below 0, backwards; 0 for drift, which is followed. */
int64_t kh_steady_clock_look(struct kh_steady_clock *steady);
struct kh_clock_step kh_steady_clock_step(struct kh_steady_clock *steady, int64_t step_us);
void kh_steady_clock_follow(struct kh_steady_clock *steady, int64_t step_us);

enum { KH_TIME_TEXT_BYTES = 25 };

/*
 * Writes "2026-11-22T01:02:03.456Z" and a NUL: RFC 3339, UTC, milliseconds. Years 1970 to 9999; others are
 * clamped.
 */
void kh_time_format(int64_t at_us, char text[KH_TIME_TEXT_BYTES]);

/*
 * Reads both forms found in webhooks: "2026-11-22 01:02:03 UTC" and
 * "2026-11-22T01:02:03[.fraction]Z". False when TEXT is neither. Leap seconds count as the second after.
 */
bool kh_time_parse(struct kh_str text, int64_t *at_us);

#endif
