#!/usr/bin/env python3
"""Nothing is lost between the answer and the world: a slice of script/soak delivery, which says more.

usage: delivery_test.py --build DIR [--dynamic DIR] [--seed N] [--only REGEX] [--keep] [--verbose]
"""
import pathlib
import random
import re
import time

import common
import failpoints
import hostility
import kills
import power_cuts

PARTS = {"failpoints": failpoints.failpoints, "power_cuts": power_cuts.power_cuts, "kills": kills.kills,
         "hostility": hostility.hostility}


def run_parts(report, chosen, **amounts):
    """Each of PARTS that --only names, with AMOUNTS: how much of everything; see the parts."""
    for name, amount in amounts.items():
        setattr(chosen, name, amount)
    chosen.dynamic = pathlib.Path(chosen.dynamic).resolve()
    chosen.shims = chosen.dynamic / "tests"
    for needed in (chosen.dynamic / "kitehook", chosen.shims / "libkh_faults.so",
                   chosen.shims / "libkh_clock.so"):
        if not needed.is_file():
            report.check("what is needed is built", False, f"{needed}: script/build clang")
            return
    # The faults are of processes and of a disk that is ours: a real one would only cost time.
    below = "/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None
    for name, part in PARTS.items():
        if re.search(chosen.only, name):
            chosen.random = random.Random(f"{name} {chosen.seed}")
            start = time.monotonic()
            with common.Workspace(chosen.keep, below) as folder:
                part(report, folder, chosen)
            print(f"{name}: {time.monotonic() - start:.1f} s", flush=True)


def run():
    chosen = common.arguments(__doc__, dynamic=str(common.ROOT / "build" / "clang"), seed=1)
    report = common.Report(chosen.verbose)
    run_parts(report, chosen, stride=16, filmed=5, chances=1, least_cuts=40, kills=150, seconds=30,
              webhooks=50, live=20)
    return report.close()


if __name__ == "__main__":
    common.main(run)
