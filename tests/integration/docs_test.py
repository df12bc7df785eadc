#!/usr/bin/env python3
"""The documents' examples: the README's config passes `check`, its commands run, its links lead somewhere,
and `cmake --install` gives programs that run."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from common import ROOT, Report, Workspace, arguments
from from_buildkite_doc import check_from_buildkite
from rules_doc import check_rules_page

DOCUMENTS = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", *sorted(
    path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")),
    "bench/README.md", "fixtures/README.md"]


def run(command, stderr=subprocess.STDOUT, **more):
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
                          text=True, timeout=120, **more)


def check_links_of(report, name, path):
    """Those within its tree. Returns the text of PATH."""
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not re.match(r"https?:", target):
            report.check(f"{name}: {target}", (path.parent / target).exists(), "leads nowhere")
    return text


def check_links(report):
    for name in DOCUMENTS:
        path = ROOT / name
        if not report.check(f"{name} exists", path.is_file(), "missing"):
            continue
        text = check_links_of(report, name, path)
        for target in re.findall(r"`((?:handler|cgi|cli|docs|tests|fixtures|script|bench)/[\w./-]+)`", text):
            report.check(f"{name}: {target}", (ROOT / target).exists(), "does not exist")


def check_systems(report):
    """README names the systems that script/systems tries."""
    tried = re.search(r'^all="(.*)"$', (ROOT / "script/systems").read_text(encoding="utf-8"), re.M).group(1)
    begin = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Two commands")[2][:300]
    for system in tried.split():
        name, _, version = system.partition("-")
        report.check(f"README names {system}",
                     re.search(rf"{name.capitalize()} (?:[\d.]+ or )?{re.escape(version)}\b", begin), begin)


def check_reasons(report):
    """operating.md has a row for each reason of err.h, in its order, with its status."""
    header = (ROOT / "handler/base/err.h").read_text(encoding="utf-8")
    page = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
    reasons = re.findall(r'X\(KH_\w+, "(\w+)", (\d+)', header)
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| [^|]+ \| [^|]+ \|$", page, re.M)
    report.check("err.h has reasons", len(reasons) > 50, len(reasons))
    report.check("operating.md has every reason, with its status", rows == reasons,
                 sorted(set(rows) ^ set(reasons)) or "another order")


def check_config(report, build, folder):
    """The README's kitehook.yml, with its absolute paths below FOLDER."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    report.check("README has a config", blocks, "no yaml block")
    (folder / "etc/kitehook").mkdir(parents=True)
    (folder / "var/lib").mkdir(parents=True)
    (folder / "etc/kitehook/webhook-secret").write_text("a-secret-of-the-test\n", encoding="utf-8")
    (folder / "etc/kitehook/env").write_text("SLACK_WEBHOOK_URL=https://hooks.slack.example/services/x\n",
                                             encoding="utf-8")
    for path in (folder / "etc/kitehook").iterdir():
        path.chmod(0o600)
    for number, block in enumerate(blocks, 1):
        config = folder / f"readme-{number}.yml"
        config.write_text(block.replace("/etc/", f"{folder}/etc/").replace("/var/", f"{folder}/var/"),
                          encoding="utf-8")
        done = run([str(build / "kitehook"), "check", "--config", str(config)])
        report.check(f"README config {number} passes check", done.returncode == 0, done.stdout)


def check_commands(report, build, folder):
    """The block "Try things", line by line, as it stands."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"## Try things\s+```sh\n(.*?)```", text, re.S)
    report.check("README has things to try", block, "no block")
    payload = folder / "payload.json"
    header = ""
    for line in block.group(1).strip().split("\n"):
        command = line.split("   #")[0].strip().replace("build/release",
                                                        str(build)).replace("payload.json", str(payload))
        command = command.replace("X-Buildkite-Signature: …", header)
        done = run(["sh", "-c", command])
        report.check(f"README: {command}", done.returncode == 0,
                     f"exit {done.returncode}: {done.stdout[-800:]}")
        if " sign " in command:
            header = done.stdout.strip()


def check_install(report, build):
    (build / "install_manifest.txt").unlink(missing_ok=True)  # of somebody else's, perhaps
    with tempfile.TemporaryDirectory(prefix="kh-install-") as prefix:
        done = run(["cmake", "--install", str(build), "--prefix", prefix])
        if not report.check("cmake --install", done.returncode == 0, done.stdout[-800:]):
            return
        there = pathlib.Path(prefix)
        version = run([str(there / "bin/kitehook"), "version"])
        report.check("the installed kitehook runs", version.returncode == 0 and "kitehook" in version.stdout,
                     version.stdout)
        cgi = run([str(there / "lib/kitehook/kitehook.cgi")],
                  env={"REQUEST_METHOD": "GET", "KITEHOOK_CONFIG": str(ROOT / "fixtures/kitehook.yml")})
        report.check("the installed kitehook.cgi answers", "Status: 200" in cgi.stdout, cgi.stdout)
        report.check("the installed kitehook.fcgi runs",
                     "spawn-fcgi" in run([str(there / "lib/kitehook/kitehook.fcgi")]).stdout, "no usage")
        for file in ("share/man/man1/kitehook.1", "share/man/man5/kitehook.yml.5",
                     "share/kitehook/kitehook.example.yml", "share/kitehook/kitehook.schema.json",
                     "share/kitehook/recipes/nginx-fastcgi.conf",
                     "share/kitehook/systemd/kitehook-worker.service",
                     "share/kitehook/systemd/kitehook-fcgi@.service",
                     "share/kitehook/systemd/kitehook-fcgi.socket", "share/kitehook/kitehook.cron",
                     "share/kitehook/fixtures/events/ping/expect.json",
                     "share/bash-completion/completions/kitehook", "share/zsh/site-functions/_kitehook",
                     "share/fish/vendor_completions.d/kitehook.fish"):
            report.check(f"{file} is installed", (there / file).is_file(), "missing")
        documents = sorted((there / "share/doc/kitehook").rglob("*.md"))
        report.check("documents are installed", len(documents) >= len(DOCUMENTS), documents)
        for path in documents:
            check_links_of(report, path.relative_to(prefix), path)
        tried = run([str(there / "bin/kitehook"), "invoke", "--config",
                     str(there / "share/kitehook/fixtures/kitehook.yml"), "build_finished_failed"])
        report.check("the installed kitehook knows its fixtures", tried.returncode == 0, tried.stdout)
        listed = set((build / "install_manifest.txt").read_text(encoding="utf-8").split("\n"))
        unlisted = [str(path) for path in there.rglob("*") if path.is_file() and str(path) not in listed]
        report.check("install_manifest.txt, by which one uninstalls, lists all", not unlisted, unlisted)
        check_paths(report, there)


def check_paths(report, there):
    """What is installed says where: no path of another prefix, and each program and file is there."""
    share = there / "share/kitehook"
    for path in (*(share / "recipes").iterdir(), *(share / "systemd").iterdir(), share / "kitehook.cron"):
        text = path.read_text(encoding="utf-8")
        named = re.findall(r"[\w/.-]*/(?:bin|lib/kitehook|share/kitehook)/[\w./@-]+", text)
        ours = [name for name in named if not name.startswith("/var/") and
                "kitehook" in name.replace(str(there), "")]
        wrong = [name for name in ours if not name.startswith(f"{there}/") or
                 not pathlib.Path(name.rstrip(".")).exists()]
        report.check(f"{path.name} names the paths of its prefix", not wrong and
                     (ours or path.suffix == ".socket"), wrong)


def check_man_pages(report):
    readers = [["mandoc", "-T", "utf8"]]
    if shutil.which("groff") and shutil.which("man"):
        readers.append(["man", "-l"])
    for page in ("docs/kitehook.1", "docs/kitehook.yml.5"):
        done = run(["mandoc", "-T", "lint", "-W", "warning", page])
        report.check(f"mandoc likes {page}", done.returncode == 0, done.stdout)
        for reader in readers:
            # Some versions of groff find lines that cannot be adjusted, and say so amid the page.
            shown = run([*reader, page], stderr=subprocess.DEVNULL,
                        env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"}).stdout
            lines = re.sub(r".\x08|\x1b\[[0-9;]*m", "", shown).split("\n")
            wide = [line for line in lines if len(line.expandtabs()) > 80]
            report.check(f"{page} by {reader[0]} fits 80 columns", len(lines) > 100 and not wide, wide)


def check_promises(report):
    """Buildkite promises nowhere that it sends a webhook once more, so no text of ours may."""
    for path in [*map(ROOT.joinpath, DOCUMENTS), *sorted((ROOT / "docs").glob("*.[15]")),
                 *(path for folder in ("handler", "cgi", "lambda", "cli", "worker")
                   for path in sorted((ROOT / folder).rglob("*.[ch]")))]:
        text = re.sub(r"\s(?:\s|\*)*", " ", path.read_text(encoding="utf-8"))
        found = re.search(r"Buildkite (?:\w+ ){0,3}(?:sends|tries|delivers) (?:\w+ ){0,3}again", text)
        report.check(f"{path.relative_to(ROOT)} promises no second try", not found, found and found.group())


def main():
    chosen = arguments(__doc__)
    report = Report(chosen.verbose)
    check_links(report)
    check_systems(report)
    check_reasons(report)
    check_man_pages(report)
    check_promises(report)
    with Workspace() as folder:
        check_config(report, chosen.build, folder)
        check_commands(report, chosen.build, folder)
        check_rules_page(report, chosen.build, folder)
    with Workspace() as folder:
        check_from_buildkite(report, chosen.build, folder)
    check_install(report, chosen.build)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
