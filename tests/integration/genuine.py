"""Genuine webhooks, one after the other at a rate, each on a connection of its own; and what their receivers
hold meanwhile."""
import asyncio
import json
import math
import os
import pathlib

import common
import fcgi
import kept_client
import service_servers

RATE = 150  # a second
CONFIG = {"ACCEPTS": "  signature:\n    file: webhook-secret\n  deadline: 60s"}


def write_config(folder, build, keeps=True, **values):
    """No worker: the inbox shows what was kept. A deadline that nobody here lives to see."""
    config = common.write_config(folder, build, "wire.yml", **{**CONFIG, **values})
    if not keeps:
        config.write_text(config.read_text(encoding="utf-8").partition("state:")[0], encoding="utf-8")
        common.aged(config)
    return config


def headers_of(number, body):
    return common.with_close(common.post_headers(body, f"r-{number}"))


def http_message(number):
    body = common.webhook(number)
    return common.request_bytes("POST", common.URL, headers_of(number, body), body)


def variables_of(number, body):
    return list(
        common.cgi_variables("/nowhere", "POST", common.URL, headers_of(number, body), len(body)).items())


def fastcgi_message(number, keep=False, request=1):
    body = common.webhook(number)
    return fcgi.whole(variables_of(number, body), body, keep, request)


def http_client(port):
    return kept_client.Client(port, http_message)


class FastcgiClient(kept_client.Client):
    """The same straight to a FastCGI socket, whose path is the port."""

    def __init__(self, path):
        super().__init__(path, fastcgi_message)

    async def exchange(self, number):
        reader, writer = await asyncio.open_unix_connection(self.port)
        try:
            writer.write(self.message_of(number))
            raw, answer = b"", None
            while not answer:
                more = await reader.read(65536)
                if not more:
                    raise EOFError("closed without an answer")
                raw += more
                answer = fcgi.answer_of(raw)
        finally:
            writer.close()
        return answer.status, answer.json


def paced(client, count, rate=RATE):
    """COUNT more webhooks of CLIENT: their answers."""
    answers, _, _ = asyncio.run(client.paced(rate, count / rate))
    return answers


def at_once(client, count):
    """COUNT more in the same moment, as a build with so many jobs sends them: their answers."""
    async def all_of_them():
        return await asyncio.gather(*(client.post() for _ in range(count)))

    return asyncio.run(all_of_them())


def refused(answers):
    return [answer for answer in answers if answer.status != 200]


def p99(answers):
    times = sorted(answer.seconds for answer in answers)
    return times[math.ceil(0.99 * len(times)) - 1]


# ---- processes

def receivers(roots):
    """The process ids of all receivers below ROOTS."""
    found = []
    for pid in service_servers.below(roots):
        try:
            if os.path.basename(os.readlink(f"/proc/{pid}/exe")) in ("kitehook.cgi", "kitehook.fcgi"):
                found.append(pid)
        except OSError:
            pass  # it has ended
    return found


def status_kb(pid, name, file="status"):
    """A line of /proc/PID/FILE in kB, 0 when the process has ended."""
    try:
        text = pathlib.Path(f"/proc/{pid}/{file}").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith(name + ":")), 0)


def memory_files_kb(pid):
    """What its memfds take: no line of /proc/PID/status has it."""
    total = 0
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            if os.readlink(entry.path).startswith("/memfd:"):
                total += os.stat(entry.path).st_blocks * 512
    except OSError:
        pass
    return total // 1024


def held_kb(roots):
    """All receivers below ROOTS together; what they share counts once."""
    return sum(status_kb(pid, "Pss", "smaps_rollup") + memory_files_kb(pid) for pid in receivers(roots))


def peak_kb(roots):
    """The most that one of them ever had in its own memory."""
    return max((status_kb(pid, "VmHWM") for pid in receivers(roots)), default=0)
