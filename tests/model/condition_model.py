"""A second implementation of the conditional language and of branch patterns, to compare `kitehook eval`
with.

It is written from the language's specification alone, in Python and as simply as that goes; it is slow, and
it has no messages. Where the specification or Python does not say what is right it has no opinion.
"""
import re

from model.meaning import Checker, Evaluator
from model.names import ConditionError, NoOpinion, World, is_blank
from model.syntax import parse

ENTRYPOINTS = {  # knows step.*, is a notification
    "build": (False, False), "build-with-step": (True, False), "build-notification": (False, True),
    "step-notification": (True, True)}


def evaluate(question):
    """True, False or "valid". Raises ConditionError or NoOpinion."""
    text = question["expression"].encode()
    dialect = question.get("dialect", "extended")
    if question.get("entrypoint", "build") not in ENTRYPOINTS:
        raise ConditionError("validation", "an unknown entry point")
    steps, notification = ENTRYPOINTS[question.get("entrypoint", "build")]
    validating = question.get("validate_only", False)
    try:
        if is_blank(text) and (validating or notification):
            return "valid" if validating else True
        tree = parse(text, dialect == "strict")
        Checker(dialect, steps).whole(tree)
        if validating:
            return "valid"
        return bool(Evaluator(World(question.get("names"), question.get("without"), dialect)).value(tree))
    except ConditionError:
        if notification and not validating:
            return False
        raise


def answer(question):
    """What `kitehook eval --batch` answers to this line, without a message: or None, which is no opinion."""
    try:
        return {True: "true", False: "false"}.get(*[evaluate(question)] * 2)
    except ConditionError as error:
        return f"error {error.kind}"
    except (NoOpinion, RecursionError):
        return None


def branch_matches(filter_text, branch):
    """Whether a branch filter (section 15) lets BRANCH through; ConditionError when it must not be loaded."""
    patterns = filter_text.split()
    positive = [pattern for pattern in patterns if not pattern.startswith("!")]
    negative = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    if any(not pattern or pattern.startswith("!") for pattern in negative):
        raise ConditionError("parse", "a ! alone or twice")

    def covers(glob):
        return re.fullmatch(".*".join(re.escape(part) for part in glob.split("*")), branch, re.S) is not None

    return (not positive or any(map(covers, positive))) and not any(map(covers, negative))
