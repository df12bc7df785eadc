#!/bin/sh
# boot.sh ROOT [SCRIPT]: boots the Debian or Ubuntu in the folder ROOT by systemd-nspawn and runs SCRIPT of
# this folder there: inside.sh, or packages.sh (see script/packages).
#
# For inside.sh, ROOT is a clean system, such as script/systems keeps, with systemd-sysv, dbus, apache2,
# lighttpd, libapache2-mod-fcgid, nginx-light, curl, adduser, logrotate, sqlite3, kitehook's libraries, and
# this kitehook installed to /usr (DESTDIR=ROOT cmake --install build/release). It is changed: take a copy.
# Needs root and CAP_SYS_ADMIN.
# Exit code 0: all did what it says.
set -eu
root=$1 script=${2-inside.sh}
here=$(cd "$(dirname "$0")" && pwd)

cp "$here/$script" "$here/checks.sh" "$here/../../docs/operating.md" "$root/root/"
cp -r "$here/../../fixtures" "$root/root/"
rm -f "$root/root/verdict"
cat >"$root/etc/systemd/system/kitehook-boot.service" <<EOF
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=sh -c '/bin/sh /root/$script >/root/said 2>&1; echo \$? >/root/verdict; systemctl poweroff'
[Install]
WantedBy=multi-user.target
EOF
# All three want port 80: each is started when it is its turn.
for server in apache2 lighttpd nginx; do
  rm -f "$root/etc/systemd/system/multi-user.target.wants/$server.service"
done
ln -sf ../kitehook-boot.service "$root/etc/systemd/system/multi-user.target.wants/"
# Newer systems refuse the first kind of cgroups, and others wait there for what has ended long ago.
unshare --mount sh -c '
  if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
    umount -R -l /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
  fi
  exec timeout 1500 systemd-nspawn -q -b -D "$0" --private-network --register=no --keep-unit' "$root" \
  >"$root/root/console" 2>&1 || true
cat "$root/root/said"
[ "$(cat "$root/root/verdict")" = 0 ]
