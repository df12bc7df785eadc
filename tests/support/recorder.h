/*
 * recorder.h - a kh_log that remembers its lines.
 *
 * When the environment variable KH_TEST_LOG_LINES names a file, every line is appended to it too,
 * for a later test that checks them all against docs/log.schema.json.
 */
#ifndef KH_TEST_RECORDER_H
#define KH_TEST_RECORDER_H

#include "base/buf.h"
#include "base/log.h"

#include <jansson.h>

struct kh_recorder {
  struct kh_buf text; /* the lines, as written */
  size_t count;       /* calls of write */
};

/* For a test whose lines no program writes: they stay out of that file. */
void kh_recorder_stay_private(void);

void kh_recorder_init(struct kh_recorder *recorder);
void kh_recorder_release(struct kh_recorder *recorder);
void kh_recorder_clear(struct kh_recorder *recorder);
/* RECORDER must not move while the log is in use. */
struct kh_log kh_recorder_log(struct kh_recorder *recorder, const struct kh_clock *clock);

/* Records the lines of the file at PATH, as if each had been written just now. */
void kh_recorder_add_file(struct kh_recorder *recorder, const char *path);

/*
 * Line INDEX (from 0) read strictly by jansson; the caller owns it. Ends the test when there is none, or when
 * a line is not one object and one newline.
 */
json_t *kh_recorder_line(const struct kh_recorder *recorder, size_t index);
/* The text of member KEY, "" when it is absent or no text. Borrowed from LINE. */
const char *kh_line_text(const json_t *line, const char *key);
/* The integer member KEY, INT64_MIN when it is absent or no integer. */
int64_t kh_line_number(const json_t *line, const char *key);

/* True when NEEDLE occurs anywhere in TEXT. */
bool kh_text_contains(struct kh_str text, struct kh_str needle);

#endif
