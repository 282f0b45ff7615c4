#!/bin/sh
# First process of a user-data channel, in namespaces of its own, in the channel's folder. Says its process id (as the host counts),
# waits until it is told to go on, then serves until it is killed. When the agent ends before that, so does it.
#   serve.sh USER-ID
set -eu
for program in dnsmasq socat busybox ip setpriv; do
  command -v "$program" >/dev/null || { echo "the program $program is not installed" >&2; exit 127; }
done
# A new namespace may inherit the host's settings: nothing is passed on from one network to the other.
echo 0 >/proc/sys/net/ipv4/ip_forward
for which in all default; do
  echo 1 >"/proc/sys/net/ipv4/conf/$which/rp_filter"
  [ ! -e /proc/sys/net/ipv6 ] || echo 1 >"/proc/sys/net/ipv6/conf/$which/disable_ipv6"
done
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start

# /proc is the host's, and so is the number in it.
read -r process _ </proc/self/stat
echo "$process"
read -r _ || exit 0

ip -batch links.ip
# Answers when it serves, or says why not; gives up its rights by itself.
dnsmasq --conf-file=dnsmasq.conf
# From here on nobody may be listening to our words.
exec setpriv --reuid "$1" --regid "$1" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all -- \
  socat TCP4-LISTEN:80,fork,reuseaddr,max-children=64 'EXEC:sh answer.sh,nofork' >/dev/null 2>&1
