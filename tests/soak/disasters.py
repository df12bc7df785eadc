#!/usr/bin/env python3
"""Everything goes wrong at once, for as long as it takes, and nothing is lost.

While webhooks come in, the disk fills up and empties, inodes run out, folders are moved, the clock jumps,
configurations are saved in halves, destinations fail in turn, and receivers and worker are killed. Then all
is well again, and an account in Python, which asks kitehook nothing, holds what was answered 200 against what
came to the destinations: nothing is lost, nothing has a second id, no more than one copy of a delivery comes
for a kill, the worker works everything off, and no file has grown beyond its bound.

Rounds of --seconds (60) of disasters, each with a seed of its own, go on for --minutes (10); at least one.
The round that failed again: --seed N --minutes 0 with its seed and the same --seconds. The disasters, their
times and the moods of the destinations are then the same; what the machine makes of it may differ.

Build first: script/build clang. Needs root, or user namespaces, for the small disk. All is on loopback.
"""
import argparse
import collections
import itertools
import json
import pathlib
import random
import sqlite3
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration")]
import common  # noqa: E402
import disasters  # noqa: E402
import hostile  # noqa: E402
import journal_account  # noqa: E402
import mounts  # noqa: E402
from account import Account  # noqa: E402
from disaster_plan import plan, weather  # noqa: E402
from disasters import Acts, Gauge, Manager, Place, Receiver, Sender  # noqa: E402

SENDERS, PAUSE_S = 2, 0.03
SPEED = 4             # of all clocks there
AT_ONCE_S = 4         # of the world's: within which goes all that waits for nothing
DRAINED_S = 60
SHOWN, PROBLEM_MAX = 4, 1000
BOUNDS = {"entries": disasters.ENTRIES + 2 * SENDERS, "inbox": disasters.INBOX_BYTES + (64 << 10),
          "memory.sqlite": 8 << 20, "memory.sqlite-wal": 8 << 20}


class Round:
    def __init__(self, report, folder, chosen, seed):
        self.report, self.seed, self.seconds = report, seed, chosen.seconds
        self.account = Account(disasters.RULES, ("chat",), ("down",))
        self.moods = {rule: weather(seed, rule, moods, self.seconds)
                      for rule, moods in (("first", disasters.MOODS), ("second", disasters.MOODS),
                                          ("chat", [*disasters.MOODS, disasters.PAGE]))}
        self.moods["down"] = [(self.seconds, disasters.DOWN)]
        self.mode = chosen.mode or random.Random(seed).choice(("service", "service", "start"))
        self.catcher = hostile.Hostile(self.mood_of, time.monotonic)
        self.place = Place(folder, chosen.build, self.mode, SPEED, self.account,
                           {rule: self.catcher.url(f"/{rule}") for rule in disasters.RULES})
        self.draining_since = None

    def check(self, what, good, problem=""):
        return self.report.check(f"seed {self.seed}, {self.mode}: {what}", good, str(problem)[:PROBLEM_MAX])

    def mood_of(self, request):
        at, changes = time.monotonic() - self.begun, self.moods.get(request.path.strip("/"), [])
        return next((mood for until, mood in changes if at < until), disasters.OK)

    # ---- the disasters

    def go(self, acts):
        """Begins and ends everything at its time."""
        coming, ends = plan(self.seed, self.seconds), []
        while coming or ends:
            at = time.monotonic() - self.begun
            for end in [one for one in ends if one[0] <= at]:
                ends.remove(end)
                end[1]()
            if coming and coming[0].at <= at:
                disaster = coming.pop(0)
                end = acts.begin(disaster)
                print(f"  {disaster}", flush=True)
                if end:
                    ends.append((disaster.until, end))
            time.sleep(0.005)

    def run(self):
        known = self.place.run("check")
        if not self.check("the configuration is one", known.returncode == 0, known.stdout + known.stderr):
            self.place.close()
            return
        with self.catcher:
            self.begun = self.account.begun = time.monotonic()
            receiver = Receiver(self.place)
            manager = Manager(self.place) if self.mode == "service" else None
            acts, gauge = Acts(self.place, manager, receiver), Gauge(self.place)
            senders = [Sender(self.place, range(lane, 10 ** 6, SENDERS),
                              random.Random(f"sender {lane} {self.seed}"), receiver, PAUSE_S)
                       for lane in range(1, SENDERS + 1)]
            for thread in (gauge, *senders, *([manager] if manager else [])):
                thread.start()
            try:
                self.go(acts)
                for sender in senders:
                    sender.stop.set()
                    sender.join()
                receiver.close()
                acts.put_back()
                gauge.stop.set()
                self.drain(acts)
                if manager:
                    manager.close()
                self.judge(manager, gauge, senders)
            finally:
                gauge.stop.set()
                for sender in senders:
                    sender.stop.set()
                receiver.close()
                if manager:
                    manager.close()
                self.place.close()


    # ---- afterwards

    def sites(self):
        """The configuration, and one for each state folder that was made while the right one was away."""
        found = [self.place.config]
        for number, state in enumerate(self.place.lost_states):
            name = f"lost-{number}.yml"
            self.place.write(name, self.place.config_of(state))
            found.append(self.place.folder / name)
        return found

    def status(self, config):
        done = self.place.run("status", "--json", config=config)
        return json.loads(done.stdout) if done.returncode in (0, 1) else None

    def is_empty(self, config):
        said = self.status(config)
        return said and not said["inbox"]["waiting"] and said["outbox"] and not any(
            said["outbox"][what] for what in ("due", "waiting", "dead"))

    def drain(self, acts):
        """All is well again: what waits for nothing goes at once, the rest when it is told to."""
        self.draining_since = time.monotonic()
        last = disasters.Various(10 ** 6)  # so that receivers start a worker, too
        self.check("webhooks are kept again", common.wait_until(lambda: self.send_one(last), 10, 0.1))
        steady = {key for key in self.account.owed() if key[0] == "steady"}
        went = common.wait_until(lambda: not self.place.waiting and
                                 not steady & self.account.missing(self.catcher.requests), AT_ONCE_S, 0.1)
        if not self.place.lost_states:  # else some of it waits there
            self.check("what waits for nothing goes at once", went,
                       (len(steady & self.account.missing(self.catcher.requests)), self.place.waiting[:SHOWN],
                        self.status(self.place.config)))
        self.dead = json.loads(self.place.run("outbox", "list", "--state", "dead",
                                              "--json").stdout)["deliveries"]
        outbox = self.status(self.place.config)["outbox"]
        self.check("no more is owed than may be", outbox["due"] + outbox["waiting"] <= disasters.OWED and
                   outbox["dead"] <= disasters.OWED, outbox)
        end = time.monotonic() + DRAINED_S
        while time.monotonic() < end:
            acts.put_back()
            sites = self.sites()
            for config in sites:
                self.place.run("inbox", "retry", "--all", config=config)
                for state in ("waiting", "dead"):
                    self.place.run("outbox", "redrive", "--all", "--state", state, config=config)
                if config != self.place.config:
                    self.place.run("worker", "--once", config=config)
            if all(self.is_empty(config) for config in sites) and not self.account.missing(
                    self.catcher.requests):
                break
            time.sleep(0.2)
        self.check("in the end nothing waits", all(self.is_empty(config) for config in self.sites()),
                   [self.status(config) for config in self.sites()])

    def send_one(self, webhook):
        self.account.was_tried(webhook)
        status, _ = self.place.post(webhook, now=self.place.now.true())
        if status == 200:
            self.account.was_kept(webhook)
        return status == 200

    def judge(self, manager, gauge, senders):
        requests = list(self.catcher.requests)
        before = [one for one in requests if one.start < self.draining_since]
        account, check = self.account, self.check
        explained, copies = account.copies(requests)
        moods = collections.Counter(one.behaviour.name for one in before)
        print(f"seed {self.seed}, {self.mode}: {len(account.tried)} webhooks, {len(account.kept)} answered "
              f"200, {len(requests)} requests {dict(moods)}, {len(account.kills)} kills of a worker, "
              f"{explained} copies after one, {len(self.dead)} were dead, most {gauge.most}"
              + (f", {len(account.excused)} times too slow" if account.excused else ""), flush=True)
        check("senders went on", not any(one.problem for one in senders), [one.problem for one in senders])
        looks = [journal_account.look(state) for state in (self.place.state, *self.place.lost_states)]
        missing = account.missing(requests)
        fates = [fate for look in looks for fate in look.fates if (fate.rule, fate.id) in missing]
        check("nothing that was answered 200 is lost", account.kept and not missing,
              f"{len(missing)} of {len(account.owed())}: {sorted(missing, key=str)[:SHOWN]}; the journal says"
              f" {fates[:SHOWN]}")
        strangers = account.strangers(requests)
        check("nothing has an id of its own making", not strangers, list(strangers)[:SHOWN])
        check("a delivery is the same each time", not account.changed(requests),
              account.changed(requests)[:SHOWN])
        check("a copy comes only after a kill, and one", not copies, f"{len(copies)}: {copies[:SHOWN]}")
        endless = account.endless(before)
        check("attempts are counted", not endless, f"{len(endless)}: {list(endless.items())[:SHOWN]}")
        died = [one for one in self.dead if not one["reason"].startswith("outbox_full") and
                (not one["attempts"] or one["reason"].startswith("notifier_gone"))]
        check("what passes kills nothing", not died, f"{len(died)} of {len(self.dead)}: {died[:1]}")
        over = {name: most for name, most in gauge.most.items() if most > BOUNDS.get(name, most)}
        check("no file is larger than its bound", not over, over)
        faults = [fault for look in looks for fault in look.faults()]
        check("the journals fit together", not faults, f"{len(faults)}: {faults[:SHOWN]}")
        unwritten = {webhook.request_id for webhook, _ in account.kept.values()} - {
            line.request_id for look in looks for line in look.lines}
        check("they have what was answered 200", not unwritten,
              f"{len(unwritten)}: {list(unwritten)[:SHOWN]}")
        unheard = {webhook.number for webhook, _ in account.kept.values()} - set(self.place.spoken())
        check("the log was told of all of them", not unheard or account.excused,
              f"{len(unheard)}: {sorted(unheard)[:SHOWN]}")
        if manager:
            says = set((self.place.folder / "worker.stderr").read_text(encoding="utf-8").splitlines())
            check("a worker ends only in order", not any(manager.ends), (manager.ends, sorted(says)))


def run():
    parser = argparse.ArgumentParser(prog="soak disasters", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda text: pathlib.Path(text).resolve(),
                        default=common.ROOT / "build" / "clang",
                        help="programs linked dynamically, with tests/libkh_clock.so")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10 ** 6))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seconds", type=float, default=60, help="of disasters, in each round")
    parser.add_argument("--mode", choices=("service", "start"), help="default: as the seed has it")
    parser.add_argument("--keep", action="store_true", help="leave what lies beside the small disk")
    chosen = parser.parse_args()
    if not (chosen.build / "tests" / "libkh_clock.so").is_file():
        parser.error(f"{chosen.build} is not built: script/build clang")
    report, end = common.Report(), time.monotonic() + chosen.minutes * 60
    if not mounts.enter_namespace():
        report.skip("disasters", mounts.WHY_NOT)
        print("0 passed, 0 failed, 1 skipped")
        return 0
    for seed in itertools.count(chosen.seed):
        print(f"seed {seed}", flush=True)
        with common.Workspace(chosen.keep, "/dev/shm") as folder:
            Round(report, folder / "round", chosen, seed).run()
        if time.monotonic() > end:
            return report.close()


if __name__ == "__main__":
    common.main(run)
