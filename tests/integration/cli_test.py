#!/usr/bin/env python3
"""Drives the built `kitehook`: every command, every exit code that is documented, and a worker at work.

usage: cli_test.py --build DIR [--only REGEX] [--keep] [--verbose]

cli_proof.py has sign and verify, cli_worker.py the worker; check, invoke and the rest are here.
"""
import json
import os
import re
import sys

import cli_proof
import cli_run
import cli_worker
from catcher import Catcher
from cli_run import Cli, HOOK
from common import fixtures, ROOT, SECRET, sign_quickly, webhook

COMMANDS = ["check", "eval", "explain", "invoke", "notify", "send", "sign", "verify", "worker", "status",
            "outbox", "inbox", "history", "forget", "import", "completions", "version"]


# ---- help, usage, version


def test_help(cli, report):
    overview = cli.run("--help")
    report.check("--help", overview.code == 0 and overview.err == "", overview)
    for name in COMMANDS:
        report.check(f"--help lists {name}", re.search(rf"^  {name} +\S", overview.out, re.M), overview)
        texts = [cli.run(name, "--help"), cli.run(name, "-h"), cli.run("help", name)]
        report.check(f"{name} --help",
                     all(text.code == 0 and text.err == "" and text.out == texts[0].out for text in texts),
                     texts)
        text = texts[0].out
        usage, _, rest = text.partition("\n\n")[2].partition("\n\n")
        report.check(f"{name} --help has usage and exit codes",
                     usage.startswith(f"usage: kitehook {name} ") and
                     "Exit codes: 0 " in rest, text)
        named = set(re.findall(r"--[a-z-]+", usage))
        told = set(re.findall(r"^  (?:-h, )?(--[a-z-]+)", rest, re.M))
        report.check(f"{name} --help tells each option of its usage", named | {"--help"} == told,
                     f"{named} {told}")
    report.check("help alone is the overview", cli.run("help").out == overview.out, "")


def test_man_page(cli, report):
    """What --help says the man page says."""
    page = (ROOT / "docs" / "kitehook.1").read_text(encoding="utf-8")
    for name in COMMANDS:
        report.check(f"kitehook.1 has {name}", f".Ss {name}\n" in page, "")
        section = re.split(r"\n\.S[sh] ", page.partition(f".Ss {name}\n")[2])[0]
        for option in re.findall(r"^  --([a-z-]+)", cli.run(name, "--help").out, re.M):
            report.check(f"kitehook.1 has {name} --{option}", f"-{option}" in section, "")


def test_misuse(cli, report):
    for arguments, hint in [
        ([], "usage: kitehook COMMAND"), (["chekc"], "did you mean 'check'"),
        (["frobnicate"], "kitehook help"),
        (["help", "verfiy"], "did you mean 'verify'"),
        (["sign", "--secrte", "x", "f"], "did you mean --secret?"),
        (["sign", "--xyzzyx"], "no option --xyzzyx"), (["sign", "-q", "f"], "no option -q"),
        (["sign", "f", "-q"], "no option -q"),
        (["sign", "--secret"], "needs a value"), (["sign", "--secret", "x"], "FILE is missing"),
        (["sign", "--secret", "x", "a", "b"], "'b' is too much"),
        (["sign", "--secret", "x", "--timestamp", "soon", "f"], "'soon'"),
        (["sign", "--secret", "x", "--timestamp", "-1", "f"], "'-1'"),
        (["sign", "--secret", "x", "/nonexistent"], "/nonexistent"),
        (["verify", "--secret", "x", "--header", "nonsense", "f"], "'Name: value'"),
        (["verify", "--mode", "both", "f"], "'both'"),
        (["verify", "--freshness", "soon", "f"], "'soon'"),
        (["verify", "--jsno", "f"], "did you mean --json?"),
        (["check", "a", "b"], "'b' is too much"), (["check", "--config", "a", "b"], "'b' is too much"),
        (["check", "--json=yes"], "takes no value"),
        (["invoke"], "FILE is missing"),
        (["invoke", "--now", "x", "f"], "'x'"), (["worker", "--once", "--serve"], "exclude"),
        (["worker", "--budget-ms", "1"], "--once"),
        (["worker", "--lock-fd", "0"], "--lock-fd"), (["worker", "--linger", "x"], "'x'"),
        (["worker", "x"], "'x' is too much"), (["version", "x"], "'x' is too much"),
    ]:
        done = cli.run(*arguments)
        report.check(f"misuse: {' '.join(arguments)}", done.code == 2 and hint in done.err and done.out == "",
                     done)
    done = cli.run("sign", "--secert=planted-secret-7", "f")
    report.check("a mistyped option does not echo its value",
                 done.code == 2 and "planted-secret-7" not in done.err, done)


def test_reader_that_leaves(cli, report):
    """As `head` does: no complaint, and no success either."""
    config = cli.config("  - log\n")
    fixture = str(ROOT / "fixtures" / "events" / "build_finished_failed")
    for arguments in (["explain", "--config", config, fixture], ["version"], ["help"]):
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "wb") as output:
            done = cli.run(*arguments, stdout=output)
        report.check(f"{arguments[0]} to a reader that left", done.code == 5 and done.err == "", done)


def test_version(cli, report):
    plain, answer = cli.run("version"), cli.run("version", "--json")
    version = json.loads(answer.out)
    report.check("version",
                 plain.code == 0 and plain.out.startswith(f"kitehook {version['version']}"), plain)
    for option in ("--version", "-V"):
        also = cli.run(option)
        report.check(option, also.code == 0 and also.out == plain.out, also)
    declared = (ROOT / "handler" / "base" / "version.h").read_text(encoding="utf-8")
    report.check("version --json", f'"{version["version"]}"' in declared and set(version["libraries"]) ==
                 {"jansson", "libyaml", "libcrypto", "sqlite", "libcurl"}, version)
    with open("/dev/full", "wb") as full:
        done = cli.run("version", stdout=full)
    report.check("output that cannot be written is exit 5", done.code == 5 and "standard output" in done.err,
                 done)


# ---- eval


def answer_of(vector):
    """What `eval --batch` must begin its line with."""
    expect = vector["expect"]
    return str(expect).lower() if isinstance(expect, bool) else f"{expect}: " if expect != "valid" else expect


def test_eval(cli, report):
    for expression, code, said in (("1 == 1", 0, "true\n"), ("1 == 2", 1, "false\n"),
                                   ("build.brnch == 'x'", 1, "error validation: "),
                                   ("1 ==", 1, "error parse: "), ("'a'", 1, "error result: ")):
        done = cli.run("eval", expression)
        has_caret = done.err.startswith(expression + "\n") and done.err.rstrip().endswith("^")
        report.check(f"eval {expression}",
                     done.code == code and done.out.startswith(said) and
                     has_caret == said.startswith("error"), done)
    names = cli.file("names.json", json.dumps({"build.branch": "main", "env": {"DEPLOY": "yes"}}))
    done = cli.run("eval", "--names", names, "build.branch == 'main' && build.env('DEPLOY') == 'yes'")
    report.check("eval --names", done.code == 0 and done.out == "true\n", done)
    done = cli.run("eval", "--dialect", "strict", "event == 'ping'")
    report.check("eval --dialect strict", done.code == 1 and done.out.startswith("error validation: "), done)
    lines = (ROOT / "tests" / "vectors" / "conditions.jsonl").read_text(encoding="utf-8").splitlines()
    done = cli.run("eval", "--batch", input="\n".join(lines).encode() + b"\n")
    answers = done.out.splitlines()
    wrong = [(line, answer) for line, answer in zip(lines, answers)
             if not answer.startswith(answer_of(json.loads(line)))]
    report.check(f"eval --batch: {len(lines)} vectors",
                 done.code == 0 and len(answers) == len(lines) > 900 and not wrong, wrong[:3] or done)


INPUT = [({"names": {"build.brnch": "x"}}, '"build.brnch" is no variable; did you mean build.branch?'),
         ({"names": {"build.number": "5"}}, "must be a number"),
         ({"names": {"build.branch": 5}}, "must be a string"),
         ({"names": {"build.blocked": "true"}}, "must be a boolean"),
         ({"names": {"build.pull_request.labels": ["a", None]}}, "must be a string list"),
         ({"names": {"env": {"A": 1}}}, "must be an object of texts"),
         ({"names": []}, "must be an object"), ({"validate_only": "yes"}, "must be true or false"),
         ({"nmaes": {}}, "did you mean names?"),
         ({"without": ["jbo"]}, "must be a list of parts"), ({"dialect": 1}, "must be a text"),
         ({"names": {"\x1b[2J": 1}}, '"?[2J" is no variable')]


def test_eval_input(cli, report):
    """A name that nothing reads would be a test that cannot fail."""
    for members, words in INPUT:
        done = cli.run("eval", "--batch",
                       input=json.dumps({"expression": "true", **members}).encode() +
                       b'\n{"expression": "true"}\n')
        first, second = (done.out.splitlines() + ["", ""])[:2]
        report.check(f"eval --batch: {members}",
                     done.code == 2 and first.startswith("error input: ") and words in first and
                     second == "true", done)
        if isinstance(members.get("names"), dict):
            done = cli.run("eval", "--names", cli.file("names.json", json.dumps(members["names"])), "true")
            report.check(f"eval --names: {members}", done.code == 2 and done.out == "" and words in done.err,
                         done)
    fine = {"expression": "build.tag == null",
            "names": {"build.tag": None, "env": None, "build.meta_data": {"a": "b"}, "step.key": "x"},
            "without": ["job"], "validate_only": False, "dialect": None, "rule": 1, "expect": True}
    done = cli.run("eval", "--batch", input=json.dumps(fine).encode())
    report.check("eval --batch: what is fine", done.code == 0 and done.out == "true\n", done)


# ---- check

BROKEN = """\
webhook:
  signature: { file: webhook-secret }
  freshness: tomorrow
  max_boody: 1MB
stat: /tmp/x
inbox: { max_entries: 0 }
worker: sometimes
notify:
  - slack:
      url: { env: SLACK_WEBHOOK_URL }
      colour: red
    branches: "!!main"
  - teams: {}
  - log
    if: build.state == "failed"
"""
GOOD_IF = "  - log: {}\n    if: build.stat == 'failed'\n"


def places(text):
    return {(int(line), int(column))
            for line, column in re.findall(r"^kitehook\.yml:(\d+):(\d+): (?!warning)", text, re.M)}


def test_check_who_may_write(cli, report):
    """Whoever may write a file that is believed, or a folder on the way to it, is believed as well."""
    cli.config(top=f"state: state\nworker: {{program: {cli.path('bin/program')}}}\n",
               rules="  - include: believed/rules.yml\n")
    for name in ("bin/program", "believed/rules.yml", "elsewhere/secret"):
        os.chmod(cli.file(name, "- log\n"), 0o700)
        os.chmod(os.path.dirname(cli.path(name)), 0o755)
    os.rename(cli.path("webhook-secret"), cli.path("elsewhere/secret"))
    os.symlink("elsewhere/secret", cli.path("webhook-secret"))

    def said():
        done = cli.run("check", "--config", "kitehook.yml")
        words = re.findall(r"others can write (\S+), .*; type `(.*)`$", done.out, re.M)
        report.check("check: who may write is no mistake", done.code == 0, done)
        return {path: command for path, command in words}

    report.check("check: nobody else may write", said() == {}, said())
    for name in ("kitehook.yml", "env", "believed/rules.yml", "elsewhere/secret", "bin/program",
                 "believed", "elsewhere", "bin"):
        path = cli.path(name)
        was, gid = os.stat(path).st_mode & 0o7777, os.stat(path).st_gid
        for more, group, who in ((0o020, 1, "g"), (0o002, 1, "o"), (0o022, 1, "go"), (0o020, 0, None),
                                 (0o022, 0, "o"), (0o1022, 1, None if os.path.isdir(path) else "go")):
            if os.geteuid() == 0:
                os.chown(path, -1, group)
            elif group == 0:
                continue
            os.chmod(path, was | more)
            wanted = {path: f"chmod {who}-w {path}"} if who else {}
            report.check(f"check warns that others may write {name} ({more:o}, group {group})",
                         said() == wanted, said())
        os.chown(path, -1, gid)
        os.chmod(path, was)


def test_check(cli, report):
    cli.config(top="state: state\nworker: {program: /bin/true}\n")
    done = cli.run("check", "--config", "kitehook.yml")
    report.check("check: a good config",
                 done.code == 0 and "no mistakes" in done.out and "SLACK_WEBHOOK_URL" in done.out and
                 "T0PLANTED" not in done.out and done.err == "", done)
    report.check("check FILE", cli.run("check", "kitehook.yml").out == done.out, "")
    answer = json.loads(cli.run("check", "--config", "kitehook.yml", "--json").out)
    summary = answer["summary"]
    report.check("check --json: a good config",
                 answer["ok"] and answer["mistakes"] == [] and summary["signature"] == ["default"] and
                 summary["token"] == [] and summary["freshness_s"] == 300 and summary["worker"] == "start" and
                 summary["state"] == cli.path("state") and
                 [rule["name"] for rule in summary["rules"]] == ["slack-1"], answer)
    report.check("check makes nothing", not os.path.exists(cli.path("state")), "")
    report.check("check: KITEHOOK_CONFIG",
                 cli.run("check", env={"KITEHOOK_CONFIG": cli.path("kitehook.yml")}).code == 0, "")

    os.chmod(cli.path("webhook-secret"), 0o644)
    done = cli.run("check", "--config", "kitehook.yml")
    report.check("check: a warning is no mistake",
                 done.code == 0 and ": warning: " in done.out and "no mistakes" in done.out, done)
    os.chmod(cli.path("webhook-secret"), 0o600)

    for top, place in [
        ("state: state\nworker: {program: /nowhere/kitehook}\n",
         "worker.program: receivers start /nowhere/kitehook"),
                       ("log: /nowhere/receiver.log\nstate: state\n",
                        "log: this user cannot write /nowhere/receiver.log"),
                       ("state: /nowhere/at/all\nworker: service\n",
                        "state: this user cannot make /nowhere/at/all"),
                       ("state: open\nworker: service\n", "state: others may enter")]:
        os.makedirs(cli.path("open"), 0o755, exist_ok=True)
        cli.config(top=top)
        done = cli.run("check", "--config", "kitehook.yml")
        report.check(f"check warns of the host: {place}",
                     done.code == 0 and
                     re.search(rf"^kitehook\.yml:\d+:1: warning: {place}", done.out, re.M) and
                     "no mistakes" in done.out, done)
    if os.geteuid() == 0:
        os.chown(cli.path("open"), 1, -1)
        done = cli.run("check", "--config", "kitehook.yml")
        report.check("check warns of the host: a foreign state folder", "belongs to user 1" in done.out, done)

    cli.config(top="")
    done = cli.run("check", "--config", "kitehook.yml")
    report.check("check: `notify` needs `state`", done.code == 1 and "needs `state`" in done.out, done)
    done = cli.run("check", "--lambda", "--config", "kitehook.yml")
    report.check("check --lambda: it does not", done.code == 0 and "no mistakes" in done.out, done)

    cli.file("kitehook.yml", BROKEN.replace('  - log\n    if: build.state == "failed"\n', GOOD_IF))
    done = cli.run("check", "--config", "kitehook.yml")
    lines = {line for line, _ in places(done.out)}
    report.check("check: all mistakes at once, of both halves",
                 done.code == 1 and {3, 4, 5, 6, 7, 11, 12, 13, 15} <= lines and
                 "no mistakes" not in done.out, done)
    report.check("check: did you mean",
                 "did you mean `max_body`" in done.out and "did you mean `state`" in done.out, done)
    answer = json.loads(cli.run("check", "--config", "kitehook.yml", "--json").out)
    told = {(one["line"], one["column"]) for one in answer["mistakes"] if one["severity"] == "error"}
    report.check("check --json: the same mistakes",
                 not answer["ok"] and answer["summary"] is None and told == places(done.out), answer)

    cli.file("kitehook.yml", BROKEN)
    done = cli.run("check", "--config", "kitehook.yml")
    report.check("check: YAML that is none", done.code == 1 and places(done.out), done)
    report.check("check: an empty file", cli.run("check", "--config", cli.file("empty.yml", "")).code == 1,
                 "")
    for how in ([], ["--json"]):
        done = cli.run("check", "--config", "nowhere.yml", *how)
        report.check(f"check: no file {how}", done.code == 3 and "nowhere.yml" in done.out, done)


LAMBDA = """webhook:
  signature: [{name: a, ssm: /kitehook/a}, {name: b, file: secret}]
  token: {credential: token}
env_file: env
state: state
worker: service
tables: {people: {file: people.yml}, rooms: {entries: {a: b}}}
notify:
  - slack: {url: {env: SLACK_URL}}
  - slack: {url: {ssm: /kitehook/notify/slack}}
  - lifx: {token: {secretsmanager: lamp, key: token}}
"""


def test_check_lambda(cli, report):
    """Each line of LAMBDA that has no place in a function, and no other, is warned of."""
    cli.file("secret", "a-secret-of-the-test\n")
    cli.file("env", "SLACK_URL=https://hooks.slack.com/services/x\n")
    os.makedirs(cli.path("credentials"), exist_ok=True)
    cli.file("credentials/token", "a-token-of-the-test\n")
    cli.file("people.yml", "a@x.example: A\n")
    cli.file("kitehook.yml", LAMBDA)
    done = cli.run("check", "--lambda", "--config", "kitehook.yml",
                   env={"CREDENTIALS_DIRECTORY": cli.path("credentials")})
    warned = re.findall(r"^kitehook\.yml:(\d+):\d+: warning: ([\w.]+):", done.out, re.M)
    report.check("check --lambda: what has no place there",
                 done.code == 0 and sorted(warned) == [
                     ("2", "file"), ("3", "credential"), ("4", "env_file"), ("5", "state"), ("6", "worker"),
                     ("7", "tables.people"), ("9", "env")], done)
    told = done.out.partition("on Lambda")[2]
    report.check("check --lambda: what will happen",
                 all(text in told for text in ("no memory", "no retry", "lifx: 20 at once",
                                               "slack: 1 at once, then one each 1.05 s")) and
                 told.count("slack:") == 1, done)


def test_check_receiver(cli, report):
    cli.config(rules="  - teams: {}\n", top="state: state\n")
    report.check("check sees a broken rule", cli.run("check", "--config", "kitehook.yml").code == 1, "")
    done = cli.run("check", "--config", "kitehook.yml", "--receiver")
    report.check("check --receiver does not look at rules", done.code == 0 and "not looked at" in done.out,
                 done)
    cli.config()
    done = cli.run("check", "--config", "kitehook.yml")
    report.check("check: notify needs state",
                 done.code == 1 and "`state`" in done.out and len(places(done.out)) == 1, done)
    cli.config(rules="", secret=b"")
    report.check("check: an empty secret", cli.run("check", "--config", "kitehook.yml").code == 1, "")


# ---- invoke


def subset(expected, actual):
    return all(actual.get(key) == value for key, value in expected.items())


def test_invoke_fixtures(cli, report):
    rules = ("  - { name: builds, slack: { url: { env: SLACK_WEBHOOK_URL } }, events: build.finished }\n"
             "  - { name: journal, log: {}, events: [ping, build.*, job.*, agent.*, cluster_token.*, "
             "package.*, workflow.*] }\n")
    config = cli.config(rules=rules)
    cases = fixtures()
    report.check("there are fixtures", len(cases) > 18, len(cases))
    for case in cases:
        expect = case.expect
        done = cli.run("invoke", "--config", config, "--json", str(case.folder))
        told = json.loads(done.out or '{"answer":{}}')
        good = (done.code == (0 if expect["status"] == 200 else 1) and
                told["answer"].get("status") == expect["status"] and
                subset(expect["answer"], told["answer"]["body"]) and subset(expect["log"], told["log"][0]) and
                [one["rule"] for one in told["deliveries"]] == expect.get("notify", []))
        report.check(f"invoke: fixture {case.name}", good, done)
        cli.lines += told.get("log", [])
    done = cli.run("invoke", "--config", config, "--now", str(cases[0].expect["now"] + 299),
                   str(cases[0].folder))
    report.check("invoke: --now beats the fixture's clock", done.code == 1 and "timestamp_stale" in done.out,
                 done)


def test_invoke_forms(cli, report):
    body = webhook(1, "failed")
    config = cli.config(rules="  - slack: { url: { env: SLACK_WEBHOOK_URL } }\n  - log\n")
    file = cli.file("body.json", body)
    done = cli.run("invoke", "--config", config, file)
    report.check("invoke: bare JSON",
                 done.code == 0 and done.out.startswith("answer: 200 ") and "deliveries: 2" in done.out and
                 "POST to slack env:SLACK_WEBHOOK_URL" in done.out and "not sent" in done.out and
                 "T0PLANTED" not in done.out, done)
    report.check("invoke: standard input", cli.run("invoke", "--config", config, "-", input=body).code == 0,
                 "")
    report.check("invoke keeps nothing", not os.path.exists(cli.path("state")), "")
    config = cli.config(proof="token")
    done = cli.run("invoke", "--config", config, "--json", file)
    told = json.loads(done.out)
    report.check("invoke: bare JSON in token mode", done.code == 0 and told["log"][0]["proof"] == "token",
                 done)
    cli.lines += told["log"]

    config = cli.config()
    done = cli.run("invoke", "--config", config, "-", input=b"this is no JSON")
    report.check("invoke: a body that is no JSON",
                 done.code == 1 and "answer: 400" in done.out and "json_syntax" in done.out, done)
    now = 1700000000
    head = (f"POST /x HTTP/1.1\r\ncontent-type: application/json\r\nX-Buildkite-Signature: timestamp={now},"
            f"signature={sign_quickly(SECRET, now, body)}\r\n")
    chunked = (b"".join(b"%x;ext=1\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) +
               b"0\r\n\r\n")
    for name, message, status in [
        ("whole", head.encode() + b"\r\n" + body, 200),
        ("an https URI", head.replace(" /x ", " https://hooks.example/x ").encode() + b"\r\n" + body, 200),
        ("an http URI", head.replace(" /x ", " http://[::1]:8080/ ").encode() + b"\r\n" + body, 200),
        ("bare line feeds", head.replace("\r\n", "\n").encode() + b"\n" + body, 200),
        ("with a length", head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body, 200),
        ("more than its length", head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body + b"\n",
         200),
        ("less than its length", head.encode() + b"Content-Length: %d\r\n\r\n" % (len(body) + 1) + body, 400),
        ("a length that is none", head.encode() + b"Content-Length: 0x10\r\n\r\n" + body, 400),
        ("two lengths", head.encode() + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n" + body, 400),
        ("chunked", head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunked, 200),
        ("chunked and cut", head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunked[:-5], 400),
        ("chunks of nonsense", head.encode() + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("another body", head.encode() + b"\r\n" + body + b" ", 401),
        ("the header twice", head.encode() + head.encode().partition(b"\r\n")[2] + b"\r\n" + body, 415),
        ("GET", b"GET / HTTP/1.1\r\n\r\n", 200), ("HEAD", b"HEAD / HTTP/1.1\r\n\r\n", 200),
        ("PUT", b"PUT / HTTP/1.1\r\n\r\n", 405),
    ]:
        done = cli.run("invoke", "--config", config, "--json", "--now", str(now), "-", input=message)
        told = json.loads(done.out or '{"answer":{}}')
        report.check(f"invoke: request, {name}",
                     told["answer"].get("status") == status and done.code == (0 if status == 200 else 1),
                     done)
        cli.lines += told.get("log", [])
    done = cli.run("invoke", "--config", config, "-", input=b"POST / HTTP/1.1\r\nno colon here\r\n\r\n")
    report.check("invoke: a request that is none", done.code == 2 and "':'" in done.err, done)
    done = cli.run("invoke", "--config", config, cli.file("request", head.encode() + b"\r\n" + body))
    report.check("invoke: an old request says how to judge it",
                 done.code == 1 and "timestamp_stale" in done.out and "--now" in done.out, done)
    report.check("invoke: no file", cli.run("invoke", "--config", config, "nowhere").code == 2, "")
    report.check("invoke: no config", cli.run("invoke", "--config", "nowhere.yml", file).code == 3, "")
    report.check("invoke: a broken rule",
                 cli.run("invoke", "--config", cli.config(rules="  - teams: {}\n"), file).code == 3, "")


def test_fixture_by_name(cli, report):
    """One's own configuration has another secret than the fixtures."""
    folder = str(ROOT / "fixtures" / "events" / "build_finished_failed")
    for proof in ("signature", "token"):
        config = cli.config(rules="  - log\n", secret=b"a secret of one's own", proof=proof)
        done = cli.run("invoke", "--config", config, folder)
        report.check(f"invoke: a fixture's folder is refused, and --sign named ({proof})",
                     done.code == 1 and "--sign signs it" in done.out, done)
        for arguments in (["--sign", folder], ["build_finished_failed"]):
            done = cli.run("invoke", "--config", config, "--json", *arguments)
            answer = json.loads(done.out)
            report.check(f"invoke {arguments[0]} ({proof})",
                         done.code == 0 and answer["log"][0]["proof"] == proof and
                         answer["log"][0]["timestamp"].startswith("2025-10-09T"), done)
    report.check("explain: a fixture by its name",
                 cli.run("explain", "--config", config, "build_finished_failed").code == 0, "")
    done = cli.run("invoke", "--config", config, "--sign", "--now", "1", "wrong_name_of_a_file")
    report.check("invoke: no such fixture", done.code == 2 and "fixtures/events" in done.err, done)
    done = cli.run("invoke", "--config", config, "build_finishd_failed")
    report.check("invoke: nearly a fixture's name",
                 done.code == 2 and "did you mean 'build_finished_failed'?" in done.err, done)
    cli.file("ping", webhook(7))
    answer = json.loads(cli.run("invoke", "--config", config, "--json", "ping").out)
    report.check("invoke: a file comes before a fixture of its name",
                 answer["log"][0]["event"] == "build.finished", answer)


def test_invoke_send(cli, report):
    body = webhook(2, "failed")
    for name, status, code, outcome in [("200", 200, 0, "delivered"), ("500", 500, 4, "retry"),
                                        ("404", 404, 4, "retry"), ("400", 400, 4, "dead")]:
        with Catcher(lambda path, got, status=status: status) as catcher:
            config = cli.config(rules="  - slack: { url: { env: SLACK_WEBHOOK_URL } }\n  - log\n",
                                url=catcher.url(HOOK))
            dry = json.loads(cli.run("invoke", "--config", config, "--json", "-", input=body).out)
            report.check(f"invoke without --send sends nothing ({name})",
                         catcher.caught == [] and "result" not in dry["deliveries"][0], dry)
            done = cli.run("invoke", "--config", config, "--send", "--json", "-", input=body)
            told = json.loads(done.out)
            result = told["deliveries"][0]["result"]
            report.check(f"invoke --send: {name}",
                         done.code == code and result["outcome"] == outcome and result["status"] == status and
                         told["deliveries"][1]["result"]["outcome"] == "delivered" and
                         told["answer"]["status"] == 200, done)
            report.check(f"invoke --send: {name}: one request, as it was told",
                         [(one.path, one.json) for one in catcher.caught] ==
                         [(HOOK, dry["deliveries"][0]["body"])], catcher.caught)
            done = cli.run("invoke", "--config", config, "--send", "-", input=body)
            report.check(f"invoke --send, for people: {name}",
                         done.code == code and f"-> {outcome}" in done.out and
                         f"HTTP {status}" in done.out, done)
            cli.lines += told["log"]
    done = cli.run("invoke", "--config", cli.config(), "--send", "-", input=body)
    report.check("invoke --send: nobody listens", done.code == 4 and "-> retry: delivery_failed" in done.out,
                 done)


# ---- over all


def test_nothing_leaks(cli, report):
    """Runs last, over all that was said by then."""
    report.check("something was said", len(cli.said) > 100, len(cli.said))
    for arguments, text in cli.said:
        found = [secret for secret in ("T0PLANTED", "secret-path", SECRET.decode()) if secret in text]
        if found:
            report.check(f"no secret in what {' '.join(arguments)} said", False, found)
    report.check("no secret in the lines", "T0PLANTED" not in json.dumps(cli.lines), "")


def test_lines_fit_the_schema(cli, report):
    try:
        import jsonschema
    except ImportError:
        report.skip("log lines fit the schema", "python3-jsonschema is not installed")
        return
    schema = json.loads((ROOT / "docs" / "log.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    bad = [(line, next(validator.iter_errors(line)).message) for line in cli.lines
           if not validator.is_valid(line)]
    report.check(f"{len(cli.lines)} log lines fit the schema", cli.lines and not bad, bad[:3])


TESTS = [*cli_worker.TESTS, test_help, test_man_page, test_misuse, test_version, test_reader_that_leaves,
         test_eval, test_eval_input, test_check, test_check_receiver, test_check_lambda,
         test_check_who_may_write, *cli_proof.TESTS, test_invoke_fixtures, test_invoke_forms,
         test_fixture_by_name, test_invoke_send]


sys.exit(cli_run.main(__doc__, TESTS, [test_lines_fit_the_schema, test_nothing_leaks]))
