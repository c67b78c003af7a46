#!/bin/sh
# Puts a real Prometheus at the path that is given, for the tests: the one on PATH, else Debian's package, unpacked and
# not installed. Needs no root: where apt's lists are empty, lists of our own are fetched into a folder that goes again.
# apt checks the package's hash against lists that Debian (Ubuntu) has signed.
set -eu
wanted=$1
log=$wanted.log

if found=$(command -v prometheus) && "$found" --version >"$log" 2>&1; then
    ln -sf "$found" "$wanted"
    rm -f "$log"
    exit 0
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial" "$folder/package"

# as root, apt would drop to a user who may not write here; for anybody else this says nothing
apt="apt-get -q -o APT::Sandbox::User=$(id -un)"
own="-o Dir::State::Lists=$folder/lists -o Dir::Cache=$folder/cache -o Debug::NoLocking=1"
bring() {
    # shellcheck disable=SC2086
    (cd "$folder/package" && rm -f ./*.deb && "$@" && dpkg -x ./*.deb .) >>"$log" 2>&1 &&
        "$folder/package/usr/bin/prometheus" --version >>"$log" 2>&1
}
with_own_lists() {
    # shellcheck disable=SC2086
    $apt $own update && $apt $own download prometheus
}

: >"$log"
if command -v apt-get >>"$log" && command -v dpkg >>"$log"; then
    # shellcheck disable=SC2086
    if bring $apt download prometheus || bring with_own_lists; then
        cp "$folder/package/usr/bin/prometheus" "$wanted.new"
        mv "$wanted.new" "$wanted"
        rm -f "$log"
        exit 0
    fi
fi
cat >&2 <<END
prometheus: the tests need a real one; expected it on PATH, or as a package that apt-get can download, got neither.
Install it so that \`prometheus --version\` answers, and run \`make test\` again:
  Debian, Ubuntu    sudo apt-get update && sudo apt-get install prometheus
  macOS             brew install prometheus
  elsewhere         https://prometheus.io/download/, its folder on PATH
What was tried stands in $log.
END
exit 1
