#!/usr/bin/env python3
"""The ground moves under a running worker: its folders and files, and the wall clock. Nothing is lost,
nothing waits for longer than it was to wait, and nothing is sent twice.

usage: moving_test.py --build DIR [--dynamic DIR] [--only REGEX] [--keep] [--verbose]
"""
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import time

import common
import hostility
from stage import Arrivals, Webhook

PATIENCE_S = 20
SPEED = 10  # of the clock; a rest of 10 s takes one
HOUR_S, DAYS_S = 3600, 48 * 3600
ONE = ("first",)
OUTBOX_S = 40  # of our time: the longest first wait, and a rest before or behind it, with some leisure


class Scene:
    """A worker that serves, and a destination that answers STATUS."""

    def __init__(self, report, folder, chosen, name, mode="service", speed=SPEED):
        self.report, self.name, self.build, self.numbers = report, name, chosen.dynamic, iter(range(1, 1000))
        self.status, self.workers = 200, []
        self.arrivals = Arrivals(lambda *_: self.status)
        self.place = hostility.Place(folder / re.sub(r"[^\w+-]+", "-", name), chosen.dynamic, chosen.shims,
                                     dict.fromkeys(ONE, self.arrivals.url("/first")), speed, mode)

    def __enter__(self):
        self.arrivals.__enter__()
        return self

    def __exit__(self, *_):
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait()
        self.arrivals.__exit__()

    @property
    def state(self):
        return self.place.disk / "state"

    def check(self, what, good, problem=""):
        self.report.check(f"{self.name}: {what}", good, problem)

    def start(self):
        self.workers.append(self.place.worker())
        common.wait_until(lambda: self.said("worker started", len(self.workers)), PATIENCE_S)
        return self.workers[-1]

    def said(self, message, count=1):
        lines = self.place.lines(message)
        return lines if len(lines) >= count else []

    def post(self, count=1):
        """New webhooks, all of which must be kept."""
        webhooks = [Webhook(next(self.numbers), ONE) for _ in range(count)]
        answers = [self.place.post(webhook, now=self.place.now())[0] for webhook in webhooks]
        self.check(f"{count} are kept", set(answers) == {200}, answers)
        return webhooks

    def arrived(self, webhooks):
        return [sum(one.headers.get("Webhook-Id", one.headers.get("webhook-id")) == webhook.ids[0]
                    for one in self.arrivals.at("/first")) for webhook in webhooks]

    def must_arrive(self, webhooks, what, seconds=PATIENCE_S):
        """Each once."""
        wanted = [1] * len(webhooks)
        common.wait_until(lambda: self.arrived(webhooks) == wanted, seconds)
        self.check(what, self.arrived(webhooks) == wanted, self.arrived(webhooks))

    def must_live(self, worker):
        self.check("the worker is still there", worker.poll() is None, worker.returncode)

    def dead(self):
        return self.place.owed("--state", "dead")


# ---- folders and files

def move(path):
    path.rename(path.with_name(path.name + ".old"))


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def remove_memory(path):
    for name in ("memory.sqlite", "memory.sqlite-wal", "memory.sqlite-shm"):
        (path / name).unlink(missing_ok=True)


def replace_memory(path):
    """As from a backup, over the file that is there."""
    copy = path / "copy.sqlite"
    old, new = sqlite3.connect(path / "memory.sqlite"), sqlite3.connect(copy)
    old.backup(new)
    new.close()
    old.close()
    copy.chmod(0o600)
    copy.rename(path / "memory.sqlite")


def remove_and_replace_memory(path):
    log = path / "memory.sqlite-wal"
    replace_memory(path)
    log.unlink()


MOVES = [
    # what is said to have moved, how
    ("inbox", lambda state: move(state / "inbox")),
    ("inbox", lambda state: remove(state / "inbox")),
    ("inbox", lambda state: remove(state / "inbox" / "new")),
    ("inbox", lambda state: remove(state / "inbox" / "tmp")),
    ("worker.wake", lambda state: remove(state / "worker.wake")),
    ("worker.lock", lambda state: remove(state / "worker.lock")),
    ("worker.lock", lambda state: move(state / "worker.lock")),
    ("memory.sqlite", remove_memory),
    ("memory.sqlite", replace_memory),
    ("memory.sqlite", remove_and_replace_memory),
]


def ask(state, *queries):
    """One number for each; nothing where there is no memory."""
    if not (state / "memory.sqlite").exists():
        return []
    memory = sqlite3.connect(f"file:{state}/memory.sqlite?mode=ro", uri=True)
    try:
        return [memory.execute(query).fetchone()[0] for query in queries]
    finally:
        memory.close()


def whole(state):
    """How many webhooks memory knows; -1 when it is damaged or not there."""
    found = ask(state, "PRAGMA integrity_check", "SELECT count(*) FROM journal")
    return found[1] if found and found[0] == "ok" else -1


def owed(state):
    return ask(state, "SELECT count(*) FROM deliveries WHERE dead_us IS NULL")


def moved(report, folder, chosen, number):
    what, how = MOVES[number]
    with Scene(report, folder, chosen, f"moved {number}, {what}") as scene:
        worker = scene.start()
        scene.must_arrive(scene.post(), "the first arrives")
        how(scene.state)
        scene.must_arrive(scene.post(), "the one after it arrives")
        said = common.wait_until(lambda: scene.said("state moved"), PATIENCE_S)
        scene.must_arrive(scene.post(5), "more arrive")
        scene.must_live(worker)
        scene.check("it says so, once", len(said) == 1 and what in said[0]["detail"] and
                    said[0]["level"] == "WARN", said)
        scene.check("no second worker gets in", scene.place.work() == 5)
        scene.check("memory is whole, and has them", whole(scene.state) >= 5, whole(scene.state))
        scene.must_arrive(scene.post(), "the next one arrives")


def at_once(report, folder, chosen):
    """Right behind a look, so that the next one is not due when the webhook wakes the worker."""
    with Scene(report, folder, chosen, "moved at once", speed=1) as scene:
        worker = scene.start()
        for _ in range(3):
            scene.must_arrive(scene.post(), "one arrives")
            remove(scene.state / "inbox")
            scene.must_arrive(scene.post(), "the one in another inbox arrives", 5)
        scene.must_live(worker)


def aside(report, folder, chosen):
    """An entry that must be set aside, and no folder to set it into."""
    with Scene(report, folder, chosen, "aside is gone") as scene:
        worker = scene.start()
        scene.must_arrive(scene.post(), "the first arrives")
        remove(scene.state / "inbox" / "aside")
        bad = "0000000000000001.1.00000000,S=3"
        (scene.state / "inbox" / "new" / bad).write_text("xyz", encoding="utf-8")
        scene.must_arrive(scene.post(5), "good ones arrive")
        scene.must_live(worker)
        kept = scene.state / "inbox" / "aside" / bad
        scene.check("it is set aside", common.wait_until(kept.exists, PATIENCE_S),
                    scene.said("worker stalled"))


def stuck(report, folder, chosen):
    """One that cannot be set aside holds up no other."""
    with Scene(report, folder, chosen, "aside takes nothing") as scene:
        worker = scene.start()
        scene.must_arrive(scene.post(), "the first arrives")
        bad = "0000000000000001.1.00000000,S=3"
        (scene.state / "inbox" / "aside" / bad).mkdir()  # no file can be put in its place
        (scene.state / "inbox" / "new" / bad).write_text("xyz", encoding="utf-8")
        scene.must_arrive(scene.post(5), "good ones arrive")
        scene.must_live(worker)
        stalled = common.wait_until(lambda: scene.said("worker stalled"), PATIENCE_S)
        scene.check("it says what cannot be done", stalled and "directory" in stalled[0]["detail"].lower(),
                    stalled)
        (scene.state / "inbox" / "aside" / bad).rmdir()
        kept = scene.state / "inbox" / "aside" / bad
        scene.check("it is set aside at last", common.wait_until(kept.exists, PATIENCE_S))


def state_gone(report, folder, chosen, how):
    """A worker whose folder is gone, with something owed, makes way for another one."""
    with Scene(report, folder, chosen, f"the state folder, {how.__name__}") as scene:
        worker = scene.start()
        scene.must_arrive(scene.post(), "the first arrives")
        scene.status = 503
        scene.post(3)
        common.wait_until(lambda: scene.said("webhook handled", 4), PATIENCE_S)
        old = scene.state.with_name("state.old")
        how(scene.state)
        scene.check("it leaves, and not in order", common.wait_until(lambda: worker.poll() is not None,
                                                                     PATIENCE_S) and
                    worker.returncode == 5, worker.returncode)
        scene.check("it says why", str(scene.state) in str(scene.said("worker left")),
                    scene.said("worker left"))
        if old.exists():
            scene.check("memory went with its folder", whole(old) == 4, whole(old))
        scene.status = 200
        webhooks = scene.post(2)
        another = scene.start()
        scene.must_arrive(webhooks, "another one goes on in the new folder")
        scene.must_live(another)
        if old.exists():
            scene.check("the old one owes what it owed", owed(old) == [3], owed(old))


def two_folders(report, folder, chosen):
    """While the old worker is still there a new one works in a folder of that name, and is killed: what the
    old one leaves behind is not its."""
    with Scene(report, folder, chosen, "two folders of one name") as scene:
        old = scene.start()
        scene.must_arrive(scene.post(), "the first arrives")
        os.kill(old.pid, signal.SIGSTOP)
        move(scene.state)
        webhooks = scene.post(3)
        new = scene.start()
        scene.must_arrive(webhooks, "those in the new folder arrive")
        os.kill(old.pid, signal.SIGCONT)
        scene.check("the old one leaves", common.wait_until(lambda: old.poll() is not None, PATIENCE_S))
        log = scene.state / "memory.sqlite-wal"
        scene.check("the new one's log stays", log.exists())
        webhooks = scene.post(3)
        scene.must_arrive(webhooks, "more arrive")
        new.kill()
        new.wait()
        scene.check("and are known after a kill", whole(scene.state) == 6, whole(scene.state))


def folders(report, folder, chosen):
    for number in range(len(MOVES)):
        moved(report, folder, chosen, number)
    at_once(report, folder, chosen)
    aside(report, folder, chosen)
    stuck(report, folder, chosen)
    for how in (move, remove):
        state_gone(report, folder, chosen, how)
    two_folders(report, folder, chosen)


# ---- the clock

def untried(report, folder, chosen):
    """Two days ahead for some seconds, while twenty wait that were never tried."""
    with Scene(report, folder, chosen, "48 h ahead for a while") as scene:
        scene.status = 503
        scene.start()
        webhooks = scene.post(20)
        common.wait_until(lambda: scene.said("delivery attempt"), PATIENCE_S)
        scene.place.now.step(DAYS_S)
        webhooks += scene.post()  # which wakes it
        common.wait_until(lambda: scene.said("clock stepped"), PATIENCE_S)
        scene.place.now.step(-DAYS_S)
        scene.status = 200
        scene.must_arrive(webhooks, "all arrive")
        scene.check("none is dead", scene.dead() == [], scene.dead()[:3])
        steps = scene.said("clock stepped")
        scene.check("it says so", len(steps) == 2 and
                    ["forwards" in steps[0]["detail"], "backwards" in steps[1]["detail"]] == [True, True],
                    steps)


def silence(report, folder, chosen, by_s, kill):
    """A failure while the clock is wrong, or before it is: the wait is no longer than it was to be."""
    name = f"{by_s / HOUR_S:+.0f} h{', and a new worker' if kill else ''}"
    with Scene(report, folder, chosen, name) as scene:
        worker = scene.start()
        if by_s > 0:
            scene.place.now.step(by_s)
        scene.status = 503
        webhooks = scene.post(2)
        common.wait_until(lambda: scene.said("delivery attempt"), PATIENCE_S)
        if kill:
            worker.kill()
            worker.wait()
        scene.place.now.step(-abs(by_s))
        scene.status = 200
        if kill:
            scene.start()
        scene.must_arrive(webhooks, "all arrive in time", OUTBOX_S / SPEED)
        scene.check("none is dead", scene.dead() == [], scene.dead()[:3])


def asleep(report, folder, chosen):
    """A day and a half passes while no worker is there; all are tried before they die."""
    with Scene(report, folder, chosen, "no worker for a while") as scene:
        scene.status = 503
        worker = scene.start()
        webhooks = scene.post(5)
        common.wait_until(lambda: scene.said("delivery attempt"), PATIENCE_S)
        worker.terminate()
        worker.wait()
        scene.place.now.step(36 * HOUR_S)
        scene.status = 200
        scene.start()
        scene.must_arrive(webhooks, "all arrive")


def forgotten(report, folder, chosen):
    """What came is known for a day, whatever the clock said meanwhile."""
    with Scene(report, folder, chosen, "48 h ahead, and a repeat") as scene:
        scene.start()
        first = scene.post()
        scene.must_arrive(first, "the first arrives")
        scene.place.now.step(DAYS_S)
        scene.must_arrive(scene.post(), "the second arrives")
        scene.place.now.step(-DAYS_S)
        scene.must_arrive(scene.post(), "the third arrives")
        status, _ = scene.place.post(first[0], now=scene.place.now() + 2)
        scene.check("the repeat is kept", status == 200, status)
        scene.must_arrive(scene.post(), "the fourth arrives")
        scene.check("the repeat was known", scene.arrived(first) == [1], scene.arrived(first))


def clock(report, folder, chosen):
    untried(report, folder, chosen)
    for by_s in (HOUR_S, -HOUR_S, -DAYS_S):
        for kill in (False, True):
            silence(report, folder, chosen, by_s, kill)
    asleep(report, folder, chosen)
    forgotten(report, folder, chosen)


PARTS = {"folders": folders, "clock": clock}


def run():
    chosen = common.arguments(__doc__, dynamic=str(common.ROOT / "build" / "clang"))
    report = common.Report(chosen.verbose)
    chosen.dynamic = pathlib.Path(chosen.dynamic).resolve()
    chosen.shims = chosen.dynamic / "tests"
    for name, part in PARTS.items():
        if re.search(chosen.only, name):
            start = time.monotonic()
            with common.Workspace(chosen.keep) as folder:
                part(report, folder, chosen)
            print(f"{name}: {time.monotonic() - start:.1f} s", flush=True)
    return report.close()


if __name__ == "__main__":
    common.main(run)
