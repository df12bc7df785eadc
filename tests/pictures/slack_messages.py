#!/usr/bin/env python3
"""Draws what Slack is sent for every case of fixtures/events, as people read it.

usage: tests/pictures/slack_messages.py [FILE.png]

FILE (default docs/slack-messages.png) is a picture to look at, made by chromium without a window of a page of
ours; a FILE that ends in .html is that page. pngquant makes the picture smaller. It proves nothing: that
Slack takes the messages is for tests/types, and what they are is in the golden files. Cases whose messages
differ only in numbers share one.
Exit status: 0, or 1 without chromium.
"""
import html
import json
import pathlib
import re
import sys

from chromium import draw

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTH = 1500
# What the messages use of Slack's own; any other name is a workspace's, and shown as such.
EMOJI = {"information_source": "ℹ️", "white_check_mark": "✅", "x": "❌", "warning": "⚠️", "raised_hand": "✋",
         "no_entry_sign": "🚫", "fast_forward": "⏩", "arrow_forward": "▶️", "hourglass_flowing_sand": "⏳",
         "kite": "🪁", "hand": "✋", "tada": "🎉"}
PAGE = """<!doctype html><meta charset="utf-8"><style>
body { margin: 16px; color: #1d1c1d;
  font: 15px/1.46 "Noto Sans", "DejaVu Sans", "Noto Color Emoji", sans-serif; }
main { columns: 2; column-gap: 24px; }
article { break-inside: avoid; padding: 8px 0; border-top: 1px solid #e8e8e8; display: flex; gap: 8px; }
i.app { flex: 0 0 36px; height: 36px; border-radius: 6px; background: #3f0f40; color: #fff;
  font: bold 20px/36px sans-serif; text-align: center; }
h1 { font-size: 20px; margin: 0 0 12px; } h2 { font-size: 15px; margin: 0; }
h2 small { background: #e8e8e8; border-radius: 3px; padding: 0 4px; font-size: 10px; color: #616061; }
p { margin: 0; overflow-wrap: anywhere; max-height: 10em; overflow: hidden; white-space: pre-wrap; }
code { background: #f8f8f8; border: 1px solid #ddd; border-radius: 3px; color: #e01e5a; padding: 1px 3px;
  font-size: 12px; }
a { color: #1264a3; }
b.mention { background: #fff4d1; color: #1264a3; font-weight: normal; border-radius: 3px; }
b.custom { background: #1d9bd1; color: #fff; border-radius: 3px; padding: 0 3px; font: 11px sans-serif; }
footer { color: #8a898a; font-size: 11px; overflow-wrap: anywhere; }
</style><h1>What Slack is sent for the cases of fixtures/events</h1><main>%s</main>"""


def styled(text, style):
    for name, tag in (("code", "code"), ("strike", "s"), ("italic", "em"), ("bold", "strong")):
        if style.get(name):
            text = f"<{tag}>{text}</{tag}>"
    return text


def drawn(element):
    """One element of rich text as HTML."""
    kind, style = element["type"], element.get("style", {})
    if kind == "text":
        return styled(html.escape(element["text"]), style)
    if kind == "link":
        return styled(f'<a href="{html.escape(element["url"])}">{html.escape(element["text"])}</a>', style)
    if kind == "emoji":
        name = element["name"]
        return EMOJI.get(name) or f'<b class="custom">:{html.escape(name)}:</b>'
    sign = "#" if kind == "channel" else "@"
    name = next(value for key, value in element.items() if key != "type")
    return f'<b class="mention">{sign}{html.escape(name)}</b>'


def messages():
    """{HTML of a message: the cases that have it}"""
    found, shown = {}, {}
    for file in sorted(ROOT.glob("fixtures/events/*/slack*.json")):
        section, = json.loads(file.read_text(encoding="utf-8"))["blocks"][0]["elements"]
        text = "".join(map(drawn, section["elements"]))
        name = file.parent.name + (" (message:)" if file.stem == "slack-message" else "")
        found.setdefault(shown.setdefault(re.sub(r"builds/\d+[^\"]*|#\d+", "", text), text), []).append(name)
    return found


def article(text, cases):
    return (f'<article><i class="app">k</i><div><h2>kitehook <small>APP</small></h2><p>{text}</p>'
            f"<footer>{html.escape(', '.join(cases))}</footer></div></article>")


def main():
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs/slack-messages.png").resolve()
    page = PAGE % "".join(article(text, cases) for text, cases in messages().items())
    if target.suffix == ".html":
        target.write_text(page, encoding="utf-8")
    else:
        draw(page, target, WIDTH)
    print(f"{target}: {len(messages())} messages of {sum(map(len, messages().values()))} files")


if __name__ == "__main__":
    main()
