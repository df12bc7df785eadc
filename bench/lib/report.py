"""How results are printed: a table for people, or one JSON object a line."""

import dataclasses
import json


def as_json(result):
    return json.dumps(dataclasses.asdict(result))


def not_measured_as_json(name, why, reason):
    return json.dumps({"name": name, why: reason})


HEADING = f"{'name':<22}{'ours':>12}{'theirs':>12}  {'unit':<11}{'ratio':>8}{'bar':>8}"


def as_row(result, verdicts):
    bar = "-" if result.bar is None else f"{result.bar:.3f}"
    verdict = "" if result.bar is None or not verdicts else "  MISSED" if result.missed else "  met"
    return (f"{result.name:<22}{result.ours:>12,.2f}{result.theirs:>12,.2f}  {result.unit:<11}"
            f"{result.ratio:>8.3f}{bar:>8}{verdict:<8}  against {result.against}")


def not_measured_as_row(name, why, reason):
    return f"{name:<22}{why}: {reason}"
