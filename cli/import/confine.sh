# Runs a program in namespaces that were just made: it sees the system's programs and the two files that it works on, read-only but
# for the second, and nothing else: no folder of anybody, no process, no network. A status of 125 says that this could not be set up.
#   confine.sh EMPTY-FOLDER SOURCE TARGET PROGRAM…
set -eu
trap 'exit 125' EXIT
root=$1 source=$2 target=$3
shift 3
show() {
  : >"$root/$2"
  mount --bind -o "$3" "$1" "$root/$2"
}
mount -t tmpfs -o mode=0755,size=64k,nosuid,nodev tmpfs "$root"
for name in usr lib lib32 lib64 libx32; do
  if [ -L "/$name" ]; then
    cp -P "/$name" "$root/$name"
  elif [ -d "/$name" ]; then
    mkdir "$root/$name"
    mount --bind -o ro,nosuid,nodev "/$name" "$root/$name"
  fi
done
mkdir "$root/dev"
: >"$root/dev/null"
mount --bind /dev/null "$root/dev/null"
# A flag that the mount below has cannot be left out by who is not root: all that do no harm are there.
show "$source" source ro,nosuid,nodev,noexec
show "$target" target nosuid,nodev,noexec
mount -o remount,bind,ro,nosuid,nodev "$root"
exec chroot "$root" "$@"
