#!/bin/busybox sh
# The only program of the appliance: writes files into the file system of a guest, on /dev/vda, and shows what is there afterwards.
# What to do lies at the beginning of /dev/vdb, the content of the files behind it; the answer goes to the same places of
# /dev/vdc. Its layout, and the orders, are those of core/appliance-task.ts. Whatever ends this program ends the VM.
export PATH=/bin
umask 077
/bin/busybox --install -s /bin
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
echo 'appliance: started'

fail() {
  echo "appliance: $*"
  umount /guest
  reboot -f
}

# Each folder on the way must be a real one: a link would lead elsewhere.
is_real_folder() {
  rest=${1#/}
  walked=/guest
  while [ -n "$rest" ]; do
    walked=$walked/${rest%%/*}
    [ -d "$walked" ] && [ ! -L "$walked" ] || return 1
    case $rest in
      */*) rest=${rest#*/} ;;
      *) rest= ;;
    esac
  done
}

is_plain_file() {
  is_real_folder "${1%/*}" && [ -f "/guest$1" ] && [ ! -L "/guest$1" ]
}

is_there() {
  [ -e "$1" ] || [ -L "$1" ]
}

# folder, pattern
move_aside() {
  is_real_folder "$1" || return 0
  for stale in "/guest$1"/$2; do
    is_there "$stale" || continue
    aside=/guest$1/old-${stale##*/}
    rm -f "$aside" && mv "$stale" "$aside" || fail "${stale#/guest} cannot be moved aside"
  done
}

# mode, size in bytes, first block, path
write_file() {
  is_real_folder "${4%/*}" || fail "${4%/*} is not a plain folder in the image"
  rm -f "/guest$4"
  is_there "/guest$4" && fail "$4 is in the way"
  dd if=/dev/vdb bs="$block_bytes" skip="$3" count="$(((${2} + block_bytes - 1) / block_bytes))" 2>/dev/null |
    head -c "$2" >"/guest$4" || fail "$4 cannot be written"
  chown 0:0 "/guest$4" && chmod "$1" "/guest$4" || fail "$4 cannot be written"
}

# mode, size in bytes, first block, path
show_file() {
  is_plain_file "$4" || fail "$4 is not there after it was written"
  head -c "$2" "/guest$4" | dd of=/dev/vdc bs="$block_bytes" seek="$3" conv=notrunc 2>/dev/null || fail 'no answer'
  stat -c "file %a %u:%g %h %s $4" "/guest$4" >>/answer
}

look_for() {
  if is_plain_file "$1"; then echo "found $1" >>/answer; fi
}

while read -r module; do
  insmod "/modules/$module" || fail "no module $module"
done </modules/order
tries=0
until [ -b /dev/vda ] && [ -b /dev/vdb ] && [ -b /dev/vdc ]; do
  [ "$tries" -lt 200 ] || fail 'the disks are not there'
  usleep 50000
  tries=$((tries + 1))
done

read -r block_bytes orders_bytes </dev/vdb
head -c "$orders_bytes" /dev/vdb | tr -d '\0' >/orders
# Replays the log, where there is something in it.
mount -t xfs -o rw,nodev,nosuid,noexec /dev/vda /guest || fail 'the file system cannot be mounted'
while read -r order a b c d; do
  case $order in
    aside) move_aside "$a" "$b" ;;
    write) write_file "$a" "$b" "$c" "$d" ;;
  esac
done </orders
sync
umount /guest || fail 'the file system cannot be written out'

# Afresh, so that nothing is answered from memory.
mount -t xfs -o ro,nodev,nosuid,noexec /dev/vda /guest || fail 'the file system cannot be mounted again'
while read -r order a b c d; do
  case $order in
    write) show_file "$a" "$b" "$c" "$d" ;;
    look) look_for "$a" ;;
  esac
done </orders
umount /guest || fail 'the file system cannot be left'
echo 'done' >>/answer
dd if=/answer of=/dev/vdc bs="$block_bytes" conv=notrunc 2>/dev/null || fail 'no answer'
sync
reboot -f
