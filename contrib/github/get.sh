#!/usr/bin/env bash
# A step of action.yml: the program for the runner's system, from the releases of the action's repository, with
# its checksum compared. PROGRAM, if it is set, is used instead. The path is the output `program`.
set -euo pipefail

die() { printf '::error title=ovcheck::%s\n' "$1"; exit 2; }

if [ -n "${PROGRAM:-}" ]; then
    [ -x "$(command -v "$PROGRAM")" ] || die "not a program: $PROGRAM"
    echo "program=$(realpath "$(command -v "$PROGRAM")")" >> "$GITHUB_OUTPUT"
    exit
fi

case "$RUNNER_OS-$RUNNER_ARCH" in
    Linux-X64) target=x86_64-unknown-linux-musl ;;
    Linux-ARM64) target=aarch64-unknown-linux-musl ;;
    macOS-X64) target=x86_64-apple-darwin ;;
    macOS-ARM64) target=aarch64-apple-darwin ;;
    *) die "there is no program for $RUNNER_OS on $RUNNER_ARCH; set the input \"program\"" ;;
esac
archive=ovcheck-$target.tar.gz

releases=$GITHUB_SERVER_URL/$GITHUB_ACTION_REPOSITORY/releases
case "${VERSION:-latest}" in
    latest) place=$releases/latest/download ;;
    *) place=$releases/download/v${VERSION#v} ;;
esac

cd "$RUNNER_TEMP"
curl --fail --silent --show-error --location --retry 3 --remote-name "$place/SHA256SUMS" \
    --remote-name "$place/$archive" || die "cannot download $archive from $place"
line=$(grep -F "  $archive" SHA256SUMS) || die "SHA256SUMS does not list $archive"
if command -v sha256sum > /dev/null; then sums=(sha256sum); else sums=(shasum -a 256); fi
"${sums[@]}" --check - <<< "$line" > /dev/null || die "$archive does not have the checksum that the release lists"
tar -xzf "$archive"
echo "program=$RUNNER_TEMP/ovcheck-$target/ovcheck" >> "$GITHUB_OUTPUT"
