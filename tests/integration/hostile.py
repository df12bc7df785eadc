"""A catcher that behaves badly by script: every attempt of every delivery has its own answer, drawn from a
seed.

What an answer means is said here in the words of the policy (docs/delivery.md), not in ours: DELIVERED,
RETRY, REFUSED, GIVE_UP.
"""
import email.utils
import math
import random
import re
import socket
import ssl
import struct
import threading
import time

DELIVERED, RETRY, REFUSED, GIVE_UP = "delivered", "retry", "refused", "give up"
HUGE = 10 * 1024 * 1024
SLOW_S = 0.02      # between two bytes of a trickle, real time
NEVER = 40         # answers, more than anybody waits for
LONGEST_S = 60     # real time after which a trickle ends by itself
HEAD = re.compile(rb"POST (\S+) HTTP/1\.1\r\n(.*?)\r\n\r\n", re.S)


class Behaviour:
    """One way to answer. ASKED_S: what its Retry-After asks for, None without a meaning. TEXT is the body."""

    def __init__(self, name, meaning, status=0, asked_s=None, slow=False, text=b"text"):
        self.name, self.meaning, self.status, self.asked_s, self.slow = name, meaning, status, asked_s, slow
        self.text = b"" if status == 204 else text

    def __repr__(self):
        return self.name


def statuses(meaning, *numbers):
    return [Behaviour(str(number), meaning, number) for number in numbers]


GOOD = [*statuses(DELIVERED, 200, 200, 200, 201, 202, 204, 299), Behaviour("early hints", DELIVERED, 200)]
ODD = [Behaviour("huge", DELIVERED, 200), Behaviour("cut body", DELIVERED, 200),
       Behaviour("reset body", DELIVERED, 200)]
SLOW_GOOD = [Behaviour("slow body", DELIVERED, 200, slow=True)]
BAD = [*statuses(RETRY, 500, 502, 503, 504, 599, 408, 425, 429),
       *[Behaviour(f"{status} asks {asked} s", RETRY, status, asked) for status in (429, 503)
         for asked in (1, 45, 200)],
       Behaviour("429 asks by date", RETRY, 429, 70), Behaviour("503 asks by a past date", RETRY, 503, -100),
       Behaviour("429 asks nonsense", RETRY, 429), Behaviour("503 huge", RETRY, 503),
       *[Behaviour(name, RETRY) for name in ("reset", "close", "half header", "half status", "garbage")]]
RARE = [Behaviour("429 asks too much", RETRY, 429, 90000)]
SLOW_BAD = [Behaviour("silent", RETRY, slow=True), Behaviour("slow header", RETRY, slow=True)]
REFUSING = statuses(REFUSED, 300, 301, 302, 303, 307, 308, 401, 403, 404, 407, 410)
FINAL = statuses(GIVE_UP, 400, 402, 405, 409, 411, 413, 415, 418, 422, 426, 451)


class Request:
    def __init__(self, path, headers, body, start):
        self.path, self.headers, self.body, self.start, self.end, self.behaviour = (
            path, headers, body, start, None, None)

    @property
    def id(self):
        return self.headers.get("webhook-id", "")


class Hostile:
    """CHOOSE(request) names the behaviour. NOW() is the time in which everybody lives."""

    def __init__(self, choose, now, certificate=None):
        self.choose, self.now, self.requests, self.handshakes = choose, now, [], 0
        self.certificate = certificate  # a PEM file with key: this one speaks TLS
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.over = False
        self.thread = threading.Thread(target=self._accept, daemon=True)

    def url(self, path=""):
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}{path}"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.listener.close()

    def _accept(self):
        while not self.over:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        connection.settimeout(LONGEST_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self.certificate:
                with self.lock:
                    self.handshakes += 1
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self.certificate)
                connection = context.wrap_socket(connection, server_side=True)
            left = b""
            while left is not None:
                left = self._exchange(connection, left)
        except OSError:
            pass
        finally:
            connection.close()

    def _read(self, connection, raw):
        start = self.now()
        while not (head := HEAD.match(raw)):
            more = connection.recv(65536)
            if not more:
                return None, None
            start, raw = start if raw else self.now(), raw + more
        headers = {name.strip().lower().decode(): value.strip().decode()
                   for name, _, value in (line.partition(b":") for line in head.group(2).split(b"\r\n"))}
        end = head.end() + int(headers["content-length"])
        while len(raw) < end:
            more = connection.recv(65536)
            if not more:
                return None, None
            raw += more
        return Request(head.group(1).decode(), headers, raw[head.end():end], start), raw[end:]

    def _exchange(self, connection, raw):
        """One request; what came behind it, None when the connection is over."""
        request, left = self._read(connection, raw)
        if not request:
            return None
        with self.lock:
            self.requests.append(request)
            request.behaviour = self.choose(request)
        try:
            return left if self._answer(connection, request, request.behaviour) else None
        finally:
            request.end = request.end or self.now()

    def _answer(self, connection, request, behaviour):
        """True when the connection goes on."""
        def done(bytes_, goes_on=False):
            request.end = self.now()
            connection.sendall(bytes_)
            return goes_on

        def head(status, length, *more):
            return "\r\n".join(
                [f"HTTP/1.1 {status} Some Reason", f"Content-Length: {length}", *more, "", ""]).encode()

        name, status = behaviour.name, behaviour.status
        if name == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if name == "close":
            return False
        if name == "half status":
            return done(b"HTTP/1.")
        if name == "half header":
            return done(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-")
        if name == "garbage":
            return done(b"\x00\x01\x02 200 OK\r\n\r\n")
        if name == "silent":
            return self._wait_for_end(connection)
        if name == "slow header":
            return self._trickle(connection, request, b"HTTP/1.1 200 OK\r\nX-Long: ")
        if name == "slow body":
            return self._trickle(connection, request, head(200, HUGE))
        if name in ("huge", "503 huge"):
            done(head(status, HUGE, "Connection: close"))
            for _ in range(HUGE // 65536):
                connection.sendall(bytes(65536))
            return False
        if name == "cut body":
            return done(head(200, 1000) + b"only so much")
        if name == "reset body":
            done(head(200, 1000) + b"only so much")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if name == "early hints":
            return done(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + head(200, 2) + b"ok", True)
        more = []
        if behaviour.asked_s is not None and "date" in name:
            more.append("Retry-After: " +
                        email.utils.formatdate(math.ceil(self.now() + behaviour.asked_s), usegmt=True))
        elif behaviour.asked_s is not None:
            more.append(f"Retry-After: {behaviour.asked_s}")
        elif "nonsense" in name:
            more.append("Retry-After: soon, I think")
        if 300 <= status < 400:
            more.append(f"Location: {self.url('/redirected')}")
        return done(head(status, len(behaviour.text), *more) + behaviour.text, True)

    def _wait_for_end(self, connection):
        while connection.recv(4096):
            pass
        return False

    def _trickle(self, connection, request, start):
        connection.sendall(start)
        request.end = self.now()
        end = time.monotonic() + LONGEST_S
        while time.monotonic() < end and not self.over:
            connection.sendall(b"x")
            time.sleep(SLOW_S)
        return False


def script(seed, destination, number, count):
    """What DESTINATION ("good", "flaky", ...) answers to webhook NUMBER of COUNT: one for each attempt; the
    last one is the end."""
    chance = random.Random(f"{seed} {destination} {number}")
    end = chance.choice(GOOD)
    if destination == "flaky":
        kind = chance.random()
        if kind < max(0.01, 2 / count):
            return [chance.choice(SLOW_BAD) for _ in range(chance.randint(0, 1))] + [chance.choice(SLOW_GOOD)]
        if kind < max(0.015, 1 / count):
            return [chance.choice(RARE), end]
        if kind < max(0.15, 20 / count):
            return [chance.choice(BAD) for _ in range(chance.choice((1, 1, 2, 3)))] + [end]
        return [chance.choice([*GOOD, *ODD])]
    if destination == "refusing" and chance.random() < max(0.01, 3 / count):
        return [chance.choice(REFUSING) for _ in range(chance.choice((1, 1, 2)))] + [end]
    if destination == "picky" and chance.random() < 0.3:
        return [chance.choice(FINAL)]
    if destination == "down":
        return [chance.choice(BAD) for _ in range(NEVER)]
    if destination == "wrong":
        return [chance.choice(REFUSING) for _ in range(NEVER)]
    if destination == "busy":
        return RARE * NEVER
    return [end]
