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
import sys

from chromium import draw

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = ("build_running", "build_failing", "build_finished_failed", "build_finished_passed", "blocked_build",
         "build_finished_canceled", "build_skipped", "job_finished_failed", "agent_lost",
         "hostile_slack_mentions")
WIDTH = 1240
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
    frames = "".join(frame(case, scheme) for case in CASES for scheme in ("light", "dark"))
    draw(PAGE.format(frames=frames), made, WIDTH)
    return 0


if __name__ == "__main__":
    sys.exit(main())
