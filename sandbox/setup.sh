#!/bin/sh
# Brings what the sandbox and the tests need: Debian packages (their daemons are not started) and the virtual
# environments, in the folder that is its argument. Says what it does; does nothing, quickly, when all is there.
set -eu

src=$(cd "$(dirname "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sonic-system-service
packages="python3 python3-venv docker.io redis-server debootstrap busybox-static debian-archive-keyring snmp iproute2 util-linux
etcd-server docker-registry openssl bash-completion zsh man-db openssh-client faketime"
# The versions the switch has; the second environment takes the newest click instead.
switch_pins="click==8.1.8 hiredis"
# What the extra [kubernetes] brings on the switch; the environments here have the newest client.
kubernetes_pin="kubernetes==31.0.0"

say() { echo "setup: $*"; }

die() { echo "setup: $*" >&2; exit 1; }

missing_packages() {
    for package in $packages; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
    done
}

# While Debian packages are installed, a policy forbids their scripts to start a daemon; afterwards the machine's
# own policy (or none) is back, whatever happened in between.
install_packages() {
    policy=/usr/sbin/policy-rc.d
    [ ! -e "$policy" ] || mv "$policy" "$policy.kept"
    trap 'rm -f "$policy"; [ ! -e "$policy.kept" ] || mv "$policy.kept" "$policy"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    say "apt-get install $*"
    # A foreign source that is down is no reason to stop: what matters is whether the packages can be installed.
    apt-get -qq update > "$cache/apt.log" 2>&1 || say "apt-get update: not all sources answered ($cache/apt.log)"
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@" >> "$cache/apt.log" 2>&1 ||
        { tail -n 20 "$cache/apt.log" >&2; die "apt-get failed"; }
}

# The stamp holds what the environment was made from, so that a changed setup.cfg makes it anew.
make_venv() { # NAME REQUIREMENT...
    venv=$venvs/$1
    shift
    stamp="$(cksum < "$src/setup.cfg") $*"
    [ "$(cat "$venv/.made-from" 2>/dev/null)" != "$stamp" ] || return 0
    say "virtual environment $venv"
    rm -rf "$venv"
    /usr/bin/python3 -m venv "$venv"
    "$venv/bin/pip" -q install --disable-pip-version-check 'setuptools>=68' wheel "$@" -e "$src[dev]"
    echo "$stamp" > "$venv/.made-from"
}

fetch_wheels() {
    wheels=$cache/wheels
    pins="$switch_pins $kubernetes_pin"
    [ "$(cat "$wheels/.made-from" 2>/dev/null)" != "$pins" ] || return 0
    say "wheels for the switch: $pins"
    rm -rf "$wheels"
    # shellcheck disable=SC2086 # one word per requirement
    "$venvs/venv/bin/pip" -q download --disable-pip-version-check --only-binary :all: -d "$wheels" $pins
    echo "$pins" > "$wheels/.made-from"
}

[ "$(id -u)" = 0 ] || die "needs root: it installs packages and starts a container engine"
venvs=${1:?usage: setup.sh FOLDER}
mkdir -p "$cache" "$venvs"
# Two makes at once (a demo beside the tests) must not build the same environment.
if [ -z "${SANDBOX_SETUP_LOCKED-}" ]; then
    SANDBOX_SETUP_LOCKED=1 exec flock "$cache/setup.lock" "$0" "$@"
fi
missing=$(missing_packages)
# shellcheck disable=SC2086 # one word per package
[ -z "$missing" ] || install_packages $missing
# shellcheck disable=SC2086
make_venv venv $switch_pins
make_venv venv-newest-click click
fetch_wheels
