#!/usr/bin/env bash
# Sees to it that programs are installed: packages.sh PROGRAM=DEBIAN_PACKAGE...
# A program that lies outside of PATH is named by its folder. No server of PostgreSQL is started.
# Root installs what is missing; anybody else is told what to ask for.
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin"

missing=()
for need in "$@"; do
  [ -d "${need%%=*}" ] || command -v "${need%%=*}" >/dev/null || missing+=("${need#*=}")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "Please install first: ${missing[*]} (on Debian: sudo apt-get install ${missing[*]})" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
case " ${missing[*]} " in
  *" postgresql "*)
    apt-get install -y -qq --no-install-recommends postgresql-common
    sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' \
      /etc/postgresql-common/createcluster.conf
    ;;
esac
apt-get install -y -qq --no-install-recommends "${missing[@]}"
