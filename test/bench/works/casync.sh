#!/bin/sh
# casync: content-defined chunks, each verified.
# $1 URL of the folder, $2 the disk to write. Works in the current directory.
set -eu
casync extract --store "$1/store.castr" "$1/disk.caibx" "$2"
