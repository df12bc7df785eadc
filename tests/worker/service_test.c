#include "base/base.h"

#include "base/clock.h"
#include "support/suite.h"
#include "worker/service.h"

#include <sys/eventfd.h>
#include <unistd.h>

/* A service manager: an abstract socket, and what came. */
static struct kh_service service;
static int manager = -1;
static int stop_fd = -1;

static void open_manager(void)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char name[64];

  (void)snprintf(name, sizeof name, "@kitehook-service-test-%d", (int)getpid());
  memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
  manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  ck_assert_int_eq(bind(manager, (const struct sockaddr *)&address,
                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                   0);
  stop_fd = eventfd(0, EFD_CLOEXEC);
  ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
  ck_assert_int_eq(unsetenv("WATCHDOG_PID"), 0);
  ck_assert_int_eq(setenv("WATCHDOG_USEC", "40000", 1), 0);
}

static void close_manager(void)
{
  (void)close(manager);
  (void)close(stop_fd);
}

static void open_service(void)
{
  ck_assert(kh_service_open(&service, stop_fd));
}

/* How many datagrams say TEXT, of all that come in MS. */
static int count(const char *text, int ms)
{
  const struct timespec pause = {0, 1000000};
  int64_t until_us = kh_clock_ticks_us(&kh_system_clock) + ms * INT64_C(1000);
  int found = 0;

  do {
    char got[512];
    ssize_t length = recv(manager, got, sizeof got - 1, 0);

    if (length > 0) {
      got[length] = '\0';
      found += strcmp(got, text) == 0;
    } else {
      (void)nanosleep(&pause, NULL);
    }
  } while (kh_clock_ticks_us(&kh_system_clock) < until_us);
  return found;
}

START_TEST(beats_while_the_loop_keeps_its_promise)
{
  open_service();
  int beats = count("WATCHDOG=1", 500);
  ck_assert_msg(beats >= 5 && beats <= 27, "%d", beats); /* one in 20 ms, on a busy machine */
  kh_service_close(&service);
}
END_TEST

START_TEST(falls_silent_when_the_loop_does_not_come_by)
{
  open_service();
  ck_assert_int_gt(count("WATCHDOG=1", 300), 0);
  kh_service_expect(&service, -KH_SERVICE_GRACE_MS - 1);
  (void)count("WATCHDOG=1", 100);
  ck_assert_int_eq(count("WATCHDOG=1", 300), 0);
  kh_service_expect(&service, 0);
  ck_assert_int_gt(count("WATCHDOG=1", 300), 0);
  kh_service_close(&service);
}
END_TEST

START_TEST(no_watchdog_no_beat)
{
  static const char *const values[] = {"", "0", "soon", "-1", "99999999999999999999"};

  ck_assert_int_eq(setenv("WATCHDOG_USEC", values[_i], 1), 0);
  open_service();
  ck_assert_int_eq(count("WATCHDOG=1", 100), 0);
  kh_service_ready(&service);
  ck_assert_int_eq(count("READY=1", 50), 1);
  kh_service_close(&service);
}
END_TEST

START_TEST(a_status_is_said_when_it_changes)
{
  open_service();
  for (int i = 0; i < 3; i++)
    kh_service_status(&service, "%s", "one");
  kh_service_status(&service, "%s", "two");
  kh_service_status(&service, "%s", "one");
  ck_assert_int_eq(count("STATUS=one", 50), 2);
  kh_service_status(&service, "%0300d", 0);
  kh_service_close(&service);
}
END_TEST

START_TEST(stopping_is_said_once)
{
  const uint64_t one = 1;

  open_service();
  if (_i)
    ck_assert_int_eq(write(stop_fd, &one, sizeof one), (ssize_t)sizeof one);
  ck_assert_int_eq(count("STOPPING=1", 200), _i);
  ck_assert_int_eq(count("WATCHDOG=1", 300) > 0, 1);
  kh_service_close(&service);
  ck_assert_int_eq(count("STOPPING=1", 50), !_i);
}
END_TEST

START_TEST(without_a_manager_nothing_is_opened)
{
  static const char *const names[] = {"", "@", "/", "relative", "vsock:2:1"};

  ck_assert_int_eq(setenv("NOTIFY_SOCKET", names[_i], 1), 0);
  open_service();
  ck_assert_int_eq(service.fd, -1);
  ck_assert_int_eq(service.end_fd, -1);
  kh_service_ready(&service);
  kh_service_reloading(&service);
  kh_service_status(&service, "%s", "unheard");
  kh_service_close(&service);
}
END_TEST

static Suite *service_suite(void)
{
  Suite *suite = suite_create("service");
  TCase *told = kh_test_case(suite, "told");

  tcase_add_checked_fixture(told, open_manager, close_manager);
  tcase_add_test(told, beats_while_the_loop_keeps_its_promise);
  tcase_add_test(told, falls_silent_when_the_loop_does_not_come_by);
  tcase_add_loop_test(told, no_watchdog_no_beat, 0, 5);
  tcase_add_test(told, a_status_is_said_when_it_changes);
  tcase_add_loop_test(told, stopping_is_said_once, 0, 2);
  tcase_add_loop_test(told, without_a_manager_nothing_is_opened, 0, 5);
  return suite;
}

int main(void)
{
  return kh_test_main(service_suite());
}
