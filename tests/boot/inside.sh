#!/bin/sh
# What boot.sh runs in the booted system: each recipe's and each unit's own commands, as they stand there.
# Prints a line for each that did not do what it says, then how many were tried.
set -u
cd /root || exit 2
share=/usr/share/kitehook
. ./checks.sh

# A command that stands in FILE.
literal() { # file command
  check "$1 says: $2" grep -qF -- "$2" "$share/$1"
  check "$1: $2" sh -c "$2"
}
fixture() { kitehook send "$1" /root/fixtures/events/build_finished_failed; }
nothing_waits() { [ -z "$(find /var/lib/kitehook/inbox/new -type f)" ]; }
owner() { stat -c %U /var/lib/kitehook; }
place() { # user mode
  rm -rf /var/lib/kitehook /etc/kitehook
  install -d -m 0750 -g "$1" /etc/kitehook
  echo boot-secret-1234 | install -m 0640 -g "$1" /dev/stdin /etc/kitehook/webhook-secret
  echo A=b | install -m 0640 -g "$1" /dev/stdin /etc/kitehook/env
  cat >/etc/kitehook/kitehook.yml <<EOF
webhook: {signature: {file: /etc/kitehook/webhook-secret}}
state: /var/lib/kitehook
worker: $2
notify: [log]
EOF
}
servers_off() {
  systemctl stop apache2 lighttpd nginx kitehook-fcgi.socket 'kitehook-fcgi@*' kitehook-worker 2>/dev/null
}
answers() { # recipe
  for url in http://localhost/buildkite http://localhost/buildkite/; do
    check "$1: POST $url" until_ok fixture "$url"
  done
  check "$1: nothing waits" until_ok nothing_waits
  check "$1: status" su -s /bin/sh "$(owner)" -c 'kitehook status'
}

adduser -q --system --group kitehook
for kind in apache-cgi apache-fcgid lighttpd-cgi lighttpd-fastcgi; do
  servers_off
  place www-data start
  literal recipes/$kind.conf "install -d -m 0700 -o www-data -g www-data /var/lib/kitehook"
  literal recipes/$kind.conf "su -s /bin/sh www-data -c 'kitehook check'"
  case $kind in
  apache-*)
    start_server apache2
    [ $kind = apache-fcgid ] || literal recipes/$kind.conf "a2enmod cgid alias env"
    [ $kind = apache-cgi ] || literal recipes/$kind.conf "a2enmod fcgid alias"
    literal recipes/$kind.conf "cp $share/recipes/$kind.conf /etc/apache2/conf-available/kitehook.conf"
    literal recipes/$kind.conf "a2enconf kitehook"
    literal recipes/$kind.conf "$(sed -n 's/^# Start  *\(apachectl.*\)/\1/p' $share/recipes/$kind.conf)"
    ;;
  lighttpd-*)
    start_server lighttpd
    literal recipes/$kind.conf "cp $share/recipes/$kind.conf /etc/lighttpd/conf-enabled/50-kitehook.conf"
    literal recipes/$kind.conf "lighttpd -tt -f /etc/lighttpd/lighttpd.conf && systemctl reload lighttpd"
    ;;
  esac
  answers $kind
done
servers_off

# The units: enabled before there is a state folder, then cured.
for kind in nginx-fastcgi apache-proxy-fcgi lighttpd-socket; do
  servers_off
  place kitehook service
  literal recipes/$kind.conf "cp $share/systemd/* /etc/systemd/system/ && systemctl daemon-reload"
  case $kind in
  nginx-fastcgi)
    start_server nginx
    literal recipes/$kind.conf "cp $share/recipes/nginx-upstream.conf /etc/nginx/conf.d/kitehook.conf"
    literal recipes/$kind.conf "cp $share/recipes/nginx-fastcgi.conf /etc/nginx/snippets/kitehook.conf"
    sed -i '0,/^[[:space:]]*location/s//include snippets\/kitehook.conf;\n&/' /etc/nginx/sites-enabled/default
    literal recipes/$kind.conf "nginx -t && systemctl reload nginx"
    ;;
  lighttpd-socket)
    start_server lighttpd
    literal recipes/$kind.conf "cp $share/recipes/$kind.conf /etc/lighttpd/conf-enabled/50-kitehook.conf"
    literal recipes/$kind.conf "lighttpd -tt -f /etc/lighttpd/lighttpd.conf && systemctl reload lighttpd"
    ;;
  *)
    a2disconf -q kitehook
    a2dismod -q fcgid
    start_server apache2
    literal recipes/$kind.conf "a2enmod proxy proxy_fcgi"
    literal recipes/$kind.conf "cp $share/recipes/$kind.conf /etc/apache2/conf-available/kitehook.conf"
    literal recipes/$kind.conf "a2enconf kitehook"
    literal recipes/$kind.conf "apachectl configtest && systemctl reload apache2"
    ;;
  esac
  enable="systemctl enable --now kitehook-fcgi.socket kitehook-worker"
  check "$kind says: $enable" grep -qF "$enable" $share/recipes/$kind.conf
  $enable 2>/dev/null # fails: there is no folder
  for _ in 1 2 3 4 5 6 7; do timeout 2 curl -s http://localhost/buildkite; done >/dev/null
  check "$kind: a start without a state folder leaves the socket" systemctl is-active kitehook-fcgi.socket
  literal recipes/$kind.conf "install -d -m 0700 -o kitehook -g kitehook /var/lib/kitehook"
  check "$kind: the worker gets in" until_ok systemctl is-active kitehook-worker
  answers $kind
  check "$kind: the folder is still its owner's" [ "$(owner)" = kitehook ]
done

# A second user: receivers of www-data, the worker's unit made www-data's, the other user's unit started too.
servers_off
place www-data service
install -d -m 0700 -o www-data -g www-data /var/lib/kitehook
edited=/etc/systemd/system/kitehook-worker.service.d
install -d $edited
printf '[Service]\nUser=www-data\nGroup=www-data\n' >$edited/override.conf
systemctl daemon-reload
systemctl start kitehook-worker kitehook-fcgi@1
check "the folder stays with www-data" [ "$(owner)" = www-data ]
check "the worker of www-data runs" until_ok systemctl is-active kitehook-worker
systemctl stop kitehook-fcgi@1

# Credentials that root alone may read, through each unit.
servers_off
rm $edited/override.conf
place kitehook service
install -d -m 0700 -o kitehook -g kitehook /var/lib/kitehook
chmod 0600 /etc/kitehook/webhook-secret; chgrp root /etc/kitehook/webhook-secret
chmod 0755 /etc/kitehook; rm /etc/kitehook/env
sed -i 's/{file: .*webhook-secret}/{credential: webhook-secret}/' /etc/kitehook/kitehook.yml
for unit in kitehook-worker.service kitehook-fcgi@.service; do
  install -d /etc/systemd/system/$unit.d
  line="LoadCredential=webhook-secret:/etc/kitehook/webhook-secret"
  check "$unit says $line" grep -q "^#   $line" $share/systemd/$unit
  printf '[Service]\n%s\n' "$line" >/etc/systemd/system/$unit.d/credential.conf
done
systemctl daemon-reload
systemctl start apache2 kitehook-fcgi.socket kitehook-worker
by_file() { kitehook send --secret-file /etc/kitehook/webhook-secret http://localhost/buildkite \
  /root/fixtures/events/build_finished_failed; }
check "credential: a webhook" until_ok by_file
check "credential: nothing waits" until_ok nothing_waits
check "credential: by hand" env CREDENTIALS_DIRECTORY=/run/credentials/kitehook-worker.service kitehook check

# A further process of its own name brings the socket with it, whatever was enabled first.
systemctl stop kitehook-fcgi.socket 'kitehook-fcgi@*'
check "a second process" systemctl enable --now kitehook-fcgi@2
check "a second process brings the socket" systemctl is-active kitehook-fcgi.socket
check "a second process: a webhook" until_ok by_file

# logrotate moves a receiver's log away; what comes next goes to a file of the old name.
sed -i 's|^notify:|log: /var/lib/kitehook/receiver.log\n&|' /etc/kitehook/kitehook.yml
systemctl restart 'kitehook-fcgi@*'
check "log: a webhook" until_ok by_file
printf '/var/lib/kitehook/receiver.log {\n su kitehook kitehook\n rotate 2\n}\n' >/etc/logrotate.d/kitehook
check "log: rotates" logrotate -f /etc/logrotate.d/kitehook
is_logged() { by_file && grep -q accepted /var/lib/kitehook/receiver.log; }
check "log: is written anew" until_ok is_logged

# docs/operating.md: a backup while it runs, and its restore.
operating() { # command
  check "operating.md says: $1" grep -qF -- "$1" /root/operating.md
  check "operating.md: $1" sh -c "$1"
}
operating "sqlite3 /var/lib/kitehook/memory.sqlite \"VACUUM INTO 'memory.backup'\""
operating "systemctl stop kitehook-worker"
operating "rm -f /var/lib/kitehook/memory.sqlite-wal /var/lib/kitehook/memory.sqlite-shm"
operating "install -m 0600 -o kitehook -g kitehook memory.backup /var/lib/kitehook/memory.sqlite"
operating "systemctl start kitehook-worker"
check "restored: a webhook" until_ok by_file
check "restored: nothing waits" until_ok nothing_waits
check "restored: the memory is whole" sh -c \
  'sqlite3 /var/lib/kitehook/memory.sqlite "PRAGMA integrity_check" | grep -qx ok'

# An upgrade while both run: programs replaced, the worker restarted.
for program in bin/kitehook lib/kitehook/kitehook.fcgi; do
  cp /usr/$program /usr/$program.new && mv /usr/$program.new /usr/$program
done
check "upgrade: restart" systemctl restart kitehook-worker 'kitehook-fcgi@*'
check "upgrade: a webhook" until_ok by_file
check "upgrade: nothing waits" until_ok nothing_waits

verdict
