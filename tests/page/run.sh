#!/bin/bash
# The page of `mambench report --format html` in a headless Chromium: filters, keys, flips, hostile
# text, requests, speed.  Exit code 77 where Chromium, its driver, curl or jq is not there.
#     tests/page/run.sh MAMBENCH [FOLDER for pictures of the page]
set -eu

for program in chromium chromedriver curl jq; do
    command -v $program >/dev/null || { echo "check-html: skipped: $program is not installed"; exit 77; }
done
MAMBENCH=$(readlink -f "$1")
PICTURES=${2:+$(readlink -f "$2")}
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
WORK=$(mktemp -d)
FAILED=0
N=0
. "$ROOT/tests/page/browser.sh"
trap 'browser_stop; rm -rf "$WORK"' EXIT
. "$ROOT/tests/page/pages.sh"

# is WHAT EXPECTED: the value that the script on standard input returns.
is() {
    local got
    got=$(js)
    N=$((N + 1))
    [ "$got" = "$2" ] || { echo "  FAILED  $1: $got, expected $2"; FAILED=$((FAILED + 1)); }
}

# Helpers of the scripts below; set() does what a reader's choice in a field does.
TOOLS='const $ = id => document.getElementById(id);
    const set = (id, value) => { $(id).value = value;
        $(id).dispatchEvent(new Event(id === "text" ? "input" : "change")); };
    const option = (id, part) => [...$(id).options].find(o => o.textContent.includes(part)).value;
    const rows = () => [...document.querySelectorAll("#list .row")];
    const count = () => $("count").textContent;
    const chosen = () => document.querySelector("#list .row[aria-selected=true]")?.dataset.index;'
page() {
    is "$@" < <(echo "$TOOLS"; cat) # no pipe: its counts would be lost with the subshell
}

# nothing_left WHAT: since the page was opened, no error was logged and nothing but files was asked
# for.
nothing_left() {
    local errors other
    errors=$(browser_log browser)
    other=$(browser_requests | grep -v -e '^file://' -e '^data:' || true)
    N=$((N + 2))
    [ -z "$errors" ] || { echo "  FAILED  $1: the console says: $errors"; FAILED=$((FAILED + 1)); }
    [ -z "$other" ] || { echo "  FAILED  $1: it asked for $other"; FAILED=$((FAILED + 1)); }
}

for part in "$ROOT"/tests/page/check_*.sh; do
    echo "$(basename "$part" .sh):"
    . "$part"
done
if [ -n "$PICTURES" ]; then
    . "$ROOT/tests/page/pictures.sh"
fi
echo "check-html: $N checks, $FAILED failed"
[ "$FAILED" -eq 0 ]
