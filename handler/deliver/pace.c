#include "base/base.h"

#include "deliver/pace.h"

/* Where no rate is stated a pace begins with the first of these, and is forgotten below the second. */
enum { SLOWED_FIRST_US = 500 * 1000, FORGOTTEN_US = 20 * 1000, SLOWED_LAST_US = 60 * 1000 * 1000 };
enum { EASED_BY = 32 };

static int64_t stated_us(const struct kh_pace_of *of)
{
  return (int64_t)of->rate->every_ms * 1000;
}

static int64_t burst(const struct kh_pace_of *of)
{
  return of->rate->burst > 0 ? of->rate->burst : 1;
}

static void name(const struct kh_pace_of *of, unsigned char digest[KH_DIGEST_BYTES])
{
  const struct kh_str place = kh_str_of(of->rate->per_place ? of->place : "");
  const struct kh_str parts[] = {kh_str_of(of->credential), kh_str("", 1), place};

  kh_sha256(parts, KH_COUNT(parts), digest);
}

static struct kh_pace *find(struct kh_paces *paces, const struct kh_pace_of *of)
{
  unsigned char digest[KH_DIGEST_BYTES];

  if (paces->count == 0)
    return NULL;
  name(of, digest);
  for (size_t i = 0; i < paces->count; i++)
    if (memcmp(paces->at[i].of, digest, sizeof digest) == 0)
      return &paces->at[i];
  return NULL;
}

static struct kh_pace *room(struct kh_paces *paces)
{
  struct kh_pace *oldest = &paces->at[0];

  if (paces->count < KH_PACES_MAX)
    return &paces->at[paces->count++];
  for (size_t i = 1; i < paces->count; i++)
    if (paces->at[i].full_us < oldest->full_us)
      oldest = &paces->at[i];
  return oldest;
}

/* A full one. */
static struct kh_pace *add(struct kh_paces *paces, const struct kh_pace_of *of, int64_t now_us)
{
  struct kh_pace *pace = room(paces);

  *pace = (struct kh_pace){.every_us = stated_us(of), .full_us = now_us};
  name(of, pace->of);
  return pace;
}

bool kh_paces_know(struct kh_paces *paces, const struct kh_pace_of *of)
{
  return stated_us(of) == 0 || find(paces, of);
}

void kh_paces_begin(struct kh_paces *paces, const struct kh_pace_of *of, int64_t idle_us, int64_t now_us)
{
  struct kh_pace *pace = add(paces, of, now_us);
  const int64_t whole_us = burst(of) * pace->every_us;

  if (idle_us < whole_us)
    pace->full_us = now_us + whole_us - (idle_us > 0 ? idle_us : 0);
}

int64_t kh_paces_next_us(struct kh_paces *paces, const struct kh_pace_of *of, int64_t now_us)
{
  const struct kh_pace *pace = find(paces, of);
  int64_t next_us = pace ? pace->full_us - (burst(of) - 1) * pace->every_us : now_us;

  if (pace && pace->asked_us > next_us)
    next_us = pace->asked_us;
  return next_us > now_us ? next_us : now_us;
}

void kh_paces_start(struct kh_paces *paces, const struct kh_pace_of *of, int64_t now_us)
{
  struct kh_pace *pace = find(paces, of);

  if (pace)
    pace->full_us = (pace->full_us > now_us ? pace->full_us : now_us) + pace->every_us;
}

void kh_paces_slow(struct kh_paces *paces, const struct kh_pace_of *of, int64_t started_us, int64_t now_us)
{
  struct kh_pace *pace = find(paces, of);

  if (!pace)
    pace = add(paces, of, now_us);
  if (pace->slowed_us > 0 && started_us <= pace->slowed_us)
    return;
  if (pace->every_us < SLOWED_LAST_US)
    pace->every_us = pace->every_us > 0 ? pace->every_us * 3 / 2 : SLOWED_FIRST_US;
  pace->full_us = now_us + burst(of) * pace->every_us;
  pace->slowed_us = now_us;
}

void kh_paces_ask(struct kh_paces *paces, const struct kh_pace_of *of, int64_t until_us)
{
  struct kh_pace *pace = find(paces, of);

  if (pace && until_us > pace->asked_us)
    pace->asked_us = until_us;
}

bool kh_paces_was_asked(struct kh_paces *paces, const struct kh_pace_of *of, int64_t now_us)
{
  const struct kh_pace *pace = find(paces, of);

  return pace && pace->asked_us > now_us;
}

/* What is missing in the bucket stays the same share of it. */
void kh_paces_ease(struct kh_paces *paces, const struct kh_pace_of *of, int64_t now_us)
{
  struct kh_pace *pace = find(paces, of);

  if (!pace || pace->every_us <= stated_us(of))
    return;
  const int64_t eased_us = pace->every_us - pace->every_us / EASED_BY;
  const int64_t every_us = eased_us > stated_us(of) ? eased_us : stated_us(of);

  if (every_us < FORGOTTEN_US && stated_us(of) == 0) {
    *pace = paces->at[--paces->count];
    return;
  }
  if (pace->full_us > now_us)
    pace->full_us = now_us + (pace->full_us - now_us) * every_us / pace->every_us;
  pace->every_us = every_us;
}
