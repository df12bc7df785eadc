#!/usr/bin/env python3
"""Every log line that the C tests recorded is as docs/log.schema.json says. FILE is what they recorded;
--clear empties it."""
import json
import pathlib
import sys

from common import Report
from logs import problem_of


def main():
    path = pathlib.Path(sys.argv[-1])
    if "--clear" in sys.argv:
        path.unlink(missing_ok=True)
        return 0
    report = Report()
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    report.check("lines were recorded", lines, f"{path} is empty")
    for line in sorted(set(lines)):
        problem = problem_of(json.loads(line))
        report.check(line[:300], not problem, problem)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
