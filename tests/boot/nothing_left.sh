#!/bin/sh
# nothing_left.sh: fails, and names it, when anything of kitehook is left on a system whose packages were
# purged. What is kept about every package (logs, apt's and dpkg's own state, older copies of /etc/passwd)
# does not count, nor does what /root has for the tests.
set -u
names=$(find / -xdev -name '*kitehook*' ! -name kitehook-boot.service ! -path '/root/*' ! -path '/proc/*' \
  ! -path '/sys/*' ! -path '/tmp/*' ! -path '/var/cache/*' ! -path '/var/log/*' ! -path '/var/lib/apt/*' \
  2>/dev/null
  find /run -name '*kitehook*' 2>/dev/null | grep -v 'kitehook-boot\|^/run/systemd\|^/run/log')
mentions=$(grep -rlI kitehook /etc /var/lib --exclude='*-' --exclude='*-old' --exclude-dir=apt \
  --exclude=kitehook-boot.service 2>/dev/null)
[ -z "$names$mentions" ] || { echo "left: $names"; echo "mentioned in: $mentions"; exit 1; }
! getent passwd kitehook && ! getent group kitehook
