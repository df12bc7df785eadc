#!/usr/bin/env python3
"""runtime_api: a strict Lambda Runtime API for tests, right or wrong on the wire. Loopback only.

Api hands out events and judges what comes back by the rules of the real one:

  response or error, once                    202 {"status":"OK"}
  a second one before the next /next         403 InvalidStateTransition
  a wrong or an old request id               400 InvalidRequestID
  a response over 6,291,556 bytes            413 RequestEntityTooLarge; the event has failed
  an answer that comes too late              410 InvokeTimeout
  init/error after the first /next           403 InvalidStateTransition
  an unknown path 404, a wrong method 405

What a correct client never does is kept in `problems`. A Wire says how an answer travels: in chunks, in
pieces, cut, late, with a status of the test's choice. Bootstrap runs the program under test.
"""
import dataclasses
import http.client
import itertools
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import common

MAX_BYTES = 6 * 1024 * 1024 + 100
PATIENCE_S = 20
LINGER_S = 5
EXTENDED = 100  # chunks with an extension: all that a client passes over shares one ceiling
BASE = "/2018-06-01/runtime/"
ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")



@dataclasses.dataclass(frozen=True)
class Wire:
    """How one answer travels. `cut` closes after that many bytes; with `cut_in_body` they are counted from
    the body."""
    status: int = 0                   # instead of the right one, which is then never said
    error_type: str = "Test.Planted"  # of such an answer
    chunks: int = 0                   # Transfer-Encoding: chunked, so many bytes each
    pieces: int = 0                   # sent so many bytes at a time, each in a packet of its own
    spelling: str = ""                # upper, lower or odd: header names
    # False: neither a length nor chunks; the connection's end is the answer's
    length: bool = True
    wait_s: float = 0                 # before the first byte
    cut: int = -1
    cut_in_body: bool = False
    reset: bool = False               # with cut: a reset instead of an end
    close: str = ""                   # said: with "Connection: close"; silent: without
    interim: bytes = b""              # before the answer
    extra: tuple = ()                 # more header lines
    instead: bytes = None             # exactly these bytes; the end only with `close`

    def spell(self, name):
        if self.spelling == "odd":
            return "".join(c.upper() if i % 2 else c.lower() for i, c in enumerate(name))
        return {"upper": name.upper(), "lower": name.lower()}.get(self.spelling, name)

    def encode(self, status, headers, body):
        """The bytes of an answer, and how many of them are its head."""
        lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'Planted')}"]
        headers = list(headers)
        if self.chunks:
            headers.append(("Transfer-Encoding", "chunked"))
            parts = [body[i:i + self.chunks] for i in range(0, len(body), self.chunks)]
            body = b"".join(b"%X%b\r\n%b\r\n" % (len(part), b";planted=extension" * (i < EXTENDED), part)
                            for i, part in enumerate(parts))
            body += b"0\r\nX-Trailer: planted\r\n\r\n"
        elif self.length:
            headers.append(("Content-Length", str(len(body))))
        if self.close == "said":
            headers.append(("Connection", "close"))
        lines += [f"{self.spell(name)}:{'' if self.spelling else ' '}{value}" for name, value in headers]
        head = self.interim + "\r\n".join([*lines, *self.extra, "", ""]).encode("latin-1")
        return head + body, len(head)

    def send(self, connection, status, headers, body):
        """True when the other side has all of it and may send more on this connection."""
        time.sleep(self.wait_s)
        text, head = self.encode(status, headers, body)
        if self.instead is not None:
            text = self.instead
        end = len(text) if self.cut < 0 else self.cut + (head if self.cut_in_body else 0)
        whole, step = end >= len(text), self.pieces or len(text) or 1
        for at in range(0, min(end, len(text)), step):
            connection.sendall(text[at:min(at + step, end)])
            if self.pieces:
                time.sleep(0.0005)
        if self.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return whole and not self.close and bool(self.length or self.chunks)


PLAIN = Wire()


@dataclasses.dataclass
class Invocation:
    payload: bytes
    request_id: str
    invocation_id: str = None
    deadline_ms: object = None               # a number or any text; None leaves the header out
    trace_id: str = None
    arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:kitehook"
    late: bool = False                       # its answer comes too late
    on_next: list = dataclasses.field(default_factory=list)  # a Wire for each delivery, PLAIN afterwards
    on_post: Wire = PLAIN
    kind: str = ""                           # response, error, or what the platform makes of it
    body: bytes = b""
    headers: dict = dataclasses.field(default_factory=dict)
    posts: int = 0
    delivered: bool = False
    done: threading.Event = dataclasses.field(default_factory=threading.Event)

    def finish(self, kind, request=None):
        if not self.done.is_set():
            self.kind = kind
            if request:
                self.body, self.headers = request.body, request.headers
            self.done.set()

    def wait(self, seconds=PATIENCE_S):
        """What became of it: response, error, Runtime.ExitError, ...; "" when nothing did in time."""
        self.done.wait(seconds)
        return self.kind


class Request:
    def __init__(self, method, target, fields, body):
        self.method, self.target, self.body = method, target, body
        self.fields, self.headers = fields, {name.lower(): value for name, value in fields}


class Api:
    """One function's Runtime API. `submit` events, `wait` for each; `close` at the end."""

    def __init__(self, port=0):
        self.lock = threading.Condition()
        self.queue, self.current, self.state = [], None, "init"
        self.problems, self.calls, self.connections = [], [], 0
        self.init_error, self.on_init_error = None, PLAIN
        self.ids, self.closed = itertools.count(1), False
        self.socket = socket.create_server(("127.0.0.1", port), backlog=64)
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    # ---- for tests

    def submit(self, payload, timeout_s=10.0, **more):
        """An event with a usual head; MORE are fields of Invocation."""
        number = next(self.ids)
        more.setdefault("request_id", f"8476a536-e9f4-11e8-9739-{number:012x}")
        more.setdefault("invocation_id", f"invocation-{number}")
        more.setdefault("deadline_ms", int((time.time() + timeout_s) * 1000))
        invocation = Invocation(payload, **more)
        with self.lock:
            self.queue.append(invocation)
            self.lock.notify_all()
        return invocation

    def is_waiting(self):
        """The program has asked for an event and there is none."""
        with self.lock:
            return self.state == "waiting" and not self.queue

    def process_exited(self):
        """What the platform does when the process is gone: the event fails, the next process starts with
        Init."""
        with self.lock:
            if self.current:
                self.current.finish("Runtime.ExitError")
            self.current, self.state = None, "init"

    def close(self):
        with self.lock:
            self.closed = True
            self.lock.notify_all()
        self.socket.close()

    # ---- the wire

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        source = connection.makefile("rb", buffering=65536)
        try:
            while self.serve_one(connection, source):
                pass
        except OSError:
            pass
        finally:
            source.close()
            connection.close()

    def problem(self, text):
        self.problems.append(text)

    def read(self, source):
        line = source.readline(65537)
        if not line:
            return None
        match = re.fullmatch(rb"([A-Z]+) (/[!-~]*) HTTP/1\.1\r\n", line)
        if not match:
            self.problem(f"request line {line[:100]!r}")
            return None
        fields = []
        while (line := source.readline(65537)) not in (b"\r\n", b""):
            field = re.fullmatch(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\t -~\x80-\xff]*)\r\n", line)
            if not field:
                self.problem(f"header line {line[:100]!r}")
                return None
            fields.append((field[1].decode(), field[2].decode("latin-1")))
        request = Request(match[1].decode(), match[2].decode(), fields, b"")
        self.check_head(request)
        length = int(request.headers.get("content-length", "0"))
        if length > MAX_BYTES:
            return request  # the rest stays unread, as with the real one
        request.body = source.read(length)
        if len(request.body) < length:
            self.problem(f"{request.target}: the body is cut")
            return None
        return request

    def check_head(self, request):
        if len(request.headers) != len(request.fields):
            self.problem(f"{request.target}: a header twice")
        if request.headers.get("host") != self.address:
            self.problem(f"{request.target}: Host {request.headers.get('host')!r}")
        for name in ("expect", "transfer-encoding"):
            if name in request.headers:
                self.problem(f"{request.target}: {name}")
        if (request.method == "POST") != ("content-length" in request.headers):
            self.problem(f"{request.target}: {request.method} and Content-Length do not fit")

    def serve_one(self, connection, source):
        request = self.read(source)
        if not request:
            return False
        self.calls.append((request.method, request.target))
        too_large = int(request.headers.get("content-length", "0")) > MAX_BYTES
        if (request.method, request.target) == ("GET", BASE + "invocation/next"):
            return self.next(connection)
        with self.lock:
            wire, status, answer = self.judge(request, too_large)
        if wire.status:
            status, answer = wire.status, {"errorMessage": "planted", "errorType": wire.error_type}
        text = json.dumps(answer).encode()
        kept = wire.send(connection, status, [("Content-Type", "application/json")], text)
        if too_large:
            time.sleep(LINGER_S)  # neither reads nor hangs up: a client that only sends is stuck
        return kept and not too_large

    def next(self, connection):
        with self.lock:
            if self.state == "invoked" and self.current.delivered:
                self.problem("/next without an answer to the event before")
                return PLAIN.send(connection, 403, [], b'{"errorType":"InvalidStateTransition"}')
            if self.state != "invoked":
                self.state, self.current = "waiting", None
                self.lock.notify_all()
                if not self.await_event(connection):
                    return False
                self.state, self.current = "invoked", self.queue.pop(0)
            event = self.current
            wire = event.on_next.pop(0) if event.on_next else PLAIN
            event.delivered = wire.cut < 0 and not (wire.instead is not None and wire.close)
        if wire.status:
            return wire.send(connection, wire.status, [], json.dumps({"errorType": wire.error_type}).encode())
        head = [("Content-Type", "application/json"), ("Date", "Sun, 22 Nov 2026 00:00:00 GMT")]
        for name, value in (("Lambda-Runtime-Aws-Request-Id", event.request_id),
                            ("Lambda-Runtime-Invocation-Id", event.invocation_id),
                            ("Lambda-Runtime-Deadline-Ms", event.deadline_ms),
                            ("Lambda-Runtime-Invoked-Function-Arn", event.arn),
                            ("Lambda-Runtime-Trace-Id", event.trace_id)):
            if value is not None:
                head.append((name, value))
        return wire.send(connection, 200, head, event.payload)

    def await_event(self, connection):
        """False when the API was closed, or the program hung up, before there was one."""
        while not self.queue and not self.closed:
            self.lock.wait(0.2)
            try:
                if connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"":
                    return False
            except BlockingIOError:
                pass
        return not self.closed

    # ---- the rules

    def judge(self, request, too_large):
        """Which wire, status and answer a POST gets."""
        refuse = lambda status, kind: (PLAIN, status, {"errorMessage": "planted", "errorType": kind})
        if request.target == BASE + "init/error":
            if request.method != "POST":
                return refuse(405, "MethodNotAllowed")
            return self.judge_init_error(request)
        match = re.fullmatch(re.escape(BASE) + r"invocation/([^/]+)/(response|error)", request.target)
        if not match:
            self.problem(f"unknown path {request.target}")
            return refuse(404, "NotFound")
        if request.method != "POST":
            self.problem(f"{request.method} {request.target}")
            return refuse(405, "MethodNotAllowed")
        event = self.current
        if not event or match[1] != event.request_id:
            self.problem(f"{match[2]} to {match[1]}, which is not the event")
            return refuse(400, "InvalidRequestID")
        event.posts += 1
        if self.state != "invoked":
            return refuse(403, "InvalidStateTransition")
        if request.headers.get("lambda-runtime-invocation-id") != event.invocation_id:
            self.problem(f"invocation id {request.headers.get('lambda-runtime-invocation-id')!r}")
            return refuse(400, "InvalidRequestID")
        return self.judge_answer(request, event, match[2], too_large)

    def judge_answer(self, request, event, kind, too_large):
        if not request.headers.get("content-type"):
            self.problem(f"{kind} without a content type")
        if kind == "error":
            self.check_error(request)
        self.state = "answered"
        if event.late:
            event.finish("Sandbox.Timedout", request)
            return PLAIN, 410, {"errorMessage": "planted", "errorType": "InvokeTimeout"}
        if too_large:
            event.finish("Function.ResponseSizeTooLarge", request)
            return (event.on_post, 413,
                    {"errorMessage": f"Exceeded maximum allowed payload size ({MAX_BYTES} bytes).",
                     "errorType": "RequestEntityTooLarge"})
        event.finish(kind, request)
        return event.on_post, 202, {"status": "OK"}

    def judge_init_error(self, request):
        self.check_error(request)
        if self.state != "init":
            self.problem("init/error after /next")
            return PLAIN, 403, {"errorMessage": "planted", "errorType": "InvalidStateTransition"}
        self.init_error, self.state = request, "init failed"
        return self.on_init_error, 202, {"status": "OK"}

    def check_error(self, request):
        kind = request.headers.get("lambda-runtime-function-error-type", "")
        if not ERROR_TYPE.fullmatch(kind):
            self.problem(f"error type {kind!r}")
        try:
            body = json.loads(request.body)
            good = (body["errorType"] == kind and isinstance(body["errorMessage"], str) and
                    body["stackTrace"] == [])
        except (ValueError, KeyError, TypeError):
            good = False
        if not good or request.headers.get("content-type") != "application/json":
            self.problem(f"error body {request.body[:200]!r}")


class Bootstrap:
    """The program under test, started as the platform starts it. Its output goes to `log`, a path."""

    def __init__(self, api, command, log, **environment):
        self.api, self.log, self.output = api, log, open(log, "ab")
        full = {"PATH": os.environ.get("PATH", ""), "TZ": ":UTC", "LANG": "en_US.UTF-8",
                "AWS_LAMBDA_RUNTIME_API": api.address, "AWS_LAMBDA_FUNCTION_NAME": "kitehook", **environment}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                full.setdefault(name, os.environ[name])
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                        stdout=self.output, stderr=subprocess.STDOUT, env=full)

    def exit_status(self, seconds=PATIENCE_S):
        """None while it runs."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self.api.process_exited()
        return status

    def lines(self):
        return common.whole_text(self.log).splitlines()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.output.close()
