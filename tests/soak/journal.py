#!/usr/bin/env python3
"""The journal's bounds, and that it tells the truth whatever breaks.

Without --faults, --webhooks webhooks (100,000), from small ones to such whose texts are all longer than what
is kept of them, pass a worker under the usual bounds, and a tenth of them under each of some smaller ones.
The configuration's rules change meanwhile; destinations take, refuse and fail. Beside the worker, once a
second, somebody counts: lines and pages are within 5 % of the bound, not less than may be kept, and the lines
are just those that the worker's log told of last, with one fate for each of their deliveries.

With --faults a worker is killed before, after and in the middle of each call that changes the state folder,
and each of these calls fails, for a full disk and a broken one; then workers are killed at random, --kills
times. After each: what the journal has was worked, what was worked is in it, and fates are what destinations
answered.

Slices of both are a step of ./script/test: tests/integration/journal_test.py. Build first: script/build
release; for --faults script/build clang.
"""
import argparse
import pathlib
import random
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS)]
import common  # noqa: E402
import journal_bounds  # noqa: E402
import journal_faults  # noqa: E402
from journal_test import below  # noqa: E402

BOUNDS, SMALLER = (10000, 64 << 20), ((500, 64 << 20), (10000, 1 << 20), (10000, 8 << 20), (2000, 8 << 20))


def run_bounds(report, chosen):
    for bounds in (BOUNDS, *SMALLER):
        count = chosen.webhooks if bounds == BOUNDS else chosen.webhooks // 10
        with common.Workspace(chosen.keep, below()) as folder:
            journal_bounds.run(report, folder, chosen.build / "kitehook", bounds, count, chosen.seed)


def run_faults(report, chosen):
    with common.Workspace(chosen.keep, below()) as folder:
        journal_faults.failpoints(report, folder, chosen.dynamic, random.Random(chosen.seed), chosen.stride)
        journal_faults.kills(report, folder, chosen.dynamic, random.Random(chosen.seed), chosen.kills)


def run():
    parser = argparse.ArgumentParser(prog="soak journal", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda text: pathlib.Path(text).resolve(),
                        default=common.ROOT / "build" / "release", help="the folder with kitehook")
    parser.add_argument("--dynamic", type=lambda text: pathlib.Path(text).resolve(),
                        default=common.ROOT / "build" / "clang",
                        help="for --faults: the same, linked dynamically, with tests/libkh_*.so")
    parser.add_argument("--webhooks", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10 ** 6))
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--stride", type=int, default=1, help="of --faults: which call goes wrong, every Nth")
    parser.add_argument("--kills", type=int, default=300, help="of --faults, at random")
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder, and say where it is")
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    report, begun = common.Report(), time.monotonic()
    (run_faults if chosen.faults else run_bounds)(report, chosen)
    print(f"{time.monotonic() - begun:.0f} s")
    return report.close()


if __name__ == "__main__":
    common.main(run)
