#include "base/base.h"

#include "rules/cannot.h"
#include "rules/message.h"
#include "rules/tables.h"
#include "words/text.h"

const struct kh_template_format kh_message_plain = {.max_characters = KH_MESSAGE_CHARACTERS,
                                                    .line = kh_text_line};

struct listener {
  const struct kh_config *config;
  const json_t *node;
  const char *name;
  struct kh_diags *diags;
};

static void tell_mistake(void *self, const struct kh_mistake *mistake)
{
  const struct listener *to = self;

  (void)kh_config_say_in_text(to->config, to->node, mistake->at, KH_ERR_CONFIG, to->diags, "`%s`: %s%s%s%s",
                              to->name, mistake->text, mistake->hint[0] ? "; did you mean `" : "",
                              mistake->hint, mistake->hint[0] ? "`?" : "");
}

static void tell_advice(void *self, size_t at, size_t len, const char *text)
{
  const struct listener *to = self;

  (void)len;
  (void)kh_config_say_in_text(to->config, to->node, at, KH_OK, to->diags, "`%s`: %s", to->name, text);
}

static void tell_comment(void *self, size_t at, size_t len)
{
  const struct listener *to = self;

  kh_cannot_advise_comment(to->config, to->node, to->name, at, len, to->diags);
}

struct use_listener {
  const struct listener *to;
  const struct kh_match *match;
  bool told[KH_ROOT__COUNT];
};

/* Once for each part that is missing. */
static void tell_use(void *self, const struct kh_use *use)
{
  struct use_listener *listener = self;
  char text[128];

  if (listener->told[use->root] || kh_match_offers(listener->match, use->root))
    return;
  listener->told[use->root] = true;
  (void)snprintf(text, sizeof text, "the events of this rule have no %s; name others by `events`",
                 kh_root_name(use->root));
  tell_advice((void *)(uintptr_t)listener->to, use->at, use->len, text);
}

enum kh_err kh_template_of(struct kh_config *config, json_t *node, const char *name,
                           const struct kh_match *match, struct kh_template **made, struct kh_diags *diags)
{
  const char *text = kh_config_text(node);
  struct listener listener = {config, node, name, diags};
  const struct kh_template_reader reader = {.self = &listener,
                                            .mistake = tell_mistake,
                                            .advise = tell_advice,
                                            .comment = tell_comment,
                                            .remembers = config->state[0] != '\0',
                                            .with_uploads = true,
                                            .tables = config->tables,
                                            .find = kh_table_find};
  enum kh_err err = kh_config_is_template(config, node);

  if (!err)
    err = kh_template_compile(made, kh_str_of(text), &reader);
  if (err == KH_ERR_NO_MEMORY)
    (void)kh_config_mistake(config, node, NULL, diags, "`%s`: no memory left", name);
  if (!err)
    kh_template_uses(*made, &(struct kh_uses){&(struct use_listener){&listener, match, {false}}, tell_use});
  return err ? KH_ERR_CONFIG : KH_OK;
}

enum kh_err kh_message_compile(struct kh_config *config, const json_t *options, struct kh_rule *rule,
                               struct kh_diags *diags)
{
  json_t *node = json_object_get(options, "message");
  const char *text = kh_config_text(node);

  if (!node)
    return KH_OK;
  if (!text)
    return kh_config_mistake(config, options, "message", diags,
                             "`message` is one text; put it in quotes if it begins with {{");
  if (text[strspn(text, " \t\n")] == '\0')
    return kh_config_mistake(config, options, "message", diags,
                             "an empty `message` says nothing; leave it out for the usual words, or put it "
                             "in quotes if it begins with #");
  return kh_template_of(config, node, "message", &rule->match, &rule->message, diags);
}

enum kh_err kh_template_say(const struct kh_template *template, const char *name,
                            struct kh_rendering *rendering, const struct kh_template_format *format,
                            struct kh_buf *out)
{
  struct kh_mistake why = {.kind = KH_MISTAKE_NONE};
  enum kh_err err = kh_template_render(template, rendering->names, format, out, &why);

  if (why.kind == KH_MISTAKE_NOT_KEPT)
    (void)kh_mistake_set(&rendering->undecided, why.kind, why.at, why.len, "its %s: %s", name, why.text);
  else if (why.kind != KH_MISTAKE_NONE)
    (void)kh_mistake_set(&rendering->undecided, why.kind, why.at, why.len, "an {{#if}} of its %s: %s", name,
                         why.text);
  return err;
}

enum kh_err kh_message_render(const struct kh_rule *rule, struct kh_rendering *rendering,
                              const struct kh_template_format *format, struct kh_buf *out)
{
  return rule->message ? kh_template_say(rule->message, "message", rendering, format, out) : KH_OK;
}
