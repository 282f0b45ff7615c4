# Who may log in as root, and how the frontend logs in to its computes.

write_trust() {
  mkdir -p "$ROOT/root/.ssh" && chmod 700 "$ROOT/root/.ssh" || return 1
  write_authorized_keys && write_cluster_key || return 1
  if [ -z "$ROOT" ] && command -v restorecon >/dev/null; then restorecon -R /root/.ssh; fi
  return 0
}

# Every line of <key> once, behind the lines of others.
write_authorized_keys() {
  keys=$ROOT/root/.ssh/authorized_keys
  {
    # awk ends a last line that has no end.
    [ ! -f "$keys" ] || awk '{ print }' "$keys"
    each key | KEYS=$keys awk 'BEGIN { while ((getline line < ENVIRON["KEYS"]) > 0) seen[line] = 1 } !seen[$0]++'
  } | put_file "$keys" 600
}

# /root/.edgeboot-cluster-key lies on frontends only: it opens this cluster's computes, and nothing else.
write_cluster_key() {
  key=/root/.edgeboot-cluster-key
  [ -f "$ROOT$key" ] || return 0
  if [ "$(head -n 1 "$ROOT$key")" != '-----BEGIN OPENSSH PRIVATE KEY-----' ]; then
    say "$key is no private key of OpenSSH: the computes will not know this frontend"
    return 0
  fi
  chmod 600 "$ROOT$key"
  # Computes come and go under the same names, on a network of the cluster's own: their host keys are not kept.
  each node | while read -r node address _; do
    echo "Host $node $address"
    echo "  IdentityFile $key"
    echo '  StrictHostKeyChecking no'
    echo '  UserKnownHostsFile /dev/null'
    echo '  LogLevel ERROR'
  done | put_block "$ROOT/root/.ssh/config" 600 || return 1
  write_dropbear_key
}

# dropbear's client reads one file, in a format of its own. A key that somebody else has put there stays.
write_dropbear_key() {
  identity=$ROOT/root/.ssh/id_dropbear
  [ ! -f "$identity" ] && command -v dropbearconvert >/dev/null || return 0
  dropbearconvert openssh dropbear "$ROOT$key" "$identity" >/dev/null 2>&1 || say "dropbear cannot read $key"
}
