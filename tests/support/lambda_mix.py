"""Events for the Lambda function of all kinds, by chance, each with what must come of it. Imported by tests
that have tests/integration on their path.
"""
import collections
import json
import random
import time

import common
import lambda_envelopes

MAX_BODY = 64 * 1024  # of the function's config
LARGEST = 300000
ERROR = "error"  # instead of a status: the event is no HTTP request


class Expected:
    """Status, and members of the answer's JSON (or its whole text)."""

    def __init__(self, kind, status, **members):
        self.kind, self.status, self.members = kind, status, members

    def problem(self, invocation):
        """Why the answer is wrong, or "". One that came too late is still to be right."""
        if invocation.kind not in (("error" if self.status == ERROR else "response"), "Sandbox.Timedout"):
            return f"{self.kind}: {invocation.kind} {invocation.body[:300]!r}"
        if self.status == ERROR:
            good = b'"errorType":"Function.NoRequest"' in invocation.body
            return "" if good else f"{self.kind}: {invocation.kind} {invocation.body[:300]!r}"
        try:
            said = json.loads(invocation.body)
            text = said["body"]
            members = {"text": text} if "text" in self.members else json.loads(text)
        except (ValueError, KeyError, TypeError):
            return f"{self.kind}: {invocation.kind} {invocation.body[:300]!r}"
        good = (said.get("statusCode") == self.status and
                all(members.get(name) == value for name, value in self.members.items()))
        return ("" if good else f"{self.kind}: {invocation.kind} {invocation.body[:300]!r}, wanted "
                                f"{self.status} {self.members}")


class Mix:
    """Payloads of all kinds, by chance."""
    WEIGHTS = {"genuine": 40, "fixture": 12, "told": 2, "forged": 14, "stale": 7, "unsigned": 4,
               "malformed": 8, "get": 5, "put": 2, "media": 3, "oversized": 1, "no_request": 2}

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.counts = collections.Counter()
        self.number = 0
        self.fixtures = [one for one in common.fixtures() if one.expect["status"] == 200 and
                         len(one.body) < MAX_BODY
                         and one.expect["log"].get("proof") == "signature" and "event" in one.expect["log"]]
        assert len(self.fixtures) > 20

    def make(self, kind=None):
        """(payload, Expected)"""
        kind = kind or self.chance.choices(list(self.WEIGHTS), self.WEIGHTS.values())[0]
        self.counts[kind] += 1
        self.number += 1
        if kind == "no_request":
            return (
                self.chance.choice(
                    (b'{"Records":[{"eventSource":"aws:sqs","body":"x"}]}', b"[]", b'{"a":1}', b"{",
                     b"\xff")),
                 Expected(kind, ERROR))
        method, headers, body, expected = getattr(self, kind)()
        source = self.chance.choice(lambda_envelopes.SOURCES)
        variant = self.chance.choice(lambda_envelopes.VARIANTS if source == "http_api"
                                     else ("plain", "escaped", "base64"))
        return lambda_envelopes.envelope(source, method, headers, body, variant), expected

    def first(self):
        """One of each kind, and the largest in each form: behind them no buffer grows and no connection is
        new."""
        for kind in self.WEIGHTS:
            yield self.make(kind)
        for source in lambda_envelopes.SOURCES:
            for variant in lambda_envelopes.VARIANTS:
                self.number += 1
                self.counts["oversized"] += 1
                method, headers, body, expected = self.oversized(LARGEST)
                yield lambda_envelopes.envelope(source, method, headers, body, variant), expected

    def some(self, count):
        for _ in range(count):
            yield self.make()

    def webhook(self, branch="main"):
        message = "".join(
            self.chance.choices("abc \"\\\n/\u00e9\u2028\U0001f680", k=self.chance.choice((5, 50, 3000))))
        return common.webhook(self.number, self.chance.choice(("passed", "failed", "canceled")), branch,
                              message=message)

    def post(self, body, secret=common.SECRET, age_s=0):
        return common.post_headers(body, f"soak-{self.number}", secret, now=time.time() - age_s)

    def accepted(self, branch, kind):
        body = self.webhook(branch)
        return "POST", self.post(body), body, \
            Expected(kind, 200, verdict="accepted", event="build.finished", request_id=f"soak-{self.number}")

    def genuine(self):
        return self.accepted("main", "genuine")

    def told(self):
        return self.accepted("told", "told")

    def fixture(self):
        one, now = self.chance.choice(self.fixtures), int(time.time())
        signature = common.sign_quickly(common.SECRET, now, one.body)
        headers = [
            (name,
             common.signature_header(now, signature) if name.lower() == "x-buildkite-signature" else value)
                   for name, value in one.headers]
        return ("POST", headers, one.body,
                Expected(f"fixture {one.name}", 200, verdict="accepted", event=one.expect["log"]["event"],
                         request_id=one.request_id))

    def forged(self):
        body = self.webhook()
        way = self.chance.randrange(3)
        headers = self.post(body, b"another secret" if way == 0 else common.SECRET)
        if way == 1:
            body = body.replace(b'"number":', b'"number":1', 1)
        if way == 2:
            headers = [
                (name,
                 value[:-1] + ("0" if value[-1] != "0" else "1") if name == "X-Buildkite-Signature"
                 else value)
                       for name, value in headers]
        return "POST", headers, body, Expected("forged", 401, error="unauthorized")

    def stale(self):
        body = self.webhook()
        return "POST", self.post(body, age_s=self.chance.choice((3600, -3600, 1e8))), body, \
            Expected("stale", 401, error="unauthorized")

    def unsigned(self):
        body = self.webhook()
        headers = [field for field in self.post(body) if field[0] != "X-Buildkite-Signature"]
        return "POST", headers, body, Expected("unsigned", 401, error="unauthorized")

    def malformed(self):
        body = self.webhook()
        body = body.decode()[:-self.chance.randrange(1, 200)].encode()
        return ("POST", self.post(body), body,
                Expected("malformed", 400, error="json_syntax", request_id=f"soak-{self.number}"))

    def get(self):
        return "GET", [("User-Agent", "soak")], b"", \
            Expected("get", 200, text="kitehook: Buildkite webhooks are received here by POST\n")

    def put(self):
        body = self.webhook()
        return "PUT", self.post(body), body, Expected("put", 405, error="method_not_allowed")

    def media(self):
        body = self.webhook()
        headers = [(name, "text/plain" if name == "Content-Type" else value)
                   for name, value in self.post(body)]
        return "POST", headers, body, Expected("media", 415, error="media_type_not_json")

    def oversized(self, size=0):
        body = self.webhook().ljust(size or self.chance.choice((2 * MAX_BODY, LARGEST)))
        return "POST", self.post(body), body, Expected("oversized", 413, error="body_too_large")
