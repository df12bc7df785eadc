"""The built `kitehook` as a test calls it."""
import argparse
import os
import pathlib
import re
import subprocess
import time
import traceback

from common import aged, SECRET, Report, Workspace

HOOK = "/services/T0PLANTED/secret-path"


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


def main(about, tests):
    """Runs TESTS, functions of a Cli and a Report, each in a folder of its own. The exit status."""
    parser = argparse.ArgumentParser(description=about.split("\n")[0])
    parser.add_argument("--build", required=True, type=lambda text: pathlib.Path(text).resolve(),
                        help="the folder with kitehook")
    parser.add_argument("--only", default="", help="a regular expression: names of tests to run")
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder, and say where it is")
    parser.add_argument("--verbose", action="store_true")
    chosen = parser.parse_args()
    report = Report(chosen.verbose)
    lines, said = [], []
    with Workspace(chosen.keep) as folder:
        for test in tests:
            if not re.search(chosen.only, test.__name__):
                continue
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
                print(f"{test.__name__}: {time.monotonic() - started:.1f} s")
    return report.close()
