# The virtio-serial port org.edgeboot.ready. Only one process may have it open: reader and writer share what `serve` has opened.
#   guest to host   READY <SHA-256 of the applied document>     every second, and at once after a change
#   host to guest   VC-OUT <base64 of a new document>

PORT_NAME=org.edgeboot.ready
PORT_WAIT_SECONDS=60

serve() {
  port=$(find_port) || { say "there is no port $PORT_NAME"; return 0; }
  exec 3<>"$port"
  announce &
  announcer=$!
  trap 'kill "$announcer" 2>/dev/null' EXIT
  trap 'exit 0' INT TERM
  while :; do
    # Ends at once while nobody listens at the other end.
    while read -r word document <&3; do
      [ "$word" = VC-OUT ] || continue
      printf '%s' "$document" | base64 -d 2>/dev/null | update && say_ready
    done
    sleep 1
  done
}

find_port() {
  tries=0
  until [ "$tries" -ge "$PORT_WAIT_SECONDS" ]; do
    for name in /sys/class/virtio-ports/*/name; do
      if [ -f "$name" ] && [ "$(cat "$name")" = "$PORT_NAME" ]; then
        folder=${name%/name}
        echo "/dev/${folder##*/}"
        return
      fi
    done
    sleep 1
    tries=$((tries + 1))
  done
  return 1
}

# A write waits until somebody listens.
announce() {
  until is_ready; do sleep 1; done
  while :; do
    say_ready
    sleep 1
  done
}

say_ready() { echo "READY $(cat "$STATE/fingerprint")" >&3; }

# The document is applied, every address is there, and who is to log in finds somebody to answer.
is_ready() {
  [ -f "$STATE/fingerprint" ] && read_plan "$DOCUMENT" || return 1
  each interface | while read -r _ _ address _; do has_address "$address" || exit 1; done && ssh_answers
}

has_address() {
  awk -v address="$1" '/host LOCAL/ && last == address { found = 1 } { last = $2 } END { exit !found }' /proc/net/fib_trie
}

ssh_answers() {
  [ -x /usr/sbin/sshd ] || [ -x /usr/sbin/dropbear ] || return 0
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q ':0016 0*:0000 0A'
}
