#include "base/base.h"

#include "base/json_write.h"

/* One call writes most documents. Handing jansson a function instead would cost more than the writing. */
enum { USUAL_BYTES = 1024 };
/* The shortest form of what people write, 0.45 and not 0.45000000000000001. */
#define FORM (JSON_COMPACT | JSON_REAL_PRECISION(15))

enum kh_err kh_json_write(const json_t *json, struct kh_buf *out)
{
  size_t left = out->max > out->len ? out->max - out->len : 0;
  size_t room = left < USUAL_BYTES ? left : USUAL_BYTES;
  char *to = kh_buf_reserve(out, room);
  size_t need = to && json ? json_dumpb(json, to, room, FORM) : 0;

  if (need > room) {
    to = kh_buf_reserve(out, need);
    need = to ? json_dumpb(json, to, need, FORM) : 0;
  }
  if (!to)
    return kh_buf_ok(out);
  out->len += need;
  out->at[out->len] = '\0';
  return need > 0 ? KH_OK : KH_ERR_NO_MEMORY;
}
