#!/usr/bin/env python3
"""Memory against its model (tests/model/history_model.py), which was made from docs/memory.md alone: the page
sentence by sentence, the model in other orders, and short streams through real workers. The long ones:
script/soak history."""
import json
import random
import sys

from common import ROOT, Report, Workspace, arguments
from history_run import Place, Run, compare_rows

sys.path.insert(0, str(ROOT / "tests"))
from model.history_cases import check_cases  # noqa: E402
from model.history_model import History  # noqa: E402
from model.history_stream import reordered, stream  # noqa: E402
from model.history_tangle import tangle  # noqa: E402

TANGLED = 1000


def rows(webhooks):
    history = History()
    for webhook in webhooks:
        history.take(json.loads(webhook.raw), webhook.sent_s, webhook.received_us // 1000000)
    branches, builds = history.rows()
    return branches, {key: (row["state"], row["outcome"], row["lists"]) for key, row in builds.items()}


def check_orders(report, seed, builds):
    """What the page promises of a row holds in the model, too."""
    webhooks = stream(seed, builds)
    first = rows(reordered(webhooks, 0, 1))
    for order in (1, 2):
        for about, ours, theirs in zip(("branches", "builds"), first, rows(reordered(webhooks, order))):
            differ = [key for key in ours if ours[key] != theirs[key]]
            report.check(f"the model, seed {seed}: the rows of {about} do not depend on the order",
                         not differ, [(key, ours[key], theirs[key]) for key in differ[:2]])


def check_workers(report, program, seed, builds):
    """What is drawn; a month as it came, killed now and then; and in two other orders."""
    webhooks = stream(seed, builds)
    with Workspace() as folder:
        Run(report, f"tangle {seed}", Place(folder / "tangle", program)).go(tangle(seed, TANGLED))
        place = Place(folder / "killed", program, kills=random.Random(seed))
        Run(report, f"seed {seed}, killed", place).go(webhooks, 300)
        report.check(f"seed {seed}: workers were killed", place.killed, place.killed)
        others = [Place(folder / f"order-{order}", program) for order in range(2)]
        for order, place in enumerate(others):
            Run(report, f"seed {seed}, order {order}", place).go(reordered(webhooks, order))
        compare_rows(report, f"seed {seed}", others)


def run():
    chosen = arguments(__doc__, seed=1, builds=150)
    report = Report(chosen.verbose)
    check_cases(report)
    for seed in range(chosen.seed, chosen.seed + 3):
        check_orders(report, seed, chosen.builds)
    check_workers(report, chosen.build / "kitehook", chosen.seed, chosen.builds)
    return report.close()


if __name__ == "__main__":
    sys.exit(run())
