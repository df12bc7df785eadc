#include "base/base.h"

#include "support/inbox_case.h"

#include <check.h>

enum { NOW_S = 1700000000 };

void kh_inbox_case_prepare(struct kh_inbox_case *it)
{
  *it = (struct kh_inbox_case){.inbox = kh_inbox_closed()};
  kh_tempdir_open(&it->dir);
  (void)kh_tempdir_path(&it->dir, "state", it->state, sizeof it->state);
  it->config = kh_test_config_new(KH_ACCEPTS_SIGNATURES);
  kh_webhook_make(&it->webhook, KH_TEST_CURRENT, NOW_S, KH_STR(KH_INBOX_CASE_BODY));
  it->entry = (struct kh_entry){.received_us = NOW_S * INT64_C(1000000),
                                .request_id = "abc",
                                .transport = "cgi",
                                .verified = kh_webhook_verify(&it->webhook, it->config, NOW_S)};
}

void kh_inbox_case_open(struct kh_inbox_case *it)
{
  kh_inbox_case_prepare(it);
  enum kh_err err = kh_inbox_open(&it->inbox, it->state, &kh_inbox_case_bounds, &it->diag);
  ck_assert_msg(err == KH_OK, "%s", it->diag.text);
}

void kh_inbox_case_close(struct kh_inbox_case *it)
{
  kh_inbox_close(&it->inbox);
  kh_webhook_release(&it->webhook);
  kh_test_config_free(it->config);
  kh_tempdir_close(&it->dir);
}

int kh_inbox_case_count(const struct kh_inbox_case *it, const char *folder)
{
  char path[1024];

  (void)snprintf(path, sizeof path, "%s/inbox/%s", it->state, folder);
  return kh_dir_count(path);
}

enum kh_err kh_inbox_case_keep(struct kh_inbox_case *it, char name[KH_ENTRY_NAME_BYTES])
{
  it->diag = (struct kh_diag){.err = KH_OK};
  return kh_inbox_keep(&it->inbox, &it->entry, name, &it->load, &it->diag);
}

void kh_inbox_case_refuse(struct kh_inbox_case *it, enum kh_err want, int entries_before)
{
  char name[KH_ENTRY_NAME_BYTES];
  enum kh_err err = kh_inbox_case_keep(it, name);

  ck_assert_msg(err == want, "%s, not %s: %s", kh_err_token(err), kh_err_token(want), it->diag.text);
  ck_assert_int_eq(it->diag.err, want);
  ck_assert_uint_gt(strlen(it->diag.text), 0);
  ck_assert_int_eq(kh_inbox_case_count(it, "new"), entries_before);
  ck_assert_int_eq(kh_inbox_case_count(it, "tmp"), 0);
  ck_assert_int_eq(kh_inbox_case_count(it, "aside"), 0);
}
