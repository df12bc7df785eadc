"""What all measurements share: where things are, how long to measure, and the shape of a result."""

import contextlib
import re
import shutil
import statistics
from dataclasses import dataclass
from pathlib import Path

from .errors import MeasuringError, NotRun
from .programs import BENCH, SOURCE, calls_kitehook, compiled, compiled_go, run
from .webhook import Webhook

NOT_A_DISK = {"tmpfs", "ramfs"}


@dataclass(frozen=True)
class Effort:
    """How much is measured. Rounds are interleaved: ours, theirs, ours, theirs, …"""

    rate_rounds: int  # of requests per second
    rate_seconds: int
    stretch_max: int  # see rates.Load
    starts: int  # of a process
    start_warm_up: int
    laps: int  # of 100 calls each
    lap_warm_up: int
    memories: int  # of a process
    drains: int  # of a whole inbox
    entries: int
    builds: int  # of a simulated month: each has ten webhooks


FULL = Effort(rate_rounds=10, rate_seconds=1, stretch_max=4, starts=1000, start_warm_up=50, laps=100,
              lap_warm_up=10, memories=20, drains=3, entries=5000, builds=20000)
QUICK = Effort(rate_rounds=1, rate_seconds=1, stretch_max=2, starts=20, start_warm_up=2, laps=5,
               lap_warm_up=1, memories=3, drains=1, entries=200, builds=300)


@dataclass(frozen=True)
class Result:
    """Two medians. The ratio says how well we do: over 1 is better than theirs, whatever the unit."""

    name: str
    ours: float
    unit: str
    against: str
    theirs: float
    ratio: float
    bar: float | None

    @property
    def missed(self):
        return self.bar is not None and self.ratio < self.bar


def median_result(name, ours, unit, against, theirs, bar):
    """The result of two lists of figures; a unit "… per second" is a rate, any other a time."""
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    ratio = ours / theirs if unit.endswith("/s") else theirs / ours
    return Result(name, round(ours, 2), unit, against, round(theirs, 2), round(ratio, 3), bar)


def source_of(build):
    """The tree that CMake configured BUILD from."""
    cache = build / "CMakeCache.txt"
    text = cache.read_text() if cache.exists() else ""
    found = re.search(r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.+)$", text, re.MULTILINE)
    return Path(found.group(1)) if found else SOURCE


class Bench:
    """One run: the build that is measured, and a scratch folder on a real disk."""

    def __init__(self, build, effort):
        self.build = build.resolve()
        if not self.build.is_dir():
            raise MeasuringError(f"there is no {self.build}: build it first")
        self.source = source_of(self.build)
        self.effort = effort
        self.folder = self.build / "bench"
        self.folder.mkdir(parents=True, exist_ok=True)
        kind = run(["stat", "-f", "-c", "%T", self.folder]).strip()
        if kind in NOT_A_DISK:
            raise MeasuringError(f"{self.folder} is on a {kind}: syncs there cost nothing")
        self.webhook = Webhook(self.folder)

    def scratch(self, name):
        """An empty folder."""
        folder = self.folder / "work" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def clean(self, name):
        """Removes the scratch folders of a measurement that went well."""
        shutil.rmtree(self.folder / "work" / name, ignore_errors=True)

    def program(self, name):
        """One of kitehook's programs."""
        path = self.build / name
        if not path.exists():
            raise MeasuringError(f"{path} is missing: build it first")
        return path

    def helper(self, name) -> Path:
        """One of the C programs of bench/."""
        return compiled(name, self.folder / "bin")

    def inner_helper(self, name) -> Path:
        """One of those that call kitehook's functions: it comes, as these do, from the build's own tree."""
        return compiled(name, self.folder / "bin", self.source, self.build)

    def go_helper(self, name) -> Path:
        """One of its Go programs."""
        return compiled_go(name, self.folder / "bin")

    def compile_all(self):
        """Every helper, but for those that need what is not here: whoever measures by them says so."""
        for source in sorted(BENCH.rglob("*.c")):
            compile_one = self.inner_helper if calls_kitehook(source) else self.helper
            with contextlib.suppress(NotRun):
                compile_one(str(source.relative_to(BENCH).with_suffix("")))
        with contextlib.suppress(NotRun):
            self.go_helper("rivals/lambda_go")
