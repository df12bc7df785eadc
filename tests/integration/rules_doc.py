"""docs/rules.md: its rules pass `check` and match what they say they match, its conditions and commands give
what they show, and its tables of names are those of the sources."""
import re
import subprocess

from common import FIXTURES, ROOT

PAGE = ROOT / "docs" / "rules.md"
WEBHOOK = "webhook:\n  signature: {file: webhook-secret}\nenv_file: env\nstate: state\n"
TRIED = FIXTURES / "events" / "build_finished_failed"
X_ROW = re.compile(r'X\(\s*(\w+), "([\w.]+)", (\w+), (\w+), (\w+), ([\w| ]+)\)')
KINDS = {"STRING": "text", "NUMBER": "number", "BOOLEAN": "boolean", "LIST": "list"}
TELLS = [("KH_NAME_EXTENDED", "kitehook"), ("KH_NAME_UNFILLED", "not carried"), ("KH_NAME_HISTORY", "memory"),
         ("KH_NAME_JOBS", "jobs"),
         ("KH_NAME_BLANK_IS_NULL", "blank is null")]


def run(command, **more):
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, timeout=60, **more)


# ---- the tables of names, as the sources have them

def names_table():
    """A row a variable of handler/language/names/names.h."""
    rows = ["| name | kind | |", "| --- | --- | --- |"]
    source = re.sub(r"\s*\\?\n\s*", " ",
                    (ROOT / "handler/language/names/names.h").read_text(encoding="utf-8"))
    for _, name, kind, _, values, flags in X_ROW.findall(source):
        if "KH_NAME_HIDDEN" in flags:
            continue
        shown = "known values" if values != "NONE" else KINDS[kind]
        rows.append(f"| `{name}` | {shown} | {', '.join(tell for flag, tell in TELLS if flag in flags)} |")
    return "\n".join(rows) + "\n"


def values_table(kitehook):
    """A row an enum: its values are those that `eval` takes of all the words that the sources have."""
    rows = ["| name | values |", "| --- | --- |"]
    text = (ROOT / "handler/language/names/names.c").read_text(encoding="utf-8")
    words = list(dict.fromkeys(re.findall(r'"([a-z_]+)"', text)))
    for name in ("build.state", "build.blocked_state", "build.source", "step.type", "step.state",
                 "step.outcome"):
        ask = [str(kitehook), "eval", "--entrypoint", "step-notification", "--validate-only"]
        taken = [word for word in words if run([*ask, f'{name} == "{word}"']).returncode == 0]
        rows.append(f"| `{name}` | {', '.join(f'`{word}`' for word in taken)} |")
    return "\n".join(rows) + "\n"


def between(text, mark):
    return re.search(rf"<!-- {mark} -->\n(.*?)<!-- /{mark} -->", text, re.S).group(1)


def check_tables(report, kitehook, text):
    for mark, wanted in (("names", names_table()), ("values", values_table(kitehook))):
        report.check(f"rules.md: the table of {mark} is that of the sources",
                     between(text, mark) == wanted and wanted.count("\n") > 4, f"it should be\n{wanted}")


# ---- the examples

def write_config(folder, block):
    """BLOCK, which has `notify:` or is an included file, as a whole config."""
    if not re.search(r"^notify:", block, re.M):
        name = re.match(r"# ([\w-]+\.yml)\n", block).group(1)
        (folder / name).write_text(block, encoding="utf-8")
        block = f"notify:\n  - include: {name}\n"
    config = folder / "rules.yml"
    config.write_text(WEBHOOK + block, encoding="utf-8")
    return config


def check_rules(report, kitehook, folder, text):
    for name, table in re.findall(r"```yaml\n# ([\w-]+\.yml)\n([^`]*)```\n<!-- a table -->", text):
        (folder / name).write_text(table, encoding="utf-8")
    text = re.sub(r"```yaml\n[^`]*```\n<!-- a table -->", "", text)
    told = r"(?:<!-- matches: ([\w ]+); not: ([\w ]+)(?:; says: ([^\n]*))? -->)?"
    blocks = re.findall(r"```yaml\n(.*?)```\n" + told, text, re.S)
    report.check("rules.md has rules", len(blocks) > 5 and sum(bool(block[1]) for block in blocks) > 5,
                 len(blocks))
    for block, *_ in blocks:  # first, so that what others include is there
        write_config(folder, block)
    for number, (block, yes, no, says) in enumerate(blocks, 1):
        config = write_config(folder, block)
        done = run([str(kitehook), "check", "--config", str(config), "--json"])
        report.check(f"rules.md, rules {number}: check", done.returncode == 0, done.stdout)
        report.check(f"rules.md, rules {number}: nothing never matches",
                     not re.search(r'"message": ?"`(if|branches|pipelines)`', done.stdout), done.stdout)
        for code, events in ((0, yes), (1, no)):
            for event in events.split():
                done = run(
                    [str(kitehook), "explain", "--config", str(config), str(FIXTURES / "events" / event)])
                report.check(
                    f"rules.md, rules {number}: {event} {'matches' if code == 0 else 'does not match'}",
                    done.returncode == code and (code or says in done.stdout), done.stdout[-600:])


def check_conditions(report, kitehook, text):
    rows = re.findall(r"^\| `(.+)` \| (true|false) \|$", text, re.M)
    report.check("rules.md has conditions", len(rows) > 20, len(rows))
    for condition, value in rows:
        done = run([str(kitehook), "eval", condition.replace("\\|", "|"), str(TRIED)])
        report.check(f"rules.md: {condition}", done.stdout == value + "\n", done.stdout)


def check_patterns(report, kitehook, folder, text):
    rows = re.findall(r"^\| `(.+)` \| `(.+)` \| (yes|no) \|$", text, re.M)
    report.check("rules.md has patterns", len(rows) > 5, len(rows))
    for patterns, branch, answer in rows:
        config = write_config(folder, f'notify:\n  - log:\n    branches: "{patterns}"\n')
        body = (TRIED / "request.http").read_bytes().split(b"\r\n\r\n",
                                                           1)[1].replace(
                                                               b'"branch":"main"',
                                                               b'"branch":"%s"' % branch.encode())
        (folder / "body.json").write_bytes(body)
        done = run([str(kitehook), "explain", "--config", str(config), str(folder / "body.json")])
        report.check(f"rules.md: {patterns} and {branch}",
                     done.returncode == (0 if answer == "yes" else 1) and f"branch {branch}" in done.stdout,
                     done.stdout)


def check_messages(report, kitehook, folder, text):
    rows = re.findall(r'^\| `(.*\{\{.*)` \| "(.*)" \|$', text, re.M)
    report.check("rules.md has messages", len(rows) > 4, len(rows))
    for message, says in rows:
        quoted = message.replace("\\|", "|").replace("'", "''")
        config = write_config(folder, f"notify:\n  - log: {{message: '{quoted}'}}\n")
        done = run([str(kitehook), "explain", "--config", str(config), str(TRIED)])
        report.check(f"rules.md: {message}", f"\n    {says}\n" in done.stdout, done.stdout)


def fits(shown, output):
    """Whether OUTPUT is what is SHOWN; a line of … stands for any lines."""
    pattern = "".join(".*?" if line == "…\n" else re.escape(line) for line in shown.splitlines(keepends=True))
    return re.fullmatch(pattern, output, re.S) is not None


def check_commands(report, kitehook, text):
    examples = [example for block in re.findall(r"```console\n(.*?)```", text, re.S)
                for example in re.findall(r"\$ (.*)\n((?:[^$].*\n)*)", block)]
    report.check("rules.md has commands", len(examples) > 5, len(examples))
    for command, shown in examples:
        done = run(["sh", "-c", re.sub(r"\bkitehook (?=eval|check|explain)", f"{kitehook} ", command)])
        report.check(f"rules.md: {command}", fits(shown, done.stdout), done.stdout)


def check_rules_page(report, build, folder):
    kitehook = build / "kitehook"
    text = PAGE.read_text(encoding="utf-8")
    (folder / "env").write_text("SLACK_WEBHOOK_URL=https://hooks.slack.example/services/x\n"
                                "SLACK_TOKEN=xoxb-planted\n", encoding="utf-8")
    (folder / "webhook-secret").write_text("a-secret-of-the-test\n", encoding="utf-8")
    for name in ("env", "webhook-secret"):
        (folder / name).chmod(0o600)
    check_tables(report, kitehook, text)
    check_rules(report, kitehook, folder, text)
    check_conditions(report, kitehook, text)
    check_patterns(report, kitehook, folder, text)
    check_messages(report, kitehook, folder, text)
    check_commands(report, kitehook, text)
