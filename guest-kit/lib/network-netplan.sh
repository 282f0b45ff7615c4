# Ubuntu: one file of netplan's, which finds interfaces by MAC address itself.

network_folder=/etc/netplan

write_interfaces() {
  file=$ROOT$network_folder/90-edgeboot.yaml
  {
    echo "$MARK"
    echo 'network:'
    echo '  version: 2'
    echo '  ethernets:'
    each_interface print_interface
  } | put_file "$file" 600 && echo "$file"
}

# Lists in brackets, values that YAML could take for something else in quotes.
print_interface() {
  echo "    edgeboot-$network:"
  echo "      match: {macaddress: \"$mac\"}"
  echo '      dhcp4: false'
  echo '      dhcp6: false'
  echo "      addresses: [\"$address/$prefix\"]"
  [ "$mtu" = - ] || echo "      mtu: $mtu"
  [ "$default" = default ] || return 0
  [ "$gateway" = - ] || echo "      routes: [{to: \"0.0.0.0/0\", via: \"$gateway\"}]"
  [ -n "$servers$domains" ] || return 0
  echo "      nameservers: {addresses: [$(quoted "$servers")], search: [$(quoted "$domains")]}"
}

quoted() { [ -z "$1" ] || printf '%s\n' "$1" | sed 's/ /", "/g; s/.*/"&"/'; }

# netplan's own look at its files came before us in this boot.
start_network() {
  netplan generate && systemctl daemon-reload && systemctl --no-block start systemd-networkd.service
}

reload_network() { netplan apply; }
