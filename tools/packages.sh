#!/usr/bin/env bash
# Sees to it that programs are installed: packages.sh PROGRAM=DEBIAN_PACKAGE...
# Root installs what is missing; anybody else is told what to ask for.
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin"

missing=()
for need in "$@"; do
  command -v "${need%%=*}" >/dev/null || missing+=("${need#*=}")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "Please install first: ${missing[*]} (on Debian: sudo apt-get install ${missing[*]})" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}"
