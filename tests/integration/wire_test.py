#!/usr/bin/env python3
"""Every case of fixtures/wire through kitehook.cgi without a server and through each server: what case.json
expects.

At the end the inbox must hold just what was answered 200, and the folder aside/ what was proven and not
usable.
"""
import json
import os
import re
import time

import common
import servers
from logs import Logs, Reader

ACCEPTS = {
    "signature": "  signature:\n    file: webhook-secret",
    "token": "  token:\n    file: webhook-token",
    "both": "  signature:\n    file: webhook-secret\n  token:\n    file: webhook-token",
}
TOKEN = "kitehook-fixture-token-7"
REQUEST_ID = "0191f0c0-0000-7000-8000-000000000000"

# Where a server answers by itself, it does so whoever starts the receiver.
ANSWERS_AS = {"lighttpd-socket": "lighttpd-fastcgi"}


class Case:
    def __init__(self, folder):
        self.folder, self.name = folder, folder.name
        case = json.loads((folder / "case.json").read_text(encoding="utf-8"))
        self.accepts, self.send, self.expect = case.get("accepts", "signature"), case["send"], case["expect"]
        unknown = set(self.expect) - {"all", "cgi-direct", "lambda"} - {kind.name for kind in servers.ALL}
        if unknown:
            raise ValueError(f"{folder}: no such transport: {unknown}")
        self.body = join(self.send["body"]) if "body" in self.send else common.webhook(1)

    def expected(self, transport):
        known = self.expect.get(transport) or self.expect.get(ANSWERS_AS.get(transport))
        return known or self.expect["all"]

    def headers(self):
        """All but Content-Length, signed now."""
        send = self.send
        timestamp = int(time.time()) - send.get("age_s", 2)
        signed = (join([send["signed"]] if isinstance(send.get("signed"), dict) else send["signed"])
                  if "signed" in send else self.body)
        mac = common.sign(send.get("secret", common.SECRET.decode()).encode(), timestamp, signed)
        values = {"timestamp": timestamp, "mac": mac, "MAC": mac.upper(),
                  "other_mac": mac[:-1] + ("0" if mac[-1] != "0" else "1"),
                  "signature": common.signature_header(timestamp, mac), "token": TOKEN}
        proof = (("X-Buildkite-Token", TOKEN) if self.accepts == "token"
                 else ("X-Buildkite-Signature", values["signature"]))
        headers = [("Host", "kitehook.example"), ("Content-Type", "application/json"),
                   ("X-Buildkite-Event", "build.finished"), ("X-Buildkite-Request", REQUEST_ID), proof]
        headers = [pair for pair in headers if pair[0] not in send.get("drop", ())]

        def filled(value):
            return re.sub(r"\{(\w+)\}", lambda match: str(values.get(match.group(1), match.group())), value)

        return headers + [(name, filled(value)) for name, value in send.get("add", ())]

    def content_length(self):
        """The text to send; None for no such header."""
        said = self.send.get("content_length", "+0")
        if "chunks" in self.send or "Content-Length" in self.send.get("drop", ()):
            return None
        return (str(len(self.body) + int(said)) if re.fullmatch(r"[+-]\d+", said) and
                said not in ("-1", "+421") else said)


def join(parts):
    whole = b""
    for part in parts:
        if "fixture" in part:
            piece = common.Fixture(common.FIXTURES / "events" / part["fixture"]).body
        else:
            piece = bytes.fromhex(part["hex"]) if "hex" in part else part["text"].encode()
        whole += piece * part.get("times", 1)
    return whole


def chunked(body, sizes, spoil):
    at, out, sizes = 0, [], list(sizes)
    while at < len(body):
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        piece = body[at:at + size]
        at += len(piece)
        if spoil == "size" and at >= len(body):
            out.append(b"zz\r\n" + piece + b"\r\n")
        elif spoil == "line_end" and at >= len(body):
            out.append(b"%x\r\n" % (len(piece) - 1) + piece + b"\r\n")
        else:
            out.append(b"%x\r\n" % len(piece) + piece + b"\r\n")
    return out if spoil == "end" else [*out, b"0\r\n\r\n"]


def send_direct(case, config, build):
    body = case.body[:case.send.get("stop_after", len(case.body))]
    headers = case.headers()
    if "chunks" in case.send:
        headers.append(("Transfer-Encoding", "chunked"))
    variables = common.cgi_variables(config, case.send.get("method", "POST"),
                                     case.send.get("target", common.URL), headers, case.content_length())
    answer, err, code = common.run_cgi(build / "kitehook.cgi", variables, body,
                                       case.send.get("arguments", ()), case.send.get("hold"))
    if code != 0 or err:
        answer.body += b" (exit code %r, standard error %r)" % (code, err[:300])
    return answer


def send_to_server(case, port):
    send = case.send
    if "raw" in send:
        return common.exchange(port, [(case.folder / send["raw"]).read_bytes()], half_close=True)
    headers = common.with_close(case.headers())
    length = case.content_length()
    if length is not None:
        headers.append(("Content-Length", length))
    if "chunks" in send:
        headers.append(("Transfer-Encoding", "chunked"))
        pieces = chunked(case.body, send["chunks"], send.get("spoil"))
    else:
        pieces = [case.body[:send.get("stop_after", len(case.body))]]
    head = common.request_bytes(send.get("method", "POST"), send.get("target", common.URL), headers)
    cut = ("stop_after" in send or send.get("spoil") == "end" or (length or "").isdigit() and
           int(length) > len(case.body))
    return common.exchange(port, [head, *pieces], half_close=cut)


def check(report, transport, case, answer, lines):
    expect = case.expected(transport)
    name = f"{transport} {case.name}"
    status = expect["status"]
    good = answer.status in (status if isinstance(status, list) else [status])
    if "text" in expect:
        good = good and answer.body.decode("utf-8", "replace") == expect["text"]
    elif expect["answer"] is not None:
        said = answer.json if isinstance(answer.json, dict) else {}
        good = good and all(said.get(key) == value for key, value in expect["answer"].items())
    for header, value in expect.get("headers", {}).items():
        good = good and answer.header(header) == value
    report.check(f"{name}: the answer", good, f"{answer}, expected {json.dumps(expect)}")
    if expect["log"] is None or expect.get("log_optional") and not lines:
        report.check(f"{name}: nothing logged", not lines, lines)
    else:
        wrong = (
            {key: (lines[0].get(key), value) for key, value in expect["log"].items()
             if lines[0].get(key) != value} if len(lines) == 1 else lines)
        report.check(f"{name}: the line", len(lines) == 1 and not wrong, wrong)


def run_cases(report, logs, transport, cases, folder, build, config, send):
    reader = Reader(folder / "receiver.log", logs)
    accepted = unusable = 0
    for case in cases:
        expect = case.expected(transport)
        if "skip" in expect:
            continue
        answer = send(case)
        lines = reader.new_lines(0.2 if expect.get("log_optional") else 5 if expect["log"] else 0)
        accepted += sum(line["verdict"] == "accepted" for line in lines)
        unusable += sum(line["verdict"] == "refused" and line["status"] == 400 and "proof" in line
                        for line in lines)
        check(report, transport, case, answer, lines)
    late = reader.new_lines(0)
    report.check(f"{transport}: no line comes late", not late, late)
    kept = len(common.waiting(folder))
    report.check(f"{transport}: what was accepted is kept, and nothing else", kept == accepted,
                 f"{kept} kept, {accepted} accepted")
    try:
        aside = [name for name in os.listdir(folder / "state" / "inbox" / "aside")
                 if not name.endswith(".reason")]
    except FileNotFoundError:
        aside = []
    report.check(f"{transport}: what was proven and not usable lies aside", len(aside) == unusable,
                 f"{len(aside)} aside, {unusable} unusable")


def run():
    chosen = common.arguments(__doc__, cases="")
    report = common.Report(chosen.verbose)
    logs = Logs(report)
    folders = sorted(path for path in (common.FIXTURES / "wire").iterdir() if path.is_dir())
    cases = [Case(folder) for folder in folders if re.search(chosen.cases, folder.name)]
    with common.Workspace(chosen.keep) as folder:
        for transport, kind in [("cgi-direct", None)] + [(kind.name, kind) for kind in servers.ALL]:
            if not re.search(chosen.only, transport):
                continue
            if kind and kind().missing():
                report.skip(transport, kind().missing())
                continue
            for accepts, text in ACCEPTS.items():
                some = [case for case in cases if case.accepts == accepts]
                if not some:
                    continue
                here = folder / f"{transport}-{accepts}"
                config = common.write_config(here, chosen.build, "wire.yml", ACCEPTS=text)
                (here / "webhook-token").write_text(TOKEN, encoding="utf-8")
                os.chmod(here / "webhook-token", 0o600)
                if not kind:
                    run_cases(report, logs, transport, some, here, chosen.build, config,
                              lambda case, config=config: send_direct(case, config, chosen.build))
                    continue
                server = kind().start(here / "server", chosen.build, config)
                try:
                    run_cases(report, logs, transport, some, here, chosen.build, config,
                              lambda case, server=server: send_to_server(case, server.port))
                finally:
                    server.stop()
                report.check(f"{transport} {accepts}: nothing crashed", not server.crashes(),
                             server.crashes())
        logs.settle()
    return report.close()


if __name__ == "__main__":
    common.main(run)
