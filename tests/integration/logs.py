"""Log lines: read, and every one held against docs/log.schema.json."""
import json
import sys

from common import ROOT, wait_until

try:
    import jsonschema
except ImportError:
    sys.exit("the integration tests need jsonschema: apt-get install python3-jsonschema")

SCHEMA = json.loads((ROOT / "docs" / "log.schema.json").read_text(encoding="utf-8"))
jsonschema.Draft202012Validator.check_schema(SCHEMA)


def _inlined(node):
    """NODE with what its $refs name in their place."""
    if isinstance(node, dict):
        if "$ref" in node:
            return _inlined(SCHEMA["$defs"][node["$ref"].removeprefix("#/$defs/")])
        return {key: _inlined(value) for key, value in node.items()}
    return [_inlined(item) for item in node] if isinstance(node, list) else node


def _branches():
    """A validator for each message: one branch of the schema's oneOf, which is faster than all and says
    more."""
    branches = _inlined(SCHEMA["oneOf"])
    return {branch["properties"]["message"]["const"]: jsonschema.Draft202012Validator(branch)
            for branch in branches}


BRANCHES = _branches()


def problem_of(line):
    """What is wrong with one line's object, or None."""
    validator = BRANCHES.get(line.get("message") if isinstance(line, dict) else None)
    if not validator:
        return "no message of the schema"
    error = jsonschema.exceptions.best_match(validator.iter_errors(line))
    return error and f"{'/'.join(map(str, error.absolute_path))}: {error.message}"


def reject_twice(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


class Logs:
    """Collects lines from files and texts; REPORT gets a check for each that is not as the schema says."""

    def __init__(self, report):
        self.report = report
        self.lines = []
        self.bad = 0

    def add_text(self, text, where):
        added = []
        if text and not text.endswith("\n"):
            self._complain(where, text[-100:], "the last line is not whole")
        for raw in text.split("\n"):
            if not raw:
                continue
            try:
                line = json.loads(raw, object_pairs_hook=reject_twice)
            except ValueError as error:
                self._complain(where, raw, error)
                continue
            problem = problem_of(line)
            if problem:
                self._complain(where, raw, problem)
            added.append(line)
        self.lines += added
        return added

    def add_objects(self, lines, where):
        for line in lines:
            problem = problem_of(line)
            if problem:
                self._complain(where, json.dumps(line), problem)
        self.lines += lines
        return lines

    def add_file(self, path):
        return self.add_text(path.read_text(encoding="utf-8"), path) if path.exists() else []

    def add_folder(self, folder):
        """The receiver's log beside the config, and the worker's in the state folder."""
        lines = self.add_file(folder / "receiver.log")
        for path in (folder / "state" / "worker.log.1", folder / "state" / "worker.log"):
            lines = lines + self.add_file(path)
        return lines

    def _complain(self, where, raw, problem):
        self.bad += 1
        self.report.check(f"log line in {where}", False, f"{problem}\n      {raw[:400]}")

    def settle(self):
        """One check for all of them, so that an empty log cannot pass."""
        self.report.check("every log line is as docs/log.schema.json says", self.lines and not self.bad,
                          f"{self.bad} of {len(self.lines)} are not")


class Reader:
    """The lines that a log file has grown by."""

    def __init__(self, path, logs):
        self.path, self.logs, self.at = path, logs, 0

    def new_lines(self, patience=0):
        """Waits for one line if PATIENCE says that there must be one: an answer may come before its line is
        seen."""
        wait_until(lambda: self.path.exists() and self.path.stat().st_size > self.at, patience, 0.002)
        if not self.path.exists():
            return []
        with open(self.path, "rb") as file:
            file.seek(self.at)
            text = file.read()
        self.at += len(text)
        return self.logs.add_text(text.decode("utf-8"), self.path)


def by_request(lines, message):
    found = {}
    for line in lines:
        if line.get("message") == message:
            found.setdefault(line.get("request_id"), []).append(line)
    return found
