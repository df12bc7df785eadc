#!/usr/bin/env python3
"""Secrets are planted wherever a config or a payload holds one; none may turn up in a log line, an answer, a
message, what a command prints, or, once the webhooks are processed, in a file of the state folder.
"""
import base64
import os
import re
import signal
import stat
import subprocess
import time

import common
from catcher import Catcher
from logs import Logs

MARK = b"planted-secret"
TOKEN = "planted-secret-token"
KEY = b"planted-secret-signature-key"
FAILING = """
  - name: refused
    slack: { url: { env: REFUSED_URL } }
  - name: gone
    slack: { url: { env: GONE_URL } }
  - name: broken
    slack: { url: { env: BROKEN_URL } }
  - name: moved
    slack: { url: { env: MOVED_URL } }
  - name: nowhere
    slack: { url: { env: NOWHERE_URL } }
""".rstrip()


def forms(mark):
    """MARK as it is, and as base64 shows it at each of the three places in a group."""
    return [mark] + [base64.b64encode(b"x" * shift + mark)[(4 if shift else 0):-4] for shift in range(3)]


def leaks(raw):
    """Where a planted secret stands in RAW, with what is around it; None if nowhere."""
    for form in forms(MARK):
        at = raw.find(form)
        if at >= 0:
            return raw[max(0, at - 60):at + 60]
    return None


def script(path, body):
    """The catcher's answers: helpful ones that repeat what they were sent."""
    echo = f"no such hook: {path}".encode() + b" planted-secret-in-the-answer " + body[:200]
    if "gone" in path:
        return 422, {"X-Secret": "planted-secret-answer-header"}, echo
    if "broken" in path:
        return 500, {}, echo
    if "moved" in path:
        return 302, {"Location": path.replace("moved", "good/planted-secret-location")}, echo
    return 200


def write_config(folder, build, catcher, closed_port, mode, more):
    config = common.write_config(folder, build, "leak.yml", secret=KEY, MODE=mode, MORE=more)
    (folder / "webhook-token").write_text(TOKEN, encoding="utf-8")
    os.chmod(folder / "webhook-token", 0o600)
    (folder / "env").write_text("\n".join([
        "OLD_SECRET=planted-secret-old-key", "UNUSED=planted-secret-unused",
        f"GOOD_URL={catcher.url('/good/planted-secret-path')}",
        f"GOOD_KEY={base64.b64encode(b'planted-secret-webhook-key').decode()}",
        f"GONE_URL={catcher.url('/gone/planted-secret-path')}",
        f"BROKEN_URL={catcher.url('/broken/planted-secret-path?key=planted-secret-query')}",
        f"MOVED_URL={catcher.url('/moved/planted-secret-path')}",
        f"REFUSED_URL=https://127.0.0.1:{closed_port}/planted-secret-path",
        "NOWHERE_URL=https://planted-secret-host.invalid/planted-secret-path", ""]), encoding="utf-8")
    return config


def requests():
    """(name, headers, body, how it must end): all fixtures, and what is refused for each kind of reason."""
    now = int(time.time())
    for fixture in common.fixtures():
        signed = common.signature_header(now, common.sign_quickly(KEY, now, fixture.body))
        headers = [(key, signed if key.lower() == "x-buildkite-signature" else value)
                   for key, value in fixture.headers]
        yield fixture.name, headers, fixture.body, 200
    body = common.webhook(9001, env={"A": "planted-secret-env"})
    good = common.post_headers(body, "good-old", secret=b"planted-secret-old-key")
    yield "signed with the older key", good, body, 200
    body = common.webhook(9002, env={"A": "planted-secret-env"})
    bare = [pair for pair in common.post_headers(body, "r-1") if pair[0] != "X-Buildkite-Signature"]
    yield ("the right token", [*bare, ("X-Buildkite-Token", TOKEN), ("Content-Length", str(len(body)))], body,
           200)
    yield "a wrong token", [*bare, ("X-Buildkite-Token", "planted-secret-presented")], body, 401
    yield "both", [*good, ("X-Buildkite-Token", TOKEN)], body, 401
    yield ("a wrong signature", common.post_headers(body, "r-2", secret=b"planted-secret-of-somebody-else"),
           body, 401)
    yield ("a signature with more",
           [*bare,
            ("X-Buildkite-Signature", "timestamp=1,signature=planted-secret-signature,note=planted-secret")],
           body, 401)
    yield "a request id that is one", [(k, "planted-secret request" if k == "X-Buildkite-Request" else v)
                                      for k, v in common.post_headers(body, "r-3", secret=b"no")], body, 401
    yield ("a wrong type",
           [(k, "text/planted-secret" if k == "Content-Type" else v)
            for k, v in common.post_headers(body, "r-4", secret=KEY)], body, 415)
    for number, broken in enumerate(
        (b'{"event":"ping","planted-secret":1,"planted-secret":2}', b'{"event":"planted-secret\\n"}',
         b"planted-secret",
         b'{"event":"ping","x":planted-secret}', b'{"event":"ping"} planted-secret', b'["planted-secret"]')):
        yield f"not usable {number}", common.post_headers(broken, f"r-5{number}", secret=KEY), broken, 400
    body = b'{"event":"planted-secret-in-the-body"}'
    yield ("header and body differ",
           common.post_headers(body, "r-6", secret=KEY, event="planted-secret-in-the-header"), body, 400)


class Search:
    """Everything that was said or kept goes through here."""

    def __init__(self, report):
        self.report, self.bytes = report, 0

    def look(self, what, raw):
        self.bytes += len(raw)
        found = leaks(raw)
        self.report.check(f"no secret in {what}", found is None, found)

    def look_into(self, folder, what):
        """Every file below FOLDER but the bodies set aside, which must be private instead."""
        for path in sorted(folder.rglob("*")):
            mode = path.lstat().st_mode
            self.report.check(f"{what}: {path.relative_to(folder)} is private", not mode & 0o077, oct(mode))
            if stat.S_ISREG(mode) and (path.parent.name != "aside" or path.suffix == ".reason"):
                self.look(f"{what}: {path.relative_to(folder)}", path.read_bytes())


def post_all(report, search, build, config, what):
    sent = 0
    environment = ("PLANTED", "planted-secret-process-environment")
    for name, headers, body, status in requests():
        variables = common.cgi_variables(config, "POST", common.URL + "?token=planted-secret-query", headers,
                                         len(body))
        variables.pairs.append(tuple(text.encode() for text in environment))
        answer, err, _ = common.run_cgi(build / "kitehook.cgi", variables, body)
        report.check(f"{what}: {name}", answer.status == status, answer)
        if name != "header and body differ":  # an event's name is no secret
            search.look(f"{what}: the answer to {name}", answer.body + repr(answer.headers).encode() + err)
        sent += body.count(MARK)
    report.check(f"{what}: secrets were sent", sent > 500, sent)


def with_worker_of_the_receiver(report, search, logs, folder, build, catcher):
    config = write_config(folder, build, catcher, 1, "start", "")
    post_all(report, search, build, config, "start")
    gone = common.wait_until(lambda: not common.waiting(folder) and common.worker_is_gone(folder), 30)
    report.check("start: all was processed", gone, common.waiting(folder))
    caught = catcher.at("/good/planted-secret-path")
    report.check("start: the catcher got messages, on a path that is secret", len(caught) > 20, len(caught))
    for one in caught:
        search.look("start: a message", one.body)
    lines = logs.add_folder(folder)
    report.check("start: the worker logged", sum(line["message"] == "webhook handled" for line in lines) > 50)
    search.look("start: receiver.log", (folder / "receiver.log").read_bytes())
    search.look_into(folder / "state", "start")


def with_failing_destinations(report, search, logs, folder, build, catcher, closed_port):
    config = write_config(folder, build, catcher, closed_port, "service", FAILING)
    with open(folder / "worker.stderr", "wb") as errors:
        worker = subprocess.Popen([build / "kitehook", "worker", "--config", config], stderr=errors,
                                  stdout=errors, env={"PATH": os.environ["PATH"]})
    try:
        post_all(report, search, build, config, "failing")
        report.check("failing: the inbox is emptied",
                     common.wait_until(lambda: not common.waiting(folder), 30), common.waiting(folder))

        def all_tried():
            text = (folder / "worker.stderr").read_bytes()
            return all(b'"rule":"%s"' % rule in text
                       for rule in (b"refused", b"gone", b"broken", b"moved", b"nowhere"))

        report.check("failing: every destination was tried", common.wait_until(all_tried, 60, 0.1))
        search.look_into(folder / "state", "failing, while the worker runs")
    finally:
        worker.send_signal(signal.SIGTERM)
        code = worker.wait(20)
    report.check("failing: the worker leaves in order", code == 0, code)
    report.check("failing: no redirect was followed",
                 not [one for one in catcher.caught if "location" in one.path])
    lines = logs.add_file(folder / "worker.stderr") + logs.add_file(folder / "receiver.log")
    for result, rules in (("dead", {"gone"}), ("retry", {"broken", "moved", "refused", "nowhere"})):
        seen = {line["rule"] for line in lines if line["message"] == "delivery attempt" and
                line["result"] == result}
        report.check(f"failing: {result}", rules <= seen, seen)
    search.look("failing: what the worker printed", (folder / "worker.stderr").read_bytes())
    search.look("failing: receiver.log", (folder / "receiver.log").read_bytes())
    search.look_into(folder / "state", "failing")


MISTAKES = {
    "a URL in the open": ("slack: { url: { env: GOOD_URL } }",
                          "slack: { url: https://hooks.example/planted-secret }"),
    "a token as a key": ("slack: { url: { env: GOOD_URL } }", "slack: { url: { planted-secret-key } }"),
    "a secret in place of a path": ("file: webhook-secret", "file: [planted-secret-key]"),
    "a secret as text": ("    - name: current\n      file: webhook-secret", "    - planted-secret-key"),
    "broken YAML": ("state: ", "planted-secret: [\nstate: "),
}


def with_commands(report, search, folder, build, catcher):
    """What the command line prints."""
    config = write_config(folder, build, catcher, 1, "start", "")

    def command(what, *words, expect=None):
        done = subprocess.run([build / "kitehook", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=30,
                              env={"PATH": os.environ["PATH"], "PLANTED": "planted-secret-environment"})
        report.check(f"{what}: exit code", expect is None or done.returncode == expect,
                     f"{done.returncode} {done.stdout[:400]}")
        search.look(what, done.stdout)

    command("check", "check", "--config", config, expect=0)
    command("check --json", "check", "--json", "--config", config, expect=0)
    fixture = common.FIXTURES / "events" / "build_finished_10k" / "request.http"
    body = folder / "body.json"
    body.write_bytes(fixture.read_bytes().partition(b"\r\n\r\n")[2])
    command("invoke", "invoke", "--config", config, body, expect=0)
    command("invoke --send --json", "invoke", "--config", config, "--send", "--json", body, expect=0)
    command("sign", "sign", "--secret", "planted-secret-on-the-command-line", body, expect=0)
    command("verify", "verify", "--secret", "planted-secret-on-the-command-line", "--header",
            "X-Buildkite-Signature: timestamp=1,signature=" + "0" * 64, body, expect=1)
    command("verify with a token", "verify", "--secret", "planted-secret-on-the-command-line", "--header",
            "X-Buildkite-Token: planted-secret-presented", body, expect=1)
    text = config.read_text(encoding="utf-8")
    for what, (old, new) in MISTAKES.items():
        assert old in text
        config.write_text(text.replace(old, new), encoding="utf-8")
        command(f"check of {what}", "check", "--config", config)
        command(f"check --json of {what}", "check", "--json", "--config", config)
        variables = common.cgi_variables(config, "GET", common.URL, [], None)
        answer, err, _ = common.run_cgi(build / "kitehook.cgi", variables, b"")
        search.look(f"a receiver with {what}", answer.body + err)
    config.write_text(text, encoding="utf-8")
    for what, env in {
        "an env file without =": "planted-secret-line\n",
        "an env file with an odd name": "planted-secret name=1\n",
        "an env file with an open quote": "A=\"planted-secret\n",
        "a URL without TLS": "OLD_SECRET=x\nGOOD_URL=http://planted-secret.example/\n",
        "a URL with a password": "OLD_SECRET=x\nGOOD_URL=https://u:planted-secret@hooks.example/\n",
    }.items():
        (folder / "env").write_text(env, encoding="utf-8")
        command(f"check of {what}", "check", "--config", config)
        answer, err, _ = common.run_cgi(build / "kitehook.cgi",
                                        common.cgi_variables(config, "GET", common.URL, [], None), b"")
        search.look(f"a receiver with {what}", answer.body + err)


def run():
    chosen = common.arguments(__doc__)
    report = common.Report(chosen.verbose)
    report.check("the search finds what it looks for",
                 all(leaks(b"-" + form + b"-") for form in forms(MARK)) and not leaks(b"planted"))
    logs, search = Logs(report), Search(report)
    with common.Workspace(chosen.keep) as folder:
        import servers
        parts = {
            "start": lambda catcher: with_worker_of_the_receiver(
                report, search, logs, folder / "start", chosen.build, catcher),
            "failing": lambda catcher: with_failing_destinations(
                report, search, logs, folder / "failing", chosen.build, catcher, servers.free_port()),
            "commands": lambda catcher: with_commands(report, search, folder / "commands", chosen.build,
                                                      catcher),
        }
        for name, part in parts.items():
            if re.search(chosen.only, name):
                with Catcher(script) as catcher:
                    part(catcher)
    if logs.lines:
        logs.settle()
    report.check("much was searched", search.bytes > 10000, search.bytes)
    return report.close()


if __name__ == "__main__":
    common.main(run)
