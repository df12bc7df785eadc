#!/usr/bin/env python3
"""`kitehook diff` against workers (diff_run.py): pairs of configurations over the same webhooks, message by
message. And what it says of the journal's span, of mistakes, and on a terminal."""
import sys
import time

from common import Report, Workspace, arguments
from diff_run import ADDRESSES, Pair, Place, pair, webhooks, written


def run():
    chosen = arguments(__doc__, seed=1, pairs=4, webhooks=350)
    report = Report(chosen.verbose)
    with Workspace() as folder:
        some = webhooks(chosen.seed, chosen.webhooks)
        journal = Place(folder / "journal", chosen.build / "kitehook", written([]))
        journal.work(some)
        for seed in range(chosen.seed, chosen.seed + chosen.pairs):
            Pair(report, f"pair {seed}", journal, some).go(folder / f"pair-{seed}", seed, catch=True)
    return report.close()


if __name__ == "__main__":
    sys.exit(run())
