#!/usr/bin/env python3
"""A corpus for JSON readers, made from RFC 8259 rule by rule.

json_corpus.py make FOLDER            writes the corpus, one file a case
json_corpus.py run PROGRAM [FOLDER]   runs PROGRAM FILE on every case of FOLDER, or of a corpus made for it

Names follow JSONTestSuite, so `run` also takes that suite's folder: y_ must be accepted (exit 0), n_ must be
refused (exit 1), i_ is left to the reader and must only end in one of the two. The RFC leaves kitehook some
choices: i_accepted_ and i_refused_ say what it chose, and are held to that.
"""

import concurrent.futures
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

MAX_DEPTH = 128  # kh_json_default_limits
PRINTABLE = [bytes([c]) for c in range(0x20, 0x7F)]


def white_space():
    """Section 2: ws = *( %x20 / %x09 / %x0A / %x0D ), around any of the six structural characters."""
    for ws in (b" ", b"\t", b"\n", b"\r", b" \t\r\n" * 8):
        yield "y", ws + b"1" + ws
        yield ("y",
               b"{" + ws + b'"a"' + ws + b":" + ws + b"[" + ws + b"1" + ws + b"," + ws + b"2" + ws + b"]" +
               ws + b"}")
        yield "y", ws + b"[" + ws + b"]" + ws + b""
        yield "y", b"{" + ws + b"}" + ws
        yield "n", ws
        yield "n", b"1" + ws + b"2"
        yield "n", b"tr" + ws + b"ue"
        yield "n", b"-" + ws + b"1"
    for c in (0x00, 0x01, 0x08, 0x0B, 0x0C, 0x0E, 0x1F, 0x7F, 0x80, 0x85, 0xA0, 0xFF):
        yield "n", b"[" + bytes([c]) + b"1]"
        yield "n", b"1" + bytes([c])
    for text in ("\u00a0", "\u2028", "\u3000", "\ufeff"):
        yield "n", b"[" + text.encode() + b"1]"
    yield "n", b"/* a comment */ 1"
    yield "n", b"1 // a comment"
    yield "n", b"# a comment\n1"


def text():
    """Section 2: JSON-text = ws value ws."""
    for value in (b"1", b'"a"', b"true", b"null", b"[]", b"{}"):
        yield "y", value
        yield "n", value + b" " + value
        yield "n", value + b","
        yield "n", b"," + value
        yield "n", value + b"]"
        yield "n", value + b"}"
        yield "n", value + b"\x00"
    yield "n", b""
    for c in range(0x21, 0x7F):
        yield ("y" if chr(c).isdigit() else "n"), bytes([c])


def literals():
    """Section 3: false / null / true, in lower case."""
    for word in (b"true", b"false", b"null"):
        yield "y", word
        yield "y", b"[" + word + b"," + word + b"]"
        yield "n", word.upper()
        yield "n", word.capitalize()
        yield "n", word + b"x"
        yield "n", word + b"1"
        for cut in range(1, len(word)):
            yield "n", word[:cut]
            yield "n", b"[" + word[:cut] + b"]"
    for word in (b"nil", b"undefined", b"NaN", b"Infinity", b"-Infinity", b"yes", b"tr\\u0075e", b"'a'",
                 b"a"):
        yield "n", word


def objects():
    """Section 4: object = begin-object [ member *( value-separator member ) ] end-object."""
    for good in (b"{}", b'{"a":1}', b'{"a":1,"b":2}', b'{"":0}', b'{"a":{"a":{"a":1}}}',
                 b'{"a":[],"b":{},"c":null}',
                 b'{"a":1,"A":2}', b'{"a":1,"a ":2}', b'{"a":{"b":1},"b":2}', b'[{"a":1},{"a":1}]',
                 b'{"\\u0061b":1,"a":2}'):
        yield "y", good
    for bad in (b"{", b"}", b"{]", b'{"a"', b'{"a"}', b'{"a":', b'{"a":}', b'{"a":1', b'{"a":1]', b'{"a":1,',
                b'{"a":1,}',
                b'{,"a":1}', b'{"a":1,,"b":2}', b'{"a":1 "b":2}', b'{"a" 1}', b'{"a"::1}', b'{"a":1:2}',
                b'{"a",1}',
                b"{a:1}", b"{1:1}", b"{null:1}", b'{["a"]:1}', b"{'a':1}", b'{"a":1}}', b'{:1}',
                b'{"a":1;"b":2}', b"{,}", b'{"a":1,1}', b'{"a":1,"b"}', b'{"a"=1}', b'{{}}', b'{"a":{}'):
        yield "n", bad
    for twice in (b'{"a":1,"a":1}', b'{"a":1,"b":2,"a":3}', b'{"":1,"":2}', b'{"a":1,"\\u0061":2}',
                  b'{"\\u0061":1,"a":2}',
                  b'{"\\n":1,"\\u000a":2}', b'{"\\/":1,"/":2}', b'[{"b":{"a":1,"a":1}}]',
                  b'{"\\ud83d\\ude00":1,"' + "\U0001f600".encode() + b'":2}', b'{"\\ud800":1,"\\udfff":2}',
                  b'{"\\ud800":1,"' + "\ufffd".encode() + b'":2}'):
        yield "i_refused", twice
    for count in (63, 64, 65, 66, 1000, 3000):
        keys = [b'"k%d":%d' % (i, i) for i in range(count)]
        yield "y", b"{" + b",".join(keys) + b"}"
        for repeated in (0, count // 2, count - 1):
            yield "i_refused", b"{" + b",".join(keys + [b'"k%d":null' % repeated]) + b"}"
        yield "i_refused", b"{" + b",".join(keys + [b'"\\u006b%d":null' % (count - 1)]) + b"}"
    for pair in ("ab", "0_", "xX", "-.", "kK", "q ", "zy", "%&"):
        # No key repeats, but many begin with a later one.
        words = ["".join(word) for length in range(5, -1, -1)
                 for word in itertools.product(pair, repeat=length)]
        yield "y", json.dumps(dict.fromkeys(words)).encode()
    yield "i_accepted", b'{"\\u0000":1,"":2,"\\u0000\\u0000":3}'
    yield "i_refused", b'{"a\\u0000":1,"a\\u0000":2}'


def arrays():
    """Section 5: array = begin-array [ value *( value-separator value ) ] end-array."""
    for good in (b"[]", b"[1]", b"[1,2]", b"[[]]", b"[[],[[]],{}]", b'[null,true,false,0,"",[],{}]',
                 b"[1,1,1]", b"[" + b",".join([b"0"] * 1000) + b"]"):
        yield "y", good
    for bad in (b"[", b"]", b"[}", b"[1", b"[1}", b"[1,", b"[1,]", b"[,1]", b"[,]", b"[1,,2]", b"[1 2]",
                b"[1;2]", b"[1:2]",
                b'["a":1]', b"[1]]", b"[[1]", b"[1],[2]", b"[1],", b"[-]", b"[a]", b"[{]}", b"[1,2"):
        yield "n", bad


def numbers():
    """Section 6: number = [ minus ] int [ frac ] [ exp ]."""
    ints = [b"0", b"1", b"9", b"10", b"1234567890"]
    fracs = [b"", b".0", b".5", b".00100"]
    exps = [b"", b"e1", b"E1", b"e+1", b"E-1", b"e00", b"e+007"]
    for minus in (b"", b"-"):
        for i in ints:
            for j, frac in enumerate(fracs):
                yield "y", minus + i + frac + exps[(len(i) + 2 * j) % len(exps)]
        for exp in exps:
            yield "y", b"[" + minus + b"3.25" + exp + b"]"
        for bad in (b"00", b"01", b"-0" if minus else b"+0", b"+1", b".5", b".", b"1.", b"1.e1", b"1.a",
                    b"1e", b"1E+", b"1e-",
                    b"1e1.5", b"1e1e1", b"1..2", b"1.2.3", b"0x10", b"1_000", b"1,5", b"1a", b"0e", b"0.",
                    b"e1", b"1e+-1",
                    b"1 000", b"00.5", b"0b1", b"1f", b"Infinity", b"1-1", b"1+1", b"012", b"1\xd9\xa1"):
            yield "n", minus + bad
            if b"," not in bad:
                yield "n", b"[" + minus + bad + b"]"
    yield "n", b"-"
    for good in (b"9223372036854775807", b"-9223372036854775808", b"999999999999999999", b"1e308", b"-1e308",
                 b"1.7976931348623157e308", b"1.7976931348623158079e308", b"4.9e-324",
                 b"2.2250738585072011e-308", b"1e-400",
                 b"0e999999999999999999999", b"-0.0e-99999999999999999999", b"0.1",
                 b"0." + b"0" * 400 + b"1e401", b"1" * 308 + b".5",
                 b"1" * 400 + b"e-200", b"9007199254740993.0", b"9007199254740992.9999999999999999999999",
                 # Half-way between two doubles, and a digit far behind that decides: once away from the even
                 # one.
                 b"0.500000000000000055511151231257827021181583404541015625" + b"0" * 800,
                 b"0.500000000000000055511151231257827021181583404541015625" + b"0" * 800 + b"1",
                 b"500000000000000055511151231257827021181583404541015625" + b"0" * 800 + b"1e-855",
                 b"0." + b"0" * 20000 + b"1e20001", b"1" + b"0" * 20000 + b"e-20000"):
        yield "i_accepted", good
    for beyond in (b"9223372036854775808", b"-9223372036854775809", b"10000000000000000000", b"1" * 400,
                   b"1e309", b"-1e309",
                   b"1.7976931348623159e308", b"17976931348623159e292", b"0." + b"0" * 90 + b"1e400",
                   b"1" * 310 + b".0", b"1e99999999999999999999999999", b"[1e400]"):
        yield "i_refused", beyond


def strings():
    """Section 7: string = quotation-mark *char quotation-mark."""
    for c in range(0x00, 0x80):
        plain = c >= 0x20 and c not in b'"\\'
        yield ("y" if plain else "n"), b'"a' + bytes([c]) + b'q"'
    for c in PRINTABLE + [b"\n", b"\x00", b"\x80"]:
        yield ("y" if c in b'"\\/bfnrt' else "n"), b'"\\' + c + b'"'
    for good in (b'""', b'" "', b'"\\u0041\\u00e9\\u20ac"', b'"\\uABCD\\uabcd"', b'"\\u0000"', b'"\\u001f"',
                 b'"\\\\"', b'"\\\\\\""',
                 b'"\\ud83d\\ude00"', b'"\\uD83D\\uDE00x"', b'"' + b"x" * 100000 + b'"', b'"\\u0022\\u005c"',
                 b'"\x7f"'):
        yield "y", good
    for bad in (b'"', b'"a', b"'a'", b'a"', b'"\\"', b'"\\', b'"\\\\\\"', b'"\\u"', b'"\\u1"', b'"\\u12"',
                b'"\\u123"', b'"\\u123',
                b'"\\u12g4"', b'"\\u 123"', b'"\\u+123"', b'"\\U0041"', b'"\\x41"', b'"\\u{41}"',
                b'"\\ud83d\\u"', b'"\\ud83d\\u12"',
                b'"\\ud83d\\"', b'"\\u00\xc3\xa9"', b'"\\u0 41"', b'"a""b"', b'"a"b"', b'"\\012"',
                b'"a\\\nb"'):
        yield "n", bad
    for length in range(0, 40):
        # Every way in which a special byte can lie in blocks of 8 and 16.
        yield "y", b'"' + b"x" * length + b'\\n"'
        yield "n", b'"' + b"x" * length + b'\n"'
        yield "n", b'"' + b"x" * length
    for lone in (b"\\ud800", b"\\udbff", b"\\udc00", b"\\udfff", b"\\ud800x", b"\\ud800\\n",
                 b"\\ud800\\ud800", b"\\udc00\\ud800",
                 b"\\ud83d\\ud83d\\ude00", b"\\ud800\\u0041", b"\\uD800\\\\uDC00"):
        yield "i_accepted", b'"' + lone + b'"'


def utf_8():
    """Section 8.1 and RFC 3629, section 4: UTF8-2, UTF8-3, UTF8-4, and no byte order mark."""
    for c in (0x80, 0x7FF, 0x800, 0xFFF, 0x1000, 0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0xFFFF, 0x10000, 0x3FFFF,
              0x40000, 0xFFFFF, 0x10FFFF):
        yield "y", b'"' + chr(c).encode() + b'"'
        yield "y", b'{"' + chr(c).encode() * 9 + b'":"' + chr(c).encode() + b'x"}'
        for cut in range(1, len(chr(c).encode())):
            yield "n", b'"' + chr(c).encode()[:cut] + b'"'
            yield "n", b'"' + chr(c).encode()[:cut]
        yield "n", chr(c).encode()
    for lead in (0x80, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3,
                 0xF4, 0xF5, 0xF8, 0xFF):
        tails = ((b"", b"\x80", b"\x80\x80", b"\x7f\x80", b"\xbf\xc0") if lead >= 0xE0 and lead < 0xF5
                 else (b"", b"\x80"))
        for second in (0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0):
            for code in (bytes([lead, second]) + tail for tail in tails):
                try:
                    good = min(code.decode()) >= " "
                except UnicodeDecodeError:
                    good = False
                yield ("y" if good else "n"), b'"' + code + b'"'
    yield "n", b"\xef\xbb\xbf{}"
    yield "n", b"\xef\xbb\xbf"
    for name in ("utf-16-le", "utf-16-be", "utf-16", "utf-32-le", "utf-32-be", "utf-32"):
        yield "n", '{"a":1}'.encode(name)


def limits():
    """Section 9: an implementation may set limits on the depth."""
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        yield "i_accepted", opening * MAX_DEPTH + b"1" + closing * MAX_DEPTH
        yield "i_refused", opening * (MAX_DEPTH + 1) + b"1" + closing * (MAX_DEPTH + 1)
        yield "n", opening * 100000
    yield "i_accepted", b"[" * MAX_DEPTH + b"]" * MAX_DEPTH


RULES = (white_space, text, literals, objects, arrays, numbers, strings, utf_8, limits)


def make(folder):
    folder.mkdir(parents=True, exist_ok=True)
    seen = {}
    for rule in RULES:
        for number, (verdict, content) in enumerate(rule()):
            known = seen.setdefault(content, verdict)
            if known != verdict:
                sys.exit(
                    f"{rule.__name__} {number}: {verdict}, but the same text was {known}: {content[:60]!r}")
            (folder / f"{verdict}_{rule.__name__}_{number:04}.json").write_bytes(content)


def problem_of(program, path):
    code = subprocess.run([program, path], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60).returncode
    name = path.name
    wanted = ([0] if name.startswith(("y_", "i_accepted_")) else [1] if name.startswith(("n_", "i_refused_"))
              else [0, 1])
    return None if code in wanted else f"{name}: exit {code}, wanted {wanted[0]}"


def run(program, folder):
    paths = sorted(p for p in folder.iterdir() if p.name[:2] in ("y_", "n_", "i_"))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        problems = [p for p in pool.map(lambda path: problem_of(program, path), paths) if p]
    print("\n".join(problems + [f"{len(paths)} cases, {len(problems)} wrong"]))
    return 1 if problems or not paths else 0


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "make":
        make(pathlib.Path(arguments[1]))
        return 0
    if len(arguments) == 3 and arguments[0] == "run":
        return run(arguments[1], pathlib.Path(arguments[2]))
    if len(arguments) == 2 and arguments[0] == "run":
        with tempfile.TemporaryDirectory() as folder:
            make(pathlib.Path(folder))
            return run(arguments[1], pathlib.Path(folder))
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
