"""The delivery policy as docs/delivery.md has it, written down a second time: what may be seen from outside,
and what may not.

Nothing here looks into kitehook. What came to the destinations, the log lines and `outbox list` are held
against the script of answers; times are those of the clock that all of them share.
"""
import collections
import datetime

from hostile import DELIVERED, GIVE_UP, REFUSED, RETRY

FIRST_S, LONGEST_S, REFUSED_S = 10, 3600, 3600
RESTS_S = (0, 1, 2, 5, 10, 20, 40, 60)  # of a destination after so many failures in a row, for everything
JITTER = (0.75, 1.25)
ATTEMPTS_MAX = 12
AGE_MAX_S = 24 * 3600
AT_ONCE = {"webhook": 4, "slack": 1, "lifx": 1}
NEAR_S = 0.02      # log lines have milliseconds, and clocks here are read at different moments
DATE_S = 1.0       # an HTTP date has whole seconds


def delay_s(attempt, behaviour):
    """From the answer to attempt number ATTEMPT to the next one: at least and at most."""
    own = REFUSED_S if behaviour.meaning == REFUSED else min(FIRST_S * 2 ** (attempt - 1), LONGEST_S)
    return max(own * JITTER[0], asked_s(behaviour)), max(own * JITTER[1], asked_s(behaviour))


def asked_s(behaviour):
    return min(max(behaviour.asked_s or 0, 0), LONGEST_S)


def rest_s(failure):
    """How long nothing goes to a destination that answered so."""
    own = RESTS_S[min(failure.in_a_row, len(RESTS_S)) - 1]
    return (asked_s(failure.behaviour) or own) - ("date" in failure.behaviour.name) * DATE_S


def end_of(script):
    """How a delivery with these answers ends, and after how many attempts: (DELIVERED or "dead", attempts,
    status)."""
    for number, behaviour in enumerate(script, 1):
        if behaviour.meaning in (DELIVERED, GIVE_UP):
            return DELIVERED if behaviour.meaning == DELIVERED else "dead", number, behaviour.status
        if number == ATTEMPTS_MAX:
            return "dead", number, behaviour.status
    raise ValueError("a script needs an end")


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Attempt:
    """One exchange: the requests of it (libcurl repeats one by itself when a kept connection has died), and
    its log line."""

    def __init__(self, requests, line, behaviour, lag_s):
        self.requests, self.line, self.behaviour = requests, line, behaviour
        self.logged = seconds(line["timestamp"])
        # A thread of the catcher may see a request a little late: as sent counts what the log says, if it is
        # near.
        self.seen = requests[0].start
        self.start = min(self.seen, max(self.seen - lag_s, self.logged - line["duration_us"] / 1e6))
        self.end = max(request.end for request in requests)
        self.retry_at = seconds(line["retry_at"]) if "retry_at" in line else None
        self.in_a_row = 1  # should it be a failure: with those before it, of the destination


class Judge:
    """SCRIPTS: {delivery id: answers}. TOUCHED: when files of the configuration changed, which a worker sees
    up to NOTICE_S later.

    LAG_S is how late a thread of the catcher may be.
    """

    def __init__(self, scripts, destination_of, touched, notice_s, lag_s):
        self.notice_s, self.lag_s = notice_s, lag_s
        self.scripts, self.destination_of, self.touched, self.problems = scripts, destination_of, touched, []
        self.ratios = []

    def problem(self, *what):
        self.problems.append(what)

    def attempts_of(self, requests, lines):
        """{id: [Attempt]}; every request has its line, and every line its request but that of who dies
        without a further one."""
        came, said = collections.defaultdict(dict), collections.defaultdict(dict)
        for request in requests:
            came[request.id].setdefault(request.headers.get("webhook-timestamp"), []).append(request)
        for line in lines:
            if line["attempt"] > 0:
                said[line["delivery"]].setdefault(line["attempt"], line)
        found = {}
        for one in {*came, *said}:
            if one not in self.scripts:
                self.problem("an id of nobody", one)
                continue
            groups, tries = list(came[one].values()), list(said[one].values())
            if len(groups) != len(tries) or len(tries) > len(self.scripts[one]):
                self.problem("requests and log lines differ", self.destination_of[one], len(groups),
                             [line["result"] for line in tries], self.scripts[one][:len(tries)])
                continue
            found[one] = [Attempt(group, line, behaviour, self.lag_s)
                          for group, line, behaviour in zip(groups, tries, self.scripts[one])]
        return found

    def whole(self, one, attempts):
        """A delivery that ends by its script: it has just these attempts."""
        end, wanted, _ = end_of(self.scripts[one])
        if len(attempts) != wanted:
            self.problem("attempts", self.destination_of[one], self.scripts[one][:wanted], len(attempts),
                         "for", wanted)
            return
        self.line(wanted, attempts[-1], end)
        self.some(one, attempts)

    def some(self, one, attempts):
        """The same request each time, none too early, and each logged as what it was; the last one is
        somebody else's matter."""
        if len({request.body for attempt in attempts for request in attempt.requests}) > 1:
            self.problem("the body changed", one)
        for number, (this, after) in enumerate(zip(attempts, attempts[1:]), 1):
            self.line(number, this, "retry")
            self.wait(number, this, after)

    def line(self, number, attempt, result):
        said = (attempt.line["attempt"], attempt.line["result"], attempt.line.get("status", 0))
        if said != (number, result, attempt.behaviour.status):
            self.problem("log line", attempt.behaviour, said, "for",
                         (number, result, attempt.behaviour.status))

    def is_reconfigured(self, since, until):
        return any(since - self.notice_s < at <= until for at in self.touched)

    def wait(self, number, this, after):
        least, most = delay_s(number, this.behaviour)
        least, most = (least - ("date" in this.behaviour.name) * DATE_S,
                       most + ("date" in this.behaviour.name) * DATE_S)
        if (this.retry_at is None or
            not this.end + least - NEAR_S <= this.retry_at <= this.logged + most + NEAR_S):
            self.problem("retry_at", number, this.behaviour, this.retry_at and this.retry_at - this.logged,
                         least, most)
            return
        is_free = this.behaviour.meaning == REFUSED and self.is_reconfigured(this.end, after.start)
        if after.start < this.end + least - NEAR_S and not is_free:
            self.problem("too early", number, this.behaviour, after.start - this.end)
        if this.behaviour.meaning == RETRY and not this.behaviour.asked_s and not this.behaviour.slow:
            self.ratios.append((this.retry_at - this.end) / most * JITTER[1])

    def failures_before(self, telling, moment):
        """Of the outcomes TELLING, those that a destination has to rest for at MOMENT, or to be probed after.

        A success ends what it came after; while the rest lasts it was on its way before, and proves nothing.
        """
        found = []
        for attempt in telling:
            if attempt.logged > moment + NEAR_S:
                break
            if attempt.behaviour.meaning == DELIVERED:
                found = [failure for failure in found
                         if failure.end + rest_s(failure) > attempt.logged + NEAR_S]
            elif attempt.logged < moment - NEAR_S and not self.is_reconfigured(attempt.end, moment):
                found.append(attempt)
        return found

    def destination(self, name, attempts):
        """While it fails, one at a time and none before its rest is over; else at most four at once."""
        attempts = sorted(attempts, key=lambda attempt: attempt.start)
        telling = sorted((attempt for attempt in attempts if attempt.behaviour.meaning != GIVE_UP),
                         key=lambda attempt: attempt.logged)
        for number, attempt in enumerate(attempts):
            # It may be late with an end, too; what is sent because of an outcome comes behind its log line.
            under_way = [other for other in attempts[:number]
                         if other.end > attempt.start + NEAR_S and other.logged > attempt.seen]
            if len(under_way) + 1 > AT_ONCE["webhook"]:
                self.problem("more than four at once", name, attempt.start)
            failures = self.failures_before(telling, attempt.start)
            attempt.in_a_row = 1 + max((failure.in_a_row for failure in failures), default=0)
            for failure in failures:
                if attempt.start < failure.end + rest_s(failure) - NEAR_S:
                    self.problem("at rest, and asked", name, failure.behaviour, attempt.start - failure.end,
                                 "the last failure" if failure is failures[-1]
                                 else f"then {failures[-1].behaviour}")
                # One that was sent before the failure was known is no probe, even if it was seen late.
                if (failure is failures[-1] and
                    any(other.start > failure.logged + NEAR_S + self.lag_s for other in under_way)):
                    self.problem("two probes", name, attempt.start)

    def jitter(self):
        """The waits are spread over all that the policy allows."""
        return len(self.ratios) > 20 and min(self.ratios) < 0.85 and max(self.ratios) > 1.15
