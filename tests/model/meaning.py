"""Kinds and values of a condition (sections 4, 5 and 6 of the specification)."""
import re

from . import shell
from .names import ALLOWED, ENUMS, FUNCTIONS, KINDS, LABELS, ConditionError, NoOpinion


def refuse(why):
    raise ConditionError("validation", why)


def bare(tree):
    while tree[0] == "group":
        tree = tree[1]
    return tree


def literal(tree):
    """The bytes of a static string, else None."""
    plain = bare(tree)
    if plain[0] != "string" or plain[2] is None:
        return None
    if tree[0] == "group":
        raise NoOpinion("a literal in parentheses where a literal is looked at")
    return plain[2]


class Checker:
    """kind() gives "boolean", "number", "string", "list", "null", "regex" or ("enum", name)."""

    def __init__(self, dialect, steps):
        self.kinds, self.functions, self.steps = KINDS[dialect], FUNCTIONS[dialect], steps

    def whole(self, tree):
        if self.kind(tree) != "boolean":
            raise ConditionError("result", "not boolean")

    def kind(self, tree):
        return getattr(self, "_" + tree[0])(*tree[1:])

    def _constant(self, value):
        return "null" if value is None else "boolean"

    def _number(self, _):
        return "number"

    def _string(self, *_):
        return "string"

    def _regex(self, _):
        return "regex"

    def _substitution(self, _):
        return "string"

    def _group(self, inner):
        return self.kind(inner)

    def _name(self, name):
        if name not in self.kinds or name.startswith("step.") and not self.steps:
            refuse("an unknown name")
        return ("enum", name) if self.kinds[name] == "enum" else self.kinds[name]

    def _call(self, name, arguments):
        if name not in self.functions:
            refuse("an unknown function")
        kind, wanted = self.functions[name]
        if len(arguments) != len(wanted):
            refuse("a wrong number of arguments")
        for argument, want in zip(arguments, wanted):
            given = self.kind(argument)
            if given != want and not (want == "string" and given[0] == "enum"):
                refuse("an argument of another kind")
        if name in ("env", "build.env"):
            text = literal(arguments[0])
            if text is not None and (not re.fullmatch(rb"[A-Za-z0-9_]+", text)
                                     or text.startswith(b"BUILDKITE_") and text not in ALLOWED):
                refuse("an environment name that is not allowed")
        return kind

    def _list(self, items):
        for item in items:
            if self.kind(item) != "string":
                refuse("an array holds strings")
        return "list"

    def _not(self, inner):
        if self.kind(inner) != "boolean":
            refuse("! takes booleans")
        return "boolean"

    def compatible(self, left, right, right_tree):
        if "null" in (left, right):
            return
        if "list" in (left, right):
            good = left == right
        elif left[0] == "enum":
            good = right == "string"
            text = literal(right_tree) if good else None
            if text is not None and text not in ENUMS[left[1]]:
                refuse("not a value of this enum")
        else:
            good = left == right
        if not good:
            refuse("kinds that do not fit")

    def _choose(self, condition, yes, no):
        if self.kind(condition) != "boolean":
            refuse("a condition that is not boolean")
        left, right = self.kind(yes), self.kind(no)
        self.compatible(left, right, no)
        return right if left == "null" else left

    def _binary(self, operator, left_tree, right_tree):
        left, right = self.kind(left_tree), self.kind(right_tree)
        if operator in ("&&", "||"):
            good = left == right == "boolean"
        elif operator in ("=~", "!~"):
            good = left in ("string", "null") and right == "regex"
        elif operator == "includes":
            good = left in ("list", "null") and right in ("string", "regex", "null")
        else:
            self.compatible(left, right, right_tree)
            good = True
        if not good:
            refuse("kinds that do not fit")
        return "boolean"


def is_regex(value):
    return hasattr(value, "search")


def same(left, right):
    if is_regex(left) or is_regex(right):
        return is_regex(left) and is_regex(right) and left.same == right.same
    return type(left) is type(right) and left == right


class Evaluator:
    def __init__(self, world):
        self.world = world

    def value(self, tree):
        return getattr(self, "_" + tree[0])(*tree[1:])

    def _constant(self, value):
        return value

    _number = _regex = _constant

    def _string(self, parts, _static):
        return shell.join(parts, self.world)

    def _substitution(self, token):
        return shell.expand(token, self.world)

    def _group(self, inner):
        return self.value(inner)

    def _name(self, name):
        return self.world.variable(name)

    def _call(self, name, arguments):
        values = [self.value(argument) for argument in arguments]
        if name == "at_least":
            return None not in values and values[0] >= values[1]
        if name == "build.meta_data":
            return self.world.meta_data(values[0])
        if not values[0] or values[0].startswith(b"BUILDKITE_") and values[0] not in ALLOWED | {LABELS}:
            raise ConditionError("evaluation", "a name that cannot be looked up")
        found = self.world.env(values[0])
        return b"" if found is None and name == "env" else found

    def _list(self, items):
        return [self.value(item) for item in items]

    def _not(self, inner):
        return not self.value(inner)

    def _choose(self, condition, yes, no):
        return self.value(yes if self.value(condition) else no)

    def _binary(self, operator, left_tree, right_tree):
        left = self.value(left_tree)
        if operator == "&&":
            return self.value(right_tree) if left else left
        if operator == "||":
            return left if left else self.value(right_tree)
        right = self.value(right_tree)
        if operator in ("==", "!="):
            if left is None and is_regex(right):
                raise ConditionError("evaluation", "null against a regular expression")
            return same(left, right) == (operator == "==")
        if operator == "includes":
            return self.includes(left, right)
        if right is None:
            raise NoOpinion("a match with a regular expression that is null")
        return (left is not None and right.search(left)) == (operator == "=~")

    @staticmethod
    def includes(items, wanted):
        for item in items or []:
            if wanted is None:
                return False
            if item is None:
                raise ConditionError("evaluation", "a null element")
            if wanted.search(item) if is_regex(wanted) else item == wanted:
                return True
        return False
