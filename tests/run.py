#!/usr/bin/env python3
"""Runs the steps of ./script/test, shows what failed, and closes with one line that counts everything."""
import concurrent.futures
import itertools
import pathlib
import re
import subprocess
import sys
import threading
import time

PRINTING = threading.Lock()
ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = ROOT / "build" / "release"
COUNTS = re.compile(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
CTEST_LOG = ROOT / "build" / "dev" / "Testing" / "Temporary" / "LastTest.log"
CTEST = re.compile(r"tests passed, (\d+) tests? failed out of (\d+)")


def integration(name, *more):
    return ["python3", "-B", f"tests/integration/{name}_test.py", "--build", str(RELEASE), *more]


STEPS = [
    # name, commands, seconds it may take
    ("unit", [["script/build", "dev"], ["ctest", "--preset", "dev", "-j2"]], 400),
    ("release", [["script/build", "release"]], 200),
    ("clang", [["script/build", "clang"]], 200),
    ("matrix", [integration("matrix")], 240),
    ("wire", [integration("wire")], 240),
    ("cli", [integration("cli")], 180),
    ("explain", [integration("explain")], 120),
    ("leak", [integration("leak")], 120),
    ("fcgi_state", [integration("fcgi_state")], 120),
    ("front_door", [integration("front_door")], 180),
    ("service", [integration("service")], 180),
    ("commands", [integration("commands")], 120),
    ("destinations", [integration("destinations")], 120),
    ("delivery", [["script/build", "clang"], integration("delivery")], 300),
    ("full_disk", [["script/build", "clang"], integration("full_disk")], 300),
    ("notifiers", [integration("notifiers")], 240),
    ("lambda", [integration("lambda")], 180),
    ("bootstrap", [integration("bootstrap", "--cached")], 300),
    ("lambda_fun", [["tests/lambda_fun/check"]], 240),
    ("soak", [["script/soak", "lambda", "--invocations", "2000", "--faults", "300", "--seed", "1"]], 120),
    ("disasters",
     [["script/build", "clang"],
      ["script/soak", "disasters", "--seed", "1", "--seconds", "8", "--minutes", "0"]],
     300),
    ("template", [integration("template")], 120),
    ("model", [integration("condition_model")], 120),
    ("schema", [integration("schema")], 180),
    ("docs", [integration("docs")], 240),
    ("types", [["tests/types/check"]], 180),
    ("check", [["script/check"]], 60),
    ("wakeup", [integration("wakeup")], 240),
    ("load", [["script/soak", "load", "--seconds", "1.5", "--entries", "300"]], 120),
    ("bench",
     [["bench/run", "--quick"],
      ["bench/run", "--quick", "--vs", "build/release", "cgi_rss", "fcgi_cpu", "lambda_rss"]],
     240),
]
# These use both processors, or count what they get done; the others wait much, and run two at a time.
ALONE = ("unit", "release", "clang", "wakeup", "load", "bench")


def run(command, seconds):
    try:
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=seconds)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        output = late.stdout or b""
        return 1, output.decode(errors="replace") + f"\nstopped after {seconds} s"


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
    if "not run" in output and good:
        return 0, 0, 1
    return (1, 0, 0) if good else (0, 1, 0)


def run_step(name, commands, seconds):
    start = time.monotonic()
    output, good = "", True
    for command in commands:
        code, text = run(command, seconds)
        output += text
        if code:
            good = False
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
            if re.match(r"not run|SKIPPED", line) or " not run" in line:
                print("   " + line.strip(), flush=True)


def run_steps(steps):
    """Their counts, in order: each of ALONE by itself, what stands between two of them side by side."""
    for alone, some in itertools.groupby(steps, lambda step: step[0] in ALONE):
        with concurrent.futures.ThreadPoolExecutor(1 if alone else 2) as lanes:
            yield from lanes.map(lambda step: run_step(*step), some)


def main():
    names = [step[0] for step in STEPS]
    wanted = sys.argv[1:] or names
    if wanted == ["--list"]:
        print("\n".join(names))
        return 0
    unknown = [name for name in wanted if name not in names]
    if unknown:
        print(f"test: no step '{unknown[0]}'; there are {', '.join(names)}", file=sys.stderr)
        return 2
    totals = [0, 0, 0]
    for counts in run_steps([step for step in STEPS if step[0] in wanted]):
        totals = [old + new for old, new in zip(totals, counts)]
    print(f"{totals[0]} passed, {totals[1]} failed" + (f", {totals[2]} skipped" if totals[2] else ""))
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main())
