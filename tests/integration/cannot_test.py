#!/usr/bin/env python3
"""`kitehook check` and rules that can never match, or always do.

usage: cannot_test.py --build DIR [--seed N] [--count N]

Tables (cannot_rules.py) say what must be warned of and what must not. Beside them are oracles: `git
check-ref-format` for branches, and for random conditions a trial of all values that their names can have, by
the second implementation of the language (tests/model).
"""
import itertools
import json
import pathlib
import random
import subprocess
import sys

import cannot_rules as table
from common import ROOT, Report, Workspace, arguments

sys.path.insert(0, str(ROOT / "tests"))
from model.meaning import Evaluator  # noqa: E402
from model.names import World  # noqa: E402
from model.syntax import parse  # noqa: E402

HEAD = "webhook: {signature: {file: secret}}\nstate: state\nworker: service\nnotify:\n"
AT_ONCE = 40  # rules of one file: no more warnings are kept than fifty


class Check:
    """`kitehook check`, in a folder of its own."""

    def __init__(self, build, folder):
        self.kitehook, self.folder = build / "kitehook", folder
        for name, text in (("secret", "0123456789abcdef\n"), ("hook", "https://hooks.example/services/x\n")):
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)

    def one(self, rules):
        """[(line of RULES from 0, column from 0, text)] of what is said of `notify`."""
        path = self.folder / "kitehook.yml"
        path.write_text(HEAD + rules, encoding="utf-8")
        done = subprocess.run([self.kitehook, "check", "--json", "--config", path], capture_output=True)
        answer = json.loads(done.stdout)
        if answer["more"]:
            raise ValueError("too many rules for one file")
        first = HEAD.count("\n") + 1
        return [(one["line"] - first, one["column"] - 1, one["severity"], one["message"])
                for one in answer["mistakes"] if one["line"] >= first]

    def each(self, rules):
        """What is said of each of RULES: [[(line of it, column, severity, message)]]."""
        said = []
        for begin in range(0, len(rules), AT_ONCE):
            some = rules[begin:begin + AT_ONCE]
            ends = list(itertools.accumulate(rule.count("\n") for rule in some))
            found = [[] for _ in some]
            for line, column, severity, message in self.one("".join(some)):
                index = next(i for i, end in enumerate(ends) if line < end)
                found[index].append((line - (ends[index - 1] if index else 0), column, severity, message))
            said += found
        return said


def check_faults(report, check, kind, faults, least=6):
    rules = [fault[0] for fault in faults]
    told = 0
    for (rule, pointed, words), said in zip(faults, check.each(rules)):
        if words is None:
            report.check(f"{kind}: nothing of {rule!r}", not said, said)
            continue
        lines = rule.splitlines()
        told += report.check(
            f"{kind}: {rule!r}",
            len(said) == 1 and said[0][2] == "warning" and words in said[0][3] and
            lines[said[0][0]][said[0][1]:].startswith(pointed), said)
    report.check(f"{kind}: {least} at least", told >= least, told)


def check_patterns(report, check, key, kind, faults):
    rules = [(table.patterns(key, text), (more or [text])[0], words)
             for text, *more, words in faults]
    check_faults(report, check, kind, rules)


def check_valid(report, check):
    rules = table.valid()
    report.check("valid rules: three hundred", len(set(rules)) >= 300, len(set(rules)))
    for rule, said in zip(rules, check.each(rules)):
        report.check(f"nothing to warn of in {rule!r}", not said, said)


# ---- git

def git_allows(branch):
    if any(byte < 0x20 for byte in branch.encode()):
        return False
    done = subprocess.run(["git", "check-ref-format", "--branch", branch], capture_output=True)
    return done.returncode == 0


def check_git(report, check, chosen):
    """What git refuses is warned of, and nothing else: names without `*`, of odd characters."""
    choose = random.Random(chosen.seed)
    pieces = [*"ab./-@{}~^?[\\x1_#é", ".lock"]
    names = {"".join(choose.choice(pieces) for _ in range(choose.randrange(1, 6)))
             for _ in range(chosen.count)}
    names = sorted(name for name in names if name not in ("@", "HEAD") and "@{-" not in name)
    for name, said in zip(names, check.each([table.patterns("branches", name) for name in names])):
        never = [one for one in said if "never matches" in one[3]]
        report.check(f"git about {name!r}", git_allows(name) == (not never), said)


# ---- all values there are

BUILD_STATES = "creating scheduled running passed failing failed blocked canceling canceled skipped not_run"
SOURCES = "api ui webhook trigger_job schedule pipeline_trigger"
JOB_STATES = "scheduled assigned accepted running passed failed canceled timed_out expired skipped broken"
NOT_AT = {  # build.state, job.state
    "build.finished": ("creating scheduled running failing canceling", ""),
    "build.running": ("creating scheduled passed failing failed skipped not_run", ""),
    "build.failing": ("creating scheduled running passed skipped not_run", ""),
    "job.finished": ("", "scheduled assigned accepted running"),
}
DOMAINS = {  # and one value that nobody knows, and null
    "build.state": BUILD_STATES.split() + ["new"], "build.source": SOURCES.split() + ["new"],
    "job.state": JOB_STATES.split() + ["new"], "build.branch": ["main", "dev", "v1", "v2", "other"],
    "build.tag": ["v1", "v2", "main", "dev", "other"],
    "build.blocked": [True, False], "build.number": [1, 2, 77],
}
LITERALS = {
    "build.state": "started passed failing failed blocked running canceled",
    "build.source": "ui schedule webhook",
    "job.state": "success passed failed running", "build.branch": "main dev", "build.tag": "v1 v2",
}


def values(names, event):
    """Every assignment that can come at EVENT (None: any)."""
    not_build, not_job = (text.split() for text in NOT_AT.get(event, ("", "")))
    domains = [[value for value in DOMAINS[name] + [None]
                if not (name == "build.state" and value in not_build) and
                not (name == "job.state" and value in not_job)] for name in names]
    for chosen in itertools.product(*domains):
        world = dict(zip(names, chosen))
        if world.get("build.blocked") and world.get("build.state", "blocked") != "blocked":
            continue  # such a build is `blocked` (docs/rules.md, what differs)
        yield world


class Part:
    """A piece of a random condition: its text, its parts and where they begin in it."""

    def __init__(self, text, kind, names, parts=()):
        self.text, self.kind, self.names, self.parts = text, kind, names, parts

    def all(self, at=0):
        yield at, self
        for offset, part in self.parts:
            yield from part.all(at + offset)


class Conditions:
    def __init__(self, choose):
        self.choose = choose

    def comparison(self, names):
        name = self.choose.choice(names)
        if name == "build.blocked":
            return Part(name, "name", {name})
        if name == "build.number":
            right = self.choose.choice(["1", "2"])
        else:
            right = f'"{self.choose.choice(LITERALS[name].split())}"'
        if name == "build.tag" and self.choose.random() < 0.2:
            right = '""'
        if name == "build.branch" and self.choose.random() < 0.2:
            return Part('["main", "dev"] includes build.branch', "compare", {name})
        if name == "build.branch" and self.choose.random() < 0.1:
            return Part("build.branch == build.tag", "compare", {name, "build.tag"})
        if self.choose.random() < 0.15:
            right = "null"
        return Part(f"{name} {self.choose.choice(['==', '==', '!='])} {right}", "compare", {name})

    def part(self, names, depth):
        roll = self.choose.random()
        if depth == 0 or roll < 0.2:
            return self.comparison(names)
        if roll < 0.3:
            inner = self.part(names, depth - 1)
            return Part(f"!({inner.text})", "not", inner.names, [(2, inner)])
        if roll < 0.4:
            three = [self.part(names, depth - 1) for _ in range(3)]
            text, parts = "(", []
            for part, behind in zip(three, ") ? (|) : (|)".split("|")):
                parts.append((len(text), part))
                text += part.text + behind
            return Part(text, "choice", set().union(*(part.names for part in three)), parts)
        operator = self.choose.choice([" && ", " || "])
        text, parts = "", []
        for part in (self.part(names, depth - 1), self.part(names, depth - 1)):
            text += (operator if text else "") + "("
            parts.append((len(text), part))
            text += part.text + ")"
        return Part(text, "logic", parts[0][1].names | parts[1][1].names, parts)


def outcomes(part, event=None):
    """The truths that PART can have."""
    tree = parse(part.text.encode(), False)
    return {bool(Evaluator(World(world, [], "extended")).value(tree))
            for world in values(sorted(part.names), event)}


def constants(whole):
    """Of each part that never changes and has none in it that never does: where it begins, and its truth."""
    def find(at, part):
        inside = [one for offset, inner in part.parts for one in find(at + offset, inner)]
        if inside or part.kind == "name":
            return inside
        can = outcomes(part)
        return [(at, at + len(part.text), can == {True})] if len(can) == 1 else []
    return find(0, whole)


def check_constants(report, check, chosen):
    choose = random.Random(chosen.seed + 1)
    conditions = Conditions(choose)
    wholes = []
    while len(wholes) < chosen.count:
        names = choose.sample(["build.state", "build.source", "build.branch", "build.tag", "build.blocked",
                               "build.number"], 2)
        whole = conditions.part(names, 2)
        if whole.kind != "name":
            wholes.append(whole)
    rules = [table.condition(whole.text) for whole in wholes]
    found = 0
    for whole, said in zip(wholes, check.each(rules)):
        want = constants(whole)
        told = [(column - 6, "always true" in text) for _, column, _, text in said]
        good = len(told) == len(want) and all(
            any(begin - 1 <= at < end and truth == says for begin, end, truth in want) for at, says in told)
        found += len(want)
        report.check(f"parts that never change of {whole.text}", good, f"{want}, but: {said}")
    report.check("random conditions have parts that never change", found * 10 > chosen.count, found)


def check_events(report, check, chosen):
    choose = random.Random(chosen.seed + 2)
    conditions = Conditions(choose)
    wholes = []
    while len(wholes) < chosen.count:
        event = choose.choice(sorted(NOT_AT))
        names = choose.sample(["build.state", "build.branch"], 2) if event != "job.finished" else \
            choose.sample(["build.state", "job.state"], 2)
        whole = conditions.part(names, 2)
        if not constants(whole):
            wholes.append((whole, event))
    never = 0
    rules = [table.condition(whole.text, event) for whole, event in wholes]
    for (whole, event), said in zip(wholes, check.each(rules)):
        can = True in outcomes(whole, event)
        never += not can
        report.check(f"{event}: {whole.text}", can == (not said), said)
    report.check("random conditions that an event excludes", never * 50 > chosen.count, never)


def main():
    chosen = arguments(__doc__, seed=20261129, count=150)
    report = Report(chosen.verbose)
    with Workspace(chosen.keep) as folder:
        check = Check(chosen.build, pathlib.Path(folder))
        check_faults(report, check, "events", table.EVENTS)
        check_faults(report, check, "conditions that never change", table.CONSTANTS)
        check_faults(report, check, "values", table.VALUES)
        check_faults(report, check, "comments", table.COMMENTS)
        check_faults(report, check, "comments in messages", table.MESSAGES, least=1)
        check_faults(report, check, "dollars", table.DOLLARS)
        check_patterns(report, check, "branches", "branches that git forbids", table.BRANCHES_NEVER)
        check_patterns(report, check, "branches", "branches that are hardly meant", table.BRANCHES_HARDLY)
        check_patterns(report, check, "branches", "branches that are excluded", table.BRANCHES_EXCLUDED)
        check_patterns(report, check, "pipelines", "slugs", table.SLUGS)
        check_valid(report, check)
        check_git(report, check, chosen)
        check_constants(report, check, chosen)
        check_events(report, check, chosen)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
