"""What needs no web server: a process's start, verify and parse, and the worker."""

import os
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


def cgi_start(bench):
    ours, theirs = bench.program("kitehook.cgi"), bench.helper("rivals/cgi_empty")
    config = Config(bench.scratch("cgi_start"), bench.webhook)
    effort = bench.effort
    output = run([bench.helper("spawn"), effort.starts + effort.start_warm_up, bench.webhook.body_file, ours, theirs],
                 {**bench.webhook.cgi_environment(), **config.environment})
    if config.accepted() != effort.starts + effort.start_warm_up:
        raise MeasuringError(f"kitehook.cgi logged only {config.accepted()} accepted webhooks")
    ours_ns, theirs_ns = columns(output, effort.start_warm_up)
    return median_result("cgi_start", [ns / 1e3 for ns in ours_ns], "us",
                         "an empty static C CGI, posix_spawn to waitpid", [ns / 1e3 for ns in theirs_ns], None)


def verify_parse(bench, name, column, against, bar):
    effort = bench.effort
    output = run([bench.helper("verify_parse"), bench.webhook.body_file, bench.webhook.secret_file,
                  effort.laps + effort.lap_warm_up])
    figures = columns(output, effort.lap_warm_up)
    return median_result(name, [ns / 1e3 for ns in figures[0]], "us",
                         against, [ns / 1e3 for ns in figures[column]], bar)


def verify_parse_hmac(bench):
    return verify_parse(bench, "verify_parse_hmac", 1, "one HMAC of the same bytes, SHA256_*", 0.333)


def verify_parse_jansson(bench):
    return verify_parse(bench, "verify_parse_jansson", 2, "one json_loadb of the same bytes, no HMAC", None)


def rules_50(bench):
    effort = bench.effort
    output = run([bench.helper("rules_50"), bench.webhook.body_file, bench.webhook.secret_file, BENCH / "rules_50.yml",
                  effort.laps + effort.lap_warm_up])
    rules, proof = columns(output, effort.lap_warm_up)
    return median_result("rules_50", [ns / 1e3 for ns in rules], "us", "verifying and parsing the same webhook", [ns / 1e3 for ns in proof], 1)


def timed_drain(command, environment, output):
    """Seconds from the start of COMMAND to its end."""
    os.sync()
    with open(output, "wb") as file:
        began = time.perf_counter()
        done = subprocess.run(list(map(str, command)), env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                              stdout=file, stderr=file, timeout=DRAIN_TIMEOUT_S)
        took = time.perf_counter() - began
    if done.returncode != 0:
        raise MeasuringError(f"{command[0]} ended with {done.returncode}: {output.read_text()[-500:]}")
    return took


def drain_ours(bench, folder, entries):
    config = Config(folder, bench.webhook, inbox=True, notify=True)
    for name in ("", "inbox", "inbox/tmp", "inbox/aside"):
        (config.state / name).mkdir(mode=0o700)
    shutil.copytree(entries, config.state / "inbox/new")
    log = folder / "worker.log"
    took = timed_drain([bench.program("kitehook"), "worker", "--once"], config.environment, log)
    sent = count_in_log(log, '"message":"notification"')
    if sent != bench.effort.entries or config.waiting() or count_files(config.state / "inbox/aside"):
        raise MeasuringError(f"of {bench.effort.entries} webhooks {sent} led to a notification, "
                             f"{config.waiting()} are left: see {log}")
    return took


def drain_theirs(bench, folder, entries):
    shutil.copytree(entries, folder / "new")
    took = timed_drain([bench.helper("rivals/drain_sqlite"), folder / "new", folder / "floor.sqlite"], {},
                       folder / "floor.log")
    if count_files(folder / "new"):
        raise MeasuringError("the floor left entries")
    return took


def worker_rps(bench):
    """Whole runs, start of the program included, over copies of one inbox."""
    filling = bench.scratch("worker_rps/fill")
    entries = filling / "entries"
    for folder in (filling / "state", entries):
        folder.mkdir(mode=0o700)
    run([bench.helper("inbox_fill"), filling / "state", bench.webhook.body_file, bench.webhook.secret_file,
         bench.effort.entries, entries])
    rates = [], []
    for _ in range(bench.effort.drains):
        for side, drain in enumerate((drain_ours, drain_theirs)):
            rates[side].append(bench.effort.entries / drain(bench, bench.scratch("worker_rps/drain"), entries))
    return median_result("worker_rps", rates[0], "webhooks/s",
                         "read, one SQLite row, unlink; 64 a transaction; no JSON, no rules, no log", rates[1], None)
