"""Two builds side by side: whatever runs a program of kitehook, once with each build's, by turns."""

import statistics
from dataclasses import dataclass
from typing import Callable

from . import bootstraps, costs, rates
from .bench import Result

BAR = 0.95
TRIES = 3  # of what is below the bar: all rounds of all tries count


@dataclass
class Row:
    """What one name measured of the two builds: a pair of figures for each round."""

    name: str
    unit: str
    ours: list
    theirs: list

    def add(self, other):
        self.ours += other.ours
        self.theirs += other.theirs

    def result(self, against):
        """The ratio is the median of the pairs': what slows the machine for a while slows both of a pair."""
        pairs = zip(self.ours, self.theirs) if self.unit.endswith("/s") else zip(self.theirs, self.ours)
        ratio = statistics.median(better / worse for better, worse in pairs)
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        against = f"{against}, pairs: {len(self.ours)}"
        return Result(self.name, round(ours, 2), self.unit, against, round(theirs, 2), round(ratio, 3), BAR)


def row_of(name, unit, pair, scale=1.0):
    ours, theirs = ([figure * scale for figure in figures] for figures in pair)
    return Row(name, unit, ours, theirs)


# ---- each of these measures both builds, and gives a row for each of its names

def cgi_programs(*builds):
    return [build.program("kitehook.cgi") for build in builds]


def cgi_start(bench, other):
    pair = costs.spawned(bench, "cgi_start", "starts", cgi_programs(bench, other), bench.effort.starts,
                         bench.effort.start_warm_up)
    return [row_of("cgi_start", "us", pair, 1e-3)]


def cgi_rss(bench, other):
    pair = costs.spawned(bench, "cgi_rss", "memory", cgi_programs(bench, other), bench.effort.memories, 0)
    return [row_of("cgi_rss", "KiB", pair)]


UNITS = {"rate": "req/s", "cpu_us": "us", "peak_kib": "KiB"}


def served(bench, ours, theirs, **names):
    """Rounds behind a web server. NAMES are those of the rows, by the column of rates.Round in each."""
    both = rates.rounds(bench, next(iter(names.values())), ours, theirs, rates.Load(bench.webhook.headers))
    return [row_of(name, UNITS[column], [[getattr(figures, column) for figures in side] for side in both])
            for column, name in names.items()]


def cgi(bench, other):
    return served(bench, rates.cgi(bench), rates.cgi(other), rate="cgi_rps")


def cgi_inbox(bench, other):
    ours, theirs = (rates.cgi(each, rates.kitehook_inbox) for each in (bench, other))
    return served(bench, ours, theirs, rate="cgi_rps_inbox")


def fcgi(bench, other):
    return served(bench, rates.fcgi(bench), rates.fcgi(other), rate="fcgi_rps", cpu_us="fcgi_cpu",
                  peak_kib="fcgi_rss")


def fcgi_inbox(bench, other):
    ours, theirs = (rates.fcgi(each, rates.kitehook_inbox) for each in (bench, other))
    return served(bench, ours, theirs, rate="fcgi_rps_inbox", cpu_us="fcgi_cpu_inbox")


def fcgi_by_recipe(build):
    """A build that keeps no connection must not be asked to: nginx takes the end of one for a failure."""
    recipe = build.source / "docs/recipes/nginx-fastcgi.conf"
    return rates.fcgi_kept(build) if "fastcgi_keep_conn on;" in recipe.read_text() else rates.fcgi(build)


def fcgi_recipe(bench, other):
    return served(bench, fcgi_by_recipe(bench), fcgi_by_recipe(other), rate="fcgi_rps_recipe",
                  cpu_us="fcgi_cpu_recipe")


def medians_of_laps(bench, other, measure):
    """Many processes, a pair of figures for each two: where the loader puts things counts, too."""
    laps = max(bench.effort.laps // 4, 1)
    pairs = [[statistics.median(measure(each, laps)[0]) for each in (bench, other)]
             for _ in range(bench.effort.rate_rounds)]
    return zip(*pairs)


def verify_parse(bench, other):
    return [row_of("verify_parse", "us", medians_of_laps(bench, other, costs.verify_parse_laps), 1e-3)]


def rules_50(bench, other):
    rules = other.source / "bench/rules_50.yml"  # the older words: both know them
    pair = medians_of_laps(bench, other, lambda each, laps: costs.rules_50_laps(each, laps, rules))
    return [row_of("rules_50", "us", pair, 1e-3)]


def drained(bench, other, name, drain):
    """Rates and processor times of DRAIN(build, folder, entries), which begins its result with the seconds of
    both. Each build drains what it kept itself."""
    inboxes = [costs.fill_inbox(each, bench.scratch(f"{name}/fill_{side}"))
               for side, each in enumerate((bench, other))]
    entries = bench.effort.entries
    speeds, cpus = ([], []), ([], [])
    for _ in range(bench.effort.drains):
        for each, inbox, speed, cpu in zip((bench, other), inboxes, speeds, cpus):
            took_s, cpu_s, *_ = drain(each, bench.scratch(f"{name}/drain"), inbox)
            speed.append(entries / took_s)
            cpu.append(cpu_s / entries)
    return speeds, cpus


def worker(bench, other):
    speeds, cpus = drained(bench, other, "worker_rps", costs.drain_ours)
    return [row_of("worker_rps", "webhooks/s", speeds), row_of("worker_cpu", "us", cpus, 1e6)]


def deliver(bench, other):
    speeds, cpus = drained(bench, other, "deliver_rps", costs.deliver_ours)
    return [row_of("deliver_rps", "deliveries/s", speeds), row_of("deliver_cpu", "us", cpus, 1e6)]


def bootstrap(bench, other, name, what, rounds, warm_up):
    programs = [bootstraps.static_of(each) for each in (bench, other)]
    if not all(programs):
        programs = [each.program("bootstrap") for each in (bench, other)]
    return bootstraps.played(bench, name, what, programs, 2, rounds, warm_up)


def lambda_start(bench, other):
    pair = bootstrap(bench, other, "lambda_start", "starts", bench.effort.starts, bench.effort.start_warm_up)
    return [row_of("lambda_start", "us", pair, 1e-3)]


def lambda_warm(bench, other):
    """Several processes of each, as one may be unlucky with its memory for all its life."""
    rounds = bench.effort.starts // bench.effort.rate_rounds
    pairs = [bootstrap(bench, other, "lambda_warm", "warm", rounds, bench.effort.start_warm_up)
             for _ in range(bench.effort.rate_rounds)]
    ours, theirs = ([statistics.median(pair[side]) for pair in pairs] for side in (0, 1))
    return [row_of("lambda_warm", "us", (ours, theirs), 1e-3)]


def lambda_rss(bench, other):
    pair = bootstrap(bench, other, "lambda_rss", "memory", bench.effort.memories, 0)
    return [row_of("lambda_rss", "KiB", pair)]


COMPARISONS = {
    ("cgi_start",): cgi_start,
    ("cgi_rss",): cgi_rss,
    ("cgi_rps",): cgi,
    ("cgi_rps_inbox",): cgi_inbox,
    ("fcgi_rps", "fcgi_cpu", "fcgi_rss"): fcgi,
    ("fcgi_rps_inbox", "fcgi_cpu_inbox"): fcgi_inbox,
    ("fcgi_rps_recipe", "fcgi_cpu_recipe"): fcgi_recipe,
    ("verify_parse",): verify_parse,
    ("rules_50",): rules_50,
    ("worker_rps", "worker_cpu"): worker,
    ("deliver_rps", "deliver_cpu"): deliver,
    ("lambda_start",): lambda_start,
    ("lambda_warm",): lambda_warm,
    ("lambda_rss",): lambda_rss,
}
NAMES = [name for names in COMPARISONS for name in names]


def compare(bench, other, names, wanted, tries):
    """Results of those of NAMES, a key of COMPARISONS, that are WANTED. What is below the bar is repeated."""
    rows = {}
    for _ in range(tries):
        for row in COMPARISONS[names](bench, other):
            rows.setdefault(row.name, Row(row.name, row.unit, [], [])).add(row)
        results = [rows[name].result(str(other.build)) for name in names if name in wanted]
        if not any(result.missed for result in results):
            break
    bench.clean(names[0])
    return results
