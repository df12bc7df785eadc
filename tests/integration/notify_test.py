#!/usr/bin/env python3
"""`kitehook notify --test`: what arrives where, what is said of each answer, and that no secret is.

usage: notify_test.py --build DIR [--only REGEX] [--keep] [--verbose]

What arrived a catcher says; mails a server that is aiosmtpd.
"""
import json
import pathlib
import subprocess
import sys

import cli_run
from catcher import Catcher
from common import SECRET, webhook

try:
    from mail_server import MailServer
except ImportError:
    MailServer = None

SLACK, GITHUB = "xoxb-planted-slack", "ghp_plantedPlantedPlanted0123456789"
KEY = "cGxhbnRlZC1rZXktb2YtdHdlbnR5LWZvdXI="
TOPIC = "planted-topic-of-ours"
PLANTED = [SLACK, GITHUB, KEY, TOPIC, "planted-path", SECRET.decode()]
COMMIT = "3f9c1a7be2d04c8896a5f00d1b2c3d4e5f607182"
HOOK = "  - name: hook\n    webhook: {url: {env: HOOK_URL}, secret: {env: KEY}}\n"


def config(cli, rules, url="http://127.0.0.1:9", services="",
           github="{token: {env: GITHUB}, url: {env: API}}"):
    cli.file("webhook-secret", SECRET)
    cli.file("env", f"SLACK={SLACK}\nGITHUB={GITHUB}\nKEY={KEY}\nTOPIC={TOPIC}\nAPI={url}/planted-path\n"
             f"HOOK_URL={url}/planted-path/hook\n")
    cli.config_path = cli.file("kitehook.yml", "webhook: {signature: {file: webhook-secret}}\nenv_file: env\n"
                               "state: state\n"
                               "services:\n  slack: {token: {env: SLACK}, url: {env: API}}\n"
                               f"  github: {github}\n{services}notify:\n{rules}")


def tried(cli, report, *arguments, **more):
    """What the command does, once for people and once for scripts; planted secrets are in neither."""
    people = cli.run("notify", "--test", "--config", cli.config_path, *arguments, **more)
    scripts = cli.run("notify", "--test", "--json", "--config", cli.config_path, *arguments, **more)
    text = people.out + people.err + scripts.out + scripts.err
    report.check("no secret is said", not [one for one in PLANTED if one in text], text)
    report.check("both forms exit alike", people.code == scripts.code, (people, scripts))
    report.check("nothing is kept", not pathlib.Path(cli.path("state")).exists(), "")
    return people, json.loads(scripts.out)["rules"]


def slack_answers(_path, body):
    channel = json.loads(body)["channel"]
    answer = {"ok": False, "error": "channel_not_found"}
    if channel == "#good":
        answer = {"ok": True, "channel": "C0123456789", "ts": "1503435956.000247"}
    return 200, {"Content-Type": "application/json"}, json.dumps(answer, separators=(",", ":")).encode()


# ---- one rule


def test_delivered(cli, report):
    with Catcher() as catcher:
        config(cli, HOOK + "  - log\n", catcher.url(""))
        people, (told,) = tried(cli, report, "hook")
        first, second = catcher.caught
        said = "This is a test of kitehook's rule hook"
        report.check("it arrives as a test",
                     first.json["data"]["pipeline"]["name"] == "kitehook test" and
                     first.json["data"]["build"]["message"] == said, first.body)
        report.check("and is shown", said in people.out and "-> delivered: HTTP 200" in people.out and
                     people.code == 0, people)
        sent, = told["deliveries"]
        report.check("as JSON what was sent", told["delivered"] and sent["body"] == second.json and
                     sent["outcome"] == "delivered" and sent["status"] == 200, told)
        report.check("no place takes the second one for a repeat",
                     first.headers["webhook-id"] != second.headers["webhook-id"], first.headers)
        catcher.caught.clear()
        people, _ = tried(cli, report, "hook", "-", input=webhook(7))
        first, second = catcher.caught
        report.check("nor of a webhook that is given, whose texts it has",
                     first.headers["webhook-id"] != second.headers["webhook-id"] and
                     first.json["data"]["build"]["message"] == "Build 7" and people.code == 0, people)


def test_a_message_of_its_own(cli, report):
    with Catcher() as catcher:
        config(cli, "  - name: own\n    if: build.state == 'failed'\n    ntfy: {topic: {env: TOPIC}, "
               "url: {env: API}, message: 'on {{build.branch}}: {{build.message}}'}\n", catcher.url(""))
        people, _ = tried(cli, report, "own")
        report.check("whether the rule matches is not asked", people.code == 0, people)
        report.check("its template is rendered",
                     catcher.caught[0].json["message"] == "on main: This is a test of kitehook's rule own",
                     catcher.caught[0].body)


def test_several_places(cli, report):
    with Catcher(slack_answers) as catcher:
        config(cli, '  - name: chat\n    slack: {channels: ["#bad", "#good"]}\n', catcher.url(""))
        people, (told,) = tried(cli, report, "chat")
        report.check("each place has one", sorted(one.json["channel"] for one in catcher.caught) ==
                     ["#bad", "#bad", "#good", "#good"], catcher.caught)
        outcomes = {one["destination"].rpartition(" ")[2]: one["outcome"] for one in told["deliveries"]}
        report.check("and its own answer", outcomes == {"#bad": "refused", "#good": "delivered"}, told)
        report.check("one that fails is a no", people.code == 1 and not told["delivered"], people)
        bad, = (one for one in told["deliveries"] if one["outcome"] == "refused")
        report.check("with the judge's word and what to do", "channel" in bad["detail"] and
                     bad["cure"].startswith("correct") and bad["cure"] in people.out, bad)


def test_answers(cli, report):
    for status, outcome, cure in ((500, "failed", "later"), (429, "failed", "later"),
                                  (404, "refused", "correct"), (400, "refused", "will not help")):
        with Catcher(lambda *_, status=status: (status, {}, f"you sent {KEY}".encode())) as catcher:
            config(cli, HOOK, catcher.url(""))
            people, (told,) = tried(cli, report, "hook")
            sent, = told["deliveries"]
            report.check(f"{status} is {outcome}", people.code == 1 and sent["outcome"] == outcome and
                         cure in sent["cure"] and sent["status"] == status, sent)
            report.check("tried once a call", len(catcher.caught) == 2, len(catcher.caught))
    config(cli, HOOK)
    people, (told,) = tried(cli, report, "hook")
    report.check("no answer", people.code == 1 and told["deliveries"][0]["status"] is None, told)


# ---- what needs a webhook


def test_a_commit(cli, report):
    made = json.loads(webhook(7, commit=COMMIT))
    made["pipeline"]["repository"] = "git@github.com:acme/web.git"
    body = json.dumps(made).encode()
    with Catcher(lambda *_: (201, {"Content-Type": "application/json"}, b'{"id":1}')) as catcher:
        config(cli, "  - name: status\n    github_commit_status:\n", catcher.url(""))
        people, (told,) = tried(cli, report, "status")
        report.check("without one it is not tried, and says why", people.code == 1 and
                     "belongs to a commit" in people.out and "--test FILE" in told["problem"] and
                     not told["deliveries"] and not catcher.caught, people)
        people, (told,) = tried(cli, report, "status", "-", input=body)
        report.check("with one it is", people.code == 0 and told["delivered"] and
                     catcher.caught[0].path.endswith(f"/repos/acme/web/statuses/{COMMIT}"), people)
        report.check("in its words", "success: Kite Frame build #7 passed" in people.out, people)
        done = cli.run("notify", "--test", "--config", cli.config_path, "status", "-", input=b"no webhook")
        report.check("no webhook", done.code == 2 and "no webhook" in done.err, done)


def test_a_check_run_by_an_app(cli, report):
    """The token that it is let in by is a secret like those of the configuration."""
    grant = "ghs_planted0grant"
    token = json.dumps({"token": grant, "expires_at": "2099-01-01T00:00:00Z"}).encode()

    def api(path, body):
        if not body:
            return 200, {}, b'{"total_count":0,"check_runs":[]}'
        return 201, {"Content-Type": "application/json"}, token if "access_tokens" in path else b'{"id":1}'

    made = json.loads(webhook(7, commit=COMMIT))
    made["pipeline"]["repository"] = "git@github.com:acme/web.git"
    cli.file("app.pem", subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True).stdout)
    with Catcher(api) as catcher:
        config(cli, "  - name: check\n    github_check:\n", catcher.url(""),
               github="{app: 1, installation: 2, private_key: {file: app.pem}, url: {env: API}}")
        people, (told,) = tried(cli, report, "check", "-", input=json.dumps(made).encode())
        report.check("is made", people.code == 0 and told["delivered"] and
                     catcher.caught[2].path.endswith("/repos/acme/web/check-runs"), people)
        report.check("and its token is not said", grant not in people.out + people.err + json.dumps(told),
                     people)


def test_a_place_of_the_build(cli, report):
    with Catcher(slack_answers) as catcher:
        config(cli, '  - name: chat\n    slack: "#{{pipeline.slug}}{{build.tag}}"\n'
               '  - name: none\n    slack: "{{build.tag}}"\n', catcher.url(""))
        _, (told,) = tried(cli, report, "chat")
        report.check("it comes from the test", catcher.caught[0].json["channel"] == "#kitehook-test", told)
        people, (told,) = tried(cli, report, "none")
        report.check("one that comes to nothing",
                     people.code == 1 and "is empty for a test" in told["problem"], people)


def test_mail(cli, report):
    if not MailServer:
        report.skip("mail", "python3-aiosmtpd is not installed")
        return
    with MailServer(refused=("gone@kite.example",)) as server:
        config(cli, "  - name: mail\n    email: {to: [jane@kite.example, gone@kite.example, author]}\n",
               services=f"  email: {{smtp: 'smtp://127.0.0.1:{server.port}', from: ci@kite.example}}\n")
        people, (told,) = tried(cli, report, "mail")
        report.check("it arrives", {one.recipients[0] for one in server.mails} == {"jane@kite.example"} and
                     b"kitehook test" in server.mails[0].content, server.mails)
        report.check("addresses are masked", "j…@kite.example" in people.out and "jane" not in people.out and
                     "gone" not in people.out + json.dumps(told), people)
        report.check("a recipient that nobody has, and an author that a test has not", people.code == 1 and
                     [one["outcome"] for one in told["deliveries"]] == ["delivered", "refused"] and
                     "no author" in told["problem"], told)


# ---- all rules, and the command line


def test_all(cli, report):
    with Catcher(lambda path, _: 200 if path.endswith("/hook") else 500) as catcher:
        config(cli, "  - name: one\n    ntfy: {topic: {env: TOPIC}, url: {env: API}}\n" + HOOK + "  - log\n",
               catcher.url(""))
        people, told = tried(cli, report, "--all")
        report.check("each rule has its turn, and one that fails stops no other", people.code == 1 and
                     [(one["name"], one["delivered"]) for one in told] ==
                     [("one", False), ("hook", True), ("log-3", True)], told)
        report.check("a line for the log is there", '"message":"notification"' in people.err, people.err)


def test_misuse(cli, report):
    config(cli, "  - log\n")
    for arguments, code, hint in [
        (["--test"], 2, "NAME, of a rule, or --all"), (["log-1"], 2, "--test is missing"),
        (["--test", "nobody"], 2, "no rule 'nobody'"), (["--test", "log-1", "-", "x"], 2, "'x' is too much"),
        (["--test", "--all", "-", "x"], 2, "'x' is too much"),
        (["--test", "log-1", "/nonexistent"], 2, "/nonexistent"),
    ]:
        done = cli.run("notify", "--config", cli.config_path, *arguments)
        report.check(f"misuse: {' '.join(arguments)}", done.code == code and hint in done.err, done)
    done = cli.run("notify", "--test", "--all", "--config", "/nonexistent")
    report.check("no configuration", done.code == 3, done)


TESTS = [test_delivered, test_a_message_of_its_own, test_several_places, test_answers, test_a_commit,
         test_a_check_run_by_an_app, test_a_place_of_the_build, test_mail, test_all, test_misuse]

if __name__ == "__main__":
    sys.exit(cli_run.main(__doc__, TESTS))
