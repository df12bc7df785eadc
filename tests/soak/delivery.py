#!/usr/bin/env python3
"""Nothing is lost between the answer and the world: in every way that we could think of, for as long as it
takes.

failpoints  receivers and worker are killed before, after and in the middle of each write, sync, rename,
            removal and answer in turn, and each of these calls fails in turn, for a full disk and a broken
            one
power_cuts  a while of work is filmed, and cut after each change: only what was synced is left, or any part of
            the rest as well, down to single sectors; a worker then has to make good all that was answered 200
            by then
kills       --kills times kill -9 (500) at random, of both receivers and of workers, while webhooks come in
hostility   --webhooks webhooks (1,000) to destinations that answer everything but what was hoped for; every
            attempt is held against the policy, written down a second time in tests/integration/policy.py

Build first: script/build release, script/build clang. The seed is printed; --seed repeats a run but for the
clock. Takes about ten minutes. Everything is on loopback.
"""
import argparse
import pathlib
import random
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration")]
import common  # noqa: E402
import delivery_test  # noqa: E402


def run():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=common.ROOT / "build" / "release",
                        help="the programs that are killed at random")
    parser.add_argument("--dynamic", default=str(common.ROOT / "build" / "clang"),
                        help="the same, linked dynamically, with tests/libkh_*.so")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10 ** 6))
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--webhooks", type=int, default=1000)
    parser.add_argument("--filmed", type=int, default=16, help="webhooks in the film of power_cuts")
    parser.add_argument("--only", default="", help="a regular expression: parts to run")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    chosen = parser.parse_args()
    chosen.build = chosen.build.resolve()
    print(f"seed {chosen.seed}", flush=True)
    report, start = common.Report(chosen.verbose), time.monotonic()
    delivery_test.run_parts(report, chosen, stride=1, chances=3, least_cuts=1000, seconds=600, live=100)
    print(f"{time.monotonic() - start:.0f} s")
    return report.close()


if __name__ == "__main__":
    common.main(run)
