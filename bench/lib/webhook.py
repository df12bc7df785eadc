"""The webhook that all measurements post, and the kitehook.yml that receives it."""

import hashlib
import hmac
import os
import time
from pathlib import Path

from .errors import MeasuringError
from .programs import SOURCE

FIXTURE = SOURCE / "fixtures/events/build_finished_10k/request.http"
SECRET = SOURCE / "fixtures/webhook-secret"


class Webhook:
    """The fixture's body, signed anew for each run: a signature must be fresh."""

    def __init__(self, folder):
        head, separator, self.body = FIXTURE.read_bytes().partition(b"\r\n\r\n")
        if not separator or not 8_000 < len(self.body) < 12_000:
            raise MeasuringError(f"{FIXTURE} is not a request with a body of about 10 KB")
        sent = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        self.event = sent["X-Buildkite-Event"]
        self.secret = SECRET.read_bytes()
        self.secret_file = folder / "secret"  # a copy that only we can read, as it should be on a real host
        self.secret_file.touch(0o600)
        self.secret_file.write_bytes(self.secret)
        os.utime(self.secret_file, (0, 0))
        self.body_file = folder / "body"
        self.body_file.write_bytes(self.body)

    def signature(self, signed, genuine):
        """The HMAC of SIGNED; one that is not GENUINE differs in its last digit."""
        mac = hmac.new(self.secret, signed, hashlib.sha256).hexdigest()
        return mac if genuine else mac[:-1] + ("1" if mac.endswith("0") else "0")

    def headers(self, genuine=True):
        timestamp = str(int(time.time()))
        signature = self.signature(timestamp.encode() + b"." + self.body, genuine)
        return {
            "Content-Type": "application/json",
            "X-Buildkite-Event": self.event,
            "X-Buildkite-Signature": f"timestamp={timestamp},signature={signature}",
        }

    def headers_for_webhook(self, genuine=True):
        """With the kind of signature that Debian's webhook can verify: over the body alone."""
        return {**self.headers(genuine),
                "X-Hub-Signature-256": f"sha256={self.signature(self.body, genuine)}"}

    def cgi_environment(self):
        """What a web server gives a CGI program."""
        environment = {
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_SOFTWARE": "bench",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "REQUEST_METHOD": "POST",
            "REQUEST_URI": "/hook.cgi",
            "SCRIPT_NAME": "/hook.cgi",
            "QUERY_STRING": "",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(self.body)),
            "HTTP_HOST": "127.0.0.1",
        }
        for name, value in self.headers().items():
            key = name.upper().replace("-", "_")
            environment[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        return environment


class Config:
    """A kitehook.yml in FOLDER. With an inbox no worker runs, and nothing but the disk bounds it. NOTIFY is a
    rule."""

    def __init__(self, folder, webhook, inbox=False, notify=None):
        self.path = folder / "kitehook.yml"
        self.log = folder / "receiver.log"
        self.state = folder / "state"
        lines = [
            "webhook:",
            f"  signature: {{file: {webhook.secret_file}}}",
            "  freshness: 1d",
            f"log: {self.log}",
        ]
        if inbox:
            lines += [
                f"state: {self.state}",
                "inbox: {max_entries: 1000000, max_bytes: 100GB}",
                "worker: {mode: service, log: stderr}",
            ]
        if notify:
            lines += ["notify:", f"  - {notify}"]
        self.path.write_text("\n".join(lines) + "\n")
        os.utime(self.path, (0, 0))  # a worker waits for a file that was written just now

    @property
    def environment(self):
        return {"KITEHOOK_CONFIG": str(self.path)}

    def accepted(self):
        """How many lines of the receiver's log say that a webhook was accepted."""
        return count_in_log(self.log, '"verdict":"accepted"')

    def waiting(self):
        """How many webhooks wait in the inbox."""
        return count_files(self.state / "inbox/new")


def count_in_log(log, text):
    with open(log) as lines:
        return sum(text in line.replace(": ", ":") for line in lines)


def count_files(folder):
    return sum(1 for _ in Path(folder).iterdir())
