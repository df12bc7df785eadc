#include "base/base.h"

#include "base/json_text.h"
#include "language/names/names_body.h"
#include "language/names/names_event.h"
#include "language/names/names_past.h"
#include "language/names/withheld.h"

enum { FOUND_ARENA_BYTES = 64 * 1024 * 1024 };

static void ask_name(const struct kh_event *event, const struct kh_name_info *name)
{
  if (event->withheld)
    kh_withheld_ask(event->withheld, event->withheld->names[name->name], name->text);
}

/* VALUE is what the journal has of the environment's variable NAME: null for what it left out. */
static void ask_environment(const struct kh_event *event, enum kh_environment part, struct kh_str name,
                            struct kh_json_value value)
{
  struct kh_withheld *withheld = event->withheld;

  if (!withheld)
    return;
  if (part == KH_ENVIRONMENT_PIPELINE)
    kh_withheld_ask(withheld, withheld->pipeline_env, KH_WITHHELD_PIPELINE_ENV);
  else if (!kh_env_is_kept(name) || kh_json_type(value) == KH_JSON_NULL)
    kh_withheld_ask(withheld, withheld->build_env, KH_WITHHELD_BUILD_ENV);
}

static void value_of(void *self, const struct kh_name_info *name, struct kh_arena *arena,
                     struct kh_value *value)
{
  ask_name(self, name);
  kh_names_body_value(self, name, arena, value);
}

static bool environment(void *self, enum kh_environment part, struct kh_str name, struct kh_arena *arena,
                        struct kh_str *value)
{
  const struct kh_event *event = self;
  struct kh_json_value of = part == KH_ENVIRONMENT_PIPELINE ? event->pipeline : event->build;
  struct kh_json_value found = kh_json_get(kh_json_get(of, KH_STR("env")), name);

  ask_environment(event, part, name, found);
  *value = kh_json_text_in(found, arena);
  return value->at != NULL;
}

static bool meta_data(void *self, struct kh_str key, struct kh_arena *arena, struct kh_str *value)
{
  const struct kh_event *event = self;

  if (event->withheld)
    kh_withheld_ask(event->withheld, event->withheld->meta_data, KH_WITHHELD_META_DATA);
  *value = kh_json_text_in(kh_json_get(kh_json_get(event->build, KH_STR("meta_data")), key), arena);
  return value->at != NULL;
}

static bool offers(void *self, enum kh_root root)
{
  const struct kh_event *event = self;

  return kh_root_is_of_event(root, kh_str_of(event->name));
}

static const char **not_kept_of(const struct kh_event *event)
{
  return event->withheld ? &event->withheld->asked : NULL;
}

struct kh_names kh_names_event(const struct kh_event *event)
{
  /* The interface has one `self` for all; nothing here writes through it. */
  return (struct kh_names){(void *)(uintptr_t)event, value_of,          environment, meta_data, offers,
                           event->steps_left,        not_kept_of(event)};
}

/* ---- each once ---- */

static void *event_of(void *found)
{
  return (void *)(uintptr_t)((struct kh_names_found *)found)->event;
}

static void value_of_found(void *self, const struct kh_name_info *name, struct kh_arena *arena,
                           struct kh_value *value)
{
  struct kh_names_found *found = self;

  ask_name(found->event, name);
  if (name->flags & KH_NAME_HISTORY) {
    *value = kh_names_past_value(found->history, name->name);
    return;
  }
  if (!found->is_known[name->name]) {
    kh_names_body_value(found->event, name, &found->arena, &found->values[name->name]);
    found->is_known[name->name] = true;
  }
  *value = found->values[name->name];
  if (found->arena.err)
    arena->err = found->arena.err;
}

static bool environment_of_found(void *self, enum kh_environment part, struct kh_str name,
                                 struct kh_arena *arena, struct kh_str *value)
{
  return environment(event_of(self), part, name, arena, value);
}

static bool meta_data_of_found(void *self, struct kh_str key, struct kh_arena *arena, struct kh_str *value)
{
  return meta_data(event_of(self), key, arena, value);
}

static bool offered_by_found(void *self, enum kh_root root)
{
  return ((struct kh_names_found *)self)->offers[root];
}

struct kh_names kh_names_event_once(const struct kh_event *event, const struct kh_history *history,
                                    struct kh_names_found *found)
{
  found->event = event;
  found->history = history;
  memset(found->is_known, 0, sizeof found->is_known);
  kh_arena_init(&found->arena, FOUND_ARENA_BYTES, NULL, 0);
  for (unsigned root = 0; root < KH_ROOT__COUNT; root++)
    found->offers[root] = kh_root_is_of_event((enum kh_root)root, kh_str_of(event->name));
  return (struct kh_names){found,
                           value_of_found,
                           environment_of_found,
                           meta_data_of_found,
                           offered_by_found,
                           event->steps_left,
                           not_kept_of(event)};
}

void kh_names_found_release(struct kh_names_found *found)
{
  kh_arena_release(&found->arena);
}
