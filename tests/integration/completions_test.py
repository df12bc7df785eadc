#!/usr/bin/env python3
"""What bash, zsh and fish complete behind `kitehook`, held against each command's --help.

usage: completions_test.py --build DIR [--verbose]

bash runs the function itself and fish completes a line. Of zsh the functions that would complete are stood in
for, and say what they were asked.
"""
import os
import re
import shutil
import subprocess
import sys

from common import arguments, FIXTURES, Report, Workspace

WORDS = {  # what the command itself says it takes
    ("send", "--mode"): {"signature", "token"}, ("verify", "--mode"): {"signature", "token"},
    ("outbox", "--state"): {"waiting", "due", "dead"}, ("eval", "--dialect"): {"strict", "extended"},
    ("eval", "--entrypoint"): {"build", "build-with-step", "build-notification", "step-notification"},
    ("outbox", ""): {"list", "show", "redrive", "drop"}, ("inbox", ""): {"list", "show", "retry", "drop"},
    ("completions", ""): {"bash", "zsh", "fish"},
}
BASH = """\
source <(kitehook completions bash)
compopt() { echo files; }
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_kitehook
printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """\
_arguments() { print -rl -- "$@" }
_describe() { print -rl -- ${(P)2} }
compadd() { shift; print -rl -- "$@" }
kitehook completions zsh > completions
_kitehook() { source ./completions }
words=("$@") CURRENT=$#
_kitehook
"""


class Shells:
    def __init__(self, build, folder):
        self.folder = folder
        self.environment = {"PATH": f"{build}:{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8",
                            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}

    def run(self, *command):
        done = subprocess.run(command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                              check=False)
        return done.stdout.strip("\n").split("\n")

    def bash(self, *words):
        return set(self.run("bash", "--norc", "-c", BASH, "bash", "kitehook", *words))

    def fish(self, *words):
        line = " ".join(("kitehook", *words)).replace("'", "")
        got = self.run("fish", "--no-config", "-c",
                       f"kitehook completions fish | source; complete -C '{line}'")
        return {row.split("\t")[0] for row in got}

    def zsh(self, *words):
        return self.run("zsh", "-f", "-c", ZSH, "zsh", "kitehook", *words)


def options_of(shells, command):
    return set(re.findall(r"^  (?:-h, )?(--[a-z-]+)", "\n".join(shells.run("kitehook", command, "--help")),
                          re.M))


def check_lines(report, name, complete, commands, options):
    """By COMPLETE, which makes candidates of the words of a line."""
    report.check(f"{name}: the commands", commands <= complete(""), complete(""))
    report.check(f"{name}: a command that was begun", complete("ch") == {"check"}, complete("ch"))
    for command in commands:
        got = complete(command, "--")
        report.check(f"{name}: the options of {command}", got == options[command], got)
    for (command, option), words in WORDS.items():
        got = complete(command, *filter(None, [option]), "")
        report.check(f"{name}: {command} {option}", words <= got, got)
    cases = {case.name for case in (FIXTURES / "events").iterdir()}
    for command in ("explain", "invoke"):
        got = complete(command, "build_f")
        wanted = {case for case in cases if case.startswith("build_f")}
        report.check(f"{name}: {command} and a fixture", got - {"files"} == wanted, got)
    got = complete("check", "--config", "own")
    report.check(f"{name}: a file", got & {"files", "own.yml"}, got)
    report.check(f"{name}: no file for a flag", not complete("status", "") & {"files", "own.yml"}, "")


def check_zsh(report, shells, commands, options):
    got = {line.split(":")[0] for line in shells.zsh("")}
    report.check("zsh: the commands", commands <= got, got)
    for command in commands:
        got = shells.zsh(command, "")
        named = {line.partition("[")[0].lstrip("*") for line in got if line.startswith("*--")}
        report.check(f"zsh: the options of {command}", named | {"--help"} == options[command], got)
        for (other, option), words in WORDS.items():
            if other == command:
                asked = [line for line in got if line.startswith(f"*{option}[" if option else "1:")]
                report.check(f"zsh: {command} {option}",
                             asked and set(re.search(r":\((.*)\)$", asked[0]).group(1).split()) == words, got)


def main():
    chosen = arguments(__doc__.split("\n", maxsplit=1)[0])
    report = Report(chosen.verbose)
    with Workspace() as folder:
        (folder / "own.yml").write_text("", encoding="utf-8")
        shells = Shells(chosen.build, folder)
        overview = "\n".join(shells.run("kitehook", "help"))
        commands = set(re.findall(r"^  ([a-z]+) +\S", overview, re.M)) - {"help"}
        report.check("there are commands", len(commands) > 12, overview)
        options = {command: options_of(shells, command) for command in commands}
        for name, complete in (("bash", shells.bash), ("fish", shells.fish)):
            if shutil.which(name):
                check_lines(report, name, complete, commands, options)
            else:
                report.skip(f"completions of {name}", f"{name} is not installed")
        if shutil.which("zsh"):
            check_zsh(report, shells, commands, options)
        else:
            report.skip("completions of zsh", "zsh is not installed")
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
