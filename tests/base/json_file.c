/*
 * json_file FILE: exit 0 when the strict JSON reader accepts the file, 1 when it refuses it (JSONTestSuite's
 * convention), 2 when there is no answer. The reason goes to stderr.
 */
#include "base/base.h"

#include "base/file.h"
#include "base/json.h"

enum { ACCEPTED = 0, REFUSED = 1, NO_ANSWER = 2 };

int main(int argc, char **argv)
{
  int answer = NO_ANSWER;
  struct kh_diag diag = {0};
  struct kh_json doc;
  struct kh_buf text;

  kh_json_init(&doc, kh_json_default_limits);
  kh_buf_init(&text, 1 << 30);
  if (argc != 2) {
    (void)fprintf(stderr, "usage: json_file FILE\n");
    goto done;
  }
  if (kh_file_read(argv[1], &text, &diag)) {
    (void)fprintf(stderr, "json_file: %s\n", diag.text);
    goto done;
  }
  enum kh_err err = kh_json_read(&doc, kh_buf_view(&text), &diag);
  if (err == KH_OK)
    answer = ACCEPTED;
  else if (err != KH_ERR_NO_MEMORY)
    answer = REFUSED;
  if (err)
    (void)fprintf(stderr, "%s:%u:%u: %s: %s\n", argv[1], diag.line, diag.column, kh_err_token(err),
                  diag.text);

done:
  kh_buf_release(&text);
  kh_json_release(&doc);
  return answer;
}
