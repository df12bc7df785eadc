#!/usr/bin/env python3
"""Templates of messages, a second time: written from docs/kitehook.yml.5, not from the C code.

template_model.py PROBE: every line of tests/vectors/templates.jsonl that has a text must come out of this
model too, and some thousands of random templates must come out of PROBE (tests/language/template_probe.c) as
they do here.
"""
import datetime
import json
import pathlib
import random
import re
import subprocess
import sys
import urllib.parse

VECTORS = pathlib.Path(__file__).parents[1] / "vectors" / "templates.jsonl"
LEVELS = {"\n", "\v", "\f", "\r", "\x85", "\u2028", "\u2029"}
PEOPLE = {"build.creator.name", "build.author.name", "build.scm.author.name", "build.scm.committer.name",
          "sender.name"}
REPOSITORIES = {"pipeline.repository", "build.pull_request.repository"}
VALUE_MAX = 1000


def dropped(char):
    code = ord(char)
    return (code < 0x20 or 0x7F <= code <= 0x9F or
            code in (0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F, 0xFEFF)
            or 0x202A <= code <= 0x202E or 0x2060 <= code <= 0x206F or 0xFFF9 <= code <= 0xFFFB)


def cut(text, most):
    return text if len(text) <= most else text[:most - 1] + "…"


def one_line(text):
    """The first line that shows anything, harmless and with single blanks."""
    for line in re.split("[" + "".join(LEVELS) + "]", text):
        shown = "".join(c for c in line if c in " \t" or not dropped(c))
        words = " ".join(part for part in re.split("[ \t]+", shown) if part)
        if words:
            if len(words) > VALUE_MAX:
                # A blank in front of the "…" would show nothing.
                words = words[:VALUE_MAX - 1].rstrip(" ") + "…"
            return words
    return ""


def person(text):
    name = text.split("<")[0].strip(" \t")
    return "" if "@" in name else name


def bare_url(text):
    found = re.match(r"(.*?://)([^/?#]*@)?(.*)$", text, re.DOTALL)
    return found.group(1) + found.group(3) if found else text


def duration(value):
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        return ""
    parts = [(value // 86400, "d"), (value // 3600 % 24, "h"), (value // 60 % 60, "m"), (value % 60, "s")]
    return " ".join(f"{count}{letter}" for count, letter in parts if count) or "0s"


def moment(value):
    if not isinstance(value, str):
        return ""
    for form in ("%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"):
        try:
            return datetime.datetime.strptime(value, form).strftime("%Y-%m-%d %H:%M UTC")
        except ValueError:
            continue
    return ""


def text_of(name, value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return cut(", ".join(line for line in map(one_line, value) if line), VALUE_MAX)
    if name in PEOPLE:
        value = person(value)
    elif name in REPOSITORIES:
        value = bare_url(value)
    return one_line(value)


BLANK_IS_NULL = {"build.tag", "build.message", "build.author.name", "pipeline.default_branch",
                 "pipeline.repository"}


def look_up(names, name):
    value = names.get(name)
    return None if name in BLANK_IS_NULL and isinstance(value, str) and not value.strip() else value


STRING = r'"(?:\\["\\]|[^"])*?"|' + r"'(?:\\['\\]|[^'])*?'"
PLAIN = r"(?!\}\})[^\"']"
SUBSTITUTION = r'\$\{(?:"[^"]*"|[^{}"]|\$\{[^{}]*\})*\}'
COMMENT, REGEX = r"//(?:(?!\}\})[^\n])*", r"/(?:\\.|[^/\\])+/"
TAG = re.compile(r"\{\{[ \t\n]*(?:#if(?P<condition>(?:" +
                 "|".join((STRING, COMMENT, REGEX, SUBSTITUTION, r"(?!\}\})[^\"'/]")) + r")*?)"
                 r"|(?P<sign>/if|else|)(?P<inside>(?:" + STRING + "|" + PLAIN + r")*?))\}\}")


def unquoted(text):
    return re.sub(r"\\([\\" + text[0] + "])", r"\1", text[1:-1])


# A text that ends in a URL: nothing of a word stands before the scheme.
IN_URL = re.compile("(?<![A-Za-z0-9\x80-\U0010ffff])https?://[!#-&(-;=?-\\[\\]_a-z~]*\\Z")


def value_of(inside, names, in_url):
    fields = re.findall(r"\|?[ \t\n]*((?:" + STRING + r"|[^|\"'])+)", inside)
    first, filters = fields[0].strip(), [f.strip() for f in fields[1:]]
    literal = first[0] in "\"'"
    raw = unquoted(first) if literal else look_up(names, first)
    if filters and filters[0] in ("time", "duration"):
        text = (moment if filters.pop(0) == "time" else duration)(raw)
    else:
        text = raw if literal else text_of(first, raw)
    if filters and filters[-1] == "urlencode":
        return urllib.parse.quote(value_of(inside[:inside.rindex("|")], names, False), safe="")
    for one in filters:
        word, _, argument = one.partition(" ")
        if word.startswith("default"):
            text = text or unquoted(one[len("default"):].strip())
        else:
            text = cut(text, int(argument or word[len("truncate"):]))
    return urllib.parse.quote(text, safe="" if ".." in text else "/") if in_url else text


def split(template):
    """[("text", TEXT) | ("if", CONDITION) | ("else",) | ("end",) | ("value", INSIDE)], block tags without
    their lines."""
    parts, at = [], 0
    while True:
        found = TAG.search(template, at)
        if not found:
            parts.append(("text", template[at:]))
            return parts
        end, after = found.start(), found.end()
        sign = "#if" if found["condition"] is not None else found["sign"]
        if sign:
            before = template.rfind("\n", 0, end) + 1
            rest = template.find("\n", after)
            rest = len(template) if rest < 0 else rest
            if not template[before:end].strip(" \t") and not template[after:rest].strip(" \t"):
                end, after = max(before, at), min(rest + 1, len(template))
        parts.append(("text", template[at:end]))
        inside = (found["condition"] or found["inside"] or "").strip()
        parts.append({"#if": ("if", inside), "else": ("else",), "/if": ("end",), "": ("value", inside)}[sign])
        at = after


def render(template, names, decide, escape="plain", most=3000):
    """DECIDE answers a condition's text: true, false, or None where it cannot be decided."""
    pieces, stack, undecided = [], [], False
    for part in split(template):
        if part[0] == "if":
            truth = decide(part[1]) if all(stack) else False
            undecided = undecided or truth is None
            stack.append(bool(truth))
            # What stands in a branch that is not taken is never decided, and its else must not be taken
            # either.
            if not all(stack[:-1]):
                stack[-1] = None
        elif part[0] == "else":
            stack[-1] = None if stack[-1] is None else not stack[-1]
        elif part[0] == "end":
            stack.pop()
        elif all(stack):
            in_url = IN_URL.search("".join(text for _, text in pieces)) is not None
            text = value_of(part[1], names, in_url) if part[0] == "value" else part[1]
            if text:
                pieces.append([part[0], text])
    for order in (1, -1):
        for piece in pieces[::order]:
            if piece[0] == "value":
                break
            piece[1] = piece[1].lstrip(" \t\n") if order == 1 else piece[1].rstrip(" \t\n")
            if piece[1]:
                break
    whole = sum(len(text) for _, text in pieces)
    left = whole if whole <= most else most - 1
    out = ""
    for kind, text in pieces:
        text, left = text[:left], left - min(left, len(text))
        if text:
            out += f"[{text}]" if kind == "value" and escape == "marked" else text
    return out + ("…" if whole > most else ""), undecided


# ---- random templates ----

VALUES = {
    "build.branch": ["main", "feature/x", "a/../#?&%", "https://h/x", "see http://h", "", "a b",
                     "ünïcödé-zweig", "*b* _i_ <!here> &amp; {{build.tag}}",
                     "x" * 1200],
    "build.message": ["fix: a thing", "first\nsecond", "\r\n\r\n third ", " \t ", "tab\there",
                      "\u202eevil\u2066", "a\x00b\x07c", "🪁 flies", "w " * 700],
    "build.tag": ["v1.2.3", " ", ""],
    "build.number": [0, 7, -1, 9007199254740993],
    "build.author.name": ["Jane", "Jane <jane@example.com>", "jane@example.com", " J \t", "<x>"],
    "build.creator.teams": [["ops", "dev"], [], ["a\nb", "", " c "], ["x" * 600, "y" * 600]],
    "build.blocked": [True, False],
    "pipeline.name": ["Web", "Ä" * 90],
    "pipeline.repository": ["https://user:word@host/r.git", "git@github.com:o/r.git", "https://host/a@b",
                            "ssh://git@h/r"],
    "build.started_at": ["2026-11-22 09:46:59 UTC", "2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05Z",
                         "never", ""],
    "build.duration": [0, 59, 60, 3600, 7503, 86400, 90061, 31536000, -5],
    "job.state": ["failed", "passed"],
}
FILTERS = [' | default "none"', " | default 'it is \\'nothing\\''", " | truncate 1", "|truncate 5",
           " | truncate 80 ", ' | default ""']
LITERALS = ["Build ", "\n", "  ", "\t", "*bold* ", "é…", "{ ", " }", "[x]", "<https://x|y>", " 100% ", "a",
            "\n\n", "\\", "https://x/", "<http://x?y=", "|", "https", "http", "://h#", "(", "'https://x/"]


def condition(pick, names):
    """A condition and what it comes to."""
    name = pick.choice(["build.branch", "build.tag", "build.blocked", "job.state", "build.number"])
    if name == "job.state" and name not in names:
        return "job.state == 'failed'", None
    value = look_up(names, name)
    if name == "build.blocked":
        return name, value is True
    if name == "build.number":
        return "build.number == 7 // seven\n", value == 7
    return pick.choice([(f"{name} == null", value is None), (f'{name} != "main"', value != "main"),
                        (f"{name} =~ /^[a-m}}}}]/", bool(value) and re.match("[a-m}]", value) is not None)])


def value_tag(pick):
    if pick.random() < 0.1:
        return ("{{" + pick.choice(['"{{"', "'}}'", '"a \\"b\\" \\\\"', '""', '" "']) +
                pick.choice(["", " | truncate 2"]) + "}}")
    name = pick.choice(list(VALUES))
    first = {"build.started_at": ["", " | time"], "build.duration": ["", "| duration"]}.get(name, [""])
    return ("{{" + pick.choice(["", " ", "\n"]) + name + pick.choice(first) +
            "".join(pick.sample(FILTERS, pick.choice([0, 0, 1, 2]))) +
            pick.choice(["", "", "", " | urlencode"]) + "}}")


def random_template(pick, names, truths, depth=0):
    text = ""
    for _ in range(pick.randint(0, 5)):
        kind = pick.random()
        if kind < 0.45:
            text += pick.choice(LITERALS)
        elif kind < 0.8 or depth == 4:
            text += value_tag(pick)
        else:
            source, truth = condition(pick, names)
            truths[source.strip()] = truth
            lines = pick.random() < 0.5
            ends = (pick.choice(["\n", " \n"]), pick.choice(["\n", "\n \t"])) if lines else ("", "")
            text += (ends[1] + "{{#if " + source + "}}" + ends[0] +
                     random_template(pick, names, truths, depth + 1))
            if pick.random() < 0.5:
                text += ends[1] + "{{else}}" + ends[0] + random_template(pick, names, truths, depth + 1)
            text += ends[1] + "{{/if}}" + ends[0]
    return text


def random_case(pick):
    names = {name: pick.choice(values) for name, values in VALUES.items() if pick.random() < 0.7}
    truths = {}
    template = random_template(pick, names, truths)
    asked = {"template": template, "names": names, "escape": pick.choice(["plain", "marked"]),
             "max": pick.choice([3000, 3000, 20, 1])}
    text, undecided = render(template, names, truths.get, asked["escape"], asked["max"])
    return asked, {"text": text, "undecided": undecided}


def vectors():
    for number, line in enumerate(VECTORS.read_text(encoding="utf-8").splitlines(), 1):
        vector = json.loads(line)
        if "expect" in vector:
            truths = vector.get("truths", {})
            asked = {key: vector[key] for key in ("template", "names", "without", "escape", "max")
                     if key in vector}
            got = render(vector["template"], vector.get("names", {}), truths.get,
                         vector.get("escape", "plain"), vector.get("max", 3000))
            if got[0] != vector["expect"]:
                sys.exit(f"{VECTORS}:{number}: the model has {got[0]!r}, expected {vector['expect']!r}")
            yield asked, {"text": got[0], "undecided": got[1]}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    pick = random.Random(20261122)
    cases = list(vectors())
    fixed = len(cases)
    cases += [random_case(pick) for _ in range(8000)]
    lines = "".join(json.dumps(asked) + "\n" for asked, _ in cases)
    done = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, encoding="utf-8",
                          timeout=250, check=False)
    if done.returncode != 0:
        sys.exit(f"the probe left with {done.returncode}: {done.stderr[-2000:]}")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(cases) or fixed < 50:
        sys.exit(f"{len(answers)} answers to {len(cases)} cases, {fixed} of them vectors")
    wrong = [(asked, expected, got) for (asked, expected), got in zip(cases, answers) if got != expected]
    for asked, expected, got in wrong[:5]:
        print(f"{asked}\n  expected {expected}\n  got      {got}", file=sys.stderr)
    if wrong:
        sys.exit(f"{len(wrong)} of {len(cases)} differ")
    texts = len({expected["text"] for _, expected in cases})
    both = sum(expected["undecided"] for _, expected in cases)
    print(f"template model: {fixed} vectors, {len(cases) - fixed} random templates, {texts} different texts, "
          f"{both} undecided")


if __name__ == "__main__":
    main()
