#!/usr/bin/env python3
"""Buildkite's own `notify:` blocks, as pipelines have them: pasted into kitehook.yml, and by `import`.

usage: notify_blocks_test.py --build DIR [--only REGEX] [--keep] [--verbose]

A folder of tests/notify_blocks is a case: `pipeline.yml`; `block.yml`, the build's `notify:` as it is pasted;
and `expected.json`: for which of fixtures/events each entry fires, the build's entries first. Those were
judged by Buildkite's documents, as tests/model/notify_model.py is, which has to agree. `services` are the
lines that the block needs where the usual ones do not fit, `refused` has those entries that cannot be
imported, with a word of the reason, `secrets` says how many values stand in the open.
"""
import json
import re
import subprocess
import sys

import yaml

import cli_run
from common import fixtures, ROOT

sys.path.insert(0, str(ROOT / "tests"))
from model.notify_model import entries, Entry, fires  # noqa: E402

CASES = ROOT / "tests" / "notify_blocks"
PIPELINE = "kite-frame"
PLANTED = "planted-secret"
GITHUB = "github: {token: {env: GITHUB_TOKEN}, app: 1, installation: 2, private_key: {env: GITHUB_APP_KEY}}"
KEY = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, text=True, check=True).stdout
# What stands below `services:` for a word, and its shortest entry.
SERVICES = {
    "slack": "slack: {token: {env: SLACK_TOKEN}}",
    "email": "email: {smtp: 'smtps://mail.example.com', from: ci@example.com}",
    "github_commit_status": GITHUB, "github_check": GITHUB,
}
SHORTEST = {
    "slack": '- slack: "#general"', "email": "- email: dev@example.com",
    "webhook": "- webhook: https://hooks.example/x",
    "basecamp_campfire":
        "- basecamp_campfire: https://3.basecamp.com/1/integrations/x/buckets/2/chats/3/lines",
    "pagerduty_change_event": "- pagerduty_change_event: 0123456789abcdef0123456789abcdef",
    "github_commit_status": "- github_commit_status", "github_check": "- github_check",
}
HEAD = "webhook: {signature: {env: WEBHOOK_SECRET}}\nstate: state\n"


class Case:
    def __init__(self, folder):
        self.folder, self.name = folder, folder.name
        self.pipeline = folder / "pipeline.yml"
        block = folder / "block.yml"
        self.block = block.read_text(encoding="utf-8") if block.exists() else None
        self.expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
        self.entries = list(entries(self.pipeline.read_text(encoding="utf-8")))
        self.fires = self.expected["fires"]
        self.refused = {int(place): why for place, why in self.expected.get("refused", {}).items()}


def cases():
    return [Case(folder) for folder in sorted(CASES.iterdir())]


def webhooks():
    """Name: body, of the fixtures that hold one."""
    found = {}
    for fixture in fixtures():
        try:
            body = json.loads(fixture.body)
        except ValueError:
            continue
        if isinstance(body, dict):
            found[fixture.name] = body
    return found


def environment(text):
    """A value for each variable that the configuration TEXT names."""
    return {name: "https://hooks.example/services/x" if name.rstrip("_0123456789").endswith("URL")
            else KEY if name.endswith("_APP_KEY") else "0123456789abcdef0123456789abcdef"
            for name in re.findall(r"env: (\w+)", text)}


def services(words, own=None):
    lines = [own] if own else sorted({SERVICES[word] for word in words if word in SERVICES})
    return "services:\n" + "".join(f"  {line}\n" for line in lines) if lines else ""


def check(cli, text):
    """(exit code, mistakes) of `check`."""
    done = cli.run("check", "--json", "--config", cli.file("kitehook.yml", text), env=environment(text))
    return done.code, [one for one in json.loads(done.out)["mistakes"] if one["severity"] == "error"]


def matches(cli, name):
    """Of each rule in kitehook.yml whether it matches the fixture NAME; None where that is no webhook."""
    done = cli.run("explain", "--config", cli.path("kitehook.yml"), "--json",
                   str(ROOT / "fixtures" / "events" / name))
    return None if done.code == 2 else [rule["matches"] for rule in json.loads(done.out)["rules"]]


# ---- the cases themselves

def test_model(cli, report):
    """A second opinion of what each case expects."""
    bodies = webhooks()
    count, unsaid = 0, 0
    report.check("there are cases", len(cases()) > 60, len(cases()))
    for case in cases():
        report.check(f"{case.name}: as many entries as are judged", len(case.entries) == len(case.fires),
                     f"{len(case.entries)}, {len(case.fires)}")
        for place, entry in enumerate(case.entries):
            said = {name: fires(entry, body) for name, body in bodies.items()}
            wrong = [name for name, answer in said.items() if answer is not None and
                     answer != (name in case.fires[place])]
            count += len(said)
            unsaid += list(said.values()).count(None)
            report.check(f"{case.name}, entry {place}: the model", not wrong, wrong)
    report.check("the model has an opinion", unsaid * 100 < count, f"none about {unsaid} of {count}")
    named = {name for case in cases() for names in case.fires for name in names}
    report.check("expected.json names fixtures", not named - set(bodies), named - set(bodies))


def test_words(cli, report):
    """Each is there in its shortest form."""
    for word, entry in SHORTEST.items():
        code, mistakes = check(cli, HEAD + services([word]) + f"notify:\n  {entry}\n")
        report.check(f"{word} by itself", code == 0, mistakes)


# ---- pasted

def pasted():
    return [case for case in cases() if case.block]


def test_pasted_check(cli, report):
    for case in pasted():
        words = {entry.word for entry in case.entries}
        code, mistakes = check(cli, HEAD + services(words, case.expected.get("services")) + case.block)
        report.check(f"{case.name}: check", code == 0, mistakes)


def test_pasted(cli, report):
    """Those that the usual services fit stand in one file, which is asked once for each fixture."""
    groups = {}
    for case in pasted():
        groups.setdefault(case.expected.get("services"), []).append(case)
    for own, group in groups.items():
        words = {entry.word for case in group for entry in case.entries}
        text = HEAD + services(words, own) + "notify:\n" + "".join(
            case.block.partition("\n")[2] for case in group)
        if not report.check("check of all together", check(cli, text)[0] == 0, check(cli, text)[1]):
            continue
        wanted = [(f"{case.name}, entry {place}", names) for case in group
                  for place, names in enumerate(case.fires)]
        compare(cli, report, "pasted", wanted)


def compare(cli, report, how, wanted):
    """WANTED, (who, names of fixtures) a rule, against what `explain` says of kitehook.yml."""
    wrong = {who: [] for who, _ in wanted}
    for name in webhooks():
        said = matches(cli, name)
        if said is None:
            report.check(f"{name} is no webhook, and nothing fires",
                         not any(name in names for _, names in wanted), "")
            continue
        if not report.check(f"{how}: a rule for each entry", len(said) == len(wanted),
                            f"{len(said)}, {len(wanted)}"):
            return
        for (who, names), matched in zip(wanted, said):
            if matched != (name in names):
                wrong[who].append(("+" if matched else "-") + name)
    for who, names in wrong.items():
        report.check(f"{how}, {who}: fires for just these fixtures", not names, names)


def step_blocks(case):
    """Each `notify:` of a step of CASE as it stands there, at the margin, but for those that refer to
    anchors."""
    lines, found = case.pipeline.read_text(encoding="utf-8").split("\n"), []
    for place, line in enumerate(lines):
        margin = len(line) - len(line.lstrip())
        if not re.match(r" +notify: *$", line):
            continue
        block = []
        for below in lines[place + 1:]:
            if below.strip() and len(below) - len(below.lstrip()) <= margin:
                break
            block.append(below[margin:])
        found.append("\n".join(block).rstrip() + "\n")
    return [block for block in found if not re.search(r"[*&]\w", block)]


def test_steps_pasted(cli, report):
    """What names `step` is for jobs, of any step; the others are a build's: nothing tells them apart."""
    blocks = [(case, block) for case in cases() for block in step_blocks(case)]
    pasted_entries, text = [], ""
    for case, block in blocks:
        written = yaml.safe_load(block)
        for one in written:
            entry = Entry(one, "build", None)
            if "step." in entry.condition:
                entry.level, entry.step, entry.of_any = "step", {}, True
            pasted_entries.append((case, entry))
        indent = len(block) - len(block.lstrip())
        text += "".join("  " + line[indent:] + "\n" for line in block.rstrip().split("\n"))
    of_steps = [entry for _, entry in pasted_entries if entry.of_any]
    report.check("there are such", len(of_steps) > 6 and len(pasted_entries) > len(of_steps) + 6,
                 f"{len(of_steps)} of {len(pasted_entries)}")
    text = HEAD + services({entry.word for _, entry in pasted_entries}) + "notify:\n" + text
    done = cli.run("check", "--json", "--config", cli.file("kitehook.yml", text), env=environment(text))
    said = json.loads(done.out)["mistakes"]
    report.check("check takes all of them", done.code == 0, said)
    report.check("and says of each that it is for jobs",
                 sum("is for jobs" in str(one) for one in said) == len(of_steps), said)
    bodies = webhooks()
    compare(cli, report, "a step's, pasted", [
        (f"{case.name}, {entry.word} if {entry.condition!r}",
         [name for name, body in bodies.items() if fires(entry, body)]) for case, entry in pasted_entries])


# ---- imported

def imported(cli, report, files, name):
    done = cli.run("import", "--pipeline", PIPELINE, *map(str, files))
    report.check(f"{name}: import", done.code in (0, 1), done)
    report.check(f"{name}: nothing that stood in the open is repeated",
                 PLANTED not in done.out + done.err, done)
    return done


def taken(text):
    """(FILE, LINE, whether it was taken over, the comment) of each entry in what `import` printed."""
    return [(file, int(line), ": not taken over: " not in rest, rest)
            for file, line, rest in re.findall(r"^  # (/\S+):(\d+)(.*)$", text, re.M)]


def test_imported_check(cli, report):
    for case in cases():
        done = imported(cli, report, [case.pipeline], case.name)
        told = taken(done.out)
        if not report.check(f"{case.name}: each entry is told", len(told) == len(case.entries), done.out):
            continue
        code, mistakes = check(cli, done.out)
        report.check(f"{case.name}: what import prints passes check", code == 0, mistakes)
        lines = case.pipeline.read_text(encoding="utf-8").split("\n")
        for place, (entry, (_, line, was_taken, comment)) in enumerate(zip(case.entries, told)):
            who = f"{case.name}, entry {place}"
            report.check(f"{who}: taken over", was_taken == (place not in case.refused), comment)
            report.check(f"{who}: why not", place not in case.refused or case.refused[place] in comment,
                         comment)
            report.check(f"{who}: its line", entry.word in "".join(lines[line - 1:line + 1]), comment)
        report.check(f"{case.name}: the exit code",
                     done.code == (0 if all(one[2] for one in told) else 1), done)
        secrets = set(re.findall(r"put into (\w+) what stands in", done.err))
        report.check(f"{case.name}: what is to be put where",
                     len(secrets) == case.expected.get("secrets", 0) and
                     all(f"env: {name}" in done.out for name in secrets), done.err)


def test_imported(cli, report):
    """All of them as the files of one pipeline: the rules behave as the entries do."""
    slugs = {name: body["pipeline"].get("slug") for name, body in webhooks().items()
             if isinstance(body.get("pipeline"), dict)}
    chosen = {str(case.pipeline): case for case in cases()}
    done = imported(cli, report, chosen, "all")
    code, mistakes = check(cli, done.out)
    report.check("what import prints of all passes check", code == 0, mistakes)
    wanted, count = [], {}
    for file, _, was_taken, _ in taken(done.out):
        case, place = chosen[file], count.get(file, 0)
        count[file] = place + 1
        if was_taken:
            wanted.append((f"{case.name}, entry {place}",
                           [name for name in case.fires[place] if slugs.get(name) == PIPELINE]))
    compare(cli, report, "imported", wanted)
    report.check("twice the same", imported(cli, report, chosen, "all").out == done.out, "")


if __name__ == "__main__":
    sys.exit(cli_run.main(__doc__, [test_model, test_words, test_pasted_check, test_pasted, test_steps_pasted,
                                    test_imported_check, test_imported]))
