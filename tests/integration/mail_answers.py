"""What a mail server answers, and what becomes of a mail then.

Each row: to what (an SMTP command, "greeting", or "end", the final dot), the code, and what then. Sources:
RFC 5321, 4.2 and 4.3.2; RFC 3207, 4; RFC 4954, 4 and 6.
"""
from answers import AGAIN, CONFIG, DEAD, DONE, RESULTS  # noqa: F401

ROWS = [
    ("end", 250, DONE), ("QUIT", 421, DONE), ("QUIT", 500, DONE),
    *[("greeting", code, AGAIN) for code in (421, 450)], ("greeting", 554, DEAD),
    ("EHLO", 421, AGAIN),
    ("STARTTLS", 454, CONFIG), ("STARTTLS", 502, CONFIG), ("STARTTLS", 421, AGAIN),
    *[("AUTH", code, CONFIG) for code in (530, 534, 535, 538)], ("AUTH", 504, CONFIG), ("AUTH", 454, AGAIN),
    ("AUTH", 421, AGAIN),
    *[(stage, code, AGAIN) for stage in ("MAIL", "RCPT", "DATA", "end") for code in (421, 451, 452)],
    *[(stage, 530, CONFIG) for stage in ("MAIL", "RCPT")],
    ("MAIL", 552, DEAD), ("MAIL", 553, DEAD), ("RCPT", 450, AGAIN), ("RCPT", 550, DEAD), ("RCPT", 551, DEAD),
    ("DATA", 554, DEAD), ("end", 552, DEAD), ("end", 554, DEAD),
]
NAMES = {"greeting": "the connection", "end": "the mail itself", "MAIL": "`MAIL FROM`", "RCPT": "`RCPT TO`"}


def table():
    """ROWS as a table of Markdown."""
    lines = ["| what becomes of it | answers |", "| --- | --- |"]
    for then in (DONE, AGAIN, CONFIG, DEAD):
        told = {}
        for stage, code, what in ROWS:
            if what == then and stage != "QUIT":
                told.setdefault(NAMES.get(stage, f"`{stage}`"), []).append(str(code))
        answers = "; ".join(f"{stage}: {', '.join(codes)}" for stage, codes in told.items())
        lines.append(f"| {then} | {answers} |")
    return "\n".join(lines)
