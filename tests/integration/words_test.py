#!/usr/bin/env python3
"""The words of Buildkite's `notify:` as they stand in a pipeline.yml, over real HTTP: what each place gets,
what its answers mean, and that what stands in the file itself is a secret everywhere.

usage: words_test.py --build DIR [--only REGEX] [--keep] [--verbose]

The oracle for signatures is Python's hmac, for answers answers.py; docs/notifiers.md has the tables of that.
"""
import base64
import hashlib
import hmac
import json
import pathlib
import subprocess
import sys
import time

import answers
import cli_run
from catcher import Catcher
from cli_worker import drop, entry, of_message, ring
from common import FIXTURES, ROOT, webhook
from stories import stories, tell

KEY = base64.b64encode(b"planted-key-of-twenty-four").decode()
HEX = "0123456789abcdef"


def config(cli, notify, state="state: state\n", **variables):
    cli.file("webhook-secret", cli_run.SECRET)
    cli.file("env", "".join(f"{name}={value}\n" for name, value in variables.items()))
    head = f"webhook:\n  signature: {{ file: webhook-secret }}\nenv_file: env\n{state}worker: service\n"
    return cli.file("kitehook.yml", f"{head}{notify}")


def send(cli, what):
    """`invoke --send` of WHAT: the deliveries, with their results."""
    given, name = (what, "-") if isinstance(what, bytes) else (b"", str(ROOT / "fixtures/events" / what))
    done = cli.run("invoke", "--send", "--sign", "--json", "--config", cli.path("kitehook.yml"), name,
                   input=given)
    return json.loads(done.out)


def headers_of(caught):
    return {name.lower(): value for name, value in caught.headers.items()}


# ---- slack by token

SERVICES = "services:\n  slack:\n    acme: { token: { env: ACME }, url: { env: API } }\n" \
           "    other: { token: { env: OTHER }, url: { env: API } }\n"


def test_slack_goes_to_each_channel(cli, report):
    said = b'{"ok":true,"channel":"C1","ts":"1.1","message":{"text":"' + b"x" * 9000 + b'"}}'
    with Catcher(lambda *_: (200, {"Content-Type": "application/json"}, said)) as api:
        config(cli, SERVICES + "notify:\n  - slack:\n      channels: ['acme#builds', '#all', U061F7AUR]\n"
               "      message: 'broke on ${BUILDKITE_BRANCH}'\n", ACME="xoxb-acme", OTHER="xoxb-other",
               API=api.url("/api/chat.postMessage"))
        told = send(cli, "build_finished_failed")
        got = sorted((headers_of(one)["authorization"], one.json["channel"], one.json["text"])
                     for one in api.caught)
        report.check("each channel, in each workspace", got == sorted(
            (f"Bearer xoxb-{team}", channel, "broke on main")
            for team, channels in (("acme", ("#builds", "#all", "U061F7AUR")),
                                   ("other", ("#all", "U061F7AUR")))
            for channel in channels), got)
        ids = {one["id"] for one in told["deliveries"]}
        report.check("each has an id of its own", len(ids) == 5, ids)
        report.check("all were delivered",
                     all(one["result"]["outcome"] == "delivered" for one in told["deliveries"]), told)
        report.check("as JSON, to the method", all(
            one.path == "/api/chat.postMessage" and headers_of(one)["content-type"] == "application/json"
            for one in api.caught), [one.path for one in api.caught])


def test_a_channel_may_be_a_template(cli, report):
    """One that comes to no channel gets nothing, is told of once, and stops no other rule."""
    with Catcher(lambda *_: (200, {}, b'{"ok":true}')) as api:
        config(cli, "notify:\n  - slack: ['#ci-{{build.branch}}', '#{{build.tag}}']\n  - log\n"
               "services: { slack: { token: { env: TOKEN }, url: { env: API } } }\n", TOKEN="xoxb-1",
               API=api.url("/"))
        told = send(cli, "build_finished_failed")
        report.check("the branch is in it", [one.json["channel"] for one in api.caught] == ["#ci-main"],
                     [one.body for one in api.caught])
        failed = [line for line in told["log"] if line.get("message") == "rule failed"]
        report.check("no_place, once", [line.get("reason") for line in failed] == ["no_place"] and
                     failed[0]["level"] == "ERROR" and failed[0]["rule"] == "slack-1", told["log"])
        report.check("the other rule goes on", "log-2" in {one["rule"] for one in told["deliveries"]}, told)


# ---- what came before

# A rule, the golden file's notifier, where it posts to, and what a request adds to that body.
TOLD = [
    ("slack: '#builds'", "slack", "/slack-api", {"channel": "#builds"}),
    ("slack: { url: { env: SLACK_HOOK } }", "slack", "/slack-hook", {}),
    ("webhook: { env: HOOK }", "webhook", "/hook", {}),
    ("basecamp_campfire: { env: CAMPFIRE }", "basecamp_campfire", "/campfire", {}),
    ("pagerduty_change_event: { key: { env: KEY }, url: { env: CHANGES } }", "pagerduty_change_event",
     "/changes", {"routing_key": HEX * 2}),
]
ANSWERS = {"/slack-api": (200, {}, b'{"ok":true}'), "/changes": (202, {}, b"{}"), "/campfire": 201}


def test_stories_arrive_as_their_golden_files(cli, report):
    """A worker that remembers tells the last webhook of each story as the pure test does."""
    with Catcher(lambda path, _: ANSWERS.get(path, 200)) as places:
        for story in stories():
            rules = "".join(f"  - {rule}\n{story.only_last()}" for rule, *_ in TOLD)
            config(cli, f"services: {{ slack: {{ token: {{ env: TOKEN }}, url: {{ env: API }} }} }}\n"
                   f"notify:\n{rules}", f"state: {story.name}\n", TOKEN="xoxb-1", KEY=HEX * 2,
                   API=places.url("/slack-api"), SLACK_HOOK=places.url("/slack-hook"),
                   HOOK=places.url("/hook"), CAMPFIRE=places.url("/campfire"), CHANGES=places.url("/changes"))
            places.caught.clear()
            done = tell(cli, story)
            report.check(f"{story.name}: one for each rule", len(places.caught) == len(TOLD), done)
            for rule, notifier, path, more in TOLD:
                got = [one.json for one in places.at(path)]
                report.check(f"{story.name}, {rule}", got == [{**story.golden(notifier), **more}], got)


def units(text):
    """As a place counts that is written in JavaScript; never fewer than characters."""
    return len(text.encode("utf-16-le")) // 2


def texts_of(node):
    """Every text that a message of Slack's shows."""
    if isinstance(node, dict):
        return [text for value in node.values() for text in texts_of(value)] \
            if "text" not in node or isinstance(node["text"], dict) else [node["text"]]
    return [text for one in node for text in texts_of(one)] if isinstance(node, list) else []


# Of a golden body: what a place bounds, how it counts, and how much it takes (facts: each vendor's pages).
LIMITS = {
    "slack": [("text", lambda body: units(body["text"]), 40000),
              ("all blocks", lambda body: sum(map(units, texts_of(body["blocks"]))), 13200)],
    "pagerduty_change_event": [("summary", lambda body: len(body["payload"]["summary"]), 1024),
                               ("all", lambda body: len(json.dumps(body)), 512 * 1024)],
    "github_commit_status": [("description", lambda body: len(body["description"]), 140)],
    "github_check": [("title", lambda body: len(body["output"]["title"]), 255),
                     ("summary", lambda body: len(body["output"]["summary"].encode()), 65535)],
}


def test_golden_files_are_within_limits(cli, report):
    for notifier, limits in LIMITS.items():
        files = sorted(FIXTURES.glob(f"*/*/{notifier}.json"))
        report.check(f"{notifier}: there are golden files", len(files) > 60, len(files))
        for what, count, most in limits:
            longest = {file.parent.name: count(json.loads(file.read_text(encoding="utf-8")))
                       for file in files}
            over = {name: length for name, length in longest.items() if not 0 < length <= most}
            report.check(f"{notifier}: {what}, at most {most}", not over, over)
            report.check(f"{notifier}: {what} comes near", notifier == "github_check" or what == "all" or
                         max(longest.values()) > most / 50, max(longest.values()))


# ---- tables

TABLES = "tables:\n  people: { file: people.yml }\n  rooms: { entries: { kite-*: '#kites' } }\n" \
         "services: { slack: { token: { env: TOKEN }, url: { env: API } } }\n"


def test_an_address_is_a_key_and_nothing_else(cli, report):
    """The place fails, so that what is owed lies in the outbox."""
    with Catcher(lambda *_: (503, {}, b"")) as api:
        cli.file("people.yml", "planted@x.example: <@U012AB3CD>\n'planted-*': '#people'\n")
        path = config(cli, TABLES + "notify:\n  - slack:\n      channels:\n"
                      "        - '{{pipeline.slug | table rooms}}'\n"
                      "        - '{{build.creator.email | table people}}'\n"
                      "      message: 'by {{build.author.email | table people}}'\n", TOKEN="xoxb-1",
                      API=api.url("/"))
        body = webhook(7, author={"name": "Planted <planted@x.example>", "email": "planted@x.example"},
                       creator={"id": "u-1", "name": "Mara", "email": "planted-mara@x.example"})
        state = pathlib.Path(cli.path("state"))
        drop(state, entry(body, number=7))
        ring(state)
        worker = cli.run("worker", "--once", "--config", path, seconds=60)
        sent = [one.json for one in api.caught]
        report.check("both tables say where",
                     sent and {one["channel"] for one in sent} <= {"#kites", "#people"}, sent)
        report.check("the author is mentioned", all(
            '{"type":"user","user_id":"U012AB3CD"}' in json.dumps(one, separators=(",", ":"))
            for one in sent), sent)
        pathlib.Path(cli.path("body.json")).write_bytes(body)
        said = [worker.out + worker.err, *(one.body.decode() for one in api.caught)]
        said += [cli.run(*words, "--config", path).out for words in (
            ["explain", cli.path("body.json")], ["explain", "--json", cli.path("body.json")],
            ["check", "--json"], ["status", "--json"], ["outbox", "list", "--json"])]
        rows = json.loads(said[-1])["deliveries"]
        said += [cli.run("outbox", "show", "--json", row["id"], "--config", path).out for row in rows]
        kept = b"".join(one.read_bytes() for one in state.rglob("*") if one.is_file())
        report.check("both are owed", len(rows) == 2, rows)
        report.check("no address is shown", all(said) and "planted" not in "".join(said),
                     [one for one in said if "planted" in one])
        report.check("none is kept", b"planted" not in kept and rows[0]["id"].encode() in kept, "")
        pathlib.Path(cli.path("people.yml")).write_text("planted@x.example: [a]\n", encoding="utf-8")
        done = cli.run("check", "--config", path)
        report.check("check names the file's line, and no address", done.code == 1 and
                     "people.yml:1:1: tables.people: " in done.out and "planted" not in done.out, done)


def test_hostile_branches_choose_no_channel(cli, report):
    with Catcher(lambda *_: (200, {}, b'{"ok":true}')) as api:
        config(cli, "notify:\n  - slack: '{{build.branch}}'\n"
               "services: { slack: { other: { token: { env: TOKEN }, url: { env: API } },\n"
               "                     acme: { token: { env: TOKEN }, url: { env: API } } } }\n",
               TOKEN="xoxb-1", API=api.url("/"))
        for branch in ("other#general", "<!channel>", "#a b", "#a,#b", "@", "#", "#A", "x" * 5000):
            send(cli, webhook(1, branch=branch))
        report.check("none of them got a message", not api.caught, [one.body for one in api.caught])


# ---- webhook without a key of its own


def test_webhook_is_signed_by_a_service_alone(cli, report):
    with Catcher() as place:
        url = place.url("/planted/hook")
        for services in ("", "services: { webhook: { secret: { env: KEY } } }\n"):
            place.caught.clear()
            config(cli, f"notify:\n  - webhook: {url}\n{services}", KEY=KEY)
            told = send(cli, "build_finished_failed")
            one, = place.caught
            headers = headers_of(one)
            signed = {name for name in headers if name.startswith("webhook-")}
            if not services:
                report.check("without a service it is not signed", not signed, headers)
                continue
            message = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + one.body
            mac = hmac.new(base64.b64decode(KEY), message, hashlib.sha256).digest()
            report.check("with one it is",
                         headers.get("webhook-signature") == "v1," + base64.b64encode(mac).decode(), headers)
            report.check("by the delivery's id", headers["webhook-id"] == told["deliveries"][0]["id"], told)


# ---- forms and events

def test_the_form_says_when(cli, report):
    path = config(cli, SERVICES + "notify:\n  - slack: '#a'\n  - slack: { url: { env: API } }\n"
                  "  - webhook: { env: API }\n  - slack: '#a'\n    if: build.state == 'blocked'\n",
                  ACME="xoxb-1", OTHER="xoxb-2", API="http://127.0.0.1:9/")
    events = {"build_failing": [1, 4], "build_finished_failed": [1, 2, 3, 4], "blocked_build": [2, 3, 4],
              "build_running": [3], "build_scheduled": [3], "build_skipped": [], "job_finished_failed": []}
    for fixture, expected in events.items():
        told = json.loads(
            cli.run("explain", "--json", "--config", path, str(ROOT / "fixtures/events" / fixture)).out)
        by_event = [number for number, rule in enumerate(told["rules"], 1) if rule["events"]["matches"]]
        report.check(f"{fixture}: which rules are for it", by_event == expected, by_event)
    shown = cli.run("explain", "--config", path, str(ROOT / "fixtures/events/blocked_build")).out
    report.check("explain says why", "(the default, but for builds that are blocked)" in shown, shown)
    shown = cli.run("check", "--config", path).out
    report.check("check says what Buildkite's form would be for",
                 shown.count("note: ") == 1 and "note: at build.finished; Buildkite's own form of it is for "
                 "build.failing, build.finished" in shown, shown)
    report.check("and where each goes", "slack-1 -> slack service:acme env:ACME env:API #a, "
                 "slack service:other env:OTHER env:API #a" in shown, shown)


# ---- what stands in the file itself


INLINE = "  - webhook: {url}/planted-hook\n  - basecamp_campfire: {url}/planted-camp\n" \
         "  - pagerduty_change_event: plantedplantedplantedplantedplan\n    name: duty\n"


def test_what_stands_in_the_file_is_a_secret(cli, report):
    """The places fail, and echo what they get."""
    with Catcher(lambda _, body: (503, {}, body)) as place:
        path = config(cli, "notify:\n" + INLINE.format(url=place.url("")))
        checked = cli.run("check", "--config", path)
        report.check("check warns, and says how to move each", checked.code == 0 and all(
            f"`{how}`" in checked.out for how in ("webhook: {env: HOOK_URL}",
                                                  "basecamp_campfire: {env: BASECAMP_URL}",
                                                  "pagerduty_change_event: {env: PAGERDUTY_KEY}")), checked)
        told = send(cli, "build_finished_failed")
        paths = sorted(one.path for one in place.caught)
        report.check("both were sent to", "/planted-hook" in paths and "/planted-camp" in paths, paths)
        state = pathlib.Path(cli.path("state"))
        drop(state, entry(webhook(7), number=7))
        ring(state)
        worker = cli.run("worker", "--once", "--config", path, seconds=60)
        said = [checked.out, json.dumps(told), worker.out + worker.err]
        said += [cli.run(*words, "--config", path).out for words in (
            ["check", "--json"], ["explain", str(ROOT / "fixtures/events/build_finished_failed")],
            ["explain", "--json", str(ROOT / "fixtures/events/build_finished_failed")], ["status"],
            ["status", "--json"], ["outbox", "list"], ["outbox", "list", "--json"])]
        rows = json.loads(said[-1])["deliveries"]
        said += [cli.run("outbox", "show", *more, row["id"], "--config", path).out
                 for row in rows for more in ([], ["--json"])]
        kept = b"".join(one.read_bytes() for one in state.rglob("*") if one.is_file())
        report.check("they are owed", len(rows) >= 2, rows)
        report.check("nothing shows them", all(said) and "planted" not in "".join(said),
                     [one for one in said if "planted" in one])
        report.check("nothing keeps them", b"planted" not in kept and rows[0]["id"].encode() in kept, "")
        names = {row["destination"].split(" ")[1].partition(":")[0] for row in rows}
        report.check("they are named by a hash", names == {"here"}, rows)


def test_variables_of_the_agent_are_no_secrets(cli, report):
    path = config(cli, "notify:\n  - pagerduty_change_event: $PAGERDUTY_KEY\n"
                  "  - webhook: https://hooks.example/${HOOK_TOKEN}\n")
    done = cli.run("check", "--config", path)
    report.check("check says who knows them", done.code == 1 and
                 done.out.count("only Buildkite's agent knows its variables") == 2, done)


# ---- what answers mean


NOTIFY = {
    "slack, by token":
        "  - slack: '#builds'\nservices: { slack: { token: { env: TOKEN }, url: { env: URL } } }\n",
    "slack, by a webhook's URL": "  - slack: { url: { env: URL } }\n",
    "webhook": "  - webhook: { env: URL }\n",
    "pagerduty_change_event": "  - pagerduty_change_event: { key: { env: TOKEN }, url: { env: URL } }\n",
    "basecamp_campfire": "  - basecamp_campfire: { env: URL }\n",
    "github_commit_status": "  - github_commit_status\n"
                            "services: { github: { token: { env: TOKEN }, url: { env: URL } } }\n",
    "github_check": "  - github_check\n"
                    "services: { github: { app: 1, installation: 2, private_key: { file: app.pem },"
                    " url: { env: URL } } }\n",
}


def test_answers_mean_what_the_tables_say(cli, report):
    document = (ROOT / "docs/notifiers.md").read_text(encoding="utf-8")
    grant = 201, {}, b'{"token":"ghs_planted","expires_at":"2099-01-01T00:00:00Z"}'
    cli.file("app.pem", subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True).stdout)
    with Catcher(lambda path, _: grant if path.endswith("/access_tokens") else answer) as place:
        for name, rows in answers.PLACES.items():
            config(cli, "notify:\n" + NOTIFY[name], URL=place.url("/"), TOKEN="planted-token")
            wrong = []
            for status, body, then, words in rows:
                answer = (status, *(body if isinstance(body, tuple) else ({}, body)))
                one, = send(cli, "build_finished_failed")["deliveries"]
                if answers.RESULTS[one["result"].get("reason", "ok")] != then:
                    wrong.append((status, words, then, one["result"]))
            report.check(f"{name}: {len(rows)} answers", not wrong, wrong)
            made = answers.table(rows)
            report.check(f"{name}: docs/notifiers.md has the table", made in document, made)
            if made not in document or report.verbose:
                print(f"{name}\n\n{made}\n")


TESTS = [test_slack_goes_to_each_channel, test_the_form_says_when, test_a_channel_may_be_a_template,
         test_an_address_is_a_key_and_nothing_else, test_hostile_branches_choose_no_channel,
         test_webhook_is_signed_by_a_service_alone,
         test_what_stands_in_the_file_is_a_secret, test_variables_of_the_agent_are_no_secrets,
         test_stories_arrive_as_their_golden_files, test_golden_files_are_within_limits,
         test_answers_mean_what_the_tables_say]

if __name__ == "__main__":
    sys.exit(cli_run.main(__doc__, TESTS))
