"""Requests per second through a real web server, with and without an inbox on disk."""

import math
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .bench import median_result
from .errors import MeasuringError, NotRun
from .load import measure, must_refuse, warm_up
from .programs import BENCH, need_tool
from .servers import last_words, lighttpd_cgi, nginx_fastcgi, nginx_node, nginx_php, nginx_webhook
from .webhook import Config, Webhook, count_files


@dataclass(frozen=True)
class Setup:
    """A program in a fresh folder: its environment, and how many webhooks it shows to have handled."""

    environment: dict
    handled: Callable[[], int | None]


@dataclass(frozen=True)
class Side:
    """Ours or theirs: a program, what serves it, and what prepares a folder for it."""

    program: Path
    serve: Callable
    prepare: Callable[[Path, Webhook], Setup]


@dataclass(frozen=True)
class Load:
    """What is posted to both sides alike."""

    headers: Callable[..., dict]
    verified: bool = True  # both sides must refuse what is forged
    run_in: bool = False  # as long again before the round, not timed: for what compiles, or grows a heap, as it runs
    stretch: int = 1  # so much longer is a round, and so much fewer there are: for what answers only a few in a second


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


def rival_receiver(folder, webhook):
    return Setup({"BENCH_SECRET": str(webhook.secret_file), "BENCH_SECRET_TEXT": webhook.secret.decode()}, lambda: None)


def one_round(bench, name, side, load):
    """Requests a second of SIDE behind a server that was just started, after a few requests."""
    folder = bench.scratch(name)
    setup = side.prepare(folder, bench.webhook)
    seconds = bench.effort.rate_seconds * load.stretch
    try:
        with side.serve(side.program, setup.environment, folder) as url:
            if load.verified:
                must_refuse(url, bench.webhook, load.headers)
            sent = warm_up(url, bench.webhook, load.headers)
            if load.run_in:
                sent += measure(url, bench.webhook, load.headers, seconds)[1]
            os.sync()
            rate, requests = measure(url, bench.webhook, load.headers, seconds)
            handled = setup.handled()
    except MeasuringError as error:
        raise MeasuringError(f"{error}\n{last_words(folder)}") from None
    if handled is not None and handled < sent + requests:
        raise MeasuringError(f"{side.program.name} was asked {sent + requests} times but shows only {handled}")
    time.sleep(0.1)  # CGI processes of broken connections may still write
    shutil.rmtree(folder, ignore_errors=True)
    return rate


def compare(bench, name, ours, theirs, load, against, bar):
    rates = [], []
    for _ in range(math.ceil(bench.effort.rate_rounds / load.stretch)):
        for figures, side in zip(rates, (ours, theirs)):
            figures.append(one_round(bench, name, side, load))
    return median_result(name, rates[0], "req/s", against, rates[1], bar)


def cgi(bench, prepare=kitehook_log_only):
    return Side(bench.program("kitehook.cgi"), lighttpd_cgi, prepare)


def fcgi(bench, prepare=kitehook_log_only):
    return Side(bench.program("kitehook.fcgi"), nginx_fastcgi, prepare)


# ---- against floors, which verify nothing

def floor(bench):
    return Load(bench.webhook.headers, verified=False)


def cgi_rps(bench):
    return compare(bench, "cgi_rps", cgi(bench), Side(bench.helper("rivals/cgi_empty"), lighttpd_cgi, rival_hello),
                   floor(bench), "an empty static C CGI, lighttpd", 0.85)


def cgi_rps_inbox(bench):
    return compare(bench, "cgi_rps_inbox", cgi(bench, kitehook_inbox),
                   Side(bench.helper("rivals/cgi_maildir"), lighttpd_cgi, rival_maildir), floor(bench),
                   "a static C CGI with the same two syncs, lighttpd", 0.85)


def fcgi_rps(bench):
    return compare(bench, "fcgi_rps", fcgi(bench), Side(bench.helper("rivals/fcgi_hello"), nginx_fastcgi, rival_hello),
                   floor(bench), "a libfcgi hello, nginx, one process", 0.4)


def fcgi_rps_inbox(bench):
    return compare(bench, "fcgi_rps_inbox", fcgi(bench, kitehook_inbox),
                   Side(bench.helper("rivals/fcgi_maildir"), nginx_fastcgi, rival_maildir), floor(bench),
                   "a libfcgi program with the same two syncs, nginx, one process", None)


# ---- against receivers, which verify and parse as we do

def fcgi_rps_node(bench):
    return compare(bench, "fcgi_rps_node", fcgi(bench), Side(BENCH / "rivals/http_node.mjs", nginx_node, rival_receiver),
                   Load(bench.webhook.headers, run_in=True), "a Node receiver, nginx, one process each", 2)


def fcgi_rps_php(bench):
    return compare(bench, "fcgi_rps_php", fcgi(bench), Side(BENCH / "rivals/php_fpm.php", nginx_php, rival_receiver),
                   Load(bench.webhook.headers, run_in=True), "php-fpm, nginx, one process each", 1.5)


def fcgi_rps_webhook(bench):
    return compare(bench, "fcgi_rps_webhook", fcgi(bench), Side(BENCH / "rivals/webhook.yaml", nginx_webhook, rival_receiver),
                   Load(bench.webhook.headers_for_webhook, run_in=True),
                   "Debian's webhook, one HMAC rule and no command, nginx, one process each", 2)


def cgi_rps_perl(bench):
    perl = need_tool("perl")
    if subprocess.run([perl, "-MJSON::XS", "-e1"], capture_output=True).returncode != 0:
        raise NotRun("Perl's JSON::XS is not installed")
    return compare(bench, "cgi_rps_perl", cgi(bench), Side(BENCH / "rivals/cgi_perl.pl", lighttpd_cgi, rival_receiver),
                   Load(bench.webhook.headers, stretch=4), "a Perl CGI with JSON::XS, lighttpd", 10)


def cgi_rps_python(bench):
    return compare(bench, "cgi_rps_python", cgi(bench), Side(BENCH / "rivals/cgi_python.py", lighttpd_cgi, rival_receiver),
                   Load(bench.webhook.headers, stretch=4), "a Python CGI, lighttpd", 10)
