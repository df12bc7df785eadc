"""docs/from-buildkite.md: its pipelines are imported as it shows, and what it shows passes `check`."""
import re
import subprocess
import sys

from common import FIXTURES, ROOT
from notify_blocks_test import environment, HEAD
from rules_doc import fits

sys.path.insert(0, str(ROOT / "tests"))
from model.notify_model import ON_BUILDS  # noqa: E402

PAGE = ROOT / "docs" / "from-buildkite.md"


def run(command, folder, text=""):
    return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, env=environment(text))


def check_pasted(report, kitehook, folder, block, yes, no):
    path = folder / "kitehook.yml"
    path.write_text(HEAD + block, encoding="utf-8")
    done = run([kitehook, "check", "--config", path], folder, HEAD + block)
    report.check("from-buildkite.md: the pasted block passes check", done.returncode == 0, done)
    for code, events in ((0, yes), (1, no)):
        for event in events.split():
            done = run([kitehook, "explain", "--config", path, FIXTURES / "events" / event], folder)
            report.check(f"from-buildkite.md: {event}", done.returncode == code, done)


def check_imported(report, kitehook, folder, command, shown):
    done = run([kitehook, *command.split()[1:]], folder)
    report.check(f"from-buildkite.md: {command}", fits(shown, done.stdout), done)
    path = folder / "kitehook.yml"
    path.write_text(done.stdout, encoding="utf-8")
    done = run([kitehook, "check", "--config", path], folder, done.stdout)
    report.check("from-buildkite.md: what it prints passes check", done.returncode == 0, done)


def check_from_buildkite(report, build, folder):
    text = PAGE.read_text(encoding="utf-8")
    words = re.findall(r"`(\w+)", text.partition("## Word by word")[2].partition("\n## ")[0])
    report.check("from-buildkite.md has every word", set(ON_BUILDS) <= set(words), words)
    kitehook = build / "kitehook"
    for block, yes, no in re.findall(
            r"```yaml\n(.*?)```\n(?:<!-- matches: ([\w ]+); not: ([\w ]+) -->)?", text, re.S):
        name = re.match(r"# (\S+\.yml)\n", block)
        if name:
            (folder / name.group(1)).parent.mkdir(parents=True, exist_ok=True)
            (folder / name.group(1)).write_text(block, encoding="utf-8")
        else:
            check_pasted(report, kitehook, folder, block, yes, no)
    examples = re.findall(r"```console\n\$ ([^\n]*)\n(.*?)```", text, re.S)
    report.check("from-buildkite.md imports something", examples, "")
    for command, shown in examples:
        check_imported(report, kitehook, folder, command, shown)
