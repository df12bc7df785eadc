"""What kitehook.fcgi allows: 256 connections, 32 MiB of incomplete requests. Beyond, who has waited longest
is cut, and genuine webhooks pass.
"""
import array
import contextlib
import fcntl
import resource
import signal
import termios
import threading

import common
import drippers
import fcgi
import fcgi_protocol
import genuine

PLACES = 256
BUDGET_BYTES = 32 * 1024 * 1024
BODY_BYTES = 1000 * 1000
BODIES = 60
FEW, MANY, SERVED = 200, 320, 24  # connections
OPEN_FILES = 64 + 6  # six places
ANSWERS_MAX = 1000  # there is no room for so many that are not read
MEMORY_MAX_KB = 64 * 1024


def is_open(connection):
    """False once the other side has closed, also behind an answer."""
    connection.settimeout(0)
    try:
        while connection.recv(65536):
            pass
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def beginning_of_body(count):
    return fcgi.head(drippers.variables(BODY_BYTES + 1)) + fcgi.record(fcgi.STDIN, b"x" * count)


def is_prefix(opened):
    """All that were cut are older than all that were not."""
    return opened == sorted(opened)


def shown(opened):
    return "".join("-+"[one] for one in opened)


def memory_kb(process):
    return genuine.held_kb([process.child.pid])


def crowd_of(process, stack, count, message_of):
    """COUNT connections, the oldest first, of which each has sent its message."""
    found = []
    for number in range(count):
        connection = stack.enter_context(process.connect())
        with contextlib.suppress(OSError):
            connection.sendall(message_of(number))
        found.append(connection)
    return found


def check_genuine(report, name, answers):
    refused = genuine.refused(answers)
    report.check(f"bounds: {name}: genuine webhooks pass", not refused,
                 f"{len(refused)} of {len(answers)} refused, first {refused[:2]}")


def check_places(report, process, webhooks):
    """Silent ones, and some in each phase of arriving; the oldest still drip when the last ones come."""
    beginnings = (b"", b"\1", fcgi.begin(), beginning_of_body(1))
    client = genuine.FastcgiClient(process.path)
    with contextlib.ExitStack() as stack:
        first = crowd_of(process, stack, FEW, lambda number: beginnings[number % len(beginnings)])
        check_genuine(report, "a place is left", genuine.paced(client, 20, 200))
        opened = [is_open(connection) for connection in first]
        report.check("bounds: nobody is cut before", all(opened), opened.count(False))
        for number, connection in enumerate(first[:100]):
            if number % len(beginnings) == 3:
                connection.settimeout(10)
                connection.sendall(fcgi.record(fcgi.STDIN, b"x"))
        crowd = first + crowd_of(process, stack, MANY - FEW, lambda number: b"")
        full = common.wait_until(lambda: sum(map(is_open, crowd)) == PLACES, 10)
        report.check("bounds: the places are full", full, sum(map(is_open, crowd)))
        check_genuine(report, "no place is left", genuine.paced(client, webhooks, 200))
        opened = [is_open(connection) for connection in crowd]
        report.check("bounds: who waited longest is cut, though it still drips", is_prefix(opened),
                     shown(opened))


def check_places_served(report, folder, build):
    """Who has been served needs no place, though many come at once."""
    folder.mkdir()
    process = fcgi.Process(build, folder, genuine.write_config(folder, build), open_files=OPEN_FILES)
    message = genuine.fastcgi_message(1)
    try:
        process.ask(drippers.variables(0), b"")
        with contextlib.ExitStack() as stack:
            slow = [stack.enter_context(fcgi_protocol.Talk(process)).send(message[:100]) for _ in range(3)]
            process.ask(drippers.variables(0), b"")  # so the slow ones have been accepted
            process.pause()
            many = [stack.enter_context(fcgi_protocol.Talk(process)).send(message) for _ in range(60)]
            process.child.send_signal(signal.SIGCONT)
            for talk in many:
                talk.until(fcgi.END)
            for talk in slow:
                talk.send(message[100:])
            statuses = [fcgi_protocol.status_of(talk.until(fcgi.END)) for talk in slow]
        report.check("bounds: nobody is cut for the place of who was served", statuses == [200] * len(slow),
                     statuses)
    finally:
        process.close()


def check_file_size(report, folder, build):
    """A limit of the size of files is one of the memory file's, too. A body needs none of it."""
    folder.mkdir()
    process = fcgi.Process(build, folder, genuine.write_config(folder, build, keeps=False))
    small = fcgi.whole([(b"A", b"B")], b"x" * BODY_BYTES, keep=True)
    large = fcgi.whole([(b"A", b"B" * 5000)], b"", keep=True)
    try:
        process.ask(drippers.variables(0), b"")
        for name, limit, message in (("head", 4000, large), ("answer", 100, small)):
            resource.prlimit(process.child.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            with fcgi_protocol.Talk(process) as talk:
                talk.send(message).until(fcgi.END)
                report.check(f"bounds: no room for the {name}: the connection is closed", talk.is_closed,
                             talk.got)
            resource.prlimit(process.child.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            with fcgi_protocol.Talk(process) as talk:
                status = fcgi_protocol.status_of(talk.send(genuine.fastcgi_message(1)).until(fcgi.END))
                report.check(f"bounds: after no room for the {name} it goes on", status == 200, status)
    finally:
        process.close()


def check_budget(report, process, webhooks):
    """Bodies that are never complete, while genuine ones come; one of them is a large one."""
    client = genuine.FastcgiClient(process.path)
    peaks, opened = [], []
    with contextlib.ExitStack() as stack:
        kept = stack.enter_context(fcgi_protocol.Talk(process))
        kept.send(genuine.fastcgi_message(999_999, keep=True)).until(fcgi.END)
        load = threading.Thread(target=genuine.paced, args=(client, webhooks, 200))
        load.start()
        crowd = []
        for _ in range(BODIES):
            crowd += crowd_of(process, stack, 1, lambda number: beginning_of_body(BODY_BYTES))
            peaks.append(memory_kb(process))
        load.join()
        body = common.webhook(1_000_000, message="x" * (BODY_BYTES - 1000))
        with fcgi_protocol.Talk(process) as talk:
            talk.send(fcgi.whole(genuine.variables_of(1_000_000, body), body))
            status = fcgi_protocol.status_of(talk.until(fcgi.END))
        idle = fcgi_protocol.status_of(kept.send(genuine.fastcgi_message(999_998, keep=True)).until(fcgi.END))
        opened = [is_open(connection) for connection in crowd]
        peaks.append(memory_kb(process))
    check_genuine(report, "incomplete bodies", client.answers)
    report.check("bounds: a large genuine webhook passes", status == 200, status)
    report.check("bounds: a kept connection, which holds no body, is not cut for one", idle == 200, idle)
    report.check("bounds: the oldest incomplete body is cut", is_prefix(opened), shown(opened))
    most = BUDGET_BYTES // BODY_BYTES
    report.check("bounds: as many stay as there is room for", most - 3 <= sum(opened) <= most,
                 f"{sum(opened)} of {most}")
    report.check("bounds: memory of incomplete bodies", max(peaks) < MEMORY_MAX_KB, f"{max(peaks)} kB")


def bytes_left(connection, question):
    """TIOCOUTQ: what the other side has not read. FIONREAD: what it has sent and we have not read."""
    count = array.array("i", [0])
    fcntl.ioctl(connection, question, count)
    return count[0]


def ask_often(connection, most):
    """Requests over one connection, of which no answer is read: how many were answered before there was no
    more room."""
    for number in range(most):
        before = bytes_left(connection, termios.FIONREAD)
        connection.sendall(drippers.request(keep=True))
        if not common.wait_until(lambda: bytes_left(connection, termios.FIONREAD) > before, drippers.FULL_S,
                                 0.0005):
            return number
    return most


def check_room(report, process, name, message, answers=0):
    """SERVED connections send MESSAGE, after as many ANSWERS that they do not read."""
    with contextlib.ExitStack() as stack:
        for connection in crowd_of(process, stack, SERVED, lambda number: b""):
            ask_often(connection, answers)
            connection.sendall(message)
            common.wait_until(lambda: not bytes_left(connection, termios.TIOCOUTQ), 10)
        least_kb = SERVED * BODY_BYTES // 1024 // 2
        good = common.wait_until(lambda: memory_kb(process) < least_kb, 1)
        report.check(f"bounds: {name} takes no more room", good,
                     f"{memory_kb(process)} kB, of {SERVED} connections")


def check_late_answers(report, process):
    """An answer that waits for room is still its own when others have been served meanwhile."""
    with fcgi_protocol.Talk(process) as slow, fcgi_protocol.Talk(process) as other:
        asked = ask_often(slow.connection, ANSWERS_MAX) + 1
        for _ in range(3):
            other.send(genuine.fastcgi_message(1, keep=True)).until(fcgi.END)
        while slow.until(fcgi.END) and sum(kind == fcgi.END for kind, _, _ in slow.got) < asked:
            continue
        answers = [content for kind, _, content in slow.got if kind == fcgi.STDOUT and content]
        strange = [content for content in answers if b"Status: 401 " not in content]
        report.check("bounds: a late answer is the right one", len(answers) == asked and not strange,
                     f"{len(answers)} of {asked}, first wrong {strange[:1]}")


def check_served(report, process):
    """What was served gives back its room at once, however long its connection stays."""
    head, most = fcgi.head(drippers.variables(2 * BODY_BYTES)), b"x" * BODY_BYTES
    check_room(report, process, "a body that is too large",
               head + fcgi.record(fcgi.STDIN, most + b"x" * 100_000))
    check_room(report, process, "a request that is aborted",
               head + fcgi.record(fcgi.STDIN, most) + fcgi.record(fcgi.ABORT, b""))
    with process.connect() as probe:
        answers = ask_often(probe, ANSWERS_MAX)
    whole = fcgi.whole(drippers.variables(BODY_BYTES), most, keep=True)
    check_room(report, process, "a request whose answer is not read", whole, answers)


def check(report, folder, build, webhooks):
    check_places_served(report, folder / "places", build)
    check_file_size(report, folder / "size", build)
    process = fcgi.Process(build, folder, genuine.write_config(folder, build))
    try:
        check_places(report, process, webhooks)
        check_budget(report, process, webhooks)
        check_late_answers(report, process)
        check_served(report, process)
        report.check("bounds: one process for it all", process.child.poll() is None, process.child.returncode)
    finally:
        process.close()
