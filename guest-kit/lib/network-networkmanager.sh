# The Red Hat family of today: a key file of NetworkManager's per interface, found by MAC address.

network_folder=/etc/NetworkManager/system-connections

write_interfaces() { each_interface write_interface; }

write_interface() {
  file=$ROOT$network_folder/edgeboot-$network.nmconnection
  print_interface | put_file "$file" 600 && echo "$file"
}

print_interface() {
  echo "$MARK"
  echo '[connection]'
  echo "id=edgeboot-$network"
  echo 'type=ethernet'
  echo 'autoconnect-priority=100'
  echo '[ethernet]'
  echo "mac-address=$mac"
  [ "$mtu" = - ] || echo "mtu=$mtu"
  echo '[ipv4]'
  echo 'method=manual'
  if [ "$default" != default ]; then
    echo "address1=$address/$prefix"
    echo 'never-default=true'
  else
    [ "$gateway" = - ] && echo "address1=$address/$prefix" || echo "address1=$address/$prefix,$gateway"
    [ -z "$servers" ] || echo "dns=$(semicolons "$servers")"
    [ -z "$domains" ] || echo "dns-search=$(semicolons "$domains")"
  fi
  echo '[ipv6]'
  echo 'method=link-local'
}

semicolons() { printf '%s\n' "$1" | sed 's/ /;/g; s/$/;/'; }

reload_network() {
  nmcli connection reload
  each_interface activate
}

activate() { nmcli connection up "edgeboot-$network" </dev/null; }
