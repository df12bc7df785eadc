"""Rules for cannot_test.py: those that `check` must warn of, and those that it must not. Written by hand from
Buildkite's documents, without a look at what the program has in its tables."""

SLACK = "slack: {url: {file: hook}}"


def condition(text, events="", head="log:"):
    """One rule with `if`, as a block so that nothing in TEXT needs quotes."""
    return f"  - {head}\n" + (f"    events: {events}\n" if events else "") + f"    if: |-\n      {text}\n"


def patterns(key, text):
    return f"  - log:\n    {key}: {quoted(text)}\n"


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


# (a rule, the text that the warning points at, words of the warning)
EVENTS = [
    (condition('build.state == "failing"', head=SLACK), "build.state", "it can be at build.failing"),
    (condition('build.state == "running"', head=SLACK), "build.state", "it can be at build.running"),
    (condition('build.state == "scheduled" && build.branch == "main"', head=SLACK), "build.state",
     "it can be at build.scheduled"),
    (condition('["failing"] includes build.branch && build.state == "failing"', "build.finished"),
     '["failing"]', "it can be at build.failing"),
    (condition('job.state == "running"', "job.finished"), "job.state", "it can be at job.started"),
    (condition('job.state == "failed"', "[job.started, job.scheduled]"), "job.state",
     "it can be at job.finished"),
    (condition('step.outcome == "hard_failed"', "job.started"), "step.outcome", "it can be at job.finished"),
    (condition('build.state == "failed" && agent.name == "a"', "[build.finished, agent.lost]"), "build.state",
     "no other event makes it true"),
    (condition('event =~ /^job/ && build.branch == "main"', "build.*"), None, None),
    ("  - log:\n    events: builds.*\n", "builds.*", "no event `builds.*`; did you mean `build.*`?"),
    ("  - log:\n    events: [build.finished, pipelines.*]\n", "pipelines.*", "no event `pipelines.*`"),
    (condition('event =~ /^job/ && build.branch == "main"', "build.finished"), "event", "never true at"),
    (condition('build.state == "skipped"', "[build.running, build.failing]"), "build.state",
     "it can be at build.finished, build.skipped"),
]

CONSTANTS = [
    (condition('build.tag != ""'), "build.tag", "write `build.tag != null`"),
    (condition('build.tag == ""'), "build.tag", "write `build.tag == null`"),
    (condition('build.branch == "main" && build.message != " "'), "build.message", "always true"),
    (condition("'' == build.author.name"), "build.author.name", "never true"),
    (condition('build.branch != "main" || build.branch != "dev"'), "build.branch", "did you mean `&&`"),
    (condition('build.branch == "main" && build.branch == "dev"'), "build.branch", "did you mean `||`"),
    (condition('build.state == "failed" && build.state == "canceled"'), "build.state", "did you mean `||`"),
    (condition('build.state == "passed" && build.blocked'), "build.state", "build.blocked_state"),
    (condition('build.blocked_state == "failed" && build.state == "failed"'), "build.blocked_state",
     "never true"),
    (condition('build.number == 1 && build.number == 2'), "build.number", "did you mean `||`"),
    (condition('build.branch == "main" && build.branch =~ /^release/'), "build.branch", "never true"),
    (condition('["main", "dev"] includes build.branch && build.branch == "trunk"'), '["main"', "never true"),
    (condition('build.state == "failed" || true'), "build.state", "always true"),
    (condition('!(build.tag == "") && build.branch == "main"'), "build.tag", "never true"),
    (condition('build.branch == "main" ? build.branch == "dev" : build.branch == "main"'), "build.branch",
     "never true"),
    (condition('at_least(2, 3) && build.branch == "main"'), "at_least", "never true"),
    (condition('build.branch == build.branch'), "build.branch", "always true"),
    (condition('build.number != build.number'), "build.number", "never true"),
]

VALUES = [
    (condition('job.state == "success"', "job.finished"), '"success"', 'did you mean "passed"'),
    (condition('job.state == "finished"', "job.finished"), '"finished"', 'did you mean "passed"'),
    (condition('job.state == "cancelled"', "job.finished"), '"cancelled"', 'did you mean "canceled"'),
    (condition('build.state == "started"'), '"started"', 'did you mean "running"'),
    (condition('job.type == "command"', "job.finished"), '"command"', 'did you mean "script"'),
    (condition('step.type == "group"', "job.finished"), '"group"', "no webhook has step.type"),
    (condition('step.state == "failing"', "job.finished"), '"failing"', "no webhook has step.state"),
    (condition('job.retry_type != "auto"', "job.finished"), '"auto"', "always true"),
    (condition('job.signal_reason == "canceled"', "job.finished"), '"canceled"', 'did you mean "cancel"'),
    (condition('agent.connection_state == "gone"', "agent.*"), '"gone"', "never true"),
    (condition('pipeline.slug == "acme/web"'), '"acme/web"', "no webhook has pipeline.slug"),
    (condition('pipeline.slug == "Web"'), '"Web"', "never true"),
    (condition('build.branch == "release/*"'), '"release/*"', "never true"),
    (condition('build.branch == "^main$"'), '"^main$"', "never true"),
    (condition('build.branch == "refs/heads/main"'), '"refs/heads', "never true"),
    (condition('build.tag == "v1.*"'), '"v1.*"', "never true"),
    (condition('build.tag != "refs/tags/v1"'), '"refs/tags', "always true"),
    (condition('build.pull_request.base_branch == "release/*"'), '"release', "never true"),
    (condition('organization.slug == "Acme Kites"'), '"Acme', "no webhook has organization.slug"),
    (condition('pipeline.slug == ""'), '""', "never true"),
    ("  - log:\n    branches: 'main release/*'\n    if: build.branch == \"dev\"\n", "build.branch",
     "where `branches` and `pipelines` hold"),
    ("  - log:\n    pipelines: web\n    if: pipeline.slug == \"api\"\n", "pipeline.slug",
     "where `branches` and `pipelines` hold"),
]

# What git's own rules forbid; `git check-ref-format` is asked in the test.
BRANCHES_NEVER = [
    ("^main$", "did you mean `main`?"), ("^release/.*$", "never matches"), ("release/.*", "`release/*`"),
    ("v[0-9]", "nothing but `*` is special"), ("v1.?", "nothing but `*` is special"), ("team/", "`team/*`"),
    ("/main", "never matches"), ("a//b", "never matches"), ("feature..x", "never matches"),
    (r"v1\.0", "never matches"), ("main~1", "never matches"), ("main@{1}", "never matches"),
    ("-main", "never matches"), (".main", "never matches"), ("main.", "never matches"),
    ("x.lock", "never matches"), ("x.lock/*", "never matches"), ("!^wip", "excludes nothing"),
    ("*/.x", "never matches"),
]
BRANCHES_HARDLY = [
    ("main,dev", "did you mean a blank?"), ("main,", "did you mean a blank?"),
    ("main|dev", "did you mean a blank?"),
    ("refs/heads/main", "did you mean `main`?"), ("refs/heads/release/*", "did you mean `release/*`?"),
    ("refs/tags/v1", "did you mean `v1`?"),
    ("main$", "stands for itself"), ("!main,dev", "did you mean a blank?"),
]
BRANCHES_EXCLUDED = [
    ("main !main", "main", "`!main` excludes it"), ("release/* !release/*", "release/*", "excludes it"),
    ("release/1 dev !release/*", "release/1", "`!release/*` excludes it"),
    ("!*", "!*", "excludes everything"),
    ("a*b !a*", "a*b", "`!a*` excludes it"), ("main !*", "main", "`!*` excludes it"),
]
SLUGS = [
    ("Web", "did you mean `web`?"), ("acme/web", "did you mean `web`?"), ("acme/*", "never matches"),
    ("web_app", "did you mean `web-app`?"), ("web.app", "never matches"), ("Web-*", "did you mean `web-*`?"),
    ("web,api", "not commas"), ("^web$", "did you mean `web`?"), ("!Web", "excludes nothing"),
]

COMMENTS = [
    ('  - log:\n    if: >-\n      build.state == "failed" // not the passed ones\n'
     '      && build.branch == pipeline.default_branch\n', "// not", "the comment hides \"&& build.branch"),
    ('  - log:\n    if: >\n      build.state == "failed" // a\n      && build.tag == null\n', "// a",
     "hides"),
    ('  - log:\n    if: build.state == "failed" // a\n      && build.tag == null\n', "// a", "hides"),
    ('  - log:\n    if: "build.state == \'failed\' // a\n      && build.tag == null"\n', "// a", "hides"),
    ('  - log:\n    if: \'build.tag == null // a\n      && build.branch == "main"\'\n', "// a", "hides"),
    ('  - log:\n    if: >-\n      build.tag == null // a\n      // b\n      && build.branch == "main"\n',
     "// a", "hides"),
]

SHOWN_IF = """        {{#if build.state == "failed" // a
        && build.tag == null}}x{{/if}}
"""
MESSAGES = [
    ("  - log:\n      message: >-\n" + SHOWN_IF, "// a",
     'hides "&& build.tag == null" too; write `message: |`'),
    ("  - log:\n      message: |\n" + SHOWN_IF, None, None),
    ('  - log:\n      message: "{{#if build.tag == null // a}}x{{/if}}"\n', None, None),
]

DOLLARS = [
    (condition(r"build.branch =~ /^main$$/"), "/^main$$/", "nothing is replaced"),
    (condition(r"build.branch =~ /^v\d+$$/i"), "/^v", "nothing is replaced"),
    (condition(r"build.branch =~ /^main\$/"), "/^main", "drop the backslash"),
    (condition('build.branch == "$$DEPLOY_BRANCH"'), '"$$DEPLOY', "write one"),
    (condition('build.env("A") == "x-$${B}"'), '"x-$$', "write one"),
    (condition("build.env('A') == '$$B'"), "'$$B'", "write one"),
]

STATES = {  # what an event comes with, the usual way
    "build.scheduled": "scheduled creating", "build.running": "running", "build.failing": "failing failed",
    "build.finished": "passed failed blocked canceled skipped not_run", "build.skipped": "skipped",
    "job.started": "running", "job.scheduled": "scheduled",
    "job.finished": "passed failed canceled timed_out",
}

HAND = r'''
build.branch == "main"
build.branch != 'main'
build.branch == pipeline.default_branch
build.branch == "main" && build.state == "failed"
build.state == "passed" || build.state == "failed"
build.state != "passed" && build.state != "canceled"
!(build.branch == "main")
build.branch == "main" ? build.state == "failed" : build.state == "passed"
build.tag == null
build.tag != null
build.tag =~ /^v/
build.tag !~ /^v/
build.tag == "v1" || build.tag == null
build.message =~ /\[deploy\]/i
build.message !~ /(?m)^fixup!/
build.message != null && build.message =~ /release/
build.commit =~ /^[0-9a-f]{7,40}$/
build.commit == "HEAD"
build.branch =~ /^(main|release\/.*)$/
build.branch =~ /^release\// && build.branch != "release/old"
["main", "staging"] includes build.branch
["main", build.branch] includes /^st/
!(["main", "dev"] includes build.branch)
build.source == "schedule"
build.source != "schedule" && build.source != "trigger_job"
build.source == "ui" && build.creator.name != "Robot"
build.creator.email =~ /@acme\.example$/
build.author.name == "Mara Example"
build.author.email != build.creator.email
build.pull_request.id == null
build.pull_request.id != null && build.pull_request.base_branch == "main"
build.pull_request.id == null ? build.branch == "main" : build.pull_request.base_branch == "main"
build.merge_queue.base_branch == "main"
build.number == 100
at_least(build.number, 1000)
build.state == "blocked"
build.blocked
!build.blocked
build.blocked && build.blocked_state == "failed"
build.state == "blocked" && build.blocked_state == "passed"
build.blocked || build.state == "failed"
build.blocked == true
build.cancel_reason != null
env("BUILDKITE_BRANCH") == "main"
env("DEPLOY") == "yes"
env("DEPLOY") != ""
build.env("DEPLOY") != null
build.env("DEPLOY") == ""
$DEPLOY == "yes"
"${STAGE:-dev} of $BUILDKITE_BRANCH" == "prod of main"
${BUILDKITE_COMMIT:0:7} == "3f9c1a7"
build.meta_data("release") != null
build.meta_data("release") == "yes" && build.branch == "main"
pipeline.slug == "web"
pipeline.slug =~ /^web-/
pipeline.slug == "web" || pipeline.slug == "api-2"
pipeline.repository =~ /acme/
organization.slug == "acme-kites"
sender.name != "Robot"
sender.id == build.creator.id
event == "build.finished"
event =~ /finished$/
event == "build.finished" || event == "build.failing"
event == "build.failing" ? build.branch == "main" : build.state == "failed"
build.branch == "jane:patch-1"
build.branch == "feature/#12-crash"
build.branch == "a,b"
build.branch == "refs/x"
build.branch == "main" // what a comment says
build.branch == "" || build.branch == null
build.branch == build.pull_request.base_branch
build.branch != build.tag
build.state == build.branch
(build.branch == "main") == (build.tag == null)
(build.branch == "main") != true
build.branch =~ (build.tag == null ? /^dev/ : /^rel/)
build.source_event == "pull_request"
build.source == "webhook" && build.source_action == "opened"
build.creator.id == null || build.creator.name == null
build.message =~ /x$/ && build.message !~ /\\$/
build.branch == "dollar$" || build.branch == "$x"
true && build.branch == "main"
build.branch == "main" || false
(build.state == "failed" || build.state == "passed") && (build.source == "ui" || build.source == "api")
build.state == "failed" && build.branch == "main" || build.state == "passed" && build.branch != "main"
build.branch != "main" && build.branch != "dev" && build.branch !~ /^wip/
build.author.name == null && build.creator.name == null
'''
JOBS = r'''
job.state == "failed"
job.state == "failed" && !job.soft_failed
job.state == "passed" || job.state == "failed"
job.state == "canceled" || job.state == "timed_out" || job.state == "expired"
job.state =~ /^(failed|broken)$/
job.exit_status != 0
job.exit_status == -1
job.exit_status == 1 || job.exit_status == 2
job.exit_status == 3221225786
at_least(job.exit_status, 1)
at_least(job.exit_status, 1) && !at_least(job.exit_status, 128)
job.type == "script"
job.type != "waiter" && job.type != "manual"
job.name == ":rocket: Deploy"
job.name =~ /deploy/i && job.state == "failed"
job.step_key == "deploy" && job.state == "passed"
job.group_key == null
job.retried
!job.retried && job.state == "failed"
job.retry_type == "automatic"
job.retries_count == 0 || job.retries_count == null
job.signal == "SIGKILL"
job.signal_reason == "agent_stop"
job.signal_reason != "cancel" && job.signal_reason != null
job.broken_reason == "anything at all"
job.parallel_group_index == 0
job.command =~ /make/
job.agent.name =~ /^mac/
job.agent_query_rules includes "queue=deploy"
job.agent_query_rules includes /^queue=/
job.async
step.key == "deploy"
step.key =~ /^e2e/ && step.outcome != "passed"
step.outcome == "hard_failed" || step.outcome == "errored"
step.outcome == "soft_failed"
step.type == "command"
step.state == "finished"
step.state == "canceled" || step.state == "ignored"
step.label == "Tests"
build.branch == "main" && job.state == "failed"
job.state == "failed" && build.state != "canceled"
build.state == "running" && job.state == "failed"
job.promised_exit_status != null
'''
AGENTS = r'''
agent.name =~ /^mac/
agent.hostname != "spare"
agent.connection_state == "lost"
agent.connection_state != "stopped" && agent.connection_state != "stopping"
agent.meta_data includes "queue=deploy"
agent.queue == "default"
agent.priority == 0
agent.version == "3.50.0"
agent.os_id == "linux" && agent.arch == "arm64"
agent.ip_address =~ /^10\./
'''
MIXED = [
    (r'event == "agent.lost" || job.exit_status == -1', "[job.finished, agent.lost]"),
    (r'event == "agent.lost" || build.state == "failed"', "[build.finished, agent.lost]"),
    (r'event =~ /^agent/ ? agent.queue == "deploy" : build.branch == "main"', "[build.*, agent.*]"),
    (r'event != "build.skipped" && build.state != "not_run"', "build.*"),
    (r'build.state == "creating"', "build.*"),
    (r'build.state == "failing"', "[build.failing, build.finished]"),
    (r'build.state == "failing" || build.state == "failed"', "build.finished"),
    (r'build.state == "failed" && event == "build.finished"', "[build.failing, build.finished]"),
    (r'blocked_ip =~ /^203/', "agent.blocked"), (r'cluster_token.description != null', "agent.blocked"),
    (r'organization.slug == "acme"', "ping"), (r'sender.name == "Mara"', "ping"),
]
BRANCHES = """main|main release/*|!wip/*|release/* !release/old|*|v*.0|v* !v1.*|*-test
stages/* !stages/production
a.c|jane:*|feature/#12*|user@host|été/*|日本語|UPPER|Main|a-b_c+d=e|x.locked|lock|a{b}c|feature-.x
%done|it's
main  dev|main !dev|*/main|refs/*|refs-heads/x|a*b*c|*.x|x*.lock.old|"q"|a;b|(x)|@|a@b|@x
!*-rc main
HEAD|tag/*|1|1.0|x*|a/-b|**|*/*|gh-readonly-queue/main/*|dependabot/npm_and_yarn/*|renovate/*"""
BRANCHES = [text for line in BRANCHES.splitlines() for text in line.split("|")]
GOOD_SLUGS = ["web", "web-*", "!web", "web-* !web-old", "*", "a1", "1-2-3", "*-deploy", "web api",
              "web !web-x"]


def valid():
    """Rules that may match and may not, of which there is nothing to warn."""
    rules = [condition(text) for text in HAND.strip().splitlines()]
    rules += [condition(text, "[job.finished, job.promised_exit_status]")
              for text in JOBS.strip().splitlines()]
    rules += [condition(text, "agent.*") for text in AGENTS.strip().splitlines()]
    rules += [condition(text, events) for text, events in MIXED]
    rules += [patterns("branches", text) for text in BRANCHES]
    rules += [patterns("pipelines", text) for text in GOOD_SLUGS]
    for event, states in STATES.items():
        root = event.split(".")[0]
        for state in states.split():
            rules.append(condition(f'{root}.state == "{state}"', event))
            rules.append(condition(f'{root}.state != "{state}" && build.branch == "main"', event))
            rules.append(condition(f'{root}.state == "{state}" && at_least(build.number, 2)', event))
            rules.append(condition(f'build.source != "ui" || {root}.state == "{state}"', event))
            rules.append(condition(f'{root}.state == "{state}" ? build.tag != null : build.tag == null',
                                   event))
    for notifier in (SLACK, "lifx: {token: {file: hook}}"):
        rules += [condition(f'build.state == "{state}" && build.branch == pipeline.default_branch',
                            head=notifier)
                  for state in ("passed", "failed", "canceled", "blocked")]
    rules += ['  - log:\n    if: |\n      build.state == "failed" // a\n      && build.tag == null\n',
              '  - log:\n    if: >-\n      build.state == "failed"\n      && build.tag == null // a\n',
              '  - log:\n    if: >-\n      build.tag == null // a\n      // b\n',
              '  - log:\n    if: build.message =~ /a \\/\\/ b/\n',
              '  - log:\n    if: >-\n      build.message == "http://x"\n      || build.tag == null\n']
    return rules
