#include "base/base.h"

#include "base/json_write.h"

static int add(const char *at, size_t len, void *out)
{
  return kh_buf_add(out, kh_str(at, len)) ? -1 : 0;
}

enum kh_err kh_json_write(const json_t *json, struct kh_buf *out)
{
  if (json && json_dump_callback(json, add, out, JSON_COMPACT) == 0)
    return KH_OK;
  return kh_buf_ok(out) ? kh_buf_ok(out) : KH_ERR_NO_MEMORY;
}
