#!/usr/bin/env python3
"""kept_model: what the journal keeps of a webhook, against a second writing of handler/kept/masked.h.

  kept_model.py PROBE [--count N] [--seed N]

PROBE is tests/kept/kept_probe.c. Random texts, URLs and names of persons are masked by both. Then secrets of
every kind are planted into the bodies of all fixtures, at the places where webhooks have them, and nothing of
them may be in what is kept; nor may what nobody listed.
"""
import argparse
import copy
import json
import pathlib
import random
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# ---- the second writing ----

BEFORE = r"[^\x00-\x20\x7F/\"<>]"


def domain_of(text):
    """The domain that TEXT begins with, and whether it is one of an address."""
    domain = re.match(r"[A-Za-z0-9.\-\u0080-\U0010FFFF]*", text).group().rstrip(".-")
    # one letter beyond ASCII is more than one byte already
    return domain, bool(re.search(r"\.([A-Za-z][^.]|[\u0080-\U0010FFFF])", domain))


def masked_text(text):
    """TEXT with what looks like an address as [address]; and whether it is still TEXT."""
    out, at, from_ = "", 0, 0
    while at < len(text):
        if text[at] == "@":
            begin = at
            while begin > from_ and re.match(BEFORE, text[begin - 1]):
                begin -= 1
            user = text[begin:at]
            domain, is_domain = domain_of(text[at + 1:])
            logs_in = text[:begin].endswith("://")
            if user and user != "git" and (logs_in or is_domain):
                out += text[from_:begin] + "[address]"
                at = from_ = at + 1 + len(domain)
                continue
        at += 1
    return out + text[from_:], from_ == 0


def masked_url(url):
    end = url.index("?") + 1 if "?" in url else len(url)
    scheme, colons, _ = url.partition("://")
    head = scheme + colons if colons else ""
    if len(head) >= end:
        return url[:end], end == len(url)
    who = re.split("/" if colons else ":", url[len(head):end], maxsplit=1)[0]
    user, at, _ = who.rpartition("@")
    rest, same = masked_text(url[len(head) + len(user) + len(at):end])
    kept_user = "git" if user == "git" else ""
    return head + kept_user + at + rest, same and kept_user == user and end == len(url)


def masked_person(name):
    if "@" not in name:
        return name, True
    shown = name.split("<", 1)[0].strip(" \t")
    shown = "" if "@" in shown else shown
    return (shown + " <@>" if shown else "@"), name == "@"


MASKS = {"text": masked_text, "url": masked_url, "person": masked_person}

# ---- random texts ----

PIECES = ["@", "@", "@", ".", "-", "://", "https://", "/", "<", ">", " ", "\n", ":", "git", "git@", "jane",
          "a", "b.co", "example.com", "v4", "4.1", "x.y", "ü", "名.前", "é.é", "?", "#", "token=1", "\"", "'",
          ",", "\t", "\x7f", "..", "@example.com", "jane.roe@example.com", "user:word@host", "c.d.e", "..co",
          ".c", ""]


def random_text(rng):
    return "".join(rng.choice(PIECES) for _ in range(rng.randrange(12)))


def check_masks(ask, rng, count):
    lines = [{"mask": random_text(rng), "form": rng.choice(sorted(MASKS))} for _ in range(count)]
    altered = 0
    for line, answer in zip(lines, ask(lines)):
        text, same = MASKS[line["form"]](line["mask"])
        if (answer["masked"], answer["same"]) != (text, same):
            sys.exit(f"kept_model: {line}: {answer}, the model says {text!r}, {same}")
        altered += not same
    print(f"kept_model: {count} texts, {altered} of them altered")
    assert altered > count / 10


# ---- planted secrets ----

ADDRESS_PLANTED = "planted.person@secret.example"
PLANTS = [ADDRESS_PLANTED, f"Planted <{ADDRESS_PLANTED}>", f"\u200b{ADDRESS_PLANTED},{ADDRESS_PLANTED}.",
          "https://planted:planted-word@secret.example/x", f"Co-authored-by: P <{ADDRESS_PLANTED}>\nmore"]
# Secrets that look like nothing at all, where only they stand.
HIDDEN = {("build", "env"): {"TOKEN": "planted-env", "PLANTED_KEY": "1",
                             "BUILDKITE_GITHUB_EVENT": "planted-event"},
          ("pipeline", "env"): {"TOKEN": "planted-env"},
          ("build", "meta_data"): {"planted-key": "planted-meta"},
          ("agent", "meta_data"): ["planted-key=planted-meta"],
          ("pipeline", "provider", "webhook_url"): "https://webhook.buildkite.com/deliver/planted",
          ("pipeline", "steps"): [{"env": {"A": "planted-env"}, "command": "planted-command"}],
          ("pipeline", "configuration"): "env:\n  A: planted-env",
          ("build", "steps"): [{"type": "script", "env": {"A": "planted-env"}, "label": "planted-label"}],
          ("build", "planted_at"): "planted-time", ("planted",): "planted",
          ("build", "planted"): {"id": "planted"}, ("job", "planted"): ["planted"],
          ("job", "unblocked_by"): {"name": "planted", "email": ADDRESS_PLANTED},
          ("job", "retried_by"): {"name": "planted", "email": ADDRESS_PLANTED},
          ("service",): {"settings": {"url": "https://planted.example"}},
          ("organization", "planted"): "planted",
          ("build", "creator", "avatar_url"): "https://x.example/planted",
          ("pipeline", "repository"): "https://planted:planted@host.example/x.git?token=planted",
          ("build", "pull_request", "repository"): "ssh://planted-user@host.example/x.git",
          ("build", "web_url"): "https://buildkite.com/x?access_token=planted"}


def bodies():
    for request in sorted((ROOT / "fixtures/events").glob("*/request.http")):
        body = request.read_bytes().split(b"\r\n\r\n", 1)[1]
        try:
            yield request.parent.name, json.loads(body)
        except (UnicodeDecodeError, json.JSONDecodeError):
            continue


def plant(part, text, may_be):
    """PART with TEXT in place of, or behind, each text in it for which MAY_BE."""
    if isinstance(part, dict):
        return {key: value if key == "event" else plant(value, text, may_be) for key, value in part.items()}
    if isinstance(part, list):
        return [plant(item, text, may_be) for item in part]
    return text if isinstance(part, str) and may_be() else part


def hide(body):
    for path, value in HIDDEN.items():
        place = body
        for key in path[:-1]:
            if not isinstance(place.get(key), dict):
                place[key] = {}
            place = place[key]
        place[path[-1]] = copy.deepcopy(value)
    return body


def check_planted(ask, rng):
    lines, names = [], []
    for name, body in bodies():
        if not isinstance(body, dict):
            continue
        for text in PLANTS:
            names.append(name)
            lines.append({"body": json.dumps(hide(plant(body, text, lambda: rng.random() < 0.8)),
                                             ensure_ascii=rng.random() < 0.5), "sent_s": 1764400000})
    kept = 0
    for name, line, answer in zip(names, lines, ask(lines)):
        text = answer.get("kept", "")
        json.loads(text or "{}")
        kept += bool(text)
        found = re.search(r"planted[-.:@]|secret\.example\"?@|:planted|=planted|\"planted|deliver/planted", text)
        if found or "@secret" in text.replace("//@secret.example", "").replace("\"@secret.example", ""):
            sys.exit(f"kept_model: {name}: a secret is kept: {found}\n{line['body'][:3000]}\n{text}")
    print(f"kept_model: {kept} of {len(lines)} webhooks with secrets, none of these is kept")
    assert kept > 300


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("probe")
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=16)
    options = parser.parse_args()

    def ask(lines):
        done = subprocess.run([options.probe], input="".join(json.dumps(line) + "\n" for line in lines),
                              capture_output=True, text=True, check=True, encoding="utf-8", timeout=300)
        return [json.loads(line) for line in done.stdout.split("\n") if line]

    rng = random.Random(options.seed)
    check_masks(ask, rng, options.count)
    check_planted(ask, rng)


if __name__ == "__main__":
    main()
