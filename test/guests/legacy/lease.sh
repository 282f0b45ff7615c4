#!/bin/sh
# udhcpc calls this.
case $1 in
bound)
  ip addr add "$ip/$mask" dev "$interface"
  echo "$serverid" >/run/lease-server
  ;;
esac
