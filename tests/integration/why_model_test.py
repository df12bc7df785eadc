#!/usr/bin/env python3
"""`kitehook why` against its model (tests/model/why_model.py), and planted secrets that nothing may show
(why_run.py): a slice of script/soak why."""
import sys

from common import Report, Workspace, arguments
from why_run import Run


def run():
    chosen = arguments(__doc__, seed=1, builds=200, asked=100)
    report = Report(chosen.verbose)
    with Workspace(chosen.keep) as folder:
        Run(report, chosen.build / "kitehook", chosen.seed, chosen.builds, chosen.asked, 1).go(folder)
    return report.close()


if __name__ == "__main__":
    sys.exit(run())
