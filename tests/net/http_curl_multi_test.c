#include "base/base.h"

#include "net/http_curl.h"
#include "support/suite.h"

/*
 * libcurl that can go no further. The linker brings curl_multi_perform() here; were its failure nobody's end,
 * whoever waits would wait until the test's time is over.
 */
enum { INTERNAL_ERROR = 4 }; /* CURLM_INTERNAL_ERROR: only net/ includes curl.h */

int __wrap_curl_multi_perform(void *multi, int *running);

int __wrap_curl_multi_perform(void *multi, int *running)
{
  (void)multi;
  *running = 0;
  return INTERNAL_ERROR;
}

static struct kh_transport transport;
static struct kh_exchange exchanges[KH_EXCHANGES_MAX];

static void open_transport(void)
{
  ck_assert_int_eq(kh_http_curl_open(&transport, NULL), KH_OK);
  for (size_t i = 0; i < KH_COUNT(exchanges); i++) {
    exchanges[i] = (struct kh_exchange){
        .request = {.content_type = KH_STR("text/plain"), .body = KH_STR("x"), .timeout_ms = 50}};
    ck_assert_int_eq(kh_secret_set(&exchanges[i].request.url, KH_STR("http://127.0.0.1:1/")), KH_OK);
    kh_incoming_init(&exchanges[i].answer);
  }
}

static void close_transport(void)
{
  for (size_t i = 0; i < KH_COUNT(exchanges); i++) {
    kh_buf_release(&exchanges[i].answer.body);
    kh_outgoing_release(&exchanges[i].request);
  }
  kh_http_curl_close(&transport);
}

START_TEST(a_wait_has_an_end)
{
  ck_assert_int_eq(kh_transport_send(&transport, &exchanges[0]), KH_ERR_DELIVERY_FAILED);
  ck_assert_int_eq(exchanges[0].answer.status, 0);
  ck_assert_str_eq(exchanges[0].answer.problem, "Internal error");
}
END_TEST

START_TEST(each_ends_once)
{
  bool has_ended[KH_EXCHANGES_MAX] = {false};

  for (size_t round = 0; round < 2; round++) {
    for (size_t i = 0; i < KH_COUNT(exchanges); i++)
      ck_assert_int_eq(transport.begin(transport.self, &exchanges[i]), KH_OK);
    for (size_t i = 0; i < KH_COUNT(exchanges); i++) {
      const struct kh_exchange *ended = transport.ended(transport.self);

      ck_assert_ptr_nonnull(ended);
      ck_assert_int_eq(ended->result, KH_ERR_DELIVERY_FAILED);
      ck_assert(has_ended[ended - exchanges] == (round > 0));
      has_ended[ended - exchanges] = round == 0;
    }
    ck_assert_ptr_null(transport.ended(transport.self));
  }
}
END_TEST

static Suite *http_curl_multi_suite(void)
{
  Suite *suite = suite_create("http_curl_multi");
  TCase *all = kh_test_case(suite, "http_curl_multi");

  tcase_add_checked_fixture(all, open_transport, close_transport);
  tcase_add_test(all, a_wait_has_an_end);
  tcase_add_test(all, each_ends_once);
  return suite;
}

int main(void)
{
  return kh_test_main(http_curl_multi_suite());
}
