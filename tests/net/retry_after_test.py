#!/usr/bin/env python3
"""retry_after_test PROBE: handler/net/retry_after.c against a second reading of RFC 9110.

PROBE is the built tests/net/retry_after_probe.c. What is a value of Retry-After says a regular expression
after the RFC's grammar; which time a date is says Python. Mutations of good values come from a fixed seed.
"""
import calendar
import datetime
import email.utils
import random
import re
import subprocess
import sys
import unittest

PROBE = ""
NOW = calendar.timegm((2026, 11, 29, 8, 0, 0))
LONGEST = 2**63 - 1
NONE = -1

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MONTH = f"(?P<month>{'|'.join(MONTHS)})"
TIME = r"(?P<h>[0-9]{2}):(?P<m>[0-9]{2}):(?P<s>[0-9]{2})"
FORMS = [re.compile(form.encode()) for form in (
    rf"(?:{'|'.join(DAYS)}), (?P<day>[0-9]{{2}}) {MONTH} (?P<year>[0-9]{{4}}) {TIME} GMT",
    rf"(?:{'|'.join(LONG_DAYS)}), (?P<day>[0-9]{{2}})-{MONTH}-(?P<year>[0-9]{{2}}) {TIME} GMT",
    rf"(?:{'|'.join(DAYS)}) {MONTH} (?P<day>[ 0-9][0-9]) {TIME} (?P<year>[0-9]{{4}})")]


def oracle(value):
    if re.fullmatch(rb"[0-9]+", value):
        return min(int(value), LONGEST)
    for form in FORMS:
        found = form.fullmatch(value)
        if not found:
            continue
        part = {name: text.decode() for name, text in found.groupdict().items()}
        year = int(part["year"])
        if len(part["year"]) == 2:
            year = max(y for y in range(1970, 2026 + 51) if y % 100 == year)
        # asctime's day has one digit or two, and no zero before one
        if part["day"].strip().startswith("0") and form is FORMS[2]:
            return NONE
        elif year < 1000:
            return NONE
        second = int(part["s"])
        try:
            moment = datetime.datetime(year, MONTHS.index(part["month"]) + 1, int(part["day"]),
                                       int(part["h"]), int(part["m"]), min(second, 59),
                                       tzinfo=datetime.timezone.utc)
        except ValueError:
            return NONE
        if second > 60:
            return NONE
        return max(int(moment.timestamp()) + (second == 60) - NOW, 0)
    return NONE


def ask(values):
    lines = b"".join(value + b"\n" for value in values)
    done = subprocess.run([PROBE, str(NOW)], input=lines, capture_output=True, check=True)
    return [int(line) for line in done.stdout.split()]


def forms_of(moment):
    yield email.utils.format_datetime(moment, usegmt=True).encode()
    day, month = LONG_DAYS[moment.weekday()], MONTHS[moment.month - 1]
    yield moment.strftime(f"{day}, %d-{month}-%y %H:%M:%S GMT").encode()
    yield moment.replace(tzinfo=None).ctime().encode()


def moments():
    rng = random.Random(20261129)
    for offset in (-86400, -1, 0, 1, 59, 3600, 86400, 31 * 86400, 366 * 86400, 465 * 86400):
        yield datetime.datetime.fromtimestamp(NOW + offset, datetime.timezone.utc)
    for _ in range(500):
        yield datetime.datetime.fromtimestamp(NOW + rng.randrange(-20, 40) * 31556952 + rng.randrange(10**7),
                                              datetime.timezone.utc)


ODD = [
    b"", b" ", b"0", b"00", b"7", b"007", b"60", b"3600", b"9999999999", b"9223372036854775806",
    b"9223372036854775807", b"9223372036854775808", b"99999999999999999999", b"9" * 1000, b"+7", b"-7",
    b"7.5",
    b"7s", b"7 ", b" 7", b"1e3", b"0x10", b"7, 9", b"7\x00", b"\x007", b"soon", b"2030-01-01T00:00:00Z",
    b"20300101", b"Fri, 31 Dec 2027", b"Fri, 31 Dec 2027 23:59:59", b"Fri, 31 Dec 2027 23:59:59 UTC",
    b"Fri, 31 Dec 2027 23:59:59 +0000", b"Fri, 31 Dec 2027 23:59:60 GMT", b"Fri, 31 Dec 2027 23:59:61 GMT",
    b"Fri, 31 Dec 2027 24:00:00 GMT", b"Mon, 30 Feb 2027 00:00:00 GMT", b"Mon, 29 Feb 2027 00:00:00 GMT",
    b"Tue, 29 Feb 2028 00:00:00 GMT",
    b"Tue, 00 Feb 2028 00:00:00 GMT", b"Tue, 31 Apr 2028 23:59:60 GMT",
    b"Sun, 06 Nov 1994 08:49:37 GMT", b"Sunday, 06-Nov-94 08:49:37 GMT", b"Sun Nov  6 08:49:37 1994",
    b"Sun Nov 06 08:49:37 2033", b"Sun Nov 6 08:49:37 2033", b"Sun, 6 Nov 2033 08:49:37 GMT",
    b"fri, 31 dec 2027 23:59:59 gmt", b"Friday, 31 Dec 2027 23:59:59 GMT", b"Fri, 31-Dec-27 23:59:59 GMT",
    b"Friday, 31-Dec-27 23:59:59 GMT", b"Friday, 31-Dec-2027 23:59:59 GMT",
    b"Friday, 31-Dec-68 23:59:59 GMT",
    b"Friday, 31-Dec-69 23:59:59 GMT", b"Friday, 31-Dec-76 23:59:59 GMT", b"Friday, 31-Dec-77 23:59:59 GMT",
    b"Fri, 31 Dec 9999 23:59:59 GMT", b"Fri,  31 Dec 2027 23:59:59 GMT", b"Mon, 31 Dec 2027 23:59:59 GMT",
]


class RetryAfter(unittest.TestCase):
    def compare(self, values):
        for value, got in zip(values, ask(values), strict=True):
            self.assertEqual(got, oracle(value), value)

    def test_dates_are_what_python_makes_of_them(self):
        values, wanted = [], []
        for moment in moments():
            values += forms_of(moment)
            wanted += [max(int(moment.timestamp()) - NOW, 0)] * 3
        self.assertEqual(ask(values), wanted)
        self.assertEqual([oracle(value) for value in values], wanted)

    def test_odd_values(self):
        self.compare(ODD)

    def test_mutations(self):
        rng = random.Random(9110)
        good = ODD + [value for moment in moments() for value in forms_of(moment)]
        letters = b"0123456789 ,:-+.\t\0GMTUCadfjnorsuvy\xe9"
        values = []
        for _ in range(20000):
            value = bytearray(rng.choice(good))
            for _ in range(rng.randrange(1, 3)):
                at = rng.randrange(len(value) + 1)
                value[at:at + rng.randrange(3)] = bytes(rng.choice(letters) for _ in range(rng.randrange(3)))
            values.append(bytes(value))
        self.compare(values)
        self.assertGreater(sum(oracle(value) > 0 for value in values), 1000, "most mutations are of no use")


if __name__ == "__main__":
    PROBE = sys.argv.pop(1)
    unittest.main()
