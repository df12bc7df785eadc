#!/usr/bin/env python3
"""http_curl_test PROBE: what handler/net/http_curl.c makes of each thing a server can do.

PROBE is the built tests/net/http_curl_probe.c. Everything happens on loopback. The last tests need a user
namespace, to give the probe an authority of its own; where there is none they are skipped, and say so.
"""
import email.utils
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import http_peer as peer  # noqa: E402

PROBE = ""
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
OK = "ok"
FAILED = "delivery_failed"
SECRET = "/services/planted-path"
HEAD_MAX = 64 * 1024  # KH_ANSWER_HEAD_MAX_BYTES
HEAD_TOO_LONG = "the answer's headers are longer than 64 KiB"
TOO_MANY_LINES = "A value or data field grew larger than allowed"  # a newer libcurl takes 5,000
NOT_FOLDED = "A libcurl function was given a bad argument"  # so libcurl 8.18 refuses to unfold a trailer
MORE_KIB = 64 * 1024  # what a hostile answer may cost beyond a plain one, with room for any allocator


def in_half_a_minute():
    return email.utils.formatdate(time.time() + 30, usegmt=True)


def play_plan():
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    return {
        "*": peer.answer("200 OK"),
        "/204": peer.answer("204 No Content", None),
        "/302": peer.answer("302 Found", b"", f"Location: {SECRET}"),
        "/307": peer.answer("307 Temporary Redirect", b"", f"Location: {SECRET}"),
        "/404": peer.answer("404 Not Found", b"no_service"),
        "/429": peer.answer("429 Too Many Requests", b"", "Retry-After: 7"),
        "/429-date": lambda me,
        to: peer.answer("429 Slow Down", b"", f"Retry-After: {in_half_a_minute()}")(me, to),
        "/429-reset": peer.answer("429 Too Many Requests", b"", "X-RateLimit-Remaining: 0",
                                  "x-ratelimit-RESET:  1700000033 "),
        "/429-odd-reset": peer.answer("429 Too Many Requests", b"", "X-RateLimit-Reset: -5"),
        "/429-iso": peer.answer("429 Too Many Requests", b"", "Retry-After: 2030-01-01T00:00:00Z"),
        "/429-cut": peer.answer("429 Too Many Requests", b"", "Retry-After: 12\r 34"),
        "/429-huge": peer.answer("429 Too Many Requests", b"", "retry-AFTER:\t99999999999999999999 "),
        "/429-early": peer.raw(b"HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"
                               b"HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n"),
        "/429-late": peer.raw(b"HTTP/1.1 429 No\r\nTransfer-Encoding: chunked\r\nTrailer: Retry-After\r\n"
                              b"\r\n0\r\nRetry-After: 9\r\n\r\n"),
        "/429-garbage": peer.answer("429 Too Many Requests", b"", "Retry-After: soon"),
        "/500": peer.answer("500 Internal Server Error"),
        "/100": peer.raw(b"HTTP/1.1 100 Continue\r\n\r\n" + whole),
        "/103-503": peer.raw(
            b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"),
        "/103-end": peer.raw(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        "/chunks": peer.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
                            b"2\r\nok\r\n3\r\nay!\r\n0\r\nX-T: 1\r\n\r\n"),
        "/odd-trailer": peer.raw(CHUNKED + b"2\r\nok\r\n0\r\nHTTP/1.1 503: no\r\n\r\n"),
        "/cookie": peer.answer("200 OK", b"ok", "Set-Cookie: session=planted-cookie; Path=/"),
        "/nothing": peer.raw(b""),
        "/reset": peer.reset,
        "/half-status": peer.raw(b"HTTP/1.1 20"),
        "/half-header": peer.raw(b"HTTP/1.1 200 OK\r\nContent-Len"),
        "/no-blank-line": peer.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"),
        "/half-body": peer.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes!"),
        "/not-http": peer.raw(b"SSH-2.0-OpenSSH_9.2\r\nplanted banner\r\n"),
        "/slow": peer.drip(whole, 0.2),
        "/slow-body": peer.drip(b"x" * 50, 0.2, b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"),
        "/10MB": peer.flood(10 * 1024 * 1024),
        "/64KB": peer.answer("200 OK", b"y" * 65536),
    }


OK_LINE = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK_LINE + b"Transfer-Encoding: chunked\r\n\r\n"
LONG_LINES = b"".join(b"X-%03d: %b\r\n" % (i, b"y" * 1000) for i in range(60))
SHORT_LINES = b"a:\r\n" * 16000
FOLDED_LINES = b" y\r\n" * 16000
COOKIES = b"".join(b"Set-Cookie: c%d=%b; Max-Age=9999\r\n" % (i, b"v" * 200) for i in range(300))

# Without an end before the final header came, and behind it: a head, and what follows it again and again.
ENDLESS_HEADERS = {
    "headers": (OK_LINE, LONG_LINES),
    "short headers": (OK_LINE, SHORT_LINES),
    "a folded header": (OK_LINE + b"X: y\r\n", FOLDED_LINES),
    "cookies": (OK_LINE, COOKIES),
    "a redirect": (b"HTTP/1.1 302 Found\r\nLocation: /planted\r\n", LONG_LINES),
    "locations": (b"HTTP/1.1 302 Found\r\n", b"Location: /planted\r\n" * 3000),
    "challenges": (b"HTTP/1.1 401 No\r\n", b"WWW-Authenticate: Digest realm=x, nonce=y\r\n" * 1500),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2500),
    "interim answers with headers": (b"", b"HTTP/1.1 103 Early Hints\r\n" + LONG_LINES + b"\r\n"),
}
ENDLESS_LINES = {
    "a status line": (b"HTTP/1.1 200 ", b"y" * 65536),
    "a status": (b"HTTP/1.1 ", b"2" * 65536),
    "a header line": (OK_LINE + b"X: ", b"y" * 65536),
    "a location": (b"HTTP/1.1 302 Found\r\nLocation: ", b"y" * 65536),
    "blank lines": (b"", b"\r\n" * 30000),
    "no HTTP": (b"", b"y" * 65536),
}
ENDLESS_TRAILERS = {
    "trailers": (CHUNKED + b"0\r\n", LONG_LINES),
    "short trailers": (CHUNKED + b"0\r\n", SHORT_LINES),
    "a folded trailer": (CHUNKED + b"0\r\nX: y\r\n", FOLDED_LINES),
    "trailing cookies": (CHUNKED + b"0\r\n", COOKIES),
}
ENDLESS_CHUNKS = {
    "an extension": (CHUNKED + b"1;", b"y" * 65536),
    "extensions": (CHUNKED, b"1;" + b"y" * 60000 + b"\r\na\r\n"),
    "the last one's extension": (CHUNKED + b"0;", b"y" * 65536),
}
ENDLESS_PROXIES = {
    "headers": (OK_LINE, LONG_LINES),
    "a header line": (OK_LINE + b"X: ", b"y" * 65536),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2500),
    "a body to the end": (b"HTTP/1.1 407 No\r\n\r\n", b"y" * 65536),
    "a body with a length": (b"HTTP/1.1 407 No\r\nContent-Length: 99999999999\r\n\r\n", b"y" * 65536),
    "a body in chunks": (b"HTTP/1.1 407 No\r\nTransfer-Encoding: chunked\r\n\r\n",
                         b"8000\r\n" + b"y" * 32768 + b"\r\n"),
    "trailers": (b"HTTP/1.1 407 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", LONG_LINES),
}


def send(*urls, body='{"text":"planted-body"}', kind="application/json", timeout_ms=10000, before=(),
         **environment):
    """What the probe says of each URL. Only the proxies that a test names are in its environment."""
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run([*before, PROBE, str(timeout_ms), kind, body, *urls], env={**clean, **environment},
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done
    return [json.loads(line) for line in done.stdout.splitlines()]


class OverHTTP(unittest.TestCase):
    def setUp(self):
        self.peer = peer.Peer(play_plan())

    def tearDown(self):
        self.peer.close()

    def expect(self, path, err, status, **more):
        got, = send(self.peer.url(path))
        self.assertEqual((got["err"], got["status"]), (err, status), got)
        self.assertEqual(bool(got["problem"]), more.pop("problem", err != OK), got)
        self.assertNotIn("planted", got["problem"])
        self.assertNotIn("127.0.0.1", got["problem"])
        for name, value in more.items():
            self.assertEqual(got[name], value, got)
        return got

    def test_what_is_sent(self):
        body = '{"text":"caf\u00e9 \U0001f680"}'
        got, = send(self.peer.url(SECRET + "?a=b"), body=body, kind="application/json; charset=utf-8")
        self.assertEqual((got["err"], got["status"], got["body"], got["problem"]), (OK, 200, "ok", ""))
        request, = self.peer.requests
        self.assertEqual(request["body"], body.encode())
        self.assertEqual((request["method"], request["target"], request["version"]),
                         ("POST", SECRET + "?a=b", "HTTP/1.1"))
        headers = {name.lower(): value for name, value in request["headers"]}
        self.assertEqual(len(headers), len(request["headers"]), "no header twice")
        self.assertRegex(headers.pop("user-agent"), r"^kitehook/\d+\.\d+\.\d+$")
        self.assertEqual(headers, {"host": f"127.0.0.1:{self.peer.port}", "accept": "*/*",
                                   "content-type": "application/json; charset=utf-8",
                                   "content-length": str(len(body.encode()))})

    def test_a_notifiers_own_headers(self):
        got, = send(self.peer.url(SECRET), PROBE_TOKEN="planted-token", PROBE_ID="id-1, two words",
                    PROBE_PUT="1")
        self.assertEqual((got["err"], got["status"]), (OK, 200), got)
        request, = self.peer.requests
        self.assertEqual(request["method"], "PUT")
        self.assertEqual(request["body"], b'{"text":"planted-body"}')
        headers = {name.lower(): value for name, value in request["headers"]}
        self.assertEqual(len(headers), len(request["headers"]), "no header twice")
        self.assertEqual((headers["authorization"], headers["x-id"]),
                         ("Bearer planted-token", "id-1, two words"))

    def test_they_do_not_stay_behind(self):
        """One handle for all requests: the next one is a POST without them."""
        url = self.peer.url("/")
        send(url, url, PROBE_TOKEN="planted-token", PROBE_PUT="1")
        send(url)
        self.assertEqual([request["method"] for request in self.peer.requests], ["PUT", "PUT", "POST"])
        self.assertNotIn("authorization", [name.lower() for name, _ in self.peer.requests[-1]["headers"]])

    def test_a_header_stays_one_header(self):
        for bad in ("planted\r\nX-Evil: 1", "planted\nX-Evil: 1", "planted token", "planted\ttoken",
                    "planted\x7f"):
            for name in ("PROBE_TOKEN", "PROBE_ID"):
                if name == "PROBE_ID" and "planted token" in bad:
                    continue  # a blank is fine in a text of ours
                got, = send(self.peer.url("/"), **{name: bad})
                self.assertEqual((got["err"], got["status"]), (FAILED, 0), got)
                self.assertNotIn("planted", got["problem"])
        self.assertEqual(self.peer.requests, [])

    def test_rate_limits(self):
        self.expect("/429-reset", OK, 429, rate_left=0, rate_reset_s=1700000033, retry_after_s=-1)
        self.expect("/429-odd-reset", OK, 429, rate_reset_s=-1)
        self.expect("/204", OK, 204, rate_left=-1, rate_reset_s=-1)

    def test_a_large_body_goes_at_once(self):
        started = time.monotonic()
        got, = send(self.peer.url("/"), body="z" * 100000)
        self.assertEqual(got["status"], 200)
        self.assertEqual(len(self.peer.requests[0]["body"]), 100000)
        self.assertLess(time.monotonic() - started, 0.9, "waited for a 100 Continue")

    def test_statuses(self):
        self.expect("/204", OK, 204, body_bytes=0)
        self.expect("/404", OK, 404, body="no_service")
        self.expect("/500", OK, 500, retry_after_s=-1)
        self.expect("/100", OK, 200, body="ok")
        self.expect("/103-503", OK, 503)
        self.expect("/chunks", OK, 200, body="okay!")
        self.expect("/odd-trailer", OK, 200, body="ok")

    def test_redirects_are_not_followed(self):
        self.expect("/302", OK, 302)
        self.expect("/307", OK, 307)
        self.assertEqual([request["target"] for request in self.peer.requests], ["/302", "/307"])

    def test_retry_after(self):
        self.expect("/429", OK, 429, retry_after_s=7)
        self.expect("/429-garbage", OK, 429, retry_after_s=-1)
        self.expect("/429-iso", OK, 429, retry_after_s=-1)
        self.expect("/429-cut", OK, 429, retry_after_s=-1)
        self.expect("/429-huge", OK, 429, retry_after_s=2**63 - 1)
        self.expect("/429-early", OK, 429, retry_after_s=-1)
        self.expect("/429-late", OK, 429, retry_after_s=-1)
        got = self.expect("/429-date", OK, 429)
        self.assertTrue(20 <= got["retry_after_s"] <= 31, got)

    def test_no_answer(self):
        for path in ("/nothing", "/reset", "/half-status", "/half-header", "/no-blank-line", "/not-http",
                     "/103-end"):
            with self.subTest(path):
                self.expect(path, FAILED, 0, retry_after_s=-1)

    def test_a_body_that_is_cut(self):
        self.expect("/half-body", OK, 200, body="ten bytes!", problem=True)

    def test_long_answers(self):
        self.expect("/64KB", OK, 200, body_bytes=4096)
        self.expect("/10MB", OK, 200, body_bytes=4096, problem=True)
        time.sleep(0.2)
        self.assertLess(self.peer.sent_bytes, 9 * 1024 * 1024, "the rest was read all the same")

    def test_slow_answers(self):
        for path, err, status in (("/slow", FAILED, 0), ("/slow-body", OK, 200)):
            with self.subTest(path):
                started = time.monotonic()
                got, = send(self.peer.url(path), timeout_ms=700)
                self.assertEqual((got["err"], got["status"], bool(got["problem"])), (err, status, True), got)
                self.assertTrue(0.6 < time.monotonic() - started < 5)

    def test_nobody_there(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        got, = send(f"http://127.0.0.1:{port}{SECRET}")
        self.assertEqual((got["err"], got["status"]), (FAILED, 0))
        self.assertRegex(got["problem"], "(?i)connect")
        self.assertNotIn("planted", got["problem"])

    def test_a_connection_is_kept_and_nothing_else(self):
        urls = [self.peer.url("/cookie"), self.peer.url("/64KB"), self.peer.url("/404"),
                self.peer.url(SECRET)]
        got = send(*urls)
        self.assertEqual([one["status"] for one in got], [200, 200, 404, 200])
        self.assertEqual([one["body_bytes"] for one in got], [2, 4096, 10, 2])
        self.assertEqual(self.peer.connections, 1)
        self.assertFalse([name for request in self.peer.requests for name, _ in request["headers"]
                          if name.lower() in ("cookie", "authorization", "referer")])

    def test_an_answer_continues_no_other(self):
        """A folded line behind the status line: a kept handle of libcurl 7.88.1 put it into the answer
        before."""
        for name in ("first", "again"):
            self.peer.plays[f"/{name}"] = peer.answer("200 OK", b"ok", "X-Planted: " + "y" * 40)
        self.peer.plays["/folded"] = (lambda _,
                                      to: to.sendall(OK_LINE + b" X: y\r\nContent-Length: 2\r\n\r\nok"))
        got = send(*[self.peer.url(path) for path in ("/first", "/folded", "/again")])
        self.assertEqual([got[0]["status"], got[2]["status"]], [200, 200], got)

    def test_after_a_failure_it_goes_on(self):
        got = send(self.peer.url("/10MB"), self.peer.url("/reset"), self.peer.url("/429"), self.peer.url("/"))
        self.assertEqual([one["status"] for one in got], [200, 0, 429, 200])
        self.assertEqual([one["retry_after_s"] for one in got], [-1, -1, 7, -1])
        self.assertEqual(got[3]["problem"], "")

    def test_urls_that_are_none(self):
        port = self.peer.port
        wrong = ["", "http", "http:", f"http:/127.0.0.1:{port}/", f"127.0.0.1:{port}/",
                 f"//127.0.0.1:{port}/",
                 f"ftp://127.0.0.1:{port}/", "file:///etc/passwd", f"gopher://127.0.0.1:{port}/_x",
                 f"xhttp://127.0.0.1:{port}/",
                 f"http://127.0.0.1:{port}/a b", f"http://127.0.0.1:{port}/\r\nX-Planted: 1",
                 f"http://127.0.0.1:{port}/\x01", f"http://127.0.0.1:{port}/\x7f",
                 f" http://127.0.0.1:{port}/"]
        for url, got in zip(wrong, send(*wrong)):
            with self.subTest(url):
                self.assertEqual((got["err"], got["status"]), (FAILED, 0))
                self.assertEqual(got["problem"], "the URL is not one of http or https")
        self.assertEqual(self.peer.connections, 0)
        got, = send(self.peer.url("/", "HTTP"))
        self.assertEqual(got["status"], 200)

    def test_a_content_type_is_one_line(self):
        for kind in ("", "text/plain\r\nX-Planted: 1", "text/plain\n"):
            got, = send(self.peer.url("/"), kind=kind)
            self.assertEqual((got["err"], got["problem"]), (FAILED, "the content type is no header"))
        self.assertEqual(self.peer.connections, 0)


class WithoutEnd(unittest.TestCase):
    """What an answer may bring beside its body is bounded, in memory and in time."""

    @classmethod
    def setUpClass(cls):
        other = peer.Peer({"*": peer.answer("200 OK")})
        got, = send(other.url("/"), ASAN_OPTIONS="quarantine_size_mb=1")
        cls.peak_max_kib = got["peak_kib"] + MORE_KIB
        other.close()

    def expect(self, words, err, status, *problems, as_proxy=False, timeout_ms=10000):
        other = peer.Peer({"*": peer.endless(*words)})
        where = {"https_proxy": other.url("")} if as_proxy else {}
        try:
            got, = send("https://hooks.invalid/" if as_proxy else other.url("/"), timeout_ms=timeout_ms,
                        ASAN_OPTIONS="quarantine_size_mb=1", **where)
        finally:
            other.close()
        self.assertEqual((got["err"], got["status"], bool(got["problem"])), (err, status, True), got)
        self.assertLess(got["peak_kib"], self.peak_max_kib, got)
        self.assertIn(got["problem"], problems or [got["problem"]])
        return other

    def test_headers(self):
        for name, words in ENDLESS_HEADERS.items():
            with self.subTest(name):
                other = self.expect(words, FAILED, 0, HEAD_TOO_LONG, TOO_MANY_LINES)
                self.assertLess(other.sent_bytes, 32 * 1024 * 1024, "the rest was read all the same")

    def test_one_line(self):
        for name, words in ENDLESS_LINES.items():
            with self.subTest(name):
                other = self.expect(words, FAILED, 0)
                self.assertLess(other.sent_bytes, 32 * 1024 * 1024, "the rest was read all the same")

    def test_trailers(self):
        for name, words in ENDLESS_TRAILERS.items():
            with self.subTest(name):
                refused = [NOT_FOLDED] if "folded" in name else []
                other = self.expect(words, OK, 200, HEAD_TOO_LONG, TOO_MANY_LINES, *refused)
                self.assertLess(other.sent_bytes, 32 * 1024 * 1024, "the rest was read all the same")

    def test_one_trailer(self):
        self.expect((CHUNKED + b"0\r\nX: ", b"y" * 65536), OK, 200)

    def test_chunk_extensions(self):
        """Nobody keeps them; the time ends them."""
        for name, words in ENDLESS_CHUNKS.items():
            with self.subTest(name):
                self.expect(words, OK, 200, "Timeout was reached", timeout_ms=700)

    def test_proxies(self):
        """While more of a proxy's answer to CONNECT comes in, libcurl itself looks at no clock."""
        for name, words in ENDLESS_PROXIES.items():
            with self.subTest(name):
                self.expect(words, FAILED, 0, as_proxy=True, timeout_ms=700)

    def test_drops(self):
        """Slowly, below every ceiling: the time ends it."""
        for head, drop, status in ((OK_LINE, b"X", 0), (OK_LINE + b"X: ", b"y", 0),
                                   (b"", OK_LINE[:9] + b"103 X\r\n\r\n", 0),
                                   (CHUNKED + b"0\r\nX: ", b"y", 200), (CHUNKED + b"1;", b"y", 200)):
            with self.subTest((head, drop)):
                other = peer.Peer({"*": peer.drip(drop * 1000, 0.02, head)})
                got, = send(other.url("/"), timeout_ms=700)
                other.close()
                self.assertEqual((got["status"], got["problem"]), (status, "Timeout was reached"), got)

    def test_to_the_byte(self):
        """Interim answer, header and trailers count together, with the ends of their lines."""
        early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        trailer = b"X-T: " + b"y" * 2000 + b"\r\n"
        room = HEAD_MAX - len(early + CHUNKED + trailer + b"X: \r\n")
        for more, problem in ((0, ""), (1, HEAD_TOO_LONG)):
            head = early + CHUNKED[:-2] + b"X: " + b"y" * (room + more) + b"\r\n\r\n"
            other = peer.Peer({"*": peer.raw(head + b"2\r\nok\r\n0\r\n" + trailer + b"\r\n")})
            got, = send(other.url("/"))
            other.close()
            self.assertEqual((got["err"], got["status"], got["body"]), (OK, 200, "ok"), got)
            self.assertEqual(got["problem"], problem)


class ThroughProxies(unittest.TestCase):
    def setUp(self):
        self.proxy = peer.Peer(
            {"*": peer.answer("200 OK"), "refused.invalid:443": peer.answer("403 Forbidden"),
             "closed.invalid:443": peer.raw(b"HTTP/1.1 200 Connection established\r\n\r\n")})

    def tearDown(self):
        self.proxy.close()

    def test_http(self):
        got, = send("http://hooks.invalid/planted", http_proxy=self.proxy.url(""))
        self.assertEqual(got["status"], 200)
        self.assertEqual(self.proxy.requests[0]["target"], "http://hooks.invalid/planted")

    def test_what_the_proxy_says_is_not_the_answer(self):
        for host in ("refused.invalid", "closed.invalid"):
            with self.subTest(host):
                got, = send(f"https://{host}/planted", https_proxy=self.proxy.url(""))
                self.assertEqual((got["err"], got["status"]), (FAILED, 0), got)
                self.assertNotIn("invalid", got["problem"])
        self.assertEqual({request["method"] for request in self.proxy.requests}, {"CONNECT"})


class OverTLS(unittest.TestCase):
    """A certificate of our own. That only verification refuses it, the tests with a namespace show."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.certificate = cls.make("good", "IP:127.0.0.1")
        cls.misnamed = cls.make("misnamed", "DNS:hooks.example")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def make(cls, name, alternative):
        certificate, key = (os.path.join(cls.folder.name, f"{name}.{kind}") for kind in ("crt", "key"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key,
             "-out", certificate, "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative}"],
                       check=True, capture_output=True)
        return certificate, key

    def reach(self, certificate, before=()):
        other = peer.Peer({"*": peer.answer("200 OK")}, certificate)
        try:
            got, = send(other.url(SECRET, "https"), before=before)
            return got, other
        finally:
            other.close()

    def trusting(self, certificate):
        """The words that give a program CERTIFICATE as its only authority."""
        script = 'mount --bind "$0" "$1" && shift 1 && exec "$@"'
        words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, certificate[0],
                 AUTHORITIES]
        tried = (subprocess.run([*words, "true"], capture_output=True, text=True) if shutil.which("unshare")
                 else None)
        if not tried or tried.returncode != 0 or not os.path.exists(AUTHORITIES):
            self.skipTest("no user namespace here, or no " + AUTHORITIES)
        return words

    def test_an_unknown_authority_is_refused(self):
        got, other = self.reach(self.certificate)
        self.assertEqual((got["err"], got["status"]), (FAILED, 0), got)
        self.assertRegex(got["problem"], "(?i)certificate")
        self.assertEqual((other.connections, other.requests), (1, []))

    def test_a_known_authority_is_accepted(self):
        got, other = self.reach(self.certificate, self.trusting(self.certificate))
        self.assertEqual((got["err"], got["status"], got["body"]), (OK, 200, "ok"), got)
        self.assertEqual([request["target"] for request in other.requests], [SECRET])

    def test_authorities_from_a_file(self):
        mine, other = self.certificate[0], self.misnamed[0]
        for file, expected in ((mine, (OK, 200)), (other, (FAILED, 0)), ("/dev/null", (FAILED, 0)),
                               ("/absent/ca.pem", (FAILED, 0))):
            with self.subTest(file):
                server = peer.Peer({"*": peer.answer("200 OK")}, self.certificate)
                got, = send(server.url(SECRET, "https"), SSL_CERT_FILE=file)
                server.close()
                self.assertEqual((got["err"], got["status"]), expected, got)
                self.assertEqual(len(server.requests), expected[1] // 200)
        self.assertEqual(got["problem"], "the file of certificate authorities cannot be read")

    def test_a_connection_that_was_reset_meanwhile(self):
        def answer_and_reset(me, to):
            peer.answer("200 OK")(me, to)
            time.sleep(0.1)  # a reset takes what was not read yet with it
            return peer.reset(me, to)
        other = peer.Peer({"*": answer_and_reset}, self.certificate)
        words = self.trusting(self.certificate)
        try:
            got = send(*[other.url(SECRET, "https")] * 3, before=words)
            self.assertEqual({one["status"] for one in got}, {200}, got)
            self.assertGreaterEqual(other.connections, 1)
        finally:
            other.close()

    def test_a_wrong_name_is_refused(self):
        got, other = self.reach(self.misnamed, self.trusting(self.misnamed))
        self.assertEqual((got["err"], got["status"]), (FAILED, 0), got)
        self.assertEqual((other.connections, other.requests), (1, []))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROBE = os.path.abspath(sys.argv.pop(1))
    unittest.main()
