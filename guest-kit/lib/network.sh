# The interfaces, through whatever the guest starts its network with. Each network-SYSTEM.sh says
#   network_folder      where its files lie
#   write_interfaces    writes them, and prints their paths
#   start_network       at boot, where the files alone are not enough
#   reload_network      on a running system, after files have changed

MARK='# written by edgeboot-guest'

detect_network_system() {
  if [ -x "$ROOT/usr/sbin/netplan" ] || [ -x "$ROOT/usr/bin/netplan" ]; then echo netplan
  elif [ -e "$ROOT/etc/sysconfig/network-scripts/ifup-eth" ]; then echo ifcfg
  elif [ -x "$ROOT/usr/sbin/NetworkManager" ]; then echo networkmanager
  elif [ -L "$ROOT/etc/systemd/system/multi-user.target.wants/systemd-networkd.service" ]; then echo networkd
  elif [ -d "$ROOT/etc/network" ] && [ -x "$ROOT/sbin/ifup" ]; then echo ifupdown
  else echo direct
  fi
}

# write_network boot|running
write_network() {
  # shellcheck source=/dev/null
  . "$LIBRARY/network-$network_system.sh"
  [ -n "$ROOT" ] || await_devices
  before=$(our_network_files | digest)
  written=$(write_interfaces) || return 1
  our_network_files | while read -r file; do printf '%s\n' "$written" | grep -qxF "$file" || rm -f "$file"; done
  [ -z "$ROOT" ] || return 0
  if [ "$1" = boot ]; then start_network
  elif [ "$(our_network_files | digest)" != "$before" ]; then reload_network
  fi
}

our_network_files() {
  for file in "$ROOT$network_folder"/*; do
    if [ -f "$file" ] && grep -qxF "$MARK" "$file"; then echo "$file"; fi
  done
}

digest() { while read -r file; do sha256sum "$file"; done | sha256sum; }

start_network() { :; }

# each_interface FUNCTION: called with $network $mac $address $netmask $prefix $mtu ("-": the usual), and $default, which is
# "default" for the way out: $gateway ("-": none), $servers and $domains belong there.
each_interface() {
  servers=$(each dns | tr '\n' ' ')
  servers=${servers% }
  domains=$(each search | tr '\n' ' ')
  domains=${domains% }
  each interface | while read -r network mac address netmask prefix mtu default; do "$1" || exit 1; done
}

# The kernel's name of the interface with the MAC address in $mac: renaming does not confuse us. Bridges and bonds copy the address
# of one of theirs, but have no device below them.
device_of_mac() {
  for kind in device ''; do
    for folder in "$ROOT"/sys/class/net/*; do
      if [ -f "$folder/address" ] && [ -e "$folder/$kind" ] && [ "$(cat "$folder/address")" = "$mac" ]; then
        echo "${folder##*/}"
        return
      fi
    done
  done
  say "there is no interface with $mac, for the network $network"
  return 1
}

# The drivers may be loading still, and udev renaming.
await_devices() {
  ! command -v udevadm >/dev/null || udevadm settle --timeout=30
  tries=0
  until [ "$tries" -ge 30 ] || each_interface device_of_mac >/dev/null 2>&1; do
    sleep 1
    tries=$((tries + 1))
  done
}
