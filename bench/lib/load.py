"""Posting the webhook: one by one to see that it is answered, then with wrk to see how fast."""

import json
import re
import urllib.error
import urllib.request

from .errors import MeasuringError
from .programs import BENCH, need_tool, run

CONNECTIONS = 16
WARM_UP_REQUESTS = 30


def post(url, body, headers):
    """The status and the text of one answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        raise MeasuringError(f"no answer from {url}: {error}") from None


def warm_up(url, webhook, headers):
    """A few requests, each of which must be answered with 200. How many is the answer."""
    for _ in range(WARM_UP_REQUESTS):
        status, text = post(url, webhook.body, headers())
        if status != 200:
            raise MeasuringError(f"{url} answered {status}: {text[:300]!r}")
    return WARM_UP_REQUESTS


def must_refuse(url, webhook, headers):
    """Whoever does not answer a forged signature, and none, with 401 verifies nothing."""
    unsigned = {"Content-Type": "application/json", "X-Buildkite-Event": webhook.event}
    for what, sent in ("a forged signature", headers(genuine=False)), ("no signature", unsigned):
        status, text = post(url, webhook.body, sent)
        if status != 401:
            raise MeasuringError(f"{url} answered {status} to {what}: {text[:300]!r}")


def measure(url, webhook, headers, seconds):
    """Requests a second, and how many were answered; any that was refused or broken is an error."""
    lines = [f"{name}: {value}" for name, value in headers().items()]
    output = run([need_tool("wrk"), "-t", 1, "-c", CONNECTIONS, "-d", f"{seconds}s", "--timeout", "10s",
                  "-s", BENCH / "post.lua", url, "--", webhook.body_file, *lines], timeout=seconds + 30)
    found = re.search(r"^result (\{.*\})$", output, re.MULTILINE)
    if found is None:
        raise MeasuringError(f"wrk gave no result:\n{output}")
    result = json.loads(found.group(1))
    if result["refused"] or result["broken"] or not result["requests"]:
        raise MeasuringError(f"{url}: {result}")
    return result["requests"] * 1e6 / result["us"], result["requests"]
