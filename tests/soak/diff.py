#!/usr/bin/env python3
"""`kitehook diff` between 50 pairs of configurations over a journal of 10,000 webhooks, against running both
of each pair over the same webhooks through workers of their own: message by message.

It tells how much processor time diff takes, as a share of what one worker took: the bar is ten times. The
slice of it that belongs to ./script/test is tests/integration/diff_test.py.

Build first: script/build release. It takes a minute or two for each pair.
"""
import argparse
import pathlib
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS)]
import common  # noqa: E402
from diff_run import Pair, Place, webhooks, written  # noqa: E402

TIMES_MAX = 10


def run():
    parser = argparse.ArgumentParser(prog="soak diff", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda text: pathlib.Path(text).resolve(),
                        default=common.ROOT / "build" / "release", help="the folder with kitehook")
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--webhooks", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    report, begun, shares = common.Report(), time.monotonic(), []
    some = webhooks(chosen.seed, chosen.webhooks)
    with common.Workspace() as folder:
        journal = Place(folder / "journal", chosen.build / "kitehook", written([]))
        journal.work(some)
        for seed in range(chosen.seed, chosen.seed + chosen.pairs):
            with common.Workspace() as place:
                one = Pair(report, f"pair {seed}", journal, some)
                answer = one.go(place, seed)
            shares.append(one.diff_s / (one.worker_s / 2))
            print(f"pair {seed}: " + ", ".join(f"{answer[kind]} {kind}" for kind in (
                "same", "gained", "lost", "changed", "not_kept")) + f"; diff {one.diff_s:.2f} s, a worker"
                  f" {one.worker_s / 2:.2f} s", flush=True)
    print(f"diff takes {min(shares):.2f} to {max(shares):.2f} times as long as one worker")
    report.check("diff takes under ten times what a worker does", max(shares) < TIMES_MAX, max(shares))
    print(f"{len(some)} webhooks, {time.monotonic() - begun:.0f} s")
    return report.close()


if __name__ == "__main__":
    common.main(run)
