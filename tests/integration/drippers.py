"""Connections that are held open on purpose: each sends or reads a few bytes a second, for ever, in one phase
of a request.

They live in a process of their own, so that they take no time from whoever measures beside them. One that is
cut comes again at once. RATES are bytes a second.
"""
import array
import asyncio
import fcntl
import multiprocessing
import random
import socket
import termios

import common
import fcgi

RATES = (1, 10, 100, 1000)
FULL_S = 0.3  # no answer for so long: the room for answers is full
AGAIN_S = 0.1
CLAIMED_BYTES = 1000 * 1000
STRANGER = [("Content-Type", "application/json"), ("X-Buildkite-Event", "ping")]


class Line:
    """A connection of one dripper. TO is a path of a unix socket, or a port on loopback."""

    def __init__(self, to, rate, settle):
        self.to, self.rate, self.settle = to, rate, settle
        self.loop = asyncio.get_running_loop()
        self.socket = socket.socket(socket.AF_INET if isinstance(to, int) else socket.AF_UNIX)
        self.socket.setblocking(False)

    async def open(self, room=None):
        """ROOM: bytes of answers that the kernel may hold for us."""
        if room:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        if isinstance(self.to, int):
            await self.loop.sock_connect(self.socket, ("127.0.0.1", self.to))
        else:
            self.socket.connect(self.to)

    async def send(self, data):
        await self.loop.sock_sendall(self.socket, data)

    async def read(self, most=65536):
        got = await self.loop.sock_recv(self.socket, most)
        if not got:
            raise ConnectionError("it was closed")
        return got

    @property
    def unread(self):
        count = array.array("i", [0])
        fcntl.ioctl(self.socket, termios.FIONREAD, count)
        return count[0]

    async def pause(self):
        """Until the next bytes are due; how many they are."""
        await asyncio.sleep(max(1 / self.rate, 0.1))
        return max(1, self.rate // 10)

    async def drip(self, pieces):
        """PIECES gives the bytes of its argument's count."""
        self.settle()
        while True:
            await self.send(pieces(await self.pause()))
            if self.unread:  # an answer: nobody waits for the rest
                raise ConnectionError("it was answered")

    async def stay(self):
        """Silent, until the other side closes."""
        self.settle()
        while True:
            await self.read()


# ---- straight to a FastCGI socket

def variables(length):
    return list(common.cgi_variables("/nowhere", "POST", common.URL, STRANGER, length).items())


def request(keep=False):
    return fcgi.whole(variables(0), b"", keep)


async def answer_of(line):
    """Reads one answer to its end."""
    raw = b""
    while not fcgi.answer_of(raw):
        raw += await line.read()


async def silent(line):
    await line.open()
    await line.stay()


async def header(line):
    """Never a request: what is left of others, of which there is no end."""
    await line.open()
    await line.drip(lambda count: fcgi.record(fcgi.STDIN, b"x" * max(1, count - 8), request=7))


async def params(line):
    await line.open()
    name, value = b"HTTP_X_LONG", b"x" * 200_000
    await line.send(fcgi.begin() + fcgi.record(fcgi.PARAMS, fcgi.pairs([(name, value)])[:20]))
    await line.drip(lambda count: fcgi.record(fcgi.PARAMS, b"x" * count))


async def body(line):
    await line.open()
    await line.send(fcgi.head(variables(CLAIMED_BYTES)))
    await line.drip(lambda count: fcgi.record(fcgi.STDIN, b"x" * count))


async def answer(line):
    """Asks until there is no room for another answer, and then reads as it drips."""
    await line.open()
    before = -1
    while line.unread > before:
        before = line.unread
        await line.send(request(keep=True))
        until = line.loop.time() + FULL_S
        while line.unread == before and line.loop.time() < until:
            await asyncio.sleep(0.001)
    line.settle()
    while True:
        await line.read(await line.pause())


async def close(line):
    """Answered, it goes on: whoever closes must not wait for it."""
    await line.open()
    await line.send(request() + b"\1")
    await answer_of(line)
    await line.drip(lambda count: b"x" * count)


async def kept(line):
    await line.open()
    await line.send(request(keep=True))
    await answer_of(line)
    await line.stay()


STRAIGHT = {"silent": silent, "header": header, "params": params, "body": body, "answer": answer,
            "close": close, "kept": kept}


# ---- through a web server

def http_request(length, *headers):
    return common.request_bytes("POST", common.URL,
                                [("Host", "kitehook.example"), *STRANGER, ("Content-Length", str(length)),
                                 *headers])


async def http_header(line):
    await line.open()
    await line.send(b"POST /buildkite HTTP/1.1\r\nHost: kitehook.example\r\nX-Long: ")
    await line.drip(lambda count: b"x" * count)


async def http_body(line):
    await line.open()
    await line.send(http_request(CLAIMED_BYTES))
    await line.drip(lambda count: b"x" * count)


async def http_chunks(line):
    await line.open()
    head = common.request_bytes("POST", common.URL,
                                [("Host", "kitehook.example"), *STRANGER, ("Transfer-Encoding", "chunked")])
    await line.send(head)
    await line.drip(lambda count: b"%x\r\n%s\r\n" % (count, b"x" * count))


async def http_answer(line):
    await line.open(room=1)
    await line.send(http_request(2) + b"{}")
    line.settle()
    while True:
        await line.read(await line.pause())


async def http_close(line):
    await line.open()
    await line.send(http_request(2, ("Connection", "close")) + b"{}")
    line.settle()
    while True:
        await line.send(b"x" * await line.pause())


async def http_kept(line):
    await line.open()
    await line.send(http_request(2) + b"{}")
    await line.stay()


SERVED = {"header": http_header, "body": http_body, "chunks": http_chunks, "answer": http_answer,
          "close": http_close, "kept": http_kept}


# ---- all of them

async def one(to, phase, rate, held, cuts, index):
    def settle():
        held[index] = 1

    while True:
        line = Line(to, rate, settle)
        try:
            await phase(line)
        except OSError:
            pass
        finally:
            line.socket.close()
        held[index] = 0
        cuts[index] += 1
        await asyncio.sleep(AGAIN_S * (0.5 + random.random()))


async def run(to, phases, held, cuts):
    await asyncio.gather(
        *(one(to, phases[index % len(phases)], RATES[index // len(phases) % len(RATES)], held, cuts, index)
          for index in range(len(held))))


class Drippers:
    """COUNT connections to TO, one phase of PHASES after the other, each at every rate."""

    def __init__(self, to, phases, count):
        fork = multiprocessing.get_context("fork")
        self.names = [list(phases)[index % len(phases)] for index in range(count)]
        self.held, self.cuts = (fork.Array("i", count, lock=False) for _ in range(2))
        self.child = fork.Process(target=self.work, args=(to, list(phases.values())), daemon=True)

    def work(self, to, phases):
        asyncio.run(run(to, phases, self.held, self.cuts))

    def __enter__(self):
        self.child.start()
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.join()

    @property
    def holding(self):
        """How many are where they want to be."""
        return sum(self.held)

    def cut(self, *names):
        """How often one of these phases had to come again."""
        return sum(cuts for name, cuts in zip(self.names, self.cuts) if name in names)
