# What the scripts that boot.sh runs share: what is tried, and what came of it.
failed=0 tried=0

check() { # what command…
  what=$1; shift
  tried=$((tried + 1))
  "$@" >/tmp/said 2>&1 && return
  failed=$((failed + 1))
  echo "FAIL $what"; tail -5 /tmp/said
}
until_ok() { i=0; while ! "$@"; do i=$((i + 1)); [ $i -lt 30 ] || return 1; sleep 1; done; }
# A server that is told to reload before it has begun to listen may die of it.
start_server() { systemctl start "$1" && until_ok curl -s -o /dev/null http://localhost/; }
verdict() {
  echo "$tried tried, $failed failed"
  [ $failed -eq 0 ]
}
