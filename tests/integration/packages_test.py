#!/usr/bin/env python3
"""What can be said of the packages without building them: they have the version of the programs, ship what
`cmake --install` installs, enable nothing by themselves, and their snippets are the recipes. The rest is
script/packages'."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from common import ROOT, Report, Workspace, arguments

DEBIAN = ROOT / "debian"
SERVERS = ("apache2", "lighttpd", "nginx")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def run(*command, **more):
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, check=False, **more)


def packages():
    """Name and fields of each paragraph of debian/control; the first one is the source's."""
    found = {}
    for paragraph in re.split(r"\n\n+", read("debian/control").strip()):
        fields = dict(re.findall(r"^([\w-]+):((?:.*\n?)(?:^ .*\n?)*)", paragraph + "\n", re.M))
        found[(fields.get("Source") or fields["Package"]).strip(), "Source" in fields] = fields
    return found


def check_version(report, build):
    header = re.search(r'KH_VERSION "([\d.]+)"', read("handler/base/version.h")).group(1)
    said = run(str(build / "kitehook"), "version").stdout.split()
    report.check("kitehook says its version", said[:2] == ["kitehook", header], said)
    cache = (build / "CMakeCache.txt").read_text(encoding="utf-8")
    report.check("CMake has the same", f"CMAKE_PROJECT_VERSION:STATIC={header}\n" in cache, header)
    newest = re.match(r"kitehook \(([\d.]+)\) \w+; urgency=\w+\n", read("debian/changelog"))
    report.check("debian/changelog has the same", newest and newest.group(1) == header,
                 read("debian/changelog")[:60])
    report.check("CHANGELOG.md comes before it, or has it",
                 re.search(rf"^## (Unreleased|{re.escape(header)})$", read("CHANGELOG.md"), re.M), header)
    for program in ("kitehook.cgi", "kitehook.fcgi"):
        text = run(str(build / program), env={}).stdout
        report.check(f"{program} says the same", f"{program} {header}:" in text, text[:100])


def check_control(report):
    found = packages()
    names = sorted(name for name, is_source in found if not is_source)
    report.check("four packages", names == ["kitehook", *(f"kitehook-{server}" for server in SERVERS)], names)
    for server in SERVERS:
        depends = found[f"kitehook-{server}", False]["Depends"]
        report.check(f"kitehook-{server} needs both", re.search(rf"^ {server},$", depends, re.M) and
                     re.search(r"^ kitehook \(>= ", depends, re.M), depends)
    main = found["kitehook", False]
    report.check("static receivers say what they are made of",
                 "${kitehook:Static-Built-Using}" in main["Static-Built-Using"], main)
    needed = found["kitehook", True]["Build-Depends"]
    listed = re.search(r'build="(.*?)"', read("script/setup"), re.S).group(1)
    for package in re.findall(r"lib[\w-]+-dev", listed):
        report.check(f"{package} is needed, as script/setup says", f" {package}," in needed or
                     package == "libc6-dev", needed)


def check_symbols(report):
    """script/check-symbols says no to what it must, of static programs and of dynamic ones."""
    calls = "int {0}(void); int main(int n, char **v) {{ (void)v; return n > 5 ? {0}() : 0; }}"
    cases = [  # program, what it calls, how it is linked, whether that is good
        ("a.cgi", "getpid", [], True), ("a.fcgi", "accept", [], True),
        ("b.cgi", "accept", [], False), ("b.fcgi", "connect", [], False),
        ("c.cgi", "getaddrinfo", [], False), ("c.fcgi", "sendto", ["-static"], False),
        ("d.cgi", "getpid", ["-static"], True),
        ("e.cgi", "getpid", ["-Wl,--no-as-needed", "-lsqlite3"], False),
        ("f.cgi", "getpid", ["-Wl,--no-as-needed", "-lfcgi"], False),
        ("f.fcgi", "getpid", ["-Wl,--no-as-needed", "-lfcgi"], True),
    ]
    # For another architecture: a machine that has its compiler may lack its libraries.
    alone, cross = ["-shared", "-fPIC", "-nostdlib"], "aarch64-linux-gnu-gcc"
    across = [("g.cgi", "getpid", alone, True), ("h.cgi", "connect", alone, False)]
    built_by = [("cc", case) for case in cases] + [(cross, case) for case in across if shutil.which(cross)]
    with tempfile.TemporaryDirectory(prefix="kh-symbols-") as there:
        for compiler, (name, called, links, good) in built_by:
            source = pathlib.Path(there) / f"{name}.c"
            source.write_text(calls.format(called), encoding="utf-8")
            program = source.with_suffix("")
            built = run(compiler, "-w", "-fno-builtin", "-o", str(program), str(source), *links)
            if not report.check(f"{name} is built", built.returncode == 0, built.stdout):
                continue
            said = run("script/check-symbols", str(program))
            what = f"{called} {' '.join(links)} by {compiler}"
            report.check(f"check-symbols: {name} with {what}: {'yes' if good else 'no'}",
                         (said.returncode == 0) == good and (good or "must not" in said.stdout), said.stdout)


def check_across(report):
    """For another architecture: each program that debian/rules runs, it runs by the emulator."""
    ran = re.findall(r"^.*\$\(built\)/kitehook .*$", read("debian/rules"), re.M)
    report.check("debian/rules runs the command", len(ran) == 3, ran)
    for line in ran:
        report.check("by the emulator, where one is needed", "$(emulator) $(built)/kitehook" in line, line)
    needed = packages()["kitehook", True]["Build-Depends"]
    for package in ("apache2-dev:native", "qemu-user <cross>"):
        report.check(f"{package} is needed", f" {package}," in needed, needed)


def check_scripts(report):
    """Each shell reads them, they end at the first error, and debhelper's part is in them."""
    for path in sorted(DEBIAN.glob("*.p[or]*")):
        if path.suffix not in (".postinst", ".postrm", ".prerm", ".preinst"):
            continue
        text = path.read_text(encoding="utf-8")
        report.check(f"{path.name}: a shell reads it", run("sh", "-n", str(path)).returncode == 0, text)
        report.check(f"{path.name}: ends at an error", "\nset -e\n" in text, text)
        report.check(f"{path.name}: has debhelper's part", "\n#DEBHELPER#\n" in text, text)
        report.check(f"{path.name}: enables no site", not re.search("a2en|lighty-enable", text), text)
    report.check("debian/rules can be run", (DEBIAN / "rules").stat().st_mode & 0o111, "not executable")
    wanted = re.findall(r"^Test-Command: (\S+) (\S+)$", read("debian/tests/control"), re.M)
    report.check("a test for each server", sorted(server for _, server in wanted) == sorted(SERVERS), wanted)
    for path in ("debian/tests/server", "debian/tests/destination", "script/packages"):
        report.check(f"{path} can be run", (ROOT / path).stat().st_mode & 0o111, "not executable")
    for path in ("debian/tests/server", "script/packages", "script/roots", "tests/boot/packages.sh",
                 "tests/boot/said.sh"):
        report.check(f"{path}: a shell reads it", run("sh", "-n", path).returncode == 0, path)


def check_readme(report):
    """What README says for each server is what the package's test types."""
    readme, test = read("README.md"), read("debian/tests/server")
    typed = re.findall(r'^\s*(?:\w+\) )?readme "(.+?)"', test, re.M)
    report.check("the test types commands", len(typed) >= 4, typed)
    for command in typed:
        report.check(f"README says: {command}", command in readme, "does not stand there")
    for server in SERVERS:
        report.check(f"README names kitehook-{server}", f"| kitehook-{server} | " in readme, server)
        head = (DEBIAN / "snippets" / ("nginx.head" if server == "nginx" else f"{server}.head"))
        said = head.read_text(encoding="utf-8")
        report.check(f"{head.name} says how it is enabled", "# Enable " in said, said)


def check_snippets(report):
    """A recipe's head ends where debian/rules cuts it, and what follows speaks of the package's socket."""
    socket = re.search(r"^ListenStream=(.+)$", read("contrib/systemd/kitehook-fcgi.socket"), re.M).group(1)
    recipes = re.findall(r"'1,/\^\$\$/d' (docs/recipes/[\w.-]+)", read("debian/rules"))
    report.check("four recipes become snippets", len(recipes) == 4, recipes)
    for name in recipes:
        head, _, body = read(name).partition("\n\n")
        report.check(f"{name}: the head is a comment",
                     all(line.startswith("#") for line in head.split("\n")), head)
        report.check(f"{name}: the rest is none", body and not body.startswith("#"), body[:80])
    bodies = "".join(read(name).partition("\n\n")[2] for name in recipes)
    report.check("they speak of the socket", bodies.count(socket) == 3, socket)


def check_config(report, build, folder):
    """The kitehook.yml of the package has no rules, and `check` accepts it as it lies."""
    for name in ("etc/kitehook", "var/lib/kitehook"):
        (folder / name).mkdir(parents=True, mode=0o700)
    secret = folder / "etc/kitehook/webhook-secret"
    secret.write_text("0123456789abcdef0123456789abcdef\n", encoding="utf-8")
    secret.chmod(0o640)
    text = read("debian/default/kitehook.yml")
    for suffix, lines in (("", text), ("-rules", re.sub(r"^#(?=\w|  )", "", text, flags=re.M))):
        config = folder / f"kitehook{suffix}.yml"
        config.write_text(lines.replace("/etc/", f"{folder}/etc/").replace("/var/", f"{folder}/var/"),
                          encoding="utf-8")
        (folder / "etc/kitehook/env").write_text("SLACK_WEBHOOK_URL=https://hooks.slack.example/x\n",
                                                 encoding="utf-8")
        (folder / "etc/kitehook/env").chmod(0o600)
        done = run(str(build / "kitehook"), "check", "--config", str(config))
        report.check(f"the package's config{suffix} is right", done.returncode == 0 and
                     "warning" not in done.stdout, done.stdout)
        report.check(f"the package's config{suffix}: its rules",
                     f"  notify     {1 if suffix else 0} rule" in done.stdout, done.stdout)
    for path in ("/etc/kitehook/webhook-secret", "/var/lib/kitehook"):
        report.check(f"the config says {path}", path in text, text)
    folder_of, account = read("debian/kitehook.tmpfiles"), read("debian/sysusers/kitehook.conf")
    report.check("tmpfiles makes the folder, and changes no owner", re.search(
        r"^d /var/lib/kitehook :0700 :kitehook :kitehook -$", folder_of, re.M), folder_of)
    report.check("sysusers makes the account", re.search(
        r'^u kitehook - "[^"]+" /var/lib/kitehook -$', account, re.M), account)


def check_install(report, build):
    """Everything of cmake's list has its place in the package: below /usr, and units where systemd looks."""
    with tempfile.TemporaryDirectory(prefix="kh-packages-") as there:
        done = run("cmake", "--install", str(build), "--prefix", f"{there}/usr")
        if not report.check("cmake --install", done.returncode == 0, done.stdout[-800:]):
            return
        files = {path.relative_to(there).as_posix() for path in pathlib.Path(there).rglob("*")
                 if path.is_file()}
    for needed in ("usr/bin/kitehook", "usr/lib/kitehook/kitehook.cgi", "usr/lib/kitehook/kitehook.fcgi",
                   "usr/share/man/man1/kitehook.1", "usr/share/man/man5/kitehook.yml.5",
                   "usr/share/bash-completion/completions/kitehook", "usr/share/doc/kitehook/README.md",
                   "usr/share/kitehook/fixtures/events/ping/request.http"):
        report.check(f"{needed} is installed", needed in files, "missing")
    for unit in ("kitehook-worker.service", "kitehook-fcgi.socket"):
        report.check(f"{unit} is the package's", re.search(
            rf"dh_installsystemd -pkitehook .*{re.escape(unit)}$", read("debian/rules"), re.M), unit)
    # Whatever else `cmake --install` writes, dh takes as it is: it must not leave /usr.
    report.check("nothing leaves /usr", all(name.startswith("usr/") for name in files), files)
    license_link = read("debian/kitehook.links").split()
    report.check("LICENSE is there by a link", license_link ==
                 ["usr/share/doc/kitehook/copyright", "usr/share/doc/kitehook/LICENSE"], license_link)
    held = re.sub(r"\s+|^ \.$", " ", read("debian/copyright"))
    text = re.sub(r"\s+", " ", read("LICENSE").partition("\n\n")[2].partition("\n\n")[2])
    held = re.sub(r" \. ", " ", held)
    report.check("debian/copyright has LICENSE's words", text.strip() in held, held[-300:])


def main():
    chosen = arguments(__doc__)
    report = Report(chosen.verbose)
    check_version(report, chosen.build)
    check_control(report)
    check_symbols(report)
    check_across(report)
    check_scripts(report)
    check_readme(report)
    check_snippets(report)
    with Workspace() as folder:
        check_config(report, chosen.build, folder)
    check_install(report, chosen.build)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
