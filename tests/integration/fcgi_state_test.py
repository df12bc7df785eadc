#!/usr/bin/env python3
"""One kitehook.fcgi for many requests: nothing of one is seen in the next; it ends cleanly; nobody is
starved."""
import random
import re
import signal
import threading
import time

import common
import fcgi
from logs import Logs, Reader

SEED = 20251009
OWN = {"timestamp", "entry", "duration_us", "oldest_entry_s", "signature_age_s", "transport", "request_id"}


def variables_of(method, headers, length):
    """As for a CGI, but for the config: parameters of a request must not choose one."""
    return [(name, value)
            for name, value in common.cgi_variables("/nonexistent/kitehook.yml", method, common.URL, headers,
                                                    length).items()]


def requests(now):
    """Very different ones: (method, headers, body)."""
    found = []
    for fixture in common.fixtures():
        signed = common.signature_header(now - 2, common.sign_quickly(common.SECRET, now - 2, fixture.body))
        found.append(
            ("POST",
             [(key, signed if key.lower() == "x-buildkite-signature" else value)
              for key, value in fixture.headers], fixture.body))
    found.append(("GET", [], b""))
    found.append(("HEAD", [], b""))
    found.append(("DELETE", [], b""))
    found.append(("POST", [("Content-Type", "application/json")], b""))
    found.append(
        ("POST",
         [("Content-Type", "application/json"), ("X-Buildkite-Event", "planted"),
          ("X-Buildkite-Request", "planted")], b"{}"))
    found.append(("POST", [], b"x" * 100))
    for body in (b"{}", b'{"event":"ping","event":"ping"}', b"[1]", b"[" * 5000):
        timestamp = int(now)
        found.append(("POST", [("Content-Type", "application/json"),
                               ("X-Buildkite-Signature",
                                common.signature_header(timestamp,
                                                        common.sign_quickly(
                                                            common.SECRET, timestamp, body)))], body))
    return found


def told(answer):
    """What an answer says apart from a made-up request id."""
    return re.sub(rb'"request_id":"[0-9a-f]{16}"', b'"request_id":"-"',
                  re.sub(rb'"oldest_entry_s":\d+', b'"oldest_entry_s":0', answer.body))


def no_leaks(report, logs, folder, build):
    """Each request alone in a CGI, and all of them shuffled in one process, say and log the same."""
    now = int(time.time())
    accepts = {"ACCEPTS": "  signature:\n    file: webhook-secret"}
    alone, together = folder / "alone", folder / "together"
    alone_config = common.write_config(alone, build, "wire.yml", **accepts)
    config = common.write_config(together, build, "wire.yml", **accepts)
    found = requests(now)
    expected, reader = [], Reader(alone / "receiver.log", logs)
    for method, headers, body in found:
        answer, _, _ = common.run_cgi(build / "kitehook.cgi",
                                      common.cgi_variables(alone_config, method, common.URL, headers,
                                                           len(body)), body)
        expected.append((answer.status, told(answer), reader.new_lines()))
    process = fcgi.Process(build, together, config)
    try:
        order = list(range(len(found))) * 3
        random.Random(SEED).shuffle(order)
        reader = Reader(together / "receiver.log", logs)
        for turn, index in enumerate(order):
            method, headers, body = found[index]
            answer = process.ask(variables_of(method, headers, len(body)), body)
            lines = reader.new_lines()
            status, text, logged = expected[index]
            report.check(f"request {turn} of one process: the answer of a process of its own",
                         (answer.status, told(answer)) == (status, text) and not answer.stderr,
                         f"{answer}, expected {status} {text}")
            ours, theirs = ([{key: value for key, value in line.items() if key not in OWN} for line in some]
                            for some in (lines, logged))
            report.check(f"request {turn} of one process: the line of a process of its own", ours == theirs,
                         f"{ours}, expected {theirs}")
        report.check("one process answered them all", process.child.poll() is None, process.child.returncode)
    finally:
        process.close()


def good(number):
    body = common.webhook(number)
    return variables_of("POST", common.post_headers(body, f"r-{number}"), len(body)), body


def memory(report, folder, build):
    if b"__asan_init" in (build / "kitehook.fcgi").read_bytes():
        report.skip("memory", "AddressSanitizer keeps what was freed")
        return
    config = common.write_config(folder, build, "wire.yml", ACCEPTS="  signature:\n    file: webhook-secret")
    config.write_text(config.read_text(encoding="utf-8").partition("state:")[0], encoding="utf-8")
    common.aged(config)
    process = fcgi.Process(build, folder, config)
    large = next(fixture for fixture in common.fixtures("^build_finished_large$"))
    headers = [pair for pair in large.headers if pair[0] != "X-Buildkite-Signature"]
    try:
        def many(count):
            asked = []
            for number in range(count):
                signed = variables_of("POST", common.post_headers(large.body, f"m-{number}"), len(large.body))
                asked += [(signed, large.body), good(number),
                          (variables_of("POST", headers, len(large.body)), large.body)]
            return {tuple(process.ask(*one).status for one in asked[at:at + 3])
                    for at in range(0, len(asked), 3)}
        statuses = many(30)
        before = process.resident_kb()
        statuses |= many(150)
        after = process.resident_kb()
        report.check("memory is measured while webhooks are accepted and refused",
                     statuses == {(200, 200, 401)}, statuses)
        report.check("memory does not grow with the number of requests", after - before < 1024,
                     f"{before} kB, then {after} kB")
    finally:
        process.close()


def drip_into(connection, body):
    try:
        for byte in body[:40]:
            connection.sendall(fcgi.record(fcgi.STDIN, bytes([byte])))
            time.sleep(0.5)
    except OSError:
        pass  # given up, as it should be


def without_descriptors(report, folder, build):
    """FastCGI's specification starts a program with standard output and standard error closed."""
    config = common.write_config(folder, build, "wire.yml", ACCEPTS="  signature:\n    file: webhook-secret",
                                 LOG="stderr")
    for closed in ((2,), (1, 2)):
        here = folder / ("closed-" + "-".join(map(str, closed)))
        here.mkdir(parents=True)
        process = fcgi.Process(build, here, config, closed)
        try:
            for number in (21, 22):
                answer = process.ask(*good(100 * len(closed) + number))
                report.check(f"with {closed} closed: answered, and no log line in between",
                             answer.status == 200 and answer.json, answer)
        finally:
            process.close()


def starving(report, folder, build):
    config = common.write_config(folder, build, "wire.yml", ACCEPTS="  signature:\n    file: webhook-secret")
    process = fcgi.Process(build, folder, config)
    try:
        with process.connect(3) as first:
            process.send(first, *good(1), keep=True)
            with process.connect(3) as second:
                process.send(second, *good(2))
                answer, _ = process.receive(second)
                report.check("a kept connection does not starve the next one", answer.status == 200, answer)
            answer, closed = process.receive(first)
            report.check("a kept connection is answered, and kept", answer.status == 200 and not closed,
                         f"{answer} {closed}")
            process.send(first, *good(7))
            answer, closed = process.receive(first)
            report.check("its next request, which does not ask for that, is its last",
                         answer.status == 200 and closed, f"{answer} {closed}")
        with process.connect() as gone:
            variables, body = good(3)
            process.send(gone, variables, body[:50], whole=False)
        answer = process.ask(*good(4))
        report.check("a client that goes away in its body does no harm", answer.status == 200, answer)
        with process.connect(20) as slow:
            variables, body = good(6)
            process.send(slow, variables, body[:50], whole=False)
            began = time.monotonic()
            drip = threading.Thread(target=drip_into, args=(slow, body[50:]))
            drip.start()
            answer, _ = process.receive(slow)
            took = time.monotonic() - began
            drip.join()
            report.check("a client that sends a byte now and then is given up after ten seconds",
                         answer.status == 408 and 9 < took < 13, f"{answer} after {took:.1f} s")
        with process.connect() as gone:
            gone.sendall(b"\x01\x01\x00\x01")
        with process.connect() as gone:
            gone.sendall(b"GET / HTTP/1.1\r\n\r\n" * 10)
        answer = process.ask(*good(5))
        report.check("nor does one that speaks something else", answer.status == 200, answer)
        report.check("what was answered 200 was kept, and nothing else", len(common.waiting(folder)) == 5,
                     len(common.waiting(folder)))
    finally:
        process.close()


def ending(report, folder, build):
    config = common.write_config(folder, build, "wire.yml", ACCEPTS="  signature:\n    file: webhook-secret")
    for name, busy in (("idle", False), ("in a request", True)):
        here = folder / name.replace(" ", "-")
        here.mkdir(parents=True)
        process = fcgi.Process(build, here, config)
        try:
            answer = process.ask(*good(11))
            report.check(f"ending, {name}: it works before", answer.status == 200, answer)
            before = len(common.waiting(folder))
            if busy:
                connection = process.connect()
                variables, body = good(12)
                process.send(connection, variables, body[:100], whole=False)
                time.sleep(0.2)
            process.child.send_signal(signal.SIGTERM)
            if busy:
                time.sleep(0.2)
                try:
                    connection.sendall(fcgi.record(fcgi.STDIN, body[100:]) + fcgi.record(fcgi.STDIN, b""))
                except OSError:
                    pass
                answer, _ = process.receive(connection)
                connection.close()
                kept = len(common.waiting(folder)) - before
                report.check("ending, in a request: the webhook at hand is kept first", answer.status == 200,
                             answer)
                report.check("ending, in a request: 200 means kept, anything else means not",
                             kept == (answer.status == 200), f"{answer}, {kept} kept")
            code = common.wait_until(lambda: process.child.poll() is not None, 5) and process.child.returncode
            report.check(f"ending, {name}: SIGTERM ends it with exit code 0",
                         code == 0 and process.child.returncode == 0, process.child.returncode)
        finally:
            process.close()


def changing(report, logs, folder, build):
    """Secrets and configs change under a running process; a broken config keeps the old one."""
    config = common.write_config(folder, build, "wire.yml", ACCEPTS="  signature:\n    file: webhook-secret")
    process = fcgi.Process(build, folder, config)

    def status(secret, number):
        body = common.webhook(number)
        return process.ask(
            variables_of("POST", common.post_headers(body, f"c-{number}", secret=secret), len(body)),
            body).status

    def soon(secret, wanted, numbers):
        return common.wait_until(lambda: status(secret, next(numbers)) == wanted, 5, 0.2)

    numbers = iter(range(100, 1000))
    try:
        report.check("changing: the first secret", status(common.SECRET, 1) == 200)
        report.check("changing: not the second yet", status(b"the-second", 2) == 401)
        (folder / "webhook-secret").write_bytes(b"the-second")
        report.check("changing: the second, soon", soon(b"the-second", 200, numbers))
        report.check("changing: no more the first", status(common.SECRET, next(numbers)) == 401)
        text = config.read_text(encoding="utf-8")
        config.write_text("webhook: [\n", encoding="utf-8")
        time.sleep(1.2)
        report.check("changing: a broken config keeps the old one",
                     [status(b"the-second", next(numbers)) for _ in range(3)] == [200] * 3)
        time.sleep(1.2)
        status(b"the-second", next(numbers))
        lines = logs.add_file(folder / "receiver.log")
        broken = sum(line["message"] == "config broken" for line in lines)
        report.check("changing: and says so once", broken == 1, broken)
        (folder / "webhook-secret").write_bytes(b"the-third")
        config.write_text(text, encoding="utf-8")
        report.check("changing: the mended one, soon", soon(b"the-third", 200, numbers))
    finally:
        process.close()


def resizing(report, folder, build):
    """A body that is on its way when webhook.max_body changes."""
    config = common.write_config(folder, build, "wire.yml", ACCEPTS="  signature:\n    file: webhook-secret")
    text = config.read_text(encoding="utf-8")
    small, large = text.replace("1MB", "100KB"), text.replace("1MB", "900KB")
    body = common.webhook(1, message="m" * 300_000)
    variables = variables_of("POST", common.post_headers(body, "z-1"), len(body))
    cut, log = len(body) // 6, folder / "receiver.log"
    config.write_text(small, encoding="utf-8")
    common.aged(config)
    process = fcgi.Process(build, folder, config)
    try:
        changes = ("larger", large, 200), ("smaller", small, 413)
        for reloads, (name, changed, wanted) in enumerate(changes, 1):
            with process.connect() as connection:
                process.send(connection, variables, body[:cut], whole=False)
                process.ask(*good(2))  # so the beginning has been read
                config.write_text(changed, encoding="utf-8")
                common.wait_until(lambda reloads=reloads: process.ask(*good(3)) and
                                  log.read_text(encoding="utf-8").count("config reloaded") == reloads, 5, 0.2)
                connection.sendall(fcgi.record(fcgi.STDIN, body[cut:]) + fcgi.record(fcgi.STDIN, b""))
                answer, _ = process.receive(connection)
                report.check(f"resizing: max_body becomes {name} than the body at hand",
                             answer.status == wanted, answer)
    finally:
        process.close()


def run():
    chosen = common.arguments(__doc__)
    report = common.Report(chosen.verbose)
    logs = Logs(report)
    with common.Workspace(chosen.keep) as folder:
        parts = {
            "leaks": lambda here: no_leaks(report, logs, here, chosen.build),
            "memory": lambda here: memory(report, here, chosen.build),
            "descriptors": lambda here: without_descriptors(report, here, chosen.build),
            "starving": lambda here: starving(report, here, chosen.build),
            "ending": lambda here: ending(report, here, chosen.build),
            "changing": lambda here: changing(report, logs, here, chosen.build),
            "resizing": lambda here: resizing(report, here, chosen.build),
        }
        for name, part in parts.items():
            if re.search(chosen.only, name):
                (folder / name).mkdir()
                part(folder / name)
    if logs.lines:
        logs.settle()
    return report.close()


if __name__ == "__main__":
    common.main(run)
