#!/bin/sh
# What boot.sh runs in a booted system that has /root/debs (see script/packages): the packages as somebody
# uses them. Prints a line for each that did not do what it says, then how many were tried.
set -u
cd /root || exit 2
. ./checks.sh
export DEBIAN_FRONTEND=noninteractive
url=http://localhost/buildkite
caught=/root/caught
state=/var/lib/kitehook

apt() { apt-get -q -y --allow-downgrades "$@" </dev/null >>/root/apt.log 2>&1; }
all_of() { ls /root/debs/"$1"kitehook_*.deb /root/debs/"$1"kitehook-apache2_*.deb \
  /root/debs/"$1"kitehook-lighttpd_*.deb /root/debs/"$1"kitehook-nginx_*.deb; }
version_is() { [ "$(dpkg-query -W -f '${Version}' kitehook)" = "$1" ]; }
secret_is_ours() { grep -qxE '[0-9a-f]{32}' /etc/kitehook/webhook-secret &&
  [ "$(stat -c %U:%G:%a /etc/kitehook/webhook-secret)" = root:kitehook:640 ]; }
worker_pid() { systemctl show -P MainPID kitehook-worker; }
send() { kitehook send --new --secret-file /etc/kitehook/webhook-secret $url build_finished_failed; }
sends() { i=0; while [ $i -lt "$1" ]; do send || return 1; i=$((i + 1)); done; }
have_come() { [ "$(wc -l <$caught)" -eq "$1" ]; }
each_once() { [ -z "$(sort $caught | uniq -d | tee /dev/stderr)" ]; }
waiting() { [ "$(find $state/inbox/new -type f | wc -l)" -eq "$1" ]; }
memory() { sqlite3 "file:$state/memory.sqlite?mode=ro" "$1"; }
owed() { [ "$(memory 'SELECT count(*) FROM deliveries WHERE dead_us IS NULL')" -eq "$1" ]; }
destination() { # seconds: how long it takes to answer
  : >$caught; rm -f $caught.refuses
  python3 /root/kitehook/debian/tests/destination 8999 $caught "$1" &
  destination=$!
}
# What it is at is answered first, or it would come again.
destination_off() { sleep 3; kill $destination; wait $destination 2>/dev/null; }
rule() { # file
  echo SLACK_WEBHOOK_URL=http://127.0.0.1:8999/builds |
    install -m 0640 -g kitehook /dev/stdin /etc/kitehook/env
  cat "$1" - >/etc/kitehook/kitehook.yml <<EOF
env_file: /etc/kitehook/env
notify:
  - name: builds
    slack: {url: {env: SLACK_WEBHOOK_URL}, message: "{{build.id}}"}
    events: build.finished
EOF
}

grep -qs "$(hostname)" /etc/hosts || echo "127.0.1.1 $(hostname)" >>/etc/hosts # or sudo waits for it
# All want port 80: each is started when it is its turn.
systemctl stop lighttpd apache2 nginx 2>/dev/null

# ---- installed

: >/root/apt.log
check "installs" apt install $(all_of "")
check "says where to paste the secret" grep -q 'sudo cat /etc/kitehook/webhook-secret' /root/apt.log
check "does not print the secret" sh -c '! grep -qf /etc/kitehook/webhook-secret /root/apt.log'
check "the secret" secret_is_ours
check "check accepts the file as it lies" sudo -u kitehook kitehook check
check "the worker runs" until_ok systemctl is-active kitehook-worker
check "the socket is there" systemctl is-active kitehook-fcgi.socket
check "both come with the system" systemctl is-enabled kitehook-worker kitehook-fcgi.socket
check "status" sudo -u kitehook kitehook status
check "man pages" test -e /usr/share/man/man1/kitehook.1.gz -a -e /usr/share/man/man5/kitehook.yml.5.gz
check "no server was changed" sh -c \
  '! ls /etc/apache2/conf-enabled /etc/lighttpd/conf-enabled /etc/nginx/sites-enabled | grep kitehook'
for server in lighttpd apache2 nginx; do
  check "$server, by README" /root/kitehook/debian/tests/server $server
done
systemctl stop lighttpd apache2
start_server nginx

# ---- upgraded, while a delivery is on its way and webhooks come

rule /usr/share/kitehook/default/kitehook.yml
systemctl reload kitehook-worker
destination 1.5
before=$(worker_pid)
check "upgrade: webhooks before it" sends 3
check "upgrade: the first is on its way" until_ok have_come 1
until [ -e /root/upgraded ]; do
  send >/dev/null 2>&1 && echo kept || echo refused
  sleep 0.3
done >/root/sent &
sending=$!
check "upgrade" apt install $(all_of next/)
touch /root/upgraded; wait $sending
kept=$(grep -c kept /root/sent)
check "upgrade: it is the new version" version_is "$(dpkg-deb -f /root/debs/next/kitehook_*.deb Version)"
check "upgrade: another worker" [ "$(worker_pid)" != "$before" ]
check "upgrade: no webhook was refused ($kept came meanwhile)" sh -c '! grep refused /root/sent'
check "upgrade: webhooks came meanwhile" [ "$kept" -gt 0 ]
until_ok have_come $((kept + 3)) || until_ok have_come $((kept + 3))
check "upgrade: each notification came" have_come $((kept + 3))
check "upgrade: and once" each_once
destination_off

# ---- down, removed and installed again, with webhooks waiting and notifications owed

destination 0
touch $caught.refuses
systemctl start kitehook-worker
check "down: two are owed" sends 2
check "down: two are owed by memory" until_ok owed 2
systemctl stop kitehook-worker
check "down: three wait" sends 3
check "down: three wait in the inbox" waiting 3
check "downgrade" apt install $(all_of "")
check "down: it is the older version" version_is "$(dpkg-deb -f /root/debs/kitehook_*.deb Version)"
check "down: all are owed" until_ok owed 5
check "removed" apt remove kitehook kitehook-apache2 kitehook-lighttpd kitehook-nginx
check "removed: nothing runs" sh -c '! pgrep -u kitehook'
check "removed: five are still owed" owed 5
check "removed: the secret stays" test -s /etc/kitehook/webhook-secret
check "removed: nginx still reads its configuration" nginx -t -q
cp -p /etc/kitehook/webhook-secret /root/secret
check "installed again" apt install $(all_of "")
check "installed again: the same secret" cmp /root/secret /etc/kitehook/webhook-secret
check "installed again: the rule stays" grep -q "name: builds" /etc/kitehook/kitehook.yml
rm $caught.refuses
check "installed again: reload" systemctl reload kitehook-worker
until_ok have_come 5 || until_ok have_come 5 || until_ok have_come 5
check "installed again: all came" have_come 5
check "installed again: each once" each_once
check "reinstall" apt --reinstall install $(ls /root/debs/kitehook_*.deb)
check "reinstall: a webhook" sends 1
check "reinstall: comes" until_ok have_come 6
destination_off

# ---- by www-data, as README.Debian says for a web server that starts the receiver

readme() { # command
  check "README.Debian says: $1" grep -qF -- "$1" /root/readme
  check "README.Debian: $1" sh -c "$1"
}
zcat -f /usr/share/doc/kitehook/README.Debian* >/root/readme
override=/etc/systemd/system/kitehook-worker.service.d/override.conf
readme "systemctl stop kitehook-worker kitehook-fcgi.socket"
readme "systemctl disable kitehook-fcgi.socket"
mkdir ${override%/*} && printf '[Service]\nUser=www-data\nGroup=www-data\n' >$override
systemctl daemon-reload # systemctl edit does both
readme "chown -R www-data: /var/lib/kitehook"
readme "chgrp -R www-data /etc/kitehook"
readme "systemctl start kitehook-worker"
systemctl stop nginx 'kitehook-fcgi@*' 2>/dev/null
cp /usr/share/kitehook/recipes/lighttpd-cgi.conf /etc/lighttpd/conf-enabled/50-kitehook.conf
start_server lighttpd
destination 0
check "www-data: check" su -s /bin/sh www-data -c 'kitehook check'
check "www-data: a webhook" sends 1
check "www-data: comes" until_ok have_come 1
check "www-data: reinstall" apt --reinstall install $(ls /root/debs/kitehook_*.deb)
check "www-data: the owners stay" [ "$(stat -c %U $state $state/memory.sqlite | uniq)" = www-data ]
check "www-data: a webhook after it" sends 1
check "www-data: comes after it" until_ok have_come 2
check "www-data: status" su -s /bin/sh www-data -c 'kitehook status'
destination_off
systemctl stop lighttpd
systemctl stop kitehook-worker
rm -r /etc/lighttpd/conf-enabled/50-kitehook.conf ${override%/*}
chown -R kitehook: $state && chgrp -R kitehook /etc/kitehook
systemctl daemon-reload
systemctl start kitehook-worker
start_server nginx

# ---- purged

check "one more kitehook.fcgi" systemctl enable --now kitehook-fcgi@2
sed -i '/snippets\/kitehook/d' /etc/nginx/sites-available/default
check "purge" apt purge kitehook kitehook-apache2 kitehook-lighttpd kitehook-nginx
check "purge: nothing is left" sh ./nothing_left.sh
check "purge: nginx starts without it" systemctl restart nginx
systemctl stop nginx
check "purge: apache2 starts without it" systemctl start apache2
systemctl stop apache2
check "purge: lighttpd starts without it" systemctl start lighttpd
systemctl stop lighttpd

# ---- from 0.1, installed from its commit, as its recipe for nginx says

tar -C / -xf /root/debs/first.tar
adduser --quiet --system --group kitehook
install -d -m 0750 -g kitehook /etc/kitehook
echo a-secret-of-0.1-16 | install -m 0640 -g kitehook /dev/stdin /etc/kitehook/webhook-secret
install -d -m 0700 -o kitehook -g kitehook $state
cp /usr/share/kitehook/systemd/* /etc/systemd/system/
cp /usr/share/kitehook/recipes/nginx-fastcgi.conf /etc/nginx/snippets/kitehook.conf
sed -i '0,/^[[:space:]]*location/s//include snippets\/kitehook.conf;\n&/' /etc/nginx/sites-available/default
printf '%s\n' 'webhook: {signature: {file: /etc/kitehook/webhook-secret}}' 'state: /var/lib/kitehook' \
  'worker: service' >/root/first.yml
rule /root/first.yml
cp /etc/kitehook/kitehook.yml /root/first.yml
systemctl daemon-reload
systemctl enable -q --now kitehook-fcgi.socket kitehook-worker
start_server nginx
check "0.1 is installed" sh -c 'kitehook version | grep "0\.1\.0"'
send() { # 0.1 knows no --new: each by a body and a number of its own
  number=$((${number-100} + 1))
  python3 - $number >/root/body.json <<'EOF'
import json, sys, time
event = json.load(open("/root/body-of-fixture.json"))
event["build"]["number"] = int(sys.argv[1])
event["build"]["id"] = "01940000-0000-4000-8000-%012d" % int(sys.argv[1])
json.dump(event, sys.stdout)
EOF
  header=$(kitehook sign --secret-file /etc/kitehook/webhook-secret /root/body.json) || return 1
  curl -sSf -H "${header#*= }" -H 'X-Buildkite-Event: build.finished' -H 'Content-Type: application/json' \
    --data-binary @/root/body.json $url
}
python3 - <<'EOF'
import pathlib
raw = pathlib.Path("/root/kitehook/fixtures/events/build_finished_failed/request.http").read_bytes()
pathlib.Path("/root/body-of-fixture.json").write_bytes(raw.replace(b"\r\n", b"\n").partition(b"\n\n")[2])
EOF
destination 0
touch $caught.refuses
check "0.1: takes a webhook" until_ok send
check "0.1: one more" send
check "0.1: two are owed" until_ok owed 2
systemctl stop kitehook-worker
check "0.1: three webhooks wait" sends 3
check "0.1: they wait" waiting 3
older=$(memory 'PRAGMA user_version')
cp -a $state /root/state-of-0.1
: >/root/apt.log
check "from 0.1" apt install /root/debs/kitehook_*.deb
check "from 0.1: the package asks nothing and keeps the config" cmp /etc/kitehook/kitehook.yml /root/first.yml
check "from 0.1: it says that units are hidden" grep -q 'hides the package' /root/apt.log
operating() {
  check "operating.md says: $1" grep -qF -- "$1" operating.md
  check "operating.md: $1" sh -c "$1"
}
units=/etc/systemd/system
operating "rm $units/kitehook-worker.service $units/kitehook-fcgi.socket $units/kitehook-fcgi@.service"
operating "systemctl daemon-reload && systemctl enable kitehook-worker kitehook-fcgi.socket"
operating "systemctl restart kitehook-worker kitehook-fcgi.socket"
check "from 0.1: the package's unit counts" sh -c \
  'systemctl show -P FragmentPath kitehook-worker | grep /lib/systemd'
check "from 0.1: another webhook" until_ok send
check "from 0.1: all are owed" until_ok owed 6
check "from 0.1: memory is newer" [ "$(memory 'PRAGMA user_version')" -gt "$older" ]

# ---- down to 0.1: what it cannot read waits

systemctl stop kitehook-worker
check "to 0.1" apt install /root/debs/first.deb
check "to 0.1: it is" sh -c 'kitehook version | grep "0\.1\.0"'
cp /usr/share/kitehook/systemd/* /etc/systemd/system/
systemctl daemon-reload
systemctl restart kitehook-fcgi.socket
systemctl restart kitehook-worker 2>/dev/null # which does not know the memory of 0.2
check "to 0.1: the worker does not start" sh -c '! systemctl is-active kitehook-worker'
check "to 0.1: a webhook is kept" until_ok send
check "to 0.1: it waits" waiting 1
check "to 0.1: nothing was sent" have_come 0
rm /etc/systemd/system/kitehook-worker.service /etc/systemd/system/kitehook-fcgi*
check "and up again" apt install /root/debs/kitehook_*.deb
systemctl daemon-reload
systemctl restart kitehook-worker kitehook-fcgi.socket
rm $caught.refuses
check "up again: reload" systemctl reload kitehook-worker
until_ok have_come 7 || until_ok have_come 7 || until_ok have_come 7
check "up again: seven notifications, none lost" have_come 7
check "up again: each once" each_once
destination_off

# ---- purged once more; the user was made by hand, and is another's business

rm /etc/nginx/snippets/kitehook.conf
sed -i '/snippets\/kitehook/d' /etc/nginx/sites-available/default
check "purge" apt purge kitehook
check "purge: the user of another hand stays" getent passwd kitehook
deluser --quiet kitehook 2>/dev/null
check "purge: nothing is left" sh ./nothing_left.sh

# ---- as Debian's own machines would try them

rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/* # there is no network
check "autopkgtest" autopkgtest -B /root/debs/*.dsc /root/debs/kitehook*.deb \
  --ignore-restrictions=isolation-container -- null

verdict
