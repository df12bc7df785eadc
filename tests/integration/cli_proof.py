"""`kitehook sign` and `kitehook verify`: against openssl, the known answers, and what almost is an answer."""
import hashlib
import hmac
import json
import subprocess
import time

from common import fixtures, SECRET

# Known answers: token, timestamp, body, signature. Computed with Python and confirmed with openssl.
VECTORS = {
    "ascii, token looks like hex": (
        "0f1e2d3c4b5a69788796a5b4c3d2e1f0", 1700000000, b'{"event":"ping"}',
        "386d45f4048c9d11a1f9b77db99c1abe14e27358fe720c86268432946240eaae"),
    "utf-8, escapes, a final newline": (
        "not hex: Any-Text_9/+=", 1717243200,
        '{"event":"build.finished","build":{"message":"Gr\u00f6\u00dfe gepr\u00fcft \u2713 '
        '\U0001fa81\\r\\nfertig"}}\n'.encode(),
        "26b64ab0a930e4c4fd613bacff81c8d1c52a096520bba996fd94d9dad76d38ca"),
    "empty body": (
        "c0ffee00c0ffee00c0ffee00c0ffee00", 1735689599, b"",
        "13dd6205e0250b92c033beeea0b9b4ac146c3bfe0f2a081980d8c9fabbae3d0e"),
}
KEY, AT, BODY, GOOD = VECTORS["ascii, token looks like hex"]


def mac(key, text, body):
    return hmac.new(key.encode(), text.encode() + b"." + body, hashlib.sha256).hexdigest()


def openssl_dgst(secret, message):
    done = subprocess.run(["openssl", "dgst", "-sha256", "-hmac", secret], input=message,
                          stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().rsplit(" ", 1)[-1].strip()


def test_sign_is_openssl(cli, report):
    bodies = [b"", b"x", b'{"event":"ping"}\n', bytes(range(256)) * 5, "\u2713".encode() * 999, b"\0\0",
              b"y" * 1048576]
    secrets = ["s", "not hex: Any-Text_9/+=", "k" * 63, "k" * 64, "k" * 65, "k" * 200, "\u00f6\u2713"]
    for i, secret in enumerate(secrets):
        body = bodies[i]
        file = cli.file(f"body-{i}", body)
        timestamp = 10 ** (i + 3)
        expected = openssl_dgst(secret, b"%d." % timestamp + body)
        line = f"X-Buildkite-Signature: timestamp={timestamp},signature={expected}\n"
        for name, how, given in [
            ("FILE", ["--secret", secret, file], b""),
            ("standard input", ["--secret", secret, "-"], body),
            ("--secret-file", ["--secret-file", cli.file("secret", secret.encode()), file], b""),
            ("--secret-file with a line end",
             ["--secret-file", cli.file("secret", secret.encode() + b"\r\n"), file], b""),
        ]:
            done = cli.run("sign", "--timestamp", str(timestamp), *how, input=given)
            report.check(f"sign, secret {i}, {name}", (done.code, done.out) == (0, line), done)


def test_sign_now(cli, report):
    before = int(time.time())
    done = cli.run("sign", "--secret", KEY, "-", input=BODY)
    text = done.out.partition("timestamp=")[2].partition(",")[0]
    report.check("sign takes the present time", text.isdigit() and before <= int(text) <= time.time(), done)
    report.check("and verify believes it", cli.run(
        "verify", "--secret", KEY, "--header", done.out.strip(), "-", input=BODY).code == 0, done)


def test_known_answers(cli, report):
    for name, (key, timestamp, body, signature) in VECTORS.items():
        header = f"X-Buildkite-Signature: timestamp={timestamp},signature={signature}"
        done = cli.run("sign", "--secret", key, "--timestamp", str(timestamp), "-", input=body)
        report.check(f"sign: {name}", done.out == header + "\n", done)
        done = cli.run("verify", "--secret", key, "--now", str(timestamp), "--header", header,
                       cli.file("body", body))
        report.check(f"verify: {name}", done.code == 0 and done.out.startswith("verified: signature"), done)


def test_fixtures_verify(cli, report):
    """The published fixtures were signed by openssl; a third of them is enough here, for `invoke` takes them
    all."""
    for fixture in fixtures()[::3]:
        headers = [part for name, value in fixture.headers for part in ("--header", f"{name}: {value}")]
        done = cli.run("verify", "--secret-file", cli.file("secret", SECRET), "--now",
                       str(fixture.expect["now"]), *headers, "-", input=fixture.body)
        report.check(f"verify: fixture {fixture.name}", done.code == 0, done)


def header(timestamp=str(AT), signature=GOOD):
    return f"X-Buildkite-Signature: timestamp={timestamp},signature={signature}"


def near_misses():
    """Name, headers, reason ("" is verified), and what else differs from vector A."""
    flipped = GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1")
    name = "X-Buildkite-Signature: "
    yield "as it is", [header()], "", {}
    yield "parts in the other order", [f"{name}signature={GOOD},timestamp={AT}"], "", {}
    yield "blanks around keys and values", [f"{name} timestamp = {AT} ,signature = {GOOD} "], "", {}
    for blank in " ", "\t":
        yield (f"two header lines that a server joined by a comma and {blank!r}",
               [f"{name}timestamp={AT},{blank}signature={GOOD}"], "credential_repeated", {})
    yield "an unknown part", [f"{name}v=1,timestamp={AT},x=a=b,signature={GOOD}"], "", {}
    yield "header name in another case", [header().replace("X-B", "x-b")], "", {}
    yield ("other headers beside it",
           ["Host: x", header(), "X-Buildkite-Event: ping", "X-Buildkite-Request: 1"], "", {})
    yield "300 s old", [header()], "", {"now": AT + 300}
    yield "300 s ahead", [header()], "", {"now": AT - 300}
    yield "301 s old", [header()], "timestamp_stale", {"now": AT + 301}
    yield "301 s ahead", [header()], "timestamp_future", {"now": AT - 301}
    yield "301 s old, freshness 5m1s", [header()], "", {"now": AT + 301, "freshness": "301"}
    yield "3601 s old, freshness 1h", [header()], "timestamp_stale", {"now": AT + 3601, "freshness": "1h"}
    yield "stale and not signed", [header(signature=flipped)], "signature_mismatch", {"now": AT + 9999}
    yield "one digit off", [header(signature=flipped)], "signature_mismatch", {}
    yield "another secret", [header()], "signature_mismatch", {"secret": KEY + " "}
    yield ("the secret decoded from hex", [header()], "signature_mismatch",
           {"secret": "0F1E2D3C4B5A69788796A5B4C3D2E1F0"})
    yield "a byte more in the body", [header()], "signature_mismatch", {"body": BODY + b"\n"}
    yield "a leading zero in the timestamp", [header(timestamp=f"0{AT}")], "signature_mismatch", {}
    yield "a leading zero that was signed", [header(f"0{AT}", mac(KEY, f"0{AT}", BODY))], "", {}
    yield "capital digits", [header(signature=GOOD.upper())], "signature_not_lower_hex", {}
    yield "a letter that is no digit", [header(signature="g" + GOOD[1:])], "signature_not_lower_hex", {}
    yield "63 digits", [header(signature=GOOD[:63])], "signature_length", {}
    yield "65 digits", [header(signature=GOOD + "0")], "signature_length", {}
    yield "no digit", [header(signature="")], "signature_length", {}
    yield "no signature", [f"{name}timestamp={AT}"], "signature_absent", {}
    yield ("two signatures", [f"{name}timestamp={AT},signature={GOOD},signature={GOOD}"],
           "signature_repeated", {})
    yield "no timestamp", [f"{name}signature={GOOD}"], "timestamp_absent", {}
    yield ("two timestamps", [f"{name}timestamp={AT},timestamp={AT},signature={GOOD}"], "timestamp_repeated",
           {})
    for text in ("", "+1700000000", "-1", "1700000000.5", "0x65", "17 00", "1" * 13):
        yield f"timestamp '{text}'", [header(timestamp=text)], "timestamp_malformed", {}
    yield "a comma at the end", [header() + ","], "field_empty", {}
    yield "a comma at the start", [f"{name},timestamp={AT},signature={GOOD}"], "field_empty", {}
    yield "two commas", [f"{name}timestamp={AT},,signature={GOOD}"], "field_empty", {}
    yield "a part without '='", [f"{name}timestamp={AT},v1,signature={GOOD}"], "field_without_equals", {}
    yield ("1,025 bytes", [f"{name}{'x' * (1025 - len(header()) + len(name) - 2)}=,{header()[len(name):]}"],
           "header_too_long", {})
    yield ("1,024 bytes", [f"{name}{'x' * (1024 - len(header()) + len(name) - 2)}=,{header()[len(name):]}"],
           "", {})
    yield "a control character", [header() + ",x=\x01"], "header_control_character", {}
    yield "no header", [], "credential_absent", {}
    yield "the header twice", [header(), header()], "credential_repeated", {}
    yield "token and signature", [header(), f"X-Buildkite-Token: {KEY}"], "credentials_both", {}
    yield "only a token", [f"X-Buildkite-Token: {KEY}"], "token_not_accepted", {}
    yield ("the event twice", [header(), "X-Buildkite-Event: ping", "X-Buildkite-Event: ping"],
           "event_repeated", {})
    token = {"mode": "token"}
    yield "token mode", [f"X-Buildkite-Token: {KEY}"], "", token
    yield "token mode, any age", [f"X-Buildkite-Token: {KEY}"], "", {"now": 1, **token}
    yield "token mode, another token", [f"X-Buildkite-Token: {KEY[:-1]}"], "token_mismatch", token
    yield "token mode, a longer token", [f"X-Buildkite-Token: {KEY}0"], "token_mismatch", token
    yield "token mode, a signature", [header()], "signature_not_accepted", token
    yield "token mode, the token twice", [f"X-Buildkite-Token: {KEY}"] * 2, "credential_repeated", token
    yield "token mode, nothing", [], "credential_absent", token


def test_near_misses(cli, report):
    for name, headers, reason, more in near_misses():
        arguments = ["--secret", more.get("secret", KEY), "--now", str(more.get("now", AT)), "--mode",
                     more.get("mode", "signature")]
        if "freshness" in more:
            arguments += ["--freshness", more["freshness"]]
        for text in headers:
            arguments += ["--header", text]
        body = more.get("body", BODY)
        done = cli.run("verify", *arguments, "--json", "-", input=body)
        answer = json.loads(done.out or "{}")
        report.check(f"verify --json: {name}",
                     (done.code, answer.get("verified"), answer.get("reason", "")) ==
                     (1 if reason else 0, not reason, reason) and bool(answer.get("text")) == bool(reason),
                     done)
        done = cli.run("verify", *arguments, "-", input=body)
        start = f"not verified: {reason}: " if reason else "verified: "
        report.check(f"verify: {name}",
                     done.out.startswith(start) and len(done.out) > len(start) + 4 and KEY not in done.out,
                     done)


def test_secret_sources(cli, report):
    body = cli.file("body", BODY)
    for name, arguments in {
        "no secret": [body], "two sources": ["--secret", "a", "--secret-file", body, body],
        "an empty secret": ["--secret", "", body],
        "an empty file": ["--secret-file", cli.file("empty", b"\n"), body],
        "a missing file": ["--secret-file", cli.path("none"), body],
        "a secret that is too long": ["--secret", "x" * 4097, body],
    }.items():
        for command in ("sign", "verify"):
            report.check(f"{command}: {name}", cli.run(command, *arguments).code == 2, "")


TESTS = [test_sign_is_openssl, test_sign_now, test_known_answers, test_fixtures_verify, test_near_misses,
         test_secret_sources]
