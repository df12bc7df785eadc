"""A small installation that things happen to: a config, a state folder, webhooks, and a catcher that knows
every notification's id."""
import base64
import hashlib
import json
import os
import shutil
import struct
import subprocess
import time

import common
import disk
import fcgi
from catcher import Catcher

RULES = ("first", "second")
KEY = "whsec_" + base64.b64encode(b"planted-key-of-thirty-two-bytes!").decode()
CONFIG = """\
webhook: {{signature: {{file: webhook-secret}}}}
env_file: env
log: {log}
state: disk/state
worker: {{mode: {mode}, program: {program}, log: {worker_log}, linger: 1s}}
notify:
{rules}"""
RULE = "  - {{name: {0}, webhook: {{url: {{env: {0}_URL}}, secret: {{env: KEY}}}}{1}}}\n"
PATIENCE_S = 30
LATER_S = 2 * 3600  # when whatever waits for a second try is due


def id_of(body, rule):
    """A delivery's id, where the body has a time of its event."""
    return hashlib.sha256(hashlib.sha256(body).digest() + rule.encode()).hexdigest()[:32]


class Webhook:
    """RULES are those that it matches."""

    def __init__(self, number, rules=RULES, **build):
        self.number, self.body, self.request_id = number, common.webhook(number, **build), f"r-{number}"
        self.ids = [id_of(self.body, rule) for rule in rules]

    def variables(self, config, now=None):
        headers = common.post_headers(self.body, self.request_id, now=now)
        return common.cgi_variables(config, "POST", common.URL, headers, len(self.body))


class Stage:
    """FOLDER/disk is all that may be harmed; config, secrets and logs lie beside it. RULES: {name of a rule:
    what else it says}."""

    def __init__(self, folder, build, shims=None, url=None, mode="service", rules=None):
        self.rules = rules or dict.fromkeys(RULES, "")
        self.folder, self.build, self.shims = folder, build, shims
        self.disk, self.trace, self.config = folder / "disk", folder / "trace", folder / "kitehook.yml"
        folder.mkdir(parents=True, exist_ok=True)
        self.disk.mkdir(mode=0o700)
        self.write("webhook-secret", common.SECRET.decode())
        self.send_to({rule: f"{url or 'http://127.0.0.1:9'}/{rule}" for rule in self.rules})
        rules = ("".join(RULE.format(rule, more) for rule, more in self.rules.items()) +
                 "  - {name: journal, log: {}, events: build.*}\n")
        self.config.write_text(
            CONFIG.format(log=folder / "receiver.log", worker_log=folder / "worker.log", mode=mode,
                          program=build / "kitehook", rules=rules), encoding="utf-8")
        common.aged(self.config)

    def write(self, name, text):
        (self.folder / name).write_text(text, encoding="utf-8")
        (self.folder / name).chmod(0o600)
        common.aged(self.folder / name)

    def send_to(self, urls):
        self.write("env", f"KEY={KEY}\n" + "".join(f"{rule}_URL={url}\n" for rule, url in urls.items()))

    def environment(self, at=0, how="before", traced=True, ahead_s=0):
        """For a process: the AT-th call goes wrong, its calls are traced, its clock is AHEAD_S seconds
        ahead."""
        if ahead_s:
            since_ns, wall_ns = time.monotonic_ns(), time.time_ns()
            (self.folder / "clock").write_bytes(
                struct.pack("=qqq", since_ns, wall_ns + int(ahead_s * 1e9), 1))
            return {"LD_PRELOAD": str(self.shims / "libkh_clock.so"), "KH_CLOCK": str(self.folder / "clock")}
        if not self.shims or not (at or traced):
            return {}
        return {"LD_PRELOAD": str(self.shims / "libkh_faults.so"), "KH_FAULTS_ROOT": str(self.disk.resolve()),
                "KH_FAULTS_TRACE": str(self.trace), "KH_FAULTS_AT": str(at), "KH_FAULTS_HOW": how}

    def clean(self):
        shutil.rmtree(self.disk)
        self.disk.mkdir(mode=0o700)
        self.trace.unlink(missing_ok=True)
        (self.folder / "worker.log").unlink(missing_ok=True)

    def post(self, webhook, now=None, **fault):
        """Through kitehook.cgi: the status of its answer, 0 when it was killed before it gave one; and how it
        ended."""
        variables = webhook.variables(self.config, now)
        variables.pairs += [(name.encode(), value.encode())
                            for name, value in self.environment(**fault).items()]
        answer, _, code = common.run_cgi(self.build / "kitehook.cgi", variables, webhook.body,
                                         seconds=PATIENCE_S)
        return answer.status if answer.json and answer.json.get("kept", True) else 0, code

    def ask(self, webhook, now=None, **fault):
        """The same through a kitehook.fcgi."""
        receiver = self.receiver(**fault)
        try:
            answer = receiver.ask(webhook.variables(self.config, now).items(), webhook.body)
            if fault.get("at"):  # it may be dying right now
                common.wait_until(lambda: receiver.child.poll() is not None, 0.2)
            return answer.status, receiver.child.poll()
        finally:
            receiver.close()
            (self.folder / "fcgi.sock").unlink()

    def work(self, **fault):
        """One pass of a worker: how it ended."""
        done = subprocess.run([self.build / "kitehook", "worker", "--once", "--config", self.config],
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=PATIENCE_S,
                              check=False, env={"PATH": os.environ["PATH"], **self.environment(**fault)})
        return done.returncode

    def worker(self, **fault):
        """A worker that stays: a process, which the caller ends."""
        return subprocess.Popen([self.build / "kitehook", "worker", "--serve", "--config", self.config],
                                stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env={"PATH": os.environ["PATH"], **self.environment(**fault)})

    def receiver(self, **fault):
        """A kitehook.fcgi."""
        return fcgi.Process(self.build, self.folder, self.config, **self.environment(**fault))

    @property
    def waiting(self):
        folder = self.disk / "state" / "inbox" / "new"
        return sorted(os.listdir(folder)) if folder.exists() else []

    def spoken(self):
        """The webhooks that the log notifier told of, by their build's number."""
        said = common.whole_text(self.folder / "worker.log").splitlines()
        lines = [json.loads(line) for line in said if line.endswith("}")]  # a kill may have cut one
        return [line["build_number"] for line in lines if line["message"] == "notification"]


class Arrivals(Catcher):
    """Every notification's id, in the order of their coming, however it was answered. TRACE gets a mark for
    each: id and status."""

    def __init__(self, script=None, trace=None):
        super().__init__(script)
        self.trace, self.ids = trace, []

    def take(self, path, headers, body, method="POST"):
        found = {name.lower(): value for name, value in headers.items()}.get("webhook-id", "none")
        answer = super().take(path, headers, body, method)
        if self.trace:
            disk.mark(self.trace, f"{found} {answer[0]}".encode())
        self.ids.append(found)
        return answer
