/*
 * Target: cgi/fcgi_stream.c, with libfcgi as the oracle. Aborts when another division into pieces finds
 * something else, when more is written than was promised, and when libfcgi cannot read to its end what is
 * said to be a complete request.
 *
 * The first byte seeds the division, the second and third say how long a body may be.
 */
#include "base/base.h"

#include "base/buf.h"
#include "fcgi_stream.h"
#include "fuzz/replay.h"

#include <fcgiapp.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FOUND_MAX = 64, BYTES_MAX = 1 << 20, CONNECTIONS = 256 };

/* What a connection amounts to. */
struct course {
  enum kh_fcgi_found found[FOUND_MAX];
  size_t count;
  struct kh_buf out;
  struct kh_buf replies;
  size_t body_bytes;
};

static void need(bool is_so)
{
  if (!is_so)
    abort();
}

static size_t piece_of(uint32_t *seed, size_t left)
{
  if (*seed == 0)
    return left;
  *seed = *seed * 1103515245 + 12345;
  size_t piece = 1 + (*seed >> 16) % 24;
  return piece < left ? piece : left;
}

/* In place, as the server does it: OUT begins KH_FCGI_HEADROOM before what is read. */
static enum kh_fcgi_found take(struct kh_fcgi_stream *stream, struct kh_str *bytes, struct course *course)
{
  char *room = malloc(KH_FCGI_HEADROOM + bytes->len);
  size_t made = 0;

  need(room != NULL);
  memcpy(room + KH_FCGI_HEADROOM, bytes->at, bytes->len);
  struct kh_str rest = {room + KH_FCGI_HEADROOM, bytes->len};
  enum kh_fcgi_found found = kh_fcgi_take(stream, &rest, room, &made);
  size_t used = bytes->len - rest.len;
  need(made <= used + KH_FCGI_HEADROOM && (found || rest.len == 0));
  (void)kh_buf_add(&course->out, kh_str(room, made));
  *bytes = kh_str(bytes->at + used, rest.len);
  free(room);
  return found;
}

static void follow(struct kh_str bytes, size_t body_max, uint32_t seed, struct course *course)
{
  struct kh_fcgi_stream stream;
  bool goes_on = true;

  *course = (struct course){.count = 0};
  kh_buf_init(&course->out, BYTES_MAX);
  kh_buf_init(&course->replies, BYTES_MAX);
  kh_fcgi_stream_init(&stream, body_max, CONNECTIONS);
  while (goes_on && bytes.len > 0) {
    size_t len = piece_of(&seed, bytes.len);
    struct kh_str piece = {bytes.at, len};

    bytes = kh_str(bytes.at + len, bytes.len - len);
    while (goes_on && piece.len > 0) {
      enum kh_fcgi_found found = take(&stream, &piece, course);

      need(found == KH_FCGI_REPLY || found == KH_FCGI_REFUSED ? stream.reply_len >= 8 : true);
      if (found == KH_FCGI_REPLY || found == KH_FCGI_REFUSED)
        (void)kh_buf_add(&course->replies, kh_str((const char *)stream.reply, stream.reply_len));
      if (found)
        course->found[course->count++] = found;
      goes_on = (!found || found == KH_FCGI_REPLY) && course->count < FOUND_MAX;
    }
  }
  course->body_bytes = stream.body_bytes;
}

/* libfcgi reads the request to its end, without a complaint. */
static void read_by_libfcgi(const struct course *course)
{
  static FCGX_Request fcgi;
  int fd = memfd_create("request", MFD_CLOEXEC);
  char chunk[4096];
  size_t read = 0;
  int got;

  need(fd >= 0 && write(fd, course->out.at, course->out.len) == (ssize_t)course->out.len);
  need(lseek(fd, 0, SEEK_SET) == 0 && fcntl(fd, F_SETFL, O_APPEND) == 0);
  need(FCGX_Init() == 0 && FCGX_InitRequest(&fcgi, -1, 0) == 0);
  fcgi.ipcFd = fd;
  fcgi.keepConnection = 1;
  need(FCGX_Accept_r(&fcgi) == 0);
  while ((got = FCGX_GetStr(chunk, sizeof chunk, fcgi.in)) > 0)
    read += (size_t)got;
  need(FCGX_GetError(fcgi.in) == 0 && read == course->body_bytes);
  fcgi.keepConnection = 0;
  FCGX_Finish_r(&fcgi);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct course whole;
  struct course pieces;

  if (size < 3)
    return 0;
  const size_t body_max = (size_t)data[1] << 8 | data[2];
  const struct kh_str bytes = {(const char *)data + 3, size - 3};

  follow(bytes, body_max, 0, &whole);
  follow(bytes, body_max, data[0] + 1U, &pieces);
  need(whole.count == pieces.count &&
       memcmp(whole.found, pieces.found, whole.count * sizeof *whole.found) == 0);
  need(kh_str_equal(kh_buf_view(&whole.replies), kh_buf_view(&pieces.replies)));
  const enum kh_fcgi_found last = whole.count > 0 ? whole.found[whole.count - 1] : KH_FCGI_MORE;
  /* Where it ends within a record, how much of that was passed on before is chance. */
  if (last != KH_FCGI_BROKEN && last != KH_FCGI_TOO_LARGE)
    need(kh_str_equal(kh_buf_view(&whole.out), kh_buf_view(&pieces.out)));
  if (last == KH_FCGI_REQUEST)
    read_by_libfcgi(&whole);
  kh_buf_release(&whole.out);
  kh_buf_release(&whole.replies);
  kh_buf_release(&pieces.out);
  kh_buf_release(&pieces.replies);
  return 0;
}
