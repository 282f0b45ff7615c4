#!/bin/sh
# The original pipeline: each part one after another, then cat | gunzip.
# $1 URL of the folder, $2 the disk to write; the parts' list is SHA256SUMS of that folder. Works in the current directory.
set -eu
wget -q "$1/SHA256SUMS"
while read -r _ part; do wget -q "$1/$part"; done < SHA256SUMS
cat frontend.vda.gz.* | gunzip > "$2"
