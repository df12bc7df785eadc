"""kill -9 at random: receivers of both kinds and workers die while webhooks come in."""
import collections
import os
import pathlib
import signal
import sqlite3
import subprocess
import threading
import time

from stage import LATER_S, Arrivals, Stage, Webhook

PATIENCE = 40  # tries for one webhook
PARALLEL = 16  # notifications that may be under way when a worker dies
KEPT = b'"kept":true'


class Sender(threading.Thread):
    """Sends one webhook after the other; every second until it was answered 200, each time signed anew, the
    others once."""
    KILLED = 0.7  # of all kitehook.cgi
    WEBHOOK = Webhook

    def __init__(self, stage, numbers, chance, receiver):
        super().__init__()
        self.stage, self.numbers, self.chance, self.receiver = stage, numbers, chance, receiver
        self.stop, self.kept, self.tried, self.kills, self.problem = threading.Event(), [], [], 0, None

    def run(self):
        try:
            for number in self.numbers:
                if self.stop.is_set():
                    return
                self.send(self.WEBHOOK(number), PATIENCE if number % 2 else 1)
        except Exception as problem:  # what stops a thread must stop the test
            self.problem = problem

    def send(self, webhook, tries):
        self.tried.append(webhook)
        for again in range(tries):
            by = self.by_fastcgi if self.chance.random() < 0.3 else self.by_cgi
            if by(webhook.variables(self.stage.config, time.time() - again), webhook.body):
                self.kept.append(webhook)
                return

    def by_cgi(self, variables, body):
        child = subprocess.Popen([self.stage.build / "kitehook.cgi"], env=variables, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        with child:
            try:
                child.stdin.write(body)
                child.stdin.close()
            except OSError:
                pass
            if self.chance.random() < self.KILLED:
                time.sleep(self.chance.random() * self.chance.choice((0.0005, 0.001, 0.004)))
                self.kills += child.poll() is None
                child.kill()
            answer = child.stdout.read()
        return answer.startswith(b"Status: 200") and KEPT in answer

    def by_fastcgi(self, variables, body):
        try:
            answer = self.receiver.process.ask(variables.items(), body)
        except OSError:
            return False
        return answer.status == 200 and KEPT in answer.body


class Receiver(threading.Thread):
    """A kitehook.fcgi that lives for some milliseconds, again and again."""

    def __init__(self, stage, chance):
        super().__init__()
        self.stage, self.chance, self.stop, self.kills = stage, chance, threading.Event(), 0
        self.folder = pathlib.Path(stage.folder)
        self.process = self.start_one()

    def start_one(self):
        (self.folder / "fcgi.sock").unlink(missing_ok=True)
        return self.stage.receiver(traced=False)

    def run(self):
        while not self.stop.is_set():
            time.sleep(self.chance.random() * 0.05)
            self.kills += self.process.child.poll() is None
            self.process.close()
            self.process = self.start_one()


def workers_of(stage):
    """The workers that receivers started for this stage, by their command line."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[1:2] == [b"worker"] and str(stage.config).encode() in words:
            found.append(int(process.name))
    return found


def kill_own(stage, chance):
    worker = stage.worker(traced=False)
    time.sleep(chance.choice((0.01, 0.03, 0.1)) * chance.random())
    alive = worker.poll() is None
    worker.kill()
    worker.wait()
    return alive


def kill_started(stage, chance):
    time.sleep(chance.random() * 0.03)
    killed = 0
    for worker in workers_of(stage):
        try:
            os.kill(worker, signal.SIGKILL)
            killed += 1
        except ProcessLookupError:
            pass
    return killed


def finish(stage):
    """Workers come back until nothing is owed any more. One that a receiver started may still wait for a
    second try."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for worker in workers_of(stage):
            os.kill(worker, signal.SIGTERM)
        if stage.work(ahead_s=LATER_S) == 0:
            return True
        time.sleep(0.1)
    return False


def season(report, folder, chosen, mode, kills, first):
    """KILLS kills, a third of them of workers at least."""
    chance, name = chosen.random, f"kills, worker: {mode}"
    with Arrivals(lambda path, body: 503 if chance.random() < 0.03 else 200) as arrivals:
        stage = Stage(folder / mode, chosen.build, chosen.shims, url=arrivals.url(""), mode=mode)
        receiver = Receiver(stage, chance)
        senders = [Sender(stage, range(first + lane, first + 10 ** 6, 2), chance, receiver)
                   for lane in range(2)]
        for thread in (receiver, *senders):
            thread.start()
        dead, end = 0, time.monotonic() + chosen.seconds
        while (time.monotonic() < end and
               (dead < kills // 3 or dead + receiver.kills + sum(one.kills for one in senders) < kills)):
            dead += (kill_own if mode == "service" else kill_started)(stage, chance)
        for thread in (*senders, receiver):
            thread.stop.set()
            thread.join()
        receiver.process.close()
        arrivals.script = None  # from here on all is well
        done = finish(stage)
        ids = list(arrivals.ids)
    counts = {"worker": dead, "kitehook.fcgi": receiver.kills,
              "kitehook.cgi": sum(one.kills for one in senders)}
    kept, tried = [[one for sender in senders for one in getattr(sender, what)] for what in ("kept", "tried")]
    wanted, known = ({one for webhook in some for one in webhook.ids} for some in (kept, tried))
    came = collections.Counter(ids)
    print(f"{name}: {sum(counts.values())} kills {counts}, {len(tried)} webhooks, {len(kept)} answered 200, "
          f"{len(ids)} notifications, {len(ids) - len(came)} of them again")
    report.check(f"{name}: enough kills to mean something",
                 sum(counts.values()) >= kills and min(counts.values()) >= kills // 10, counts)
    report.check(f"{name}: senders went on", not any(one.problem for one in senders),
                 [one.problem for one in senders])
    report.check(f"{name}: in the end nothing waits", done and not stage.waiting, stage.waiting[:5])
    report.check(f"{name}: nothing that was answered 200 is lost", kept and not wanted - set(came),
                 f"{len(wanted - set(came))} of {len(wanted)}")
    report.check(f"{name}: nothing has an id of its own making", not set(came) - known,
                 list(set(came) - known)[:5])
    failed = sum(one.status != 200 for one in arrivals.caught)
    report.check(f"{name}: sent again only what a kill or a failure made necessary",
                 len(ids) - len(came) <= dead * PARALLEL + failed, (len(ids) - len(came), dead, failed))
    spoken = set(stage.spoken())
    report.check(f"{name}: the log was told of all of them",
                 not {int(one.request_id[2:]) for one in kept} - spoken, len(spoken))
    with sqlite3.connect(stage.disk / "state" / "memory.sqlite") as memory:
        report.check(f"{name}: memory is sound",
                     memory.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    memory.close()


def kills(report, folder, chosen):
    season(report, folder, chosen, "service", chosen.kills // 2, 1)
    season(report, folder, chosen, "start", chosen.kills - chosen.kills // 2, 10 ** 6)


