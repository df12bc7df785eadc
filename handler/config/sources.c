#include "base/base.h"

#include "base/utf8.h"
#include "config/parts.h"

static const char *const sources_keys[] = {"eventbridge", NULL};
static const char *const eventbridge_keys[] = {"source", "account", NULL};

static enum kh_err mistake(const struct kh_section *section, const char *key, const char *text)
{
  return kh_config_mistake(section->config, section->object, key, section->diags, "%s%s: %s", section->name,
                           key, text);
}

/* As EventBridge names a partner's; another one than Buildkite's tells nothing that could be understood. */
static bool is_source(const char *text)
{
  const struct kh_str source = kh_str_of(text), prefix = KH_STR("aws.partner/buildkite.com/");

  return source.len > prefix.len && source.len < KH_EVENTBRIDGE_SOURCE_BYTES &&
         kh_str_starts(source, prefix) && kh_str_is_word(source, "/._-");
}

static bool is_account(const char *text)
{
  return text && strlen(text) == KH_AWS_ACCOUNT_BYTES - 1 && strspn(text, "0123456789") == strlen(text);
}

static enum kh_err read_eventbridge(const struct kh_section *sources)
{
  const json_t *node = json_object_get(sources->object, "eventbridge");
  const struct kh_section eventbridge = {sources->config, node, "sources.eventbridge.", sources->diags};
  const char *source = kh_config_text(json_object_get(node, "source"));
  const char *account = kh_config_text(json_object_get(node, "account"));
  struct kh_eventbridge *origin = &sources->config->eventbridge;

  if (!json_is_object(node))
    return mistake(sources, "eventbridge", "needs a mapping: {source: NAME, account: NUMBER}");
  enum kh_err err = kh_config_known_keys(sources->config, node, eventbridge_keys, sources->diags);
  if (!is_source(source))
    err = mistake(&eventbridge, "source",
                  "needs the Partner Event Source Name that Buildkite's settings page shows, "
                  "aws.partner/buildkite.com/ and so on");
  if (!is_account(account))
    err = mistake(&eventbridge, "account", "needs the twelve digits of the AWS account, in quotes");
  if (err)
    return err;
  (void)snprintf(origin->source, sizeof origin->source, "%s", source);
  (void)snprintf(origin->account, sizeof origin->account, "%s", account);
  return KH_OK;
}

enum kh_err kh_config_sources(const struct kh_section *top)
{
  const json_t *node = json_object_get(top->object, "sources");
  const struct kh_section sources = {top->config, node, "sources.", top->diags};

  if (!node || top->config->depth == KH_CONFIG_RECEIVER)
    return KH_OK;
  if (!json_is_object(node) || json_object_size(node) == 0)
    return mistake(top, "sources", "needs a mapping: {eventbridge: {source: NAME, account: NUMBER}}");
  enum kh_err err = kh_config_known_keys(top->config, node, sources_keys, top->diags);
  return json_object_get(node, "eventbridge") ? kh_first_err(err, read_eventbridge(&sources)) : err;
}
