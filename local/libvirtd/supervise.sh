#!/bin/bash
# PID 1 of a namespace of its own: runs one libvirtd over private folders, on orders from standard input ("start", "stop"). When the
# input ends, or whoever held its other end dies, everything is taken down: domains, networks, daemon.
#   supervise.sh DIRECTORY MASK_KVM(yes|no)
set -u
directory=$1
bind() { mkdir -p "$directory/$2" "$1" && mount --bind "$directory/$2" "$1"; }
bind /etc/libvirt etc && bind /run/libvirt run && bind /var/lib/libvirt lib && bind /var/cache/libvirt cache &&
  bind /var/log/libvirt log || exit 1
# A device that QEMU may not open is no KVM at all; one that it may open, but that does not work, makes libvirtd probe for ever.
if [ "$2" = yes ] && [ -e /dev/kvm ]; then
  : >"$directory/no-kvm" && chmod 000 "$directory/no-kvm" && mount --bind "$directory/no-kvm" /dev/kvm || exit 1
fi
uri="qemu:///system?socket=$directory/sock/libvirt-sock"
# libvirt leaves its own firewall chains behind, empty. They are removed only where it was us who caused them.
tables=(filter nat mangle)
had_chains() { iptables -w -t "$1" -S 2>/dev/null | grep -q -e '-N LIBVIRT_'; }
before=$(for table in "${tables[@]}"; do had_chains "$table" && echo "$table"; done)

daemon=
start() {
  libvirtd --config "$directory/libvirtd.conf" --pid-file "$directory/libvirtd.pid" >>"$directory/libvirtd.log" 2>&1 </dev/null &
  daemon=$!
  until [ -S "$directory/sock/libvirt-sock" ] && virsh --quiet -c "$uri" version >/dev/null 2>&1; do
    kill -0 "$daemon" 2>/dev/null || { echo failed; return; }
    sleep 0.05
  done
  echo started
}
stop() {
  kill -KILL "$daemon" 2>/dev/null
  wait "$daemon" 2>/dev/null
  rm -f "$directory/sock/libvirt-sock"
  echo stopped
}
while read -r order; do
  case $order in
    start) start ;;
    stop) stop ;;
  esac
done

kill -CONT "$daemon" 2>/dev/null
if kill -0 "$daemon" 2>/dev/null || [ "$(start 2>/dev/null)" = started ]; then
  virsh --quiet -c "$uri" list --name | while read -r name; do [ -z "$name" ] || virsh --quiet -c "$uri" destroy "$name"; done
  virsh --quiet -c "$uri" net-list --name | while read -r name; do [ -z "$name" ] || virsh --quiet -c "$uri" net-destroy "$name"; done
fi >/dev/null 2>&1
for table in "${tables[@]}"; do
  case " $(echo $before) " in *" $table "*) continue ;; esac
  rules=$(iptables -w -t "$table" -S 2>/dev/null)
  grep -e '^-A .*-j LIBVIRT_' <<<"$rules" | sed 's/^-A/-D/' | while read -r rule; do iptables -w -t "$table" $rule; done
  grep -o -e '^-N LIBVIRT_[A-Z]*' <<<"$rules" | while read -r _ chain; do iptables -w -t "$table" -F "$chain"; done
  grep -o -e '^-N LIBVIRT_[A-Z]*' <<<"$rules" | while read -r _ chain; do iptables -w -t "$table" -X "$chain"; done
done >/dev/null 2>&1
exit 0
