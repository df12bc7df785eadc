"""Random questions for `kitehook eval --batch`: conditions that are right, nearly right, and wrong."""
from .names import ALLOWED, ENUMS, KINDS

TEXTS = ["", "main", "failed", "passed", "a", "A1", "x y", "release/v1.2", "feat: a\nfix: b", "7", " ", "é",
         "\t\n", "push", "job.finished", "eu-west"]
VARIABLES = ["X", "STAGE", "EMPTY", "MISSING", "BUILDKITE_BRANCH", "BUILDKITE_TAG", "BUILDKITE_MESSAGE",
             "BUILDKITE_PULL_REQUEST", "BUILDKITE_GITHUB_EVENT", "BUILDKITE_AGENT_NAME", "_9", "N"]
EVENTS = ["build.finished", "build.failing", "job.finished", "job.started", "agent.lost", "agent.blocked",
          "ping", "cluster_token.registration_blocked"]
ESCAPES = [r"\n", r"\s", r"\e", r"\x41", r"\xZ", r"\101", r"\7", r"\q", r"\\", r"\$", r"\u0041", r"\377",
           r"\400", r"\"", r"\t"]
ATOMS = ["a", "b", "m", ".", r"\d", r"\w", r"\s", r"\S", r"\.", r"\/", r"\$", "[a-z]", "[^a]", "[]x]",
         "[[:alpha:]]", r"[\d.]", "(?:ab|x)",
         "(a|b)", "(?=m)", "(?!x)", r"\b", "1", "-", "é", r"\x61", "(?#c)", r"\u0061", "[a-]", "ain", "fail",
         "{", "}", "]", ","]
ODD_ATOMS = ["(?<=a)", "(?>a)", "(?<n>a)", "(?P<n>a)", "(?(1)a)", r"\h", r"\Q", r"\K", r"\i", "(*UTF)",
             "(?R)", "(?|a)", "[a&&b]", "[a-[b]]",
             "{,2}", r"\x9", "[[.a.]]", "(", ")", "[", "a++", "a{2}+", "?", r"\k<1>", "(?n)", "(?u:a)", "^*",
             "[b-a]", r"\b+", "a{3,2}", "a{70000}",
             r"[\w-z]", r"\pL", r"\1", r"(a)\1", "(?i)", "(?m)", "(?s)", "(?i:A)", "a**", r"\G", "[:a:]",
             "[[:^digit:]]", r"\Z", r"\A", r"\z", r"\v"]
NOISE = ["=", "&", "|", "@", "-", "+", "<", "{", ";", ".", "..", "$", "$1", "${", "%", "\\", "é", "#",
         "//c\n", "//", "'", '"', "/", "\v", "\f", "\0",
         "==", "!=", "=~", "!~", "&&", "||", "!", "?", ":", ",", "(", ")", "[", "]", "includes", "null",
         "true", "1", "08", "'a'", "env", "(", " "]
TOKENS_BETWEEN = [" ", " ", " ", " ", "\n", "\t", "  ", " // words\n", "\r\n", ""]


class Generator:
    def __init__(self, random):
        self.random = random

    # ---- texts

    def pick(self, items):
        return self.random.choice(items)

    def chance(self, percent):
        return self.random.random() * 100 < percent

    def quoted(self, text):
        if self.chance(50):
            return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'

    def word(self, depth):
        """What stands behind `:-` and the like."""
        out = ""
        for _ in range(self.random.randrange(3)):
            out += self.pick(
                ["w", " ", "a.b", "'q $X'", "$$", "{", "\\}", self.pick(ESCAPES[:9]), "$", "-1", "é"]
                if self.chance(70) or depth <= 0
                             else [self.substitution(depth - 1)])
        return out

    def substitution(self, depth=1):
        name = self.pick(VARIABLES)
        form = self.random.randrange(10)
        if form < 2:
            return "$" + name
        if form < 4:
            return "${" + name + "}"
        if form < 7:
            return "${" + name + self.pick(["-", ":-", "+", ":+", "?", ":?"]) + self.word(depth) + "}"
        if form < 9:
            numbers = ["0", "1", "2", " -1", " -2", "99", "007", " 1 ", "$N", "${N:-1}", "x", "", "--1",
                       "9223372036854775808"]
            length = ":" + self.pick(numbers) if self.chance(50) else ""
            return "${" + name + ":" + self.pick(numbers[:10] if self.chance(85) else numbers) + length + "}"
        return self.pick(
            ["${" + name + "#x}", "${}", "${1}", "${" + name + ".x}", "$" + name + ".tail", "${" + name,
             "${ " + name + "}", "${" + name + "^}"])

    def interpolated(self):
        out = ""
        for _ in range(self.random.randrange(1, 4)):
            out += self.pick(
                [self.substitution(), self.substitution(), self.pick(ESCAPES), "text", " ", "'", "$$", "$",
                 "it's", "'a'", "é", "\n"])
        return '"' + out.replace('"', '\\"').replace('\\\\"', '\\"') + '"'

    def regex(self):
        body = self.pick(["", "", "^", "(?i)", "(?m)^", "(?s)"])
        for _ in range(self.random.randrange(1, 4)):
            body += self.pick(ATOMS if self.chance(88) else ODD_ATOMS)
            if self.chance(25):
                body += self.pick(["*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "+?", "??"])
            if self.chance(8):
                body += "|"
        body += self.pick(["", "", "", "$", "$$", "\\$"])
        return ("/" + body + "/" +
                self.pick(["", "", "", "", "i", "i", "ii", "m", "ix"] if self.chance(40) else [""]))

    # ---- trees

    def name(self, kind):
        kinds = KINDS[self.dialect if self.chance(97) else "extended"]
        names = [name for name, its in kinds.items() if its == kind and
                 (not name.startswith("step.") or self.steps or self.chance(3))]
        if kind in ("string", "boolean") and self.chance(60):
            names = ([name for name in names
                      if name in ("build.branch", "build.tag", "build.message", "event", "job.state",
                                  "job.soft_failed",
                                  "pipeline.started_failing", "build.source_event",
                                  "build.pull_request.label")] or names)
        name = self.pick(names)
        self.used.add(name)
        return name

    def string(self, depth):
        form = self.random.randrange(12)
        if form < 4:
            return self.name("string")
        if form < 7:
            return self.quoted(self.pick(TEXTS))
        if form < 8:
            return self.substitution()
        if form < 9:
            return self.interpolated()
        if form < 10:
            argument = (self.quoted(self.pick(VARIABLES)) if self.chance(80) else self.string(depth - 1)
                        if depth > 0 else self.quoted(self.pick(
["$X", "", "A-B", "BUILDKITE_" + self.pick(["JOB_ID", "PULL_REQUEST_LABELS"]), "9"])))
            return (self.pick(["env", "build.env"] + ["build.meta_data"] * (self.dialect == "extended")) +
                    "(" + argument + ")")
        if form < 11 and depth > 0:
            return (f"({self.boolean(depth - 1)} ? {self.string(depth - 1)} : "
                    f"{self.pick([self.string(depth - 1), 'null'])})")
        return '"' + self.pick(ESCAPES) + self.pick(TEXTS).replace("\\", "") + '"'

    def number(self):
        if self.chance(50):
            return self.name("number")
        return self.pick(["0", "1", "7", "10", "012", "08", "9223372036854775807", "9223372036854775808"] +
                         ["-1", "-012"] * (self.dialect == "extended"))

    def list(self, depth):
        if self.chance(50):
            return self.name("list")
        return "[" + ", ".join(self.string(depth - 1) for _ in range(self.random.randrange(4))) + "]"

    def any(self, depth):
        return self.pick(
            [self.string, self.boolean, self.list, lambda _: self.number(), lambda _: self.regex(),
             lambda _: self.name("enum"), lambda _: "null"])(depth)

    def boolean(self, depth):
        if depth <= 0:
            return self.pick(["true", "false", self.name("boolean"), self.compare(0)])
        form = self.random.randrange(14)
        if form < 5:
            return self.compare(depth)
        if form < 8:
            return (self.boolean(depth - 1) + self.gap() + self.pick(["&&", "||"]) + self.gap() +
                    self.boolean(depth - 1))
        if form < 9:
            return "!" + self.boolean(depth - 1)
        if form < 11:
            return "(" + self.boolean(depth - 1) + ")"
        if form < 12:
            return f"{self.boolean(depth - 1)} ? {self.boolean(depth - 1)} : {self.boolean(depth - 1)}"
        if form < 13 and self.dialect == "extended":
            return f"at_least({self.number()}, {self.number()})"
        return (f"{self.any(depth - 1)} {self.pick(['==', '!=', '=~', '!~', 'includes', '&&'])} "
                f"{self.any(depth - 1)}")

    def gap(self):
        return self.pick(TOKENS_BETWEEN[:-1])

    def compare(self, depth):
        gap = self.gap()
        form = self.random.randrange(16)
        equal = self.pick(["==", "!="])
        if form < 5:
            return (f"{self.string(depth)}{gap}{equal} "
                    f"{self.pick([self.string(depth), self.quoted(self.pick(TEXTS)), 'null'])}")
        if form < 7:
            name = self.name("enum")
            value = self.pick(ENUMS[name] + [b"bogus"]).decode()
            return f"{name} {equal}{gap}{self.quoted(value) if self.chance(80) else self.string(depth)}"
        if form < 8:
            return f"{self.number()}{gap}{equal}{gap}{self.number()}"
        if form < 12:
            right = (self.regex() if self.chance(90)
                     else f"({self.boolean(0)} ? {self.regex()} : {self.regex()})")
            return f"{self.string(depth)}{gap}{self.pick(['=~', '!~'])} {right}"
        if form < 14:
            return f"{self.list(depth)} includes{gap}{self.pick([self.string(depth), self.regex(), 'null'])}"
        if form < 15:
            return f"{self.list(depth)} {equal} {self.list(depth)}"
        return f"{self.pick([self.any(0), 'null'])} {equal} {self.pick(['null', self.any(0)])}"

    # ---- questions

    def value(self, name, kind):
        if self.chance(15):
            return None
        if name == "event":
            return self.pick(EVENTS)
        if name == "build.source":
            return self.pick(["webhook", "webhook", "ui"])
        if name == "build.source_event":
            return self.pick(["pull_request", "push"])
        if kind == "enum":
            return self.pick(ENUMS[name]).decode()
        if kind == "boolean":
            return self.chance(50)
        if kind == "number":
            return self.pick([0, 1, 7, 10, -1, -10, 9223372036854775807])
        if kind == "list":
            return [self.pick(TEXTS) for _ in range(self.random.randrange(4))]
        return self.pick(TEXTS)

    def mutated(self, text):
        for _ in range(self.random.randrange(1, 3)):
            at = self.random.randrange(len(text) + 1)
            what = self.random.randrange(4)
            if what == 0:
                text = text[:at] + self.pick(NOISE) + text[at:]
            elif what == 1:
                text = text[:at] + text[at + self.random.randrange(1, 4):]
            elif what == 2:
                other = self.random.randrange(len(text) + 1)
                text = text[:at] + text[min(at, other):max(at, other)][:12] + text[at:]
            else:
                text = text[:at] + self.pick(NOISE) + text[at + 1:]
        return text

    def question(self):
        self.dialect = self.pick(["strict", "extended"])
        entrypoint = self.pick(
            ["build", "build", "build", "build-with-step", "build-notification", "step-notification"])
        self.steps = entrypoint in ("build-with-step", "step-notification")
        self.used = set()
        text = self.boolean(self.random.randrange(4)) if self.chance(94) else self.any(2)
        if self.chance(20):
            text = self.mutated(text)
        elif self.chance(1):
            text = self.pick(["", " ", "\n\t", "// only words", "\u00a0", " // a\n"])
        names = {name: self.value(name, KINDS["extended"][name]) for name in sorted(self.used)
                 if self.chance(85)}
        if self.chance(15):
            names["event"] = self.pick(EVENTS)
        names["env"] = {name: self.pick(TEXTS + ["2", "-1"]) for name in VARIABLES if name != "MISSING" and
                        self.chance(70)}
        names["env"]["EMPTY"] = ""
        if self.chance(5):
            names["env"][self.pick(sorted(ALLOWED)).decode()] = "given"
        if self.chance(30):
            names["build.branch"] = self.pick(TEXTS)
        if "build.meta_data(" in text:
            names["build.meta_data"] = {"X": "1", "STAGE": ""}
        question = {"expression": text, "names": names, "entrypoint": entrypoint, "dialect": self.dialect}
        if self.chance(6):
            question["without"] = [self.pick(["build", "pipeline", "job", "step", "organization"])]
        if self.chance(8):
            question["validate_only"] = True
        return question
