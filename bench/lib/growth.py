"""Whether the worker stays as fast as it was: a month of webhooks; the first and the last are timed."""

import os
import sys

from .bench import Result
from .costs import ended_children_cpu_s
from .programs import SOURCE

WARM_UP = 2  # parts before the first that count: tables fill, and branches get their first builds
PARTS = 5  # that count, at the beginning and at the end


def worked_parts(bench, folder):
    """Of each part of the month: webhooks, seconds of processor time, statements, steps of SQLite."""
    sys.path[:0] = [str(SOURCE / "tests/integration"), str(SOURCE / "tests")]
    from history_run import PART, Place  # of the tests: what they hold against the model
    from model.history_stream import stream

    counts = folder / "rows"
    place = Place(folder / "place", bench.program("kitehook"))
    webhooks = stream(1, bench.effort.builds)
    size = min(PART, len(webhooks) // (WARM_UP + 2 * PARTS))
    os.environ.update(LD_PRELOAD=str(bench.helper("rows")), KH_BENCH_ROWS=str(counts))
    try:
        for first in range(0, len(webhooks) - size + 1, size):
            place.keep(webhooks[first:first + size], first)
            counts.unlink(missing_ok=True)
            before_s = ended_children_cpu_s()
            place.work()
            took_s = ended_children_cpu_s() - before_s
            statements, _, steps = (sum(column) for column in zip(
                *(map(int, line.split()) for line in counts.read_text().splitlines())))
            yield size, took_s, statements, steps
    finally:
        del os.environ["LD_PRELOAD"], os.environ["KH_BENCH_ROWS"]


def both(bench):
    """The first and the last parts, added up; one month serves all results."""
    if not hasattr(bench, "growth"):
        parts = list(worked_parts(bench, bench.scratch("worker_growth")))
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
