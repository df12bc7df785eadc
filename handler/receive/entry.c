#include "base/base.h"

#include "base/json.h"
#include "base/json_write.h"
#include "receive/entry.h"
#include "receive/signature.h"

static const char mac_start[] = ",\"mac\":\"";
static const char mac_end[] = "\"}";
enum { MAC_MEMBER_BYTES = sizeof mac_start - 1 + 2 * KH_DIGEST_BYTES + sizeof mac_end - 1 };

static void entry_mac(const struct kh_secret *secret, struct kh_str open_line, struct kh_str body,
                      unsigned char mac[KH_DIGEST_BYTES])
{
  const struct kh_str parts[] = {KH_STR("kitehook-entry"), open_line, KH_STR("}\n"), body};

  kh_secret_mac(secret, parts, KH_COUNT(parts), mac);
}

/* NULL when a member cannot be made: for want of memory, or because the event's header is no UTF-8. */
static json_t *line_json(const struct kh_entry *entry)
{
  const struct kh_verified *verified = &entry->verified;
  struct kh_str event = verified->event_header;
  json_t *json = json_object();
  int failed = 0;

  failed |= json_object_set_new(json, "v", json_integer(1));
  failed |= json_object_set_new(json, "received_us", json_integer(entry->received_us));
  failed |= json_object_set_new(json, "request_id", json_string(entry->request_id));
  failed |= json_object_set_new(json, "transport", json_string(entry->transport));
  failed |= json_object_set_new(json, "proof",
                                json_string(verified->proof == KH_PROOF_TOKEN ? "token" : "signature"));
  failed |= json_object_set_new(json, "secret", json_string(verified->by->name));
  if (verified->proof == KH_PROOF_SIGNATURE) {
    failed |= json_object_set_new(json, "timestamp_s", json_integer(verified->timestamp_s));
    failed |= json_object_set_new(json, "signature", json_string(verified->signature));
  }
  if (event.len > 0)
    failed |= json_object_set_new(json, "event", json_stringn(event.at, event.len));
  if (!failed)
    return json;
  json_decref(json);
  return NULL;
}

enum kh_err kh_entry_line(const struct kh_entry *entry, struct kh_buf *line)
{
  unsigned char mac[KH_DIGEST_BYTES];
  json_t *json = line_json(entry);
  enum kh_err err = kh_json_write(json, line);

  json_decref(json);
  if (err)
    return err;

  /* Without its last brace the line is what the MAC covers and what the MAC is appended to. */
  line->len--;
  entry_mac(&entry->verified.by->secret, kh_buf_view(line), entry->verified.body, mac);
  (void)kh_buf_add(line, kh_str_of(mac_start));
  (void)kh_buf_add_hex(line, mac, sizeof mac);
  (void)kh_buf_add(line, kh_str_of(mac_end));
  (void)kh_buf_add_byte(line, '\n');
  return kh_buf_ok(line);
}

static const struct kh_named_secret *find_secret(const struct kh_secret_list *list, struct kh_json_value name)
{
  for (size_t i = 0; i < list->count; i++)
    if (kh_json_text_is(name, kh_str_of(list->at[i].name)))
      return &list->at[i];
  return NULL;
}

/* Copies a plain string member; false when it is absent, holds an escape or does not fit. */
static bool copy_member(struct kh_json_value object, struct kh_str key, char *to, size_t room)
{
  struct kh_json_value member = kh_json_get(object, key);
  struct kh_str raw = kh_json_raw(member);

  if (kh_json_type(member) != KH_JSON_STRING || raw.len >= room || memchr(raw.at, '\\', raw.len))
    return false;
  memcpy(to, raw.at, raw.len);
  to[raw.len] = '\0';
  return true;
}

static enum kh_err malformed(struct kh_diag *diag, const char *what)
{
  return kh_diag_set(diag, KH_ERR_ENTRY_MALFORMED, "the entry's first line %s", what);
}

static enum kh_err read_line(struct kh_json_value line, const struct kh_secret_list *signatures,
                             const struct kh_secret_list *tokens, struct kh_buf *event_text,
                             struct kh_entry *entry, struct kh_diag *diag)
{
  struct kh_verified *verified = &entry->verified;
  struct kh_json_value proof = kh_json_get(line, KH_STR("proof"));
  struct kh_json_value event = kh_json_get(line, KH_STR("event"));
  int64_t version = 0;

  if (!kh_json_int(kh_json_get(line, KH_STR("v")), &version) || version != 1)
    return malformed(diag, "is not of version 1");
  if (!kh_json_int(kh_json_get(line, KH_STR("received_us")), &entry->received_us) ||
      !copy_member(line, KH_STR("request_id"), entry->request_id, sizeof entry->request_id) ||
      !copy_member(line, KH_STR("transport"), entry->transport, sizeof entry->transport))
    return malformed(diag, "lacks received_us, request_id or transport");
  if (kh_json_text_is(proof, KH_STR("token")))
    verified->proof = KH_PROOF_TOKEN;
  else if (!kh_json_text_is(proof, KH_STR("signature")))
    return malformed(diag, "has neither proof");
  else if (!copy_member(line, KH_STR("signature"), verified->signature, sizeof verified->signature) ||
           !kh_json_int(kh_json_get(line, KH_STR("timestamp_s")), &verified->timestamp_s))
    return malformed(diag, "lacks signature or timestamp_s");
  if (kh_json_type(event) == KH_JSON_STRING && kh_json_text(event, event_text))
    return malformed(diag, "has an event name that is too long");
  verified->event_header = kh_json_type(event) == KH_JSON_STRING ? kh_buf_view(event_text) : KH_NO_STR;

  verified->by = find_secret(verified->proof == KH_PROOF_TOKEN ? tokens : signatures,
                             kh_json_get(line, KH_STR("secret")));
  if (!verified->by)
    return kh_diag_set(diag, KH_ERR_ENTRY_SECRET_GONE,
                       "the secret that proved this webhook is no longer in the config; put it back under "
                       "its name and retry the entry");
  return KH_OK;
}

/* The mac member is always last and always of one length, so it is found without parsing. */
static bool split_mac(struct kh_str line, struct kh_str *open_line, struct kh_str *mac_hex)
{
  if (line.len < MAC_MEMBER_BYTES || !kh_str_ends(line, kh_str_of(mac_end)))
    return false;
  *open_line = kh_str(line.at, line.len - MAC_MEMBER_BYTES);
  *mac_hex = kh_str(open_line->at + open_line->len + sizeof mac_start - 1, 2 * (size_t)KH_DIGEST_BYTES);
  return kh_str_equal(kh_str(open_line->at + open_line->len, sizeof mac_start - 1), kh_str_of(mac_start));
}

enum kh_err kh_entry_open(struct kh_str bytes, const struct kh_secret_list *signatures,
                          const struct kh_secret_list *tokens, struct kh_buf *event_text,
                          struct kh_entry *entry, struct kh_diag *diag)
{
  struct kh_json doc;
  struct kh_str body = bytes;
  struct kh_str open_line = KH_NO_STR;
  struct kh_str mac_hex = KH_NO_STR;
  struct kh_buf expected;
  unsigned char mac[KH_DIGEST_BYTES];
  enum kh_err err = KH_OK;

  *entry = (struct kh_entry){.verified.body = KH_NO_STR};
  kh_json_init(&doc, (struct kh_json_limits){.bytes = KH_ENTRY_LINE_MAX_BYTES, .depth = 1, .tokens = 64});
  kh_buf_init(&expected, 2 * KH_DIGEST_BYTES);

  struct kh_str line = kh_str_cut(&body, '\n');
  if (!body.at || line.len > KH_ENTRY_LINE_MAX_BYTES || !split_mac(line, &open_line, &mac_hex))
    err = malformed(diag, "is cut, too long or has no mac");
  else if (kh_json_read(&doc, line, NULL))
    err = malformed(diag, "is not JSON");
  else
    err = read_line(kh_json_root(&doc), signatures, tokens, event_text, entry, diag);
  if (err)
    goto done;

  entry->verified.body = body;
  entry_mac(&entry->verified.by->secret, open_line, body, mac);
  err = kh_buf_add_hex(&expected, mac, sizeof mac);
  /* Nobody can measure this comparison from outside: it runs long after the answer. */
  if (!err && !kh_str_equal(kh_buf_view(&expected), mac_hex))
    err = kh_diag_set(
        diag, KH_ERR_ENTRY_MAC,
        "the entry's mac does not fit: it was changed, or written by somebody without the secret");
done:
  if (err)
    entry->verified.by = NULL;
  kh_buf_release(&expected);
  kh_json_release(&doc);
  return err;
}
