#!/usr/bin/env python3
"""docs/kitehook.schema.json: every example fits, every wrong file does not, and its keys are those that
`kitehook check` knows."""
import json
import re
import shutil
import subprocess
import sys

from common import ROOT, Report, Workspace, arguments

sys.path.insert(0, str(ROOT / "tests"))
from packages import provide  # noqa: E402

HERE = ROOT / "tests" / "schema"
SCHEMA = ROOT / "docs" / "kitehook.schema.json"
PACKAGES = ROOT / "build" / "schema"
ENV = "URL=https://hooks.example/services/x\nSECRET=a-secret-of-the-test\nTOKEN=lifx-token-of-the-test\n"
UNKNOWN = re.compile(r"unknown key|is no key here|is no notifier|and nothing else:")


def validate(documents):
    """For each (name, text, whether it is an included list): what ajv finds wrong."""
    question = {"schema": json.loads(SCHEMA.read_text(encoding="utf-8")),
                "documents": [{"name": name, "text": text, "list": is_list}
                              for name, text, is_list in documents]}
    done = subprocess.run(["node", "validate.mjs"], cwd=PACKAGES, input=json.dumps(question),
                          capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return {answer["name"]: answer["errors"] for answer in json.loads(done.stdout)}


def examples():
    """Whole files, and what stands as yaml in the documents: a whole file too, or rules, which begin with a
    dash."""
    found = []
    for path in [*ROOT.glob("fixtures/*.yml"), *ROOT.glob("bench/*.yml"), ROOT / "docs/kitehook.example.yml",
                 *ROOT.glob("docs/recipes/*.yml")]:
        found.append((path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"), False))
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for number, block in enumerate(
            re.findall(r"```yaml\n(.*?)```", path.read_text(encoding="utf-8"), re.S), 1):
            if re.search(r"^steps:", block, re.M):  # a pipeline of Buildkite's
                continue
            if re.search(r"^(webhook|notify):", block, re.M):
                whole = (block if re.search(r"^webhook:", block, re.M)
                         else "webhook: {signature: {file: webhook-secret}}\n" + block)
                found.append((f"{path.name}, block {number}", whole, False))
            elif re.match(r"(#.*\n)*- ", block):
                found.append((f"{path.name}, block {number}", block, True))
    manual = (ROOT / "docs/kitehook.yml.5").read_text(encoding="utf-8")
    for number, block in enumerate(re.findall(r"^\.Bd -literal.*?\n(webhook:.*?)^\.Ed", manual, re.S | re.M),
                                   1):
        found.append((f"kitehook.yml.5, block {number}", block.replace("\\", ""), False))
    return found


def check(kitehook, folder, text):
    """The mistakes that `kitehook check` finds in TEXT."""
    config = folder / "kitehook.yml"
    config.write_text(text, encoding="utf-8")
    done = subprocess.run([str(kitehook), "check", "--config", str(config), "--json"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    answer = json.loads(done.stdout)
    if answer["more"]:
        raise RuntimeError("more mistakes than kitehook tells")
    return [mistake for mistake in answer["mistakes"] if mistake["severity"] == "error"]


def check_examples(report):
    found = examples()
    for name, errors in validate(found).items():
        report.check(f"{name} fits the schema", not errors, errors)
    for name in ("docs/kitehook.example.yml", "fixtures/kitehook.yml", "fixtures/eventbridge.yml",
                 "README.md, block 1",
                 "kitehook.yml.5, block 1"):
        report.check(f"{name} is among the examples", any(name == other for other, _, _ in found),
                     "not found")


def check_wrong(report, kitehook, folder):
    files = sorted((HERE / "wrong").glob("*.yml"))
    report.check("there are 30 wrong files", len(files) >= 30, len(files))
    found = validate([(path.name, path.read_text(encoding="utf-8"), False) for path in files])
    for path in files:
        text = path.read_text(encoding="utf-8")
        wrong = [number for number, line in enumerate(text.split("\n"), 1) if line.endswith("# wrong")]
        report.check(f"{path.name} does not fit the schema", found[path.name], "it does")
        mistakes = check(kitehook, folder, text)
        lines = sorted({mistake["line"] for mistake in mistakes})
        report.check(f"{path.name}: check finds the line", wrong and lines == wrong, mistakes)


# ---- the schema's keys are those of check

SECRET = "signature: {file: webhook-secret}"
RULE = "state: state\nnotify:\n  - name: a\n"
DEFINITIONS = json.loads(SCHEMA.read_text(encoding="utf-8"))["definitions"]
NOTIFIERS = [one["required"][0] for one in DEFINITIONS["rule"]["oneOf"] if one["required"] != ["include"]]
# A mapping of the file: where it stands in the schema, the text before its keys, how far they are indented,
# what its keys need.
PLACES = [
    ("#", "", 0),
    ("#/properties/webhook", "webhook:\n", 2),
    ("#/properties/inbox", f"webhook: {{{SECRET}}}\nstate: state\ninbox:\n", 2),
    ("#/properties/outbox", f"webhook: {{{SECRET}}}\nstate: state\noutbox:\n", 2),
    ("#/properties/journal", f"webhook: {{{SECRET}}}\nstate: state\njournal:\n", 2),
    ("#/properties/memory", f"webhook: {{{SECRET}}}\nstate: state\nmemory:\n", 2),
    ("#/definitions/worker", f"webhook: {{{SECRET}}}\nstate: state\nworker:\n", 2),
    ("#/properties/http", f"webhook: {{{SECRET}}}\nhttp:\n", 2),
    ("#/properties/sources", f"webhook: {{{SECRET}}}\nsources:\n", 2),
    ("#/properties/sources/properties/eventbridge",
     f"webhook: {{{SECRET}}}\nsources:\n  eventbridge:\n", 4),
    ("#/definitions/named_secret", "webhook:\n  signature:\n", 4),
    ("#/definitions/secret", f"webhook: {{{SECRET}}}\n{RULE}    slack:\n      url:\n", 8),
    ("#/definitions/rule", f"webhook: {{{SECRET}}}\nstate: state\nnotify:\n  - name: a\n", 4),
    ("#/definitions/look", f"webhook: {{{SECRET}}}\n{RULE}    lifx:\n      failed:\n", 8),
    ("#/definitions/output", f"webhook: {{{SECRET}}}\n{RULE}    github_check:\n      output:\n", 8),
    ("#/definitions/table", f"webhook: {{{SECRET}}}\ntables:\n  people:\n", 4),
    ("#/properties/services", f"webhook: {{{SECRET}}}\nservices:\n", 2),
    *((f"#/definitions/{name}", f"webhook: {{{SECRET}}}\n{RULE}    {name}:\n", 6) for name in NOTIFIERS),
]
# What tells the forms of an entry apart: it stands before the keys, and is one of them.
SIGNS = {"slack": "url", "slack_form": "channels", "webhook": "secret", "webhook_form": "service",
         "service_slack": "token", "service_webhook": "secret", "service_email": "smtp",
         "service_github": "token"}
SERVICES = [name for name in DEFINITIONS if name.startswith("service_")]
FORMS = [name for name in DEFINITIONS if name.endswith("_form")]
PLACES += [(f"#/definitions/{name}",
            f"webhook: {{{SECRET}}}\nservices:\n  {name.removeprefix('service_')}:\n", 4)
           for name in SERVICES]
PLACES += [(f"#/definitions/{name}", f"webhook: {{{SECRET}}}\n{RULE}    {name.removesuffix('_form')}:\n", 6)
           for name in FORMS]


def schema_object(pointer):
    node = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for step in pointer.split("/")[1:]:
        node = node[step]
    return node


def closed_objects(node):
    """How many objects of the schema refuse other keys than their own."""
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return ((isinstance(node, dict) and node.get("additionalProperties") is False) +
            sum(map(closed_objects, inside)))


def candidates():
    """Every word that the sources hold as a text, and that could be a key."""
    words = set()
    for path in [*ROOT.glob("handler/config/*.c"), *ROOT.glob("handler/notify/**/*.c"),
                 *ROOT.glob("handler/rules/*.c")]:
        words |= set(re.findall(r'"([a-z][a-z0-9_]{1,24})"', path.read_text(encoding="utf-8")))
    return sorted(words)


def known_to_check(kitehook, folder, before, indent, words):
    """Those of WORDS that check takes for keys behind BEFORE, each on a line of its own."""
    known = set()
    first = before.count("\n") + 1
    for start in range(0, len(words), 25):
        some = words[start:start + 25]
        text = before + "".join(f"{' ' * indent}{word}: {{x: 1}}\n" for word in some)
        unknown = {mistake["line"] for mistake in check(kitehook, folder, text)
                   if mistake["column"] == indent + 1 and UNKNOWN.search(mistake["message"])}
        known |= {word for number, word in enumerate(some, first) if number not in unknown}
    return known


def check_keys(report, kitehook, folder):
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    report.check("every mapping of the schema is compared", closed_objects(schema) == len(PLACES),
                 f"{closed_objects(schema)} refuse unknown keys, {len(PLACES)} are compared")
    words = candidates()
    for pointer, before, indent in PLACES:
        keys = set(schema_object(pointer)["properties"])
        sign = SIGNS.get(pointer.removeprefix("#/definitions/"))
        elsewhere = {"name", "include"} if pointer.endswith("/rule") else {sign} - {None}  # above them; alone
        other = set(SIGNS.values()) - elsewhere if sign else set()
        before += f"{' ' * indent}{sign}: x\n" if sign else ""
        tried = sorted((set(words) | keys | {"no_such_key"}) - elsewhere - (other - keys))
        theirs = known_to_check(kitehook, folder, before, indent, tried) | elsewhere
        report.check(f"{pointer}: the keys are those of check", keys == theirs,
                     f"only the schema has {sorted(keys - theirs)}, only check {sorted(theirs - keys)}")


def main():
    chosen = arguments(__doc__)
    kitehook = chosen.build / "kitehook"
    provide(HERE, PACKAGES, ["validate.mjs"])
    report = Report(chosen.verbose)
    with Workspace() as folder:
        (folder / "env").write_text(ENV, encoding="utf-8")
        shutil.copy(ROOT / "fixtures/webhook-secret", folder / "webhook-secret")
        (folder / "more.yml").write_text("- log\n", encoding="utf-8")
        for name in ("env", "webhook-secret"):
            (folder / name).chmod(0o600)
        check_examples(report)
        check_wrong(report, kitehook, folder)
        check_keys(report, kitehook, folder)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
