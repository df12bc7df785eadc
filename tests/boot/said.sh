#!/bin/sh
# said.sh [RUNNER…]: what kitehook's package says and does, that was installed just now: to webhooks that
# openssl signs, and with a rule that sends. RUNNER stands before each program: qemu-aarch64, say. What no
# two runs share (times, ids, what is free) is levelled: packages of two architectures say the same.
#
# Needs python3, iproute2, destination of debian/tests beside it, and to be run by `unshare --net`. Changes
# the system that it runs on.
set -eu
runner=$*
here=$(cd "$(dirname "$0")" && pwd)
fixtures=/usr/share/kitehook/fixtures
secret=/etc/kitehook/webhook-secret
folder=$(mktemp -d)
port=8999 now=$(date +%s) # one time: the second one of a signature is a replay
sed '1,/^\r$/d' $fixtures/events/build_finished_failed/request.http >"$folder/body"

as_kitehook() { setpriv --reuid=kitehook --regid=kitehook --init-groups env -i "$@"; }
level() {
  sed -E -e 's/"[0-9a-f]{16}(\.[0-9]+\.[0-9a-f]{8},|")/"ID\1/g; s/ID\.[0-9.a-f]+/ID/g' \
    -e 's/20[0-9-]{8}T[0-9:.]+Z/TIME/g; s/(_u?s":)[0-9]+/\1N/g; s/[0-9]+ [GM]B left/N left/' \
    -e 's/[0-9.]+ ?(ms|s) ago/N ago/g'
}
# says COMMAND…: reads from standard input, what it said then stands below its name
says() {
  as_kitehook "$@" >"$folder/said" 2>&1 || echo "exit code $?" >>"$folder/said"
  level <"$folder/said"
}
kitehook() {
  printf '\n--- kitehook %s\n' "$*"
  says $runner /usr/bin/kitehook "$@" </dev/null
}
cgi() { # SECRET_FILE
  printf '\n--- kitehook.cgi, signed with %s\n' "$1"
  signature=$({ printf %s. "$now"; cat "$folder/body"; } | openssl dgst -sha256 -hmac "$(cat "$1")")
  says REQUEST_METHOD=POST CONTENT_TYPE=application/json CONTENT_LENGTH="$(wc -c <"$folder/body")" \
    HTTP_X_BUILDKITE_EVENT=build.finished \
    HTTP_X_BUILDKITE_SIGNATURE="timestamp=$now,signature=${signature##* }" \
    $runner /usr/lib/kitehook/kitehook.cgi <"$folder/body"
}

kitehook version
kitehook check
kitehook invoke build_finished_failed
for receiver in cgi fcgi; do
  printf '\n--- kitehook.%s, by hand\n' $receiver
  says $runner /usr/lib/kitehook/kitehook.$receiver </dev/null
done
ip link set lo up
echo SLACK_WEBHOOK_URL=http://127.0.0.1:$port/slack | install -m 0640 -g kitehook /dev/stdin /etc/kitehook/env
sed -i 's/^#env_file/env_file/' /etc/kitehook/kitehook.yml
cat >>/etc/kitehook/kitehook.yml <<'END'
notify:
  - name: builds
    slack: {url: {env: SLACK_WEBHOOK_URL}, message: "{{build.number}}: {{build.message}}"}
    if: build.state == "failed" && build.message =~ /spars? a/
    events: build.finished
END
python3 "$here/destination" $port "$folder/caught" &
destination=$!
trap 'kill $destination; rm -rf "$folder"' EXIT
kitehook check
for signed in $fixtures/webhook-secret $secret $secret; do
  cgi $signed
  kitehook worker --once
done
kitehook log
kitehook history kite-frame
kitehook why kite-frame/102
kitehook status
printf '\n--- sent\n'
cat "$folder/caught"
grep -q '"text": "102: Cut the spars' "$folder/caught"
