#!/bin/sh
# Makes a Debian package of a built binary: packaging/deb.sh target/release/watchfire [OUT]
# The same binary gives the same package; DEB_COMPRESSION=none makes it in a second, for tests.
set -eu

binary=${1:?the built binary}
out=${2:-.}
here=$(dirname "$0")
version=$("$binary" --version | cut -d' ' -f2)
architecture=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

install -Dm755 "$binary" "$root/usr/bin/watchfire"
[ -n "${DEB_KEEP_SYMBOLS:-}" ] || strip "$root/usr/bin/watchfire"
install -Dm644 "$here/watchfire.service" "$root/lib/systemd/system/watchfire.service"
install -Dm644 "$here/../LICENSE" "$root/usr/share/doc/watchfire/copyright"
install -Dm644 "$here/../README.md" "$root/usr/share/doc/watchfire/README.md"
install -Dm644 "$here/../docs/node.md" "$root/usr/share/doc/watchfire/node.md"
gzip -9n < "$here/../CHANGELOG.md" > "$root/usr/share/doc/watchfire/changelog.gz"
mkdir "$root/DEBIAN"
size=$(du -sk "$root/usr" | cut -f1)
cat > "$root/DEBIAN/control" <<END
Package: watchfire
Version: $version
Architecture: $architecture
Maintainer: the authors of Watchfire <watchfire@localhost>
Installed-Size: $size
Depends: adduser, libc6
Recommends: ca-certificates
Section: net
Priority: optional
Description: find an intrusion, prove it, tell each ally what they may know
 Watchfire hunts through the logs of Exchange servers with proof for every word,
 and keeps and shares intelligence over TAXII 2.1 with markings that hold.
END
install -m755 "$here/postinst" "$here/prerm" "$here/postrm" "$root/DEBIAN/"
(cd "$root" && find usr lib -type f | sort | xargs md5sum) > "$root/DEBIAN/md5sums"
# Nothing of when and where it was made goes in.
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-0}"
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Z"${DEB_COMPRESSION:-xz}" --build "$root" "$out/watchfire_${version}_$architecture.deb"
