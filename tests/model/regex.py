"""Regular expressions (section 8 of the specification) as Python's; what Python cannot say is no opinion."""
import re

from .names import ConditionError, NoOpinion

UNSUPPORTED = set("hHRXKNQECVgo")
UNKNOWN = set("iIjJlLmMOqTUyYFk")
POSIX = {"alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z",
         "space": r"\s",
         "word": r"\w", "xdigit": "0-9A-Fa-f", "punct": "!-/:-@\\[-`{-~", "blank": r" \t",
         "cntrl": r"\x00-\x1f\x7f", "graph": "!-~", "print": " -~"}
BOUND = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")


def refuse(why):
    raise ConditionError("parse", why)


class Translation:
    def __init__(self, body):
        self.text = body
        self.at = 0
        self.groups = 0
        self.closed = set()
        self.flags = set()  # that were given inline
        self.circumflex = False
        self.heavy = False  # a group is repeated: Python has no limit of its own

    def whole(self):
        pattern = self.alternatives("", 0)
        if self.at < len(self.text):
            refuse("a parenthesis too many")
        return pattern

    def peek(self, count=1):
        return self.text[self.at:self.at + count]

    def alternatives(self, flags, depth):
        """Up to the `)` of this group or the end; FLAGS are those in force."""
        if depth > 50:
            raise NoOpinion("deep groups")
        out, fresh, tail = "", True, ""
        repeatable = None  # None: nothing to repeat; "no": must not be; "odd": unclear
        while self.at < len(self.text):
            char = self.peek()
            if char == ")":
                break
            if char == "|":
                self.at += 1
                out, repeatable, fresh = out + "|", None, False
                continue
            inline = re.compile(r"\(\?([a-zA-Z^-]*)\)").match(self.text, self.at)
            if inline:
                self.options(inline[1])
                if not fresh:
                    raise NoOpinion("options in the middle")
                self.at = inline.end()
                flags = "".join(sorted(set(flags + inline[1])))
                out, tail, repeatable = out + f"(?{inline[1]}:", tail + ")", "odd"
                continue
            if self.peek(3) == "(?#":
                end = self.text.find(")", self.at)
                if end < 0:
                    refuse("a comment without an end")
                self.at = end + 1
                if re.match(r"[*+?{]", self.peek()):
                    raise NoOpinion("a quantifier behind a comment")
                continue
            fresh = False
            quantifier = self.quantifier(char)
            if quantifier is not None:
                if repeatable is None:
                    refuse("nothing to repeat")
                if repeatable == "no":
                    refuse("an anchor is not repeated")
                if repeatable == "odd":
                    raise NoOpinion("a quantifier at an odd place")
                self.heavy = self.heavy or out.endswith(")")
                out, repeatable = out + quantifier, "odd"
                continue
            piece, repeatable = self.atom(char, flags, depth)
            out += piece
        return out + tail

    def options(self, letters):
        if not re.fullmatch(r"[imsx-]*", letters):
            refuse("an option that is not supported")
        if not re.fullmatch(r"[ims]+", letters) or len(set(letters)) != len(letters):
            raise NoOpinion("odd options")
        self.flags |= set(letters)

    def quantifier(self, char):
        bound = BOUND.match(self.text, self.at)
        if char == "{" and not bound:
            if re.compile(r"\{,\d+\}").match(self.text, self.at):
                refuse("{,n}")
            if re.compile(r"\{[\d, ]*\}").match(self.text, self.at):
                raise NoOpinion("almost a bound")
            return None
        if char == "{":
            low, high = int(bound[1]), int(bound[3] or bound[1])
            if max(low, high) > 65535 or high < low and bound[3]:
                refuse("a bound too large or the wrong way round")
            if max(low, high) > 30:
                raise NoOpinion("a large bound")
            self.at = bound.end()
            out = bound[0]
        elif char in "*+?":
            self.at += 1
            out = char
        else:
            return None
        if self.peek() == "+":
            refuse("a possessive quantifier")
        if self.peek() == "?":
            self.at += 1
            out += "?"
        return out

    def atom(self, char, flags, depth):
        if char == "(":
            return self.group(flags, depth)
        if char == "[":
            return self.character_class(), "yes"
        if char == "\\":
            return self.escape(False)
        self.at += 1
        if char == "^":
            self.circumflex = True
            return ("^" if "m" in flags else r"\A"), "no"
        if char == "$":
            return (r"(?=\n|\Z)" if "m" in flags else r"\Z"), "odd"
        if char == ".":
            return ".", "yes"
        return re.escape(char), "yes"

    def group(self, flags, depth):
        if self.peek(2) == "(*":
            refuse("a verb")
        opening = re.compile(r"\(\?([a-zA-Z-]*):|\(\?[=!]").match(self.text, self.at)
        number = None
        if opening:
            if opening[1]:
                self.options(opening[1])
                flags = flags + opening[1]
            start, self.at = opening[0], opening.end()
        elif self.peek(2) == "(?":
            refuse("a group that is not supported")
        else:
            start, self.at = "(", self.at + 1
            self.groups += 1
            number = self.groups
        inner = self.alternatives(flags, depth + 1)
        if self.peek() != ")":
            refuse("a group without an end")
        self.at += 1
        self.closed.add(number)
        return start + inner + ")", "odd" if start in ("(?=", "(?!") else "yes"

    def escape(self, in_class):
        """The escape at the place: (pattern, repeatable)."""
        letter = self.text[self.at + 1:self.at + 2]
        self.at += 2
        if letter in UNSUPPORTED or letter in UNKNOWN:
            refuse("an escape that is not supported")
        if letter in "dwsDWS" and letter:
            return "\\" + letter, "yes"
        if letter in "nrtfa":
            return "\\" + letter, "yes"
        if letter == "e":
            return r"\x1b", "yes"
        if letter == "v":
            return r"\x0b", "yes"
        if letter == "x":
            digits = re.compile(r"[0-9A-Fa-f]{2}").match(self.text, self.at)
            if digits:
                self.at += 2
                return r"\x" + digits[0], "yes"
            if re.match(r"[0-9A-Fa-f]", self.peek()):
                refuse("\\x with one digit")
            raise NoOpinion("\\x and no digits")
        if letter == "u":
            digits = re.compile(r"[0-9A-Fa-f]{4}").match(self.text, self.at)
            if not digits:
                refuse("\\u without four digits")
            if 0xD800 <= int(digits[0], 16) < 0xE000:
                raise NoOpinion("a surrogate")
            self.at += 4
            return r"\u" + digits[0], "yes"
        if letter.isdigit() and letter.isascii():
            if in_class or letter == "0" or self.peek().isdigit() or int(letter) not in self.closed:
                raise NoOpinion("an octal escape or a backreference to what is not closed")
            return f"(?:\\{letter})", "yes"
        if letter == "b":
            return (r"\x08", "yes") if in_class else (r"\b", "no")
        if in_class and letter in "BAzZ":
            raise NoOpinion("an anchor in a class")
        if letter == "B":
            return r"\B", "odd"
        if letter in "AzZ":
            return {"A": r"\A", "z": r"\Z", "Z": r"(?=\n?\Z)"}[letter], "odd"
        if letter.isalnum():
            raise NoOpinion("an escape that Python does not know")
        return re.escape(letter), "yes"

    def character_class(self):
        if re.compile(r"\[([:.=])[^\]]*\1\]").match(self.text, self.at):
            raise NoOpinion("what belongs inside a class, outside")
        self.at += 1
        out = "["
        if self.peek() == "^":
            self.at += 1
            out += "^"
        # BEFORE: the single character that could begin a range, or "set", or "range"
        before, first = None, True
        while True:
            char = self.peek()
            if not char:
                refuse("a class without an end")
            if char == "]" and not first:
                self.at += 1
                return out + "]"
            first = False
            if self.peek(2) == "-[" or self.peek(2) == "&&":
                refuse("a class within a class")
            if char == "[" and self.peek(2) in ("[.", "[="):
                if self.text.find(self.peek(2)[1] + "]", self.at + 2) >= 0:
                    refuse("a collating element")
                raise NoOpinion("almost a collating element")
            if char == "[" and self.peek(2) == "[:":
                posix = re.compile(r"\[:(\^?)(\w+):\]").match(self.text, self.at)
                if not posix or posix[1] or posix[2] not in POSIX:
                    raise NoOpinion("an odd POSIX class")
                self.at = posix.end()
                out, before = out + POSIX[posix[2]], "set"
                continue
            if before == "range" and char == "-" and self.peek(2) != "-]":
                raise NoOpinion("a dash behind a range")
            if char == "-" and self.peek(2) != "-]" and before is not None:
                if before == "set":
                    if self.peek(2) != "-" and out.endswith(("\\w", "\\d", "\\s", "\\W", "\\D", "\\S")):
                        refuse("a range that begins with a set")
                    raise NoOpinion("a range behind a set")
                self.at += 1
                end, single = self.member()
                if not single:
                    raise NoOpinion("a range that ends with a set")
                if self.code(end) < self.code(before):
                    refuse("a range the wrong way round")
                out, before = out + "-" + end, "range"
                continue
            piece, single = self.member()
            out, before = out + piece, piece if single else "set"

    def member(self):
        """One member of a class: (pattern, whether it is one character)."""
        if self.peek() == "\\":
            piece, _ = self.escape(True)
            return piece, piece not in (r"\d", r"\w", r"\s", r"\D", r"\W", r"\S")
        char = self.peek()
        if not char:
            refuse("a class without an end")
        if char == "[" and self.peek(2) in ("[:", "[.", "[="):
            raise NoOpinion("a POSIX class as the end of a range")
        self.at += 1
        return "\\" + char if char in "\\]^-[&~|" else char, True

    @staticmethod
    def code(piece):
        if piece[0] != "\\" or len(piece) == 1:
            return ord(piece)
        if piece[1] in "xu":
            return int(piece[2:], 16)
        return ord({"n": "\n", "r": "\r", "t": "\t", "f": "\f", "a": "\a"}.get(piece[1], piece[1]))


class Regex:
    """A literal: equal by its texts. Raises ConditionError or NoOpinion when it is made."""

    def __init__(self, body, flags):
        self.same = (body, flags)
        if flags.strip(b"i"):
            refuse("a flag that is not i")
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise NoOpinion("a pattern that is not UTF-8") from None
        self.translation = Translation(text)
        pattern = self.translation.whole()
        self.caseless = bool(flags) or "i" in self.translation.flags
        self.ascii = text.isascii()
        try:
            self.compiled = re.compile(pattern, re.ASCII | (re.IGNORECASE if flags else 0))
        except re.error as error:
            raise NoOpinion(f"Python does not compile {pattern!r}: {error}") from None

    def search(self, subject):
        text = re.sub("[\udc80-\udcff]", "\ufffd", subject.decode("utf-8", "surrogateescape"))
        if len(text) > (16 if self.translation.heavy else 2000):
            raise NoOpinion("a long text: what the engine's limits say is not said")
        if self.caseless and not (self.ascii and text.isascii() and "\\u" not in self.compiled.pattern):
            raise NoOpinion("case beyond ASCII")
        if "m" in self.translation.flags and self.translation.circumflex and text.endswith("\n"):
            raise NoOpinion("a line behind the last line break")
        return self.compiled.search(text) is not None
