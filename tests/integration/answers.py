"""What the places of Buildkite's words answer, and what becomes of a notification then.

Each row: an answer's status and body, or (headers, body), what then, and what it means for people. The words
of Slack, and most of the rest, are from docs.slack.dev (chat.postMessage, incoming webhooks),
developer.pagerduty.com (Events API v2), github.com/basecamp/bc3-api and docs.github.com/en/rest.
"""
import json

DONE, AGAIN, CONFIG, DEAD = "delivered", "tried again", "waits for another configuration", "dead"
RESULTS = {"ok": DONE, "delivery_failed": AGAIN, "destination_refused": CONFIG, "delivery_refused": DEAD}

SLACK = {
    AGAIN: "rate_limited ratelimited internal_error fatal_error service_unavailable request_timeout "
           "rollup_error team_added_to_org org_login_required",
    CONFIG: "invalid_auth not_authed account_inactive token_revoked token_expired missing_scope "
            "not_allowed_token_type no_permission ekm_access_denied access_denied channel_not_found "
            "not_in_channel is_archived channel_is_archived restricted_action "
            "restricted_action_read_only_channel restricted_action_thread_only_channel user_not_found "
            "no_service no_service_id no_active_hooks no_team team_disabled invalid_token action_prohibited "
            "posting_to_general_channel_denied",
    DEAD: "invalid_payload invalid_blocks invalid_blocks_format no_text msg_too_long msg_blocks_too_long "
          "too_many_attachments invalid_arguments",
}


def words_of_slack(answer):
    """A row for each word, as ANSWER(word) gives status and body."""
    return [(*answer(word), then, f"`{word}`") for then, words in SLACK.items() for word in words.split()]


def by_status(*rows):
    """Rows of (statuses, what then), where the status says it all."""
    return [(status, b"", then, "") for statuses, then in rows for status in statuses]


STATUSES = by_status(((408, 425, 429, 500, 502, 503, 504), AGAIN), ((401, 403, 404, 410), CONFIG),
                     ((400, 413, 422), DEAD))
PAGE = b"<!DOCTYPE html><html>a proxy's own words</html>"


def pagerduty(message, *errors):
    texts = ", ".join(f'"{error}"' for error in errors)
    return f'{{"status": "x", "message": "{message}", "errors": [{texts}]}}'.encode()


USED_UP = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "4102444800"}


def github(message, *errors):
    return json.dumps({"message": message, "documentation_url": "https://docs.github.com/rest", "errors": [
        {"resource": "Status", "code": "custom", "message": error} for error in errors]}).encode()


GITHUB = [
    (201, b'{"id":1,"state":"success"}', DONE, ""),
    (403, ({"Retry-After": "60"}, github("You have exceeded a secondary rate limit.")), AGAIN,
     "with `Retry-After`"),
    (403, (USED_UP, github("API rate limit exceeded")), AGAIN, "with `x-ratelimit-remaining: 0`"),
    (403, github("You have exceeded a secondary rate limit."), AGAIN, "that speaks of a rate limit"),
    (429, (USED_UP, github("API rate limit exceeded")), AGAIN, ""),
    (200, PAGE, AGAIN, "a page"),
    (403, github("Resource not accessible by personal access token"), CONFIG, ""),
    (401, github("Bad credentials"), CONFIG, ""), (404, github("Not Found"), CONFIG, ""),
    (301, github("Moved Permanently"), CONFIG, ""), (307, github("Temporary Redirect"), CONFIG, ""),
    (422, github("No commit found for SHA: 3f9c1a7be2d04c8896a5f00d1b2c3d4e5f607182"), DEAD,
     "no such commit"),
    (422, github("Validation Failed"), DEAD, ""),
    *[row for row in STATUSES if row[0] not in (401, 403, 404, 422)],
]


APP = github("Invalid app_id `1` - check run can only be modified by the GitHub App that created it.")
RUN = {"id": 7, "name": "Kite Frame", "status": "in_progress", "app": {"id": 1}, "external_id": "x"}
GOES_ON = {  # what the place answers to other methods than the one that a name has behind its comma
    "github_check": {"GET": {"check_runs": []}},
    "github_check, a run that is there": {"GET": {"check_runs": [RUN]}, "POST": RUN},
    "github_check, the look for it": {"POST": RUN},
}
METHODS = {"github_check": "POST", "github_check, a run that is there": "PATCH",
           "github_check, the look for it": "GET"}

# Of each place: how an entry is written, the option whose URL it is, and the rows.
PLACES = {
    "slack, by token": [
        (200, b'{"ok":true,"channel":"C024BE91L","ts":"1.1","message":{}}', DONE, '`"ok": true`'),
        (200, b'{"ok":true,"channel":"C024BE91L","message":{"text":"' + b"x" * 8000 + b'"}}', DONE,
         "the same, and more than is read"),
        *words_of_slack(lambda word: (200, f'{{"ok":false,"error":"{word}"}}'.encode())),
        (200, b'{"ok":false,"error":"never_heard"}', AGAIN, "a word that is not known"),
        (200, PAGE, AGAIN, "a page"),
        *STATUSES,
    ],
    "slack, by a webhook's URL": [
        (200, b"ok", DONE, "`ok`"),
        *words_of_slack(lambda word: (400, word.encode())),
        (200, PAGE, AGAIN, "a page"),
        *STATUSES,
    ],
    "webhook": [(200, b"", DONE, ""), (201, b"", DONE, ""), (204, b"", DONE, ""), *STATUSES],
    "pagerduty_change_event": [
        (202, pagerduty("Change event processed"), DONE, ""),
        (400, pagerduty("Event object is invalid", "'payload' is missing or blank"), DEAD, "about the body"),
        (400, pagerduty("Invalid routing key"), CONFIG, "about the key"),
        (400,
         pagerduty("Event object is invalid", "Length of 'routing_key' is incorrect"),
         CONFIG, "about the key"),
        (200, PAGE, AGAIN, "a page"),
        *[row for row in STATUSES if row[0] != 400],
    ],
    "github_commit_status": GITHUB + [
        (422, github("Validation Failed", "This SHA and context has reached the maximum number of statuses."),
         DEAD, "1,000 statuses of that context")],
    "github_check": GITHUB,
    "github_check, a run that is there": [
        (200, json.dumps(RUN).encode(), DONE, ""),
        (404, github("Not Found"), DONE, "by a new run"), (410, b"", DONE, "by a new run"),
        (403, APP, DONE, "of another app, by a new run"),
        *[row for row in GITHUB if row[0] not in (201, 404, 410)]],
    "github_check, the look for it": [
        (200, b'{"total_count":0,"check_runs":[]}', DONE, "none, by a new run"),
        (200, json.dumps({"total_count": 1, "check_runs": [{**RUN, "app": {"id": 2}}]}).encode(), DONE,
         "another app's, by a new run"),
        *[row for row in GITHUB if row[0] != 201]],
    "basecamp_campfire": [(201, b"", DONE, ""), *STATUSES],
}


def table(rows):
    """ROWS as a table of Markdown: one line for all that lead to the same."""
    lines = ["| what becomes of it | answers |", "| --- | --- |"]
    for then in (DONE, AGAIN, CONFIG, DEAD):
        told = []
        for status, _, what, words in rows:
            one = f"{status} {words}".strip()
            if what == then and words.startswith("`") and status == 200 and then != DONE:
                one = words  # of an API whose status says nothing
            elif what == then and words.startswith("`") and status == 400:
                one = words
            if what == then and one not in told:
                told.append(one)
        if told:
            lines.append(f"| {then} | {', '.join(told)} |")
    return "\n".join(lines)
