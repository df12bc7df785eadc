#!/usr/bin/env python3
"""Drives `kitehook import`: whose a pipeline is, what is kept secret, what hostile files make of the output.

usage: import_test.py --build DIR [--only REGEX] [--keep] [--verbose]

What it prints is read by Python's yaml. What its rules match is compared in notify_blocks_test.py.
"""
import itertools
import random
import re
import sys

import yaml

import cli_run
from notify_blocks_test import check

KEYS = ["webhook", "state", "services", "notify"]
BITS = ["- slack: x", "\nnotify:\n  - log:\n", "\n\n...\n---\nstate: /\n", "# ", ": ", "'", '"', "\\",
        "{{", "}}",
        "%", "&a ", "*a", "!!x", "\t", "\r\n", "\x1b[31m", "\u202e", "\u2028", "\x85", "\ufeff",
        "gr\u00f6\u00dfe", "\U0001f680", "|", ">", "[", "]", "{", "}", ",", "?", "-", "~", "//",
        "' || true || step.key == '", "$$x", "\\$"]


def quoted(text):
    """TEXT as a YAML scalar, by JSON, which YAML reads."""
    return yaml.safe_dump(text, default_style='"', width=10**6, allow_unicode=False).strip()


def imported(cli, *arguments, **more):
    done = cli.run("import", *arguments, **more)
    return done, yaml.safe_load(done.out) if done.out else None


# ---- whose it is

SLUGS = [  # file, its text, --pipeline or "", the slug
    ("web.yml", "", "", "web"), ("pipeline.web.yaml", "", "", "web"), ("web/.buildkite/pipeline.yml", "", "",
                                                                       "web"),
    ("Web Store/pipeline.yml", "", "", "web-store"), (".buildkite/deploy.yml", "", "", "deploy"),
    ("web/pipeline.yml", "name: 'Kite & Frame!'\n", "", "kite-frame"),
    ("web/pipeline.yml", "name: x\n", "other", "other"),
    ("a/buildkite/pipeline.json", "", "", "a"), ("web/pipeline.yml", "", "web-* !web-old", "web-* !web-old"),
]


def test_slugs(cli, report):
    for file, text, option, slug in SLUGS:
        cli.file(file, text + "notify:\n  - slack: \"#general\"\n")
        done, _ = imported(cli, *(["--pipeline", option] if option else []), file)
        report.check(f"{file} {option}: of {slug}", f" is of {slug}, by " in done.out, done)
        report.check(f"{file}: its rule", yaml.safe_load(done.out)["notify"][0]["pipelines"] == slug, done)
    cli.file("we\udcffb.yml", "notify:\n  - webhook: https://hooks.example/x\n")
    done, _ = imported(cli, "we\udcffb.yml")
    report.check("a name that is no text", "  # we?b.yml:2" in done.out and " is of we-b, by " in done.out and
                 "HOOK_URL: we?b.yml:2" in done.out, done)
    done, _ = imported(cli, "-", input=b"notify: []\n")
    report.check("standard input has no name",
                 done.code == 2 and "--pipeline" in done.err and not done.out, done)
    done, _ = imported(cli, "--pipeline", "web", "-", input=b"notify: []\n")
    report.check("standard input", done.code == 0, done)


def test_many(cli, report):
    """Files and documents of several pipelines."""
    for name in ("web", "api"):
        cli.file(f"{name}.yml", "steps: []\nnotify:\n  - slack: '#one'\n---\nnotify:\n  - slack: '#two'\n")
    done, _ = imported(cli, "web.yml", "api.yml")
    places = re.findall(r"^  # (\S+?):(\d+)", done.out, re.M)
    report.check("in their order, with file and line", places == [("web.yml", "3"), ("web.yml", "6"),
                                                                  ("api.yml", "3"), ("api.yml", "6")], done)


def test_many_rules(cli, report):
    """As many as one file of rules may have; each of the others is a comment."""
    cli.file("web.yml", "notify:\n" + "  - slack: '#a'\n" * 1003)
    done, said = imported(cli, "web.yml")
    report.check("a thousand rules", len(said["notify"]) == 1000 and check(cli, done.out)[0] == 0, done)
    report.check("and three comments", done.code == 1 and
                 done.out.count("not taken over: kitehook takes 1000 rules at most") == 3, done)


def test_remarks(cli, report):
    cli.file("web.yml", "steps:\n  - command: make\n    parallelism: 2\n    notify:\n      - slack: '#a'\n")
    done, _ = imported(cli, "web.yml")
    report.check("one message there, many here", "  # one message at Buildkite" in done.out, done)
    report.check("a command is a text of the file", "  # it has neither key nor label" in done.out, done)
    cli.file("web.yml", "steps:\n  - key: a\n    notify:\n"
                        "      - {slack: '#a', if: step.state == 'failing'}\n")
    done, _ = imported(cli, "web.yml")
    report.check("what check would warn of", "  # `if`: never true: no webhook has step.state" in done.out,
                 done)


def test_misuse(cli, report):
    cli.file("broken.yml", "notify:\n  - [\n")
    cli.file("large.yml", "notify: [" + "x, " * 30000 + "]\n")
    cli.file("nested.yml", "[" * 100 + "]" * 100)
    for arguments, code, hint in [([], 2, "is missing"), (["--pipeline", "A B", "x.yml"], 2, "--pipeline"),
                                  (["--pipeline", "a" * 2000, "x.yml"], 2, "--pipeline"),
                                  (["none.yml"], 2, "none.yml"), (["broken.yml"], 2, "broken.yml:"),
                                  (["large.yml"], 2, "20000"), (["nested.yml"], 2, "nested too deeply")]:
        done = cli.run("import", *arguments)
        report.check(f"import {arguments}", done.code == code and hint in done.err and not done.out, done)


# ---- what cannot be taken over

REFUSED = [  # an entry of a build, a word of the reason
    ("- log", "no word that may stand alone"), ("- log: {}", "is no word of Buildkite's"),
    ("- {slack: '#a', email: b@example.com}", "two words"), ("- []", "neither a mapping nor a word"),
    ("- {if: 'true'}", "says no word"),
    ("- {slack: '#a', if: build.sttae == 'x'}", "Buildkite refuses its `if`"),
    ("- {slack: '#a', if: build.state == 'started_failing'}", "Buildkite refuses its `if`"),
    ("- {slack: '#a', if: \"step.key == 'x'\"}", "Buildkite refuses its `if`"),
    ("- {slack: '#a', if: event == 'ping'}", "Buildkite refuses its `if`"),
    ("- {slack: '#a', if: [x]}", "its `if` is no text"),
    ("- {slack: '#a', if: 'build.branch == \"$TEAM\"'}", "$TEAM, which only Buildkite's agent knows"),
    ("- {slack: '#a', if: \"build.branch == '$BUILDKITE_BRANCH'\"}", "between single quotes"),
    ("- {slack: '#a', if: 'build.tag =~ /$BUILDKITE_BRANCH/'}", "between slashes"),
    ("- webhook: [https://a.example]", "is no text"), ("- webhook:", "is no text"),
    ("- slack:", "nothing stands"),
    ("- slack: {channels: ['#a'], message: '$ONCALL_EMAIL'}", "$ONCALL_EMAIL"),
    ("- slack: {channels: ['#$TEAM']}", "$TEAM"),
    ("- slack: {colour: red, channels: ['#a']}", "colour"),
]


def test_refused(cli, report):
    """All in one file: each is a comment, and the rest is taken over."""
    for entry, why in REFUSED:
        cli.file("web.yml", f"notify:\n  {entry}\n  - slack: '#last'\n")
        done, said = imported(cli, "web.yml")
        first = re.search(r"^  # web.yml:2: not taken over: (.*)$", done.out, re.M)
        report.check(f"{entry}: {why}", first and why in first.group(1), done)
        report.check(f"{entry}: exit 1, and told", done.code == 1 and "not taken over" in done.err, done)
        report.check(f"{entry}: the other one", len(said["notify"] or []) == 1, done)
    cli.file("web.yml", "notify: {slack: '#a'}\n")
    report.check("no list", "`notify` is no list" in imported(cli, "web.yml")[0].out, "")


# ---- conditions: what Buildkite's agent makes of them

CONDITIONS = [
    (r"build.branch =~ /^main$$/", r"build.branch =~ /^main$/"),
    (r"build.branch =~ /^main\$/", r"build.branch =~ /^main$/"),
    ("build.branch == \"$BUILDKITE_BRANCH\"", "build.branch == \"$BUILDKITE_BRANCH\""),
    ("build.env(\"$$NAME\") == 'x' // costs $5", "build.env(\"$NAME\") == 'x' // costs $5"),
    ("build.message =~ /it\\'s \"/ && build.tag == 'v$$'",
     "build.message =~ /it\\'s \"/ && build.tag == 'v$'"),
    ("\n  build.tag == null\n", "build.tag == null"), ("  ", None), ("", None),
]


def test_conditions(cli, report):
    for text, wanted in CONDITIONS:
        cli.file("web.yml", f"notify:\n  - slack: '#a'\n    if: {quoted(text)}\n")
        done, said = imported(cli, "web.yml")
        report.check(f"{text!r}", done.code == 0 and said["notify"][0].get("if") == wanted, done)
    cli.file("web.yml", "steps:\n  - command: make\n    notify:\n      - slack: '#a'\n"
                        "        if: step.key == null // why not\n")
    done, said = imported(cli, "web.yml")
    report.check("a comment hides no bracket", said["notify"][0]["if"] ==
                 "job.command == 'make' && (step.key == null // why not\n)", done)


# ---- strangers

def hostile(choose):
    return "".join(choose.choice(BITS) for _ in range(choose.randrange(1, 6)))


def test_hostile(cli, report):
    """Labels, keys, commands, channels, messages and conditions that look like YAML, a terminal's commands or
    the condition's end: what is printed has just the rules that it should, and they say what was said."""
    choose = random.Random(20261129)
    for number in range(120):
        texts = [hostile(choose) for _ in range(6)]
        names = ["label", "key", "command"]
        channel = "#" + texts[3] if number % 8 < 4 else "#a"
        step = "".join(f"    {name}: {quoted(text)}\n" for name, text in
                       itertools.islice(zip(names, texts), number % 4))
        cli.file("web.yml", f"steps:\n  - plugins: []\n{step}"
                            f"    notify:\n      - slack: {quoted(channel)}\n"
                            f"notify:\n  - slack: {{channels: ['#a'], message: {quoted('m' + texts[4])}}}\n"
                            f"  - {{webhook: 'https://a.example', {quoted('x' + texts[5])}: y}}\n")
        done, said = imported(cli, "web.yml", "--pipeline", "web")
        who = f"hostile {number}: {texts}"
        if not report.check(who, done.code in (0, 1) and said, done):
            continue
        told = re.findall(r"^  # web\.yml:\d+.*$", done.out, re.M)
        kept = [one for one in told if "not taken over" not in one]
        report.check(f"{who}: each entry is told once", len(told) == 3, done)
        report.check(f"{who}: nothing but the rules", [key for key in said if key not in KEYS] == [] and
                     said["state"] == "/var/lib/kitehook" and len(said["notify"] or []) == len(kept), done)
        report.check(f"{who}: nothing for a terminal",
                     not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\ufeff]", done.out + done.err),
                     done)
        if number % 4 and channel == "#a":
            name = texts[{1: 0, 2: 1, 3: 1}[number % 4]]  # the key, or else the label
            report.check(f"{who}: the step is known", "not taken over" not in told[2] or
                         re.search(r"\{\{|\$[^$\\]*\$|%", name), told[2])
        report.check(f"{who}: passes check", check(cli, done.out)[0] == 0, done)
        for rule in said["notify"] or []:
            condition = rule.get("if", "")
            if "events" in rule:
                report.check(f"{who}: one comparison", re.fullmatch(
                    r"(step\.key|step\.label|job\.command) == '(?:[^'\\]|\\['\\])*'", condition), condition)


def test_secrets(cli, report):
    """URLs and keys stand neither in the output nor in what is said about it, whatever becomes of them."""
    cli.file("web.yml", "notify:\n"
                        "  - webhook: https://hooks.example/planted-secret\n"
                        "  - {webhook: 'https://hooks.example/planted-secret', if: build.nmae == 'x'}\n"
                        "  - webhook: planted-secret\n"
                        "  - pagerduty_change_event: planted-secret\n"
                        "  - basecamp_campfire: {planted-secret: planted-secret}\n"
                        "  - {planted_secret_planted_secret_planted_secret_1: x}\n")
    done, said = imported(cli, "web.yml")
    report.check("nothing secret", "planted" not in done.out + done.err, done)
    report.check("six entries", len(re.findall(r"^  # web.yml:\d", done.out, re.M)) == 6, done)
    report.check("one value has one variable", said["notify"][0]["webhook"] == {"env": "HOOK_URL"} and
                 "put into HOOK_URL what stands in web.yml:2, behind `webhook`" in done.err, done)


if __name__ == "__main__":
    sys.exit(cli_run.main(__doc__, [test_slugs, test_many, test_many_rules, test_remarks, test_misuse,
                                    test_refused, test_conditions, test_hostile, test_secrets]))
