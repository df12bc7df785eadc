#!/usr/bin/env python3
"""What the tests take from npm and PyPI, in ${XDG_CACHE_HOME:-~/.cache}/kitehook/tests: nothing of the
machine's, and no clone of the sources fetches it again. Tests never fetch; `script/setup test` does.

usage: tests/packages.py

Installs what is missing; a line for each that cannot be, whose tests then say the same. A package-lock.json
tells what npm installs, for each folder here that has one; from PyPI comes cfn-lint with
aws-sam-translator, where no Python of the PATH has it and where there is pip.
"""
import contextlib
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CACHE = (pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "kitehook" /
         "tests")
FROM_PYPI = "cfn-lint==1.51.0"
INSTALL_TIMEOUT_S = 600


class CannotInstall(Exception):
    """Its words are the reason."""


# ---- a folder of the cache, complete or not there

def place(name, content):
    """Where NAME is installed, once for each CONTENT."""
    return CACHE / f"{name}-{hashlib.sha256(content).hexdigest()[:12]}"


def why_not(folder):
    return folder.with_suffix(".why")


def fill(folder, command, *files):
    """Runs COMMAND in a new folder with FILES, which becomes FOLDER when it succeeded."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="new-", dir=CACHE) as parent:
        new = pathlib.Path(parent) / "new"
        new.mkdir()
        for file in files:
            shutil.copy(file, new)
        try:
            done = subprocess.run(command, cwd=new, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=INSTALL_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            raise CannotInstall(f"{command[0]} took longer than {INSTALL_TIMEOUT_S} s") from None
        if done.returncode != 0:
            said = (done.stderr.strip() or "no reason given").splitlines()
            what = "pip install" if "pip" in command else "npm ci"
            raise CannotInstall(f"{what} failed: {said[-1] if 'pip' in command else said[0]}")
        with contextlib.suppress(FileExistsError, OSError):  # another run was quicker
            new.rename(folder)


# ---- npm

def npm_folder(here):
    return place(f"npm-{here.name}", (here / "package-lock.json").read_bytes())


def install_npm(here):
    if not shutil.which("npm") or not shutil.which("node"):
        raise CannotInstall("npm is not installed")
    quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    soon = ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
    fill(npm_folder(here), ["npm", "ci", "--ignore-scripts", *quiet, *soon],
         here / "package.json", here / "package-lock.json")


def not_run(reason):
    """Ends the check."""
    print(f"not run: {reason}")
    sys.exit(0)


def provide(here, folder, sources):
    """Copies SOURCES, names of files of HERE, to FOLDER, where node then finds HERE's packages."""
    installed = npm_folder(here)
    if not installed.is_dir():
        not_run(why_not(installed).read_text(encoding="utf-8").strip() if why_not(installed).is_file()
                else "its npm packages are not installed; './script/setup test' does that")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", *sources):
        shutil.copyfile(here / name, folder / name)
    modules = folder / "node_modules"
    if modules.is_symlink():
        modules.unlink()
    shutil.rmtree(modules, ignore_errors=True)
    modules.symlink_to(installed / "node_modules")


# ---- PyPI

def pypi_folder():
    version = sys.version_info
    return place(f"cfn-lint-python{version.major}.{version.minor}", FROM_PYPI.encode())


def install_pypi(folder):
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True,
                      check=False).returncode != 0:
        raise CannotInstall("cfn-lint is not installed, nor is pip, by which './script/setup test' would")
    fill(folder, [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                  "--retries", "1", "--target", ".", FROM_PYPI])


def interpreters():
    """Words to start each python3 of the PATH with, and this one with what is installed here."""
    found = []
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        path = os.path.join(folder, "python3")
        if os.access(path, os.X_OK) and [path] not in found:
            found.append([path])
    return [[sys.executable], *found, ["/usr/bin/env", f"PYTHONPATH={pypi_folder()}", sys.executable]]


def python_with(module):
    """Words to start a Python with that has MODULE; None where none has."""
    look = f"from importlib import util; raise SystemExit(not util.find_spec({module!r}))"
    for words in interpreters():
        if subprocess.run([*words, "-c", look], capture_output=True, check=False).returncode == 0:
            return words
    return None


def without_python():
    """Why there is no Python with the packages of PyPI."""
    reason = why_not(pypi_folder())
    return (reason.read_text(encoding="utf-8").strip() if reason.is_file()
            else "no python3 of the PATH has it, and './script/setup test' has not installed it")


def main():
    wanted = [(npm_folder(lock.parent), lambda here=lock.parent: install_npm(here))
              for lock in sorted(HERE.glob("*/package-lock.json"))]
    if not python_with("cfnlint"):
        wanted.append((pypi_folder(), lambda: install_pypi(pypi_folder())))
    for folder, install in wanted:
        why_not(folder).unlink(missing_ok=True)
        if folder.is_dir():
            continue
        try:
            install()
            print(f"setup: installed {folder}", flush=True)
        except CannotInstall as problem:
            CACHE.mkdir(parents=True, exist_ok=True)
            why_not(folder).write_text(f"{problem}\n", encoding="utf-8")
            print(f"setup: not installed: {folder.name}: {problem}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
