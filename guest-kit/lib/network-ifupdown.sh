# Debian's ifupdown: /etc/network/interfaces is the document's; what an image adds belongs into interfaces.d.

network_folder=/etc/network

write_interfaces() {
  file=$ROOT$network_folder/interfaces
  {
    echo "$MARK"
    echo 'source /etc/network/interfaces.d/*'
    echo
    echo 'auto lo'
    echo 'iface lo inet loopback'
    each_interface print_interface
  } | put_file "$file" 644 && echo "$file"
}

print_interface() {
  device=$(device_of_mac) || return 0
  echo
  echo "auto $device"
  echo "iface $device inet static"
  echo "    address $address"
  echo "    netmask $netmask"
  [ "$mtu" = - ] || echo "    mtu $mtu"
  [ "$default" = default ] || return 0
  [ "$gateway" = - ] || echo "    gateway $gateway"
  [ -z "$servers" ] || echo "    dns-nameservers $servers"
  [ -z "$domains" ] || echo "    dns-search $domains"
}

reload_network() {
  for device in $(each_interface device_of_mac); do
    ifdown --force "$device"
    ip addr flush dev "$device"
    ifup "$device"
  done
}
