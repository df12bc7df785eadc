"""A FastCGI client, byte by byte, for what no web server would do; and a kitehook.fcgi to talk to."""
import os
import signal
import socket
import struct
import subprocess

import common

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA, GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE = range(
    1, 12)
RESPONDER, KEEP_CONNECTION = 1, 1


def record(kind, content, request=1, padding=0):
    out = b""
    while True:
        piece, content = content[:65535], content[65535:]
        out += struct.pack("!BBHHBB", 1, kind, request, len(piece), padding, 0) + piece + b"p" * padding
        if not content:
            return out


def begin(keep=False, request=1, role=RESPONDER):
    return record(BEGIN, struct.pack("!HB5x", role, KEEP_CONNECTION if keep else 0), request)


def split(raw):
    """The whole records at the beginning of RAW, each (kind, request, content), and the rest."""
    found = []
    while len(raw) >= 8:
        _, kind, request, length, padding, _ = struct.unpack("!BBHHBB", raw[:8])
        if len(raw) < 8 + length + padding:
            break
        found.append((kind, request, raw[8:8 + length]))
        raw = raw[8 + length + padding:]
    return found, raw


def pairs(variables):
    out = b""
    for name, value in variables:
        for text in (name, value):
            out += (struct.pack("!B", len(text)) if len(text) < 128
                    else struct.pack("!I", len(text) | 0x80000000))
        out += name + value
    return out


def head(variables, keep=False, request=1):
    """The records of a request up to its body."""
    return begin(keep, request) + record(PARAMS, pairs(variables), request) + record(PARAMS, b"", request)


def whole(variables, body, keep=False, request=1):
    """All records of a request."""
    return (head(variables, keep, request) + (record(STDIN, body, request) if body else b"") +
            record(STDIN, b"", request))


def answer_of(raw):
    """The answer in RAW, None while its end is missing."""
    records, _ = split(raw)
    if not any(kind == END for kind, _, _ in records):
        return None
    lines, _, body = b"".join(content for kind, _, content in records
                              if kind == STDOUT).partition(b"\r\n\r\n")
    headers = common.parse_headers(lines.decode("latin-1").split("\r\n"))
    answer = common.Answer(0, headers, body)
    answer.status = int((answer.header("Status") or "0").split()[0])
    return answer


class Process:
    """One kitehook.fcgi that listens on a unix socket of ours."""

    def __init__(self, build, folder, config, closed=(), open_files=None, stderr=None, **environment):
        self.path = str(folder / "fcgi.sock")
        self.listener = self.listen()
        self.stderr = stderr or open(folder / "fcgi.stderr", "wb")
        close = "".join(f" {fd}>&-" for fd in closed)
        limit = f"ulimit -n {open_files} && " if open_files else ""
        self.command = ["sh", "-c", f'{limit}exec "$0"{close}', build / "kitehook.fcgi"]
        self.environment = {"PATH": os.environ["PATH"], "KITEHOOK_CONFIG": str(config), **environment}
        self.start()

    def listen(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen(1024)
        return listener

    def start(self):
        """Once more after it has ended, on the same socket, as whoever manages such processes does."""
        self.child = subprocess.Popen(self.command, stdin=self.listener, stdout=subprocess.DEVNULL,
                                      stderr=self.stderr, env=self.environment)

    def pause(self):
        """Until SIGCONT."""
        self.child.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.child.pid, os.WSTOPPED)

    def connect(self, seconds=10):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(seconds)
        connection.connect(self.path)
        return connection

    def send(self, connection, variables, body, keep=False, whole=True):
        connection.sendall(head(variables, keep))
        if body:
            connection.sendall(record(STDIN, body))
        if whole:
            connection.sendall(record(STDIN, b""))

    def receive(self, connection):
        """The answer, and whether the process closed the connection after it."""
        raw, out, err, ended = b"", b"", b"", False
        while True:
            records, raw = split(raw)
            for kind, _, content in records:
                out, err = (out + (content if kind == STDOUT else b""),
                            err + (content if kind == STDERR else b""))
                ended = ended or kind == END
            try:
                more = connection.recv(65536)
            except (TimeoutError, OSError):
                return self.parse(out, err, ended), False
            if not more:
                return self.parse(out, err, ended), True
            raw += more

    @staticmethod
    def parse(out, err, ended):
        head, blank, body = out.partition(b"\r\n\r\n")
        headers = common.parse_headers(head.decode("latin-1").split("\r\n")) if blank else []
        answer = common.Answer(0, headers, body)
        if ended and answer.header("Status"):
            answer.status = int(answer.header("Status").split()[0])
        answer.stderr = err
        return answer

    def ask(self, variables, body):
        with self.connect() as connection:
            self.send(connection, variables, body)
            return self.receive(connection)[0]

    def resident_kb(self):
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.listener.close()
        self.stderr.close()
