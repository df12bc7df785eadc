"""Webhooks by the hundreds against destinations that misbehave by script, for a day and more of a time that
we make."""
import collections
import json
import mmap
import os
import random
import socket
import struct
import subprocess
import time

import hostile
import policy
from stage import Stage, Webhook

SPEED = 10          # a time-out of 10 s takes one
RARELY = 100        # one webhook of so many goes to the destinations that never answer well, too
BUSY = ("good", "flaky", "refusing", "picky")
DEAD = ("down", "wrong", "busy", "gone", "tls")
UNSEEN = ("gone", "tls")  # where no request comes through
RULES = {**{rule: "" for rule in BUSY}, **{rule: ", branches: rare" for rule in DEAD}}
LATE_S = 60
LAG_S = 0.1          # of the world's: how late a thread may come
END_S = 40 * 3600
LIVE_S = 3600        # three minutes of the world's
PASSES_MAX = 4000
NOTICE_S = 13        # a worker looks each second, and ends what is under way first


class Time:
    """The clock of all processes here: runs SPEED times as fast as the world's, and can jump."""

    def __init__(self, path, speed):
        self.speed, self.since_ns, self.wall_ns = speed, time.monotonic_ns(), time.time_ns()
        self.ahead_ns = 0
        path.write_bytes(bytes(24))
        with open(path, "r+b") as file:
            self.shared = mmap.mmap(file.fileno(), 24)
        self._tell()

    def _tell(self):
        self.shared[:] = struct.pack("=qqq", self.since_ns, self.wall_ns + self.ahead_ns, self.speed)

    def __call__(self):
        passed_ns = (time.monotonic_ns() - self.since_ns) * self.speed
        return (self.wall_ns + self.ahead_ns + passed_ns) / 1e9

    def true(self):
        """What a clock says that has run as fast and never jumped."""
        return self() - self.ahead_ns / 1e9

    def step(self, by_s):
        """Somebody sets the wall clock."""
        self.ahead_ns += int(by_s * 1e9)
        self._tell()

    def jump(self, to):
        self.step(max(0, to - self()))


class Place(Stage):
    """A stage that lives in our time."""

    def __init__(self, folder, build, shims, urls, speed, mode="service"):
        super().__init__(folder, build, shims, mode=mode, rules={rule: RULES.get(rule, "") for rule in urls})
        self.urls, self.now, self.said, self.read_to = urls, Time(folder / "clock", speed), [], 0
        self.send_to(urls)

    def environment(self, **_):
        return {"LD_PRELOAD": str(self.shims / "libkh_clock.so"), "KH_CLOCK": str(self.folder / "clock")}

    def touch(self):
        """The configuration's files change, if only in what stat says. When."""
        at = self.now()
        self.send_to(self.urls)
        os.utime(self.folder / "env", (at, at))
        return at

    def lines(self, message):
        """What the workers said; a line that is being written belongs to the next time."""
        log = self.folder / "worker.log"
        if log.exists():
            with open(log, "rb") as file:
                file.seek(self.read_to)
                whole = file.read().rpartition(b"\n")[0]
            self.read_to += len(whole) + 1 if whole else 0
            self.said += map(json.loads, whole.splitlines())
        return [line for line in self.said if line["message"] == message]

    def owed(self, *filters):
        done = subprocess.run(
            [self.build / "kitehook", "outbox", "list", "--json", *filters, "--config", self.config],
            capture_output=True, check=True,
                              env={"PATH": os.environ["PATH"], **self.environment()})
        return json.loads(done.stdout)["deliveries"]


class Season:
    """Worker after worker, each for one pass; between two of them time jumps to where something is due."""
    name, speed, rules, notice_s = "hostility", SPEED, (*BUSY, *DEAD), 0

    def __init__(self, report, folder, chosen, webhooks):
        self.report, self.seed, self.count, self.chance = (report, chosen.seed, webhooks,
                                                           random.Random(f"{self.name} {chosen.seed}"))
        self.scripts, self.rule_of, self.repeats, self.touched = {}, {}, 0, []
        certificate = folder / "certificate.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "9999", "-subj",
             "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", certificate, "-out",
             folder / "public.pem"],
                       check=True, capture_output=True)
        with open(certificate, "ab") as whole:
            whole.write((folder / "public.pem").read_bytes())
        self.catcher = hostile.Hostile(self.choose, self.now)
        self.foreign = hostile.Hostile(self.choose, self.now, str(certificate))
        with socket.create_server(("127.0.0.1", 0)) as closed:
            nobody = closed.getsockname()[1]
        urls = {rule: self.catcher.url(f"/{rule}") for rule in RULES}
        urls.update(gone=f"http://127.0.0.1:{nobody}/gone", tls=self.foreign.url("/tls"))
        self.place = Place(folder / self.name, chosen.dynamic, chosen.shims,
                           {rule: urls[rule] for rule in self.rules}, self.speed)
        self.tried = collections.defaultdict(set)

    def now(self):
        return self.place.now()

    def choose(self, request):
        """By how many attempts there were: a request that libcurl repeats by itself is none of its own."""
        script, seen = self.scripts.get(request.id, []), self.tried[request.id]
        seen.add(request.headers.get("webhook-timestamp"))
        return script[len(seen) - 1] if len(seen) <= len(script) else hostile.GOOD[0]

    # ---- what comes in

    def webhook(self, number):
        is_rare = number % RARELY == 1
        rules = [rule for rule in self.rules if rule in BUSY or is_rare]
        webhook = Webhook(number, rules, branch="rare" if is_rare else "main")
        for rule, one in zip(rules, webhook.ids):
            self.scripts[one] = hostile.script(self.seed, rule, number, self.count)
            self.rule_of[one] = rule
        return webhook

    def arrive(self, numbers):
        refused = []
        for number in numbers:
            webhook = self.webhook(number)
            at = [self.now()]
            if number % 5 == 0:
                at += [at[0], at[0] + 1]  # byte-equal, and signed anew
                self.repeats += 2
            refused += [number for when in at if self.place.post(webhook, now=when)[0] != 200]
        self.report.check(f"{self.name}: every webhook is answered 200", not refused, refused[:5])

    # ---- what is done

    def run(self):
        waves, start = [], self.now()
        numbers = list(range(1, self.count + 1))
        while numbers:
            count = self.chance.randint(1, self.count // 4)
            waves.append((start + len(waves) * self.chance.choice((30, 600, 4000)), numbers[:count]))
            numbers = numbers[count:]
        waves.sort(key=lambda wave: wave[0])
        passes, code = 0, 4
        while (waves or code != 0) and passes < PASSES_MAX and self.now() < start + END_S:
            if waves and waves[0][0] <= self.now():
                self.arrive(waves.pop(0)[1])
            if self.chance.random() < 0.03:
                self.touched.append(self.place.touch())
            code = self.place.work()
            passes += 1
            self.go_on(waves, code)
        print(f"{self.name}: {passes} passes, {(self.now() - start) / 3600:.1f} hours of our time")
        self.report.check(f"{self.name}: in the end nothing is owed", code == 0, code)

    def go_on(self, waves, code):
        """To the next moment that matters; sometimes only half the way, when nothing may happen."""
        last, rests = {}, {}
        for line in self.place.lines("delivery attempt"):
            last[line["delivery"]] = rests[line["rule"]] = line
        dues = [policy.seconds(line["retry_at"]) for line in last.values() if "retry_at" in line]
        dues += [policy.seconds(line["timestamp"]) + rest for line in rests.values()
                 for rest in (policy.RESTS_S[1], policy.RESTS_S[-1])]
        dues += [wave[0] for wave in waves]
        otherwise = self.now() + (policy.RESTS_S[-1] if code else 0)
        to = min((at for at in dues if at > self.now()), default=otherwise)
        if self.chance.random() < 0.2:
            to = self.now() + (to - self.now()) / 2
        self.place.now.jump(to + 0.001)

    # ---- what is seen

    def judge(self):
        report, judge = (self.report,
                         policy.Judge(self.scripts, self.rule_of, self.touched, self.notice_s,
                                      LAG_S * self.speed))
        lines = [line for line in self.place.lines("delivery attempt") if line["rule"] in RULES]
        found = judge.attempts_of(self.catcher.requests,
                                  [line for line in lines if line["rule"] not in UNSEEN])
        for one, rule in self.rule_of.items():
            if rule in BUSY:
                judge.whole(one, found.get(one, []))
            elif rule not in UNSEEN:
                judge.some(one, found.get(one, []))
        for rule in self.rules:
            judge.destination(rule,
                              [attempt for one, attempts in found.items() if self.rule_of[one] == rule
                               for attempt in attempts])
        self.judge_dead(judge)
        counts = collections.Counter(request.behaviour.name for request in self.catcher.requests)
        print(f"{self.name}: {len(self.scripts)} notifications, {len(self.catcher.requests)} requests: "
              f"{dict(sorted(counts.items()))}; "
              f"{self.foreign.handshakes} handshakes with a bad certificate; {len(judge.ratios)} waits from "
              f"{min(judge.ratios, default=0):.2f} to "
              f"{max(judge.ratios, default=0):.2f} of the plain ones")
        report.check(f"{self.name}: everything as the policy says", not judge.problems,
                     f"{len(judge.problems)}: {judge.problems[:6]}")
        report.check(f"{self.name}: the jitter is spread", judge.jitter() or len(judge.ratios) < 50,
                     len(judge.ratios))
        report.check(f"{self.name}: no redirect is followed",
                     not [one for one in self.catcher.requests if one.path == "/redirected"])
        handled = collections.Counter(line["verdict"] for line in self.place.lines("webhook handled"))
        repeats = handled["replay"] + handled["repeat"]
        report.check(f"{self.name}: each webhook is done once, its repeats are known",
                     handled["done"] == self.count and
                     repeats == self.repeats and sum(handled.values()) == handled["done"] + repeats,
                     (handled, self.repeats))

    def judge_dead(self, judge):
        """Those whose destination never answers well die of age or of attempts; those that were answered for
        good, at once."""
        dead = {one["id"]: one for one in self.place.owed("--state", "dead")}
        wanted = {one: policy.end_of(script) for one, script in self.scripts.items()
                  if self.rule_of[one] not in DEAD}
        for one, (end, attempts, status) in wanted.items():
            if (end == "dead") != (one in dead):
                judge.problem("dead or alive", one, self.rule_of[one], end, dead.get(one))
            elif end == "dead" and (dead[one]["attempts"], dead[one]["status"]) != (attempts, status):
                judge.problem("dead otherwise", one, dead[one])
        for one, rule in self.rule_of.items():
            if rule not in DEAD:
                continue
            about = dead.pop(one, None)
            if not about or not about["reason"].startswith("delivery_expired"):
                judge.problem("did not die of age", one, rule, about)
                continue
            age = policy.seconds(about["died"]) - policy.seconds(about["created"])
            longest = policy.LONGEST_S * policy.JITTER[1]
            if about["attempts"] > policy.ATTEMPTS_MAX or age > policy.AGE_MAX_S + longest:
                judge.problem("lived too long", rule, about)
            if about["attempts"] < policy.ATTEMPTS_MAX and age < policy.AGE_MAX_S - longest - LATE_S:
                judge.problem("died too early", rule, about)
        unknown = set(dead) - set(wanted)
        if unknown:
            judge.problem("dead, and not known", unknown)


class Live(Season):
    """One worker at its post all the time, which the configuration changes under; time runs fast, and does
    not jump."""
    name, speed, rules, notice_s = "hostility live", 20, BUSY, NOTICE_S

    def run(self):
        numbers, start = list(range(1, self.count + 1)), self.now()
        worker = self.place.worker()
        try:
            while numbers or any(one["state"] != "dead" for one in self.place.owed()) or self.place.waiting:
                if numbers:
                    self.arrive([numbers.pop(0) for _ in range(min(len(numbers), 5))])
                self.touched.append(self.place.touch())
                time.sleep(0.5)
                if self.now() > start + LIVE_S or worker.poll() is not None:
                    break
            self.report.check(f"{self.name}: the worker is still there", worker.poll() is None,
                              worker.returncode)
            self.report.check(f"{self.name}: in the end nothing is owed",
                              all(one["state"] == "dead" for one in self.place.owed()))
        finally:
            worker.terminate()
            worker.wait()


def hostility(report, folder, chosen):
    for season in (Season(report, folder, chosen, chosen.webhooks),
                   Live(report, folder, chosen, chosen.live)):
        with season.catcher, season.foreign:
            season.run()
            season.judge()
