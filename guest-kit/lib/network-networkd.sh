# systemd-networkd: a file per interface, found by MAC address.

network_folder=/etc/systemd/network

write_interfaces() { each_interface write_interface; }

# Early in the alphabet: the first file that matches wins.
write_interface() {
  file=$ROOT$network_folder/05-edgeboot-$network.network
  print_interface | put_file "$file" 644 && echo "$file"
}

print_interface() {
  echo "$MARK"
  echo '[Match]'
  echo "MACAddress=$mac"
  echo 'Type=ether'
  if [ "$mtu" != - ]; then
    echo '[Link]'
    echo "MTUBytes=$mtu"
  fi
  echo '[Network]'
  echo 'DHCP=no'
  echo "Address=$address/$prefix"
  [ "$default" = default ] || return 0
  [ "$gateway" = - ] || echo "Gateway=$gateway"
  for server in $servers; do echo "DNS=$server"; done
  [ -z "$domains" ] || echo "Domains=$domains"
}

reload_network() {
  networkctl reload
  for device in $(each_interface device_of_mac); do networkctl reconfigure "$device"; done
}
