"""Requests through a real web server, with and without an inbox: how many a second, and what each costs."""

import functools
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
from .processes import cpu_s, peak_kib
from .programs import BENCH, need_tool
from .servers import (last_words, lighttpd_cgi, nginx_fastcgi, nginx_fastcgi_kept, nginx_node, nginx_php,
                      nginx_webhook)
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
    # as long again before the round, not timed: for what compiles, or grows a heap, as it runs
    run_in: bool = False
    # so much longer is a round, and so much fewer there are: for what answers only a few in a second
    stretch: int = 1


@dataclass(frozen=True)
class Round:
    rate: float  # requests a second
    cpu_us: float | None  # processor time a request of the receiving processes; with CGI it is not known
    peak_kib: int | None


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
    return Setup({"BENCH_SECRET": str(webhook.secret_file), "BENCH_SECRET_TEXT": webhook.secret.decode()},
                 lambda: None)


def one_round(bench, name, side, load):
    """SIDE behind a server that was just started, after a few requests."""
    folder = bench.scratch(name)
    setup = side.prepare(folder, bench.webhook)
    seconds = bench.effort.rate_seconds * min(load.stretch, bench.effort.stretch_max)
    try:
        with side.serve(side.program, setup.environment, folder) as site:
            url, receiver = site.url, site.receiver
            if load.verified:
                must_refuse(url, bench.webhook, load.headers)
            sent = warm_up(url, bench.webhook, load.headers)
            if load.run_in:
                sent += measure(url, bench.webhook, load.headers, seconds)[1]
            os.sync()
            before_s = cpu_s(receiver) if receiver else 0
            rate, requests = measure(url, bench.webhook, load.headers, seconds)
            cpu_us = (cpu_s(receiver) - before_s) * 1e6 / requests if receiver else None
            figures = Round(rate, cpu_us, peak_kib(receiver) if receiver else None)
            handled = setup.handled()
    except MeasuringError as error:
        raise MeasuringError(f"{error}\n{last_words(folder)}") from None
    if handled is not None and handled < sent + requests:
        raise MeasuringError(
            f"{side.program.name} was asked {sent + requests} times but shows only {handled}")
    time.sleep(0.1)  # CGI processes of broken connections may still write
    shutil.rmtree(folder, ignore_errors=True)
    return figures


def rounds(bench, name, ours, theirs, load):
    """A list of rounds of each side."""
    both = [], []
    for _ in range(math.ceil(bench.effort.rate_rounds / load.stretch)):
        for figures, side in zip(both, (ours, theirs)):
            figures.append(one_round(bench, name, side, load))
    bench.clean(name)
    return both


def rate_result(name, both, against, bar):
    ours, theirs = ([figures.rate for figures in side] for side in both)
    return median_result(name, ours, "req/s", against, theirs, bar)


def cpu_result(name, both, against, bar):
    ours, theirs = ([figures.cpu_us for figures in side] for side in both)
    return median_result(name, ours, "us", against, theirs, bar)


def cgi(bench, prepare=kitehook_log_only):
    return Side(bench.program("kitehook.cgi"), lighttpd_cgi, prepare)


def fcgi(bench, prepare=kitehook_log_only):
    return Side(bench.program("kitehook.fcgi"), nginx_fastcgi, prepare)


def fcgi_kept(bench):
    return Side(bench.program("kitehook.fcgi"), nginx_fastcgi_kept, kitehook_log_only)


# ---- against floors, which verify nothing

def floor(bench):
    return Load(bench.webhook.headers, verified=False)


def cgi_rps(bench):
    empty = Side(bench.helper("rivals/cgi_empty"), lighttpd_cgi, rival_hello)
    both = rounds(bench, "cgi_rps", cgi(bench), empty, floor(bench))
    return rate_result("cgi_rps", both, "an empty static C CGI, lighttpd", 0.85)


def cgi_rps_inbox(bench):
    maildir = Side(bench.helper("rivals/cgi_maildir"), lighttpd_cgi, rival_maildir)
    both = rounds(bench, "cgi_rps_inbox", cgi(bench, kitehook_inbox), maildir, floor(bench))
    return rate_result("cgi_rps_inbox", both, "a static C CGI with the same two syncs, lighttpd", 0.85)


HELLO = "a libfcgi hello, nginx, one process"


@functools.cache
def fcgi_and_hello(bench):
    hello = Side(bench.helper("rivals/fcgi_hello"), nginx_fastcgi, rival_hello)
    return rounds(bench, "fcgi", fcgi(bench), hello, floor(bench))


def fcgi_rps(bench):
    return rate_result("fcgi_rps", fcgi_and_hello(bench), HELLO, 0.4)


def fcgi_cpu(bench):
    return cpu_result("fcgi_cpu", fcgi_and_hello(bench), HELLO, None)


def fcgi_rps_inbox(bench):
    maildir = Side(bench.helper("rivals/fcgi_maildir"), nginx_fastcgi, rival_maildir)
    both = rounds(bench, "fcgi_rps_inbox", fcgi(bench, kitehook_inbox), maildir, floor(bench))
    against = "a libfcgi program with the same two syncs, nginx, one process"
    return rate_result("fcgi_rps_inbox", both, against, None)


# ---- kept connections

KEPT = "the same, a connection a request"


@functools.cache
def fcgi_kept_and_not(bench):
    return rounds(bench, "fcgi_kept", fcgi_kept(bench), fcgi(bench), Load(bench.webhook.headers))


def fcgi_rps_kept(bench):
    return rate_result("fcgi_rps_kept", fcgi_kept_and_not(bench), KEPT, None)


def fcgi_cpu_kept(bench):
    return cpu_result("fcgi_cpu_kept", fcgi_kept_and_not(bench), KEPT, None)


# ---- against receivers, which verify and parse as we do. To ours nginx keeps its connections, by the recipe

def run_in(headers):
    return Load(headers, run_in=True)


NODE = "a Node receiver, nginx, one process each"
PHP = "php-fpm, nginx, one process each"
WEBHOOK = "Debian's webhook, one HMAC rule and no command, nginx, one process each"


@functools.cache
def fcgi_and_node(bench):
    node = Side(BENCH / "rivals/http_node.mjs", nginx_node, rival_receiver)
    return rounds(bench, "fcgi_node", fcgi_kept(bench), node, run_in(bench.webhook.headers))


def fcgi_rps_node(bench):
    return rate_result("fcgi_rps_node", fcgi_and_node(bench), NODE, 2)


def fcgi_cpu_node(bench):
    return cpu_result("fcgi_cpu_node", fcgi_and_node(bench), NODE, 2.5)


@functools.cache
def fcgi_and_php(bench):
    php = Side(BENCH / "rivals/php_fpm.php", nginx_php, rival_receiver)
    return rounds(bench, "fcgi_php", fcgi_kept(bench), php, run_in(bench.webhook.headers))


def fcgi_rps_php(bench):
    return rate_result("fcgi_rps_php", fcgi_and_php(bench), PHP, 1.5)


def fcgi_cpu_php(bench):
    return cpu_result("fcgi_cpu_php", fcgi_and_php(bench), PHP, 3)


@functools.cache
def fcgi_and_webhook(bench):
    webhook = Side(BENCH / "rivals/webhook.yaml", nginx_webhook, rival_receiver)
    return rounds(bench, "fcgi_webhook", fcgi_kept(bench), webhook, run_in(bench.webhook.headers_for_webhook))


def fcgi_rps_webhook(bench):
    return rate_result("fcgi_rps_webhook", fcgi_and_webhook(bench), WEBHOOK, 2)


def fcgi_cpu_webhook(bench):
    return cpu_result("fcgi_cpu_webhook", fcgi_and_webhook(bench), WEBHOOK, 2.5)


def cgi_rps_perl(bench):
    perl = need_tool("perl")
    if subprocess.run([perl, "-MJSON::XS", "-e1"], capture_output=True).returncode != 0:
        raise NotRun("Perl's JSON::XS is not installed")
    script = Side(BENCH / "rivals/cgi_perl.pl", lighttpd_cgi, rival_receiver)
    both = rounds(bench, "cgi_rps_perl", cgi(bench), script, Load(bench.webhook.headers, stretch=4))
    return rate_result("cgi_rps_perl", both, "a Perl CGI with JSON::XS, lighttpd", 10)


def cgi_rps_python(bench):
    script = Side(BENCH / "rivals/cgi_python.py", lighttpd_cgi, rival_receiver)
    both = rounds(bench, "cgi_rps_python", cgi(bench), script, Load(bench.webhook.headers, stretch=4))
    return rate_result("cgi_rps_python", both, "a Python CGI, lighttpd", 10)
