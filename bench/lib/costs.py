"""What needs no web server: a process's start, verify and parse, and the worker."""

import base64
import os
import resource
import shutil
import subprocess
import time

from .bench import median_result
from .errors import MeasuringError
from .programs import BENCH, run
from .webhook import Config, count_files, count_in_log

DRAIN_TIMEOUT_S = 120


def columns(output, skip):
    """The columns of lines of numbers, without the first SKIP lines."""
    rows = [[float(number) for number in line.split()] for line in output.splitlines()[skip:]]
    return list(zip(*rows))


def spawned(bench, name, what, programs, rounds, warm_up):
    """Figures of two CGI PROGRAMS by spawn.c. Each that is kitehook's must log every webhook as accepted."""
    config = Config(bench.scratch(name), bench.webhook)
    output = run([bench.helper("spawn"), what, rounds + warm_up, bench.webhook.body_file, *programs],
                 {**bench.webhook.cgi_environment(), **config.environment})
    wanted = (rounds + warm_up) * sum(program.name == "kitehook.cgi" for program in programs)
    if config.accepted() != wanted:
        raise MeasuringError(f"kitehook.cgi logged only {config.accepted()} of {wanted} webhooks as accepted")
    return columns(output, warm_up)


def cgi_start(bench):
    programs = bench.program("kitehook.cgi"), bench.helper("rivals/cgi_empty")
    effort = bench.effort
    ours_ns, theirs_ns = spawned(bench, "cgi_start", "starts", programs, effort.starts, effort.start_warm_up)
    return median_result("cgi_start", [ns / 1e3 for ns in ours_ns], "us",
                         "an empty static C CGI, posix_spawn to waitpid", [ns / 1e3 for ns in theirs_ns],
                         None)


def verify_parse_laps(bench, laps):
    """Nanoseconds of each lap: ours, of the HMAC alone, of jansson alone."""
    output = run([bench.inner_helper("verify_parse"), bench.webhook.body_file, bench.webhook.secret_file,
                  laps + bench.effort.lap_warm_up])
    return columns(output, bench.effort.lap_warm_up)


def verify_parse(bench, name, column, against, bar):
    figures = verify_parse_laps(bench, bench.effort.laps)
    return median_result(name, [ns / 1e3 for ns in figures[0]], "us",
                         against, [ns / 1e3 for ns in figures[column]], bar)


def verify_parse_hmac(bench):
    return verify_parse(bench, "verify_parse_hmac", 1, "one HMAC of the same bytes, SHA256_*", 0.333)


def verify_parse_jansson(bench):
    return verify_parse(bench, "verify_parse_jansson", 2, "one json_loadb of the same bytes, no HMAC", None)


def rules_50_laps(bench, laps, rules):
    """Nanoseconds of each lap: of the 50 rules in the file RULES, of the proof."""
    output = run([bench.inner_helper("rules_50"), bench.webhook.body_file, bench.webhook.secret_file, rules,
                  laps + bench.effort.lap_warm_up])
    return columns(output, bench.effort.lap_warm_up)


def rules_50(bench):
    rules, proof = rules_50_laps(bench, bench.effort.laps, BENCH / "rules_50.yml")
    return median_result("rules_50", [ns / 1e3 for ns in rules], "us",
                         "verifying and parsing the same webhook", [ns / 1e3 for ns in proof], 1)


def ended_children_cpu_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def timed_drain(command, environment, output):
    """Seconds from the start of COMMAND to its end, and seconds of processor time."""
    os.sync()
    cpu_before_s = ended_children_cpu_s()
    with open(output, "wb") as file:
        began = time.perf_counter()
        done = subprocess.run(list(map(str, command)), env={**os.environ, **environment},
                              stdin=subprocess.DEVNULL, stdout=file, stderr=file, timeout=DRAIN_TIMEOUT_S)
        took = time.perf_counter() - began
    if done.returncode != 0:
        raise MeasuringError(f"{command[0]} ended with {done.returncode}: {output.read_text()[-500:]}")
    return took, ended_children_cpu_s() - cpu_before_s


def drain(bench, folder, entries, rule, told, environment=None):
    """A whole run of the worker over a copy of ENTRIES; its log must have TOLD once for each of them."""
    config = Config(folder, bench.webhook, inbox=True, notify=rule)
    for name in ("", "inbox", "inbox/tmp", "inbox/aside"):
        (config.state / name).mkdir(mode=0o700)
    shutil.copytree(entries, config.state / "inbox/new")
    log = folder / "worker.log"
    took = timed_drain([bench.program("kitehook"), "worker", "--once"],
                       {**config.environment, **(environment or {})}, log)
    sent = count_in_log(log, told)
    if sent != bench.effort.entries or config.waiting() or count_files(config.state / "inbox/aside"):
        raise MeasuringError(f"of {bench.effort.entries} webhooks {sent} led to a notification, "
                             f"{config.waiting()} are left: see {log}")
    return took


def drain_ours(bench, folder, entries):
    return drain(bench, folder, entries, "log:", '"message":"notification"')


def drain_theirs(bench, folder, entries):
    shutil.copytree(entries, folder / "new")
    took = timed_drain([bench.helper("rivals/drain_sqlite"), folder / "new", folder / "floor.sqlite"], {},
                       folder / "floor.log")
    if count_files(folder / "new"):
        raise MeasuringError("the floor left entries")
    return took


def fill_inbox(bench, filling):
    """A folder of entries as the build's receivers keep them."""
    entries = filling / "entries"
    for folder in (filling / "state", entries):
        folder.mkdir(mode=0o700)
    run([bench.inner_helper("inbox_fill"), filling / "state", bench.webhook.body_file,
         bench.webhook.secret_file, bench.effort.entries, entries])
    return entries


def worker_rps(bench):
    """Whole runs, start of the program included, over copies of one inbox."""
    entries = fill_inbox(bench, bench.scratch("worker_rps/fill"))
    rates = [], []
    for _ in range(bench.effort.drains):
        for side, drain in enumerate((drain_ours, drain_theirs)):
            took_s, _ = drain(bench, bench.scratch("worker_rps/drain"), entries)
            rates[side].append(bench.effort.entries / took_s)
    return median_result("worker_rps", rates[0], "webhooks/s",
                         "read, one SQLite row, unlink; 64 a transaction; no JSON, no rules, no log",
                         rates[1], None)


# ---- deliveries

RULE = "webhook: {url: {env: BENCH_URL}, secret: {env: BENCH_KEY}}"
KEY = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, for us").decode()


class Catcher:
    """catcher.c, which must answer just so many requests."""

    def __init__(self, bench, folder):
        self.body, self.wanted = folder / "body", bench.effort.entries
        self.process = subprocess.Popen([bench.helper("catcher"), self.body], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{self.process.stdout.readline().strip()}/"

    def __enter__(self):
        return self

    def __exit__(self, problem, *_):
        answered, _ = self.process.communicate()
        if not problem and int(answered) != self.wanted:
            raise MeasuringError(f"the catcher was asked {answered.strip()} times, not {self.wanted}")


def deliver_ours(bench, folder, entries):
    """Seconds, seconds of processor time, and what was posted first."""
    with Catcher(bench, folder) as catcher:
        took = drain(bench, folder, entries, RULE, '"result":"delivered"',
                     {"BENCH_URL": catcher.url, "BENCH_KEY": KEY})
    return *took, catcher.body.read_bytes()


def deliver_theirs(bench, folder, body):
    (folder / "posted").write_bytes(body)
    with Catcher(bench, folder) as catcher:
        return timed_drain([bench.helper("rivals/post_sqlite"), catcher.url, folder / "posted",
                            bench.effort.entries, folder / "floor.sqlite"], {}, folder / "floor.log")


def deliver_rps(bench):
    """Whole runs again; what the floor posts is what ours posted."""
    entries = fill_inbox(bench, bench.scratch("deliver_rps/fill"))
    rates = [], []
    for _ in range(bench.effort.drains):
        ours_s, _, body = deliver_ours(bench, bench.scratch("deliver_rps/drain"), entries)
        theirs_s, _ = deliver_theirs(bench, bench.scratch("deliver_rps/drain"), body)
        for side, took_s in zip(rates, (ours_s, theirs_s)):
            side.append(bench.effort.entries / took_s)
    against = "rows of the same body, libcurl posts each; 4 removed a transaction; no inbox, no rules, no log"
    return median_result("deliver_rps", rates[0], "deliveries/s", against, rates[1], None)
