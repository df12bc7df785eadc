"""Strings with escapes and shell-like substitutions (sections 2.1 and 7 of the specification)."""
import re

from .names import ConditionError, NoOpinion

NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
SIMPLE = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"f": b"\f", b"b": b"\b", b"a": b"\a",
          b"s": b" ", b"e": b"\x1b"}
UNCLOSED = (b"",)  # a quote without its fellow: an error when it is evaluated
INTEGER = re.compile(rb"-?[0-9]+")


def escape(text, at, overflow):
    """The escape whose backslash stands at AT: (its bytes, where the text goes on). OVERFLOW is the kind of
    that error."""
    after = text[at + 1:at + 2]
    if after == b"x":
        digits = re.match(rb"[0-9A-Fa-f]{2}", text[at + 2:])
        return (bytes([int(digits[0], 16)]), at + 4) if digits else (b"x", at + 2)
    octal = re.match(rb"[0-7]{1,3}", text[at + 1:])
    if octal:
        if int(octal[0], 8) > 255:
            raise ConditionError(overflow, "octal escape above 0377")
        return bytes([int(octal[0], 8)]), at + 1 + len(octal[0])
    if not after:
        raise NoOpinion("a backslash at the end of a word")
    if after[0] >= 0x80:  # keep all bytes
        return after, at + 2
    return SIMPLE.get(after, after), at + 2


def closing(text, at):
    """The place of the `}` that closes the `${` at AT, or None."""
    depth, at = 1, at + 2
    while at < len(text):
        char = text[at:at + 1]
        if char == b"\\":
            at += 2
            continue
        if char in (b"'", b'"'):
            end = at + 1
            while end < len(text) and text[end:end + 1] != char:
                if text[end:end + 1] == b"\\":
                    if char == b"'":
                        raise NoOpinion("a backslash in single quotes in a substitution")
                    end += 1
                if text[end:end + 2] == b"${":
                    raise NoOpinion("a substitution inside quotes inside a substitution")
                end += 1
            if end >= len(text):
                return None
            at = end
        elif text[at:at + 2] == b"${":
            depth += 1
            at += 1
            if depth > 20:
                raise NoOpinion("deep substitutions")
        elif char == b"}":
            depth -= 1
            if not depth:
                return at
        at += 1
    return None


def live(text, at):
    """The end of the substitution that starts with the `$` at AT, or None where it is just a dollar."""
    if text[at + 1:at + 2] == b"{":
        end = closing(text, at)
        return None if end is None else end + 1
    name = NAME.match(text, at + 1)
    return name.end() if name else None


def pieces(text, overflow, quotes):
    """TEXT as a list of bytes and substitutions (the text of each in a tuple). With QUOTES, quoted pieces
    lose theirs."""
    out, at = [], 0
    while at < len(text):
        char = text[at:at + 1]
        if char == b"\\":
            piece, at = escape(text, at, overflow)
            out.append(piece)
        elif char == b"$" and text[at + 1:at + 2] == b"$":
            out.append(b"$")
            at += 2
        elif char == b"$" and live(text, at) is not None:
            end = live(text, at)
            out.append((text[at:end],))
            at = end
        elif quotes and char in (b"'", b'"'):
            end = text.find(char, at + 1)
            if end < 0:
                return out + [UNCLOSED]
            if b"\\" in text[at + 1:end] or b"$" in text[at + 1:end] and char == b"\"" and quotes == "string":
                raise NoOpinion("quotes in a word that hold a backslash")
            out += [text[at + 1:end]] if char == b"'" else pieces(text[at + 1:end], overflow, False)
            at = end + 1
        else:
            out.append(char)
            at += 1
    return out


def double_quoted(raw, strict):
    """A double-quoted string without its quotes: (its pieces, its text when it is static, else None)."""
    out = _merged(pieces(raw, "parse", False))
    static = out[0] if len(out) == 1 and isinstance(out[0], bytes) else None
    if strict and re.search(rb"\\[\x80-\xff]", raw):
        raise NoOpinion("a backslash before what is not ASCII")
    if strict and (static is None or re.search(rb"\$\$", raw)):  # as in a shell word
        if b"\\\"" in raw or re.search(rb"\\(?:\\\\)*\$\$", raw):
            raise NoOpinion("an escaped quote in what is read as a shell word")
        out = _merged(pieces(raw, "parse", "string"))
    return out, static


def _merged(found):
    out = []
    for piece in found:
        if isinstance(piece, bytes) and out and isinstance(out[-1], bytes):
            out[-1] += piece
        else:
            out.append(piece)
    return out or [b""]


def join(parts, world):
    return b"".join(part if isinstance(part, bytes) else (expand(part[0], world) or b"") for part in parts)


def word(text, world):
    return join(pieces(text, "evaluation", True), world)


def _parts(text):
    """OFF and LEN of a substring, split at the colons that no quote or substitution holds."""
    out, start, at = [], 0, 0
    while at < len(text):
        char = text[at:at + 1]
        if char == b"\\" or char in (b"'", b'"'):
            raise NoOpinion("quotes or escapes in the numbers of a substring")
        if char == b"$" and live(text, at):
            at = live(text, at)
            continue
        if char == b":":
            out.append(text[start:at])
            start = at + 1
        at += 1
    return out + [text[start:]]


def _integer(text, world):
    value = word(text, world).strip(b" \t\n\r\v\f")
    if not INTEGER.fullmatch(value) or not -2**63 <= int(value) < 2**63:
        raise ConditionError("evaluation", "not a number in a substring")
    return int(value)


def _substring(name, text, world):
    parts = _parts(text)
    bad = len(parts) > 2 or (len(parts) == 2 and not parts[1].strip())
    offset = _integer(parts[0], world)
    value = world.env(name)
    points = None if value is None else value.decode("utf-8", "surrogateescape")
    start = None if points is None else offset if offset >= 0 else max(0, len(points) + offset)
    if points is None or start >= len(points):
        if bad:
            raise NoOpinion("a malformed length that is not looked at")
        return None if points is None else b""
    if bad:
        raise ConditionError("evaluation", "a substring has an offset and a length")
    end = len(points)
    if len(parts) == 2:
        length = _integer(parts[1], world)
        end = min(end, start + length) if length >= 0 else max(start, end + length)
    return points[start:end].encode("utf-8", "surrogateescape")


def expand(text, world):
    """The value of one substitution, `$name`, `$name.tail` or `${...}`; None is null."""
    if (text,) == UNCLOSED:
        raise ConditionError("evaluation", "a quote without an end")
    if not text.startswith(b"${"):
        name = NAME.match(text, 1)
        value, tail = world.env(name[0]), text[name.end():]
        return (value or b"") + tail if tail else value
    inside = text[2:-1]
    name = NAME.match(inside)
    if not name:
        raise ConditionError("evaluation", "no name in a substitution")
    name, rest = name[0], inside[name.end():]
    if not rest:
        return world.env(name)
    operator = re.match(rb":?[?+-]", rest)
    if operator:
        colon, sign = operator[0][:-1], operator[0][-1:]
        value = world.env(name)
        there = value is not None and not (colon and value == b"")
        if sign == b"?":
            if not there:
                raise ConditionError("evaluation", "a substitution that must be set")
            return value
        if sign == b"-":
            return value if there else word(rest[operator.end():], world)
        return word(rest[operator.end():], world) if there else b""
    if rest.startswith(b":"):
        return _substring(name, rest[1:], world)
    raise ConditionError("evaluation", "a malformed substitution")
