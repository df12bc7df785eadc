#include "base/base.h"

struct err_row {
  const char *token;
  int status;
  enum kh_level level;
};

#define ROW(name, token, status, level) [name] = {token, status, level},
static const struct err_row rows[KH_ERR__COUNT] = {KH_ERRORS(ROW)};

static const struct err_row *row_of(enum kh_err err)
{
  return &rows[(unsigned)err < KH_ERR__COUNT ? err : KH_ERR_IO];
}

const char *kh_err_token(enum kh_err err)
{
  return row_of(err)->token;
}

int kh_err_status(enum kh_err err)
{
  return row_of(err)->status;
}

enum kh_level kh_err_level(enum kh_err err)
{
  return row_of(err)->level;
}

bool kh_err_is_unverified(enum kh_err err)
{
  return err >= KH_ERR_CREDENTIAL_ABSENT && err <= KH_ERR_FUTURE;
}

enum kh_err kh_diag_set(struct kh_diag *diag, enum kh_err err, const char *format, ...)
{
  if (diag && diag->err == KH_OK) {
    va_list values;

    diag->err = err;
    va_start(values, format);
    (void)vsnprintf(diag->text, sizeof diag->text, format, values);
    va_end(values);
  }
  return err;
}
