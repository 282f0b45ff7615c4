#!/bin/sh
# Puts the guest kit into a system: the running one, or one below a folder.
#   guest-kit/install.sh [--root DIR]
set -eu
root=
case ${1:-} in
'') ;;
--root)
  root=${2:?--root wants a folder}
  root=${root%/}
  [ -d "${root:-/}" ] || { echo "there is no folder $root" >&2; exit 66; }
  ;;
*)
  echo 'usage: install.sh [--root DIR]' >&2
  exit 64
  ;;
esac
kit=$(cd "$(dirname "$0")" && pwd)

put() {
  mkdir -p "$(dirname "$root$2")"
  cp "$kit/$1" "$root$2"
  chmod "$3" "$root$2"
}

put edgeboot-guest /usr/sbin/edgeboot-guest 755
for part in "$kit"/lib/*; do put "lib/${part##*/}" "/usr/lib/edgeboot-guest/${part##*/}" 644; done

if [ -d "$root/usr/lib/systemd/system" ] || [ -d "$root/lib/systemd/system" ]; then
  for unit in edgeboot-guest.service edgeboot-guest-ready.service; do
    put "systemd/$unit" "/etc/systemd/system/$unit" 644
    mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
    ln -sf "../$unit" "$root/etc/systemd/system/multi-user.target.wants/$unit"
  done
  put systemd/tmpfiles.conf /etc/tmpfiles.d/edgeboot-guest.conf 644
elif grep -q '^::' "$root/etc/inittab" 2>/dev/null; then
  # busybox's init: sysinit lines run in their order, each to its end.
  for call in '::sysinit:/usr/sbin/edgeboot-guest apply' '::respawn:/usr/sbin/edgeboot-guest serve'; do
    grep -qxF "$call" "$root/etc/inittab" || echo "$call" >>"$root/etc/inittab"
  done
else
  echo 'Neither systemd nor the inittab of busybox: at boot, call "edgeboot-guest apply" before the network is started,' >&2
  echo 'then keep "edgeboot-guest serve" running.' >&2
fi
