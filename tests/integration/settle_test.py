#!/usr/bin/env python3
"""A configuration that is being written costs nothing: not a notification that is owed, nor one of a webhook
that comes meanwhile.

Files are written as editors, scp and git do it, with their pauses. What must arrive is counted at a catcher.
"""
import json
import os
import pathlib
import signal
import sys
import threading
import time

from catcher import Catcher
from cli_run import main
from cli_worker import drop, entry, ring, waiting, Worker
from common import SECRET, wait_until, webhook

TOP = "webhook: {signature: {file: webhook-secret}}\nenv_file: env\nstate: state\nnotify:\n"
RULE = "  - {{name: {0}, slack: {{url: {{env: {1}}}}}, events: build.*}}\n"
RULES = {name: RULE.format(name, name.upper()) for name in ("a", "b")}
NO_RULES = TOP.replace("notify:\n", "")
CONFIG = TOP + RULES["a"] + RULES["b"]


class Place:
    """A config whose rules a and b send to /a and /b, and a worker that serves."""

    def __init__(self, cli, catcher, text=CONFIG):
        self.cli, self.catcher, self.sent = cli, catcher, 0
        self.config = pathlib.Path(cli.path("kitehook.yml"))
        cli.file("webhook-secret", SECRET)
        cli.file("env", "".join(f"{name}={catcher.url('/' + name.lower())}\n" for name in ("A", "B")))
        cli.file("kitehook.yml", text)

    def serve(self):
        worker = Worker(self.cli, "--serve")
        worker.said("worker started")
        return worker

    def send(self, secret=SECRET):
        self.sent += 1
        name = drop(self.cli.path("state"), entry(webhook(self.sent), secret))
        ring(self.cli.path("state"))
        return name

    def arrived(self, path):
        return len(self.catcher.at(path))

    def both_arrived(self, count, seconds=10):
        return wait_until(lambda: self.arrived("/a") == self.arrived("/b") == count, seconds)

    def append(self, text):
        with open(self.config, "a", encoding="utf-8") as file:
            file.write(text)


# ---- how people write a file; CHANGED is what it says afterwards, in the end; each yields between its steps

def in_halves(place, changed):
    cut = changed.index("  - {name: b")
    place.config.write_text(changed[:cut], encoding="utf-8")
    yield
    yield
    place.append(changed[cut:])


def in_three(place, changed):
    """Cut where it is no YAML."""
    place.config.write_text(changed[:20], encoding="utf-8")
    yield
    place.append(changed[20:70])
    yield
    place.append(changed[70:])


def by_renames(place, changed):
    """vim with backupcopy=no."""
    backup = pathlib.Path(f"{place.config}~")
    os.rename(place.config, backup)
    yield
    place.config.write_text(changed, encoding="utf-8")
    yield
    backup.unlink()


def by_git(place, changed):
    """Rule b moves into an included file, one file after the other."""
    place.config.write_text(TOP + RULES["a"] + "  - include: b.yml\n", encoding="utf-8")
    yield
    place.cli.file("b.yml", changed[changed.index("  - {name: b"):])


def secret_after_config(place, changed):
    """Rule b's variable is missing for a while."""
    env = pathlib.Path(place.cli.path("env")).read_text(encoding="utf-8")
    place.cli.file("env", "\n".join(line for line in env.split("\n") if not line.startswith("B=")))
    yield
    place.cli.file("env", env)
    place.config.write_text(changed, encoding="utf-8")


WAYS = (in_halves, in_three, by_renames, by_git, secret_after_config)


def test_written_bit_by_bit(cli, report):
    """Side by side, since each takes its time."""
    def try_one(way):
        folder = cli.folder / way.__name__
        folder.mkdir()
        one = type(cli)(cli.program, folder)
        one.lines, one.said = [], []
        with Catcher() as catcher:
            place = Place(one, catcher)
            down = [True]
            catcher.script = lambda path, body: 503 if down[0] else 200
            with place.serve() as worker:
                place.send()
                wait_until(lambda: len(catcher.caught) >= 2, 10)
                for _ in way(place, CONFIG + "# changed\n"):
                    place.send()
                    time.sleep(1.4)
                reloaded = worker.said("config reloaded", 15)
                down[0] = False
                place.send()
                place.both_arrived(place.sent, 45)
                report.check(f"{way.__name__}: every webhook, to both",
                             (place.arrived("/a"), place.arrived("/b")) == (place.sent, place.sent),
                             (place.sent, place.arrived("/a"), place.arrived("/b"), worker.text()[-3000:]))
                attempts = worker.lines("delivery attempt")
                report.check(f"{way.__name__}: nothing was given up",
                             attempts and not [one for one in attempts if one["result"] == "dead"], attempts)
                report.check(f"{way.__name__}: taken once, without a complaint",
                             reloaded and len(worker.lines("config reloaded")) == 1 and
                             not worker.lines("config broken"), worker.text()[-2000:])
        cli.lines += one.lines

    threads = [threading.Thread(target=try_one, args=(way,)) for way in WAYS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_emptied_for_long(cli, report):
    """An editor that empties the file first, on a mount that hangs."""
    with Catcher() as catcher:
        place = Place(cli, catcher)
        with place.serve() as worker:
            place.config.write_text("", encoding="utf-8")
            report.check("emptied: told", worker.said("config broken", 10), worker.text())
            place.send()
            report.check("emptied: the rules before count",
                         place.both_arrived(1), worker.text())
            place.config.write_text(NO_RULES, encoding="utf-8")
            report.check("without rules: told", worker.said("config broken", 10, count=2), worker.text())
            place.send()
            report.check("without rules: the rules before count",
                         place.both_arrived(2), worker.text())
            place.config.write_text(CONFIG, encoding="utf-8")
            report.check("written: it counts", worker.said("config reloaded", 10), worker.text())
            report.check("each is told once", len(worker.lines("config broken")) == 2, worker.text())


def test_hangup(cli, report):
    with Catcher() as catcher:
        place = Place(cli, catcher)
        with place.serve() as worker:
            for count, rules in enumerate((RULES["a"], RULES["b"], ""), 1):
                place.config.write_text(TOP + rules if rules else NO_RULES, encoding="utf-8")
                worker.child.send_signal(signal.SIGHUP)
                report.check(f"SIGHUP {count}: what is there counts at once",
                             worker.said("config reloaded", 1.5, count), worker.text())
                place.send()
                wait_until(lambda: waiting(cli.path("state")) == [], 5)
            place.both_arrived(1, 5)
            report.check("SIGHUP: each webhook goes by the rules of its time",
                         (place.arrived("/a"), place.arrived("/b")) == (1, 1), worker.text())


def test_a_young_file_at_the_start(cli, report):
    with Catcher() as catcher:
        place = Place(cli, catcher)
        place.send()
        cut = CONFIG.index("  - {name: b")
        place.config.write_text(CONFIG[:cut], encoding="utf-8")
        with Worker(cli, "--serve") as worker:
            time.sleep(1.2)
            place.append(CONFIG[cut:])
            report.check("start: half a file is waited for", place.both_arrived(1, 15), worker.text())
        place.config.write_text(TOP + "  - teams: {}\n", encoding="utf-8")
        with Worker(cli) as worker:
            time.sleep(1)
            place.config.write_text(CONFIG, encoding="utf-8")
            report.check("start: a mistake that is mended at once is none", worker.said("worker started") and
                         not worker.lines("config broken"), worker.text())
        place.config.write_text(CONFIG, encoding="utf-8")
        place.send()
        with Worker(cli, "--serve") as worker:
            time.sleep(0.7)
            worker.child.send_signal(signal.SIGTERM)
            report.check("start: a signal ends the wait", worker.left(10) == 0 and
                         len(waiting(cli.path("state"))) == 1, worker.text())


def test_never_left_alone(cli, report):
    """Webhooks wait for it, but not for ever."""
    with Catcher() as catcher:
        place = Place(cli, catcher)
        stop = threading.Event()

        def scribble():
            number = 0
            while not stop.wait(0.5):
                number += 1
                place.config.write_text(CONFIG + "#" * number + "\n", encoding="utf-8")

        with place.serve() as worker:
            writer = threading.Thread(target=scribble)
            writer.start()
            try:
                time.sleep(2)
                place.send()
                report.check("restless: the webhook is handled by the rules before",
                             place.both_arrived(1, 20) and
                             not worker.lines("config reloaded"), worker.text())
                told = worker.said("config restless", 5) and worker.lines("config restless")
                report.check("restless: told, with the file", told and str(place.config) in told[0]["detail"],
                             worker.text())
                time.sleep(2.5)
                report.check("restless: told once", len(worker.lines("config restless")) == 1, worker.text())
            finally:
                stop.set()
                writer.join()
            report.check("restless: left alone, it counts", worker.said("config reloaded", 10), worker.text())


def test_a_rule_that_is_gone(cli, report):
    with Catcher() as catcher:
        place = Place(cli, catcher)
        down = [True]
        catcher.script = lambda path, body: 503 if down[0] else 200
        with place.serve() as worker:
            for _ in range(5):
                place.send()
            wait_until(lambda: len(worker.lines("webhook handled")) == 5, 10)
            place.config.write_text(TOP + RULES["a"], encoding="utf-8")
            report.check("gone: the configuration counts", worker.said("config reloaded", 15), worker.text())

            def waits():
                done = cli.run("outbox", "list", "--config", str(place.config), "--json",
                               "--destination", "slack env:B")
                found = json.loads(done.out)["deliveries"]
                explained = [one for one in found if one["state"] == "waiting" and
                             "no rule" in (one["reason"] or "")]
                return explained if len(explained) == 5 else None

            found = wait_until(waits, 20)
            report.check("gone: its deliveries wait, and the outbox says why", found,
                         cli.run("outbox", "list", "--config", str(place.config)))
            said = found and cli.run("outbox", "show", "--config", str(place.config), found[0]["id"]).out
            report.check("gone: so for one of them", said and "no rule of `notify` sends there" in said, said)
            said = cli.run("status", "--config", str(place.config)).out
            report.check("gone: so does status", "slack env:B" in said and
                         said.count("no rule sends there any more") == 1, said)
            down[0] = False
            place.config.write_text(CONFIG, encoding="utf-8")
            report.check("gone: brought back, they are delivered",
                         wait_until(lambda: place.arrived("/b") == 5, 15), worker.text()[-3000:])


def test_a_secret_that_rules_wait_for(cli, report):
    """A receiver goes by a new secret at once; what it kept by that is no forgery to the worker."""
    other = b"planted-other-secret"
    with Catcher() as catcher:
        place = Place(cli, catcher)
        with place.serve() as worker:
            place.send()
            place.both_arrived(1)
            cli.file("webhook-secret", other)
            place.send(other)
            place.send()  # a receiver may have proven it a moment ago
            report.check("secret: those of the new one and of the old one",
                         place.both_arrived(3) and waiting(cli.path("state"), "aside") == [], worker.text())
            report.check("secret: it counts", worker.said("config reloaded"), worker.text())
            cli.file("webhook-secret", SECRET)
            place.config.write_text(TOP + "  - teams: {}\n", encoding="utf-8")
            report.check("secret: beside a broken rule", worker.said("config broken"), worker.text())
            place.send()
            report.check("secret: it counts all the same",
                         place.both_arrived(4) and waiting(cli.path("state"), "aside") == [], worker.text())
            place.send(b"planted-never-a-secret")
            report.check("secret: a forgery is one",
                         wait_until(lambda: len(waiting(cli.path("state"), "aside")) == 1, 10), worker.text())


def test_a_credential_that_is_gone(cli, report):
    """Whoever works goes on by the one that was read; nobody starts without, and all is kept."""
    with Catcher() as catcher:
        place = Place(cli, catcher)
        env = pathlib.Path(cli.path("env")).read_text(encoding="utf-8")
        with place.serve() as worker:
            cli.file("env", env.replace("B=", "#B="))
            report.check("credential: told", worker.said("config broken", 10), worker.text())
            place.send()
            report.check("credential: the one before is used", place.both_arrived(1), worker.text())
            said = cli.run("status", "--config", str(place.config)).out
            report.check("credential: status does not call the worker's broken", "broken" not in said, said)
        place.send()
        with Worker(cli) as worker:
            report.check("credential: nobody starts", worker.left() == 3, worker.text())
        said = cli.run("status", "--config", str(place.config)).out
        report.check("credential: status says why", "is broken, so no worker can start" in said and
                     "B is set neither in `env_file` nor" in said and "1 waiting" in said, said)
        cli.file("env", env)
        with place.serve() as worker:
            report.check("credential: brought back, all is delivered", place.both_arrived(2), worker.text())


TESTS = [test_written_bit_by_bit, test_emptied_for_long, test_hangup, test_a_young_file_at_the_start,
         test_never_left_alone, test_a_rule_that_is_gone,
         test_a_secret_that_rules_wait_for, test_a_credential_that_is_gone]

if __name__ == "__main__":
    sys.exit(main(__doc__, TESTS))
