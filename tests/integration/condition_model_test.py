#!/usr/bin/env python3
"""The conditional language against a second implementation of it (tests/model/condition_model.py): every
vector, and random ones."""
import json
import random
import subprocess
import sys

from common import ROOT, Report, Workspace, arguments

sys.path.insert(0, str(ROOT / "tests"))
from model.condition_model import answer, branch_matches  # noqa: E402
from model.compare import Comparison, compare  # noqa: E402
from model.generate import Generator  # noqa: E402
from model.names import ConditionError  # noqa: E402

VECTORS = ROOT / "tests" / "vectors" / "conditions.jsonl"
KINDS = ["true", "false", "valid", "error parse", "error validation", "error result", "error evaluation"]


def check_vectors(report):
    """The model says what the vectors say, so that it is worth comparing with."""
    unsaid = 0
    lines = VECTORS.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        vector = json.loads(line)
        expected = {True: "true", False: "false"}.get(vector["expect"], vector["expect"])
        ours = answer(vector)
        if ours is None:
            unsaid += 1
        else:
            report.check(f"the model, vector {number}", ours == expected,
                         f"says {ours}, not {expected}: {vector['expression'][:200]}")
    report.check("the model has an opinion about the vectors", unsaid * 20 < len(lines),
                 f"none about {unsaid} of {len(lines)}")


def check_random(report, kitehook, seed, count):
    generator = Generator(random.Random(seed))
    found = Comparison()
    found.merge(compare(kitehook, [generator.question() for _ in range(count)]))
    for difference in found.differences:
        report.check("a random condition", False, difference)
    report.passed += found.agreed
    report.check("the model has an opinion about random conditions", found.unsaid * 20 < count,
                 f"none about {found.unsaid} of {count}")
    for kind in KINDS:
        report.check(f"random conditions reach: {kind}", found.kinds.get(kind, 0) * 200 > count, found.kinds)


# Section 15: the filter, a branch, whether it matches; None: refused when it is loaded.
BRANCHES = [
    ("", "any/thing", True), ("   ", "x", True), ("*", "a/b/c", True), ("trunk", "trunk2", False),
    ("trunk", "Trunk", False),
    ("  dev\t", "dev", True), ("team/*", "team/", True), ("team/*", "team", False), ("*-rc", "-rc", True),
    ("a*b*c", "a--c--b", False),
    ("!trunk", "dev", True), ("!rel/old-* rel/*", "rel/old-1", False), ("rel/* !rel/old-*", "trunk", False),
    ("a.c", "abc", False),
    ("v[0-9]", "v1", False), ("!", "x", None), ("!!x", "x", None), ("a!b", "a!b", True),
]


def check_branches(report):
    """The model of branch patterns; tests/rules/branches_test.c has the same table for ours."""
    for text, branch, expected in BRANCHES:
        try:
            says = branch_matches(text, branch)
        except ConditionError:
            says = None
        report.check(f"the model, branches {text!r} and {branch!r}", says == expected, says)


def check_random_branches(report, kitehook, folder, seed):
    """Random patterns, each in a rule of its own, and random branches: `explain` against the model."""
    choose = random.Random(seed)
    letters = ["a", "b", "a/", "*", "*", "!", ".", "\u00e9", "?", "["]

    def text(longest):
        return "".join(choose.choice(letters) for _ in range(choose.randrange(1, longest)))

    filters = []
    while len(filters) < 150:
        patterns = (choose.choice(["", " "]) +
                    choose.choice([" ", "  "]).join(choose.choice(["", "", "!"]) + text(5)
                                                    for _ in range(choose.randrange(1, 4))))
        try:
            branch_matches(patterns, "a")
            filters.append(patterns)
        except ConditionError:
            continue  # not to be loaded
    config = folder / "kitehook.yml"
    config.write_text("webhook: {signature: {file: s}}\nstate: state\nnotify:\n" + "".join(
        f"  - log:\n    branches: {json.dumps(patterns)}\n" for patterns in filters), encoding="utf-8")
    good = matched = 0
    for branch in [text(6).replace("*", "b") for _ in range(40)]:
        body = folder / "body.json"
        body.write_text(json.dumps({"event": "build.finished", "build": {"branch": branch}, "pipeline": {}}),
                        encoding="utf-8")
        done = subprocess.run([str(kitehook), "explain", "--json", "--config", str(config), str(body)],
                              capture_output=True, timeout=60, check=False)
        for patterns, rule in zip(filters, json.loads(done.stdout)["rules"], strict=True):
            expected = branch_matches(patterns, branch)
            matched += expected
            if rule["branches"]["matches"] == expected:
                good += 1
            else:
                report.check("random branches", False,
                             f"{patterns!r} and {branch!r}: the model says {expected}")
    report.passed += good
    report.check("random branches match and do not match", good // 20 < matched < good - good // 20,
                 f"{matched} of {good}")


def main():
    chosen = arguments(__doc__, seed=1, count=40000)
    report = Report(chosen.verbose)
    check_vectors(report)
    check_branches(report)
    with Workspace() as folder:
        check_random_branches(report, chosen.build / "kitehook", folder, chosen.seed)
    check_random(report, chosen.build / "kitehook", chosen.seed, chosen.count)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
