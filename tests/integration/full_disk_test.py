#!/usr/bin/env python3
"""Room runs out, whatever of: entries, bytes, blocks or inodes. What was kept is worked off all the same, and
the disk with it.

Each scene has a small tmpfs of its own, in a mount namespace of this test's: needs root, or user namespaces.

usage: full_disk_test.py --build DIR [--dynamic DIR] [--only REGEX] [--keep] [--verbose]
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import common
import disk
import mounts
from cli_worker import of_message
from stage import Arrivals, Stage, Webhook

MODES = ("start", "service")
MANY = 600  # webhooks, more than fit in any scene
DRAINED_S = 60  # the worker tries again after 1, 2, 4 … 30 s
NO_SPACE = ("28", "122")  # ENOSPC, EDQUOT
STRIDE = 4  # over the calls that may fail
PADDING = "x" * 20000  # in no notification


class Bound:
    """What runs out: the options of the tmpfs, what the config says of the inbox, and what makes webhooks, or
    notifications too, large."""

    def __init__(self, reason, options, inbox="", padding="", message=""):
        self.reason, self.options, self.inbox, self.padding, self.message = (
            reason, options, inbox, padding, message)


BOUNDS = {
    "entries": Bound("inbox_full", "size=16m", "inbox: {max_entries: 40}"),
    "bytes": Bound("inbox_full", "size=16m", "inbox: {max_bytes: 1MB}\n", PADDING),
    "blocks": Bound("no_space", "size=3m", "", PADDING),
    "inodes": Bound("no_space", "size=16m,nr_inodes=128"),
}


class Scene:
    """A stage whose disk is a tmpfs, and webhooks that go there until there is no room."""

    def __init__(self, folder, build, arrivals, bound, mode, shims=None):
        self.stage = Stage(folder, build, shims, url=arrivals.url(""), mode=mode)
        self.arrivals, self.bound, self.mode, self.kept, self.number = arrivals, bound, mode, [], 0
        mounts.mount(self.stage.disk, bound.options)
        config = self.stage.config.read_text(encoding="utf-8").replace(
            "state: disk/state\n", f"state: disk/state\n{bound.inbox}\n")
        if bound.inbox.startswith("inbox: {max_bytes"):
            config = config.replace("webhook: {", "webhook: {max_body: 1MB, ", 1)
        self.program = folder / "worker"
        self.config = config
        self.stage.config.write_text(config.replace(f"program: {build}/kitehook", f"program: {self.program}"),
                                     encoding="utf-8")
        common.aged(self.stage.config)

    def close(self):
        if self.mode == "start":
            common.wait_until(lambda: self.ended(), 5)
        mounts.unmount(self.stage.disk)

    def ended(self):
        """True when nobody holds the lock; whoever does is asked to leave."""
        lock = self.stage.disk / "state" / "worker.lock"
        holders = (subprocess.run(["fuser", lock], capture_output=True, text=True, check=False).stdout.split()
                   if shutil.which("fuser") else [])
        for holder in holders:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(holder), signal.SIGTERM)
        return common.worker_is_gone(self.stage.disk)

    def post(self):
        """One more webhook: the status of its answer."""
        self.number += 1
        webhook = Webhook(self.number, env={"PAD": self.bound.padding},
                          message=f"Build {self.number}{self.bound.message}")
        variables = webhook.variables(self.stage.config)
        answer, _, _ = common.run_cgi(self.stage.build / "kitehook.cgi", variables, webhook.body)
        if answer.status == 200:
            self.kept.append(webhook)
        return answer.status

    def fill(self):
        """Webhooks until one is refused: its status."""
        status = 200
        while status == 200 and self.number < MANY:
            status = self.post()
        return status

    @property
    def last_line(self):
        return json.loads(common.whole_text(self.stage.folder / "receiver.log").splitlines()[-1])

    def left(self):
        about = os.statvfs(self.stage.disk)
        return about.f_bavail * about.f_frsize, about.f_favail

    def eat(self, blocks=True, inodes=False, leave=0):
        """Somebody else fills the disk, to the last byte or but for LEAVE bytes, or takes all its inodes."""
        taken = self.stage.disk / "taken"
        taken.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):
            for number in range(10000 if inodes else 0):
                (taken / str(number)).touch()
        if blocks:
            with contextlib.suppress(OSError), open(taken / "filler", "wb", buffering=0) as filler:
                while self.left()[0] > leave:
                    filler.write(bytes(4096))

    def give_back(self):
        shutil.rmtree(self.stage.disk / "taken")

    def is_drained(self):
        wanted = {one for webhook in self.kept for one in webhook.ids}
        return not self.stage.waiting and wanted <= set(self.arrivals.ids)

    def must_drain(self, report, name):
        good = common.wait_until(self.is_drained, DRAINED_S, 0.1)
        came = set(self.arrivals.ids)
        lost = [webhook.number for webhook in self.kept if not set(webhook.ids) <= came]
        return report.check(f"{name}: everything that was kept was worked off", good and self.kept,
                            f"{len(self.stage.waiting)} wait, {len(lost)} of {len(self.kept)} not told, left "
                            f"{self.left()}, "
                            f"{self.worker_says()}")

    def worker_says(self):
        return common.whole_text(self.stage.folder / "worker.log").splitlines()[-1:] or "no line of a worker"

    def let_workers_start(self):
        """From here on receivers can start one."""
        self.program.symlink_to(self.stage.build / "kitehook")


@contextlib.contextmanager
def scene(folder, name, chosen, bound, mode, shims=None):
    with Arrivals() as arrivals:
        opened = Scene(folder / re.sub(r"\W+", "-", name), chosen.dynamic if shims else chosen.build,
                       arrivals, bound, mode, shims)
        try:
            yield opened
        finally:
            opened.close()


@contextlib.contextmanager
def serving(opened):
    worker = opened.stage.worker(traced=False)
    try:
        yield worker
    finally:
        worker.terminate()
        try:
            worker.wait(10)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


# ---- what the issue asks for

def bounds(report, folder, chosen):
    """The bound is reached and the worker dead: one more webhook, which is refused, and all is drained."""
    for kind, bound in BOUNDS.items():
        for mode in MODES:
            name = f"bounds: {kind}, {mode}"
            with scene(folder, name, chosen, bound, mode) as opened:
                status = opened.fill()
                report.check(f"{name}: room ends with 503", status == 503 and len(opened.kept) >= 20,
                             (status, len(opened.kept)))
                report.check(f"{name}: the log says what ran out",
                             opened.last_line.get("reason") == bound.reason, opened.last_line)
                report.check(f"{name}: nobody works", opened.last_line.get("worker") == "absent",
                             opened.last_line)
                with contextlib.ExitStack() as stack:
                    if mode == "service":
                        stack.enter_context(serving(opened))
                    else:
                        opened.let_workers_start()
                        status = opened.post()
                        report.check(f"{name}: one more is refused, and starts a worker",
                                     (status, opened.last_line.get("worker")) == (503, "started"),
                                     (status, opened.last_line))
                    if opened.must_drain(report, name):
                        has_room = common.wait_until(lambda opened=opened: opened.post() == 200, 5, 0.2)
                        report.check(f"{name}: there is room again", has_room, opened.last_line)
                        opened.must_drain(report, f"{name}, room again")


def reserve(report, folder, chosen):
    """Receivers stop while the file system has the reserve left: an eighth of 24 MB here; inodes: an eighth
    of 400."""
    with scene(folder, "reserve of bytes", chosen, Bound("no_space", "size=24m", "", "x" * 200000),
               "service") as opened:
        opened.fill()
        left = opened.left()[0]
        report.check("reserve: an eighth of the bytes is left, and hardly more",
                     3 << 20 <= left < (3 << 20) + 300000, left)
    with scene(folder, "a reserve that is set", chosen,
               Bound("no_space", "size=24m", "inbox: {reserve: 2MB}", "x" * 200000), "service") as opened:
        opened.fill()
        left = opened.left()[0]
        report.check("reserve: as the config says", 2 << 20 <= left < (2 << 20) + 300000, left)
    with scene(folder, "reserve of inodes", chosen, Bound("no_space", "size=24m,nr_inodes=400"),
               "service") as opened:
        opened.fill()
        report.check("reserve: an eighth of the inodes is left", opened.left()[1] == 50, opened.left())
    with scene(folder, "inodes without a bound", chosen, Bound("no_space", "size=24m,nr_inodes=0"),
               "service") as opened:
        report.check("reserve: a file system that counts no inodes has no bound of them",
                     os.statvfs(opened.stage.disk).f_files == 0 and opened.post() == 200, opened.left())


def eaten(report, folder, chosen):
    """Others take the disk to the last byte or inode, the worker's reserve with it: it goes on with what it
    held ready."""
    for what in ("blocks", "inodes"):
        for mode in MODES:
            name = f"eaten: {what}, {mode}"
            with scene(folder, name, chosen, Bound("no_space", "size=8m,nr_inodes=2000"), mode) as opened:
                opened.post()
                opened.stage.work(traced=False)
                for _ in range(150):
                    opened.post()
                opened.eat(blocks=what == "blocks", inodes=what == "inodes")
                report.check(f"{name}: the disk is full", opened.left()[what == "inodes"] == 0, opened.left())
                with contextlib.ExitStack() as stack:
                    if mode == "service":
                        stack.enter_context(serving(opened))
                        report.check(f"{name}: one more is refused", opened.post() == 503, opened.last_line)
                    else:
                        opened.let_workers_start()
                        report.check(f"{name}: one more is refused, and starts a worker",
                                     (opened.post(), opened.last_line.get("worker")) == (503, "started"),
                                     opened.last_line)
                    opened.must_drain(report, name)


def patience(report, folder, chosen):
    """Where nothing helps, as on a disk that was full before the worker's first start, it stays until there
    is room."""
    for mode in MODES:
        name = f"patience: {mode}"
        with scene(folder, name, chosen, Bound("no_space", "size=8m"), mode) as opened:
            for _ in range(5):
                opened.post()
            opened.eat()
            if mode == "start":
                opened.let_workers_start()
                report.check(f"{name}: the one that is refused starts a worker",
                             (opened.post(), opened.last_line.get("worker")) == (503, "started"),
                             opened.last_line)
            with serving(opened) if mode == "service" else contextlib.nullcontext() as worker:
                log = opened.stage.folder / "worker.log"
                stalled = common.wait_until(
                    lambda log=log: common.whole_text(log).count("worker stalled") >= 2, 20, 0.1)
                says = of_message(common.whole_text(log), "worker stalled")
                report.check(f"{name}: it says that it tries again, and why",
                             stalled and {line["reason"] for line in says} == {"no_space"}
                             and all("retry_at" in line for line in says), opened.worker_says())
                report.check(f"{name}: it stays",
                             worker.poll() is None if worker
                             else not common.worker_is_gone(opened.stage.disk))
                status = subprocess.run(
                    [chosen.build / "kitehook", "status", "--config", opened.stage.config],
                    capture_output=True, text=True, check=False)
                report.check(f"{name}: status tells of the room",
                             status.returncode == 1 and "make room" in status.stdout, status)
                opened.give_back()
                opened.must_drain(report, name)
    with scene(folder, "patience: no folder yet", chosen, Bound("no_space", "size=1m,nr_inodes=8"),
               "service") as opened:
        opened.eat(blocks=False, inodes=True)
        with serving(opened) as worker:
            time.sleep(1.5)
            report.check("patience: without its folder it stays, too", worker.poll() is None,
                         worker.returncode)
            worker.terminate()
            report.check("patience: and leaves in order when it is asked to", worker.wait(10) == 0,
                         worker.returncode)


def halving(report, folder, chosen):
    """Less room than one transaction for all that waits needs: it is taken in smaller ones."""
    with scene(folder, "halving", chosen, Bound("no_space", "size=8m"), "service") as opened:
        opened.post()
        opened.stage.work(traced=False)
        for _ in range(200):
            opened.post()
        for spare in (opened.stage.disk / "state").glob("spare.*"):
            spare.unlink()
        opened.eat(leave=200 << 10)
        opened.stage.work(traced=False)
        opened.must_drain(report, "halving")


def grown(report, folder, chosen):
    """What is owed for a webhook is larger than the webhook itself, also while nobody takes it."""
    for mode in MODES:
        with scene(folder, f"grown: {mode}", chosen, Bound("no_space", "size=3m", message=PADDING),
                   mode) as opened:
            opened.fill()
            with serving(opened) if mode == "service" else contextlib.nullcontext():
                if mode == "start":
                    opened.let_workers_start()
                    opened.post()
                opened.must_drain(report, f"grown: {mode}")
    with scene(folder, "grown: away", chosen, Bound("no_space", "size=3m", message=PADDING),
               "service") as opened:
        opened.arrivals.script = lambda path, body: 503
        opened.fill()
        with serving(opened) as worker:
            time.sleep(5)
            before = len(opened.arrivals.ids)
            report.check("grown: nobody takes it, and it stays", worker.poll() is None, worker.returncode)
            report.check("grown: what failed was recorded, and is not sent again and again", 0 < before <= 20,
                         before)
        opened.arrivals.script = None
        subprocess.run(
            [chosen.build / "kitehook", "outbox", "redrive", "--all", "--config", opened.stage.config],
            capture_output=True, check=False)
        with serving(opened):
            opened.must_drain(report, "grown: when somebody takes it again")


def repeats(report, folder, chosen):
    """The disk is full, and no spare is left, when the answer comes: it cannot be recorded."""
    for status in (200, 503):
        with scene(folder, f"repeats: {status}", chosen, Bound("no_space", "size=3m"), "service") as opened:
            def answer(path, body, opened=opened, status=status):
                for spare in (opened.stage.disk / "state").glob("spare.*"):
                    spare.unlink()
                opened.eat()
                return status

            opened.arrivals.script = answer
            opened.post()
            with serving(opened):
                common.wait_until(lambda: opened.arrivals.ids, 10)
                time.sleep(6)  # who forgets sends again after 1, 2 and 4 s; a retry comes after 7.5 s
                came = list(opened.arrivals.ids)
                report.check(f"repeats: {status}: none was sent twice",
                             came and len(came) == len(set(came)), came)
            opened.arrivals.script = None
            opened.give_back()
            opened.stage.work(traced=False)


def faults(report, folder, chosen):
    """A write that fails for want of room, by disk or by quota, costs nothing: the same pass takes all."""
    webhooks, tried, problems = [Webhook(number) for number in range(1, 4)], 0, []
    with Arrivals() as arrivals:
        stage = Stage(folder / "faults", chosen.dynamic, chosen.shims, url=arrivals.url(""))
        for begin, how in enumerate(NO_SPACE, 1):
            for number in range(begin, MANY, STRIDE):
                stage.clean()
                arrivals.ids.clear()
                kept = [stage.post(webhook, traced=False)[0] for webhook in webhooks[:1]]
                first = stage.work(traced=False)
                kept += [stage.post(webhook, traced=False)[0] for webhook in webhooks[1:]]
                code = stage.work(at=number, how=how)
                fault = next((record for record in disk.read_trace(stage.trace) if record.kind == "K"), None)
                if not fault:
                    break
                if fault.two != b"W":
                    continue
                tried += 1
                if ((kept, first, code, stage.waiting) != ([200] * 3, 0, 0, []) or
                    {*arrivals.ids} != {one for webhook in webhooks for one in webhook.ids}):
                    problems.append((how, number, kept, first, code, stage.waiting))
    report.check("faults: enough writes failed to mean something", tried >= 8, tried)
    report.check("faults: no write without room cost anything", not problems, problems[:5])


def waking(report, folder, chosen):
    """Refused webhooks wake or start the worker, at most once a second."""
    with scene(folder, "waking: start", chosen, Bound("inbox_full", "size=8m", "inbox: {max_entries: 2}"),
               "start") as opened:
        started = opened.stage.folder / "started"
        opened.fill()
        opened.program.write_text(f'#!/bin/sh\necho "$$" >> "{started}"\n', encoding="utf-8")
        opened.program.chmod(0o700)
        begun = time.monotonic()
        while time.monotonic() - begun < 3:
            opened.post()
        count, most = (len(started.read_text(encoding="utf-8").split()) if started.exists() else 0,
                       int(time.monotonic() - begun) + 1)
        report.check("waking: a worker that does not live is started again, at most once a second",
                     2 <= count <= most, (count, most))
    with scene(folder, "waking: service", chosen, Bound("inbox_full", "size=8m", "inbox: {max_entries: 2}"),
               "service") as opened:
        opened.fill()
        fifo = os.open(opened.stage.disk / "state" / "worker.wake", os.O_RDWR | os.O_NONBLOCK)
        receiver = opened.stage.receiver(traced=False)
        begun, refused, seen = time.monotonic(), 0, []
        while time.monotonic() - begun < 3:
            webhook = Webhook(1000 + refused)
            refused += (receiver.ask(webhook.variables(opened.stage.config).items(), webhook.body).status ==
                        503)
            seen.append(opened.last_line.get("worker"))
        count, most = 0, int(time.monotonic() - begun) + 1
        with contextlib.suppress(BlockingIOError):
            count = len(os.read(fifo, 4096))
        receiver.close()
        os.close(fifo)
        report.check("waking: kitehook.fcgi wakes it, at most once a second",
                     refused > 10 and 2 <= count <= most, (refused, count, most))
        report.check("waking: the log says when",
                     seen.count("woken") == count and set(seen) == {"woken", None}, set(seen))


def telling(report, folder, chosen):
    """People are told how much room there is, what the reserve is and what to do."""
    with scene(folder, "telling", chosen, Bound("no_space", "size=3m", "", PADDING), "service") as opened:
        def run(*command):
            return subprocess.run([chosen.build / "kitehook", *command, "--config", opened.stage.config],
                                  capture_output=True, text=True, check=False)

        opened.post()
        told = json.loads(run("status", "--json").stdout)["room"]
        left, inodes = opened.left()
        report.check("telling: status --json",
                     told == {"bytes": left, "reserve": 1 << 20, "inodes": inodes, "inode_reserve": 1000,
                              "takes": min(left - (1 << 20), 8 << 20)}, told)
        opened.fill()
        told = json.loads(run("status", "--json").stdout)["room"]
        report.check("telling: status --json, full",
                     told["takes"] == opened.left()[0] - (1 << 20) < len(PADDING) + 2000, told)
        status, check = run("status"), run("check")
        report.check("telling: status, full",
                     re.search(r"^room .*1 MB kept.*inbox\.reserve.*503; make room$", status.stdout, re.M),
                     status.stdout)
        report.check("telling: check, full",
                     check.returncode == 0 and
                     re.search(r"inbox\.reserve: .*503.*make room", check.stdout + check.stderr), check)


PARTS = {"bounds": bounds, "reserve": reserve, "eaten": eaten, "patience": patience, "halving": halving,
         "grown": grown, "repeats": repeats, "faults": faults, "waking": waking, "telling": telling}


def run():
    chosen = common.arguments(__doc__, dynamic=str(common.ROOT / "build" / "clang"))
    report = common.Report(chosen.verbose)
    if not mounts.enter_namespace():
        report.skip("full_disk", mounts.WHY_NOT)
        print("0 passed, 0 failed, 1 skipped")
        return 0
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
