/*
 * Target: handler/inbox/entry.c. Aborts where bytes from the inbox are opened that do not come back the
 * same, and where an entry that was written does not open, or opens as another.
 *
 * Secrets: "current" is fuzz-secret, the token "token" is fuzz-token. The input is read twice: as an entry,
 * and as the parts of one: a byte that chooses the proof, a line for the event header, then the body.
 */
#include "base/base.h"

#include "fuzz/replay.h"
#include "inbox/entry.h"
#include "support/guard.h"

enum { EVENT_MAX_BYTES = 4096, ENTRY_MAX_BYTES = 1 << 24 };

static void add(struct kh_secret_list *list, const char *name, struct kh_str text)
{
  struct kh_named_secret *added = &list->at[list->count++];

  (void)snprintf(added->name, sizeof added->name, "%s", name);
  if (kh_secret_set(&added->secret, text))
    abort();
}

static bool same(const struct kh_entry *a, const struct kh_entry *b)
{
  return a->received_us == b->received_us && strcmp(a->request_id, b->request_id) == 0 &&
         strcmp(a->transport, b->transport) == 0 && a->verified.proof == b->verified.proof &&
         a->verified.by == b->verified.by && a->verified.timestamp_s == b->verified.timestamp_s &&
         strcmp(a->verified.signature, b->verified.signature) == 0 &&
         kh_str_equal(a->verified.event_header, b->verified.event_header) &&
         kh_str_equal(a->verified.body, b->verified.body);
}

/* Writes ENTRY and opens what was written. What cannot be written is refused, and that is fine. */
static void round_trip(const struct kh_entry *entry, const struct kh_secret_list *signatures,
                       const struct kh_secret_list *tokens)
{
  struct kh_buf bytes, event_text;
  struct kh_entry back;

  kh_buf_init(&bytes, ENTRY_MAX_BYTES);
  kh_buf_init(&event_text, EVENT_MAX_BYTES);
  if (!kh_entry_line(entry, &bytes)) {
    if (bytes.len < 2 || memchr(bytes.at, '\n', bytes.len) != bytes.at + bytes.len - 1)
      abort();
    if (bytes.len <= KH_ENTRY_LINE_MAX_BYTES + 1) {
      (void)kh_buf_add(&bytes, entry->verified.body);
      if (kh_entry_open(kh_buf_view(&bytes), signatures, tokens, &event_text, &back, NULL) ||
          !same(entry, &back))
        abort();
    }
  }
  kh_buf_release(&bytes);
  kh_buf_release(&event_text);
}

static void write_parts(struct kh_str input, const struct kh_secret_list *signatures,
                        const struct kh_secret_list *tokens)
{
  struct kh_entry entry = {.received_us = 1700000000000000, .request_id = "fuzz-1", .transport = "cgi"};

  if (input.len == 0)
    return;
  bool token = input.at[0] & 1;
  struct kh_str body = kh_str(input.at + 1, input.len - 1);
  struct kh_str event = kh_str_cut(&body, '\n');
  entry.verified = (struct kh_verified){.body = body,
                                        .event_header = event.len > 0 ? event : KH_NO_STR,
                                        .proof = token ? KH_PROOF_TOKEN : KH_PROOF_SIGNATURE,
                                        .by = token ? &tokens->at[0] : &signatures->at[0]};
  if (!token) {
    entry.verified.timestamp_s = 1700000000;
    memset(entry.verified.signature, 'a', sizeof entry.verified.signature - 1);
  }
  round_trip(&entry, signatures, tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct kh_secret_list signatures = {.count = 0};
  struct kh_secret_list tokens = {.count = 0};
  struct kh_diag diag = {.err = KH_OK};
  struct kh_guard guard = {0};
  struct kh_buf event_text;
  struct kh_entry entry;

  add(&signatures, "current", KH_STR("fuzz-secret"));
  add(&tokens, "token", KH_STR("fuzz-token"));
  kh_buf_init(&event_text, EVENT_MAX_BYTES);
  struct kh_str input = kh_guard_end(&guard, kh_str((const char *)data, size));
  enum kh_err err = kh_entry_open(input, &signatures, &tokens, &event_text, &entry, &diag);
  if (err != diag.err || (err && entry.verified.by) || (!err && !entry.verified.by))
    abort();
  if (err && err != KH_ERR_ENTRY_MALFORMED && err != KH_ERR_ENTRY_MAC && err != KH_ERR_ENTRY_SECRET_GONE)
    abort();
  if (!err)
    round_trip(&entry, &signatures, &tokens);
  write_parts(input, &signatures, &tokens);

  kh_buf_release(&event_text);
  kh_secret_release(&signatures.at[0].secret);
  kh_secret_release(&tokens.at[0].secret);
  kh_guard_release(&guard);
  return 0;
}
