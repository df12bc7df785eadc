#!/usr/bin/env python3
"""`kitehook diff` against workers (diff_run.py): pairs of configurations over the same webhooks, message by
message. And what it says of the journal's span, of mistakes and on a terminal, with no secret at hand, and
beside a worker."""
import json
import sys
import time

from common import Report, Workspace, arguments
from diff_run import ADDRESSES, CONDITIONS, Pair, Place, webhooks, written

RULE = """  - name: all
    webhook: {url: {env: HOOK_A}, secret: {env: SIGNS}}
    events: [build.*, job.*]
"""
ASKS = """  - name: asks-%d
    slack: {url: {env: SLACK_URL}}
    events: build.*
    if: %s
"""
MAIL = """  - name: mail
    email: {to: [author, %s], message: "{{build.message}} {{build.author.name}}"}
    events: build.finished
""" % ADDRESSES[0]
SAYS = """  - name: says
    slack: {url: {env: SLACK_URL}, message: "{{build.branch}} {{build.message}}"}
    events: build.*
"""
HOSTILE = "feature/\x1b[31mred\u202eevil"


def config(*rules):
    return written([]).replace("notify: []\n", "notify:\n" + "".join(rules) if rules else "notify: []\n")


def said(report, about, done, code):
    report.check(f"{about}: exit code {code}", done.returncode == code, (done.returncode, done.stderr[-500:]))
    return done.stdout.decode()


def test_same(report, journal):
    """A rule that nobody knows the outcome of makes no difference where both have it."""
    rules = [RULE] + [ASKS % (number, json.dumps(condition))
                      for number, (condition, asks) in enumerate(CONDITIONS) if asks]
    old = journal.write("old.yml", config(*rules).encode())
    new = journal.write("new.yml", config(*reversed(rules)).encode())
    text = said(report, "the same in another order", journal.run("diff", old, new), 0)
    report.check("nothing differs", "0 messages gained, 0 lost, 0 changed" in text and
                 "not known" not in text, text)
    new = journal.write("new.yml", config(*reversed(rules)).replace(": Mara", ": Ole").encode())
    text = said(report, "other tables", journal.run("diff", old, new), 1)
    report.check("with another table nobody knows", "not known: asks-" in text, text[:500])


def test_since(report, journal, some):
    old = journal.write("old.yml", config().encode())
    new = journal.write("new.yml", config(RULE, MAIL).encode())
    whole = json.loads(said(report, "all", journal.run("diff", old, new, "--json"), 1))
    middle = some[len(some) // 2].received_us
    since_s = int(time.time() - middle / 1e6)
    part = json.loads(said(report, "since", journal.run("diff", old, new, "--json", "--since", f"{since_s}s"),
                           1))
    later = [one for one in whole["differences"] if one["webhook"]["received"] >= part["since"]]
    report.check("only what came since", later and part["differences"] == later,
                 (len(later), len(part["differences"])))
    report.check("it knows the journal's span", part["journal"]["webhooks"] == len(some) and
                 not part["is_short"] and whole["since"] is None, part["journal"])
    text = said(report, "more than there is", journal.run("diff", old, new, "--since", "3000d"), 1)
    report.check("more was asked for", "--since asks for more than it has" in text, text[:300])
    of_mail = sum(one["rule"] == "mail" for one in whole["differences"])
    report.check("each rule's first three", text.count("  webhook ") == 6 and
                 f"and {whole['gained'] - of_mail - 3} more" in text and f"and {of_mail - 3} more" in text,
                 text[-1500:])
    report.check("no address is in it", of_mail and not any(
        address in text + json.dumps(whole) for address in ADDRESSES))
    mailed = {one["destination"] for one in whole["differences"] if one["rule"] == "mail"}
    report.check("the author is called so", mailed == {"email author", "email m…@kites.example"}, mailed)


def test_mistakes(report, journal):
    good = journal.write("old.yml", config().encode())
    for about, arguments_, code in (("one file", (good,), 2), ("three", (good, good, good), 2),
                                    ("a duration", (good, good, "--since", "soon"), 2),
                                    ("a file that is not there", (good, "/nowhere.yml"), 3)):
        said(report, about, journal.run("diff", *arguments_), code)
    broken = journal.write("new.yml", config(RULE, "    if: build.nonsense ==\n").encode())
    said(report, "a rule that is broken", journal.run("diff", good, broken), 3)


def test_no_secrets(report, folder, program):
    """Neither the environment nor the webhook's secrets are read; where nothing was kept nothing differs."""
    place = Place(folder / "bare", program, config())
    for name in ("env", "webhook-secret", "webhook-token"):
        (place.folder / name).unlink()
    text = said(report, "no secrets, no journal", place.run(
        "diff", place.config, place.write("new.yml", config(RULE).encode())), 0)
    report.check("it says so", "the journal is empty" in text, text)


def test_terminal(report, folder, program, some):
    """What a stranger wrote is not obeyed."""
    place = Place(folder / "hostile", program, config())
    webhook = next(one for one in some if one.event == "build.finished")
    body = json.loads(webhook.raw)
    body["build"]["branch"] = body["build"]["message"] = HOSTILE
    webhook.raw = json.dumps(body).encode()
    place.work([webhook])
    new = place.write("new.yml", config(SAYS, RULE).encode())
    text = said(report, "hostile", place.run("diff", place.config, new), 1)
    report.check("no control character, no direction", "red" in text and
                 not any(ord(one) < 32 and one != "\n" or one in "\x7f\u202e" for one in text), repr(text))
    shown = said(report, "hostile, replayed", place.run("replay", "1", "--config", new), 0)
    report.check("nor by replay", "red" in shown and
                 not any(ord(one) < 32 and one != "\n" or one in "\x7f\u202e" for one in shown), repr(shown))


def test_beside(report, folder, program, some):
    """While a worker fills the journal."""
    place = Place(folder / "beside", program, config(RULE))
    new = place.write("new.yml", config().encode())
    place.work_once()
    lost = []
    with place.worker() as child:
        for first in range(0, len(some), 50):
            place.keep(some[first:first + 50], first)
            done = place.run("diff", place.config, new, "--json")
            lost.append(json.loads(done.stdout)["lost"] if done.returncode in (0, 1) else done)
        report.check("the worker lives", child.poll() is None, child.returncode)
    report.check("it looks beside a worker", lost == sorted(lost) and lost[-1] > 0, lost)


def run():
    chosen = arguments(__doc__, seed=1, pairs=4, webhooks=350)
    report, program = Report(chosen.verbose), chosen.build / "kitehook"
    with Workspace() as folder:
        some = webhooks(chosen.seed, chosen.webhooks)
        journal = Place(folder / "journal", program, written([]))
        journal.work(some)
        for seed in range(chosen.seed, chosen.seed + chosen.pairs):
            Pair(report, f"pair {seed}", journal, some).go(folder / f"pair-{seed}", seed, catch=True)
        test_same(report, journal)
        test_since(report, journal, some)
        test_mistakes(report, journal)
        test_no_secrets(report, folder, program)
        test_terminal(report, folder, program, some)
        test_beside(report, folder, program, some)
    return report.close()


if __name__ == "__main__":
    sys.exit(run())
