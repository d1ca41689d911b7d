#!/usr/bin/env bash
# Builds opentracker from the source of Debian's newest release, open and without system log:
# the packaged build wants a list of torrents and logs each completed download.
# Usage: opentracker.sh CACHE; needs apt, gcc, make, libowfat-dev and dpkg-dev.
set -euo pipefail
cache=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$cache/bin" "$work/parts" "$work/lists/partial"
mirror=$(grep -hm1 '^URIs:' /etc/apt/sources.list.d/debian.sources)
printf 'Types: deb-src\n%s\nSuites: sid\nComponents: main\n%s\n' "$mirror" \
	'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' >"$work/parts/source.sources"
apt=(apt-get -qq -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$work/parts"
	-o "Dir::State::Lists=$work/lists" -o APT::Sandbox::User=root)
cd "$work"
"${apt[@]}" update
"${apt[@]}" source opentracker
cd opentracker-*/
build() {
	make -s clean >/dev/null 2>&1
	make -s opentracker LIBOWFAT_HEADERS=/usr/include/libowfat LIBOWFAT_LIBRARY=/usr/lib \
		OPTS_production='-O3 -march=native' FEATURES="-DWANT_NO_AUTO_FREE $2" STRIP=true
	install -m 755 opentracker "$cache/bin/$1"
}
build opentracker ''
build opentracker-kept -DWANT_KEEPALIVE
