#!/usr/bin/env python3
"""The journal keeps to its bounds, and tells the truth whatever breaks: a slice of script/soak journal, which
says more.

usage: journal_test.py --build DIR [--dynamic DIR] [--seed N] [--only REGEX] [--keep] [--verbose]
"""
import pathlib
import random
import re

import common
import journal_bounds
import journal_faults

BOUNDS = ((300, 64 << 20), (10000, 2 << 20))
WEBHOOKS, STRIDE, KILLS = 1000, 71, 8


def below():
    """Nobody's disk is tried here: a real one would only cost time."""
    return "/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None


def run():
    chosen = common.arguments(__doc__, dynamic=str(common.ROOT / "build" / "clang"), seed=1)
    report, dynamic = common.Report(chosen.verbose), pathlib.Path(chosen.dynamic).resolve()
    for bounds in BOUNDS:
        if re.search(chosen.only, "bounds"):
            with common.Workspace(chosen.keep, below()) as folder:
                journal_bounds.run(report, folder, chosen.build / "kitehook", bounds, WEBHOOKS, chosen.seed)
    if re.search(chosen.only, "faults"):
        with common.Workspace(chosen.keep, below()) as folder:
            journal_faults.failpoints(report, folder, dynamic, random.Random(chosen.seed), STRIDE)
            journal_faults.kills(report, folder, dynamic, random.Random(chosen.seed), KILLS)
    return report.close()


if __name__ == "__main__":
    common.main(run)
