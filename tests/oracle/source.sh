#!/bin/sh
# Source of BusyBox from Debian's package: source.sh DIRECTORY. It is GPL: it is used, never kept.
# The machine's own entries name packages alone: the same ones for sources, in a state apart.
set -eu
mkdir -p "${1:?name a directory}/source"
cd "$1"
mkdir -p lists/partial parts
for entry in /etc/apt/sources.list.d/*.sources; do
    [ ! -f "$entry" ] || sed 's/^Types:.*/Types: deb-src/' "$entry" >"parts/${entry##*/}"
done
sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >sources.list 2>/dev/null || :
apt="apt-get -qq -o Dir::State::lists=$PWD/lists -o Dir::Etc::sourcelist=$PWD/sources.list"
apt="$apt -o Dir::Etc::sourceparts=$PWD/parts"
{ $apt update && $apt source --download-only busybox; } >/dev/null 2>&1 || :
tar -xf busybox_*.orig.tar.* -C source --strip-components=1 2>/dev/null || {
    echo "no source of BusyBox" >&2
    exit 3
}
