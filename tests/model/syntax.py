"""Tokens and the tree of a condition (sections 2 and 3 of the specification).

A tree is a tuple: (what, …). A string holds its pieces, and its text if it has no substitutions, else None.
"""
import re

from . import regex, shell
from .names import ConditionError, NoOpinion

BLANKS = re.compile(rb"(?:[ \t\n\r]+|//[^\n]*)+")
IDENTIFIER = re.compile(rb"[A-Za-z_][A-Za-z0-9_.]*")
COMPARISONS = (b"==", b"!=", b"=~", b"!~", b"includes")
OPERATORS = [b"==", b"!=", b"=~", b"!~", b"&&", b"||", b"!", b"?", b":", b",", b"(", b")", b"[", b"]"]
LONGEST, DEEPEST = 64 * 1024, 100


def refuse(why):
    raise ConditionError("parse", why)


class Tokens:
    def __init__(self, text, strict):
        self.text, self.strict, self.at = text, strict, 0
        self.unsure = None  # the first NoOpinion: it counts only if nothing else is a parse error

    def all(self):
        out = []
        while True:
            blanks = BLANKS.match(self.text, self.at)
            self.at = blanks.end() if blanks else self.at
            if self.at >= len(self.text):
                return out + [("end",)]
            out.append(self.one())

    def one(self):
        char = self.text[self.at:self.at + 1]
        name = IDENTIFIER.match(self.text, self.at)
        if name:
            self.at = name.end()
            if name[0].endswith(b".") or b".." in name[0]:
                refuse("a bad dotted name")
            if name[0] in (b"true", b"false", b"null"):
                return ("constant", {b"true": True, b"false": False, b"null": None}[name[0]])
            return ("operator", b"includes") if name[0] == b"includes" else ("name", name[0].decode())
        number = re.compile(rb"-?[0-9]+").match(self.text, self.at)
        if number and not (self.strict and char == b"-"):
            self.at = number.end()
            return ("number", self.integer(number[0]))
        if char in (b"'", b'"'):
            return self.string(char)
        if char == b"/":
            return self.regex()
        if char == b"$":
            return self.substitution()
        for operator in OPERATORS:
            if self.text.startswith(operator, self.at):
                self.at += len(operator)
                return ("operator", operator)
        return refuse("an illegal token")

    @staticmethod
    def integer(text):
        digits = text.lstrip(b"-")
        octal = digits[0:1] == b"0"
        if octal and re.search(rb"[89]", digits):
            refuse("a bad octal number")
        value = int(digits, 8 if octal else 10) * (-1 if text.startswith(b"-") else 1)
        if not -2**63 <= value < 2**63:
            refuse("a number that does not fit")
        return value

    def string(self, quote):
        end = self.at + 1
        while self.text[end:end + 1] != quote:
            end += 2 if self.text[end:end + 1] == b"\\" else 1
            if end >= len(self.text):
                refuse("a string without an end")
        raw, self.at = self.text[self.at + 1:end], end + 1
        if quote == b"'":
            text = re.sub(rb"\\([\\'])", rb"\1", raw)
            return ("string", [text], text)
        try:
            return ("string", *shell.double_quoted(raw, self.strict))
        except NoOpinion as unsure:
            self.unsure = self.unsure or unsure
            return ("string", [b"?"], None)

    def regex(self):
        end = self.at + 1
        while self.text[end:end + 1] != b"/":
            end += 2 if self.text[end:end + 1] == b"\\" else 1
            if end >= len(self.text):
                refuse("a regular expression without an end")
        flags = re.compile(rb"[A-Za-z_]*").match(self.text, end + 1)
        body, self.at = self.text[self.at + 1:end], flags.end()
        try:
            return ("regex", regex.Regex(body, flags[0]))
        except NoOpinion as unsure:
            self.unsure = self.unsure or unsure
            return ("regex", None)

    def substitution(self):
        end = shell.live(self.text, self.at)
        if end is None:
            refuse("a dollar that names nothing")
        if self.text[self.at + 1:self.at + 2] != b"{":
            end = IDENTIFIER.match(self.text, self.at + 1).end()
            token = self.text[self.at:end]
            if token.endswith(b".") or b".." in token:
                self.unsure = self.unsure or NoOpinion("a tail that is no name")
        token, self.at = self.text[self.at:end], end
        return ("substitution", token)


class Parser:
    def __init__(self, tokens):
        self.tokens, self.at, self.depth, self.deepest = tokens, 0, 0, 0

    def peek(self):
        return self.tokens[self.at]

    def take(self, *operators):
        token = self.peek()
        if token[0] == "operator" and token[1] in operators:
            self.at += 1
            return token[1]
        return None

    def expect(self, operator):
        if not self.take(operator):
            refuse(f"no {operator}")

    def condition(self):
        tree = self.expression()
        if self.peek()[0] != "end":
            refuse("something is left over")
        return tree

    def expression(self):
        self.depth += 1
        self.deepest = max(self.deepest, self.depth)
        if self.depth > 400:
            raise NoOpinion("very deep")
        tree = self.binary(0)
        if self.take(b"?"):
            middle = self.expression()
            self.expect(b":")
            tree = ("choose", tree, middle, self.expression())
        self.depth -= 1
        return tree

    def binary(self, level):
        if level == 3:
            return self.unary()
        operators = [(b"||",), (b"&&",), COMPARISONS][level]
        tree = self.binary(level + 1)
        while True:
            operator = self.take(*operators)
            if not operator:
                return tree
            tree = ("binary", operator.decode(), tree, self.binary(level + 1))

    def unary(self):
        count = 0
        while self.take(b"!"):
            count += 1
        self.deepest = max(self.deepest, self.depth + count)
        tree = self.postfix()
        for _ in range(count):
            tree = ("not", tree)
        return tree

    def postfix(self):
        token = self.peek()
        self.at += 1
        if token[0] == "name" and self.take(b"("):
            return ("call", token[1], self.list(b")"))
        if token[0] in ("constant", "number", "string", "regex", "substitution", "name"):
            return token
        if token == ("operator", b"("):
            tree = self.expression()
            self.expect(b")")
            return ("group", tree)
        if token == ("operator", b"["):
            return ("list", self.list(b"]"))
        return refuse("no operand")

    def list(self, end):
        items = []
        if self.take(end):
            return items
        while True:
            items.append(self.expression())
            if self.take(end):
                return items
            self.expect(b",")


def parse(text, strict):
    """The tree of TEXT. ConditionError("parse") or NoOpinion."""
    if b"\0" in text or len(text) > LONGEST:
        refuse("a NUL, or too long")
    tokens = Tokens(text, strict)
    parser = Parser(tokens.all())
    tree = parser.condition()
    if parser.deepest > DEEPEST * 3 // 4:
        raise NoOpinion("how nesting is counted is not said")
    if tokens.unsure:
        raise tokens.unsure
    return tree
