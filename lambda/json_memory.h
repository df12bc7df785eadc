/*
 * json_memory.h - where jansson takes its memory from while one event is handled.
 *
 * All documents of an event are gone when it is answered, so they come from one piece that is used again for the next.
 * musl's allocator would give pages back to the system and take them again, at each of them. What does not fit, and all that
 * is made while it is paused, comes from malloc. jansson has one allocator for the whole process; so has this.
 */
#ifndef KH_JSON_MEMORY_H
#define KH_JSON_MEMORY_H

/* No document that was made since the last start may be left. */
void kh_json_memory_start(void);
/* From here on documents may outlive the event. */
void kh_json_memory_pause(void);
void kh_json_memory_resume(void);

#endif
