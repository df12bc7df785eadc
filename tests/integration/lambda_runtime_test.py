#!/usr/bin/env python3
"""lambda_runtime_test PROBE: the Runtime API loop of lambda/runtime.c against a strict Runtime API of our
own.

PROBE is the built tests/lambda/lambda_probe.c, an echo. Each test starts it once or more; everything is on
loopback.
"""
import json
import os
import pathlib
import random
import socket
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from runtime_api import LINGER_S, MAX_BYTES, Api, Bootstrap, Wire  # noqa: E402

PROBE = ""
SECRET = b"planted-payload"
HEAD_MAX = 64 * 1024  # KH_ANSWER_HEAD_MAX_BYTES
WHOLE = b"Lambda-Runtime-Aws-Request-Id: %b\r\nLambda-Runtime-Invocation-Id: %b\r\n"


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="kh-")
        self.api = Api()
        self.program = None

    def tearDown(self):
        self.stop()
        self.api.close()
        self.folder.cleanup()
        self.assertEqual(self.api.problems, [])

    def start(self, *words):
        self.stop()
        self.log = pathlib.Path(self.folder.name) / "log"
        self.log.unlink(missing_ok=True)
        self.program = Bootstrap(self.api, [PROBE, self.api.address, *words], self.log)
        return self.program

    def stop(self):
        if self.program:
            self.program.close()
            text = self.log.read_bytes()
            self.assertNotIn(SECRET, text)
            self.assertNotIn(b"Sanitizer", text)
            self.assertNotIn(b"runtime error", text)
            self.program = None

    def lines(self):
        return [json.loads(line) for line in self.program.lines()]

    def echoes(self, payload=SECRET, **more):
        """Submits an event and expects it back; the words of the echo's first line."""
        event = self.api.submit(payload, **more)
        self.assertEqual(event.wait(), "response", (more, self.program.lines()))
        first, _, back = event.body.partition(b"\n")
        self.assertEqual(len(back), len(payload))
        self.assertTrue(back == payload, "the payload came back changed")
        self.assertEqual(event.headers["content-type"], "application/json")
        self.assertRegex(event.headers["user-agent"], r"^kitehook/\d+\.\d+\.\d+$")
        return dict(word.split("=", 1) for word in first.decode("latin-1").split(" "))

    def goes_on(self):
        """The program is alive and sound: it answers one more event."""
        self.echoes(b"one more")

    def leaves(self, event=None, kind="Runtime.ExitError"):
        """The program ends with status 1, and says so in one ERROR line, the last."""
        self.assertEqual(self.program.exit_status(), 1, self.program.lines())
        if event:
            self.assertEqual(event.kind, kind)
        lines = self.lines()
        self.assertEqual([line["level"] for line in lines].count("ERROR"), 1, lines)
        self.assertEqual((lines[-1]["level"], lines[-1]["message"]), ("ERROR", "runtime answer"))
        return lines


class TheLoop(Case):
    def test_one_connection_for_many_events(self):
        self.start()
        for i in range(50):
            self.echoes(b"%d " % i + SECRET * i)
        self.assertEqual(self.api.connections, 1)
        self.assertEqual(self.lines(), [])
        self.assertEqual([method for method, _ in self.api.calls[:4]], ["GET", "POST", "GET", "POST"])

    def test_sizes(self):
        self.start()
        for size in (0, 1, 10240, 16383, 16384, 16385, 65536, 1000003, MAX_BYTES - 200):
            self.echoes(random.Random(size).randbytes(size))
        self.assertEqual(self.api.connections, 1)

    def test_the_largest_event(self):
        self.start()
        event = self.api.submit(b"fail Function.Large " + b"x" * (MAX_BYTES - 20))
        self.assertEqual(event.wait(), "error")
        self.goes_on()

    def test_an_event_over_the_largest(self):
        self.start()
        event = self.api.submit(b"x" * (MAX_BYTES + 1))
        lines = self.leaves(event)
        self.assertIn("larger than 6291556 bytes", lines[-1]["detail"])
        self.assertEqual(len(lines), 1, "not asked for again")

    def test_an_event_over_the_largest_in_chunks(self):
        self.start()
        self.leaves(self.api.submit(b"x" * (MAX_BYTES + 1), on_next=[Wire(chunks=65536)]))

    def test_what_the_event_brings(self):
        self.start()
        trace = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"
        got = self.echoes(trace_id=trace, arn="arn:aws:lambda:x")
        self.assertEqual((got["trace"], got["arn"]), (trace, "arn:aws:lambda:x"))
        got = self.echoes(trace_id=None, arn=None, invocation_id=None)
        self.assertEqual((got["trace"], got["arn"]), ("", ""))
        self.echoes(invocation_id="with blanks, and;signs=1")

    def test_a_request_id_is_encoded(self):
        self.start()
        spelled = WHOLE % (b"a b/c?d", b"i-1") + b"Content-Length: 1\r\n\r\nx"
        event = self.api.submit(b"x", request_id="a%20b%2Fc%3Fd", invocation_id="i-1",
                                on_next=[Wire(instead=b"HTTP/1.1 200 OK\r\n" + spelled)])
        self.assertEqual(event.wait(), "response")

    def test_it_waits_without_a_time_out(self):
        self.start("300")
        self.goes_on()
        time.sleep(1.5)
        self.goes_on()
        self.assertEqual(self.api.connections, 1)

    def test_deadlines(self):
        self.start()
        now = time.time() * 1000
        for deadline, left, budget in (
                (int(now + 60000), 60000, 4000), (int(now + 3000), 3000, 2750),
                (int(now + 890000), 890000, 4000),
                (None, 5000, 4000), (5000, 5000, 4000), (int(now) - 1000, 5000, 4000), (0, 5000, 4000),
                (int(now + 7200000), 5000, 4000), (2 ** 63, 5000, 4000), (10 ** 30, 5000, 4000),
                (-1, 5000, 4000), ("", 5000, 4000), ("soon", 5000, 4000), ("1e12", 5000, 4000)):
            with self.subTest(deadline=deadline):
                got = self.echoes(deadline_ms=deadline)
                slack = 2500 if deadline and left != 5000 else 500
                self.assertTrue(left - slack <= int(got["left_ms"]) <= left, got)
                self.assertTrue(budget - slack <= int(got["budget_ms"]) <= budget, got)


class Answers(Case):
    def test_an_error(self):
        self.start()
        event = self.api.submit(b"fail Function.BadConfig it is \"broken\" \xc3\xa9")
        self.assertEqual(event.wait(), "error")
        self.assertEqual(event.headers["lambda-runtime-function-error-type"], "Function.BadConfig")
        self.assertEqual(json.loads(event.body), {"errorMessage": "it is \"broken\" \u00e9",
                                                  "errorType": "Function.BadConfig", "stackTrace": []})
        self.goes_on()

    def test_error_types_that_the_platform_would_drop(self):
        self.start()
        for kind in ("unhandled", "Function.", "Function.X", "Function.bad", "Function.B4d", "Other.Error",
                     "Runtime.Two.Dots", "Runtime.X-Y", "Runtime.Bad\r\nX-Planted:1"):
            event = self.api.submit(b"fail " + kind.encode() + b" why")
            self.assertEqual(event.wait(), "error")
            self.assertEqual(json.loads(event.body)["errorType"], "Runtime.Unknown", kind)
        for message in (b"\xff\xfe", b"", b"a\0b", b"\xc3\xa9" * 5000):
            event = self.api.submit(b"fail Runtime.Good " + message)
            self.assertEqual(event.wait(), "error")
            self.assertLessEqual(len(json.loads(event.body)["errorMessage"].encode()), 1024)
        self.goes_on()

    def test_a_second_response(self):
        self.start()
        event = self.api.submit(b"repeat " + SECRET)
        self.assertEqual(self.program.exit_status(), 1)
        self.assertEqual((event.kind, event.posts), ("response", 2))
        self.assertEqual((self.lines()[-1]["status"], self.lines()[-1]["detail"]),
                         (403, "response: InvalidStateTransition"))

    def test_too_late(self):
        self.start()
        event = self.api.submit(SECRET, late=True)
        self.assertEqual(event.wait(), "Sandbox.Timedout")
        self.goes_on()
        line, = self.lines()
        self.assertEqual((line["level"], line["status"], line["detail"], line["request_id"]),
                         ("WARN", 410, "response: InvokeTimeout", event.request_id))

    def test_too_large(self):
        self.start()
        for size in (MAX_BYTES + 1, 20 * 1024 * 1024):
            event = self.api.submit(b"fill %d" % size)
            started = time.monotonic()
            self.assertEqual(event.wait(), "Function.ResponseSizeTooLarge")
            self.goes_on()
            self.assertLess(time.monotonic() - started, LINGER_S - 1, "sent on after the answer was there")
            self.assertEqual((self.lines()[-1]["status"], self.lines()[-1]["detail"]),
                             (413, "response: RequestEntityTooLarge"))
        self.assertEqual(event.posts, 1, "no error after it")
        event = self.api.submit(b"fill %d" % MAX_BYTES)
        self.assertEqual(event.wait(), "response")

    def test_what_only_concerns_one_event(self):
        self.start()
        for status in (400, 410, 413):
            for payload in (SECRET, b"fail Function.Some thing"):
                self.api.submit(payload, on_post=Wire(status=status)).wait()
                self.goes_on()
                line = self.lines()[-1]
                self.assertEqual((line["level"], line["status"]), ("WARN", status))
        self.assertEqual(len(self.lines()), 6)

    def test_what_ends_the_loop(self):
        for status in (403, 500, 200, 204, 302, 404, 405, 503):
            for payload in (SECRET, b"fail Function.Some thing"):
                with self.subTest(status=status, payload=payload):
                    self.start()
                    self.api.submit(payload, on_post=Wire(status=status))
                    self.assertEqual(self.leaves()[-1]["status"], status)

    def test_an_error_type_is_a_word_or_not_told(self):
        self.start()
        for kind in ("planted-payload", "", "x" * 1000, "a b"):
            self.api.submit(b"x", on_post=Wire(status=400, error_type=kind)).wait()
            self.goes_on()
            self.assertEqual(self.lines()[-1]["detail"], "response")

    def test_posts_have_a_time_out(self):
        self.start("300")
        self.api.submit(SECRET, on_post=Wire(wait_s=20))
        started = time.monotonic()
        self.assertIn("time for the exchange is over", self.leaves()[-1]["detail"])
        self.assertLess(time.monotonic() - started, 10)
        self.start("300")
        self.api.submit(SECRET,
                        on_post=Wire(interim=b"HTTP/1.1 100 Continue\r\n\r\n", pieces=1,
                                     extra=["X: " + "y" * 2000]))
        self.leaves()

    def test_posts_are_not_sent_twice(self):
        for wire in (Wire(cut=0), Wire(cut=0, reset=True), Wire(cut=7), Wire(cut=5, cut_in_body=True)):
            with self.subTest(wire=wire):
                self.start()
                event = self.api.submit(SECRET, on_post=wire)
                self.leaves()
                self.assertEqual(event.posts, 1)

    def test_init_error(self):
        self.start("1000", "the config is broken")
        self.assertEqual(self.program.exit_status(), 1)
        self.assertEqual(json.loads(self.api.init_error.body)["errorMessage"], "the config is broken")
        self.assertEqual(self.api.init_error.headers["lambda-runtime-function-error-type"],
                         "Runtime.InitError")
        self.assertNotIn("lambda-runtime-invocation-id", self.api.init_error.headers)
        self.assertEqual(self.lines(), [])

    def test_init_error_refused(self):
        self.api.on_init_error = Wire(status=500)
        self.start("1000", "the config is broken")
        self.assertEqual(self.leaves()[-1]["detail"], "init error: Test.Planted")


class Next(Case):
    def test_statuses_that_end_the_loop(self):
        for status in (403, 500, 202, 204, 301, 404, 503):
            with self.subTest(status=status):
                self.start()
                event = self.api.submit(SECRET, on_next=[Wire(status=status)])
                self.assertEqual(self.leaves(event)[-1]["status"], status)

    def test_a_cut_event_is_asked_for_once_more(self):
        self.start()
        self.goes_on()
        for wire in (Wire(cut=0), Wire(cut=0, reset=True), Wire(cut=20), Wire(cut=0, cut_in_body=True),
                     Wire(cut=10, cut_in_body=True), Wire(cut=10, cut_in_body=True, reset=True),
                     Wire(chunks=4, cut=10, cut_in_body=True), Wire(chunks=100, cut=60, cut_in_body=True)):
            with self.subTest(wire=wire):
                before = self.api.connections
                self.echoes(SECRET * 4, on_next=[wire])
                self.assertEqual(self.api.connections, before + 1)
                self.assertEqual((self.lines()[-1]["level"], self.lines()[-1]["message"]),
                                 ("WARN", "runtime answer"))

    def test_but_not_twice(self):
        self.start()
        event = self.api.submit(SECRET,
                                on_next=[Wire(cut=10, cut_in_body=True), Wire(cut=10, cut_in_body=True)])
        self.assertEqual([line["level"] for line in self.leaves(event)], ["WARN", "ERROR"])

    def test_nobody_there(self):
        self.api.close()
        free = socket.create_server(("127.0.0.1", 0))
        self.api.address = "127.0.0.1:%d" % free.getsockname()[1]
        free.close()
        self.start()
        self.assertIn("connect: ", self.leaves()[-1]["detail"])

    def test_addresses(self):
        port = self.api.address.split(":")[1]
        for address in ("", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:+1",
                        "example.com:" + port, "[::1]:" + port, "127.0.0.1:80/x", " 127.0.0.1:80",
                        "1" * 70 + ":80"):
            with self.subTest(address=address):
                self.api.address = address
                self.start()
                self.assertEqual(self.program.exit_status(), 2)
        self.api.address = "localhost:" + port
        self.start()
        self.goes_on()

    def test_a_kept_connection_that_ends_meanwhile(self):
        self.start()
        self.goes_on()
        for more in ({"on_next": [Wire(close="said")]}, {"on_post": Wire(close="said")},
                     {"on_post": Wire(close="silent")},
                     {"payload": b"nap 300", "on_next": [Wire(close="silent")]}):
            with self.subTest(more=more):
                before = self.api.connections
                self.echoes(**more)
                self.goes_on()
                self.assertEqual(self.api.connections, before + 1)
        # The silent end behind a response races with the call of next, which may be what notices it: one line
        # then.
        self.assertNotIn("ERROR", [line["level"] for line in self.lines()])


BODY = b'{"x":1}'


def answer(head, body=BODY, status=b"HTTP/1.1 200 OK"):
    return status + b"\r\n" + WHOLE % (b"the-id", b"i-1") + head + b"\r\n" + body


class OnTheWire(Case):
    def test_forms_of_one_answer(self):
        self.start()
        for wire in (Wire(chunks=1), Wire(chunks=7), Wire(chunks=100000), Wire(pieces=1),
                     Wire(pieces=3, chunks=5),
                     Wire(spelling="upper"), Wire(spelling="lower"), Wire(spelling="odd"),
                     Wire(spelling="odd", chunks=3, pieces=2), Wire(length=False),
                     Wire(length=False, pieces=11),
                     Wire(wait_s=0.3), Wire(interim=b"HTTP/1.1 100 Continue\r\n\r\n"),
                     Wire(interim=b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 9\r\n\r\n" * 3),
                     Wire(extra=("X-Planted: " + "y" * 60000,)), Wire(extra=("X-Empty:", "X-Tab: a\tb"))):
            with self.subTest(wire=wire):
                self.echoes(SECRET * 3, on_next=[wire])
                self.echoes(SECRET * 3, on_post=wire)
        self.assertEqual(self.lines(), [])

    def test_large_events_in_every_form(self):
        self.start()
        payload = random.Random(1).randbytes(3000000)
        for wire in (Wire(chunks=65536), Wire(chunks=1000), Wire(length=False), Wire(pieces=60000)):
            with self.subTest(wire=wire):
                self.echoes(payload, on_next=[wire])

    def accepts(self, text):
        has_end = b"content-length" in text.lower() or b"transfer-encoding" in text.lower()
        ends = "" if has_end else "said"
        event = self.api.submit(BODY, request_id="the-id", invocation_id="i-1",
                                on_next=[Wire(instead=text, close=ends)])
        self.assertEqual(event.wait(), "response", (text, self.program.lines()))
        self.assertEqual(event.body.partition(b"\n")[2], BODY, text)

    def test_raw_answers_that_are_fine(self):
        self.start()
        for text in (answer(b"Content-Length: 7\r\n"), answer(b"content-LENGTH:7\r\n"),
                     answer(b"Content-Length: \t 7 \t\r\n"),
                     answer(b"Content-Length: 007\r\n"), answer(b"Connection: close\r\n"),
                     answer(b"Content-Length: 7\r\nConnection: x, Close\r\n"),
                     answer(b"", status=b"HTTP/1.0 200 OK"),
                     answer(b"Content-Length: 7\r\n", status=b"HTTP/1.1 200"),
                     answer(b"Transfer-Encoding: Chunked\r\n", b"7\r\n" + BODY + b"\r\n0\r\n\r\n"),
                     answer(b"Transfer-Encoding: chunked\r\n", b"0003 ;a=b\r\n" + BODY[:3] +
                            b"\r\n4\r\n" + BODY[3:] + b"\r\n000\r\nX: y\r\n\r\n"),
                     answer(b"Content-Length: 7\r\n", BODY + b"bytes that nobody asked for")):
            with self.subTest(text=text):
                self.accepts(text)
        self.goes_on()
        self.assertNotIn("ERROR", [line["level"] for line in self.lines()])

    def test_raw_answers_that_are_not_http(self):
        chunked = b"Transfer-Encoding: chunked\r\n"
        length = b"Content-Length: 7\r\n"
        for text in (
                b"", b"\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", answer(length, status=b"HTTP/2 200 OK"),
                answer(length, status=b"HTTP/1.2 200 OK"), answer(length, status=b"HTTP/1.1 2x0 OK"),
                answer(length, status=b"HTTP/1.1 2000 OK"), answer(length, status=b"HTTP/1.1 099 OK"),
                answer(length, status=b"HTTP/1.1 600 OK"), answer(length, status=b"HTTP/1.1  200 OK"),
                answer(length, status=b"HTTP/1.1 101 Switching"), answer(length).replace(b"\r\n", b"\n"),
                answer(length + b"X: a\rb\r\n"), answer(length + b"X: a\0b\r\n"),
                answer(length + b"X: a\r\n folded\r\n"),
                answer(length + b"no colon\r\n"), answer(length + b": no name\r\n"),
                answer(length + b"A B: c\r\n"),
                answer(length + b"X : y\r\n"), answer(length * 2), answer(b"Content-Length: 7, 7\r\n"),
                answer(b"Content-Length: -7\r\n"), answer(b"Content-Length: +7\r\n"),
                answer(b"Content-Length: 0x7\r\n"),
                answer(b"Content-Length:\r\n"), answer(b"Content-Length: 8\r\n"),
                answer(b"Content-Length: 18446744073709551616\r\n"),
                answer(length + chunked), answer(chunked * 2, b"0\r\n\r\n"),
                answer(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
                answer(b"Transfer-Encoding: identity\r\n"), answer(chunked, b"7\r\n" + BODY),
                answer(chunked, b"7\r\n" + BODY + b"\r\n"),
                answer(chunked, b"7\r\n" + BODY + b"\r\n0\r\n"),
                answer(chunked, b"6\r\n" + BODY + b"\r\n0\r\n\r\n"),
                answer(chunked, b"\r\n\r\n"), answer(chunked, b"x\r\n\r\n"), answer(chunked, b"-1\r\n\r\n"),
                answer(chunked, b"7\n" + BODY),
                answer(chunked, b"7\r\n" + BODY + b"xx0\r\n\r\n"), answer(chunked, b"1" * 16 + b"\r\n")):
            with self.subTest(text=text):
                self.start()
                event = self.api.submit(SECRET, on_next=[Wire(instead=text, close="silent")] * 2)
                self.assertEqual([line["level"] for line in self.leaves(event)], ["WARN", "ERROR"])

    def test_raw_answers_that_are_too_large(self):
        chunked = b"Transfer-Encoding: chunked\r\n"
        for text in (answer(b"Content-Length: 6291557\r\n"),
                     answer(b"Content-Length: 18446744073709551615\r\n"),
                     answer(b"X: " + b"y" * 65536 + b"\r\n"), answer(b"X: y\r\n" * 11000), b"x" * 70000,
                     b"HTTP/1.1 100 Continue\r\n\r\n" * 3000, answer(chunked, b"1" * 15 + b"\r\n"),
                     answer(chunked, b"600065\r\n"), answer(chunked, b"1;" + b"x" * 2000 + b"\r\n"),
                     answer(chunked, b"0\r\n" + b"X: y\r\n" * 11000),
                     answer(chunked, b"0\r\nX: " + b"y" * 70000),
                     answer(chunked, (b"1;" + b"x" * 1000 + b"\r\na\r\n") * 70),
                     # no part is too large by itself
                     answer(b"X: " + b"y" * 40000 + b"\r\n" + chunked,
                            b"0\r\nX: " + b"y" * 40000 + b"\r\n\r\n"),
                     b"HTTP/1.1 103 Early Hints\r\nX: " + b"y" * 40000 + b"\r\n\r\n" +
                     answer(chunked, (b"1;" + b"x" * 1000 + b"\r\na\r\n") * 20 +
                            b"0\r\nX: " + b"y" * 9000 + b"\r\n\r\n")):
            with self.subTest(text=text[:200]):
                self.start()
                event = self.api.submit(SECRET, on_next=[Wire(instead=text, close="silent")])
                self.assertIn("larger than", self.leaves(event)[-1]["detail"])

    def test_a_head_to_the_byte(self):
        """Heads, chunk extensions and trailers count together."""
        self.start()
        early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        extension, trailers = b";planted=extension", b"X-T: " + b"y" * 500 + b"\r\n\r\n"
        body = b"7" + extension + b"\r\n" + BODY + b"\r\n0\r\n" + trailers
        head = answer(b"X: %b\r\nTransfer-Encoding: chunked\r\n", b"")
        room = HEAD_MAX - len(early + head % b"" + extension + trailers)
        self.accepts(early + head % (b"y" * room) + body)
        too_long = early + head % (b"y" * (room + 1)) + body
        event = self.api.submit(SECRET, on_next=[Wire(instead=too_long, close="silent")])
        self.assertIn("larger than 65536 bytes", self.leaves(event)[-1]["detail"])

    def test_an_event_without_an_id(self):
        self.start()
        event = self.api.submit(SECRET,
                                on_next=[Wire(instead=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")])
        self.assertIn("no request id", self.leaves(event)[-1]["detail"])

    def test_many_events_with_harmless_faults(self):
        self.start()
        chance = random.Random(20261122)

        def wire():
            return Wire(chunks=chance.choice((0, 0, 1, 17, 5000)), pieces=chance.choice((0, 0, 0, 50)),
                        spelling=chance.choice(("", "odd", "upper")), length=chance.random() > 0.1,
                        close=chance.choice(("", "", "said")),
                        interim=chance.choice((b"", b"HTTP/1.1 102 Processing\r\n\r\n")))
        for _ in range(300):
            self.echoes(chance.randbytes(chance.randrange(2000)), on_next=[wire()], on_post=wire())
        self.assertEqual(self.lines(), [])
        fds = os.listdir(f"/proc/{self.program.process.pid}/fd")
        self.assertLessEqual(len(fds), 5, "descriptors leak")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: lambda_runtime_test.py PROBE [TEST...]")
    PROBE = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
