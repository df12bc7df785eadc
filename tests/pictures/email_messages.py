#!/usr/bin/env python3
"""Draws the HTML of mails, light and dark, as people read it.

usage: tests/pictures/email_messages.py [FILE.png]

FILE (default docs/email-messages.png) is a picture to look at, made by chromium without a window: the page
that each mail has, of some cases of fixtures/events. It proves nothing: what the mails are is in the golden
files. pngquant makes the picture smaller.
Exit status: 0, or 1 without chromium.
"""
import html
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = ("build_running", "build_failing", "build_finished_failed", "build_finished_passed", "blocked_build",
         "build_finished_canceled", "build_skipped", "job_finished_failed", "agent_lost",
         "hostile_slack_mentions")
WIDTH, HEIGHT, TIMEOUT_S = 1240, 1480, 120
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; display: grid; grid-template-columns: 1fr 1fr; font: 11px sans-serif; }}
iframe {{ border: 0; width: 100%; height: 124px; }} p {{ margin: 6px 16px 0; color: #808080; }}
</style>{frames}"""


def head():
    """What stands before the HTML of every mail."""
    source = (ROOT / "handler/notify/email/look.c").read_text(encoding="utf-8")
    text = re.search(r"kh_email_html_head\[\] =(.*?);\n", source, re.S).group(1)
    return "".join(json.loads(line) for line in re.findall(r'"(?:[^"\\]|\\.)*"', text))


def frame(case, scheme):
    """A mail in a frame that believes in SCHEME, for one chromium draws both."""
    body = json.loads((ROOT / "fixtures/events" / case / "email.json").read_text(encoding="utf-8"))["html"]
    media = "@media all" if scheme == "dark" else "@media not all"
    page = head().replace("@media (prefers-color-scheme: dark)", media)
    page = page.replace("color-scheme: light dark", f"color-scheme: {scheme}")
    return f'<div><p>{case}</p><iframe srcdoc="{html.escape(page + body)}"></iframe></div>'


def main():
    made = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs" / "email-messages.png").resolve()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        print("no chromium here", file=sys.stderr)
        return 1
    frames = "".join(frame(case, scheme) for case in CASES for scheme in ("light", "dark"))
    with tempfile.TemporaryDirectory() as folder:
        page = pathlib.Path(folder) / "mails.html"
        page.write_text(PAGE.format(frames=frames), encoding="utf-8")
        subprocess.run([chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                        f"--user-data-dir={folder}/profile", f"--window-size={WIDTH},{HEIGHT}",
                        f"--screenshot={made}", page.as_uri()], check=True, capture_output=True,
                       timeout=TIMEOUT_S)
    if shutil.which("pngquant"):
        subprocess.run(["pngquant", "--force", "--output", str(made), "64", str(made)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
