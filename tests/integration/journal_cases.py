"""How each reason of docs/why.md comes about: the page's example of a rule, webhooks, a destination that
answers as its sentence says, and a real worker."""
import json
import re
import sqlite3
import time

from cli_run import Cli
from cli_worker import drop, entry, once, Worker
from common import ROOT, SECRET, wait_until, webhook

PAGE = ROOT / "docs" / "why.md"
COMMIT = "3f9c1a7be2d04c8896a5f00d1b2c3d4e5f607182"
DAY_S = 86400
SERVICES = ("services:\n  slack: { token: { env: TOKEN }, url: { env: API } }\n"
            "  github: { token: { env: TOKEN }, url: { env: API } }\n"
            "  email: { smtp: 'smtp://127.0.0.1:9', from: ci@example.com }\n")
STAGES = {"webhook": "verdict", "rule": "rules", "delivery": "deliveries"}


def table():
    """{word: (stage, what it says, what to do)}, as the page has it."""
    found = {}
    page = PAGE.read_text(encoding="utf-8")
    for stage, rows in re.findall(r"<!-- reasons: (\w+) -->\n(.*?)<!-- end -->", page, re.S):
        for word, says, cure in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", rows, re.M):
            found[word] = stage, says, cure
    return found


def examples():
    """{word: its rule as YAML, or None}, as the page has it."""
    parts = re.split(r"^### `(\w+)`$", PAGE.read_text("utf-8"), flags=re.M)[1:]
    return {word: (re.findall(r"```yaml\n(.*?)```", text, re.S) or [None])[0]
            for word, text in zip(parts[::2], parts[1::2])}


class Case:
    """A state folder of its own, with RULE; CATCHER answers."""

    def __init__(self, cli, name, rule, catcher, top=""):
        folder = cli.folder / name
        folder.mkdir()
        self.cli = Cli(cli.program, folder)
        self.cli.lines, self.cli.said = cli.lines, cli.said
        self.catcher, self.top, self.count = catcher, top, 0
        self.write(rule)

    def write(self, rule):
        rules = "".join(f"  {line}\n" for line in (rule or "- log:").strip().split("\n"))
        self.cli.file("webhook-secret", SECRET)
        self.cli.file("env", f"HOOK={self.catcher.url('/hook')}\nAPI={self.catcher.url('/api')}\n"
                             "TOKEN=planted-1\n")
        self.config = self.cli.file(
            "kitehook.yml", "webhook:\n  signature: { file: webhook-secret }\nenv_file: env\nstate: state\n"
            f"worker: service\n{self.top}{SERVICES}notify:\n{rules}")

    def send(self, number=12, state="failed", event="build.finished", ago=0, body=None, **build):
        """Lies in the inbox then. AGO: of its signature, in seconds."""
        self.count += 1
        made = body or self.body(number, state, event, **build)
        self.content = entry(made, number=self.count, event=event, at=int(time.time()) - ago)
        drop(self.cli.path("state"), self.content)
        return made

    def body(self, number, state, event, repository="git@github.com:acme/web.git", **build):
        made = json.loads(webhook(number, state, "main", event, **{"commit": COMMIT, **build}))
        made["pipeline"]["repository"] = repository
        return json.dumps(made).encode()

    def work(self):
        return once(self.cli)

    def run(self, *arguments):
        return self.cli.run(*arguments, "--config", self.config)

    def change(self, statement, *values):
        """Of what is owed or dead, which no clock waits for here."""
        with sqlite3.connect(f"{self.cli.path('state')}/memory.sqlite") as db:
            db.execute(statement, values)
        db.close()

    def answers(self, status):
        self.catcher.script = lambda *_: (status, {}, b'{"ok":true}' if status == 200 else b"no")


def fresh(case):
    case.send()
    case.work()


def replay(case):
    fresh(case)
    drop(case.cli.path("state"), case.content)
    case.work()


def repeat(case):
    case.send(body=case.send(), ago=5)
    case.work()


def replayed(case):
    fresh(case)
    case.run("replay", "1", "--send")


def aside(case):
    case.send(body=b"{")
    case.work()


def blocked(case):
    case.send(state="passed", blocked=True)
    case.work()


def not_kept(case):
    case.send(env={"DEPLOY": "no"})
    case.work()
    return case.run("replay", "1", "--json")


def said_already(case):
    case.send(11, "passed", ago=60)
    case.send(12, "failing", "build.failing", ago=30)
    case.send(12, "failed")
    case.work()


def superseded(case):
    case.answers(201)
    case.send(ago=1)
    case.send(state="failing", event="build.failing", ago=60)
    case.work()


def not_there(case):
    case.send(repository="git@gitlab.example:acme/web.git")
    case.work()


def answered(status):
    def make(case):
        case.answers(status)
        fresh(case)
    return make


def due(case):
    answered(500)(case)
    case.run("outbox", "redrive", "--state", "waiting")


def under_way(case):
    """Asked while the destination thinks."""
    asked, done = [], []

    def think(*_):
        asked.append(1)
        wait_until(lambda: done, 10)
        return 200, {}, b"ok"

    case.catcher.script = think
    case.send()
    with Worker(case.cli, "--linger", "0") as worker:
        wait_until(lambda: asked, 10)
        case.seen = case.run("show", "1", "--json"), case.run("why", "kite-frame/12")
        done.append(1)
        worker.said("delivery attempt")


def resting(case):
    case.catcher.script = lambda *_: (503, {"Retry-After": "600"}, b"no")
    fresh(case)
    case.send(13)
    case.work()


def rule_changed(case):
    due(case)
    case.write("- log:\n  events: build.running")
    case.work()


def expired(case):
    answered(500)(case)
    case.change("UPDATE deliveries SET expires_us = created_us + 1, not_before_us = 0")
    case.change("UPDATE destinations SET held_until_us = 0")
    case.work()


def outbox_full(case):
    case.answers(500)
    for number in range(12, 16):
        case.send(number)
    case.work()


def replaced(case):
    case.answers(500)
    case.send(state="running", event="build.running", ago=2)
    case.work()
    case.send()
    case.work()


def dropped(case):
    answered(400)(case)
    case.run("outbox", "drop", "--all")


def forgotten(case):
    answered(400)(case)
    case.change("UPDATE deliveries SET dead_us = dead_us - 31 * 86400000000")
    case.work()


def owed_anew(case):
    case.answers(400)
    body = case.send(ago=DAY_S + 3600)
    case.work()
    case.send(body=body)
    case.work()


def owed_before(case):
    case.answers(500)
    body = json.dumps({"event": "ping", "organization": {"slug": "acme-kites"}}).encode()
    case.send(body=body, event="ping", ago=5)
    case.work()
    case.send(body=body, event="ping")
    case.work()


MAKE = {"done": fresh, "replay": replay, "repeat": repeat, "replayed": replayed, "aside": aside,
        "notified": fresh, "not_event": fresh, "build_blocked": blocked, "not_pipeline": fresh,
        "not_branch": fresh, "condition_false": fresh, "undecided": fresh, "not_kept": not_kept,
        "said_already": said_already, "superseded": superseded, "no_place": fresh, "not_there": not_there,
        "delivered": fresh, "due": due, "under_way": under_way,
        "waiting": answered(500), "resting": resting, "refused": answered(404), "rule_changed": rule_changed,
        "dead": answered(400), "expired": expired, "outbox_full": outbox_full, "replaced": replaced,
        "dropped": dropped, "forgotten": forgotten, "owed_anew": owed_anew, "owed_before": owed_before}
# No notifier comes to it; a C test has one that does.
BY_NOBODY = ("not_rendered",)
TOP = {"outbox_full": "outbox: { max_entries: 8 }\n"}
