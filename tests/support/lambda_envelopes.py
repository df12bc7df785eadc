#!/usr/bin/env python3
"""lambda_envelopes: every webhook of fixtures/events as each sender of Lambda events would wrap it.

  lambda_envelopes.py FOLDER   writes FOLDER/<case>/<source>.<variant>.json, and FOLDER/base64.json

Variants: plain (UTF-8 as it is), escaped (ASCII only, slashes escaped), letters (http_api only: every
character of the body as \\uXXXX), base64.
base64.json is a list of [text, bytes in hexadecimal], with null where the text is not the base64 that Python
itself would write. `envelope` is for other tests too.
"""
import base64
import binascii
import json
import pathlib
import random
import sys

EVENTS = pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "events"
SOURCES = ["http_api", "function_url", "rest_api", "http_api_v1", "alb", "alb_multi", "direct"]
VARIANTS = ["plain", "escaped", "letters", "base64"]
ELB = {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/kitehook/"
                         "0123456789abcdef"}
BODY = "@body@"


def joined(headers):
    """One value for each name in lower case, repeated ones joined as API Gateway does it."""
    single = {}
    for name, value in headers:
        name = name.lower()
        single[name] = f"{single[name]},{value}" if name in single else value
    return single


def listed(headers, lower):
    lists = {}
    for name, value in headers:
        lists.setdefault(name.lower() if lower else name, []).append(value)
    return lists


def format_2(method, headers, domain):
    return {"version": "2.0", "routeKey": "$default", "rawPath": "/buildkite", "rawQueryString": "",
            "headers": joined(headers),
            "requestContext": {"accountId": "111122223333", "apiId": domain.split(".")[0],
                               "domainName": domain,
                               "http": {"method": method, "path": "/buildkite", "protocol": "HTTP/1.1",
                                        "sourceIp": "203.0.113.7", "userAgent": "Buildkite-Request"},
                               "requestId": "SKiTe0abFiAEJqw=", "routeKey": "$default", "stage": "$default",
                               "timeEpoch": 1760000180123}}


def format_1(method, headers):
    return {"resource": "/buildkite", "path": "/buildkite", "httpMethod": method, "headers": dict(headers),
            "multiValueHeaders": listed(headers, False), "queryStringParameters": None,
            "pathParameters": None, "stageVariables": None,
            "requestContext": {"accountId": "111122223333", "httpMethod": method,
                               "identity": {"sourceIp": "203.0.113.7"},
                               "requestId": "b3c4d5e6-1a2b-4c3d-9e8f-0a1b2c3d4e5f", "stage": "prod"}}


def wrap(source, method, headers):
    if source == "http_api":
        return format_2(method, headers, "k1t3h00k00.execute-api.eu-central-1.amazonaws.com")
    if source == "function_url":
        return format_2(method, headers, "kitekitekitekite.lambda-url.eu-central-1.on.aws")
    if source == "rest_api":
        return format_1(method, headers)
    if source == "http_api_v1":
        return {"version": "1.0", **format_1(method, headers)}
    event = {"requestContext": {"elb": ELB}, "httpMethod": method, "path": "/buildkite"}
    if source == "alb":
        return {**event, "queryStringParameters": {},
                "headers": {name.lower(): value for name, value in headers}}
    if source == "alb_multi":
        return {**event, "multiValueQueryStringParameters": {}, "multiValueHeaders": listed(headers, True)}
    return {"method": method, "headers": dict(headers)}


def letters(text):
    units = text.encode("utf-16-be")
    return '"' + "".join(f"\\u{units[at]:02x}{units[at + 1]:02X}" for at in range(0, len(units), 2)) + '"'


def envelope(source, method, headers, body, variant="plain"):
    """The event as bytes. HEADERS is a list of (name, value), BODY bytes; all variants but base64 need it to
    be UTF-8."""
    event = {**wrap(source, method, headers), "body": BODY, "isBase64Encoded": variant == "base64"}
    ascii_only = variant != "plain"
    outer = json.dumps(event, ensure_ascii=ascii_only, separators=(",", ":") if ascii_only else None)
    if variant == "base64":
        inner = json.dumps(base64.b64encode(body).decode("ascii"))
    elif variant == "letters":
        inner = letters(body.decode("utf-8"))
    else:
        inner = json.dumps(body.decode("utf-8"), ensure_ascii=ascii_only)
        inner = inner.replace("/", "\\/") if variant == "escaped" else inner
    return outer.replace(f'"{BODY}"', inner, 1).encode("utf-8")


def read_request(path):
    """(method, headers, body) of a raw HTTP/1.1 request."""
    head, _, body = path.read_bytes().partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return first.split(" ")[0], [tuple(line.split(": ", 1)) for line in lines], body


def canonical(text):
    """What TEXT decodes to, when encoding gives exactly TEXT again."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.b64encode(decoded).decode("ascii") == text else None


def base64_texts():
    chance = random.Random(20251009)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    odd = "=-_ \n\t.\0\x7f\u00e9"
    texts = ["", "=", "==", "===", "====", "A", "AA", "AAA", "AAAA", "A===", "AA==", "AB==", "AAA=", "AAB=",
             "AA=A", "=AAA", "AAAA====",
             "AAAA=", "AA==AAAA", "AA==AA==", "AAAAA", "QUJD\n", " QUJD", "QUJD ", "QU\nJD", "QUJ-", "QUJ_",
             "Zg==Zg==", "/+8=", "//8="]
    texts += [base64.b64encode(chance.randbytes(size)).decode("ascii") for size in range(300)]
    texts += ([a + b + "==" for a in "AQgw/" for b in alphabet] +
              ["A" + a + b + "=" for a in "AQ/" for b in alphabet])
    for _ in range(600):
        text = list(base64.b64encode(chance.randbytes(chance.randrange(1, 20))).decode("ascii"))
        text[chance.randrange(len(text))] = chance.choice(alphabet + odd)
        texts.append("".join(text[:len(text) - chance.choice([0, 0, 0, 1, 2])]))
    return texts


def main(folder):
    for case in sorted(EVENTS.iterdir()):
        method, headers, body = read_request(case / "request.http")
        target = folder / case.name
        target.mkdir(parents=True)
        for source in SOURCES:
            for variant in VARIANTS if source == "http_api" else [v for v in VARIANTS if v != "letters"]:
                (target /
                 f"{source}.{variant}.json").write_bytes(envelope(source, method, headers, body, variant))
    pairs = [[text, None if canonical(text) is None else canonical(text).hex()] for text in base64_texts()]
    (folder / "base64.json").write_text(json.dumps(pairs), encoding="ascii")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
