"""Compiles or runs the programs of bench/. The command stands in each file's first comment, behind "cc:",
"go:" or "run:"."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from .errors import MeasuringError, NotRun

COMPILE_TIMEOUT_S = 150  # Go may compile its standard library too, once
BENCH = Path(__file__).resolve().parent.parent
SOURCE = BENCH.parent
SBIN = ["/usr/sbin", "/sbin", "/usr/local/sbin"]

# What a cc: line means by RECEIVER and WORKER: the libraries of the build that is measured, as its own
# programs link them.
LIBRARIES = {"RECEIVER": ["libkh_receiver.a"], "WORKER": ["libkh_worker.a", "libkh_receiver.a"]}
RECEIVER_FLAGS = ["-Wl,--gc-sections", "-ljansson", "-lyaml", "-lcrypto"]
FLAGS = {"RECEIVER": RECEIVER_FLAGS, "WORKER": [*RECEIVER_FLAGS, "-lpcre2-8"]}


def need_tool(name):
    """The path of a program of this machine; one like php-fpm may have its version behind its name."""
    path = shutil.which(name) or shutil.which(name, path=":".join(SBIN)) or newest(name)
    if path is None:
        raise NotRun(f"{name} is not installed")
    return path


def newest(name):
    found = [file for folder in SBIN for file in Path(folder).glob(f"{name}[0-9]*.[0-9]*")]
    return max(found, key=lambda file: [int(number) for number in re.findall("[0-9]+", file.name)],
               default=None)


def command_to_run(source, **values):
    """The command behind "run:" in SOURCE, its FILE and what VALUES name filled in."""
    program, *words = command_of(source, "run")
    return [need_tool(program), *(str({"FILE": source, **values}.get(word, word)) for word in words)]


def libraries(word, tree, build):
    found = [build / "handler" / name for name in LIBRARIES[word]]
    for path in found:
        if not path.exists():
            raise MeasuringError(f"{path} is missing: build it first")
    built = max(path.stat().st_mtime for path in (build / "handler").glob("*.a"))
    if any(source.stat().st_mtime > built for source in (tree / "handler").rglob("*.[ch]")):
        raise MeasuringError(f"{build} is older than {tree}/handler: build it first")
    return found


def command_of(source, compiler):
    found = re.findall(rf"^(?: \*|//|#|;) {compiler}: (.+)$", source.read_text(), re.MULTILINE)
    if not found:
        raise MeasuringError(f"{source} has no {compiler}: line")
    return shlex.split(" ".join(found))


def calls_kitehook(source):
    """True for a program that is linked with kitehook's own libraries."""
    return any(word in LIBRARIES for word in command_of(source, "cc"))


def is_older(program, files):
    return not program.exists() or any(file.stat().st_mtime > program.stat().st_mtime for file in files)


def compiled(name, folder, tree=SOURCE, build=None):
    """The program of bench/NAME.c in TREE, compiled into FOLDER unless it is there and newer. One that calls
    kitehook's functions is linked with the libraries of BUILD."""
    source = tree / f"bench/{name}.c"
    if not source.exists():
        raise NotRun(f"there is no {source}")
    program = folder / source.stem
    arguments, sources = [], [source, *source.parent.glob("*.h")]
    for word in command_of(source, "cc"):
        if word == "FILE":
            arguments.append(str(source))
        elif word in LIBRARIES:
            found = libraries(word, tree, build)
            sources += found
            arguments += ["-I", str(tree / "handler"), *map(str, found), *FLAGS[word]]
        else:
            arguments.append(word)
    if is_older(program, sources):
        folder.mkdir(parents=True, exist_ok=True)
        compile_program([need_tool("cc"), "-o", str(program), *arguments])
    return program


def compiled_go(name, folder):
    """The same of the Go program in bench/NAME/, with nothing but Go's standard library."""
    sources = BENCH / name
    program = (folder / sources.name).resolve()
    if not is_older(program, sorted(sources.iterdir())):
        return program
    folder.mkdir(parents=True, exist_ok=True)
    words = command_of(sources / "main.go", "go")
    start = words.index("go")
    environment = {**os.environ, **dict(word.split("=", 1) for word in words[:start]), "GOFLAGS": "-mod=mod",
                   "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOCACHE": str(program.parent / "go-cache")}
    compile_program([need_tool("go"), *words[start + 1:], "-o", str(program), "."], cwd=sources,
                    env=environment)
    return program


def compile_program(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S, **more)
    if done.returncode == 0:
        return
    missing = re.search(r"cannot find -l\S+|fatal error: (\S+): No such file", done.stderr)
    if missing and not (SOURCE / "handler" / (missing.group(1) or "-")).exists():
        raise NotRun(f"a library is not installed: {missing.group(0)}")
    raise MeasuringError(f"{shlex.join(command[:4])} …\n{done.stderr}")


def run(command, environment=None, timeout=120):
    """Runs COMMAND to its end and gives its output."""
    try:
        done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True,
                              timeout=timeout)
    except subprocess.TimeoutExpired:
        raise MeasuringError(f"{command[0]} did not end within {timeout} s") from None
    if done.returncode != 0:
        raise MeasuringError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
