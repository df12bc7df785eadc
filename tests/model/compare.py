"""Asks `kitehook eval --batch` and the model the same, and tells every difference."""
import json
import subprocess

from model.condition_model import answer


def ask(kitehook, questions):
    """The first words of the answers: `true`, `false`, `valid` or `error KIND`."""
    text = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run([str(kitehook), "eval", "--batch"], input=text.encode(), stdout=subprocess.PIPE,
                          timeout=600, check=False)
    lines = done.stdout.decode("utf-8", "replace").split("\n")[:-1]
    if len(lines) != len(questions):
        raise RuntimeError(f"{len(questions)} questions, {len(lines)} answers, exit code {done.returncode}")
    return [line.split(":")[0] if line.startswith("error") else line for line in lines]


class Comparison:
    def __init__(self):
        self.agreed = self.unsaid = 0
        self.kinds = {}  # how often each answer came
        self.differences = []

    def add(self, question, theirs, ours):
        self.kinds[theirs] = self.kinds.get(theirs, 0) + 1
        if ours is None:
            self.unsaid += 1
        elif ours == theirs:
            self.agreed += 1
        else:
            self.differences.append(f"kitehook says {theirs}, the model {ours}: {json.dumps(question)}")

    def merge(self, other):
        self.agreed += other.agreed
        self.unsaid += other.unsaid
        self.differences += other.differences
        for kind, count in other.kinds.items():
            self.kinds[kind] = self.kinds.get(kind, 0) + count


def compare(kitehook, questions):
    found = Comparison()
    for question, theirs in zip(questions, ask(kitehook, questions)):
        found.add(question, theirs, answer(question))
    return found
