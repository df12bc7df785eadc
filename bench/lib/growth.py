"""Whether the worker stays as fast as it was: a month of webhooks; the first and the last are timed."""

import contextlib
import os
import sqlite3
import sys

from .bench import Result
from .costs import ended_children_cpu_s
from .programs import SOURCE

WARM_UP = 2  # parts before the first that count: tables fill, and branches get their first builds
PARTS = 5  # that count, at the beginning and at the end


KNOWN = 40000  # places: as many commits as GitHub was told of in a month


def begin(bench, folder):
    """A worker's place, and a simulated month of webhooks for it."""
    sys.path[:0] = [str(SOURCE / "tests/integration"), str(SOURCE / "tests")]
    from history_run import Place  # of the tests: what they hold against the model
    from model.history_stream import stream

    return Place(folder, bench.program("kitehook")), stream(1, bench.effort.builds)


def worked(bench, place, webhooks, first):
    """Webhooks, seconds of processor time, statements, steps of SQLite."""
    counts = place.folder / "rows"
    place.keep(webhooks, first)
    counts.unlink(missing_ok=True)
    os.environ.update(LD_PRELOAD=str(bench.helper("rows")), KH_BENCH_ROWS=str(counts))
    try:
        before_s = ended_children_cpu_s()
        place.work()
        took_s = ended_children_cpu_s() - before_s
    finally:
        del os.environ["LD_PRELOAD"], os.environ["KH_BENCH_ROWS"]
    statements, _, steps = (sum(column) for column in zip(
        *(map(int, line.split()) for line in counts.read_text().splitlines())))
    return len(webhooks), took_s, statements, steps


def worked_parts(bench, folder):
    """Of each part of the month what `worked` says."""
    place, webhooks = begin(bench, folder)
    from history_run import PART

    size = min(PART, len(webhooks) // (WARM_UP + 2 * PARTS))
    for first in range(0, len(webhooks) - size + 1, size):
        yield worked(bench, place, webhooks[first:first + size], first)


def both(bench):
    """The first and the last parts, added up; one month serves all results."""
    if not hasattr(bench, "growth"):
        parts = list(worked_parts(bench, bench.scratch("worker_growth") / "place"))
        bench.growth = [[sum(column) for column in zip(*some)]
                        for some in (parts[WARM_UP:WARM_UP + PARTS], parts[-PARTS:])]
    return bench.growth


def growth(bench, name, column, scale, unit):
    early, late = (part[column] * scale / part[0] for part in both(bench))
    return Result(name, round(late, 2), unit, "the same at the beginning of the month", round(early, 2),
                  round(early / late, 3), 1 / 1.1)


def worker_growth(bench):
    return growth(bench, "worker_growth", 1, 1e6, "us")


def growth_statements(bench):
    return growth(bench, "growth_statements", 2, 1, "statements")


def growth_steps(bench):
    return growth(bench, "growth_steps", 3, 1, "steps")


def places_steps(bench):
    """Of as many webhooks before and after thousands of places became known."""
    place, webhooks = begin(bench, bench.scratch("places_steps") / "place")
    size = min(10000, len(webhooks) // 3)  # that all places are looked at once an hour hardly counts
    parts = [worked(bench, place, webhooks[:size], 0), worked(bench, place, webhooks[size:2 * size], size)]
    with contextlib.closing(sqlite3.connect(place.folder / "state" / "memory.sqlite")) as memory, memory:
        memory.execute("WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT ?)"
                       " INSERT INTO destinations (credential, place, delivered_us) SELECT 'github', n,"
                       " (SELECT max(delivered_us) FROM destinations) FROM n", (KNOWN,))
    parts.append(worked(bench, place, webhooks[2 * size:3 * size], 2 * size))
    few, many = (part[3] / part[0] for part in parts[1:])
    return Result("places_steps", round(many, 2), "steps", "the same where one place is known", round(few, 2),
                  round(few / many, 3), 1 / 1.1)
