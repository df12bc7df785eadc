/*
 * inbox_fill.c STATE BODY SECRET COUNT TO - an inbox full of webhooks that are all different.
 *
 * Keeps COUNT entries below STATE through kh_verify and kh_inbox_keep, so that a worker takes them for what a
 * receiver kept, and moves each into the folder TO at once: looking for room in a long inbox takes its time.
 * BODY must be a JSON object; each entry has its own first member "bench". SECRET is a file; the secret's
 * name is "default".
 *
 * cc: -std=c11 -D_GNU_SOURCE -O2 -g -static FILE RECEIVER
 */
#include "base/base.h"

#include "base/clock.h"
#include "base/file.h"
#include "inbox/inbox.h"

#include <fcntl.h>
#include <unistd.h>

enum { BODY_MAX_BYTES = 1024 * 1024 };

struct filler {
  struct kh_inbox inbox;
  struct kh_secret_list secrets;
  struct kh_str members; /* BODY behind its first brace */
  int fd_to;
};

/* A request with body "{"bench":NUMBER,…", signed now. TEXT and HEADER hold what it borrows. */
static struct kh_request make_request(const struct filler *filler, long number, struct kh_buf *text,
                                      struct kh_buf *header)
{
  struct kh_request request = {.method = KH_METHOD_POST, .transport = "bench"};
  int64_t now_s = kh_clock_now_s(&kh_system_clock);
  unsigned char mac[KH_DIGEST_BYTES];
  char timestamp[24];

  kh_buf_clear(text);
  kh_buf_printf(text, "{\"bench\":%ld,", number);
  kh_buf_add(text, filler->members);
  snprintf(timestamp, sizeof timestamp, "%" PRId64, now_s);
  kh_secret_mac(&filler->secrets.at[0].secret,
                (struct kh_str[]){kh_str_of(timestamp), KH_STR("."), kh_buf_view(text)}, 3, mac);
  kh_buf_clear(header);
  kh_buf_printf(header, "timestamp=%s,signature=", timestamp);
  kh_buf_add_hex(header, mac, sizeof mac);
  request.body = kh_buf_view(text);
  kh_request_add_header(&request, KH_HEADER_SIGNATURE, kh_buf_view(header));
  kh_request_add_header(&request, KH_HEADER_EVENT, KH_STR("build.finished"));
  return request;
}

static enum kh_err keep(const struct filler *filler, const struct kh_request *request, struct kh_diag *diag)
{
  static const struct kh_secret_list no_tokens;
  struct kh_verifier verifier = {&filler->secrets, &no_tokens, 300};
  struct kh_entry entry = {.received_us = kh_clock_now_us(&kh_system_clock), .transport = "bench"};
  char name[KH_ENTRY_NAME_BYTES];
  struct kh_inbox_load load;
  enum kh_err err = kh_verify(&verifier, request, entry.received_us / 1000000, &entry.verified);

  if (err)
    return err;
  kh_request_id(request, entry.request_id);
  err = kh_inbox_keep(&filler->inbox, &entry, name, &load, diag);
  if (!err && renameat(filler->inbox.fd_new, name, filler->fd_to, name) != 0)
    err = KH_ERR_IO;
  return err;
}

static enum kh_err fill(const struct filler *filler, long count, struct kh_diag *diag)
{
  struct kh_buf text, header;
  enum kh_err err = KH_OK;

  kh_buf_init(&text, BODY_MAX_BYTES);
  kh_buf_init(&header, 256);
  for (long number = 1; number <= count && !err; number++) {
    struct kh_request request = make_request(filler, number, &text, &header);

    err = keep(filler, &request, diag);
  }
  kh_buf_release(&header);
  kh_buf_release(&text);
  return err;
}

int main(int argc, char **argv)
{
  struct filler filler = {.inbox = kh_inbox_closed(), .secrets = {.count = 1}, .fd_to = -1};
  struct kh_buf body, key;
  struct kh_diag diag = {0};
  enum kh_err err = KH_OK;

  kh_buf_init(&body, BODY_MAX_BYTES);
  kh_buf_init(&key, KH_SECRET_MAX_BYTES);
  if (argc != 6) {
    fputs("usage: inbox_fill STATE BODY SECRET COUNT TO\n", stderr);
    return 2;
  }
  if ((err = kh_file_read(argv[2], &body, &diag)) || (err = kh_file_read(argv[3], &key, &diag)) ||
      (err = kh_secret_set(&filler.secrets.at[0].secret, kh_buf_view(&key))))
    goto done;
  snprintf(filler.secrets.at[0].name, KH_NAME_BYTES, "default");
  filler.members = kh_str(body.at + 1, body.len - 1);
  filler.fd_to = open(argv[5], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  err = kh_inbox_open(&filler.inbox, argv[1], &(struct kh_inbox_bounds){SIZE_MAX, UINT64_MAX, 0}, &diag);
  if (!err)
    err = fill(&filler, strtol(argv[4], NULL, 10), &diag);
done:
  if (err)
    fprintf(stderr, "inbox_fill: %s %s\n", kh_err_token(err), diag.text);
  if (filler.fd_to >= 0)
    close(filler.fd_to);
  kh_inbox_close(&filler.inbox);
  kh_secret_release(&filler.secrets.at[0].secret);
  kh_buf_release(&key);
  kh_buf_release(&body);
  return err != KH_OK;
}
