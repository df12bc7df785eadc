"""What the FastCGI Specification 1.0 asks of an application, and what a peer may send that no web server
would.

Everything is compared with the specification's own words (sections 3 to 6), and with how many webhooks were
kept.
"""
import array
import fcntl
import socket
import struct
import termios
import time

import common
import fcgi
import genuine

REQUEST_COMPLETE, CANT_MPX_CONN, UNKNOWN_ROLE = 0, 1, 3
AUTHORIZER = 2
AT_ONCE = 100  # connections
PATIENCE_S = 10


class Talk:
    """One connection to PROCESS; `got` has all records that came over it."""

    def __init__(self, process):
        self.connection, self.raw, self.got = process.connect(PATIENCE_S), b"", []
        self.is_closed = self.is_silent = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send(self, *pieces):
        try:
            for piece in pieces:
                self.connection.sendall(piece)
        except OSError:
            self.is_closed = True
        return self

    def until(self, kind):
        """Reads until one more record of KIND has come, or nothing comes any more: the new records."""
        new = []
        while not any(record[0] == kind for record in new) and not self.is_closed and not self.is_silent:
            found, self.raw = fcgi.split(self.raw)
            new += found
            if not found:
                self.read()
        self.got += new
        return new

    def read(self):
        try:
            more = self.connection.recv(65536)
        except ConnectionError:
            more = b""
        except TimeoutError:
            self.is_silent = True
            return
        self.is_closed = not more
        self.raw += more

    def closes(self):
        """True when nothing comes any more but the end."""
        self.until(None)
        return self.is_closed and not self.raw

    def wait_until_taken(self):
        """What was sent has left our side of the socket."""
        left = array.array("i", [1])
        end = time.monotonic() + PATIENCE_S
        while left[0] and time.monotonic() < end:
            fcntl.ioctl(self.connection, termios.TIOCOUTQ, left)


def ended(request, status):
    """The record with which a request ends: its application's status is 0."""
    return (fcgi.END, request, struct.pack("!IB3x", 0, status))


def status_of(records):
    """HTTP's, of an answer's records; 0 when it is not whole."""
    out = b"".join(content for kind, _, content in records if kind == fcgi.STDOUT)
    return (int(out[8:11]) if out.startswith(b"Status: ") and any(kind == fcgi.END for kind, _, _ in records)
            else 0)


def unpair(content):
    """Names and values of less than 128 bytes."""
    found = {}
    while content:
        name, value = content[0], content[1]
        found[content[2:2 + name]] = content[2 + name:2 + name + value]
        content = content[2 + name + value:]
    return found


class Protocol:
    def __init__(self, report, process):
        self.report, self.process, self.number, self.good = report, process, 0, 0

    def check(self, name, good, problem=""):
        self.report.check("protocol: " + name, good, problem)

    def message(self, keep=False, request=1):
        self.number += 1
        return genuine.fastcgi_message(self.number, keep, request)

    def answered(self, name, talk, request=1):
        """The next answer is 200, and that of REQUEST; counts it."""
        records = talk.until(fcgi.END)
        self.good += status_of(records) == 200
        good = status_of(records) == 200 and records[-1] == ended(request, REQUEST_COMPLETE)
        self.check(name, good and {number for _, number, _ in records} == {request}, records)

    def values(self):
        asked = (b"FCGI_MPXS_CONNS", b"FCGI_MAX_CONNS", b"FCGI_KITES", b"FCGI_MAX_REQS")
        with Talk(self.process) as talk:
            talk.send(fcgi.record(fcgi.GET_VALUES, fcgi.pairs([(name, b"") for name in asked]), request=0))
            records = talk.until(fcgi.GET_VALUES_RESULT)
            said = unpair(records[0][2]) if records else {}
            good = [record[:2] for record in records] == [(fcgi.GET_VALUES_RESULT, 0)]
            self.check("FCGI_GET_VALUES tells of what is known, and of nothing else",
                       good and set(said) == {asked[0], asked[1], asked[3]}, records)
            self.check("what is known", said.get(asked[0]) == b"0" and int(said.get(asked[1], 0)) > 1, said)
            records = talk.send(fcgi.record(fcgi.GET_VALUES, b"", request=0)).until(fcgi.GET_VALUES_RESULT)
            self.check("FCGI_GET_VALUES of nothing", records == [(fcgi.GET_VALUES_RESULT, 0, b"")], records)
            self.answered("a request after FCGI_GET_VALUES", talk.send(self.message()))
            self.check("without FCGI_KEEP_CONN it is the last", talk.closes(), talk.got)

    def kept(self):
        with Talk(self.process) as talk:
            for request in (1, 2, 255, 256, 65535, 1, 1):
                self.answered(f"request {request} over a kept connection",
                              talk.send(self.message(True, request)), request)
            self.answered("the last over a kept connection", talk.send(self.message()))
            self.check("after which it is closed", talk.closes(), talk.got)

    def padding(self):
        records, rest = fcgi.split(self.message())
        with Talk(self.process) as talk:
            paddings = [1, 7, 255, 8, 31]
            talk.send(b"".join(fcgi.record(kind, content, request, padding)
                               for (kind, request, content), padding in zip(records, paddings)))
            self.check("the test pads every record", len(records) == len(paddings) and not rest, records)
            self.answered("padding", talk)

    def odd_types(self):
        with Talk(self.process) as talk:
            for kind in (fcgi.UNKNOWN_TYPE, 12, 99, 255):
                talk.send(fcgi.record(kind, b"what is this?", request=0))
                records = talk.until(fcgi.UNKNOWN_TYPE)
                self.check(f"type {kind} of nobody's",
                           records == [(fcgi.UNKNOWN_TYPE, 0, struct.pack("!B7x", kind))], records)
            talk.send(fcgi.record(fcgi.STDIN, b"left over", 9), fcgi.record(fcgi.ABORT, b"", 9),
                      fcgi.record(99, b"", 9))
            self.answered("after records of requests that there are none", talk.send(self.message(keep=True)))
            begin, *rest = self.records(self.message())
            for record in rest:
                begin += (fcgi.record(fcgi.STDIN, b"left over", 9) +
                          fcgi.record(fcgi.GET_VALUES, b"", request=0) + record)
            records = talk.send(begin).until(fcgi.END)
            self.good += status_of(records) == 200
            self.check("with others between its records", status_of(records) == 200 and
                       records[:len(rest)] == [(fcgi.GET_VALUES_RESULT, 0, b"")] * len(rest), records)

    @staticmethod
    def records(raw):
        return [fcgi.record(kind, content, request) for kind, request, content in fcgi.split(raw)[0]]

    def aborted(self):
        whole = self.records(self.message())
        for count in range(1, len(whole)):
            with Talk(self.process) as talk:
                talk.send(b"".join(whole[:count]), fcgi.record(fcgi.ABORT, b"", 2),
                          fcgi.record(fcgi.ABORT, b"", 1))
                records = talk.until(fcgi.END)
                self.check(f"FCGI_ABORT_REQUEST after {count} records",
                           records == [ended(1, REQUEST_COMPLETE)], records)

    def multiplexed(self):
        whole = self.records(self.message())
        for count in range(1, len(whole)):
            with Talk(self.process) as talk:
                talk.send(b"".join(whole[:count]), fcgi.begin(request=2))
                self.check(f"a second request after {count} records",
                           talk.until(fcgi.END) == [ended(2, CANT_MPX_CONN)], talk.got)
                talk.send(fcgi.record(fcgi.PARAMS, b"", 2), *whole[count:])
                self.answered("and the first goes on", talk)

    def roles(self):
        for role in (AUTHORIZER, 3, 0, 77):
            with Talk(self.process) as talk:
                talk.send(fcgi.begin(role=role))
                self.check(f"role {role}", talk.until(fcgi.END) == [ended(1, UNKNOWN_ROLE)], talk.got)

    def broken(self):
        begin, params = fcgi.begin(), fcgi.record(fcgi.PARAMS, b"")
        for name, raw in {
            "HTTP": b"GET / HTTP/1.1\r\nHost: kitehook.example\r\n\r\n" * 4,
            "version 2": b"\2" + begin[1:],
            "a second version 2": begin + b"\2" + params[1:],
            "a body before its parameters": begin + fcgi.record(fcgi.STDIN, b"{}"),
            "parameters after their end": begin + params + fcgi.record(fcgi.PARAMS, b"\1\1ab"),
            "a name that is cut off": begin + fcgi.record(fcgi.PARAMS, b"\5\5name") + params,
            "a value of 2 GiB": begin + fcgi.record(fcgi.PARAMS, b"\1\xff\xff\xff\xffa"),
            "a beginning that is too short": fcgi.record(fcgi.BEGIN, b"\0\1\0"),
            "the same request twice": begin + begin,
        }.items():
            with Talk(self.process) as talk:
                self.check(f"{name}: the connection is closed", talk.send(raw).closes() and not talk.got,
                           talk.got)

    def split_at_each_byte(self):
        length = len(self.message())
        for first in range(1, length, AT_ONCE):
            some = [(at, Talk(self.process)) for at in range(first, min(first + AT_ONCE, length))]
            messages = [self.message() for _ in some]
            for (at, talk), message in zip(some, messages):
                talk.send(message[:at])
            for (at, talk), message in zip(some, messages):
                talk.wait_until_taken()
                talk.send(message[at:])
            statuses = [status_of(talk.until(fcgi.END)) for _, talk in some]
            for _, talk in some:
                talk.connection.close()
            self.check(f"split at byte {first} and each of the next", statuses == [200] * len(some), statuses)
        with Talk(self.process) as talk:
            message = self.message()
            for at in range(len(message)):
                talk.send(message[at:at + 1]).wait_until_taken()
            self.answered("byte by byte", talk)


class Dual(fcgi.Process):
    """Listens on a port, of IPv6 and IPv4."""

    def listen(self):
        return socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)

    def connect(self, seconds=PATIENCE_S):
        return socket.create_connection((self.host, self.listener.getsockname()[1]), seconds)


def check_addresses(report, folder, build):
    """FCGI_WEB_SERVER_ADDRS, whatever the family of the socket."""
    folder.mkdir()
    lists = {None: ("127.0.0.1", "::1"), "192.0.2.1, 127.0.0.1": ("127.0.0.1",), "::1,192.0.2.1": ("::1",),
             "192.0.2.1": ()}
    for listed, allowed in lists.items():
        process = Dual(build, folder, genuine.write_config(folder, build, keeps=False),
                       **({"FCGI_WEB_SERVER_ADDRS": listed} if listed else {}))
        try:
            for process.host in ("127.0.0.1", "::1"):
                with Talk(process) as talk:
                    status = status_of(talk.send(genuine.fastcgi_message(1)).until(fcgi.END))
                wanted = 200 if process.host in allowed else 0
                report.check(f"protocol: {process.host} where {listed} may come", status == wanted, status)
        finally:
            process.close()


def check_splits(report, folder, build):
    """A signature is the proof that nothing got lost; nothing is kept, for that is what would take the
    time."""
    process = fcgi.Process(build, folder, genuine.write_config(folder, build, keeps=False))
    try:
        Protocol(report, process).split_at_each_byte()
    finally:
        process.close()


def check(report, folder, build):
    check_addresses(report, folder / "addresses", build)
    check_splits(report, folder / "splits", build)
    process = fcgi.Process(build, folder, genuine.write_config(folder, build))
    try:
        protocol = Protocol(report, process)
        for part in (protocol.values, protocol.kept, protocol.padding, protocol.odd_types, protocol.aborted,
                     protocol.multiplexed, protocol.roles, protocol.broken):
            part()
        with Talk(process) as talk:
            protocol.answered("after all that", talk.send(protocol.message()))
        kept = len(common.waiting(folder))
        protocol.check("200 means kept, and nothing else does", kept == protocol.good,
                       f"{kept} kept, {protocol.good} good")
        protocol.check("one process for it all", process.child.poll() is None, process.child.returncode)
    finally:
        process.close()
