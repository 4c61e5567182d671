#!/usr/bin/env bash
# Builds Containerfile.scratch with buildah from this machine's own files; pulls no base image.
#
#   tools/image/build.sh [IMAGE]      default: localhost/pullmeter:VERSION
#
# Needs buildah, npm, and Linux with glibc, whose libraries go into the image. Prints the image's id.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=$(node --print 'require("./package.json").version')
image=${1:-localhost/pullmeter:$version}
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

# lay_out_runtime: Node, the libraries it is linked with, and what Unix programs expect to find in /etc.
lay_out_runtime() {
  local root=$context/runtime package=tools/node/node_modules/node-linux-$1
  [ -x "$package/bin/node" ] || npm ci --silent --ignore-scripts --prefix tools/node
  install -D "$package/bin/node" "$root/nodejs/bin/node"
  install -D -m 644 "$package/LICENSE" "$root/nodejs/LICENSE"

  ldd "$package/bin/node" | grep -o '/[^ ]*' | sort -u | while read -r library; do
    install -D "$(realpath "$library")" "$root$library"
  done

  mkdir -p "$root/etc/ssl/certs"
  install -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  echo 'nonroot:x:65532:65532:nonroot:/nonexistent:/sbin/nologin' >"$root/etc/passwd"
  echo 'nonroot:x:65532:' >"$root/etc/group"
  # /etc/hosts before DNS, as everywhere else.
  echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
}

lay_out_app() {
  local app=$context/app
  mkdir "$app"
  cp -R bin package.json package-lock.json .npmrc "$app"
  [ ! -e LICENSE ] || cp LICENSE "$app"
  npm ci --silent --omit=dev --ignore-scripts --prefix "$app"
  rm "$app/package-lock.json" "$app/.npmrc"
  node tools/run.mjs node tools/build.ts "$app/dist"
}

case $(uname -m) in
  x86_64) lay_out_runtime x64 ;;
  aarch64) lay_out_runtime arm64 ;;
  *)
    echo "tools/image/build.sh: npm has no Node 24 binary for $(uname -m); use Containerfile" >&2
    exit 1
    ;;
esac
lay_out_app

# chroot: needs no container runtime, since nothing is run. The commit's time makes layers repeatable.
buildah bud --isolation chroot --quiet --layers \
  --timestamp "$(git log -1 --format=%ct 2>/dev/null || echo 0)" \
  --build-arg "VERSION=$version" \
  --build-arg "REVISION=$(git rev-parse --verify --quiet HEAD || echo unknown)" \
  --file Containerfile.scratch --tag "$image" "$context"
