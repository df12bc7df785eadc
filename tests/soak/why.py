#!/usr/bin/env python3
"""`kitehook why` of 200 builds of a simulated month, against a second implementation of docs/why.md
(tests/model/why_model.py): lost and late webhooks, repeats, builds of which nothing came, rules that are
undecided, superseded or have spoken already, and destinations that rest, refuse, hang and let notifications
die. Then secrets that were planted in webhooks and configuration are looked for in memory.sqlite and in all
that log, show, why, replay and diff say.

The slice of it that belongs to ./script/test is tests/integration/why_model_test.py.

Build first: script/build release. It takes a few minutes for each seed.
"""
import argparse
import pathlib
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS)]
import common  # noqa: E402
from why_run import Run  # noqa: E402


def run():
    parser = argparse.ArgumentParser(prog="soak why", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", nargs="*", type=int, default=[1], metavar="SEED")
    parser.add_argument("--build", type=lambda text: pathlib.Path(text).resolve(),
                        default=common.ROOT / "build" / "release", help="the folder with kitehook")
    parser.add_argument("--builds", type=int, default=1000, help="of the month")
    parser.add_argument("--asked", type=int, default=200, help="of how many `why` is asked")
    parser.add_argument("--keep", action="store_true")
    chosen = parser.parse_args()
    report = common.Report()
    for seed in chosen.seeds:
        begun = time.monotonic()
        with common.Workspace(chosen.keep) as folder:
            Run(report, chosen.build / "kitehook", seed, chosen.builds, chosen.asked).go(folder)
        print(f"seed {seed}: {time.monotonic() - begun:.0f} s", flush=True)
    return report.close()


if __name__ == "__main__":
    common.main(run)
