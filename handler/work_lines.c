#include "base/base.h"

#include "work_parts.h"

/* Rather too early than never. */
static void hold_line(void *self, struct kh_str line)
{
  struct kh_work *work = self;

  if (line.len > work->lines.max - work->lines.len)
    kh_work_release_lines(work);
  if (kh_buf_add(&work->lines, line)) {
    work->log.write(work->log.self, KH_STR("{\"level\":\"ERROR\",\"message\":\"out of memory\"}\n"));
    work->log.write(work->log.self, line);
    kh_buf_clear(&work->lines);
  }
}

struct kh_log kh_work_held_log(struct kh_work *work)
{
  struct kh_log log = work->log;

  log.write = hold_line;
  log.self = work;
  return log;
}

void kh_work_release_lines(struct kh_work *work)
{
  struct kh_str rest = kh_buf_view(&work->lines);

  while (rest.len > 0) {
    struct kh_str line = kh_str_cut(&rest, '\n');
    work->log.write(work->log.self, kh_str(line.at, line.len + 1));
  }
  kh_buf_clear(&work->lines);
}
