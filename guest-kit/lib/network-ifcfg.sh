# The Red Hat family up to 7, and Rocks: an ifcfg file per interface, and the names in /etc/sysconfig/network.

network_folder=/etc/sysconfig/network-scripts

write_interfaces() {
  {
    [ ! -f "$ROOT/etc/sysconfig/network" ] || grep -v '^\(NETWORKING\|HOSTNAME\)=' "$ROOT/etc/sysconfig/network"
    echo 'NETWORKING=yes'
    echo "HOSTNAME=$name"
  } | put_file "$ROOT/etc/sysconfig/network" 644 || return 1
  each_interface write_interface
}

write_interface() {
  device=$(device_of_mac) || return 0
  file=$ROOT$network_folder/ifcfg-$device
  print_interface | put_file "$file" 644 && echo "$file"
}

print_interface() {
  echo "$MARK"
  echo "DEVICE=$device"
  echo "HWADDR=$mac"
  echo 'TYPE=Ethernet'
  echo 'BOOTPROTO=none'
  echo 'ONBOOT=yes'
  echo "IPADDR=$address"
  echo "NETMASK=$netmask"
  [ "$mtu" = - ] || echo "MTU=$mtu"
  [ "$default" = default ] || return 0
  [ "$gateway" = - ] || echo "GATEWAY=$gateway"
  number=1
  for server in $servers; do
    echo "DNS$number=$server"
    number=$((number + 1))
  done
  [ -z "$domains" ] || echo "DOMAIN=\"$domains\""
}

reload_network() { for device in $(each_interface device_of_mac); do ifdown "$device"; ifup "$device"; done; }
