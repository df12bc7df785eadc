#include "base/base.h"

#include "base/utf8.h"
#include "import.h"
#include "notify/notifiers.h"

static const struct kh_form *form_of(const char *word)
{
  const struct kh_notifier *notifier = kh_notifier_named(kh_str_of(word));

  return notifier ? notifier->form : NULL;
}

static const char *name_of_places(const struct kh_notifier *notifier)
{
  const struct kh_option *option = notifier->form->options ? notifier->form->options : notifier->options;

  while (option->name && option->type != KH_OPTION_PLACE)
    option++;
  return option->name;
}

static void note_place(const struct kh_form *form, const json_t *place, json_t *names)
{
  struct kh_str text = kh_str_of(kh_config_text(place) ? kh_config_text(place) : "");
  const struct kh_str team = form->account_of ? form->account_of(&text) : KH_NO_STR;

  if (team.len > 0)
    json_object_setn_new(names, team.at, team.len, json_true());
}

void kh_import_note_service(json_t *services, const char *word, const json_t *options)
{
  const struct kh_form *form = form_of(word);
  const json_t *place = NULL;
  size_t i = 0;

  if (!form || !form->account || form->account->optional)
    return;
  const char *name = name_of_places(kh_notifier_named(kh_str_of(word)));
  const json_t *places = json_is_object(options) && name ? json_object_get(options, name) : options;
  json_t *noted = json_object_get(services, form->account->kind);

  if (!noted) {
    noted = json_pack("{s:{}, s:{}}", "names", "needs");
    json_object_set_new(services, form->account->kind, noted);
  }
  json_t *names = json_object_get(noted, "names");
  for (const char *const *needs = form->account_needs; needs && *needs; needs++)
    json_object_set_new(json_object_get(noted, "needs"), *needs, json_true());
  note_place(form, places, names);
  json_array_foreach(places, i, place) note_place(form, place, names);
}

/* ---- what has to stand there ---- */

/* SLACK_TOKEN, of the account NAME SLACK_TOKEN_NAME. */
static json_t *reference(const char *variable, const char *name)
{
  char text[128];
  const int len = snprintf(text, sizeof text, "%s%s%.64s", variable, name[0] ? "_" : "", name);

  for (int i = 0; i < len; i++)
    if (text[i] >= 'a' && text[i] <= 'z')
      text[i] = (char)(text[i] - 'a' + 'A');
    else if (!kh_is_letter(text[i]) && !kh_is_digit(text[i]))
      text[i] = '_';
  return json_pack("{s:s}", "env", text);
}

static json_t *account_of(const struct kh_account *account, const json_t *needs, const char *name)
{
  json_t *options = json_object();

  for (const struct kh_option *option = account->options; option->name; option++) {
    const bool is_secret = option->type == KH_OPTION_SECRET || option->type == KH_OPTION_URL;

    if (option->required || json_object_get(needs, option->name))
      json_object_set_new(options, option->name,
                          is_secret ? reference(option->example, name) : json_string(option->example));
  }
  return options;
}

static const struct kh_account *account_named(const char *kind)
{
  for (size_t i = 0; kh_notifiers[i]; i++)
    if (kh_notifiers[i]->form && kh_notifiers[i]->form->account &&
        strcmp(kh_notifiers[i]->form->account->kind, kind) == 0)
      return kh_notifiers[i]->form->account;
  return NULL;
}

json_t *kh_import_services(const json_t *services)
{
  json_t *made = json_object();
  const char *kind = NULL;
  json_t *noted = NULL;

  json_object_foreach((json_t *)(uintptr_t)services, kind, noted)
  {
    json_t *names = json_object_get(noted, "names");
    const json_t *needs = json_object_get(noted, "needs");
    const struct kh_account *account = account_named(kind);
    json_t *named = json_object();
    const char *name = NULL;
    json_t *ignored = NULL;

    json_object_foreach(names, name, ignored)
        json_object_set_new(named, name, account_of(account, needs, name));
    if (json_object_size(names) == 0) {
      json_decref(named);
      named = account_of(account, needs, "");
    }
    json_object_set_new(made, kind, named);
  }
  return made;
}
