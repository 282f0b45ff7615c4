#!/bin/sh
# The old guest's parser: no XML library, no checks. One tag per line, then grep and sed.
flat=/run/vc-out.flat
tr '\n' ' ' <"$1" | sed 's/>/>\n/g' | sed 's/^ *//' >"$flat"

# attr NAME LINE
attr() { echo "$2" | sed -n "s/.*[ ]$1=\"\([^\"]*\)\".*/\1/p"; }
# children TAG: the tags inside the first one of that name.
children() { sed -n "/^<$1[ >]/,/^<\/$1>/p" "$flat" | sed '1d;$d'; }

type=$(cat /etc/node-type)
fqdn=$(attr fqdn "$(grep '^<public' "$flat" | head -n 1)")
echo "# made by vc-out-parser" >/root/network.sh

children "$type" | grep -v '^</' | while read -r tag; do
  [ "$type" = frontend ] || case $tag in '<node'*) continue ;; esac
  mac=$(attr mac "$tag")
  iface=$(ip -o link | grep "$mac" | cut -d: -f2 | tr -d ' ')
  if [ -z "$mac" ] || [ -z "$iface" ]; then
    echo "vc: no interface for $tag"
    continue
  fi
  echo "ifconfig $iface $(attr ip "$tag") netmask $(attr netmask "$tag") up" >>/root/network.sh
  gw=$(attr gw "$tag")
  [ -z "$gw" ] || echo "route add default gw $gw" >>/root/network.sh
done

dns=$(grep '^<dns' "$flat")
{
  echo "search $(attr search "$dns")"
  for server in $(attr ip "$dns" | tr ',' ' '); do echo "nameserver $server"; done
} >/etc/resolv.conf

if [ "$type" = frontend ]; then
  name=${fqdn%%.*}
  private=$(grep '^<private' "$flat" | head -n 1)
  { echo "127.0.0.1 localhost"; echo "$(attr ip "$private") $name $fqdn"; } >/etc/hosts
  : >/tmp/machinefile
  grep '^<node' "$flat" | while read -r node; do
    echo "$(attr ip "$node") $(attr name "$node")" >>/etc/hosts
    n=$(attr cpus "$node")
    while [ "$n" -gt 0 ]; do attr name "$node" >>/tmp/machinefile; n=$((n - 1)); done
  done
else
  private=$(grep '^<private' "$flat" | head -n 1)
  name=$(attr fqdn "$private")
  { echo "127.0.0.1 localhost"; echo "$(attr gw "$private") $fqdn"; echo "$(attr ip "$private") $name"; } >/etc/hosts
fi
echo "hostname $name" >>/root/network.sh

# The first <key>, appended.
mkdir -p /root/.ssh
chmod 700 /root/.ssh
sed -n '/<key>/,/<\/key>/p' "$1" | sed '/<\/key>/q' | sed 's/.*<key>//; s/<\/key>.*//' >>/root/.ssh/authorized_keys
chmod 600 /root/.ssh/authorized_keys
