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
tables=(iptables:filter iptables:nat iptables:mangle ip6tables:filter ip6tables:nat ip6tables:mangle)
rules_of() { "${1%:*}" -w -t "${1#*:}" -S; }
before=" $(for table in "${tables[@]}"; do rules_of "$table" 2>/dev/null | grep -q -e '-N LIBVIRT_' && echo "$table"; done | tr '\n' ' ') "

daemon=
start() {
  libvirtd --config "$directory/libvirtd.conf" --pid-file "$directory/libvirtd.pid" >>"$directory/libvirtd.log" 2>&1 </dev/null &
  daemon=$!
  # It must answer within 60 s; what does not is left to be ended by whoever asked.
  local deadline=$((SECONDS + 60))
  until [ -S "$directory/sock/libvirt-sock" ] && timeout 10 virsh --quiet -c "$uri" version >/dev/null 2>&1; do
    kill -0 "$daemon" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ] || { echo failed; return; }
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

# A daemon that was stopped or hangs is replaced first: only libvirtd knows which networks are its own.
ask() { timeout 30 virsh --quiet -c "$uri" "$@"; }
if [ -n "$daemon" ]; then
  timeout 10 virsh --quiet -c "$uri" version || { stop; start; }
  ask list --name | while read -r name; do [ -z "$name" ] || ask destroy "$name"; done
  ask net-list --name | while read -r name; do [ -z "$name" ] || ask net-destroy "$name"; done
fi >/dev/null 2>&1
for table in "${tables[@]}"; do
  case $before in *" $table "*) continue ;; esac
  rules=$(rules_of "$table")
  change() { "${table%:*}" -w -t "${table#*:}" "$@"; }
  # Jumps into the chains first, then what the chains hold, then the chains.
  sed -n 's/^-A\(.* -j LIBVIRT_.*\)/-D\1/p' <<<"$rules" | while read -ra rule; do change "${rule[@]}"; done
  chains=$(sed -n 's/^-N \(LIBVIRT_.*\)/\1/p' <<<"$rules")
  for chain in $chains; do change -F "$chain"; done
  for chain in $chains; do change -X "$chain"; done
done >/dev/null 2>&1
exit 0
