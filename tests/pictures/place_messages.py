#!/usr/bin/env python3
"""Draws what people see where kitehook tells them: Basecamp, GitHub, PagerDuty, lamps, and a webhook.

usage: tests/pictures/place_messages.py [NAME…]

NAME (default all) is basecamp_campfire, github, pagerduty_change_event, lifx or webhook;
docs/pictures/NAME.png is made of golden files of fixtures/. They are pictures to look at, of pages of ours
that look as the places do: they prove nothing. Exit status: 0, or 1 without chromium.
"""
import html
import json
import pathlib
import re
import sys

from chromium import draw

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTH = 860
# What each hears of by default, and what strangers wrote.
HOSTILE = "stories/hostile_texts"
STARTED, FAILING, FAILED, FIXED, BLOCKED, CANCELED, SKIPPED = (
    f"stories/{name}" for name in ("started_while_broken", "failing_second", "failed_third", "fixed",
                                   "blocked_while_broken", "canceled_while_broken", "skipped_while_broken"))
FONT = '"Noto Sans", "DejaVu Sans", "Noto Color Emoji", sans-serif'
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 14px; background: #fff; color: #1f2328; font: 14px/1.45 {font}; }}
a {{ color: #0969da; text-decoration: none; }} p {{ margin: 0; }}
{style}</style>{body}"""


def golden(case, notifier):
    return json.loads((ROOT / "fixtures" / case / f"{notifier}.json").read_text(encoding="utf-8"))


def page(style, body):
    return PAGE.format(font=FONT, style=style, body=body)


# ---- basecamp_campfire

def basecamp_campfire():
    lines = "".join(f'<div class="line"><i>k</i><div><h3>kitehook</h3><p>{body["content"]}</p></div></div>'
                    for case in (STARTED, BLOCKED, FAILED, FIXED, CANCELED, SKIPPED, HOSTILE)
                    for body in (golden(case, "basecamp_campfire"),))
    return page("""
body { background: #fdfaf6; } .line { display: flex; gap: 10px; margin-bottom: 10px; }
.line i { flex: 0 0 34px; height: 34px; border-radius: 50%; background: #1b7f5c; color: #fff;
  font: bold 18px/34px sans-serif; text-align: center; }
h3 { margin: 0 0 2px; font-size: 12px; color: #6b6560; }
p { background: #f1ece6; border-radius: 4px 14px 14px; padding: 7px 12px; overflow-wrap: anywhere; }
.line a { color: #1b6ac9; text-decoration: underline; }""", lines)


# ---- github: what `github_commit_status` and `github_check` are beside a commit

SIGNS = {"success": ("✓", "#1a7f37"), "failure": ("✕", "#cf222e"), "error": ("✕", "#cf222e"),
         "pending": ("●", "#9a6700"), "neutral": ("■", "#59636e"), "cancelled": ("⊘", "#59636e"),
         "skipped": ("⊘", "#59636e"), "timed_out": ("✕", "#cf222e")}


def sign(word):
    text, colour = SIGNS[word]
    return f'<b style="color:{colour}">{text}</b>'


def markdown(text):
    """As GitHub shows what holds no markup of ours: all of it is escaped."""
    return html.escape(re.sub(r"\\(.)", r"\1", text.replace("&#8203;", "")))


def github():
    rows = checks = ""
    for case, step in ((FAILING, ""), (FAILED, ""), (FIXED, ""), (BLOCKED, ""), (CANCELED, ""), (STARTED, ""),
                       ("stories/job_failed_while_broken", "/Unit tests"), (HOSTILE, "")):
        body = golden(case, "github_commit_status")
        rows += (f'<li>{sign(body["state"])} <i>k</i> <span><strong>buildkite/kite-frame{step}</strong> '
                 f'<small>— {html.escape(body["description"])}</small></span><a href="#">Details</a></li>')
    for case in (FAILED, FIXED, HOSTILE):
        body = golden(case, "github_check")
        word = body["conclusion"]
        checks += (f'<article><h2>{sign(word)} Kite Frame <small>{word}</small></h2>'
                   f'<h4>{html.escape(body["output"]["title"])}</h4><p>{markdown(body["output"]["summary"])}</p>'
                   f'<a href="#">View more details</a></article>')
    return page("""
h1 { font-size: 13px; margin: 0 0 6px; color: #59636e; } small { color: #59636e; font-size: 12px; }
ul { list-style: none; margin: 0 0 16px; padding: 0; border: 1px solid #d1d9e0; border-radius: 6px; }
li { display: flex; align-items: center; gap: 8px; padding: 6px 12px; border-top: 1px solid #d1d9e0; }
li:first-child { border-top: 0; } li b { flex: 0 0 14px; }
li i { flex: 0 0 20px; height: 20px; border-radius: 4px; background: #24292f; color: #fff;
  font: bold 12px/20px sans-serif; text-align: center; }
li span { flex: 1; overflow-wrap: anywhere; } li a { font-size: 12px; }
article { border: 1px solid #d1d9e0; border-radius: 6px; padding: 10px 14px; margin-bottom: 10px; }
article a { font-size: 12px; } article p { margin: 4px 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 15px; margin: 0 0 4px; } h4 { margin: 0; font-size: 14px; overflow-wrap: anywhere; }
""", f"<h1>github_commit_status</h1><ul>{rows}</ul><h1>github_check</h1>{checks}")


# ---- pagerduty_change_event

def pagerduty_change_event():
    rows = ""
    for case in (FAILED, FIXED, CANCELED):
        body = golden(case, "pagerduty_change_event")
        payload = body["payload"]
        details = " · ".join(f"{key}: {html.escape(str(value))}"
                             for key, value in payload.get("custom_details", {}).items() if key != "message")
        links = "".join(f' <a href="#">{html.escape(link["text"])}</a>' for link in body.get("links", []))
        at = payload["timestamp"][:16].replace("T", " ")
        rows += (f"<li><time>{at}</time><div><p><strong>{html.escape(payload['summary'])}</strong></p>"
                 f"<small>{html.escape(payload['source'])}{links}</small><br><small>{details}</small></div></li>")
    return page("""
h1 { font-size: 14px; margin: 0 0 8px; } ul { list-style: none; margin: 0; padding: 0; }
li { display: flex; gap: 14px; border-left: 3px solid #06ac38; padding: 0 0 10px 12px; }
time { flex: 0 0 118px; color: #59636e; font-size: 12px; line-height: 20px; }
small { color: #59636e; font-size: 12px; overflow-wrap: anywhere; } p { overflow-wrap: anywhere; }
strong { font-weight: 600; }""", f"<h1>Recent changes</h1><ul>{rows}</ul>")


# ---- lifx

LAMPS = {"yellow": "255, 214, 0", "green": "0, 200, 70", "red": "255, 40, 30", "blue": "40, 90, 255",
         "purple": "160, 60, 255", "cyan": "0, 200, 220", "white": "235, 235, 235", "pink": "255, 90, 170"}
LIT = (("running", "build_running"), ("passed", "build_finished_passed"), ("failed", "build_finished_failed"),
       ("blocked", "blocked_build"), ("canceled", "build_finished_canceled"),
       ("not_run", "build_finished_not_run"))


def lamp(colour):
    name, _, brightness = colour.partition(" brightness:")
    shine = int(brightness.rstrip("%")) / 100
    glow = f"rgba({LAMPS[name]}, {0.15 + 0.85 * shine:.2f})"
    return (f'<i style="background:radial-gradient(circle, {glow} 30%, transparent 70%)">'
            f'<b style="background:{glow}"></b></i>')


def lifx():
    rows = ""
    for state, case in LIT:
        look = golden(f"events/{case}", "lifx")
        cycles = "until the build ends" if look["cycles"] > 1000 else "once" if look["cycles"] == 1 else \
            f'{look["cycles"]} times'
        rows += (f"<li><h3>{state}</h3><p>{lamp(look['from_color'])}<span>→</span>{lamp(look['color'])}</p>"
                 f"<small>{look['color']}<br>{look['period']} s, {cycles}</small></li>")
    return page("""
body { background: #15171c; color: #e8e8e8; }
ul { list-style: none; display: grid; grid-template-columns: repeat(3, 1fr); gap: 10px; margin: 0;
  padding: 0; }
li { text-align: center; } h3 { margin: 0; font-size: 13px; } small { color: #a9adb5; font-size: 12px; }
p { display: flex; justify-content: center; align-items: center; gap: 4px; }
i { width: 96px; height: 96px; display: grid; place-items: center; }
i b { width: 34px; height: 34px; border-radius: 50%; }""", f"<ul>{rows}</ul>")


# ---- webhook

def coloured(body):
    text = html.escape(json.dumps(body, indent=2, ensure_ascii=False), quote=False)
    text = re.sub(r'("(?:[^"\\]|\\.)*")(:?)', lambda found: (
        f'<u class="{"key" if found.group(2) else "text"}">{found.group(1)}</u>{found.group(2)}'), text)
    return re.sub(r"\b(true|false|null)\b(?![^<]*</u>)", r"<b>\1</b>", text)


def webhook():
    body = golden("stories/failed_third", "webhook")
    head = "POST /hooks/builds HTTP/1.1\nContent-Type: application/json\n\n"
    return page("""
pre { margin: 0; font: 12px/1.4 "DejaVu Sans Mono", monospace; white-space: pre-wrap;
  overflow-wrap: anywhere; }
u { text-decoration: none; } .key { color: #0550ae; } .text { color: #116329; } b { color: #953800; }
""", f"<pre>{html.escape(head)}{coloured(body)}</pre>")


PICTURES = {one.__name__: one for one in (basecamp_campfire, github, pagerduty_change_event, lifx, webhook)}


def main():
    for name in sys.argv[1:] or PICTURES:
        draw(PICTURES[name](), ROOT / "docs" / "pictures" / f"{name}.png", WIDTH)


if __name__ == "__main__":
    main()
