# Files are written beside their place and renamed: a reader sees the old content or the new one. What is as it should be is not
# touched.

say() { echo "edgeboot-guest: $*" >&2; }

# put_file PATH MODE: standard input becomes the file. Succeeds when the file is as wished.
put_file() {
  [ -d "${1%/*}" ] || mkdir -p "${1%/*}" || return 1
  new=$(mktemp "$1.XXXXXX") || return 1
  cat >"$new" || { rm -f "$new"; return 1; }
  if [ -f "$1" ] && [ ! -L "$1" ] && cmp -s "$new" "$1"; then
    rm -f "$new"
    chmod "$2" "$1"
    return
  fi
  chmod "$2" "$new" || { rm -f "$new"; return 1; }
  if [ -d "$1" ]; then
    rm -f "$new"
    say "$1 is a folder"
    return 1
  fi
  mv -f "$new" "$1"
}

BLOCK_BEGIN='# edgeboot: begin (written by edgeboot-guest)'
BLOCK_END='# edgeboot: end'

# outside_block PATH: what others wrote into the file.
outside_block() {
  [ -f "$1" ] || return 0
  awk -v b="$BLOCK_BEGIN" -v e="$BLOCK_END" '$0 == b { inside = 1 } !inside { print } $0 == e { inside = 0 }' "$1"
}

# put_block PATH MODE: standard input becomes our block at the end of the file; the rest of it stays.
put_block() {
  { outside_block "$1"; echo "$BLOCK_BEGIN"; cat; echo "$BLOCK_END"; } | put_file "$1" "$2"
}
