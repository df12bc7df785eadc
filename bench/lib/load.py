"""Posting the webhook: one by one to see that it is answered, then with wrk to see how fast."""

import json
import re
import urllib.error
import urllib.request

from .errors import MeasuringError
from .programs import BENCH, need_tool, run

CONNECTIONS = 16
WARM_UP_REQUESTS = 30


def warm_up(url, webhook):
    """A few requests, each of which must be answered with 200. How many is the answer."""
    for _ in range(WARM_UP_REQUESTS):
        request = urllib.request.Request(url, webhook.body, webhook.headers())
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        except OSError as error:
            raise MeasuringError(f"no answer from {url}: {error}") from None
        if status != 200:
            raise MeasuringError(f"{url} answered {status}: {text[:300]!r}")
    return WARM_UP_REQUESTS


def measure(url, webhook, seconds):
    """Requests a second, and how many were answered; any that was refused or broken is an error."""
    headers = [f"{name}: {value}" for name, value in webhook.headers().items()]
    output = run([need_tool("wrk"), "-t", 1, "-c", CONNECTIONS, "-d", f"{seconds}s", "--timeout", "10s",
                  "-s", BENCH / "post.lua", url, "--", webhook.body_file, *headers], timeout=seconds + 30)
    found = re.search(r"^result (\{.*\})$", output, re.MULTILINE)
    if found is None:
        raise MeasuringError(f"wrk gave no result:\n{output}")
    result = json.loads(found.group(1))
    if result["refused"] or result["broken"] or not result["requests"]:
        raise MeasuringError(f"{url}: {result}")
    return result["requests"] * 1e6 / result["us"], result["requests"]
