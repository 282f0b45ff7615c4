# A system without anything that starts its network: the commands of `ip`, a line each, carried out at once.

network_folder=/run/edgeboot-guest

write_interfaces() {
  file=$ROOT$network_folder/ip-commands
  {
    echo "$MARK"
    echo 'link set dev lo up'
    each_interface print_interface
  } | put_file "$file" 644 && echo "$file"
}

print_interface() {
  device=$(device_of_mac) || return 0
  [ "$mtu" = - ] || echo "link set dev $device mtu $mtu"
  echo "addr flush dev $device"
  echo "addr add $address/$prefix brd + dev $device"
  echo "link set dev $device up"
  [ "$default" != default ] || [ "$gateway" = - ] || echo "route replace default via $gateway dev $device"
}

start_network() {
  grep -v '^#' "$network_folder/ip-commands" | while read -r command; do
    # Words of ours and of the allow-list.
    # shellcheck disable=SC2086
    ip $command || say "ip $command failed"
  done
}

reload_network() { start_network; }
