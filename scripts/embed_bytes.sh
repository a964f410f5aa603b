# shellcheck shell=sh
# embed_bytes NAME FILE: the bytes of FILE as a C array called NAME, on standard output.  A file may be empty,
# an array may not: a byte stands behind them that no size counts.  Sourced by the embed scripts, from the
# repository root.
embed_bytes() {
    [ -r "$2" ] || { echo "${0##*/}: cannot read $2" >&2; exit 1; }
    echo
    echo "static const unsigned char $1[] = {"
    od -A n -v -t u1 "$2" | sed 's/  */, /g; s/^, /    /; s/$/,/'
    echo '    0};'
}
