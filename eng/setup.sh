#!/usr/bin/env bash
# Sourced by ./run and ./test: makes sure that what they need is there, then builds.
#   tidemark_setup             checks the .NET SDK, libsqlite3 and the sqlite3 shell; as root on Debian it installs what is missing
#   tidemark_setup_postgres    for tests alone: PostgreSQL's programs; as root on Debian it installs them; without them those tests are skipped
#   tidemark_build PROJECT...  restores and builds in Release; one build at a time per checkout; the log is shown when it fails
# Run by itself it only does the first: eng/setup.sh

tidemark_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
sdk_needed=10.0.400
sqlite_needed=3.37.0

say() { printf '%s\n' "$*" >&2; }

# at_least 3.40.1 3.37.0: is the first version not older than the second?
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | LC_ALL=C sort -V | head -n 1)" = "$2" ]; }

has_library() {
    local folder
    for folder in /lib/*-linux-gnu /usr/lib/*-linux-gnu /lib64 /usr/lib64 /lib /usr/lib /usr/local/lib; do
        [ -e "$folder/$1" ] && return 0
    done
    return 1
}

find_dotnet() {
    local folder
    if ! command -v dotnet >/dev/null 2>&1; then
        for folder in "${DOTNET_ROOT:-}" "${HOME:-/nonexistent}/.dotnet" /usr/share/dotnet /usr/lib/dotnet /opt/dotnet; do
            if [ -n "$folder" ] && [ -x "$folder/dotnet" ]; then
                PATH=$folder:$PATH
                break
            fi
        done
    fi
    if ! command -v dotnet >/dev/null 2>&1; then
        say "The .NET SDK $sdk_needed or newer is missing. Install it (https://dotnet.microsoft.com/download/dotnet/10.0) and put dotnet on the PATH."
        return 1
    fi
    # Programs built here look for the runtime in DOTNET_ROOT; a dotnet that is only on the PATH is not found by them.
    if [ -z "${DOTNET_ROOT:-}" ]; then
        DOTNET_ROOT=$(dirname "$(readlink -f "$(command -v dotnet)")")
        export DOTNET_ROOT
    fi
    export PATH DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
    export DOTNET_CLI_USE_MSBUILD_SERVER=0 MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_WORKLOAD_UPDATE_NOTIFY_DISABLE=true
    # Everything here runs without cultures, the SDK too: a bare machine has no ICU.
    export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
    if [ -z "${HOME:-}" ] || [ ! -w "${HOME:-}" ]; then
        HOME=${TMPDIR:-/tmp}/tidemark-home-$(id -u)
        export HOME DOTNET_CLI_HOME=$HOME
        mkdir -p "$HOME"
    fi
    local version
    if ! version=$(cd "$tidemark_root" && dotnet --version 2>/dev/null); then
        say "No .NET SDK $sdk_needed or newer among: $(dotnet --list-sdks 2>/dev/null | cut -d' ' -f1 | tr '\n' ' ')"
        return 1
    fi
}

# Debian packages for what is missing.
missing_packages() {
    has_library libsqlite3.so.0 || printf 'libsqlite3-0 '
    command -v sqlite3 >/dev/null 2>&1 || printf 'sqlite3 '
    has_library libssl.so.3 || has_library libssl.so.1.1 || printf 'libssl3 '
    [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] || printf 'ca-certificates '
}

install_packages() { install_packages_of missing_packages; }

# install_packages_of FUNCTION: installs what the function names.
install_packages_of() {
    say "Installing: $($1)"
    (
        if command -v flock >/dev/null 2>&1; then
            exec 8>/tmp/tidemark-setup.lock
            flock 8
        fi
        export DEBIAN_FRONTEND=noninteractive
        set -- $($1)   # another set-up may have been faster
        [ $# -eq 0 ] && exit 0
        log=$(mktemp)
        if apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold install -y --no-install-recommends "$@" >"$log" 2>&1 8>&- ||
            { apt-get -o DPkg::Lock::Timeout=300 update >"$log" 2>&1 8>&- &&
                apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold install -y --no-install-recommends "$@" >>"$log" 2>&1 8>&-; }; then
            rm -f "$log"
        else
            cat "$log" >&2
            rm -f "$log"
            exit 1
        fi
    )
}

tidemark_setup() {
    local missing version
    missing=$(missing_packages)
    missing=${missing% }
    if [ -n "$missing" ]; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
            install_packages || { say "Could not install: $missing. See above; install them by hand and try again."; return 1; }
        else
            say "Missing: $missing. Install them first, for example: sudo apt-get install $missing"
            return 1
        fi
    fi
    find_dotnet || return 1
    version=$(sqlite3 -batch -noheader :memory: 'select sqlite_version();' </dev/null 2>/dev/null)
    if ! at_least "${version:-0}" "$sqlite_needed"; then
        say "The sqlite3 shell is ${version:-unknown}; $sqlite_needed or newer is needed."
        return 1
    fi
}

has_postgres() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }

# Debian's packages would make and start a database of their own: only the programs are wanted.
tidemark_setup_postgres() {
    has_postgres && return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
            mkdir -p /etc/postgresql-common
            printf 'create_main_cluster = false\n' >/etc/postgresql-common/createcluster.conf
        fi
        missing_packages_of_tests() { [ -x /usr/sbin/pgbouncer ] || printf 'pgbouncer '; has_postgres || { apt-cache show postgresql-15 >/dev/null 2>&1 && printf 'postgresql-15 ' || printf 'postgresql '; }; }
        install_packages_of missing_packages_of_tests && has_postgres && return 0
    fi
    say 'note: PostgreSQL is not installed (Debian: postgresql-15); tests that need it are skipped.'
}

tidemark_build_options=()
tidemark_build() {
    local log status project
    mkdir -p "$tidemark_root/artifacts"
    log=$(mktemp)
    (
        cd "$tidemark_root" || exit 1
        if command -v flock >/dev/null 2>&1; then
            exec 9>artifacts/.build-lock
            flock 9
        fi
        for project in "$@"; do
            dotnet build "$project" -c Release -v q --nologo -nodeReuse:false "${tidemark_build_options[@]}" 9>&- || exit 1
        done
    ) >"$log" 2>&1 </dev/null
    status=$?
    [ $status -eq 0 ] || LC_ALL=C sort -u "$log" >&2
    rm -f "$log"
    return $status
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    tidemark_setup && say "Everything is there: .NET SDK $(cd "$tidemark_root" && dotnet --version), SQLite $(sqlite3 -batch :memory: 'select sqlite_version();')."
fi
