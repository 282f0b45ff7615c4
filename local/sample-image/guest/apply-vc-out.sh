#!/bin/sh
# Configures this node from vc-out.xml, in either dialect: interfaces by MAC address, gateway, resolv.conf, hosts, hostname,
# /tmp/machinefile, root's authorized_keys. Only what the names' allow-list lets through reaches a file.
#   apply-vc-out FILE             ROOT=DIR writes below DIR and leaves the interfaces alone (for tests)
set -u
root=${ROOT:-}
facts=$(awk -f "${FLATTEN:-/usr/share/edgeboot/flatten-xml.awk}" "$1") || exit 1

# get PATH ATTRIBUTE: the first value; `first A B C`: the first of the words that is not empty.
get() { printf '%s\n' "$facts" | awk -F '\t' -v p="$1" -v a="$2" '$1 == p && $2 == a { print $3; exit }'; }
first() { for word in "$@"; do if [ -n "$word" ]; then printf '%s\n' "$word" | tr -cd 'A-Za-z0-9.-'; return; fi; done; }

if [ -n "$(get frontend/private mac)" ]; then role=frontend; else role=compute; fi
fqdn=$(first "$(get frontend fqdn)" "$(get frontend/public fqdn)")
if [ "$role" = frontend ]; then
  name=$(first "$(get frontend name)" "${fqdn%%.*}")
  gateway=$(first "$(get frontend gw)" "$(get frontend/public gw)")
  frontend_ip=$(first "$(get frontend/private ip)")
else
  own=$(first "$(get compute/private fqdn)")
  name=$(first "$(get compute name)" "${own%%.*}")
  gateway=$(first "$(get compute gw)" "$(get compute/private gw)")
  frontend_ip=$gateway
fi
frontend_name=${fqdn%%.*}

interface_of() {
  for address in /sys/class/net/*/address; do
    if [ "$(cat "$address")" = "$1" ]; then basename "$(dirname "$address")"; return; fi
  done
}
if [ -z "$root" ]; then
  hostname "$name"
  for network in $(printf '%s\n' "$facts" | awk -F '\t' -v r="$role/" 'index($1, r) == 1 && $2 == "mac" { print $1 }' | grep -v /node); do
    interface=$(interface_of "$(get "$network" mac)")
    [ -n "$interface" ] || { echo "no interface for $network"; continue; }
    mtu=$(first "$(get "$network" mtu)")
    ifconfig "$interface" "$(first "$(get "$network" ip)")" netmask "$(first "$(get "$network" netmask)")" ${mtu:+mtu "$mtu"} up
  done
  [ -n "$gateway" ] && route add default gw "$gateway"
fi

mkdir -p "$root/etc" "$root/tmp" "$root/root/.ssh"
echo "$name" >"$root/etc/hostname"
{
  domain=$(first "$(get network/dns domain)"); search=$(first "$(get network/dns search)")
  [ -n "$search$domain" ] && echo "search $search $domain"
  for server in $(get network/dns ip | tr ',' ' ' | tr -cd '0-9A-Fa-f.: '); do echo "nameserver $server"; done
} >"$root/etc/resolv.conf"
{
  echo "127.0.0.1 localhost"
  if [ "$role" = frontend ]; then
    echo "$frontend_ip $name"
    public=$(first "$(get frontend/public ip)")
    [ -n "$public" ] && echo "$public $fqdn"
  else
    echo "$frontend_ip ${frontend_name:-frontend} $fqdn"
    echo "$(first "$(get compute/private ip)") $name"
  fi
} >"$root/etc/hosts"
: >"$root/tmp/machinefile"
number=1
while [ "$role" = frontend ]; do
  node=$(first "$(get compute/node.$number name)")
  [ -n "$node" ] || break
  echo "$(first "$(get compute/node.$number ip)" "$(get compute/node.$number/private ip)") $node" >>"$root/etc/hosts"
  cpus=$(get compute/node.$number cpus | tr -cd 0-9)
  while [ "${cpus:-0}" -gt 0 ]; do echo "$node" >>"$root/tmp/machinefile"; cpus=$((cpus - 1)); done
  number=$((number + 1))
done

chmod 700 "$root/root/.ssh"
keys=$root/root/.ssh/authorized_keys
touch "$keys"
chmod 600 "$keys"
printf '%s\n' "$facts" | awk -F '\t' '$1 == "key" && $2 == "#text" { print $3 }' | while read -r key; do
  grep -qxF "$key" "$keys" || printf '%s\n' "$key" >>"$keys"
done
