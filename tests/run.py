#!/usr/bin/env python3
"""Runs the steps of ./script/test, shows what failed, and closes with one line that counts everything.

No step has a time limit that a loaded machine could meet. One that is stuck is found by its silence: for
SILENCE_S it printed nothing and used next to no processor time, with all that it started. One that runs in
circles is found by its processor time. (Not by RLIMIT_CPU: under it the kernel's clock of processor time,
which the benchmarks read, goes by ticks.)
"""
import concurrent.futures
import contextlib
import itertools
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

SILENCE_S, LOOK_S, TELL_S = 180, 2, 30
IDLE_SHARE = 0.01  # of one processor: what a stuck test's polling may use
PROCESSOR_S = 3600  # of one command, with all that it started
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PRINTING, BUILDING = threading.Lock(), threading.Lock()  # no two builds of one folder at once
BUILT = set()  # even with nothing to do, a build looks at a thousand files
ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = ROOT / "build" / "release"
COUNTS = re.compile(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
CTEST_LOG = ROOT / "build" / "dev" / "Testing" / "Temporary" / "LastTest.log"
SO_FAR = re.compile(r"\s*(?:(\d+) so far$|(\d+/\d+) Test )")
CTEST = re.compile(r"tests passed, (\d+) tests? failed out of (\d+)")


def integration(name, *more):
    return ["python3", "-B", f"tests/integration/{name}_test.py", "--build", str(RELEASE), *more]


STEPS = [
    # name, commands; of those that run side by side the longest come first
    ("unit", [["script/build", "dev"], ["ctest", "--preset", "dev", "-j3", "-LE", "long"]]),
    ("release", [["script/build", "release"]]),
    ("check", [["script/check"]]),
    ("matrix", [integration("matrix")]),
    ("clang", [["script/build", "clang"]]),
    ("unit_long", [["ctest", "--preset", "dev", "-j2", "-L", "long"]]),
    ("delivery", [["script/build", "clang"], integration("delivery")]),
    ("bootstrap", [integration("bootstrap", "--cached")]),
    ("upgrade_from_0_1", [integration("upgrade")]),
    ("full_disk", [["script/build", "clang"], integration("full_disk")]),
    ("service", [integration("service")]),
    ("moving", [["script/build", "clang"], integration("moving")]),
    ("bench_programs", [["bench/run", "--compile"]]),
    ("email", [integration("email")]),
    ("disasters",
     [["script/build", "clang"],
      ["script/soak", "disasters", "--seed", "1", "--seconds", "8", "--minutes", "0"]]),
    ("fcgi_state", [integration("fcgi_state")]),
    ("settle", [integration("settle")]),
    ("why_model", [integration("why_model")]),
    ("journal", [["script/build", "clang"], integration("journal")]),
    ("journal_commands", [integration("journal_commands")]),
    ("diff", [integration("diff")]),
    ("replay", [integration("replay")]),
    ("front_door", [integration("front_door")]),
    ("killing", [integration("wakeup", "--only", "killing")]),
    ("leak", [integration("leak")]),
    ("destinations", [integration("destinations")]),
    ("cli", [integration("cli")]),
    ("github", [integration("github")]),
    ("wire", [integration("wire")]),
    ("template", [integration("template")]),
    ("lambda", [integration("lambda")]),
    ("model", [integration("condition_model")]),
    ("soak", [["script/soak", "lambda", "--invocations", "2000", "--faults", "300", "--seed", "1"]]),
    ("history", [integration("history")]),
    ("types", [["tests/types/check"]]),
    ("schema", [integration("schema")]),
    ("explain", [integration("explain")]),
    ("commands", [integration("commands")]),
    ("eventbridge", [integration("eventbridge")]),
    ("history_command", [integration("history_command")]),
    ("docs", [integration("docs")]),
    ("notify_blocks", [integration("notify_blocks")]),
    ("faults", [integration("faults")]),
    ("words", [integration("words")]),
    ("notifiers", [integration("notifiers")]),
    ("status", [integration("status")]),
    ("lambda_fun", [["tests/lambda_fun/check"]]),
    ("packages", [integration("packages")]),
    ("release_scripts", [integration("release")]),
    ("completions", [integration("completions")]),
    ("import", [integration("import")]),
    ("cannot", [integration("cannot")]),
    ("notify", [integration("notify")]),
    ("wakeup", [integration("wakeup", "--only", "leaving", "--seconds", "12")]),
    ("load", [["script/soak", "load", "--seconds", "1.5", "--entries", "300"]]),
    ("bench",
     [["bench/run", "--quick"],
      ["bench/run", "--quick", "--vs", "build/release", "cgi_rss", "fcgi_cpu", "lambda_rss"]]),
]
# What says early whether it is worth to wait for the rest: the last of them is one server.
FIRST = ("unit", "release", "check", "matrix")
# These use both processors, or count what they get done; the others wait much, and run LANES at a time.
LANES = 3
ALONE = ("unit", "release", "clang", "wakeup", "load", "bench")


class Command:
    """One that runs: its output so far, and how long it has been silent."""

    def __init__(self, words):
        self.child = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, errors="replace",
                                      start_new_session=True)
        self.output, self.so_far = [], ""
        self.heard, self.used = time.monotonic(), 0.0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.child.stdout:
            self.heard = time.monotonic()
            found = SO_FAR.match(line)
            if found:
                self.so_far = found.group(1) or found.group(2)
            if not line.endswith("so far\n"):
                self.output.append(line)

    def processor_s(self):
        """Of every process of its session that lives, and of their children that ended."""
        used = 0
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == self.child.pid:
                used += sum(map(int, fields[11:15]))
        return used / TICKS_PER_S

    def fault(self):
        """Why it will not end by itself; "" while it may."""
        if self.is_stuck():
            return f"stuck: silent and idle for {SILENCE_S} s"
        if self.processor_s() > PROCESSOR_S:
            return f"in circles: {PROCESSOR_S} s of processor time"
        return ""

    def is_stuck(self):
        silence = time.monotonic() - self.heard
        if silence < SILENCE_S:
            return False
        used, before = self.processor_s(), self.used
        self.heard, self.used = time.monotonic(), used
        return used - before < IDLE_SHARE * silence

    def wait(self, tell):
        """Its exit code; TELL is called now and then with how far it is."""
        told = time.monotonic()
        while True:
            try:
                code = self.child.wait(LOOK_S)
                break
            except subprocess.TimeoutExpired:
                pass
            if time.monotonic() - told >= TELL_S:
                told = time.monotonic()
                tell(self.so_far)
            fault = self.fault()
            if fault:
                os.killpg(self.child.pid, signal.SIGKILL)
                code = self.child.wait()
                self.output.append(f"\n{fault}\n")
                break
        self.reader.join(5)  # a process that outlives the command may hold its output open
        return code


def count(output, good):
    """(passed, failed, skipped) as the step's own output has it, else one for the step itself."""
    counted = COUNTS.findall(output)
    if counted:
        passed, failed, skipped = (int(number or 0) for number in counted[-1])
        return passed, failed if good else max(failed, 1), skipped
    ctest = CTEST.search(output)
    if ctest:
        failed, total = int(ctest.group(1)), int(ctest.group(2))
        return (total - failed, failed if good else max(failed, 1),
                len(re.findall(r"^SKIPPED|^not run", output, re.M)))
    if re.search(r"^not run", output, re.M) and good:
        return 0, 0, 1
    return (1, 0, output.count(" not run")) if good else (0, 1, 0)


def run_step(name, commands):
    start = time.monotonic()

    def tell_how_far(so_far):
        with PRINTING:
            print(f"{name:12} {so_far:>26} after {time.monotonic() - start:6.0f} s", flush=True)

    output, good = "", True
    for words in commands:
        is_build = words[0] == "script/build"
        with BUILDING if is_build else contextlib.nullcontext():
            if is_build and words[1] in BUILT:
                continue
            command = Command(words)
            good = command.wait(tell_how_far) == 0
            if is_build and good:
                BUILT.add(words[1])
        output += "".join(command.output)
        if not good:
            break
    if name == "unit" and CTEST_LOG.exists():
        output += (
            "\n".join(re.findall(r"^(?:SKIPPED|not run).*$", CTEST_LOG.read_text(errors="replace"), re.M)) +
            "\n")
    passed, failed, skipped = count(output, good)
    with PRINTING:
        tell(name, output, (passed, failed, skipped), time.monotonic() - start)
    return passed, failed, skipped


def tell(name, output, counts, seconds):
    passed, failed, skipped = counts
    print(f"{name:12} {passed:5} passed {failed:3} failed {skipped:3} skipped {seconds:6.1f} s", flush=True)
    if failed:
        print(output[-12000:], flush=True)
    else:
        for line in output.split("\n"):
            if re.match(r"not run|SKIPPED", line) or " not run" in line or " warning: " in line:
                print("   " + line.strip(), flush=True)


def run_steps(steps):
    """Their counts, in order: each of ALONE by itself, what stands between two of them side by side."""
    for alone, some in itertools.groupby(steps, lambda step: step[0] in ALONE):
        with concurrent.futures.ThreadPoolExecutor(1 if alone else LANES) as lanes:
            yield from lanes.map(lambda step: run_step(*step), some)


def main():
    names = [step[0] for step in STEPS]
    wanted = sys.argv[1:] or names
    if wanted == ["--list"]:
        print("\n".join(names))
        return 0
    if wanted == ["--quick"]:
        wanted = FIRST
    unknown = [name for name in wanted if name not in names]
    if unknown:
        print(f"test: no step '{unknown[0]}'; there are {', '.join(names)}", file=sys.stderr)
        return 2
    totals, start = [0, 0, 0], time.monotonic()
    chosen = [step for step in STEPS if step[0] in wanted]
    for step, counts in zip(chosen, run_steps(chosen)):
        totals = [old + new for old, new in zip(totals, counts)]
        if step[0] == FIRST[-1] and len(chosen) > len(FIRST):
            print(f"first answer: {'no' if totals[1] else 'yes'}, after {time.monotonic() - start:.0f} s",
                  flush=True)
    print(f"{totals[0]} passed, {totals[1]} failed" + (f", {totals[2]} skipped" if totals[2] else ""))
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main())
