/*
 * Target: cgi/fcgi_stream.c, with libfcgi as the oracle. Aborts when another division into pieces finds
 * something else, when more is written than was promised, and when libfcgi reads other parameters, or another
 * body, out of what came than out of what is said to be a complete request.
 *
 * The first byte seeds the division, the second and third say how long a body may be.
 */
#include "base/base.h"

#include "base/buf.h"
#include "fcgi_stream.h"
#include "fuzz/replay.h"

#include <fastcgi.h>
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
  unsigned request;
  size_t head_bytes;
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
  course->request = stream.request;
  course->head_bytes = stream.head_bytes;
}

/*
 * The records of REQUEST from its beginning on, without padding: libfcgi may lose its count there. Nor may it
 * meet management records.
 */
static void pick_records(struct kh_str bytes, unsigned request, struct kh_buf *picked)
{
  kh_buf_init(picked, BYTES_MAX);
  while (bytes.len >= FCGI_HEADER_LEN) {
    const unsigned char *header = (const unsigned char *)bytes.at;
    const size_t content = (size_t)header[4] << 8 | header[5];
    const size_t size = FCGI_HEADER_LEN + content + header[6];
    const bool is_wanted = ((unsigned)header[2] << 8 | header[3]) == request &&
                           (picked->len > 0 || header[1] == FCGI_BEGIN_REQUEST);

    if (size > bytes.len)
      return; /* of another request */
    if (is_wanted) {
      (void)kh_buf_add(picked, kh_str(bytes.at, 6));
      (void)kh_buf_add(picked, kh_str("\0\0", 2));
      (void)kh_buf_add(picked, kh_str(bytes.at + FCGI_HEADER_LEN, content));
    }
    bytes = kh_str(bytes.at + size, bytes.len - size);
  }
}

/* What libfcgi reads out of RECORDS: the variables, each with its 0, and, unless BODY is NULL, the body. */
static void read_by_libfcgi(struct kh_str records, struct kh_buf *variables, struct kh_buf *body)
{
  static FCGX_Request fcgi;
  int fd = memfd_create("request", MFD_CLOEXEC);
  char chunk[4096];
  int got;

  need(fd >= 0 && write(fd, records.at, records.len) == (ssize_t)records.len);
  need(lseek(fd, 0, SEEK_SET) == 0 && fcntl(fd, F_SETFL, O_APPEND) == 0);
  need(FCGX_Init() == 0 && FCGX_InitRequest(&fcgi, -1, 0) == 0);
  fcgi.ipcFd = fd;
  fcgi.keepConnection = 1;
  need(FCGX_Accept_r(&fcgi) == 0);
  kh_buf_init(variables, BYTES_MAX);
  for (size_t i = 0; fcgi.envp[i]; i++)
    (void)kh_buf_add(variables, kh_str(fcgi.envp[i], strlen(fcgi.envp[i]) + 1));
  while (body && (got = FCGX_GetStr(chunk, sizeof chunk, fcgi.in)) > 0)
    (void)kh_buf_add(body, kh_str(chunk, (size_t)got));
  need(FCGX_GetError(fcgi.in) == 0);
  fcgi.keepConnection = 0;
  FCGX_Finish_r(&fcgi);
}

/* As the server does it: behind the head is what an earlier request left. */
static void compare_with_libfcgi(struct kh_str wire, const struct course *course)
{
  const struct kh_str body = {course->out.at + course->head_bytes, course->out.len - course->head_bytes};
  struct kh_buf picked;
  struct kh_buf head;
  struct kh_buf expected;
  struct kh_buf expected_body;
  struct kh_buf variables;

  kh_buf_init(&head, BYTES_MAX);
  kh_buf_init(&expected_body, BYTES_MAX);
  pick_records(wire, course->request, &picked);
  read_by_libfcgi(kh_buf_view(&picked), &expected, &expected_body);
  (void)kh_buf_add(&head, kh_str(course->out.at, course->head_bytes));
  (void)kh_buf_add(&head, kh_buf_view(&picked));
  read_by_libfcgi(kh_buf_view(&head), &variables, NULL);
  need(kh_str_equal(kh_buf_view(&variables), kh_buf_view(&expected)));
  need(kh_str_equal(body, kh_buf_view(&expected_body)));
  kh_buf_release(&picked);
  kh_buf_release(&head);
  kh_buf_release(&expected);
  kh_buf_release(&expected_body);
  kh_buf_release(&variables);
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
    need(whole.head_bytes == pieces.head_bytes &&
         kh_str_equal(kh_buf_view(&whole.out), kh_buf_view(&pieces.out)));
  if (last == KH_FCGI_REQUEST)
    compare_with_libfcgi(bytes, &whole);
  kh_buf_release(&whole.out);
  kh_buf_release(&whole.replies);
  kh_buf_release(&pieces.out);
  kh_buf_release(&pieces.replies);
  return 0;
}
