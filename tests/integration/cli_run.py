"""The built `kitehook` as a test calls it."""
import argparse
import concurrent.futures
import multiprocessing
import os
import pathlib
import re
import subprocess
import time
import traceback

from common import aged, SECRET, Report, Workspace

HOOK = "/services/T0PLANTED/secret-path"
AT_ONCE = 6  # tests, most of which wait for a pace, a rest or a linger


class Done:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out.decode(), err.decode()

    def __repr__(self):
        return f"exit {self.code}, stdout {self.out[-400:]!r}, stderr {self.err[-400:]!r}"


class Cli:
    """The program, a folder for its files, and all that it ever said."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.said = []
        self.environment = {"PATH": os.environ["PATH"], "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}

    def path(self, name):
        return str(self.folder / name)

    def file(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, 0o600)
        return str(aged(path))

    def run(self, *arguments, input=b"", seconds=60, env=None, stdout=subprocess.PIPE):
        done = subprocess.run([str(self.program), *arguments], input=input, stdout=stdout,
                              stderr=subprocess.PIPE,
                              timeout=seconds, env={**self.environment, **(env or {})}, cwd=self.folder,
                              check=False)
        result = Done(done.returncode, done.stdout or b"", done.stderr)
        self.said.append((arguments, result.out + result.err))
        return result

    def config(self, rules="  - slack: { url: { env: SLACK_WEBHOOK_URL } }\n",
               url="http://127.0.0.1:9" + HOOK, secret=SECRET, top="", proof="signature"):
        """Writes kitehook.yml with what it needs beside it; returns its path."""
        self.file("webhook-secret", secret)
        self.file("env", f"SLACK_WEBHOOK_URL={url}\n")
        notify = f"notify:\n{rules}" if rules else ""
        return self.file("kitehook.yml",
                         f"webhook:\n  {proof}: {{ file: webhook-secret }}\nenv_file: env\n{top}{notify}")


TESTS = []  # as the processes inherit them, for some have no name by which one finds them
SO_FAR = multiprocessing.Value("i", 0, lock=False)  # of all processes, for whoever watches


def run_test(test, chosen, folder, report, lines, said):
    place = folder / test.__name__
    place.mkdir()
    cli = Cli(chosen.build / "kitehook", place)
    cli.lines, cli.said = lines, said
    started = time.monotonic()
    try:
        test(cli, report)
    except Exception:  # one broken test must not hide the others
        report.check(test.__name__, False, traceback.format_exc())
    if chosen.verbose:
        print(f"{test.__name__}: {time.monotonic() - started:.1f} s", flush=True)


def run_apart(number, chosen, folder):
    """Test NUMBER of TESTS, in a process of its own: what it found, logged and said."""
    report, lines, said = Report(chosen.verbose, SO_FAR), [], []
    run_test(TESTS[number], chosen, folder, report, lines, said)
    report.so_far = None  # which stays here
    return report, lines, said


def run_side_by_side(chosen, folder, report, lines, said):
    with concurrent.futures.ProcessPoolExecutor(chosen.at_once,
                                                multiprocessing.get_context("fork")) as processes:
        numbers = range(len(TESTS))
        for found in processes.map(run_apart, numbers, [chosen] * len(numbers), [folder] * len(numbers)):
            report.add(found[0])
            lines += found[1]
            said += found[2]


def main(about, tests, last=()):
    """Runs TESTS, several at once, then what looks at all that they said: LAST. The exit status."""
    parser = argparse.ArgumentParser(description=about.split("\n")[0])
    parser.add_argument("--build", required=True, type=lambda text: pathlib.Path(text).resolve(),
                        help="the folder with kitehook")
    parser.add_argument("--only", default="", help="a regular expression: names of tests to run")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="how many tests run side by side")
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder, and say where it is")
    parser.add_argument("--verbose", action="store_true")
    chosen = parser.parse_args()
    TESTS.extend(test for test in tests if re.search(chosen.only, test.__name__))
    report, lines, said = Report(chosen.verbose), [], []
    with Workspace(chosen.keep) as folder:
        run_side_by_side(chosen, folder, report, lines, said)
        for test in last:
            if re.search(chosen.only, test.__name__):
                run_test(test, chosen, folder, report, lines, said)
    return report.close()
