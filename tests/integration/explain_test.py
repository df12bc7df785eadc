#!/usr/bin/env python3
"""Drives `kitehook explain`, `eval EXPR FILE`, the carets of `check`, and `include` in a worker.

usage: explain_test.py --build DIR [--only REGEX] [--keep] [--verbose]

What explain says is held against what invoke sends, and against the payload as Python reads it; what check
points at against the file itself.
"""
import base64
import json
import os
import re
import sys
import time

import cli_run
from catcher import Catcher
from cli_run import HOOK
from cli_worker import drop, entry, once, ring, STATE, Worker
from common import fixtures, FIXTURES, ROOT, wait_until, webhook

# What a terminal would obey, and what turns the direction of writing.
REFUSED = ("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
           "\U000e0000-\U000e007f]")
FAILED = str(FIXTURES / "events" / "build_finished_failed")
RULES = """\
  - slack: { url: { env: SLACK_WEBHOOK_URL } }
    if: build.state == "failed" && build.branch == pipeline.default_branch
  - log:
    pipelines: "kite-* !kite-tail"
    branches: "!wip/* !hotfix"
  - log:
    events: [job.*, agent.*, ping]
    if: job.exit_status != 0 || event =~ /^agent/
    name: others
  - slack: { url: { env: SLACK_WEBHOOK_URL } }
    if: (build.message =~ /e/i || build.tag != null) && !(build.source == "schedule")
"""


def explained(cli, file, *more, input=b""):
    done = cli.run("explain", "--config", cli.path("kitehook.yml"), "--json", file, *more, input=input)
    answer = json.loads(done.out) if done.code in (0, 1) else {}
    return done, answer, {rule["name"]: rule for rule in answer.get("rules", [])}


def parts(rule):
    return {part["expression"]: part for part in rule["if"]["parts"]}


# ---- explain


def as_slack_shows_it(body):
    """The lines of a message, each link with its URL behind it."""
    shown = ""
    for section in (section for block in body["blocks"] for section in block["elements"]):
        for element in section["elements"]:
            kind = element["type"]
            if kind == "link":
                shown += element["text"]
                shown += f" ({element['url']})" if element["url"] != element["text"] else ""
            elif kind == "emoji":
                shown += f":{element['name']}:"
            elif kind == "text":
                shown += element["text"]
            else:
                mark = "#" if kind == "channel" else "@"
                shown += mark + next(value for key, value in element.items() if key.endswith("_id") or
                                     key == "range")
    return shown.split("\n")


def indented(lines):
    """As a terminal gets them: nothing in them is obeyed."""
    return "\n" + "".join(f"    {re.sub(REFUSED, '?', line)}\n" for line in lines)


def test_words_for_people(cli, report):
    """What is sent as blocks people see as its words, at explain, invoke and outbox show."""
    config = cli.config(top=STATE, url="http://127.0.0.1:9" + HOOK, rules="""\
  - slack: { url: { env: SLACK_WEBHOOK_URL } }
    events: [build.*, job.*, agent.*, ping]
  - slack:
      url: { env: SLACK_WEBHOOK_URL }
      message: "*<{{build.url}}|{{build.number}}>* <https://x.example/> <!here> <@U1> <#C1> <!subteam^S1>"
    events: build.*
  - log: { message: "of {{build.branch}}" }
    events: build.*
  - webhook: { url: { env: SLACK_WEBHOOK_URL }, secret: { file: to-sign } }
    events: build.*
""")
    cli.file("to-sign", base64.b64encode(b"planted-secret-of-32-bytes-length"))
    told = 0
    for fixture in fixtures():
        _, _, rules = explained(cli, str(fixture.folder))
        bodies = {name: rule["delivery"]["body"] for name, rule in rules.items() if rule.get("delivery")}
        for command in ("explain", "invoke"):
            said = cli.run(command, "--config", config, str(fixture.folder)).out if bodies else ""
            if command == "invoke" and fixture.expect["status"] != 200:
                continue
            for name, body in bodies.items():
                lines = (as_slack_shows_it(body) if name.startswith("slack") else
                         [body["text"]] if name == "log-3" else
                         json.dumps(body, indent=2, ensure_ascii=False).split("\n")[:2])
                told += 1
                report.check(f"{command} {fixture.name}: the words of {name}", indented(lines) in said,
                             (lines, said))
    report.check("many messages were seen", told > 200, told)
    drop(cli.path("state"), entry(webhook(1, "failed")))
    once(cli)
    rows = json.loads(cli.run("outbox", "list", "--config", config, "--json").out)["deliveries"]
    for row in rows:
        arguments = ("outbox", "show", row["id"], "--config", config)
        body = json.loads(cli.run(*arguments, "--json").out)["body"]
        lines = as_slack_shows_it(body) if row["notifier"] == "slack" else ["{"]
        done = cli.run(*arguments)
        report.check(f"outbox show: the words of {row['rule']}", indented(lines) in done.out, done)
    report.check("outbox show had some", len(rows) == 3, rows)



def test_explain_is_what_invoke_does(cli, report):
    config = cli.config(rules=RULES)
    told = matched = 0
    for fixture in fixtures():
        folder = str(FIXTURES / "events" / fixture.name)
        done, _, rules = explained(cli, folder)
        if fixture.expect["status"] != 200:
            report.check(f"explain {fixture.name}: no crash", done.code in (0, 1, 2), done)
            continue
        answer = json.loads(cli.run("invoke", "--config", config, "--json", folder).out)
        sent = {one["rule"]: one["body"] for one in answer["deliveries"]}
        would = {name: rule["delivery"]["body"] for name, rule in rules.items() if rule["matches"]}
        report.check(f"explain {fixture.name}",
                     sent == would and len(rules) == 4 and done.code == (0 if sent else 1), (sent, would))
        report.check(f"explain {fixture.name}: what is in the way is named",
                     all(rule["matches"] == (not rule["failed"]) and
                         (rule["delivery"] is None) != rule["matches"] for rule in rules.values()),
                     rules)
        told, matched = told + 4, matched + len(sent)
    report.check("explain: some matched and some did not", 50 < matched < told - 50, (matched, told))


def test_explain_values(cli, report):
    payload = json.loads(fixtures("^build_finished_failed$")[0].body)
    build = payload["build"]
    cli.config(rules='  - log:\n    if: |\n      build.branch == "main" && build.number != 7 &&\n'
               '        (build.state == "passed" || build.message =~ /spars/) && !build.blocked\n'
               '    branches: "main v*"\n    pipelines: nothing\n')
    done, answer, rules = explained(cli, FAILED)
    rule = rules["log-1"]
    told = parts(rule)
    for name, value in (("build.branch", build["branch"]), ("build.number", build["number"]),
                        ("build.state", build["state"]),
                        ("build.message", build["message"]), ("build.blocked", False),
                        ("build.number != 7", True),
                        ('build.state == "passed"', False),
                        ('(build.state == "passed" || build.message =~ /spars/)', True),
                        ("!build.blocked", True)):
        found = told.get(name) or told.get(name.strip("()"))
        report.check(f"explain: {name}",
                     found and found["seen"] and not found["hidden"] and found["value"] == value, told)
    order = [(part["expression"], part["depth"]) for part in rule["if"]["parts"]]
    report.check("explain: in reading order, operators above their operands",
                 order[0][1] == 0 and order[1:3] ==
                 [('build.branch == "main"', 1), ("build.branch", 2)] and
                 order[-2:] == [("!build.blocked", 1), ("build.blocked", 2)], order)
    report.check("explain: constants need no value",
                 '"main"' not in told and "7" not in told and "/spars/" not in told, told)
    report.check("explain: what is in the way",
                 not rule["matches"] and rule["failed"] == ["pipelines"] and done.code == 1 and
                 rule["if"]["matches"] and rule["if"]["undecided"] is None, rule)
    report.check("explain: patterns and what they were held against",
                 rule["branches"] == {"given": "main v*", "value": "main", "matches": True} and
                 rule["pipelines"] ==
                 {"given": "nothing", "value": payload["pipeline"]["slug"], "matches": False} and
                 rule["events"] == {"given": ["build.*"], "default": True, "matches": True}, rule)
    report.check("explain: the event", answer["event"] == {
        "name": "build.finished", "organization": "acme-kites", "pipeline": payload["pipeline"]["slug"],
        "branch": "main",
        "build_number": build["number"], "state": "failed", "job": None} and answer["dry_run"] is True,
                 answer)
    done = cli.run("explain", "--config", cli.path("kitehook.yml"), FAILED)
    report.check("explain, for people",
                 done.code == 1 and "dry run" in done.out and
                 "it is not for this pipeline (not_pipeline)" in done.out and
                 '\n          build.branch  ->  "main"\n' in done.out and "0 of 1 rule matches" in done.out,
                 done)


def test_explain_undecided(cli, report):
    cli.config(rules="  - log:\n    events: agent.*\n    if: event =~ /^agent/ && build.branch == 'main' && "
                     "build.state == 'failed'\n")
    done, _, rules = explained(cli, str(FIXTURES / "events" / "agent_lost"))
    rule = rules["log-1"]
    told = parts(rule)
    report.check("explain: undecided",
                 done.code == 1 and rule["failed"] == ["if"] and
                 rule["if"]["undecided"] == "this event has no build" and
                 told["event"]["value"] == "agent.lost" and not told["build.branch"]["seen"] and
                 not told["build.state"]["seen"], rule)
    done = cli.run("explain", "--config", cli.path("kitehook.yml"), str(FIXTURES / "events" / "agent_lost"))
    report.check("explain, for people: undecided",
                 "it cannot be decided: this event has no build" in done.out and
                 "build.state  ->  not looked at" in done.out, done)


HIDDEN = {
    'build.env("DEPLOY_TOKEN") == "planted-1"': True, "${DEPLOY_TOKEN} == 'planted-1'": True,
    '"x $DEPLOY_TOKEN" =~ /planted/': True,
    "env('FROM_PIPELINE') == 'planted-2'": True, '["a", build.env("DEPLOY_TOKEN")] includes /^planted/': True,
    "(build.state == 'failed' ? build.env('DEPLOY_TOKEN') : 'none') != 'none'": True,
    "build.creator.email =~ /@example.com$/": True,
    "build.author.email == 'planted-4@example.com'": True,
    "[build.creator.email] includes 'planted-3@example.com'": True,
}


def test_explain_hides(cli, report):
    """The words of the rule are the rule's author's; what must not come out are values."""
    body = json.loads(
        webhook(1, "failed", env={"DEPLOY_TOKEN": "planted-1"},
                creator={"name": "M", "email": "planted-3@example.com"},
                author={"name": "M", "email": "planted-4@example.com"}))
    body["pipeline"] |= {"env": {"FROM_PIPELINE": "planted-2"}, "configuration": "planted-5",
                         "provider": {"webhook_url": "https://planted-6"}}
    file = cli.file("body.json", json.dumps(body))
    for expression, truth in HIDDEN.items():
        cli.config(
            rules=f"  - slack: {{ url: {{ env: SLACK_WEBHOOK_URL }} }}\n    if: >-\n      {expression}\n",
            url="https://planted-7" + HOOK)
        done, _, rules = explained(cli, file)
        rule = rules["slack-1"]
        whole = rule["if"]["parts"][0]
        values = json.dumps(
            [[part["value"] for part in rule["if"]["parts"]], rule["delivery"], rule["destination"]])
        report.check(f"explain hides: {expression}",
                     whole["value"] is truth and rule["matches"] is truth and "planted" not in values and
                     any(part["hidden"] and part["value"] is None for part in rule["if"]["parts"]), done)
        done = cli.run("explain", "--config", cli.path("kitehook.yml"), file)
        rest = done.out
        for asked in (expression, expression.strip("()"), "planted-1\"", "'planted-1'", "'planted-2'",
                      "/planted/", "/^planted/", "'planted-3@example.com'", "'planted-4@example.com'"):
            rest = rest.replace(asked, "")
        report.check(f"explain hides, for people: {expression}",
                     "[hidden]" in done.out and "planted" not in rest, done)


def test_explain_hides_parts(cli, report):
    """Of names and repositories what messages show of them; and what is made of them not at all."""
    repository, fork = "https://user:planted-1@github.com/x/y.git", "ssh://planted-2@git.example/x.git"
    body = json.loads(
        webhook(1, "failed",
                author={"name": "Jane <planted-3@example.com>", "email": "planted-4@example.com"},
                creator={"name": "planted-5@example.com"}, pull_request={"id": "1", "repository": fork}))
    body["pipeline"]["repository"] = repository
    body["sender"] = {"id": "1", "name": "Mara <planted-6@example.com>"}
    cli.config(rules="  - log:\n    if: |\n      pipeline.repository != 'x' && build.pull_request.repository "
                     "!= 'x' && build.author.name != 'x' &&\n"
               "        (sender.name) != 'x' && build.creator.name != 'x' && ['a', sender.name] != ['x'] &&\n"
               "        (build.blocked ? 'x' : pipeline.repository) != 'x' && pipeline.slug != 'x'\n")
    file = cli.file("body.json", json.dumps(body))
    done, _, rules = explained(cli, file)
    told = {name: (part["hidden"], part["value"]) for name, part in parts(rules["log-1"]).items()}
    for name, expected in (("pipeline.repository", (True, "https://github.com/x/y.git")),
                           ("build.pull_request.repository", (True, "ssh://git.example/x.git")),
                           ("build.author.name", (True, "Jane")), ("sender.name", (True, "Mara")),
                           ("build.creator.name", (True, None)),
                           ("['a', sender.name]", (True, None)),
                           ("build.blocked ? 'x' : pipeline.repository", (True, None)),
                           ("pipeline.slug", (False, body["pipeline"]["slug"])),
                           ("pipeline.repository != 'x'", (False, True))):
        report.check(f"explain shows of {name}", told.get(name) == expected, told)
    report.check("explain --json: no secret", "planted" not in done.out and rules["log-1"]["matches"], done)
    done = cli.run("explain", "--config", cli.path("kitehook.yml"), file)
    report.check("explain, for people: partly hidden",
                 "planted" not in done.out and done.out.count(" [partly hidden]\n") >= 4 and
                 'build.author.name  ->  "Jane" [partly hidden]\n' in done.out and
                 "build.creator.name  ->  [hidden]\n" in done.out, done)
    body["pipeline"]["repository"] = "https://github.com/x/y.git"
    _, _, rules = explained(cli, cli.file("body.json", json.dumps(body)))
    told = parts(rules["log-1"])["pipeline.repository"]
    report.check("explain: a repository without a user is not hidden",
                 not told["hidden"] and told["value"] == "https://github.com/x/y.git", told)


def test_explain_quotes(cli, report):
    """Texts and regular expressions with what looks like the language itself."""
    cli.config(rules="""  - log:\n    if: |\n      ("x)" == build.branch || build.branch != "(") && """
               """("a" == build.branch ? "b" : "c") == "c" && """
               """("'" != build.branch || build.message !~ /\\)/) // :)\n""")
    done, _, rules = explained(cli, FAILED)
    told = parts(rules["log-1"])
    expected = {'"a" == build.branch ? "b" : "c"': "c", '("a" == build.branch ? "b" : "c") == "c"': True,
                '"x)" == build.branch': False,
                'build.branch != "("': True, '"x)" == build.branch || build.branch != "("': True,
                """"'" != build.branch""": True}
    for name, value in expected.items():
        report.check(f"explain: {name}", name in told and told[name]["value"] == value and told[name]["seen"],
                     told)
    report.check("explain: no text alone",
                 not [name for name in told if name in ('"a"', '"b"', '"c"', '"x)"', '"("')] and
                 all(name.count("(") - name.count(")") in (0, 1, -1) for name in told), (list(told), done))


def test_explain_env_that_may_be_a_secret(cli, report):
    token = "c87c73" + "0123456789" * 5 + "abcdef01"
    cli.config(rules=f"  - lifx: {{ token: {{ env: {token} }} }}\n  - lifx: "
                     f"{{ token: {{ env: LIFX_TOKEN }}, selector: label:x }}\n"
               "  - lifx: { token: { env: lifx_token }, selector: label:y }\n"
               f"  - ntfy: {{ topic: {{ credential: {token} }} }}\n"
               "  - ntfy: { topic: { credential: topic } }\n"
               f"  - webhook: {{ ssm: 'https://hook.example/{token}' }}\n"
               f"  - slack: {{ url: {{ secretsmanager: {token} }} }}\n"
               "  - webhook: { ssm: /kitehook/hook }\n")
    os.makedirs(cli.path("credentials"), exist_ok=True)
    cli.file("credentials/topic", "planted")
    for how in ([], ["--json"]):
        done = cli.run("explain", "--config", cli.path("kitehook.yml"), *how, FAILED,
                       env={"lifx_token": "planted", "CREDENTIALS_DIRECTORY": cli.path("credentials")})
        report.check(f"explain tells no name that could be a token {how}",
                     token not in done.out + done.err and "planted" not in done.out and
                     "lifx [a variable that is not set]" in done.out and "env:LIFX_TOKEN" in done.out and
                     "env:lifx_token" in done.out and "ntfy [a credential of a service]" in done.out and
                     "credential:topic" in done.out and "webhook [a secret of AWS]" in done.out and
                     "slack [a secret of AWS]" in done.out and "ssm:/kitehook/hook" in done.out, done)


def test_explain_is_dry(cli, report):
    """No secret is there, and nothing is made."""
    cli.file("kitehook.yml", "webhook:\n  signature: { file: nowhere/secret }\n  token: { env: NOT_SET "
                             "}\nenv_file: nowhere/env\nstate: state\n"
             "notify:\n  - slack: { url: { env: NOT_SET } }\n  - webhook: { url: { file: /nowhere }, secret: "
             "{ env: NOT_SET } }\n"
             "  - lifx: { token: { secretsmanager: kitehook, key: lifx }, effect: none }\n")
    before = sorted(os.listdir(cli.folder))
    done, _, rules = explained(cli, FAILED)
    report.check("explain without secrets",
                 done.code == 0 and done.err == "" and [rule["destination"] for rule in rules.values()] ==
                 ["slack env:NOT_SET", "webhook file:/nowhere env:NOT_SET",
                  "lifx secretsmanager:kitehook#lifx all state"] and
                 all(rule["matches"] for rule in rules.values()), done)
    report.check("explain: the verb",
                 [rule["delivery"]["verb"] for rule in rules.values()] == ["POST", "POST", "PUT"], rules)
    report.check("explain makes nothing", sorted(os.listdir(cli.folder)) == before, os.listdir(cli.folder))


def test_explain_files(cli, report):
    cli.config(rules="  - log\n  - log:\n    name: second\n")
    body = webhook(5)
    bare = cli.file("body.json", body)
    report.check("explain: a bare body", explained(cli, bare)[0].code == 0, explained(cli, bare)[0])
    report.check("explain: standard input", explained(cli, "-", input=body)[0].code == 0, "")
    head = b"POST / HTTP/1.1\r\nContent-Type: application/json\r\nX-Buildkite-Event: build.finished\r\n"
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    for name, lines in (("a wrong signature", b"X-Buildkite-Signature: timestamp=1,signature=00\r\n"),
                        ("a token", b"X-Buildkite-Token: planted\r\n"),
                        ("both", b"X-Buildkite-Token: planted\r\nX-Buildkite-Signature: nonsense\r\n"),
                        ("no proof", b"")):
        done = explained(cli, "-", input=head + lines + length + body)[0]
        report.check(f"explain: a request with {name}", done.code == 0 and "planted" not in done.out, done)
    for name, content in (("no JSON", b"{"), ("an array", b"[]"),
                          ("a cut request", head + length + body[:-1])):
        done = explained(cli, "-", input=content)[0]
        report.check(f"explain: {name}", done.code == 2 and done.out == "" and "no webhook" in done.err, done)
    done, _, rules = explained(cli, bare, "--rule", "second")
    report.check("explain --rule", done.code == 0 and list(rules) == ["second"], done)
    done = explained(cli, bare, "--rule", "third")[0]
    report.check("explain --rule: none", done.code == 2 and "no rule 'third'" in done.err and done.out == "",
                 done)
    for arguments, hint in (([], "FILE is missing"), ([bare, bare], "too much"),
                            (["--rlue", "x", bare], "did you mean --rule?"),
                            (["nowhere.json"], "nowhere.json")):
        done = cli.run("explain", "--config", cli.path("kitehook.yml"), *arguments)
        report.check(f"explain: misuse {arguments}", done.code == 2 and hint in done.err and done.out == "",
                     done)
    cli.config(rules="  - teams: {}\n")
    report.check("explain: a broken config", explained(cli, bare)[0].code == 3, "")
    cli.config(rules="")
    done = cli.run("explain", "--config", cli.path("kitehook.yml"), bare)
    report.check("explain: no rules", done.code == 1 and "0 of 0" in done.out, done)


def test_explain_strangers(cli, report):
    """What a stranger wrote does not move the cursor."""
    cli.config(rules="  - log:\n    if: build.message != 'x' && build.branch != 'y'\n")
    body = webhook(1, branch="a\x1b[2Jb\u202ec\u0085d\x7f",
                   message="\x1b]0;title\x07\nrule fake: matches\u2066" + "z" * 5000)
    done = cli.run("explain", "--config", cli.path("kitehook.yml"), cli.file("body.json", body))
    report.check("explain: no control characters",
                 not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]",
                               done.out.split("it would")[0]), done)
    report.check("explain: no line of a stranger's", "\nrule fake" not in done.out, done)
    report.check("explain: long values are cut",
                 max(map(len, done.out.split("it would")[0].splitlines())) < 400, done)


# ---- eval FILE


def test_eval_file(cli, report):
    for expression, code, said in (("build.state == 'failed' && build.number == 102", 0, "true\n"),
                                   ("build.state == 'passed'", 1, "false\n"),
                                   ("job.state == 'failed'", 1, "error evaluation: this event has no job"),
                                   ("build.stat == 1", 1, "error validation"),
                                   ("env('BUILDKITE_BRANCH') == 'main'", 0, "true\n")):
        done = cli.run("eval", expression, FAILED)
        report.check(f"eval FILE: {expression}", done.code == code and done.out.startswith(said), done)
    body = webhook(7)
    report.check("eval FILE: a body",
                 cli.run("eval", "build.number == 7", cli.file("b.json", body)).code == 0, "")
    report.check("eval FILE: standard input", cli.run("eval", "build.number == 7", "-", input=body).code == 0,
                 "")
    done = cli.run("eval", "--dialect", "strict", "--entrypoint", "build-notification", "event == 'x'",
                   FAILED)
    report.check("eval FILE: dialect and entry point count", done.code == 1 and done.out == "false\n", done)
    for arguments, hint in ((["--names", "n.json", "true", FAILED], "not from both"),
                            (["true", FAILED, FAILED], "too much"),
                            (["true", "nowhere.json"], "nowhere.json"), (["--batch", "true"], "--batch")):
        done = cli.run("eval", *arguments)
        report.check(f"eval FILE: misuse {arguments[:2]}",
                     done.code == 2 and hint in done.err and done.out == "", done)


# ---- check: carets

PLACE = re.compile(r"^(\S+?):(\d+):(\d+): (.*)\n(?: *(\d+) \| (.*)\n +\| ( *)(\^+)\n)?", re.M)


def test_planted(cli, report):
    folder = ROOT / "tests" / "mistakes"
    done = cli.run("check", "--config", str(folder / "planted.yml"))
    expected = [re.match(r"(\S+):(\d+):(\d+) (warning )?(.*)", line).groups() for line in
                (folder / "planted.txt").read_text().splitlines() if not line.startswith("#")]
    told = [(os.path.basename(file), line, column, text)
            for file, line, column, text, *_ in PLACE.findall(done.out)]
    for file, line, column, warning, words in expected:
        found = [one for one in told if one[:3] == (file, line, column) and words in one[3] and
                 one[3].startswith("warning: ") == bool(warning)]
        report.check(f"check: planted {file}:{line}:{column}", len(found) == 1, found or done)
    mistakes = [one for one in told if not one[3].startswith("warning: ")]
    report.check("check: at least 30, and no other",
                 len(mistakes) == sum(not one[3] for one in expected) >= 30 and done.code == 1, mistakes)
    report.check("check: no secret of the file",
                 "hooks.example" not in done.out and "a-token-of-nobody" not in done.out, done)
    answer = json.loads(cli.run("check", "--json", "--config", str(folder / "planted.yml")).out)
    places = [(os.path.basename(one["file"]), str(one["line"]), str(one["column"]))
              for one in answer["mistakes"]]
    report.check("check --json: the same places", places == [one[:3] for one in told] and not answer["ok"],
                 places)

    shown = 0
    for file, line, column, text, gutter, excerpt, blanks, carets in PLACE.findall(done.out):
        if not gutter:
            continue
        source = open(file, encoding="utf-8").read().splitlines()[int(line) - 1][int(column) - 1:]
        above = re.sub(r"[\u1100-\uffdf]", "xx", excerpt)[len(blanks):]
        report.check(f"check: the carets of {line}:{column} are below the place", gutter == line and
                     above.rstrip(".")[:len(carets)] in
                     re.sub(r"[\u1100-\uffdf]", "xx", source)[:len(carets)] and source[0] == above[0],
                     (source, excerpt, blanks, carets))
        shown += 1
    report.check("check: most have carets", shown > 25, shown)


CARETS = [
    ("if: build.brnch == 'x'", "if: build.brnch == 'x'", "    ^^^^^^^^^^^"),
    ("if: 'build.brnch == 1'   # planted comment", "if: 'build.brnch == 1'", "     ^^^^^^^^^^^"),
    ("if: \"true &&\tbuild.brnch\"", "if: \"true && build.brnch\"", "             ^^^^^^^^^^^"),
    ("if: \"'\u65e5\u672c' == build.brnch\"", "if: \"'\u65e5\u672c' == build.brnch\"",
     "               ^^^^^^^^^^^"),
    ("if: \"'e\u0301' == build.brnch\"", "if: \"'e\u0301' == build.brnch\"", "            ^^^^^^^^^^^"),
    ("if: |\n      true &&\n        build.brnch", "build.brnch", "^^^^^^^^^^^"),
    ("if: true &&\n        build.brnch # planted", "build.brnch", "^^^^^^^^^^^"),
    ("if: \"'\u202e' == build.brnch\"", "if: \"'?' == build.brnch\"", "            ^^^^^^^^^^^"),
    ("if: '" + "true && " * 30 + "build.brnch && " + "true && " * 30 + "true'", None, None),
]


def test_carets(cli, report):
    for text, line, carets in CARETS:
        cli.config(rules=f"  - log:\n    {text}\n", top=STATE)
        done = cli.run("check", "--config", "kitehook.yml")
        found = [one[5:] for one in PLACE.findall(done.out) if "build.branch" in one[3]]
        if line is None:
            excerpt, blanks, run = found[0]
            report.check("carets: a long line is cut on both sides",
                         len(excerpt) < 130 and excerpt.startswith("if: ...") and excerpt.endswith("...") and
                         excerpt[len(blanks):].startswith("build.brnch") and len(run) == len("build.brnch"),
                         done)
            continue
        report.check(f"carets: {text[:40]!r}",
                     found and (found[0][0], found[0][1] + found[0][2]) == (line, carets) and
                     "planted" not in done.out, done)


LITERALS = [
    "  - slack: { url: planted-1 }", "  - slack: planted-1", "  - planted-1", "  - https://planted-1/x",
    "  - { planted-1 }", "  - planted-1:",
    "  - { slack: { url: planted-1 }, if: build.brnch == 'x', events: [build.finshed], branches: '!', "
    "pipelines: [a] }",
    "  - slack: { url: { env: planted-1 } }\n    if: build.brnch # planted-1",
    "  - slack: { url: { file: planted-1 } }",
    "  - webhook: { url: planted-1, secret: [planted-1] }",
    "  - lifx: { token: planted-1, colour: planted-1 }", "  - [planted-1]",
    "  - log: planted-1", "  - slack:\n      url: planted-1\n      ulr: planted-1",
    "  - slack: { url: \"planted-1 }", "  - slack: { url: planted-1 ]",
    "  - include: [planted-1]", "  - log: {}\n    name: planted-1 x", "  - slack: { url: !t planted-1 }",
    "  - slack: { url: ${planted-1} }",
    "  - slack: { url: planted-1, url: planted-1 }", "  - slack: { url: *planted }",
    "  - slack: { url: planted-1\t}\n\t- log",
]


def test_no_secret_is_shown(cli, report):
    for rules in LITERALS:
        cli.config(rules=rules + "\n", top=STATE)
        for how in ([], ["--json"]):
            done = cli.run("check", "--config", "kitehook.yml", *how)
            report.check(f"check shows no secret: {rules!r} {how}",
                         done.code == 1 and "planted-1" not in done.out + done.err, done)
        for command in (["explain", "--config", cli.path("kitehook.yml"), FAILED],
                        ["invoke", "--config", cli.path("kitehook.yml"), FAILED]):
            done = cli.run(*command)
            report.check(f"nor {command[0]}: {rules!r}",
                         done.code == (0 if "file: planted" in rules and command[0] == "explain" else 3) and
                         "planted-1" not in done.out + done.err, done)
    for top in ("webhook: planted-1", "webhook: { signature: planted-1 }",
                "webhook: { signature: [planted-1] }", "webhook: { signature: { fiel: planted-1 } }",
                "webhook: { token: { planted-1: } }", "env_file: [planted-1]", "planted-1",
                "webhook: { signature: { env: planted-1 } }"):
        cli.file("kitehook.yml", top + "\n")
        done = cli.run("check", "--config", "kitehook.yml")
        report.check(f"check shows no secret: {top}",
                     done.code == 1 and "planted-1" not in done.out + done.err, done)


def test_alias_of_a_secret(cli, report):
    """What also stands under another key is not shown, whether by an alias or written twice; all else is."""
    url = "https://hooks.example/planted-1"
    for rules in (f'  - slack: {{ url: &u "{url}" }}\n    if: *u\n',
                  f'  - slack: {{ url: &u "{url}" }}\n    events: *u\n',
                  f'  - slack: {{ url: &u "{url}" }}\n    branches: *u\n    events: [*u]\n',
                  f'  - slack: {{ url: "{url}" }}\n    if: "{url}"\n',
                  f'  - slack: {{ url: "{url}" }}\n    if: build.branch == "{url}" && foo\n',
                  f"  - include: {url}\n", "  - include: planted-1/planted-1\n",
                  f'  - log:\n    events: &u "{url}"\n  - slack: {{ url: *u }}\n'):
        cli.config(rules=rules, top=STATE)
        for how in ([], ["--json"]):
            done = cli.run("check", "--config", "kitehook.yml", *how)
            report.check(f"check shows no aliased secret: {rules!r} {how}",
                         done.code == 1 and "planted-1" not in done.out + done.err, done)
    cli.config(rules="  - include: rules/nowhere.yml\n  - log:\n    if: build.brnch == 'main'\n    branches: "
                     "main\n    name: main\n", top=STATE)
    done = cli.run("check", "--config", "kitehook.yml")
    report.check("check: a path is told, and a condition shown",
                 "cannot read rules/nowhere.yml" in done.out and "if: build.brnch == 'main'" in done.out,
                 done)


def test_control_characters(cli, report):
    cli.config(rules='  - include: "n\\e[31m\\nx\\u202e.yml"\n', top=STATE)
    for command in (["check", "--config", "kitehook.yml"], ["explain", "--config", "kitehook.yml", FAILED],
                    ["invoke", "--config", "kitehook.yml", FAILED]):
        done = cli.run(*command)
        said = done.out + done.err
        report.check(f"{command[0]}: no control character of an include",
                     "cannot read n?[31m x?.yml:" in said and
                     not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", said), done)


def test_byte_order_mark(cli, report):
    mark = b"\xef\xbb\xbf"
    cli.config(rules="  - include: rules.yml\n", top=STATE)
    plain = cli.path("kitehook.yml")
    cli.file("rules.yml",
             mark + b"- slack: { url: { env: SLACK_WEBHOOK_URL } }\n  if: build.state == 'failed'\n")
    cli.file("env", mark + b"SLACK_WEBHOOK_URL=https://hooks.example/x\n")
    with open(plain, "rb") as file:
        cli.file("kitehook.yml", mark + file.read())
    done = cli.run("check", "--config", "kitehook.yml")
    report.check("check: marks are skipped", done.code == 0 and "slack env:SLACK_WEBHOOK_URL" in done.out,
                 done)
    cli.file("kitehook.yml", mark + b"webhok: x\nnotify: [log]\n")
    places = [(one["line"], one["column"])
              for one in json.loads(cli.run("check", "--json", "--config", "kitehook.yml").out)["mistakes"]]
    report.check("check: the columns of the first line", (1, 1) in places, places)
    cli.file("kitehook.yml", mark + b"if: x\n" + mark + b"y: z\n")
    report.check("check: one mark only, and first", cli.run("check", "--config", "kitehook.yml").code == 1,
                 "")
    cli.file("kitehook.yml",
             mark + b"notify: [log]\nwebhook: { signature: { file: webhook-secret } }\nstate: state\n")
    done = cli.run("check", "--config", "kitehook.yml")
    report.check("check: notify behind a mark is the first key",
                 done.code == 1 and "`notify` must come last" in done.out, done)


# ---- ergonomics


def warned(cli, rules):
    """(line, column) of what check tells of RULES, in a file whose first rule stands on line 5, with the
    text."""
    cli.config(rules=rules, top=STATE)
    answer = json.loads(cli.run("check", "--json", "--config", "kitehook.yml").out)
    return {(one["line"], one["column"]): (one["severity"], one["message"]) for one in answer["mistakes"]}


def test_empty_parts(cli, report):
    rules = "".join(f"  - log:\n    {key}:{value}\n" for key in ("if", "branches", "pipelines")
                    for value in ("", ' ""', ' " "'))
    told = warned(cli, rules)
    first = min(line for line, _ in told)
    found = [(line, column) for (line, column), (severity, text) in told.items() if "is empty" in text and
             severity == "warning"]
    report.check("check warns of what is empty",
                 len(found) == 9 and {column for _, column in found} == {5} and
                 sorted(line for line, _ in found) ==
                 list(range(max(line for line, _ in found) - 16, max(line for line, _ in found) + 1, 2)),
                 (first, told))


def test_events_that_cannot_be(cli, report):
    cases = [("events: build.*", "{{job.name}} {{job.state}}", "have no job"),
             ("events: build.*", "a {{#if job.state == 'x'}}b{{/if}}", "have no job"),
             ("name: a", "{{agent.name}}", "have no agent"),
             ("events: [build.*, job.*]", "{{job.name}}", None),
             ("events: [build.new]", "{{job.name}}", None)]
    for key, message, words in cases:
        told = [text
                for severity, text in warned(cli,
                                             f'  - log: {{ message: "{message}" }}\n    {key}\n').values()
                if severity == "warning" and "`message`" in text]
        report.check(f"check: {key}, {message}", len(told) == 1 and words in told[0] if words else told == [],
                     told)
    cases = [("events: build.finished", "event == 'job.finished'", True),
             ("name: a", "build.blocked || 'ping' == event", True),
             ("events: build.finished", "event != 'job.finished'", False),
             ("events: build.*", "event == 'build.finished'", False),
             ("events: [job.*, build.finished]", "event == 'job.started' || event == 'build.finished'",
              False)]
    for key, condition, is_told in cases:
        told = [text
                for severity, text in warned(cli, f'  - log:\n    {key}\n    if: "{condition}"\n').values()
                if "is not for that event" in text and severity == "warning"]
        report.check(f"check: {key}, {condition}", len(told) == is_told, told)


def test_cures(cli, report):
    for condition, words in (("build.state == failed", '"failed" is no variable; put it in quotes'),
                             ("build.blocked and build.fixed", 'write "&&"'),
                             ("build.blocked OR build.fixed", 'write "||"'),
                             ("not build.blocked", 'write "!"'),
                             ("build.message =~ /(?<=a)b/", "lookbehinds are not"),
                             ("build.brnch == 'x'", "did you mean `build.branch`?"),
                             ("build.blocked true", "the condition is over before this")):
        told = [text for severity, text in warned(cli, f"  - log:\n    if: {condition}\n").values()
                if severity == "error"]
        report.check(f"check: {condition}",
                     len(told) == 1 and words in told[0] and ("quotes" in told[0]) == ("failed" in condition),
                     told)
    for rule, words in (("teams: {}", "`teams` is no notifier; this version knows: slack"),
                        ("https://planted.example/x:", "this value is no notifier"),
                        ("planted-token-1:", "this value is no notifier"),
                        ("slak: {}", "did you mean `slack`?"), ("name: a", "names one notifier")):
        cli.config(rules=f"  - {rule}\n", top=STATE)
        told = [one["message"]
                for one in json.loads(cli.run("check", "--json", "--config", "kitehook.yml").out)["mistakes"]
                if one["severity"] == "error"]
        report.check(f"check: one mistake for {rule}",
                     len(told) == 1 and words in told[0] and "planted" not in told[0], told)


def test_variables(cli, report):
    cli.config(rules='  - log:\n    name: x\n    if: build.env("A") == "${A}"\n  - slack: { url: { env: '
                     'SLACK_WEBHOOK_URL }, message: "by ${USER}, costs $5" }\n',
               top="state: ${HOME}/state\nlog: $LOG\n")
    done = cli.run("check", "--config", "kitehook.yml")
    told = {(int(one[1]), int(one[2])): one[3] for one in PLACE.findall(done.out) if "${NAME}" in one[3]}
    report.check("check: ${NAME} in a path",
                 set(told) == {(4, 8), (5, 6)} and
                 all(text.startswith("warning: ") for text in told.values()), done)
    told = {(int(one[1]), int(one[2])): one[3] for one in PLACE.findall(done.out)}
    report.check("check: ${NAME} in a message", done.code == 1 and
                 "`message`: only Buildkite's agent knows $USER" in told.get((10, 60), ""), done)
    cli.config(rules='  - slack: { url: { env: SLACK_WEBHOOK_URL }, message: "$BUILDKITE_BRANCH $$A_B" }\n',
               top="state: state\n")
    done = cli.run("check", "--config", "kitehook.yml")
    report.check("check: $BUILDKITE_BRANCH in a message", done.code == 0 and
                 "warning: `message`: $BUILDKITE_BRANCH is taken as {{build.branch}}" in done.out, done)


def test_history_is_warned_of(cli, report):
    names = ["pipeline.started_failing", "pipeline.started_passing", "pipeline.next_finished_build_exists",
             "at_least(pipeline.consecutive_failures, 3)", "build.fixed", "build.pull_request.draft"]
    rules = "".join(f"  - log:\n    if: build.state == 'failed' && {name}\n" for name in names)
    for top, remembered in (("", 0), (STATE, 5)):
        cli.config(rules=rules, top=top)
        done = cli.run("check", "--config", "kitehook.yml")
        report.check(f"check warns of what no webhook fills, and memory does not: {top!r}",
                     done.out.count("is always null") == len(names) - remembered and
                     done.out.count("nothing is remembered without") == 5 - remembered, done)


def test_config_paths(cli, report):
    config = cli.config(rules="  - log\n", top=STATE)
    report.check("KITEHOOK_CONFIG", cli.run("explain", FAILED, env={"KITEHOOK_CONFIG": config}).code == 0, "")
    report.check("--config beats it",
                 cli.run("explain", "--config", config, FAILED, env={"KITEHOOK_CONFIG": "/nowhere"}).code ==
                 0, "")
    if os.path.exists("/etc/kitehook/kitehook.yml"):
        report.skip("the default path", "this machine has a file there")
        return
    for environment in ({}, {"KITEHOOK_CONFIG": ""}):
        done = cli.run("check", env=environment)
        report.check(f"the default path {environment}",
                     done.code == 3 and done.out.startswith("/etc/kitehook/kitehook.yml: cannot read"), done)


def test_include(cli, report):
    cli.config(rules="  - include: rules/web.yml\n  - log\n", top=STATE)
    cli.file("rules/web.yml", "- log:\n  name: first\n- include: more/api.yml\n")
    cli.file("rules/more/api.yml", "- log:\n  name: second\n  if: build.state == 'failed'\n")
    done, _, rules = explained(cli, FAILED)
    report.check("include: in their order", list(rules) == ["first", "second", "log-3"] and done.code == 0,
                 done)
    answer = json.loads(cli.run("check", "--json", "--config", "kitehook.yml").out)
    report.check("include: check counts them",
                 answer["ok"] and
                 [rule["name"] for rule in answer["summary"]["rules"]] == ["first", "second", "log-3"],
                 answer)
    cli.file("rules/more/api.yml", "- log:\n  if: build.stat == 'failed'\n")
    done = cli.run("check", "--config", "kitehook.yml")
    found = [one for one in PLACE.findall(done.out) if "did you mean" in one[3]]
    report.check("include: a mistake has the name of its file", [one[:3] + one[5:6] for one in found] ==
                 [("rules/more/api.yml", "2", "7", "if: build.stat == 'failed'")] and done.code == 1, done)


def test_include_in_a_worker(cli, report):
    """A change of the included file alone is a new configuration; a broken one keeps the old."""
    with Catcher() as catcher:
        cli.config(rules="  - include: rules.yml\n", top=STATE, url=catcher.url(HOOK))
        cli.file("rules.yml", "- slack: { url: { env: SLACK_WEBHOOK_URL } }\n  if: build.number == 1\n")
        state = cli.path("state")

        def send(number):
            time.sleep(1.1)  # it looks at most once a second
            drop(state, entry(webhook(number)))
            ring(state)

        with Worker(cli, "--serve") as worker:
            worker.said("worker started")
            send(1)
            report.check("include: a worker has the rule", wait_until(lambda: len(catcher.caught) == 1, 5),
                         worker.text())
            cli.file("rules.yml", "- slack: { url: { env: SLACK_WEBHOOK_URL } }\n  if: build.number == 2 || "
                                  "build.number == 3\n")
            send(2)
            report.check("include: a worker notices the change",
                         wait_until(lambda: len(catcher.caught) == 2, 5) and
                         len(worker.lines("config reloaded")) == 1, worker.text())
            cli.file("rules.yml", "- slack: { url: { env: SLACK_WEBHOOK_URL } }\n  if: build.numbr == 4\n")
            send(3)
            broken = wait_until(lambda: worker.lines("config broken"), 5)
            report.check("include: a broken one is told, with its place",
                         broken and broken[0]["place"].endswith("rules.yml:2:7"), worker.text())
            report.check("include: and the old one stays", wait_until(lambda: len(catcher.caught) == 3, 5),
                         worker.text())
            cli.file("rules.yml", "- slack: { url: { env: SLACK_WEBHOOK_URL } }\n  if: build.number == 4\n")
            send(4)
            report.check("include: a cure is noticed", wait_until(lambda: len(catcher.caught) == 4, 5) and
                         len(worker.lines("config reloaded")) == 2, worker.text())


TESTS = [test_explain_is_what_invoke_does, test_words_for_people, test_explain_values,
         test_explain_undecided, test_explain_hides,
         test_explain_hides_parts, test_explain_quotes,
         test_explain_env_that_may_be_a_secret, test_explain_is_dry,
         test_explain_files, test_explain_strangers, test_eval_file, test_planted, test_carets,
         test_no_secret_is_shown, test_alias_of_a_secret,
         test_control_characters, test_byte_order_mark, test_empty_parts, test_events_that_cannot_be,
         test_cures, test_variables,
         test_history_is_warned_of, test_config_paths, test_include, test_include_in_a_worker]

if __name__ == "__main__":
    sys.exit(cli_run.main(__doc__, TESTS))
