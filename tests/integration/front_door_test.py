#!/usr/bin/env python3
"""Nobody can hold up the receivers: connections that drip for ever beside genuine webhooks, straight to
kitehook.fcgi's socket and through each recipe; its bounds, its signals and its protocol.

--count of drippers, --served of them through each recipe, beside --webhooks genuine ones: more of these for a
longer run. Times are compared within the run.
"""
import os
import re

import common
import drippers
import fcgi
import fcgi_bounds
import fcgi_protocol
import fcgi_signals
import genuine
import servers

TIMES = 3
NOISE_S = 0.02  # less than this is the machine's doing, not the drippers'
ATTEMPTS = 6
AT_ONCE = 50  # genuine webhooks
MEMORY_MAX_KB = 64 * 1024


def beside(client, crowd, webhooks, roots):
    """Genuine webhooks alone, then beside CROWD: both answers, how many dripped, the memory that all
    receivers held."""
    alone = genuine.paced(client, webhooks)
    with crowd:
        common.wait_until(lambda: crowd.holding >= 0.95 * len(crowd.names), 15, 0.05)
        together = genuine.paced(client, webhooks)
        return alone, together, crowd.holding, genuine.held_kb(roots)


def check_beside(report, name, client, make_crowd, webhooks, roots):
    """Only a slow answer is measured again: on a busy machine one of two hundred may be late by itself."""
    for _ in range(ATTEMPTS):
        crowd = make_crowd()
        alone, together, holding, held_kb = beside(client, crowd, webhooks, roots)
        bar = TIMES * max(genuine.p99(alone), NOISE_S)
        refused = genuine.refused(alone + together)
        if refused or genuine.p99(together) <= bar:
            break
    p99s = [genuine.p99(answers) * 1000 for answers in (alone, together)]
    said = f"p99 {p99s[0]:.1f} ms alone, {p99s[1]:.1f} ms beside {holding} of {len(crowd.names)}"
    print(f"{name}: {said}, who came {len(crowd.names) + crowd.cut(*crowd.names)} times; {held_kb} kB",
          flush=True)
    report.check(f"{name}: no genuine webhook is refused", not refused,
                 f"{len(refused)}, first {refused[:2]}")
    report.check(f"{name}: the p99 is at most {TIMES} times what it is alone", genuine.p99(together) <= bar,
                 said)
    report.check(f"{name}: the drippers are there", holding >= 0.75 * len(crowd.names), said)
    report.check(f"{name}: memory", held_kb < MEMORY_MAX_KB and genuine.peak_kb(roots) < MEMORY_MAX_KB,
                 f"{held_kb} kB together, {genuine.peak_kb(roots)} kB at most in one")


def check_kept(report, name, folder, client):
    good = sum(answer.status == 200 for answer in client.answers)
    kept = len(common.waiting(folder))
    report.check(f"{name}: 200 means kept", kept == good, f"{kept} kept, {good} answered 200")


def straight(report, folder, chosen):
    process = fcgi.Process(chosen.build, folder, genuine.write_config(folder, chosen.build))
    client = genuine.FastcgiClient(process.path)
    try:
        check_beside(report, "straight", client,
                     lambda: drippers.Drippers(process.path, drippers.STRAIGHT, chosen.count),
                     chosen.webhooks, [process.child.pid])
        check_kept(report, "straight", folder, client)
    finally:
        process.close()


def served(report, kind, folder, chosen):
    server = kind()
    if server.missing():
        report.skip(server.name, server.missing())
        return
    server.start(folder / "server", chosen.build, genuine.write_config(folder, chosen.build))
    client = genuine.http_client(server.port)
    try:
        refused = genuine.refused(genuine.at_once(client, AT_ONCE))
        report.check(f"{server.name}: {AT_ONCE} at once, none refused", not refused,
                     f"{len(refused)}, first {refused[:2]}")
        check_beside(report, server.name, client,
                     lambda: drippers.Drippers(server.port, drippers.SERVED, chosen.served),
                     chosen.webhooks, [child.pid for child in server.children])
        check_kept(report, server.name, folder, client)
    finally:
        server.stop()
    report.check(f"{server.name}: nothing crashed", not server.crashes(), server.crashes())


def run():
    chosen = common.arguments(__doc__, count=200, served=64, webhooks=200)
    report = common.Report(chosen.verbose)
    parts = {
        "protocol": lambda here: fcgi_protocol.check(report, here, chosen.build),
        "bounds": lambda here: fcgi_bounds.check(report, here, chosen.build, chosen.webhooks),
        "signals": lambda here: fcgi_signals.check(report, here, chosen.build, chosen.webhooks),
        "straight": lambda here: straight(report, here, chosen),
    }
    for kind in servers.ALL:
        parts[kind.name] = lambda here, kind=kind: served(report, kind, here, chosen)
    below = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # what a disk costs is not asked here
    with common.Workspace(chosen.keep, below) as folder:
        for name, part in parts.items():
            if re.search(chosen.only, name):
                (folder / name).mkdir()
                part(folder / name)
    return report.close()


if __name__ == "__main__":
    common.main(run)
