#!/usr/bin/env bash
# Prints the name of a Python that is new enough and can make virtual environments.
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin"

find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c "$1" 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
if ! find_python "import ensurepip; $new_enough"; then
  if ! find_python "$new_enough" >/dev/null && command -v python3 >/dev/null; then
    echo "h2h needs Python 3.11 or newer; python3 here is $(python3 --version)." >&2
    exit 1
  fi
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "Please install first: python3-venv (on Debian: sudo apt-get install python3-venv)" >&2
    exit 1
  fi
  { apt-get update -qq && apt-get install -y -qq python3 python3-venv; } >&2
  find_python "import ensurepip; $new_enough"
fi
