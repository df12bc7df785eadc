#!/usr/bin/env python3
"""Webhooks of 10 KB into an inbox on disk, with the worker that receivers start, behind a web server with its
recipe.

paced  --rate webhooks a second (200) for --seconds (30): only 200s, and the inbox is empty within 10 s after
flat   16 clients as fast as they are answered, for half as long: only 200 and 503
full   the same while the worker is stopped (SIGSTOP) until webhooks are refused: only 200 and 503, and some
       of them 503

Always at most one worker. At the end each 200 stands in the journal once and led to one notification, and
nothing else does. --server is nginx-fcgi or lighttpd-cgi; default: one after the other. Takes about two
minutes; --build names the build (default: build/release).
"""
import argparse
import asyncio
import collections
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import sys
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "integration"))
import common  # noqa: E402
import servers  # noqa: E402
from kept_client import Client  # noqa: E402

SERVERS = {"nginx-fcgi": servers.NginxFastcgi, "lighttpd-cgi": servers.LighttpdCgi}
PROGRAMS = ("kitehook", "kitehook.cgi", "kitehook.fcgi")
CLIENTS = 16
EMPTY_S = 10
PATIENCE_S = 120       # where nothing is promised but that it ends
JOURNAL_ROWS = 100000  # that many are kept
FLAT_MOST = 60000      # so that with the others they fit
FULL_MOST = 20000
REFUSED_ENOUGH = 50
SHOWN = 5

CONFIG = """\
webhook:
  signature: {{file: webhook-secret}}
log: {folder}/receiver.log
state: {folder}/state
inbox: {{max_entries: {entries}}}
worker:
  program: {build}/kitehook
  log: {folder}/worker.log   # the one in the state folder is bounded
  linger: 2s
notify:
  - log:
"""


# ---- what is sent

def message_maker():
    """The webhook of a number: build_finished_10k with that build number and request id, signed now."""
    fixture = common.fixtures("^build_finished_10k$")[0]
    before, mark, after = fixture.body.partition(b'"number":4711,')
    if not mark:
        raise ValueError(f"{fixture.folder} has no build number 4711")

    def message(number):
        body = before + b'"number":%d,' % number + after
        return common.request_bytes("POST", common.URL, common.post_headers(body, f"load-{number}"), body)

    return message


# ---- the workers that there are

class Watch(threading.Thread):
    """Counts the workers of one config, twenty times a second, by what /proc says."""

    def __init__(self, program, config):
        super().__init__(daemon=True)
        self.program, self.config = str(program), os.fsencode(config)
        self.over, self.most, self.seen, self.looks = threading.Event(), 0, set(), 0

    def workers(self):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/exe") == self.program:
                    words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                    found += [int(pid)] if b"worker" in words and self.config in words else []
            except OSError:
                pass  # it has ended
        return found

    def run(self):
        while not self.over.wait(0.05):
            found = self.workers()
            self.looks += 1
            self.most = max(self.most, len(found))
            self.seen.update(found)

    def stop(self):
        self.over.set()
        self.join()


# ---- the phases

class Place:
    """A server in front of a config with an inbox, the client, and the names of the checks."""

    def __init__(self, report, name, folder, build, entries):
        self.report, self.name, self.folder = report, name, folder
        folder.mkdir()
        self.build = folder / "bin"  # a copy: what is measured may be built again meanwhile
        self.build.mkdir()
        for program in PROGRAMS:
            shutil.copy(build / program, self.build)
        (folder / "webhook-secret").write_bytes(common.SECRET)
        (folder / "webhook-secret").chmod(0o600)
        self.config = folder / "kitehook.yml"
        self.config.write_text(CONFIG.format(folder=folder, build=self.build, entries=entries),
                               encoding="utf-8")
        for file in ("webhook-secret", "kitehook.yml"):
            common.aged(folder / file)
        self.watch = Watch(self.build / "kitehook", self.config)
        self.server = SERVERS[name]()

    def __enter__(self):
        self.server.start(self.folder / "server", self.build, self.config)
        self.client = Client(self.server.port, message_maker())
        self.watch.start()
        return self

    def __exit__(self, *_):
        self.watch.stop()
        self.server.stop()

    def check(self, what, good, problem=""):
        return self.report.check(f"{self.name}: {what}", good, problem)

    def tell(self, phase, answers, seconds, more=""):
        counts = dict(collections.Counter(answer.status for answer in answers))
        times = sorted(answer.seconds * 1000 for answer in answers if answer.status == 200) or [0]
        shares = ", ".join(f"{name} {times[min(len(times) - 1, int(share * len(times)))]:.1f}"
                           for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1)))
        print(f"{self.name} {phase}: {len(answers) / seconds:.0f} requests a second, {counts}, ms of a 200: "
              f"{shares}{more}", flush=True)

    def check_answers(self, phase, answers, statuses):
        wrong = [answer for answer in answers if answer.status not in statuses]
        self.check(f"{phase}: only {' and '.join(map(str, statuses))}", answers and not wrong,
                   f"{len(wrong)} of {len(answers)}: {wrong[:SHOWN]}")
        bad = [answer for answer in answers if answer.status == 200 and
               (answer.said.get("kept") is not True or
                answer.said.get("worker") not in ("started", "woken", "busy"))]
        self.check(f"{phase}: a 200 says that it was kept, and of a worker", not bad, bad[:SHOWN])

    def check_empty(self, phase, seconds):
        start, left = time.monotonic(), len(common.waiting(self.folder))
        empty = common.wait_until(lambda: not common.waiting(self.folder), seconds)
        print(
            f"{self.name} {phase}: {left} waited at the end, {time.monotonic() - start:.1f} s until none "
            f"did", flush=True)
        self.check(f"{phase}: the inbox is empty within {seconds} s", empty,
                   f"{len(common.waiting(self.folder))} are left")

    def paced(self, rate, seconds):
        answers, took, late = asyncio.run(self.client.paced(rate, seconds))
        self.tell("paced", answers, took,
                  f"; the latest request was sent {late * 1000:.1f} ms after its time")
        self.check_answers("paced", answers, (200,))
        self.check_empty("paced", EMPTY_S)

    def flat(self, seconds):
        answers, took = asyncio.run(self.client.flat_out(CLIENTS, seconds, FLAT_MOST))
        self.tell("flat out", answers, took)
        self.check_answers("flat out", answers, (200, 503))
        self.check_empty("flat out", PATIENCE_S)

    def full(self):
        asyncio.run(self.client.flat_out(1, 1, 1))  # so that there is a worker
        worker = common.wait_until(self.watch.workers, 5)
        if not self.check("full: there is a worker to stop", len(worker) == 1, worker):
            return
        os.kill(worker[0], signal.SIGSTOP)
        try:
            answers, took = asyncio.run(
                self.client.flat_out(CLIENTS, PATIENCE_S, FULL_MOST, lambda answers: sum(
answer.status == 503 for answer in answers[-4 * REFUSED_ENOUGH:]) >= REFUSED_ENOUGH))
        finally:
            os.kill(worker[0], signal.SIGCONT)
        self.tell("full", answers, took)
        self.check_answers("full", answers, (200, 503))
        refused = [answer.said for answer in answers if answer.status == 503]
        self.check("full: what is refused says that the inbox is full",
                   refused and all(said.get("error") == "inbox_full" for said in refused), refused[:SHOWN])
        self.check_empty("full", PATIENCE_S)

    # ---- the accounts

    def journal(self):
        """What the memory says, read from a copy."""
        copy = self.folder / "copy"
        copy.mkdir()
        for path in (self.folder / "state").glob("memory.sqlite*"):
            shutil.copy(path, copy)
        memory = sqlite3.connect(copy / "memory.sqlite")
        try:
            rows = memory.execute(
                "SELECT request_id, build_number, verdict, deliveries FROM journal").fetchall()
            return rows, memory.execute("SELECT count(*) FROM deliveries").fetchone()[0]
        finally:
            memory.close()

    def notified(self):
        """The build numbers of the notifications, from the worker's log."""
        with open(self.folder / "worker.log", encoding="utf-8") as lines:
            return [line["build_number"] for line in map(json.loads, lines)
                    if line["message"] == "notification"]

    def settle(self):
        gone = common.wait_until(lambda: common.worker_is_gone(self.folder) and not self.watch.workers(),
                                 PATIENCE_S)
        self.check("at the end the worker leaves", gone, self.watch.workers())
        self.watch.stop()
        self.check("never more than one worker", self.watch.most == 1,
                   f"{self.watch.most}: {self.watch.seen}")
        accepted = {answer.number for answer in self.client.answers if answer.status == 200}
        rows, owed = self.journal()
        if not self.check("there are fewer webhooks than the journal keeps", len(accepted) < JOURNAL_ROWS,
                          len(accepted)):
            return
        wanted = {(f"load-{number}", number, "done", 1) for number in accepted}
        print(f"{self.name}: {len(self.client.answers)} requests, {len(accepted)} times 200, {len(rows)} in "
              f"the journal; "
              f"workers seen: {len(self.watch.seen)}, in {self.watch.looks} looks", flush=True)
        self.check("each 200 is in the journal, once, and nothing else is",
                   len(rows) == len(wanted) and set(rows) == wanted,
                   f"missing {sorted(wanted - set(rows))[:SHOWN]}, too many "
                   f"{sorted(set(rows) - wanted)[:SHOWN]}, {len(rows)} rows")
        found = self.notified()
        self.check("each 200 led to one notification, and nothing else did",
                   len(found) == len(accepted) and set(found) == accepted,
                   f"missing {sorted(accepted - set(found))[:SHOWN]}, {len(found)} of {len(accepted)}")
        self.check("nothing is owed", owed == 0, owed)
        aside = [path.name for name in ("aside", "tmp")
                 for path in (self.folder / "state" / "inbox" / name).glob("[!.]*")]
        self.check("nothing is set aside or half written", not aside, aside[:SHOWN])
        self.check("nothing crashed", not self.server.crashes(), self.server.crashes())


def read_arguments():
    parser = argparse.ArgumentParser(prog="soak load", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, metavar="S")
    parser.add_argument("--rate", type=int, default=200, metavar="N", help="webhooks a second")
    parser.add_argument("--entries", type=int, default=3000, metavar="N",
                        help="how many webhooks may wait in the inbox")
    parser.add_argument("--server", choices=SERVERS, help="only this one")
    parser.add_argument("--build", type=lambda text: pathlib.Path(text).resolve(),
                        default=common.ROOT / "build/release")
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder, and say where it is")
    chosen = parser.parse_args()
    for program in PROGRAMS:
        if not (chosen.build / program).is_file():
            parser.error(f"{chosen.build / program} does not exist; build it first")
    if chosen.rate * chosen.seconds > JOURNAL_ROWS - FLAT_MOST - FULL_MOST:
        parser.error("so many webhooks do not fit into the journal, which is the proof")
    return chosen


def run():
    chosen = read_arguments()
    report = common.Report()
    print(f"soak load: {chosen.build}, on {os.cpu_count()} cores", flush=True)
    with common.Workspace(chosen.keep) as folder:
        for name in [chosen.server] if chosen.server else SERVERS:
            problem = SERVERS[name]().missing()
            if problem:
                report.skip(name, problem)
                continue
            with Place(report, name, folder / name, chosen.build, chosen.entries) as place:
                place.paced(chosen.rate, chosen.seconds)
                place.flat(chosen.seconds / 2)
                place.full()
                place.settle()
    return report.close()


if __name__ == "__main__":
    common.main(run)
