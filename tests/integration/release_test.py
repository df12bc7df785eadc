#!/usr/bin/env python3
"""What of script/release, script/sbom and the container can be tried without building: the list of what is
linked is held against link maps, the document is one of SPDX's form, and the container's entry ends in order.
The rest is script/release --check and script/container --try."""
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import common

TAKEN = " .text          0x0000000000401000      0x{size:x} {path}\n"
# As lambda/linked.txt has bootstrap: an archive's member for each library, one file of ours.
MEMBERS = ["/p/lib/libc.a(printf.lo)", "/usr/lib/gcc/x/12/crtend.o", "/p/lib/libcrypto.a(sha256.o)",
           "/p/lib/libjansson.a(load.c.o)", "/p/lib/libyaml.a(api.c.o)",
           "/p/lib/libpcre2-8.a(pcre2_match.c.o)", "/p/lib/libcurl.a(easy.c.o)",
           "CMakeFiles/bootstrap.dir/main.c.o", "../handler/libkh_worker.a(work.c.o)"]


def write_map(build, members):
    """As ld writes one: a section that was thrown away stands before the memory map."""
    (build / "cmake").mkdir(parents=True, exist_ok=True)
    (build / "cmake" / "bootstrap.map").write_text(
        "Discarded input sections\n\n" + TAKEN.format(size=9, path="/p/lib/libdiscarded.a(no.o)") +
        "\nLinker script and memory map\n\n" + TAKEN.format(size=0, path="/p/lib/libempty.a(no.o)") +
        "".join(TAKEN.format(size=16, path=path) for path in members), encoding="utf-8")


def sbom(folder, members):
    build = folder / "build"
    write_map(build, members)
    (build / "bootstrap").write_bytes(b"a program")
    (build / "versions").write_text("".join(f"{name} 1.0-1 {'a' * 64}\n" for name in (
        "musl", "openssl", "jansson", "libyaml", "pcre2", "curl", "sqlite3", "libfcgi")), encoding="utf-8")
    (folder / "one.zip").write_bytes(b"an artefact")
    return subprocess.run(
        [common.ROOT / "script" / "sbom", "--version", "1.2.3", "--epoch", "1700000000",
         "--out", folder / "out.json", "--versions", build / "versions",
         "--holds", f"{folder}/one.zip=bootstrap={build}"],
        capture_output=True, text=True, check=False)


def check_sbom(report, folder):
    done = sbom(folder, MEMBERS)
    report.check("sbom: a map that is as the list says", done.returncode == 0, done.stderr)
    check_document(report, json.loads((folder / "out.json").read_text(encoding="utf-8")))
    for name, members, said in (
            ("a library more", [*MEMBERS, "/p/lib/libsqlite3.a(sqlite3.o)"], "links sqlite3, which"),
            ("one that nobody knows", [*MEMBERS, "/p/lib/libother.a(x.o)"], "libother.a(x.o), which"),
            ("one that is not there", [one for one in MEMBERS if "curl" not in one], "does not link curl")):
        done = sbom(folder, members)
        report.check(f"sbom: {name}: no", done.returncode == 1 and said in done.stderr, done.stderr)


def check_document(report, document):
    """The rules of SPDX 2.3 that a reader stumbles over."""
    ids = ["SPDXRef-DOCUMENT", *(one["SPDXID"] for one in document["packages"])]
    report.check("SPDX: ids, each once", len(ids) == len(set(ids)) and
                 all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", one) for one in ids), ids)
    ends = {one[end] for one in document["relationships"] for end in ("spdxElementId", "relatedSpdxElement")}
    report.check("SPDX: relations are between what is there", ends <= set(ids), ends - set(ids))
    report.check("SPDX: of this version", document["spdxVersion"] == "SPDX-2.3" and
                 document["dataLicense"] == "CC0-1.0" and document["creationInfo"]["created"] ==
                 "2023-11-14T22:13:20Z", document["creationInfo"])
    sums = {one["packageFileName"]: one["checksums"][0]["checksumValue"] for one in document["packages"]
            if "checksums" in one}
    report.check("SPDX: artefact and program have their sums", sums == {
        "one.zip": hashlib.sha256(b"an artefact").hexdigest(),
        "bootstrap": hashlib.sha256(b"a program").hexdigest()}, sums)
    linked = sorted(one["relatedSpdxElement"] for one in document["relationships"]
                    if one["relationshipType"] == "STATIC_LINK")
    report.check("SPDX: what it links", len(linked) == 7 and "SPDXRef-Library-curl" in linked, linked)


def check_release(report):
    done = subprocess.run([common.ROOT / "script" / "release", "9.9.9"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    report.check("release: another version than the sources have: no",
                 done.returncode == 1 and "not of 9.9.9" in done.stderr, (done.returncode, done.stderr))
    text = (common.ROOT / "script" / "release").read_text(encoding="utf-8")
    told = re.search(r"--only PARTS +of: (.*) \(all by default\)", text).group(1)
    report.check("release: makes what its help says", f'\nonly="{told}"\n' in text, told)
    for part in told.split():
        report.check(f"release: {part} can be asked for",
                     re.search(rf"^  (.* \| )?{part}( \| .*)?\) ;;$", text, re.M))
    report.check("release: packages for arm64", "deb-arm64" in told.split(), told)


# ---- the container's entry, with programs that only say what happens to them

# In Python: a shell could not hear SIGINT, which it inherits ignored, as lighttpd does.
FAKE = """#!{python}
import signal, sys
def say(text):
    with open("{log}", "a") as log:
        print("{name}", text, file=log)
def leave(*_):
    say("ended")
    sys.exit(0)
if sys.argv[1] == "check":
    sys.exit({check})
signal.signal(signal.{signal}, leave)
say("began " + " ".join(sys.argv[1:]))
while True:
    signal.pause()
"""


class Entry:
    def __init__(self, folder, check=0):
        self.log = folder / "log"
        for name, ends in (("lighttpd", "SIGINT"), ("kitehook", "SIGTERM")):
            path = folder / name
            path.write_text(FAKE.format(python=sys.executable, name=name, log=self.log, signal=ends,
                                        check=check), encoding="utf-8")
            path.chmod(0o755)
        self.child = subprocess.Popen([common.ROOT / "contrib" / "container" / "entry"],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True,
                                      env={"PATH": f"{folder}:{os.environ['PATH']}"})

    def lines(self):
        return common.whole_text(self.log).splitlines()

    def has(self, text, times=1):
        return common.wait_until(lambda: sum(text in line for line in self.lines()) >= times, 30)

    def close(self):
        try:
            self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.child.kill()
        return self.child.wait()


def pid_of(child, name):
    for pid in pathlib.Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split():
        if name in pathlib.Path(f"/proc/{pid}/cmdline").read_text():
            return int(pid)
    return 0


def check_entry(report, folder):
    entry = Entry(folder)
    report.check("entry: both begin", entry.has("lighttpd began") and
                 entry.has("kitehook began worker --serve"), entry.lines())
    entry.child.send_signal(signal.SIGTERM)
    report.check("entry: SIGTERM: 0", entry.close() == 0)
    report.check("entry: SIGTERM: lighttpd first, then the worker",
                 entry.lines()[-2:] == ["lighttpd ended", "kitehook ended"], entry.lines())
    entry.log.unlink()
    entry = Entry(folder)
    if report.check("entry: both begin again", entry.has("lighttpd began") and entry.has("kitehook began")):
        os.kill(pid_of(entry.child, "kitehook"), signal.SIGTERM)
        report.check("entry: another worker for one that ended", entry.has("kitehook began", 2),
                     entry.lines())
        os.kill(pid_of(entry.child, "lighttpd"), signal.SIGINT)
    report.check("entry: it ends when lighttpd does, with 1", entry.close() == 1)
    report.check("entry: and its worker, too", entry.lines()[-1] == "kitehook ended", entry.lines())
    entry.log.unlink()
    entry = Entry(folder, check=1)
    report.check("entry: without a configuration: 3, and nothing begins",
                 entry.close() == 3 and not entry.lines(), entry.lines())
    report.check("entry: and it says what to mount", "mount a folder" in entry.child.stdout.read())


def check_containerfile(report):
    text = (common.ROOT / "Containerfile").read_text(encoding="utf-8")
    for path in re.findall(r"^COPY (?!--)(\S+)", text, re.M):
        report.check(f"Containerfile: {path} is there", (common.ROOT / path).exists())
    report.check("Containerfile: one user, and not root",
                 re.findall(r"^USER (\S+)$", text, re.M) == ["10001:10001"])
    for word in ("VOLUME /var/lib/kitehook", "HEALTHCHECK", "STOPSIGNAL SIGTERM"):
        report.check(f"Containerfile: {word}", f"\n{word}" in text)


def main():
    chosen = common.arguments(__doc__.splitlines()[0])
    report = common.Report(chosen.verbose)
    with common.Workspace(chosen.keep) as folder:
        check_sbom(report, folder)
        check_release(report)
        check_containerfile(report)
        check_entry(report, folder)
    return report.close()


common.main(main)
