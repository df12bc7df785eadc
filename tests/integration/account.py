"""What was answered 200, and what must have come of it: an account that asks kitehook nothing.

A delivery is (rule, id); for a rule whose requests carry no id, (rule, number of the build).
"""
import collections
import contextlib
import re
import time

from hostile import DELIVERED
from stage import id_of

NUMBER = re.compile(rb"Build (\d+)")
ATTEMPTS_MAX = 12    # docs/delivery.md
CERTAIN_S = 0.5      # an answer that took longer may not have been heard


class Account:
    """RULES: {name: function that says whether it matches a webhook}. WITHOUT_ID: those whose requests carry
    none. BOUNDED: those of which more is owed than is kept, so that some may be missing."""

    def __init__(self, rules, without_id, bounded):
        self.rules, self.without_id, self.bounded = rules, without_id, bounded
        self.tried, self.kept, self.kills, self.excused = {}, {}, [], []
        self.begun = time.monotonic()

    def key(self, rule, webhook):
        return rule, webhook.number if rule in self.without_id else id_of(webhook.body, rule)

    def keys(self, webhook):
        return [self.key(rule, webhook) for rule, matches in self.rules.items() if matches(webhook)]

    def key_of(self, request):
        rule = request.path.strip("/")
        if rule not in self.without_id:
            return rule, request.id
        number = NUMBER.search(request.body)
        return rule, int(number.group(1)) if number else None

    def was_tried(self, webhook):
        self.tried[webhook.number] = webhook

    def was_kept(self, webhook):
        self.kept[webhook.number] = webhook, time.monotonic()

    @contextlib.contextmanager
    def worker_dies(self):
        """At some moment while this lasts."""
        since = time.monotonic()
        yield
        self.kills.append((since, time.monotonic()))

    def excuse(self, since, until):
        """What was answered 200 in this time may be missing: the test itself was too slow."""
        self.excused.append((since, until))

    # ---- what came of it

    def owed(self):
        return {key for webhook, at in self.kept.values()
                if not any(since <= at <= until for since, until in self.excused)
                for key in self.keys(webhook) if key[0] not in self.bounded}

    def missing(self, requests):
        came = {self.key_of(request) for request in requests
                if request.end and request.behaviour.meaning == DELIVERED}
        return self.owed() - came

    def strangers(self, requests):
        known = {key for webhook in self.tried.values() for key in self.keys(webhook)}
        return {self.key_of(request) for request in requests} - known

    def changed(self, requests):
        """Deliveries that came with more than one body."""
        bodies = collections.defaultdict(set)
        for request in requests:
            bodies[self.key_of(request)].add(request.body)
        return [key for key, some in bodies.items() if len(some) > 1]

    def copies(self, requests):
        """(those that a kill explains, [those that nothing does]): what came after a delivery's answer."""
        explained, faults, heard = 0, [], {}
        for request in sorted(requests, key=lambda one: one.start):
            key = self.key_of(request)
            if key in heard:
                if any(since <= request.start and heard[key] <= until for since, until in self.kills):
                    explained += request.behaviour.meaning == DELIVERED
                    del heard[key]
                else:
                    faults.append((*key, *(f"{at - self.begun:.2f} s" for at in (heard[key], request.start))))
            if (request.end and request.behaviour.meaning == DELIVERED and
                request.end - request.start < CERTAIN_S):
                heard[key] = request.start
        return explained, faults

    def endless(self, requests):
        """Deliveries with more attempts than there may be. One without an answer libcurl may have repeated by
        itself."""
        counts = collections.Counter(self.key_of(request) for request in requests if request.behaviour.status)
        return {key: count for key, count in counts.items() if count > ATTEMPTS_MAX}
