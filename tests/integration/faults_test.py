#!/usr/bin/env python3
"""Faults that operators make, planted one by one: each has a message that names the cause and the cure.

usage: faults_test.py --build DIR [--only REGEX] [--keep] [--verbose]

FAULTS is the table that the messages are judged against: who plants it and hears what is said, and two
patterns, of the cause and of the cure. Both must be found in one text, which is what a person who looks there
would read.
"""
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

import cli_run
import fcgi
import mounts
from catcher import Catcher
from cli_worker import drop, entry, once
from common import cgi_variables, post_headers, run_cgi, SECRET, webhook

NOBODY = 65534
SERVICE = "state: state\nworker: service\n"
SLACK = "  - slack: { url: { env: SLACK_WEBHOOK_URL } }\n"


class Skipped(Exception):
    """It cannot be planted here; the reason."""


def need_root():
    if os.geteuid() != 0:
        raise Skipped("only root can give files away")


def config_of(cli):
    return cli.path("kitehook.yml")


def said(cli, *command, env=None):
    done = cli.run(*command, "--config", config_of(cli), env=env)
    return done.out + done.err


def check(cli):
    return said(cli, "check")


def status(cli):
    """A status that says nothing must not count: it exits 1, 3 or 5."""
    done = cli.run("status", "--config", config_of(cli))
    return f"(exit {done.code})" if done.code == 0 else done.out + done.err


def as_nobody(cli, *command):
    """By a user who owns the state folder and is not root."""
    done = subprocess.run(["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups",
                           str(cli.program), *command, "--config", config_of(cli)],
                          capture_output=True, text=True, cwd="/", check=False)
    return done.stdout + done.stderr


def give_to_nobody(cli):
    """The folder and all in it, the program's way to it included."""
    need_root()
    os.makedirs(cli.path("state"), mode=0o700, exist_ok=True)
    os.chmod(cli.folder.parent, 0o755)
    for path in (cli.folder, *cli.folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)


def write(cli, text):
    cli.file("webhook-secret", SECRET)
    cli.file("kitehook.yml", text)


WEBHOOK = "webhook:\n  signature: { file: webhook-secret }\n"


# ---- the configuration, by `kitehook check`


def no_config(cli):
    return said(cli, "check")


def bad_yaml(cli):
    write(cli, WEBHOOK + "notify:\n  - slack: { url: [\n")
    return check(cli)


def tabs(cli):
    write(cli, "webhook:\n\tsignature: { file: webhook-secret }\n")
    return check(cli)


def misspelt(cli):
    cli.config(top="sate: state\n")
    return check(cli)


def key_behind_notify(cli):
    cli.config(top="state: state\n")
    write(cli, WEBHOOK + "state: state\nnotify:\n  - log\nlog: there\n")
    return check(cli)


def include_missing(cli):
    cli.config(top=SERVICE, rules="  - include: nowhere.yml\n")
    return check(cli)


def variable_missing(cli):
    cli.config(top=SERVICE, rules="  - slack: { url: { env: NOT_SET } }\n")
    return status(cli)


def secret_missing(cli):
    cli.config(top=SERVICE)
    os.unlink(cli.path("webhook-secret"))
    return check(cli)


def secret_empty(cli):
    cli.config(top=SERVICE, secret=b"\n")
    return check(cli)


def secret_unreadable(cli):
    cli.config(top=SERVICE, rules="  - log\n")
    give_to_nobody(cli)
    os.chown(cli.path("webhook-secret"), 0, 0)
    return as_nobody(cli, "check")


def secret_of_all(cli):
    cli.config(top=SERVICE)
    os.chmod(cli.path("webhook-secret"), 0o644)
    return check(cli)


def secret_in_config(cli):
    write(cli, "webhook:\n  signature: planted-secret-of-mine\n" + SERVICE + "notify:\n  - log\n")
    return check(cli)


def url_malformed(cli):
    cli.config(top=SERVICE, url="hooks.slack.com/services/x")
    return check(cli)


def url_in_config(cli):
    cli.config(top=SERVICE, rules="  - slack: { url: https://hooks.slack.com/services/T0/B0/planted }\n")
    return check(cli)


def no_state(cli):
    cli.config()
    return check(cli)


def config_writable(cli):
    cli.config(top=SERVICE)
    os.chmod(config_of(cli), 0o666)
    return check(cli)


def worker_program(cli):
    cli.config(top="state: state\nworker: { mode: start, program: /nonexistent/kitehook }\n")
    return check(cli)


def log_unwritable(cli):
    cli.config(top=SERVICE + "log: /nonexistent/log\n")
    return check(cli)


def state_in_passing(cli):
    cli.config(top="state: /dev/shm/kitehook-faults\nworker: service\n")
    return check(cli)


def event_misspelt(cli):
    cli.config(top=SERVICE, rules="  - log:\n    if: build.brnch == 'main'\n")
    return check(cli)


# ---- the state folder


def parent_missing(cli):
    cli.config(top="state: nowhere/state\nworker: service\n")
    return status(cli)


def state_is_a_file(cli):
    cli.config(top=SERVICE)
    cli.file("state", "")
    return status(cli)


def state_leads_nowhere(cli):
    cli.config(top=SERVICE)
    os.symlink("/nonexistent/state", cli.path("state"))
    return status(cli)


def state_open(cli):
    cli.config(top=SERVICE)
    os.mkdir(cli.path("state"), 0o755)
    return status(cli)


def other_owner(cli):
    cli.config(top=SERVICE, rules="  - log\n")
    give_to_nobody(cli)
    return status(cli)


def worker_of_root(cli):
    cli.config(top=SERVICE, rules="  - log\n")
    give_to_nobody(cli)
    return said(cli, "worker", "--once")


def receiver_of_root(cli):
    cli.config(top=SERVICE, rules="  - log\n")
    give_to_nobody(cli)
    post(cli)
    return cli.receiver_log


def owner_inside(cli):
    cli.config(top=SERVICE, rules="  - log\n")
    need_root()
    drop(cli.path("state"), entry(webhook(1)))
    give_to_nobody(cli)
    os.chown(cli.path("state/inbox/new"), 0, 0)
    return as_nobody(cli, "status")


def memory_of_root(cli):
    cli.config(top=SERVICE, rules="  - log\n")
    need_root()
    once(cli)
    give_to_nobody(cli)
    os.chown(cli.path("state/memory.sqlite"), 0, 0)
    return as_nobody(cli, "status")


def memory_broken(cli):
    cli.config(top=SERVICE, rules="  - log\n")
    os.mkdir(cli.path("state"), 0o700)
    cli.file("state/memory.sqlite", b"this is no database, but long enough to be seen as none" * 99)
    return status(cli)


def memory_of_newer(cli):
    cli.config(top=SERVICE, rules="  - log\n")
    once(cli)
    subprocess.run([sys.executable, "-c", "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]);"
                    "db.execute('PRAGMA user_version = 99'); db.close()",
                    cli.path("state/memory.sqlite")], check=True)
    return status(cli)


def on_disk(cli, options, plant):
    """PLANT runs while the state folder is a tmpfs with OPTIONS."""
    if "KH_OWN_MOUNTS" not in os.environ:
        raise Skipped(mounts.WHY_NOT)
    os.mkdir(cli.path("state"), 0o700)
    mounts.mount(cli.path("state"), options)
    try:
        return plant()
    finally:
        mounts.unmount(cli.path("state"))


def disk_full(cli):
    cli.config(top=SERVICE, rules="  - log\n")

    def plant():
        with open(cli.path("state/other"), "wb") as other:
            other.write(b"x" * 2500000)
        return status(cli)
    return on_disk(cli, "size=4m", plant)


def read_only(cli):
    cli.config(top=SERVICE, rules="  - log\n")
    return on_disk(cli, "size=4m,ro", lambda: status(cli))


def secret_changed(cli):
    cli.config(top=SERVICE, rules="  - log\n")
    drop(cli.path("state"), entry(webhook(1)))
    cli.config(top=SERVICE, rules="  - log\n", secret=b"another-secret-of-theirs\n")
    once(cli)
    return status(cli)


def inbox_full(cli):
    cli.config(top=SERVICE + "inbox: { max_entries: 2 }\n", rules="  - log\n")
    for number in (1, 2):
        drop(cli.path("state"), entry(webhook(number), number=number))
    return status(cli)


# ---- the worker


def waiting_without(cli, mode, more=""):
    cli.config(top=f"state: state\nworker: {{ mode: {mode}{more} }}\n", rules="  - log\n")
    drop(cli.path("state"), entry(webhook(1)))
    return status(cli)


def service_down(cli):
    return waiting_without(cli, "service")


def none_started(cli):
    return waiting_without(cli, "start", f", program: {cli.program}")


def program_gone(cli):
    return waiting_without(cli, "start", ", program: /nonexistent/kitehook")


def nobody_passes(cli):
    return waiting_without(cli, "wait", f", program: {cli.program}")


def second_worker(cli):
    cli.config(top=SERVICE, rules="  - log\n")
    once(cli)
    held = subprocess.Popen(["flock", cli.path("state/worker.lock"), "sh", "-c", "echo; exec sleep 60"],
                            stdout=subprocess.PIPE)
    try:
        held.stdout.readline()
        return said(cli, "worker", "--once")
    finally:
        held.kill()
        held.wait()
        held.stdout.close()


def no_fifo(cli):
    cli.config(top=SERVICE, rules="  - log\n")
    once(cli)
    os.unlink(cli.path("state/worker.wake"))
    cli.file("state/worker.wake", "")
    return said(cli, "worker", "--once")


def service_unwoken(cli):
    cli.config(top=SERVICE, rules="  - log\n")
    post(cli)
    return cli.receiver_log


def rule_gone(cli):
    cli.config(top=SERVICE, url="http://127.0.0.1:9/planted")
    drop(cli.path("state"), entry(webhook(1, "failed")))
    once(cli)
    cli.config(top=SERVICE, rules="  - log\n")
    return status(cli)


# ---- destinations


def sent_to(cli, url, top="", **variables):
    """What status says after one attempt."""
    cli.config(top=SERVICE + top, url=url)
    drop(cli.path("state"), entry(webhook(1, "failed")))
    cli.environment.update(variables)
    once(cli)
    return status(cli)


def answered(code):
    def plant(cli):
        more = {"Retry-After": "600"} if code == 429 else {}
        with Catcher(lambda path, body: (code, more, b"no")) as catcher:
            return sent_to(cli, catcher.url("/planted"))
    return plant


def unresolved(cli):
    return sent_to(cli, "https://no-such-host.invalid/planted")


def port_closed(cli):
    return sent_to(cli, "http://127.0.0.1:9/planted")


def plain_port(cli):
    with Catcher() as catcher:
        return sent_to(cli, f"https://127.0.0.1:{catcher.port}/planted")


def unknown_authority(cli):
    key, certificate = cli.path("key.pem"), cli.path("cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "2", "-subj", "/CN=other.example"],
                   capture_output=True, check=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-key", key,
                               "-cert", certificate, "-quiet"],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        return sent_to(cli, f"https://127.0.0.1:{port}/planted")
    finally:
        server.kill()
        server.wait()
        server.stdin.close()


def proxy_closed(cli):
    return sent_to(cli, "https://destination.example/planted", top="http: { proxy: 'http://127.0.0.1:9' }\n")


def authority_missing(cli):
    cli.config(top=SERVICE + "http: { ca_file: /nonexistent/ca.pem }\n")
    return check(cli)


# ---- receivers


def post(cli, headers=None, body=None, method="POST", secret=SECRET, now=None):
    """One request to a CGI; its answer. Its log line is cli.receiver_log."""
    body = webhook(1) if body is None else body
    headers = post_headers(body, "one-of-ours", secret=secret, now=now) if headers is None else headers
    answer, log, _ = run_cgi(cli.program.parent / "kitehook.cgi",
                             cgi_variables(config_of(cli), method, "/buildkite", headers, len(body)), body)
    cli.receiver_log = log.decode() if isinstance(log, bytes) else log
    return answer


def refused(cli, proof="signature", **request):
    """What status says of one that kitehook.fcgi refused."""
    cli.config(top=SERVICE + request.pop("top", ""), rules="  - log\n", proof=proof)
    os.makedirs(cli.path("state"), mode=0o700, exist_ok=True)
    body = request.get("body", webhook(1))
    headers = post_headers(body, "one-of-ours", secret=request.get("secret", SECRET), now=request.get("now"))
    headers = request.get("headers", lambda found: found)(headers)
    process = fcgi.Process(cli.program.parent, cli.folder, config_of(cli))
    try:
        variables = cgi_variables(config_of(cli), request.get("method", "POST"), "/buildkite", headers,
                                  len(body)).items()
        process.ask([(name, value) for name, value in variables if name != b"KITEHOOK_CONFIG"], body)
        process.child.terminate()
        process.child.wait(20)
    finally:
        process.close()
    done = cli.run("status", "--config", config_of(cli))
    return done.out + done.err


def as_token(headers):
    return [("X-Buildkite-Token", SECRET.decode().strip()) if name == "X-Buildkite-Signature" else
            (name, value) for name, value in headers]


def as_text(headers):
    return [(name, "text/plain" if name == "Content-Type" else value) for name, value in headers]


def without(name):
    return lambda headers: [one for one in headers if one[0] != name]


FAULTS = [
    # name, where one looks, who plants it and hears what is said; the cause; the cure
    ("the configuration is not there", no_config,
     r"kitehook\.yml: .*No such file", r"write that file, or correct the path"),
    ("YAML that ends too soon", bad_yaml,
     r"kitehook\.yml:\d+:\d+: ", r"check indentation, quotes and brackets"),
    ("tabs", tabs, r"kitehook\.yml:2:1: .*tab", r"indent with spaces"),
    ("a misspelt key", misspelt, r"unknown key(.|\n)*\bsate\b", r"did you mean `state`"),
    ("a key behind notify", key_behind_notify, r"`notify` must come last", r"move this key above"),
    ("an include that is missing", include_missing,
     r"cannot read .*nowhere\.yml.*No such file", r"write that file, or correct the path"),
    ("a variable that is missing", variable_missing,
     r"NOT_SET is set neither", r"write it into the file that `env_file`"),
    ("a secret's file that is missing", secret_missing,
     r"webhook\.signature: cannot read .*No such file", r"write that file, or correct the path"),
    ("an empty secret", secret_empty, r"the secret is empty", r"write it there"),
    ("a secret that may not be read", secret_unreadable,
     r"webhook\.signature: cannot read .*Permission denied", r"that the user who runs this may read"),
    ("a secret that everybody may read", secret_of_all, r"every user may read", r"chmod o-r "),
    ("a secret in the configuration", secret_in_config,
     r"does not belong into this file", r"\{file: PATH\}"),
    ("a URL without its scheme", url_malformed, r"SLACK_WEBHOOK_URL|slack\.url", r"https://"),
    ("a URL in the configuration", url_in_config,
     r"does not belong into this file", r"\{file: PATH\}|\{env: NAME\}"),
    ("notify without state", no_state, r"`notify` needs `state`", r"add `state: /var/lib/kitehook` above"),
    ("others may write the configuration", config_writable,
     r"others can write .*kitehook\.yml", r"chmod go-w |chmod g?o-w "),
    ("a worker's program that is not there", worker_program,
     r"/nonexistent/kitehook.*No such file", r"name where kitehook is, or say `worker: service`"),
    ("a log that cannot be written", log_unwritable,
     r"cannot write /nonexistent/log", r"make the folder, and the file, for the user"),
    ("a state folder that does not last", state_in_passing,
     r"the system cleans /dev/shm/", r"/var/lib/kitehook"),
    ("a misspelt variable in `if`", event_misspelt, r"build\.brnch", r"did you mean `build\.branch`"),
    ("the folder above state is missing", parent_missing,
     r"room +\d(.|\n)*nowhere.*No such file", r"type: sudo install -d -m 700 -o \S+ \S+/state"),
    ("state is a file", state_is_a_file, r"state: Not a directory", r"move it away, or name another"),
    ("state is a link to nothing", state_leads_nowhere,
     r"state is a link that leads nowhere",
     r"make the folder that it names, or remove it.*\n\s+type: ls -l \S+/state"),
    ("others may enter state", state_open, r"open to others", r"chmod 700 \S+/state"),
    ("root looks at another user's state", other_owner,
     r"belongs to user 65534", r"type: sudo -u nobody kitehook status"),
    ("root starts another user's worker", worker_of_root,
     r"belongs to another user", r"type: sudo -u nobody kitehook worker"),
    ("a receiver of another user", receiver_of_root,
     r"belongs to user 65534 and this process runs as user 0", r"run this as user 65534|chown"),
    ("a folder inside state is root's", owner_inside,
     r"inbox/new belongs to root", r"type: sudo chown -R nobody \S+/state"),
    ("the memory is root's", memory_of_root,
     r"memory\.sqlite belongs to root", r"type: sudo chown -R nobody \S+/state"),
    ("a memory that is none", memory_broken, r"memory\.sqlite.*not a database", r"move it away"),
    ("a newer kitehook's memory", memory_of_newer,
     r"memory\.sqlite.*newer", r"install that version again, or move"),
    ("a full disk", disk_full, r"1\.\d MB left", r"make room.*\n\s+type: df -h"),
    ("a file system that is read-only", read_only, r"is read-only", r"type: findmnt -T "),
    ("a webhook that was set aside", secret_changed,
     r"1 webhook was set aside", r"retry or drop.*\n\s+type: kitehook inbox list"),
    ("a full inbox", inbox_full,
     r"the inbox is full.*: 2 wait", r"a worker must empty it, or inbox\.max_entries grow"),
    ("a service that is down", service_down,
     r"no worker is at work, but something waits \(webhooks: 1",
     r"type: sudo systemctl start kitehook-worker"),
    ("nobody started a worker", none_started,
     r"no worker is at work", r"type: sudo -u \S+ kitehook worker --config"),
    ("receivers cannot start a worker", program_gone,
     r"cannot start /nonexistent/kitehook", r"type: sudo -u \S+ kitehook worker --config"),
    ("nobody makes a pass", nobody_passes,
     r"no worker is at work", r"type: sudo -u \S+ kitehook worker --once --config"),
    ("a second worker", second_worker,
     r"another worker holds .*worker\.lock", r"`fuser -v \S+worker\.lock` names it"),
    ("a file where the FIFO should be", no_fifo, r"worker\.wake is no FIFO", r"remove it"),
    ("a webhook whose service is down", service_unwoken,
     r"no worker listens", r"systemctl start kitehook-worker"),
    ("a rule that is gone", rule_gone,
     r"no rule sends to slack env:SLACK_WEBHOOK_URL", r"type: kitehook outbox list"),
    ("HTTP 400", answered(400),
     r"was given up \(delivery_refused: HTTP 400", r"type: kitehook outbox list --state dead --destination"),
    ("HTTP 401", answered(401),
     r"destination_refused: HTTP 401", r"credential.*\n\s+type: kitehook outbox redrive"),
    ("HTTP 403", answered(403),
     r"destination_refused: HTTP 403", r"credential.*\n\s+type: kitehook outbox redrive"),
    ("HTTP 404", answered(404),
     r"destination_refused: HTTP 404", r"address.*\n\s+type: kitehook outbox redrive"),
    ("HTTP 410", answered(410),
     r"destination_refused: HTTP 410", r"address.*\n\s+type: kitehook outbox redrive"),
    ("HTTP 429", answered(429), r"HTTP 429", r"narrow the rules"),
    ("HTTP 500", answered(500), r"HTTP 500", r"ask whoever runs it"),
    ("a redirect", answered(302), r"HTTP 302", r"address.*\n\s+type: kitehook outbox redrive"),
    ("a host without an address", unresolved, r"resolve host", r"mend the name in its URL, or /etc/resolv"),
    ("a port that is closed", port_closed, r"connect to server", r"firewall.*curl"),
    ("TLS where none is spoken", plain_port, r"SSL connect error", r"speaks no TLS.*mend its URL"),
    ("a certificate of nobody known", unknown_authority, r"certificate", r"name it by http\.ca_file"),
    ("a proxy that is down", proxy_closed, r"connect to server", r"http\.proxy"),
    ("an authority's file that is missing", authority_missing,
     r"/nonexistent/ca\.pem.*No such file", r"write that file, or correct the path"),
    ("another secret", lambda cli: refused(cli, secret=b"rotated"),
     r"signature_mismatch: 1 today", r"Copy the secret"),
    ("a token where signatures are asked for", lambda cli: refused(cli, headers=as_token),
     r"A token came", r"choose the HMAC signature"),
    ("a signature where tokens are asked for", lambda cli: refused(cli, proof="token"),
     r"A signature came", r"webhook\.signature"),
    ("no credential at all", lambda cli: refused(cli, headers=without("X-Buildkite-Signature")),
     r"neither X-Buildkite", r"recipe"),
    ("a clock that is behind", lambda cli: refused(cli, now=time.time() + 4000),
     r"this host's clock is behind", r"timedatectl"),
    ("a clock that is ahead", lambda cli: refused(cli, now=time.time() - 4000),
     r"this host's clock is ahead", r"timedatectl"),
    ("a body that is too large", lambda cli: refused(cli, top="", body=b"x" * 9000000),
     r"larger than webhook\.max_body", r"raise"),
    ("another method", lambda cli: refused(cli, method="PUT"),
     r"method_not_allowed: 1 today", r"come by POST"),
    ("another media type", lambda cli: refused(cli, headers=as_text), r"Content-Type is not",
     r"let nothing on the way"),
]


def tester(name, plant, cause, cure):
    def test(cli, report):
        try:
            text = plant(cli)
        except Skipped as why:
            report.skip(name, why)
            return
        report.check(f"{name}: the cause", re.search(cause, text), text)
        report.check(f"{name}: the cure", re.search(cure, text), text)
        report.check(f"{name}: no secret", SECRET.decode().strip() not in text and "planted" not in
                     text.replace(str(cli.folder), ""), text)

    test.__name__ = re.sub(r"\W+", "_", name)
    return test


if __name__ == "__main__":
    mounts.enter_namespace()
    assert len(FAULTS) >= 40
    sys.exit(cli_run.main(__doc__, [tester(*row) for row in FAULTS]))
