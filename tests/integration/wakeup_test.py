#!/usr/bin/env python3
"""Waking: hundreds of rounds in which a webhook arrives while the worker leaves strand none; a hundred kill
-9 of the worker lose none.

In a round the first webhook starts a worker that leaves as soon as it is idle (linger 0); three more are
aimed at the moment of its leaving. Then nobody posts until the inbox is empty: what stays there is stranded.
"""
import collections
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import threading
import time

import common
from catcher import Catcher
from logs import Logs, by_request

STRANDED_S = 5
AIMED = 3


class Post:
    """One webhook through kitehook.cgi, which runs while we go on."""

    def __init__(self, build, config, number):
        self.body = common.webhook(number)
        headers = common.post_headers(self.body, f"w-{number}")
        variables = common.cgi_variables(config, "POST", common.URL, headers, len(self.body))
        self.child = subprocess.Popen([build / "kitehook.cgi"], env=variables, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)
        self.child.stdin.write(self.body)
        self.child.stdin.close()

    def seen(self):
        """The worker that the answer names, or None when the webhook was not kept."""
        with self.child:
            head, _, body = self.child.stdout.read().partition(b"\r\n\r\n")
        return json.loads(body)["worker"] if b"Status: 200" in head and b'"kept":true' in body else None


def post(build, config, number):
    return Post(build, config, number).seen()


def config_for(folder, build, template, **more):
    """A config whose workers leave as soon as they are idle, sooner than a config may ask for."""
    config = common.write_config(folder, build, template, **more)
    program = folder / "worker"
    program.write_text(f'#!/bin/sh\nexec "{build}/kitehook" "$@" --linger 0\n', encoding="utf-8")
    os.chmod(program, 0o700)
    config.write_text(
        config.read_text(encoding="utf-8").replace(f"program: {build}/kitehook", f"program: {program}"),
        encoding="utf-8")
    return common.aged(config)


class Lane(threading.Thread):
    """One state folder and its rounds."""

    def __init__(self, name, folder, build, rounds, until):
        super().__init__()
        self.name, self.folder, self.build, self.rounds, self.until = name, folder, build, rounds, until
        self.config = config_for(folder, build, "waking.yml")
        self.random = random.Random(name)
        self.done, self.refused, self.stranded, self.sent, self.begun = 0, 0, [], [], 0
        self.met = collections.Counter()
        self.aim_s = 0.02
        self.problem = None

    def begin(self):
        self.begun += 1
        return self.begun, Post(self.build, self.config, self.begun)

    def end(self, begun):
        number, begun = begun
        seen = begun.seen()
        if seen:
            self.sent.append(f"w-{number}")
        else:
            self.refused += 1
        return seen

    def round(self):
        self.end(self.begin())
        time.sleep(self.aim_s)
        aimed = []
        for _ in range(AIMED):
            aimed.append(self.begin())
            time.sleep(self.random.random() * 0.002)
        seen = [self.end(one) for one in aimed]
        self.met.update(seen)
        # Nearer when the worker was gone already, later when it was still there: so the aim stays at its
        # leaving.
        self.aim_s = min(0.2, max(0.0005, self.aim_s * (0.95 if "started" in seen else 1.05)))
        if not common.wait_until(lambda: not common.waiting(self.folder), STRANDED_S, 0.001):
            self.stranded.append((self.done, seen, common.waiting(self.folder)))

    def run(self):
        try:
            while self.done < self.rounds and time.monotonic() < self.until:
                self.round()
                self.done += 1
        except OSError as problem:
            self.problem = problem


def leaving(report, logs, folder, build, rounds, seconds, least):
    lanes = [Lane(f"lane-{i}", folder / f"lane-{i}", build, rounds // 2, time.monotonic() + seconds)
             for i in range(2)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    done, met = sum(lane.done for lane in lanes), sum((lane.met for lane in lanes), collections.Counter())
    print(f"{done} rounds; the webhooks aimed at the leaving found the worker: {dict(met)}")
    report.check("leaving: there were enough rounds to mean something", done >= least, done)
    report.check("leaving: the worker was met leaving, gone and awake",
                 met["busy"] and met["started"] and met["woken"], met)
    for lane in lanes:
        report.check(f"{lane.name}: ran to its end", lane.problem is None, lane.problem)
        report.check(f"{lane.name}: every webhook was kept", not lane.refused, lane.refused)
        report.check(f"{lane.name}: none was stranded", not lane.stranded, lane.stranded[:3])
        common.wait_until(lambda lane=lane: common.worker_is_gone(lane.folder), 10)
        handled = by_request(logs.add_folder(lane.folder), "webhook handled")
        wrong = [(sent, [line["verdict"] for line in handled.get(sent, [])]) for sent in lane.sent
                 if [line["verdict"] for line in handled.get(sent, [])] != ["done"]]
        report.check(f"{lane.name}: every webhook was handled once", lane.sent and not wrong,
                     f"{len(wrong)} of {len(lane.sent)}: {wrong[:5]}")


class Poster(threading.Thread):
    """Posts without a pause until it is told to stop."""

    def __init__(self, build, config):
        super().__init__()
        self.build, self.config, self.stop, self.kept = build, config, threading.Event(), []

    def run(self):
        number = 0
        while not self.stop.is_set():
            number += 1
            if post(self.build, self.config, number):
                self.kept.append(number)
            time.sleep(0.004)


def caught_builds(catcher, path):
    found = collections.Counter()
    for one in catcher.at(path):
        found.update(set(map(int, re.findall(rb"/builds/(\d+)", one.body))))
    return found


def killing(report, logs, folder, build, catcher, kills):
    config = config_for(folder, build, "kitehook.yml", catcher=catcher.url("/kill"), MODE="service")
    command = [build / "kitehook", "worker", "--config", config]
    choose, poster, early = random.Random("kill"), Poster(build, config), 0
    poster.start()
    with open(folder / "workers", "ab") as output:
        for _ in range(kills):
            worker = subprocess.Popen(command, stdout=output, stderr=output, env={"PATH": os.environ["PATH"]})
            time.sleep(choose.choice((0.01, 0.05, 0.15)) * choose.random())
            early += worker.poll() is not None
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        poster.stop.set()
        poster.join()
        report.check("killing: every worker was alive when it was killed", early == 0, early)
        report.check("killing: webhooks were kept meanwhile", len(poster.kept) >= kills // 4,
                     len(poster.kept))
        # From here on receivers start the worker: one more webhook must bring all of the others out.
        config.write_text(config.read_text(encoding="utf-8").replace("mode: service", "mode: start"),
                          encoding="utf-8")
        common.aged(config)
        seen = post(build, config, 1000000)
        report.check("killing: the next webhook starts a worker", seen == "started", seen)
        wanted = {*poster.kept, 1000000}
        common.wait_until(
            lambda: not common.waiting(folder) and wanted <= set(caught_builds(catcher, "/kill")), 30, 0.1)
        common.wait_until(lambda: common.worker_is_gone(folder), 10)
    caught = caught_builds(catcher, "/kill")
    report.check("killing: the inbox is empty", not common.waiting(folder), len(common.waiting(folder)))
    lost = sorted(wanted - set(caught))
    report.check("killing: no webhook was lost: each one's notification arrived", not lost,
                 f"{len(lost)} of {len(wanted)}: {lost[:10]}")
    twice = sum(count - 1 for count in caught.values())
    print(f"{kills} kills, {len(wanted)} webhooks, {twice} notifications sent again")
    report.check("killing: a kill sends at most one notification again", twice <= kills, twice)
    with sqlite3.connect(folder / "state" / "memory.sqlite") as memory:
        report.check("killing: memory is sound",
                     memory.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    memory.close()
    # A killed writer may leave half a line behind; all the others must be whole.
    whole = [line for line in (folder / "workers").read_text(encoding="utf-8").split("\n")
             if line.endswith("}")]
    logs.add_text("\n".join(whole) + "\n", "the killed workers")
    logs.add_folder(folder)


def run():
    chosen = common.arguments(__doc__, rounds=3000, seconds=20, least=200, kills=100)
    report = common.Report(chosen.verbose)
    logs = Logs(report)
    # The races are of processes, not of disks: without waiting for a disk there are more of them.
    below = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with common.Workspace(chosen.keep, below) as folder, Catcher() as catcher:
        if re.search(chosen.only, "leaving"):
            leaving(report, logs, folder, chosen.build, chosen.rounds, chosen.seconds, chosen.least)
        if re.search(chosen.only, "killing"):
            killing(report, logs, folder / "kill", chosen.build, catcher, chosen.kills)
        logs.settle()
    return report.close()


if __name__ == "__main__":
    common.main(run)
