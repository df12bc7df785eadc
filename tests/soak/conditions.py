#!/usr/bin/env python3
"""Random conditions, right and wrong: `kitehook eval --batch` against the model in
tests/model/condition_model.py.

A hundred thousand take about half a minute. The same seed asks the same.
"""
import argparse
import pathlib
import random
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from model.compare import Comparison, compare  # noqa: E402
from model.generate import Generator  # noqa: E402

BATCH = 20000


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release",
                        help="the folder with kitehook")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100000)
    chosen = parser.parse_args()
    generator = Generator(random.Random(chosen.seed))
    total = Comparison()
    for done in range(0, chosen.count, BATCH):
        found = compare(chosen.build / "kitehook",
                        [generator.question() for _ in range(min(BATCH, chosen.count - done))])
        for difference in found.differences:
            print(difference, flush=True)
        total.merge(found)
    print(f"seed {chosen.seed}: {total.kinds}; the model had no opinion about {total.unsaid}")
    print(f"{total.agreed} passed, {len(total.differences)} failed")
    return 1 if total.differences or not total.agreed else 0


if __name__ == "__main__":
    sys.exit(main())
