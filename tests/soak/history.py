#!/usr/bin/env python3
"""A month of webhooks through real workers, held against a second implementation of docs/memory.md
(tests/model/history_model.py).

For each seed, the webhooks of tests/model/history_stream.py: as they come; with kill -9 of the workers; and
twice in another order. Then those of tests/model/history_tangle.py. After each webhook the values of all
names and the rules that spoke are what the model says, no transition is told of two builds, and whatever the
order, the rows are the same in the end.

Seeds 1 and 2 are a whole month, 20,000 builds and some 200,000 webhooks, without kills and without those that
are drawn; all others a twentieth of that, and all of it. Without a SEED: 1 to 20.

Build first: script/build release.
"""
import argparse
import pathlib
import random
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS)]
import common  # noqa: E402
from history_run import Place, Run, compare_rows  # noqa: E402
from model.history_model import DAY_S  # noqa: E402
from model.history_stream import BUILDS, reordered, stream  # noqa: E402
from model.history_tangle import tangle  # noqa: E402

WHOLE, SHARE = (1, 2), 20
KEEPS = (90, 2)  # days; with the shorter one branches are forgotten within the month
KILLED_PART, TANGLED = 250, 5000


def try_seed(report, program, seed, builds):
    whole, keep = builds >= BUILDS, KEEPS[seed % len(KEEPS)]
    webhooks = stream(seed, builds)
    ways = [("as they come", webhooks, None)]
    if not whole:
        ways.append(("tangle", tangle(seed, TANGLED), None))
        ways.append(("killed", webhooks, random.Random(f"kills {seed}")))
    ways += [(f"order {order}", reordered(webhooks, f"{seed} {order}"), None) for order in range(2)]
    with common.Workspace() as folder:
        places = []
        for about, some, kills in ways:
            place = Place(folder / about.replace(" ", "-"), program, f"{keep}d", kills)
            one = Run(report, f"seed {seed}, {about}", place, keep * DAY_S).go(
                some, *([KILLED_PART] if kills else []))
            print(f"seed {seed}, {about}: {one.count} webhooks in {one.seconds:.0f} s"
                  + (f", {place.killed} kills" if kills else ""), flush=True)
            if about.startswith("order"):
                places.append(place)
        compare_rows(report, f"seed {seed}", places)


def run():
    parser = argparse.ArgumentParser(prog="soak history", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda text: pathlib.Path(text).resolve(),
                        default=common.ROOT / "build" / "release", help="the folder with kitehook")
    parser.add_argument("--builds", type=int, help="in each stream")
    parser.add_argument("seeds", metavar="SEED", type=int, nargs="*", default=range(1, 21))
    chosen = parser.parse_args()
    report, begun = common.Report(), time.monotonic()
    for seed in chosen.seeds:
        try_seed(report, chosen.build / "kitehook", seed,
                 chosen.builds or (BUILDS if seed in WHOLE else BUILDS // SHARE))
    print(f"{time.monotonic() - begun:.0f} s")
    return report.close()


if __name__ == "__main__":
    common.main(run)
