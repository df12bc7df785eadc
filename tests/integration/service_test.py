#!/usr/bin/env python3
"""The worker as people run it: by systemd (sd_notify, watchdog, signals), by cron (--once and its exit
codes), by receivers under every web server, as root and as www-data; kitehook.fcgi behind socket activation;
the units.

The service manager is service_manager.py's: a socket of our own for what the worker says, and
systemd-socket-activate. service_servers.py has the web servers.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import common
import fcgi
import service_servers
from catcher import Catcher
from cli_worker import drop, entry, of_message, ring, waiting, Worker
from common import webhook
from logs import Logs, by_request
from service_manager import Activated, Notifications, SocketActivated

CONTRIB = common.ROOT / "contrib"
UNITS = ("kitehook-worker.service", "kitehook-fcgi.socket", "kitehook-fcgi@.service")
WATCHDOG_S = 1.0


class Place:
    """A folder with a config, and what cli_worker.Worker wants to know."""

    def __init__(self, folder, build, catcher=None, mode="service"):
        self.folder, self.build, self.program = folder, build, build / "kitehook"
        self.config = common.write_config(folder, build,
                                          catcher=catcher.url("/hook") if catcher
                                          else "http://127.0.0.1:9/hook", MODE=mode)
        self.state = folder / "state"
        self.environment = {"PATH": os.environ["PATH"]}
        self.said, self.lines = [], []

    def path(self, name):
        return str(self.folder / name)

    def serve(self, notifications=None, watchdog_s=WATCHDOG_S, **more):
        self.environment = {"PATH": os.environ["PATH"]}
        if notifications:
            self.environment.update(NOTIFY_SOCKET=notifications.name, **more)
        if watchdog_s:
            self.environment["WATCHDOG_USEC"] = str(int(watchdog_s * 1000000))
        return Worker(self, "--serve")

    def drop(self, number):
        name = drop(self.state, entry(webhook(number), number=number))
        ring(self.state)
        return name

    def once(self, *more):
        """The exit code and the log lines of a pass."""
        done = subprocess.run([self.program, "worker", "--config", self.config, "--once", *more],
                              env={"PATH": os.environ["PATH"]},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60, check=False)
        lines = of_message(done.stderr)
        self.lines += lines
        return (done.returncode,
                [line.get("result") for line in lines if line["message"] == "delivery attempt" and
                 line.get("rule") == "builds"])


# ---- what a service says


def ready(report, place_in):
    for kind in ("path", "abstract"):
        seen = []
        with Notifications(place_in(kind), kind == "abstract") as told, \
                Catcher(lambda *_: seen.append([one.text for one in told.read()]) or 200) as catcher:
            place = Place(place_in(f"{kind}-worker"), place_in.build, catcher)
            drop(place.state, entry(webhook(1)))
            with place.serve(told, watchdog_s=0) as worker:
                report.check(f"{kind}: READY=1 came", told.wait("READY"), worker.text())
                report.check(f"{kind}: the work that waited was done", common.wait_until(lambda: seen, 10),
                             worker.text())
                report.check(f"{kind}: READY=1 came before the first work",
                             seen and seen[0][:1] == ["READY=1"], seen)
                report.check(f"{kind}: the worker itself said it",
                             {one.pid for one in told.read()} == {worker.child.pid}, told.read())
                rests = common.wait_until(lambda: told.read()[-1].text == "STATUS=waits for webhooks", 10)
                report.check(f"{kind}: then it works, then it rests",
                             rests and [one.text for one in told.read()] ==
                             ["READY=1", "STATUS=works", "STATUS=waits for webhooks"], told.read())
                time.sleep(0.5)
                report.check(f"{kind}: no watchdog, no beat",
                             not told.of("WATCHDOG") and not told.of("STOPPING"), told.read())
                worker.child.send_signal(signal.SIGTERM)
                report.check(f"{kind}: SIGTERM ends it", worker.left(10) == 0, worker.text())
                report.check(f"{kind}: STOPPING=1 came once, as the last word",
                             [one.text for one in told.read()][3:] == ["STOPPING=1"], told.read())
            place_in.lines += place.lines


def watchdog(report, place_in):
    """Beats while it is idle, while a delivery hangs, and from SIGTERM to the end of that delivery."""
    release, begun = threading.Event(), threading.Event()

    def hang(_, body):
        if not re.search(rb"/builds/1\b", body):
            return 200
        begun.set()
        release.wait(20)
        return 200

    with Notifications(place_in("told")) as told, Catcher(hang) as catcher:
        place = Place(place_in("worker"), place_in.build, catcher)
        with place.serve(told) as worker:
            report.check("watchdog: it is ready", told.wait("READY"), worker.text())
            silence = told.longest_silence("WATCHDOG", *told.listen(3))
            report.check("watchdog: it beats while it is idle", silence < WATCHDOG_S, silence)
            beats = len(told.of("WATCHDOG"))
            report.check("watchdog: about twice in the time", 5 <= beats <= 9, beats)
            place.drop(1)
            report.check("watchdog: a delivery hangs", begun.wait(10), worker.text())
            silence = told.longest_silence("WATCHDOG", *told.listen(3))
            report.check("watchdog: it beats while a delivery hangs", silence < WATCHDOG_S, silence)
            signalled = time.monotonic()
            worker.child.send_signal(signal.SIGTERM)
            report.check("SIGTERM: STOPPING=1 comes while the delivery still hangs",
                         told.wait("STOPPING", 2) and worker.child.poll() is None, told.read())
            place.drop(2)
            silence = told.longest_silence("WATCHDOG", *told.listen(2))
            report.check("SIGTERM: it beats until the end",
                         silence < WATCHDOG_S and worker.child.poll() is None, silence)
            release.set()
            report.check("SIGTERM: it leaves after the delivery in flight, in order",
                         worker.left(8) == 0 and time.monotonic() - signalled < 10, worker.text())
            report.check("SIGTERM: STOPPING=1 came once", len(told.of("STOPPING")) == 1, told.read())
            report.check("SIGTERM: that delivery is recorded",
                         [line["result"] for line in worker.lines("delivery attempt")
                          if line["rule"] == "builds"] ==
                         ["delivered"], worker.text())
            report.check("SIGTERM: nothing else was begun", len(catcher.caught) == 1, catcher.caught)
        code, results = place.once()
        report.check("SIGTERM: the next pass does the rest, and nothing twice",
                     code == 0 and results == ["delivered"] and
                     [re.search(rb"/builds/(\d+)", one.body).group(1) for one in catcher.caught] ==
                     [b"1", b"2"], (code, results, catcher.caught))
        place_in.lines += place.lines


def unanswered(report, place_in):
    """A destination that never answers holds the end up for no more than its time-out."""
    release, begun = threading.Event(), threading.Event()
    with Catcher(lambda *_: begun.set() or release.wait(40) or 200) as catcher, Notifications(
        place_in("told")) as told:
        place = Place(place_in("worker"), place_in.build, catcher)
        drop(place.state, entry(webhook(1)))
        with place.serve(told) as worker:
            report.check("unanswered: a delivery hangs", begun.wait(10), worker.text())
            signalled = time.monotonic()
            worker.child.send_signal(signal.SIGTERM)
            _, ended = told.listen(5)
            silence = told.longest_silence("WATCHDOG", signalled, ended)
            report.check("unanswered: it beats", silence < WATCHDOG_S, silence)
            code = worker.left(12)
            took = time.monotonic() - signalled
            report.check("unanswered: SIGTERM ends it within ten seconds", code == 0 and took < 10.5,
                         f"{code} after {took:.1f} s")
        release.set()
        code, results = place.once()
        report.check("unanswered: the next pass says that something is left", code == 4 and results == [],
                     (code, results))
        place_in.lines += place.lines


def others(report, place_in):
    """Sockets that are none, and a watchdog that is for another process."""
    for name, value in {"none": "nonsense", "gone": str(place_in("gone") / "no-such-socket"), "empty": "",
                        "at": "@", "long": "/" + "x" * 200}.items():
        with Catcher() as catcher:
            place = Place(place_in(name), place_in.build, catcher)
            drop(place.state, entry(webhook(1)))
            with place.serve(watchdog_s=0) as unused:
                unused.child.kill()
            place.environment.update(NOTIFY_SOCKET=value, WATCHDOG_USEC="100000")
            with Worker(place, "--serve") as worker:
                report.check(f"NOTIFY_SOCKET, {name}: it works all the same",
                             common.wait_until(lambda: catcher.at("/hook"), 10), worker.text())
                worker.child.send_signal(signal.SIGTERM)
                report.check(f"NOTIFY_SOCKET, {name}: and ends", worker.left(10) == 0, worker.text())
            place_in.lines += place.lines
    for name, pid, beats in (("another", "1", False), ("malformed", "x", False)):
        with Notifications(place_in(f"{name}-told")) as told:
            place = Place(place_in(f"pid-{name}"), place_in.build)
            with place.serve(told, WATCHDOG_PID=pid) as worker:
                report.check(f"WATCHDOG_PID, {name}: it is ready", told.wait("READY"), worker.text())
                told.listen(1.2)
                report.check(f"WATCHDOG_PID, {name}: no beat", bool(told.of("WATCHDOG")) == beats,
                             told.read())
                worker.child.send_signal(signal.SIGTERM)
                report.check(f"WATCHDOG_PID, {name}: it ends", worker.left(10) == 0, worker.text())


def reloading(report, place_in):
    with Notifications(place_in("told")) as told:
        place = Place(place_in("worker"), place_in.build)
        text = place.config.read_text(encoding="utf-8")
        with place.serve(told) as worker:
            report.check("reloading: it is ready", told.wait("READY"), worker.text())
            for number, (written, message, status) in enumerate((
                    (text + "\n", "config reloaded", None),
                    ("webhook: [\n", "config broken",
                     "STATUS=waits for webhooks; the configuration is broken"),
                    (text, "config reloaded", "STATUS=waits for webhooks")), 2):
                place.config.write_text(written, encoding="utf-8")
                before = time.monotonic()
                worker.child.send_signal(signal.SIGHUP)
                report.check(f"reloading, {message}: READY=1 comes again", told.wait("READY", count=number),
                             told.read())
                order = [name for one in told.read() for name in ("RELOADING", "READY") if name in one.fields]
                report.check(f"reloading, {message}: RELOADING=1 before it",
                             order == ["READY"] + ["RELOADING", "READY"] * (number - 1), told.read())
                clock = int(told.of("RELOADING")[-1].fields["MONOTONIC_USEC"]) / 1e6
                report.check(f"reloading, {message}: with the monotonic clock",
                             before - 0.01 <= clock <= time.monotonic(), (before, clock))
                report.check(f"reloading, {message}: the log says so",
                             len(worker.lines("config broken")) == (number > 2) and
                             len(worker.lines("config reloaded")) == (number - 1) - (number > 2),
                             worker.text())
                if status:
                    report.check(f"reloading, {message}: the status says so", common.wait_until(
                        lambda wanted=status: told.of("STATUS")[-1].text.startswith(wanted), 5),
                                 told.of("STATUS"))
            worker.child.send_signal(signal.SIGTERM)
            report.check("reloading: it ends", worker.left(10) == 0, worker.text())
        place_in.lines += place.lines
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup, which may have started us, is inherited
    place = Place(place_in("lingers"), place_in.build, mode="start")
    with Worker(place, "--linger", "30") as worker:
        report.check("without --serve: it starts", worker.said("worker started"), worker.text())
        worker.child.send_signal(signal.SIGHUP)
        report.check("without --serve: SIGHUP ends it, as a terminal that goes away must",
                     worker.left(10) == -signal.SIGHUP, worker.text())


def troubled(report, place_in):
    """What `systemctl status` shows when a delivery is owed."""
    with Notifications(place_in("told")) as told, Catcher(lambda *_: 503) as catcher:
        place = Place(place_in("worker"), place_in.build, catcher)
        drop(place.state, entry(webhook(1)))
        with place.serve(told) as worker:
            owed = (r"STATUS=waits for webhooks; the next delivery is due at "
                    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            report.check("troubled: the status has the next delivery's time", common.wait_until(
                lambda: told.of("STATUS") and re.match(owed, told.of("STATUS")[-1].text), 10),
                         told.of("STATUS"))
            worker.child.send_signal(signal.SIGTERM)
            report.check("troubled: it ends, owing", worker.left(10) == 0, worker.text())
        place_in.lines += place.lines


# ---- cron


def exit_codes(report, place_in):
    answers = {}
    with Catcher(lambda path, _: answers["hook"]) as catcher:
        place = Place(place_in("worker"), place_in.build, catcher)
        report.check("--once, nothing to do: 0", place.once() == (0, []))
        answers["hook"] = 503
        drop(place.state, entry(webhook(1)))
        done = place.once("--budget-ms", "0")
        report.check("--once, a webhook is left: 4", done == (4, []) and len(waiting(place.state)) == 1, done)
        done = place.once()
        report.check("--once, a notification is owed: 4", done == (4, ["retry"]) and not waiting(place.state),
                     done)
        answers["hook"] = 200
        done = place.once()
        report.check("--once, it is not due yet: 4, and not tried", done == (4, []), done)
        place = Place(place_in("good"), place_in.build, catcher)
        drop(place.state, entry(webhook(1)))
        done = place.once()
        report.check("--once, all done: 0", done == (0, ["delivered"]), done)
        answers["hook"] = 400
        drop(place.state, entry(webhook(2)))
        done = place.once()
        report.check("--once, refused for good: 0, since no pass will change that", done == (0, ["dead"]),
                     done)
        place_in.lines += place.lines
        answers["hook"] = 503
        waits = Place(place_in("waits"), place_in.build, catcher, mode="wait")
        body = webhook(3)
        answer, err, code = common.run_cgi(place_in.build / "kitehook.cgi", common.cgi_variables(
            waits.config, "POST", common.URL, common.post_headers(body, "r-3"), len(body)), body)
        report.check("worker: wait, a notification is owed: the pass ran all the same",
                     (answer.json or {}).get("worker") == "ran" and not err and code == 0, (answer, err))
        received = place_in.logs.add_file(waits.folder / "receiver.log")
        report.check("worker: wait, and the log has no complaint",
                     [line["level"] for line in received] == ["INFO"], received)


# ---- socket activation


def good(number):
    body = common.webhook(number)
    variables = common.cgi_variables("ignored", "POST", common.URL, common.post_headers(body, f"a-{number}"),
                                     len(body))
    return [pair for pair in variables.pairs if pair[0] != b"KITEHOOK_CONFIG"], body


def ends(report, name, process):
    process.child.send_signal(signal.SIGTERM)
    gone = common.wait_until(lambda: process.child.poll() is not None, 8)
    report.check(f"{name}: SIGTERM ends it in order", gone and process.child.returncode == 0,
                 process.child.returncode)


def by_systemd(report, place_in):
    if not shutil.which("systemd-socket-activate"):
        report.skip("systemd-socket-activate", "it is not installed")
        return
    place = Place(place_in("systemd"), place_in.build)
    process = SocketActivated(place.build, place.folder, place.config)
    try:
        answers = [process.ask(*good(number)) for number in range(20)]
        report.check("systemd-socket-activate: each webhook is accepted",
                     [answer.status for answer in answers] == [200] * 20, answers[:3])
        exe = os.readlink(f"/proc/{process.child.pid}/exe")
        report.check("systemd-socket-activate: it was kitehook.fcgi that answered",
                     exe == str(place.build / "kitehook.fcgi"), exe)
        report.check("systemd-socket-activate: all were kept", len(waiting(place.state)) == 20,
                     len(waiting(place.state)))
        ends(report, "systemd-socket-activate", process)
        lines = by_request(place_in.logs.add_file(place.folder / "receiver.log"), "webhook received")
        report.check("systemd-socket-activate: and logged as FastCGI",
                     all(lines[f"a-{number}"][0]["transport"] == "fastcgi" for number in range(20)),
                     len(lines))
    finally:
        process.close()


def listening(folder):
    path = str(folder / "shared.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(128)
    return listener, path


def rchar(process):
    with open(f"/proc/{process.child.pid}/io", encoding="ascii") as counters:
        return int(counters.readline().split()[1])


def ask_many(process, numbers, statuses):
    for number in numbers:
        statuses.append(process.ask(*good(number)).status)


def shared(report, place_in):
    """Three processes at one socket: all of them serve, one may go, and what comes when none is there
    waits."""
    place = Place(place_in("shared"), place_in.build)
    listener, path = listening(place.folder)
    processes = [Activated(place.build, place.folder, place.config, listener, path) for _ in range(3)]
    try:
        report.check("shared: it works", processes[0].ask(*good(0)).status == 200, processes[0].said())
        before = [rchar(process) for process in processes]
        statuses, askers = [], []
        for first in range(4):
            askers.append(
                threading.Thread(target=ask_many,
                                 args=(processes[0], range(1000 + first, 1400, 4), statuses)))
            askers[-1].start()
        time.sleep(0.1)
        ends(report, "shared, one of three", processes[2])
        for asker in askers:
            asker.join()
        report.check("shared: every webhook is accepted", statuses == [200] * 400,
                     [status for status in statuses if status != 200])
        report.check("shared: each was kept once", len(waiting(place.state)) == 401,
                     len(waiting(place.state)))
        served = [rchar(process) - earlier for process, earlier in zip(processes[:2], before)]
        report.check("shared: more than one process served", all(count > 10000 for count in served), served)
        for number, process in enumerate(processes[:2]):
            ends(report, f"shared, process {number}", process)
        with processes[0].connect() as patient:
            processes[0].send(patient, *good(1))
            processes.append(Activated(place.build, place.folder, place.config, listener, path))
            answer, _ = processes[0].receive(patient)
            report.check("shared: a webhook that came while none was there is served by the next",
                         answer.status == 200, answer)
    finally:
        for process in processes:
            process.close()
    place_in.logs.add_file(place.folder / "receiver.log")


def misactivated(report, place_in):
    place = Place(place_in("mis"), place_in.build)
    listener, path = listening(place.folder)
    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    datagrams.bind(str(place.folder / "datagrams"))
    for name, given, more in (("two sockets", listener, {"fds": "2"}), ("no socket", listener, {"fds": "0"}),
                              ("for another process", listener, {"pid": "1"}),
                              ("not one that listens", datagrams, {})):
        process = Activated(place.build, place.folder, place.config, given, path, **more)
        try:
            gone = common.wait_until(lambda process=process: process.child.poll() is not None, 8)
            report.check(f"activation, {name}: refused with a hint",
                         gone and process.child.returncode == 2 and "ListenStream=" in process.said(),
                         (process.child.returncode, process.said()))
        finally:
            process.close()


# ---- the units


def units(report, place_in):
    folder = place_in("units")
    written = []
    for name in UNITS:
        text = (CONTRIB / "systemd" / name).read_text(encoding="utf-8")
        text = text.replace("/usr/bin/kitehook",
                            str(place_in.build / "kitehook")).replace(
                                "/usr/lib/kitehook/", f"{place_in.build}/")
        written.append(folder / name)
        written[-1].write_text(text, encoding="utf-8")
    for name, settings in {
        "kitehook-worker.service": ("Type=notify", "ExecStart=/usr/bin/kitehook worker --serve",
                                    "ReadWritePaths=/var/lib/kitehook"),
                           "kitehook-fcgi@.service": ("ExecStart=/usr/lib/kitehook/kitehook.fcgi",
                                                      "Sockets=kitehook-fcgi.socket",
                                                      "NonBlocking=yes")}.items():
        text = (CONTRIB / "systemd" / name).read_text(encoding="utf-8").split("\n")
        for setting in (*settings, "NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateTmp=yes",
                        "MemoryDenyWriteExecute=yes"):
            report.check(f"{name} has {setting}", setting in text)
        report.check(f"{name} gives the state folder to nobody",
                     not [line for line in text if line.startswith("StateDirectory")])
    if not shutil.which("systemd-analyze"):
        report.skip("systemd-analyze", "it is not installed")
        return
    # An instance by its name, so that what is wrong in the template shows.
    instance = folder / "kitehook-fcgi@1.service"
    instance.symlink_to(folder / "kitehook-fcgi@.service")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *written[:2], instance],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    report.check("systemd-analyze verify has nothing to say",
                 done.returncode == 0 and "kitehook" not in done.stdout, done.stdout)
    wrong = folder / "wrong.service"
    wrong.write_text("[Service]\nExecStart=/bin/true\nNoNewPrivilege=yes\n", encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", wrong], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60, check=False)
    report.check("systemd-analyze verify would have something to say", "NoNewPrivilege" in done.stdout,
                 done.stdout)
    for path in (written[0], instance):
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=25", path],
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                              check=False)
        if "nrecognized option" in done.stdout:
            report.skip("systemd-analyze security", "this one cannot do it offline")
            return
        report.check(f"{path.name}: systemd-analyze security counts 2.5 or less", done.returncode == 0,
                     done.stdout[-300:])


# ---- all of it


class Folders:
    """A folder by name below that of a part; and what all parts share."""

    def __init__(self, root, build, logs):
        self.root, self.build, self.logs, self.lines = root, build, logs, []

    def __call__(self, name):
        folder = pathlib.Path(self.root) / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


PARTS = (ready, watchdog, unanswered, others, reloading, troubled, exit_codes, by_systemd, shared,
         misactivated, units, service_servers.servers_as)


def run():
    chosen = common.arguments(__doc__)
    report = common.Report(chosen.verbose)
    logs = Logs(report)
    with common.Workspace(chosen.keep) as folder:
        for part in PARTS:
            if re.search(chosen.only, part.__name__):
                place_in = Folders(folder / part.__name__, chosen.build, logs)
                part(report, place_in)
                logs.add_objects(place_in.lines, part.__name__)
    if logs.lines:
        logs.settle()
    return report.close()


if __name__ == "__main__":
    common.main(run)
