"""An installation that disasters happen to: a small disk, receivers and a worker in a time that can jump,
destinations with moods, and for each kind of disaster what begins and what ends it."""
import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time

import common
import hostile
import kills
import mounts
from hostility import Time
from stage import KEY, Stage, Webhook

DISK = "size=32m,nr_inodes=3000"
ENTRIES, INBOX_BYTES = 300, 1 << 20
OWED, OUTBOX_BYTES = 800, 2 << 20  # each destination has a quarter
CHAT_EVERY = 10       # webhooks, one of them for the destination that takes one a second
TRIES, PAUSE_S = 4, 0.02
BAD_CONFIG, STATE_GONE = 3, 5  # how a worker ends then
JUST_S = 3            # of the world's
STILL_S = 0.4         # of the world's: a half-saved file that stays longer is a configuration

HOOKS = ("steady", "first", "second", "down")  # the first is always well, the last one never
RULES = {**dict.fromkeys(HOOKS, lambda webhook: True),
         "chat": lambda webhook: webhook.number % CHAT_EVERY == 0}
CONFIG = f"""\
webhook: {{{{signature: {{{{file: webhook-secret}}}}, freshness: 1d, max_body: 1MB}}}}
env_file: env
log: receiver.log
state: {{state}}
inbox: {{{{max_entries: {ENTRIES}, max_bytes: {INBOX_BYTES}}}}}
outbox: {{{{max_entries: {OWED}, max_bytes: {OUTBOX_BYTES}}}}}
worker: {{{{mode: {{mode}}, program: worker, log: worker.log, linger: 1s}}}}
notify:
  - include: rules.yml
  - {{{{name: journal, log: {{{{}}}}, events: build.*}}}}
"""
HOOK = "- {{name: {0}, webhook: {{url: {{env: {0}_URL}}, secret: {{env: KEY}}}}}}\n"
CHAT = "- {name: chat, slack: {url: {env: chat_URL}, message: 'Build {{build.number}}'}, branches: chat}\n"
NO_LONGER = {"kitehook.yml": "worker:"}  # what stands before it says where webhooks go

OK = hostile.Behaviour("200", hostile.DELIVERED, 200, text=b"ok")
DOWN = hostile.Behaviour("503", hostile.RETRY, 503)
MOODS = [OK, DOWN, hostile.Behaviour("reset", hostile.RETRY),
         hostile.Behaviour("429 asks 2 s", hostile.RETRY, 429, 2),
         hostile.Behaviour("503 asks 5 s", hostile.RETRY, 503, 5),
         hostile.Behaviour("silent", hostile.RETRY, slow=True)]
PAGE = hostile.Behaviour("page", hostile.RETRY, 200, text=b"<html><body>Please log in</body></html>")


class Place(Stage):
    """ACCOUNT is told of what is sent, answered and killed."""

    def __init__(self, folder, build, mode, speed, account, urls):
        super().__init__(folder, build, build / "tests", mode=mode)
        self.account, self.mode, self.era, self.lost_states = account, mode, 0, []
        self.moved_at = self.saved_at = self.stepped_at = 0
        mounts.mount(self.disk, DISK)
        self.now = Time(folder / "clock", speed)
        self.whole = {"webhook-secret": common.SECRET.decode(), "kitehook.yml": self.config_of("disk/state"),
                      "rules.yml": "".join(map(HOOK.format, HOOKS)) + CHAT,
                      "env": f"KEY={KEY}\n" + "".join(f"{rule}_URL={url}\n" for rule, url in urls.items())}
        for name, text in self.whole.items():
            self.write(name, text)
        # A worker that a receiver starts has no environment: it comes into our time here.
        settings = " ".join(f"'{name}={value}'" for name, value in self.environment().items())
        self.write("worker", f"#!/bin/sh\nexec env {settings} '{build}/kitehook' \"$@\"\n")
        (folder / "worker").chmod(0o700)

    def config_of(self, state):
        return CONFIG.format(state=state, mode=self.mode)

    def write(self, name, text):
        """A file is as old as our time says."""
        super().write(name, text)
        if getattr(self, "now", None):
            os.utime(self.folder / name, (self.now(), self.now()))

    def environment(self, **_):
        return {"LD_PRELOAD": str(self.shims / "libkh_clock.so"), "KH_CLOCK": str(self.folder / "clock")}

    @property
    def state(self):
        return self.disk / "state"

    def state_moves(self):
        self.era += 1
        self.moved_at = time.monotonic()

    def clock_steps(self, seconds):
        self.era += 1
        self.now.step(seconds)
        self.stepped_at = time.monotonic()

    def excuses(self, status):
        """Whether a worker that just ended so had a reason: its state folder had gone, or a half-saved file
        looked as if it had been saved long ago or would be some day."""
        since = time.monotonic() - JUST_S
        return (status == STATE_GONE and self.moved_at > since or
                status == BAD_CONFIG and self.stepped_at > max(since, self.saved_at))

    def worker(self, **_):
        with open(self.folder / "worker.stderr", "ab") as says:
            return subprocess.Popen([self.build / "kitehook", "worker", "--serve", "--config", self.config],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=says,
                                    env={"PATH": os.environ["PATH"], **self.environment()})

    def run(self, *command, config=None):
        return subprocess.run([self.build / "kitehook", *command, "--config", config or self.config],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              timeout=30, env={"PATH": os.environ["PATH"], **self.environment()})

    def close(self):
        for worker in kills.workers_of(self):
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        common.wait_until(lambda: not kills.workers_of(self), 5)
        mounts.unmount(self.disk)


class Various(Webhook):
    """Of many lengths; some for the chat."""

    def __init__(self, number):
        super().__init__(number, (), branch="chat" if number % CHAT_EVERY == 0 else "main",
                         env={"PAD": "x" * (number * 37 % 3000)})


class Sender(kills.Sender):
    """Sends webhooks again while it hears no 200, signed by a clock that is right. One in
    ten receivers is killed meanwhile."""
    KILLED, WEBHOOK = 0.1, Various

    def __init__(self, place, numbers, chance, receiver, pause_s):
        super().__init__(place, numbers, chance, receiver)
        self.pause_s = pause_s

    def send(self, webhook, tries):
        self.stage.account.was_tried(webhook)
        era = self.stage.era
        for again in range(TRIES):
            variables = webhook.variables(self.stage.config, self.stage.now.true() - again)
            variables.pairs += [(name.encode(), value.encode())
                                for name, value in self.stage.environment().items()]
            by = self.by_fastcgi if self.chance.random() < 0.3 else self.by_cgi
            if by(variables, webhook.body):
                self.stage.account.was_kept(webhook)
                break
            # Who heard nothing does not know whether it was kept: where memory or clock are other ones by
            # now, a second try could be a second webhook.
            if self.stage.era != era or self.stop.is_set():
                break
            time.sleep(PAUSE_S)
        self.stop.wait(self.pause_s)


class Receiver:
    """A kitehook.fcgi that is started again when it has died."""

    def __init__(self, place):
        self.place = place
        self.process = place.receiver()

    def kill(self):
        self.process.child.kill()
        self.process.child.wait()
        self.process.start()

    def close(self):
        self.process.close()


class Manager(threading.Thread):
    """Starts a worker whenever there is none, as a service manager does. ENDS: the statuses of those that
    ended, but by a kill or with an excuse."""

    def __init__(self, place):
        super().__init__()
        self.place, self.stop, self.lock, self.ends = place, threading.Event(), threading.Lock(), []
        self.child = None

    def run(self):
        while not self.stop.wait(0.05):
            with self.lock:
                if self.child and self.child.poll() is not None:
                    if not self.place.excuses(self.child.returncode):
                        self.ends.append(self.child.returncode)
                    self.child = None
                self.child = self.child or self.place.worker()

    def kill(self):
        with self.lock:
            if self.child and self.child.poll() is None:
                self.child.kill()
                self.child.wait()
                self.child = None

    def close(self):
        self.stop.set()
        self.join()
        if self.child and self.child.poll() is None:
            self.child.terminate()
            try:
                self.ends.append(self.child.wait(10))
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.ends.append(self.child.wait())


class Gauge(threading.Thread):
    """The most that was in each folder and file."""

    def __init__(self, place):
        super().__init__(daemon=True)
        self.place, self.stop, self.most = place, threading.Event(), {}

    def run(self):
        while not self.stop.wait(0.05):
            with contextlib.suppress(OSError):
                self.look()

    def note(self, name, amount):
        self.most[name] = max(self.most.get(name, 0), amount)

    def look(self):
        entries = list(os.scandir(self.place.state / "inbox" / "new"))
        self.note("entries", len(entries))
        self.note("inbox", sum(one.stat().st_size for one in entries))
        for one in os.scandir(self.place.state):
            if one.is_file():
                self.note(one.name, one.stat().st_size)


class Acts:
    """What begins each kind of disaster; it returns what ends it, or None."""

    def __init__(self, place, manager, receiver):
        self.place, self.manager, self.receiver, self.moved, self.away = place, manager, receiver, 0, []

    def begin(self, disaster):
        return getattr(self, disaster.name.replace(" ", "_"))(disaster)

    # ---- room

    def taken(self):
        folder = self.place.disk / "taken"
        folder.mkdir(exist_ok=True)
        return folder, lambda: shutil.rmtree(folder)

    def disk_full(self, disaster):
        """Others take all but ABOUT bytes."""
        folder, end = self.taken()
        with contextlib.suppress(OSError), open(folder / "filler", "wb", buffering=0) as filler:
            while os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize > disaster.about:
                filler.write(bytes(16384))
            while not disaster.about:
                filler.write(bytes(4096))
        return end

    def inodes_gone(self, _):
        folder, end = self.taken()
        with contextlib.suppress(OSError):
            for number in range(10000):
                (folder / str(number)).touch()
        return end

    # ---- folders

    def other_name(self):
        self.moved += 1
        return self.place.disk / f"moved-{self.moved}"

    def folder_moved(self, disaster):
        """Somebody moves a folder away, and later what it held back."""
        folder, away = self.place.state / disaster.about, self.other_name()
        with contextlib.suppress(OSError):
            folder.rename(away)
        if disaster.about != "inbox/tmp":  # there nothing was kept yet
            self.away.append(away)
        return self.put_back

    def put_back(self):
        """All entries; once more at the end, for who had a folder open may still have put one there."""
        new = self.place.state / "inbox" / "new"
        with contextlib.suppress(OSError):
            new.parent.mkdir(mode=0o700, exist_ok=True)
            new.mkdir(mode=0o700, exist_ok=True)
        for away in self.away:
            for entry in [*away.glob("new/[0-9]*"), *away.glob("[0-9]*")]:
                if not entry.name.endswith(".reason"):
                    with contextlib.suppress(OSError):
                        entry.rename(new / entry.name)

    def state_moved(self, _):
        """The whole state folder goes away and comes back; what was made in its place is worked off later."""
        away = self.other_name()
        self.place.state_moves()
        with contextlib.suppress(FileNotFoundError):
            self.place.state.rename(away)

        def come_back():
            self.place.state_moves()
            if not away.exists():
                return
            while True:
                try:
                    away.rename(self.place.state)
                    return
                except OSError:
                    other = self.other_name()
                    with contextlib.suppress(OSError):
                        self.place.state.rename(other)
                        self.place.lost_states.append(other)
        return come_back

    def damaged_entry(self, disaster):
        name = f"0000000000000001.1.{disaster.chance.getrandbits(32):08x},S=7"
        with contextlib.suppress(OSError):
            (self.place.state / "inbox" / "new" / name).write_bytes(b"damaged")

    # ---- the rest

    def clock_jumps(self, disaster):
        self.place.clock_steps(disaster.about)
        return lambda: self.place.clock_steps(-disaster.about)

    def half_saved(self, disaster):
        """In place: cut somewhere, or between two lines, and whole again after a moment."""
        name, text, since = disaster.about, self.place.whole[disaster.about], time.monotonic()
        least = text.index(NO_LONGER[name]) if name in NO_LONGER else 0
        cut = disaster.chance.randrange(least, len(text))
        if disaster.chance.random() < 0.5:
            cut = max(least, text.rfind("\n", 0, cut) + 1)
        self.place.saved_at = since
        self.place.write(name, text[:cut])

        def whole():
            self.place.write(name, text)
            if time.monotonic() - since > STILL_S:
                self.place.account.excuse(since - 2, time.monotonic() + 2)
        return whole

    def worker_killed(self, _):
        with self.place.account.worker_dies():
            if self.manager:
                self.manager.kill()
                return
            for worker in kills.workers_of(self.place):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)

    def receiver_killed(self, _):
        self.receiver.kill()
