"""Signals to a kitehook.fcgi: SIGTERM ends it in whatever phase its connections are, and no signal ends
anything between keeping and answering.
"""
import contextlib
import fcntl
import os
import signal
import threading
import time

import common
import drippers
import fcgi
import fcgi_protocol
import genuine

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
HARMLESS = (signal.SIGHUP, signal.SIGUSR2)
DEADLINE_S = 60  # of genuine.write_config
PIPE_BYTES = 4096
FLOODERS = 24


@contextlib.contextmanager
def receiver(build, folder, **how):
    folder.mkdir()
    values = {"LOG": "stderr"} if how else {}
    process = fcgi.Process(build, folder, genuine.write_config(folder, build, **values), **how)
    try:
        yield process
    finally:
        process.close()


def ended(process, seconds=10):
    """Its exit code, None while it runs."""
    common.wait_until(lambda: process.child.poll() is not None, seconds)
    return process.child.returncode


def check_phases(report, folder, build):
    """One process for each phase, all at once."""
    with contextlib.ExitStack() as stack:
        crowds = {}
        start = time.monotonic()
        for name, phase in drippers.STRAIGHT.items():
            process = stack.enter_context(receiver(build, folder / name))
            crowd = stack.enter_context(drippers.Drippers(process.path, {name: phase}, len(drippers.RATES)))
            crowds[name] = process, crowd
        for name, (process, crowd) in crowds.items():
            common.wait_until(lambda crowd=crowd: crowd.holding == len(crowd.names), 20)
            good = crowd.holding > 0 and process.child.poll() is None
            report.check(f"signals: drippers in the phase '{name}'", good, crowd.holding)
        for process, _ in crowds.values():
            process.child.send_signal(signal.SIGTERM)
        for name, (process, _) in crowds.items():
            left_s = start + DEADLINE_S - 10 - time.monotonic()
            code = ended(process, left_s)
            report.check(f"signals: SIGTERM in the phase '{name}' ends it before a deadline", code == 0, code)


class FullPipe:
    """A pipe that nothing can be written to before it is drained."""

    def __enter__(self):
        self.reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(writing, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writing, b"\n" * PIPE_BYTES)
        os.set_blocking(writing, True)
        self.writing = os.fdopen(writing, "wb")
        return self

    def __exit__(self, *_):
        os.close(self.reading)

    def drain(self):
        os.set_blocking(self.reading, False)
        with contextlib.suppress(BlockingIOError):
            while os.read(self.reading, PIPE_BYTES):
                pass


def check_between(report, folder, build, number):
    """A log that takes no line holds the receiver just where it has kept a webhook, and has not answered
    it."""
    name = signal.Signals(number).name
    with FullPipe() as log, receiver(build, folder,
                                     stderr=log.writing) as process, fcgi_protocol.Talk(process) as talk:
        talk.send(genuine.fastcgi_message(1))
        is_kept = common.wait_until(lambda: common.waiting(folder), 10)
        for _ in range(3):
            process.child.send_signal(number)
        is_alive = ended(process, 0.1) is None
        log.drain()
        status = fcgi_protocol.status_of(talk.until(fcgi.END))
        report.check(f"signals: {name} between keeping and answering", is_kept and is_alive and status == 200,
                     f"kept {is_kept}, alive {is_alive}, answered {status}")
        if number in HARMLESS:
            with fcgi_protocol.Talk(process) as next_talk:
                status = fcgi_protocol.status_of(next_talk.send(genuine.fastcgi_message(2)).until(fcgi.END))
            code = process.child.poll()
            report.check(f"signals: after {name} it goes on", status == 200 and code is None,
                         f"{status}, exit code {code}")
        else:
            report.check(f"signals: after {name} it has ended", ended(process) == 0, ended(process))


def check_fresh(report, folder, build):
    """Who has just connected is about to send: it is not sent away, as a kept connection is."""
    with receiver(build,
                  folder) as process, fcgi_protocol.Talk(process) as kept, fcgi_protocol.Talk(
                      process) as fresh:
        kept.send(drippers.request(keep=True)).until(fcgi.END)
        process.ask(drippers.variables(0), b"")  # so FRESH has been accepted
        process.child.send_signal(signal.SIGTERM)
        report.check("signals: SIGTERM closes a kept connection", kept.closes(), kept.got)
        status = fcgi_protocol.status_of(fresh.send(genuine.fastcgi_message(1)).until(fcgi.END))
        report.check("signals: after SIGTERM a new connection is still served", status == 200, status)
        report.check("signals: and then it has ended", ended(process) == 0, ended(process))


def check_come(report, folder, build):
    """What has come when SIGTERM does is served, over a kept connection and over one not accepted yet."""
    with receiver(build, folder) as process, fcgi_protocol.Talk(process) as kept:
        kept.send(drippers.request(keep=True)).until(fcgi.END)
        process.pause()
        with fcgi_protocol.Talk(process) as fresh:
            kept.send(genuine.fastcgi_message(1, keep=True))
            fresh.send(genuine.fastcgi_message(2))
            process.child.send_signal(signal.SIGTERM)
            process.child.send_signal(signal.SIGCONT)
            statuses = [fcgi_protocol.status_of(talk.until(fcgi.END)) for talk in (kept, fresh)]
        report.check("signals: what has come before SIGTERM is served", statuses == [200, 200], statuses)


def flood(process, is_over):
    """As many records as it takes, of a request that there is none."""
    records = fcgi.record(fcgi.STDIN, b"", 9) * 100_000
    while not is_over.is_set():
        with contextlib.suppress(OSError), process.connect() as connection:
            while not is_over.is_set():
                connection.sendall(records)


def check_flood(report, folder, build):
    """Something is always there to be read: signals come through all the same."""
    is_over = threading.Event()
    with receiver(build, folder) as process:
        process.ask(drippers.variables(0), b"")
        flooders = [threading.Thread(target=flood, args=(process, is_over)) for _ in range(FLOODERS)]
        for flooder in flooders:
            flooder.start()
        time.sleep(0.5)
        process.child.send_signal(signal.SIGTERM)
        code = ended(process)
        is_over.set()
        process.close()
        for flooder in flooders:
            flooder.join()
        report.check("signals: SIGTERM in a flood of records", code == 0, code)


def under_load(folder, process, count, meanwhile):
    """COUNT webhooks, and MEANWHILE(process) again and again: answers, and how many were kept."""
    client = genuine.FastcgiClient(process.path)
    load = threading.Thread(target=genuine.paced, args=(client, count, 200))
    load.start()
    while load.is_alive():
        meanwhile(process)
    load.join()
    return client.answers, len(common.waiting(folder))


def shake(process):
    for number in HARMLESS:
        process.child.send_signal(number)
        time.sleep(0.001)


def replace(process):
    """Ended by each of ENDING in turn; the next one works once it has answered."""
    process.child.send_signal(ENDING[len(process.codes) % len(ENDING)])
    process.codes.append(ended(process))
    process.start()
    process.ask(drippers.variables(0), b"")
    time.sleep(0.1)


def check_load(report, folder, build, count):
    with receiver(build, folder / "shaken") as process:
        process.ask(drippers.variables(0), b"")
        answers, kept = under_load(folder / "shaken", process, count, shake)
        refused = genuine.refused(answers)
        code = process.child.poll()
        report.check("signals: SIGHUP and SIGUSR2 under load cost nothing",
                     not refused and kept == count and code is None,
                     f"{kept} kept of {count}, {len(refused)} refused, first {refused[:1]}, exit code {code}")
    with receiver(build, folder / "replaced") as process:
        process.codes = []
        process.ask(drippers.variables(0), b"")
        answers, kept = under_load(folder / "replaced", process, count, replace)
        good = count - len(genuine.refused(answers))
        said = f"{good} answered 200 and {kept} kept of {count}, exit codes {process.codes}"
        report.check("signals: processes replaced under load: 200 means kept, and nothing else does",
                     good == kept, said)
        report.check("signals: and each ended well", process.codes and not any(process.codes), said)
        report.check("signals: and hardly a webhook was not for the next one", good >= 0.98 * count, said)


def check(report, folder, build, count):
    check_phases(report, folder, build)
    for number in (*HARMLESS, *ENDING):
        check_between(report, folder / signal.Signals(number).name, build, number)
    check_fresh(report, folder / "fresh", build)
    check_come(report, folder / "come", build)
    check_flood(report, folder / "flood", build)
    check_load(report, folder, build, count)
