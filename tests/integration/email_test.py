#!/usr/bin/env python3
"""The notifier email against a real mail server: what arrives, by which way, and what an answer means.

usage: email_test.py --build DIR [--only REGEX] [--keep] [--verbose]

Mails are read by Python's email package (policy.default) and compared with the golden files of
fixtures/events; the server is aiosmtpd.
"""
import datetime
import email
import email.policy
import email.utils
import json
import random
import re
import socket
import sqlite3
import sys
import threading
import time

import cli_run
import mail_answers
from cli_worker import Worker, drop, entry, ring
from common import ROOT, SECRET, wait_until, webhook
from stories import stories, tell

try:
    from mail_server import PASSWORD, USER, MailServer, certificate
except ImportError as absent:
    print(f"not run: {absent} (script/setup test installs python3-aiosmtpd)")
    sys.exit(0)

HEADERS = ["Date", "From", "To", "Message-ID", "In-Reply-To", "References", "Subject", "List-Id",
           "Auto-Submitted", "MIME-Version", "Content-Type"]
TO_JANE = "  - email: jane@kite.example\n"
EVERY_EVENT = "    events: [ping, build.*, job.*, agent.*, cluster_token.*, package.*, workflow.*]\n"
SEED = 15


def config(cli, account, rules, top="", state="state"):
    cli.file("webhook-secret", SECRET)
    cli.file("env", f"MAIL_PASSWORD={PASSWORD}\n")
    return cli.file("kitehook.yml", "webhook:\n  signature: { file: webhook-secret }\nenv_file: env\n"
                    f"state: {state}\nworker: service\n{top}"
                    f"services: {{email: {{from: ci@kite.example, {account}}}}}\nnotify:\n{rules}")


def plain(server):
    return f"smtp: 'smtp://127.0.0.1:{server.port}'"


LOGIN = f", user: {USER}, password: {{env: MAIL_PASSWORD}}"


def send(cli, what):
    """`invoke --send` of WHAT, a body or a fixture: its deliveries."""
    given, name = (what, "-") if isinstance(what, bytes) else (b"", str(ROOT / "fixtures/events" / what))
    done = cli.run("invoke", "--send", "--sign", "--json", "--config", cli.path("kitehook.yml"), name,
                   input=given)
    return json.loads(done.out)["deliveries"]


def reason(sent):
    return sent["result"].get("reason")


def detail(sent):
    return sent["result"].get("detail", "")


def read(mail):
    return email.message_from_bytes(mail.content, policy=email.policy.default)


def part(message, kind):
    return message.get_body(preferencelist=(kind,)).get_content().replace("\r\n", "\n")


def faults(mail, sent, sender="ci@kite.example", recipient="jane@kite.example"):
    """What is wrong with MAIL, which is SENT, a delivery as `invoke` tells it."""
    message, body = read(mail), sent["body"]
    lines = mail.content.split(b"\r\n")
    thread = f"<{body['thread']}@kite.example>" if "thread" in body else None
    absent = ([] if thread else ["In-Reply-To", "References"]) + ([] if "list" in body else ["List-Id"])
    wanted = [name for name in HEADERS if name not in absent]
    checks = {
        "recipient": mail.recipients == [recipient] and mail.sender == sender,
        "headers": message.keys() == wanted,
        "defects": not message.defects and not any(one.defects for one in message.walk()) and
                   not any(getattr(value, "defects", ()) for value in message.values()),
        "to": [one.addr_spec for one in message["To"].addresses] == [recipient],
        "from": [one.addr_spec for one in message["From"].addresses] == [sender],
        "id": message["Message-ID"] == f"<{sent['id']}@kite.example>",
        "thread": message["References"] == thread and message["In-Reply-To"] == thread,
        "list": message["List-Id"] == (f"<{body['list']}.kitehook.kite.example>" if "list" in body else None),
        "automatic": message["Auto-Submitted"] == "auto-generated",
        "subject": message["Subject"] == body["subject"],
        "parts": [one.get_content_type() for one in message.walk()] ==
                 ["multipart/alternative", "text/plain", "text/html"],
        "text": part(message, "plain").rstrip("\n") == body["text"],
        "html": f"<body>\n{body['html']}\n</body>" in part(message, "html"),
        "lines": all(len(line) <= 78 or line.startswith((b"From", b"To", b"Message-ID", b"In-Reply-To",
                                                         b"References", b"List-Id", b"Content-Type"))
                     for line in lines) and all(len(line) < 998 for line in lines),
        "line ends": b"\n" not in b"".join(lines) and b"\r" not in b"".join(lines),
        "ascii": mail.content.isascii(),
    }
    return [name for name, good in checks.items() if not good]


# ---- what arrives

def test_every_fixture_arrives_as_its_golden_file(cli, report):
    with MailServer() as server:
        config(cli, plain(server), TO_JANE + EVERY_EVENT)
        goldens = sorted((ROOT / "fixtures/events").glob("*/email.json"))
        for golden in goldens:
            server.mails.clear()
            sent = send(cli, golden.parent.name)
            good = len(sent) == len(server.mails) == 1
            wrong = faults(server.mails[0], sent[0]) if good else ["one mail"]
            same = good and sent[0]["body"] == json.loads(golden.read_text(encoding="utf-8"))
            report.check(f"{golden.parent.name}: as sent", not wrong and same, (wrong, sent))
        report.check("there are fixtures", len(goldens) > 60, len(goldens))


def test_stories_arrive_as_their_golden_files(cli, report):
    """A worker that remembers: both parts tell what came before, and what is hostile stays text."""
    with MailServer() as server:
        for story in stories():
            config(cli, plain(server), TO_JANE + story.only_last(), state=story.name)
            server.mails.clear()
            done = tell(cli, story)
            ids = [line["delivery"] for line in done.lines if line["message"] == "delivery attempt"]
            good = len(ids) == len(server.mails) == 1
            wrong = (faults(server.mails[0], {"id": ids[0], "body": story.golden("email")}) if good
                     else ["one mail"])
            report.check(f"{story.name}: as its golden file", not wrong, (wrong, done))


def test_threads_and_dates(cli, report):
    with MailServer() as server:
        config(cli, plain(server), TO_JANE)
        for number, branch in ((1, "main"), (2, "main"), (3, "other")):
            send(cli, webhook(number, branch=branch))
        one, two, other = map(read, server.mails)
        report.check("a branch is a thread", one["References"] == two["References"] != other["References"],
                     [one["References"], two["References"], other["References"]])
        report.check("each mail has an id of its own", one["Message-ID"] != two["Message-ID"], "")
        written = email.utils.parsedate_to_datetime(str(one["Date"]))
        age = datetime.datetime.now(datetime.timezone.utc) - written
        report.check("the date is now", abs(age.total_seconds()) < 120 and
                     one["Date"].datetime.strftime("%a") == str(one["Date"])[:3], str(one["Date"]))


def test_a_message_stands_in_both_parts(cli, report):
    with MailServer() as server:
        config(cli, plain(server), "  - email:\n      to: jane@kite.example\n      message: |\n"
               "        .{{build.state}} <b>\n        See {{build.url}}.\n        =20\n")
        sent, = send(cli, "build_finished_failed")
        message = read(server.mails[0])
        url = "https://buildkite.com/acme-kites/kite-frame/builds/102"
        report.check("as sent", not faults(server.mails[0], sent), faults(server.mails[0], sent))
        report.check("text", part(message, "plain").rstrip("\n") == f".failed <b>\nSee {url}.\n=20",
                     part(message, "plain"))
        report.check("html", f'<p>.failed &lt;b&gt;<br>See <a href="{url}">{url}</a>.<br>=20</p>' in
                     part(message, "html"), part(message, "html"))


def told(number, state, minute):
    """A build that ended, and before it a job that did."""
    time_of = f"2026-11-22T01:{minute:02}:00.000Z"
    common = {"id": "0199b5a4-0000-4000-8000-000000000001", "slug": "kite-frame", "name": "Kite Frame"}
    build = json.loads(webhook(number, state, finished_at=time_of))
    job = json.loads(webhook(number, "running", event="job.finished"))
    job["job"] = {"id": f"j-{number}", "type": "script", "name": "Sails", "state": state,
                  "finished_at": time_of}
    for body in (job, build):
        body["pipeline"].update(common)
        yield json.dumps(body).encode()


def test_mails_tell_what_came_before(cli, report):
    state = cli.folder / "state"
    builds = ((1, "passed"), (2, "failed"), (3, "failed"), (4, "passed"))
    with MailServer() as server:
        config(cli, plain(server), TO_JANE)
        with Worker(cli, "--serve") as worker:
            for number, how in builds:
                for event, body in zip(("job.finished", "build.finished"), told(number, how, number)):
                    drop(state, entry(body, event=event, number=number))
                    ring(state)
                wait_until(lambda: len(server.mails) == number, 20)
        texts = [part(read(mail), "plain") for mail in server.mails]
        report.check("four mails", len(texts) == 4, worker.text())
        for text, words in zip(texts, ("", "failed: Sails", "second time in a row since #2", "fixed")):
            report.check(f"{words!r}", words in text, text)


# ---- whom to

def test_each_recipient_has_a_delivery(cli, report):
    rules = "  - email: [ann@kite.example, bob@kite.example, ann@kite.example]\n" \
            "  - { name: both, email: { to: [author, '{{build.branch}}@kite.example'] } }\n"
    with MailServer() as server:
        config(cli, plain(server), rules)
        sent = send(cli, webhook(1, branch="main", author={"name": "Jo", "email": "jo@there.example"}))
        got = [recipient for mail in server.mails for recipient in mail.recipients]
        report.check("all of them", len(server.mails) == 4 and got == [
            "ann@kite.example", "bob@kite.example", "jo@there.example", "main@kite.example"], got)
        report.check("ids differ", len({one["id"] for one in sent}) == 4, sent)
        server.mails.clear()
        for author in (None, {}, {"email": None}, "", "Jane", {"email": "a b@x.example"},
                       {"email": "1+jo@users.noreply.github.com"}):
            sent = send(cli, webhook(2, branch="a b", author=author))
            rules = [one["rule"] for one in sent]
            report.check(f"no author: {author}", rules == ["email-1", "email-1"], sent)
        report.check("no_place is told", "no_place" in cli.said[-1][1], cli.said[-1][1])
        server.mails.clear()
        send(cli, webhook(3, author="jo@plain.example"))
        report.check("an author that is a text", ["jo@plain.example"] in
                     [mail.recipients for mail in server.mails], "")


def test_one_refused_recipient_stops_no_other(cli, report):
    with MailServer(refused=["ann@kite.example"]) as server:
        config(cli, plain(server), "  - email: [ann@kite.example, bob@kite.example]\n")
        ann, bob = send(cli, "build_finished_failed")
        report.check("one is dead", reason(ann) == "delivery_refused", ann)
        report.check("the other arrives", bob["result"]["outcome"] == "delivered" and
                     [mail.recipients for mail in server.mails] == [["bob@kite.example"]], bob)


def test_addresses_are_masked(cli, report):
    addresses = ["planted{{planted@there.example", "ann@kite.example"]
    body = webhook(1, author={"name": "Jo", "email": addresses[0]})
    state = cli.folder / "state"
    with MailServer(refused=addresses) as server:
        path = config(cli, plain(server), f"  - email: [{addresses[1]}, author]\n")
        drop(state, entry(body))
        with Worker(cli, "--serve") as worker:
            report.check("both are tried", worker.said("delivery attempt", count=2), worker.text())
    said = [worker.text()]
    shown = json.loads(cli.run("outbox", "list", "--json", "--config", path).out)["deliveries"]
    for words in (["outbox", "list"], ["outbox", "list", "--json"], ["status"], ["status", "--json"],
                  ["check"], ["check", "--json"], *[["outbox", "show", row["id"]] for row in shown]):
        said.append(cli.run(*words, "--config", path).out)
    for more in ([], ["--json"]):
        said.append(cli.run("explain", *more, "--config", path, "-", input=body).out)
        said.append(cli.run("invoke", "--sign", *more, "--config", path, "-", input=body).out)
    found = re.findall(r"planted|\bann\b", "\n".join(said))
    report.check("nothing says them", all(said) and not found,
                 [one for one in said if found and found[0] in one])
    report.check("but their mask", all("a…@kite.example" in one for one in said[1:3]), said[1:3])
    places = sorted(row["place"] for row in shown)
    report.check("outbox: masked", places == ["a…@kite.example", "p…@there.example"], places)
    answers = {row["answer"] for row in shown}
    report.check("of the answer its words are left",
                 answers == {"* nobody is *: <*>", "* nobody is *{{*: <*{{*>"}, answers)
    done = cli.run("outbox", "drop", "--destination", f"email {places[1]}", "--config", path)
    report.check("a mask names what is kept", owed(state) == 1, done)
    modes = {oct(one.stat().st_mode & 0o777) for one in state.glob("memory.sqlite*")}
    report.check("nobody else reads them", modes == {"0o600"}, modes)


def owed(state):
    with sqlite3.connect(f"file:{state}/memory.sqlite?mode=ro", uri=True) as db:
        return db.execute("SELECT count(*) FROM deliveries").fetchone()[0]


# ---- the way there

def test_tls_and_login(cli, report):
    files = certificate(cli.folder, "localhost")
    top = f"http: {{ ca_file: {files[0]} }}\n"
    for tls, scheme, more in (("smtps", "smtps", ""), ("starttls", "smtp", ", tls: true")):
        with MailServer(tls, files[1:], with_login=True) as server:
            account = f"smtp: '{scheme}://localhost:{server.port}'{more}"
            config(cli, account + LOGIN, TO_JANE, top)
            sent, = send(cli, "build_finished_failed")
            report.check(f"{tls}: it arrives", sent["result"]["outcome"] == "delivered" and
                         [mail.login for mail in server.mails] == [(USER, PASSWORD)], sent)
            cli.file("env", "MAIL_PASSWORD=another\n")
            sent, = send(cli, "build_finished_failed")
            report.check(f"{tls}: a wrong password waits for another configuration",
                         reason(sent) == "destination_refused" and
                         "another login" in detail(sent), sent)
            config(cli, account, TO_JANE, top)
            sent, = send(cli, "build_finished_failed")
            report.check(f"{tls}: so does none", reason(sent) == "destination_refused", sent)
            config(cli, account + LOGIN, TO_JANE)
            sent, = send(cli, "build_finished_failed")
            report.check(f"{tls}: an authority that nobody knows", reason(sent) == "delivery_failed" and
                         "certificate" in detail(sent), sent)
            config(cli, account.replace("localhost", "127.0.0.1") + LOGIN, TO_JANE, top)
            sent, = send(cli, "build_finished_failed")
            report.check(f"{tls}: a name that the certificate has not", reason(sent) ==
                         "delivery_failed" and len(server.mails) == 1, sent)


def test_no_mail_goes_without_tls(cli, report):
    with MailServer() as server:
        config(cli, f"{plain(server)}, tls: true", TO_JANE)
        sent, = send(cli, "build_finished_failed")
        report.check("where STARTTLS is not offered", reason(sent) == "destination_refused" and
                     "STARTTLS" in detail(sent) and not server.mails, sent)
        config(cli, f"smtp: 'smtps://127.0.0.1:{server.port}'", TO_JANE)
        sent, = send(cli, "build_finished_failed")
        report.check("nor where there is none at all", reason(sent) == "delivery_failed" and
                     not server.mails, sent)


def test_a_lost_answer_is_asked_for_again_under_the_same_id(cli, report):
    with MailServer(script={"cut": True}) as server:
        config(cli, plain(server), TO_JANE)
        body = webhook(7)
        first, second = send(cli, body), send(cli, body)
        report.check("tried again", first[0]["result"].get("reason") == "delivery_failed", first)
        report.check("the same mail", len(server.mails) == 2 and first[0]["id"] == second[0]["id"] and
                     read(server.mails[0])["Message-ID"] == read(server.mails[1])["Message-ID"], second)


def silent_server():
    """Greets, and says nothing more."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        connection.sendall(b"220 mail.kite.example\r\n")
        listener.close()
        time.sleep(30)
        connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def test_a_silent_server_holds_nobody_up(cli, report):
    config(cli, f"smtp: 'smtp://127.0.0.1:{silent_server()}'", TO_JANE)
    sent, = send(cli, "build_finished_failed")
    report.check("tried again", reason(sent) == "delivery_failed" and
                 "imeout" in detail(sent), sent)


def test_a_server_need_not_say_goodbye(cli, report):
    for script, result in (({"QUIT": None}, None), ({"QUIT": None, "RCPT": "550 no"}, "delivery_refused")):
        with MailServer(script=script) as server:
            config(cli, plain(server), TO_JANE)
            sent, = send(cli, "build_finished_failed")
            report.check(f"{script}", reason(sent) == result, sent)


# ---- what answers mean

def test_answers_mean_what_the_table_says(cli, report):
    document = (ROOT / "docs/notifiers.md").read_text(encoding="utf-8")
    files = certificate(cli.folder, "localhost")
    top = f"http: {{ ca_file: {files[0]} }}\n"
    wrong = []
    with MailServer("starttls", files[1:], with_login=True) as server:
        config(cli, f"smtp: 'smtp://localhost:{server.port}', tls: true" + LOGIN, TO_JANE, top)
        for stage, code, then in mail_answers.ROWS:
            server.script.clear()
            server.script[stage] = f"{code} planted-words of the server"
            one, = send(cli, "build_finished_failed")
            result = one["result"]
            if mail_answers.RESULTS[result.get("reason", "ok")] != then or \
                    (then != mail_answers.DONE and result["status"] != code):
                wrong.append((stage, code, then, result))
            if "planted" in json.dumps(result):
                wrong.append(("the server's words", result))
    report.check(f"{len(mail_answers.ROWS)} answers", not wrong, wrong)
    made = mail_answers.table()
    report.check("docs/notifiers.md has the table", made in document, made)


# ---- hostile texts

PIECES = ["\r\nBcc: planted@evil.example", "\n.\r\nMAIL FROM:<planted@evil.example>", "\r\n.\r\n",
          "\u2028X: y", "=?utf-8?Q?=0D=0ABcc:_planted@evil.example?=", "\x00", "\u0085", "\u202e", "<script>",
          "&amp;", '"', "'", "--=_", "boundary", " ", "\t", "é", "😀", "\ud800", "x" * 300,
          "<a href=\"javascript:1\">", "%0d%0a", "\x1b[2J", ",", ";", "<", ">", "@", "=", ".", "From ",
          "To: planted@evil.example", "{{build.branch}}", "\\", "\x7f"]
ADDRESSES = ["jo@kite.example", "Jo <jo@kite.example>", "jo@kite.example, planted@evil.example",
             "jo@kite.example>\r\nRCPT TO:<planted@evil.example", '"jo planted"@kite.example',
             "jo@[127.0.0.1]", "jo@kite.example\x00", "jö@kite.example", "jo@kité.example", "@kite.example",
             "jo@", "j" * 65 + "@x.y", "jo@" + "x" * 64 + ".y", "jo@-x.y", ".jo@x.y", "jo..jo@x.y",
             "jo%evil@kite.example", "jo@x.y SIZE=1", "jo!planted@kite.example", "author",
             "jo@" + ".".join(["a" * 60] * 5)]
# RFC 5322's dot-atom, and RFC 1035's labels: written a second time.
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
ADDRESS = re.compile(rf"(?=[^@]{{1,64}}@)(?=.{{3,254}}\Z){ATOM}(\.{ATOM})*@{LABEL}(\.{LABEL})*\Z")


def hostile(random_of):
    return "".join(random_of.choice(PIECES) for _ in range(random_of.randint(1, 6)))


def test_hostile_texts_inject_nothing(cli, report):
    draw, wrong, refused = random.Random(SEED), [], 0
    with MailServer() as server:
        config(cli, plain(server), "  - email: author\n" + EVERY_EVENT)
        for number in range(500):
            address = draw.choice(ADDRESSES + ["jo@kite.example"] * 20)
            body = json.loads(webhook(number))
            body["build"].update(branch=hostile(draw), message=hostile(draw),
                                 author={"name": hostile(draw), "email": address})
            body["pipeline"].update(name=hostile(draw), slug=hostile(draw))
            if number % 3 == 0:
                body["event"] = "job.finished"
                body["job"] = {"name": hostile(draw), "state": "failed", "type": "script",
                               "web_url": hostile(draw)}
            server.mails.clear()
            sent = send(cli, json.dumps(body).encode())
            is_good = bool(ADDRESS.match(address))
            if len(sent) != is_good or len(server.mails) != is_good:
                wrong.append((number, address, sent))
            elif is_good and (found := faults(server.mails[0], sent[0], recipient=address)):
                wrong.append((number, found, sent))
            refused += not is_good
    report.check("500 of them", not wrong, wrong[:3])
    report.check("addresses were refused", refused > 50, refused)


# ---- mistakes

MISTAKES = [
    ("smtp: 'smtp://u:p@kite.example'", "a@b.c", "a server: smtps://HOST:465"),
    ("smtp: 'https://kite.example'", "a@b.c", "a server: smtps://HOST:465"),
    ("smtp: 'smtp://kite.example:0'", "a@b.c", "a server: smtps://HOST:465"),
    ("smtp: 'smtp://kite.example/x'", "a@b.c", "a server: smtps://HOST:465"),
    ("smtp: 'smtp://kite.example', user: x", "a@b.c", "go together"),
    ("smtp: 'smtp://kite.example', tls: false" + LOGIN, "a@b.c", "a password goes by TLS alone"),
    ("smtp: 'smtp://kite.example'", "'Jane <a@b.c>'", "email.to is one address"),
    ("smtp: 'smtp://kite.example'", "'#general'", "email.to is one address"),
    ("smtp: 'smtp://kite.example'", "$ONCALL_EMAIL", "only Buildkite's agent knows"),
]


def test_mistakes_are_told(cli, report):
    for account, to, words in MISTAKES:
        done = cli.run("check", "--config", config(cli, account, f"  - email: {to}\n"))
        report.check(f"{account} {to}", done.code == 1 and words in done.out, done)
    for smtp in ("smtp://kite.example", "smtps://[::1]:465", "smtp://a-b.c:587", "smtp://[::1]"):
        done = cli.run("check", "--config", config(cli, f"smtp: '{smtp}'", "  - email: a@b.c\n"))
        report.check(smtp, done.code == 0, done)
    path = config(cli, "smtp: 'smtp://kite.example'", "  - email: a@b.c\n")
    done = cli.run("check", "--lambda", "--config", path)
    report.check("on Lambda", done.code == 1 and "a function sends no mail" in done.out, done)


TESTS = [test_every_fixture_arrives_as_its_golden_file, test_stories_arrive_as_their_golden_files,
         test_threads_and_dates,
         test_a_message_stands_in_both_parts, test_mails_tell_what_came_before,
         test_each_recipient_has_a_delivery, test_one_refused_recipient_stops_no_other,
         test_addresses_are_masked, test_tls_and_login, test_no_mail_goes_without_tls,
         test_a_lost_answer_is_asked_for_again_under_the_same_id, test_a_silent_server_holds_nobody_up,
         test_a_server_need_not_say_goodbye, test_answers_mean_what_the_table_says,
         test_hostile_texts_inject_nothing, test_mistakes_are_told]

if __name__ == "__main__":
    sys.exit(cli_run.main(__doc__, TESTS))
