# Host name, hosts, resolv.conf, and the list of machines for MPI.

write_names() {
  echo "$name" | put_file "$ROOT/etc/hostname" 644 || return 1
  [ -n "$ROOT" ] || echo "$name" >/proc/sys/kernel/hostname
  write_hosts && write_resolv_conf && write_machinefile
}

# On the frontend every node, on a compute itself and its frontend. Lines of others stay, but for names that are ours now.
write_hosts() {
  hosts=$ROOT/etc/hosts
  ours=$(cluster_hosts)
  {
    outside_block "$hosts" | grep -q "[[:space:]]localhost" || echo "127.0.0.1 localhost"
    outside_block "$hosts" | OURS=$ours awk '
      BEGIN {
        count = split(ENVIRON["OURS"], lines, "\n")
        for (i = 1; i <= count; i++) { n = split(lines[i], words, " "); for (j = 2; j <= n; j++) ours[words[j]] = 1 }
      }
      { for (i = 2; i <= NF && $i !~ /^#/; i++) if ($i in ours) next; print }'
    echo "$BLOCK_BEGIN"
    printf '%s\n' "$ours"
    echo "$BLOCK_END"
  } | put_file "$hosts" 644
}

cluster_hosts() {
  each frontend | while read -r address full label; do host_line "$address" "$full" "$label"; done
  case $role in
  frontend)
    [ "$fqdn" = "$name" ] || each interface | sed -n "s/^public [^ ]* \([^ ]*\) .*/\1 $fqdn/p"
    each node | while read -r node address _; do echo "$address $node"; done
    ;;
  compute) each interface | while read -r network _ address _; do
    [ "$network" != private ] || host_line "$address" "$fqdn" "$name"
  done ;;
  esac
}

# The full name first: it is what the address is resolved to.
host_line() { if [ "$2" = "$3" ]; then echo "$1 $3"; else echo "$1 $2 $3"; fi; }

# Left alone where NetworkManager writes it, and where it is a link: then a resolver of the system's own keeps it. Both get the
# servers from the network's files.
write_resolv_conf() {
  [ ! -L "$ROOT/etc/resolv.conf" ] || return 0
  [ "$network_system" != networkmanager ] || return 0
  [ -n "$(each dns)$(each search)" ] || return 0
  {
    search=$(each search | tr '\n' ' ')
    [ -z "$search" ] || echo "search ${search% }"
    each dns | sed 's/^/nameserver /'
  } | put_file "$ROOT/etc/resolv.conf" 644
}

# Each compute as often as it has CPUs. Others may write into /tmp, so the file is always replaced, never written into.
write_machinefile() {
  [ "$role" = frontend ] || return 0
  each node | awk '{ for (i = 0; i < $3; i++) print $1 }' | put_file "$ROOT/tmp/machinefile" 644
}
