#!/bin/busybox sh
# First program of a guest: loads the drivers, then hands over to the root file system on the first partition.
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
for module in $(/bin/busybox cat /modules/order); do
  /bin/busybox insmod "/modules/$module" || echo "no module $module"
done
# The driver finds its disk a moment after it was loaded.
tries=0
until [ -b /dev/vda1 ] || [ "$tries" -ge 100 ]; do
  /bin/busybox usleep 50000
  tries=$((tries + 1))
done
/bin/busybox mount -t "$(/bin/busybox cat /file-system)" -o rw /dev/vda1 /root || exec /bin/busybox poweroff -f
/bin/busybox mount --move /dev /root/dev
/bin/busybox mount --move /proc /root/proc
/bin/busybox mount --move /sys /root/sys
exec /bin/busybox switch_root /root /sbin/init
