#include "base/base.h"

#include "base/json.h"
#include "base/json_put.h"
#include "base/utf8.h"
#include "inbox/entry.h"
#include "receive/signature.h"

static const char mac_start[] = ",\"mac\":\"";
static const char mac_end[] = "\"}";
enum { MAC_MEMBER_BYTES = sizeof mac_start - 1 + 2 * KH_DIGEST_BYTES + sizeof mac_end - 1 };

#define CURE "put the one that was taken out back, then type `kitehook inbox retry` and the entry's name"

static void entry_mac(const struct kh_secret *secret, struct kh_str open_line, struct kh_str body,
                      unsigned char mac[KH_DIGEST_BYTES])
{
  const struct kh_str parts[] = {KH_STR("kitehook-entry"), open_line, KH_STR("}\n"), body};

  kh_secret_mac(secret, parts, KH_COUNT(parts), mac);
}

enum kh_err kh_entry_line(const struct kh_entry *entry, struct kh_buf *line)
{
  const struct kh_verified *verified = &entry->verified;
  unsigned char mac[KH_DIGEST_BYTES];

  if (!kh_utf8_valid(verified->event_header))
    return KH_ERR_LIMIT;
  (void)kh_buf_add_byte(line, '{');
  kh_json_put_int_member(line, "v", 1);
  kh_json_put_int_member(line, "received_us", entry->received_us);
  kh_json_put_text_member(line, "request_id", kh_str_of(entry->request_id));
  kh_json_put_text_member(line, "transport", kh_str_of(entry->transport));
  kh_json_put_text_member(line, "proof",
                          kh_str_of(verified->proof == KH_PROOF_TOKEN ? "token" : "signature"));
  kh_json_put_text_member(line, "secret", kh_str_of(verified->by->name));
  if (verified->proof == KH_PROOF_SIGNATURE) {
    kh_json_put_int_member(line, "timestamp_s", verified->timestamp_s);
    kh_json_put_text_member(line, "signature", kh_str_of(verified->signature));
  }
  if (verified->event_header.len > 0)
    kh_json_put_text_member(line, "event", verified->event_header);

  /* Without its last brace the line is what the MAC covers and what the MAC is appended to. */
  entry_mac(&verified->by->secret, kh_buf_view(line), verified->body, mac);
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
                       "the secret that proved this webhook is no longer in the config; " CURE);
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
    err = kh_diag_set(diag, KH_ERR_ENTRY_MAC,
                      "the entry's mac does not fit the secret `%s`: perhaps that is another one now; " CURE
                      ". Else it was changed, or written by somebody without the secret",
                      entry->verified.by->name);
done:
  if (err)
    entry->verified.by = NULL;
  kh_buf_release(&expected);
  kh_json_release(&doc);
  return err;
}
