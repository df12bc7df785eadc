/*
 * story_parts.h - the pieces that story.c puts together; nobody else includes this.
 */
#ifndef KH_STORY_PARTS_H
#define KH_STORY_PARTS_H

#include "words/story.h"

/* A text member as it came; empty when it is absent or something else. Release it. */
struct kh_buf kh_part_raw(const struct kh_event *event, struct kh_json_value object, struct kh_str key);
/* Appends a text member, cleaned. False when nothing came of it. */
bool kh_part_text(const struct kh_event *event, struct kh_json_value object, struct kh_str key,
                  struct kh_buf *out);

/* The text of a new detail, to be filled at once; kh_part_end_detail drops it when it stayed empty. */
struct kh_buf *kh_part_begin_detail(struct kh_story *story, const char *before, bool code);
void kh_part_end_detail(struct kh_story *story);
/* A detail made of a text member, if there is one. */
void kh_part_detail(struct kh_story *story, const struct kh_event *event, struct kh_json_value object,
                    struct kh_str key, const char *before, bool code);

/*
 * Details: build.commit, shortened; who wrote it, and who started the build by hand, by name only; the pull
 * request; how long OBJECT ran.
 */
void kh_part_commit(struct kh_story *story, const struct kh_event *event);
void kh_part_persons(struct kh_story *story, const struct kh_event *event);
void kh_part_pull_request(struct kh_story *story, const struct kh_event *event);
void kh_part_duration(struct kh_story *story, const struct kh_event *event, struct kh_json_value object);

/*
 * Details, where a build failed or was mended: its failed jobs, which failure in a row it is, since when. Of
 * names of jobs three at most, cut to be short.
 */
void kh_part_past(struct kh_story *story, const struct kh_event *event, const struct kh_history *history);

/* OBJECT's web_url, unless there is a url already. */
void kh_part_url(struct kh_story *story, const struct kh_event *event, struct kh_json_value object);
/* What the event's name says happened: "finished" for job.finished. */
void kh_part_happening(const struct kh_event *event, struct kh_buf *out);
/* Words and mood of STATE; what happened where it is empty. */
void kh_part_state(struct kh_story *story, const struct kh_event *event, struct kh_str state);

#endif
