#!/usr/bin/env python3
"""A year of webhooks through the worker: how large its file gets, and that it stops growing.

Twelve months of tests/model/history_stream.py, one after the other, each with another seed and a thirtieth of
its builds. After each the size of memory.sqlite, how much of it is in use, and its rows are printed. With
`memory: {keep: 90d}` what is used of the file is never a quarter more than in the first four months, and no
branch, build or told row is older than it may be.

The worker lives in that year, by tests/shim/clock.c. Build first: script/build release clang. It takes two
minutes.
"""
import argparse
import contextlib
import os
import pathlib
import sqlite3
import struct
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS)]
import common  # noqa: E402
from history_run import PART, Place  # noqa: E402
from model import history_stream  # noqa: E402
from model.history_model import BUILD_KEPT_S, DAY_S, TOLD_KEPT_S  # noqa: E402

MONTHS, SETTLED, BUILDS, KEEP_DAYS = 12, 4, history_stream.BUILDS // 30, 90
GROWTH_MAX, DAYS_OVER = 1.25, 3


def live_at(clock, at_us):
    """Workers that are started from now on take AT_US for now."""
    clock.write_bytes(struct.pack("=3q", time.monotonic_ns(), at_us * 1000, 1))


def look(place):
    path = place.folder / "state" / "memory.sqlite"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        pages, free, size = (db.execute(f"PRAGMA {name}").fetchone()[0]
                             for name in ("page_count", "freelist_count", "page_size"))
        tables = {name: db.execute(f"SELECT count(*), min(seen_us) / 86400000000 FROM {name}").fetchone()
                  for name in ("branches", "builds", "told")}
    return path.stat().st_size, (pages - free) * size, tables


def run():
    parser = argparse.ArgumentParser(prog="soak year", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda text: pathlib.Path(text).resolve(),
                        default=common.ROOT / "build" / "release", help="the folder with kitehook")
    parser.add_argument("--shim", type=lambda text: pathlib.Path(text).resolve(),
                        default=common.ROOT / "build" / "clang" / "tests" / "libkh_clock.so")
    parser.add_argument("--builds", type=int, default=BUILDS, help="of a month")
    chosen = parser.parse_args()
    report, sizes, count = common.Report(), [], 0
    begin_s = history_stream.START_S
    with common.Workspace() as folder:
        clock = folder / "clock"
        os.environ.update(LD_PRELOAD=str(chosen.shim), KH_CLOCK=str(clock))
        place = Place(folder / "year", chosen.build / "kitehook", f"{KEEP_DAYS}d")
        for month in range(MONTHS):
            history_stream.START_S = begin_s + month * history_stream.DAYS * DAY_S
            webhooks = history_stream.stream(100 + month, chosen.builds)
            for first in range(0, len(webhooks), PART):
                part = webhooks[first:first + PART]
                place.keep(part, count + first)
                live_at(clock, part[-1].received_us)
                place.work()
            count += len(webhooks)
            size, used, tables = look(place)
            sizes.append(used)
            print(f"month {month + 1}: {count} webhooks, {size / 1e6:.1f} MB, {used / 1e6:.1f} MB used; "
                  + ", ".join(f"{name} {rows}" for name, (rows, _) in tables.items()), flush=True)
        today = webhooks[-1].received_us // 1000000 // DAY_S
    report.check("the file stops growing", max(sizes) <= GROWTH_MAX * max(sizes[:SETTLED]), sizes)
    for (name, (rows, oldest)), kept_s in zip(tables.items(),
                                              (KEEP_DAYS * DAY_S, BUILD_KEPT_S, TOLD_KEPT_S)):
        report.check(f"{name}: none is too old", rows and today - oldest <= kept_s // DAY_S + DAYS_OVER,
                     f"{rows} rows, the oldest {today - oldest} days")
    return report.close()


if __name__ == "__main__":
    common.main(run)
