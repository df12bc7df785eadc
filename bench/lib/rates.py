"""Requests per second through a real web server, with and without an inbox on disk."""

import os
import shutil
import time
from dataclasses import dataclass
from typing import Callable

from .bench import median_result
from .errors import MeasuringError
from .load import measure, warm_up
from .servers import last_words, lighttpd_cgi, nginx_fastcgi
from .webhook import Config, count_files


@dataclass(frozen=True)
class Setup:
    """A program in a fresh folder: its environment, and how many webhooks it shows to have handled."""

    environment: dict
    handled: Callable[[], int]


def kitehook_log_only(folder, webhook):
    config = Config(folder, webhook)
    return Setup(config.environment, config.accepted)


def kitehook_inbox(folder, webhook):
    config = Config(folder, webhook, inbox=True)
    return Setup(config.environment, lambda: min(config.accepted(), config.waiting()))


def rival_hello(folder, webhook):
    return Setup({}, lambda: None)


def rival_maildir(folder, webhook):
    for name in ("tmp", "new"):
        (folder / "mail" / name).mkdir(parents=True)
    return Setup({"BENCH_MAILDIR": str(folder / "mail")}, lambda: count_files(folder / "mail/new"))


def one_round(bench, name, serve, program, prepare):
    """Requests a second of PROGRAM behind a server that was just started, after a few requests."""
    folder = bench.scratch(name)
    setup = prepare(folder, bench.webhook)
    try:
        with serve(program, setup.environment, folder) as url:
            sent = warm_up(url, bench.webhook)
            os.sync()
            rate, requests = measure(url, bench.webhook, bench.effort.rate_seconds)
            handled = setup.handled()
    except MeasuringError as error:
        raise MeasuringError(f"{error}\n{last_words(folder)}") from None
    if handled is not None and handled < sent + requests:
        raise MeasuringError(f"{program.name} was asked {sent + requests} times but shows only {handled}")
    time.sleep(0.1)  # CGI processes of broken connections may still write
    shutil.rmtree(folder, ignore_errors=True)
    return rate


def compare(bench, name, serve, ours, theirs, against, bar):
    """OURS and THEIRS are each a program and what prepares a folder for it."""
    rates = [], []
    for _ in range(bench.effort.rate_rounds):
        for side, (program, prepare) in enumerate((ours, theirs)):
            rates[side].append(one_round(bench, name, serve, program, prepare))
    return median_result(name, rates[0], "req/s", against, rates[1], bar)


def cgi_rps(bench):
    return compare(bench, "cgi_rps", lighttpd_cgi,
                   (bench.program("kitehook.cgi"), kitehook_log_only),
                   (bench.helper("rivals/cgi_empty"), rival_hello),
                   "an empty static C CGI, lighttpd", 0.85)


def cgi_rps_inbox(bench):
    return compare(bench, "cgi_rps_inbox", lighttpd_cgi,
                   (bench.program("kitehook.cgi"), kitehook_inbox),
                   (bench.helper("rivals/cgi_maildir"), rival_maildir),
                   "a static C CGI with the same two syncs, lighttpd", 0.85)


def fcgi_rps(bench):
    return compare(bench, "fcgi_rps", nginx_fastcgi,
                   (bench.program("kitehook.fcgi"), kitehook_log_only),
                   (bench.helper("rivals/fcgi_hello"), rival_hello),
                   "a libfcgi hello, nginx, one process", 0.4)


def fcgi_rps_inbox(bench):
    return compare(bench, "fcgi_rps_inbox", nginx_fastcgi,
                   (bench.program("kitehook.fcgi"), kitehook_inbox),
                   (bench.helper("rivals/fcgi_maildir"), rival_maildir),
                   "a libfcgi program with the same two syncs, nginx, one process", None)
