#!/bin/sh
# Fetches a benchmark from its official addresses into the layout that its loader reads.
#     get_data.sh NAME [--split SPLIT] [--no-images] [--with PART] [--to DIR]
#     get_data.sh --list [NAME]
# What is fetched from where: data_sources.tsv, beside this file.  Interrupted, it goes on where it
# was.  Exit codes: 0 done, 2 usage, 3 something is missing or wrong.
set -eu

help() {
    cat <<'END'
usage: get_data.sh NAME [options]       vqav2, gqa, vizwiz, textvqa, pope or vsr
       get_data.sh --list [NAME]        what is fetched, from where, and how large it is

  --split SPLIT       instead of the first one that --list shows
  --no-images         questions and answers only (also --annotations-only)
  --with PART         an optional part of --list, such as choices or ocr-tri; may be repeated
  --to DIR            instead of data/NAME
  --remove-archives   removes each archive once it is unpacked
  --any-version       takes files of another size or sum than the table's, and says so
  --sources FILE      another table instead of data_sources.tsv

MAMBENCH_DATA_MIRROR=http://HOST:PORT fetches http://HOST:PORT/host/path for every https://host/path.
END
}

say() { echo "get_data: $*"; }
fail() {
    echo "get_data: $*" >&2
    exit 3
}
usage() {
    echo "get_data: $*; --help tells the options" >&2
    exit 2
}

# Reads a row of the table, whose columns are separated by tabs.
tab=$(printf '\t')
next_row() { IFS="$tab" read -r name split part address file bytes sha256 rule; }

# rows NAME SPLIT: those of the table.
rows() { awk -F '\t' -v name="$1" -v split_="$2" '$1 == name && $2 == split_' "$sources"; }

list() {
    awk -F '\t' -v name="$1" '
        function size(bytes) {
            if (bytes !~ /^[0-9]+$/) return bytes
            if (bytes >= 1e9) return sprintf("%.1f GB", bytes / 1e9)
            return bytes >= 1e6 ? sprintf("%.1f MB", bytes / 1e6) : sprintf("%.0f kB", bytes / 1e3)
        }
        /^#/ || (name != "" && $1 != name) || $3 ~ /^task/ { next }
        { printf "%-8s %-18s %-11s %9s  %s%s\n", $1, $2, $3, size($6), $4,
                 $8 ~ /^hand/ ? " (by hand)" : "" }' "$sources"
    echo "questions and images are fetched (--no-images: without the latter), other parts on --with;"
    echo "size - : not known before it is asked; ~ : as the project's page tells it"
}

bytes_of() { if [ -f "$1" ]; then wc -c <"$1" | tr -d ' '; else echo 0; fi; }
sum_of() { sha256sum "$1" | cut -d ' ' -f 1; }
is_number() { case $1 in '' | *[!0-9]*) return 1 ;; esac; }

mirrored() {
    if [ -n "${MAMBENCH_DATA_MIRROR:-}" ]; then
        echo "${MAMBENCH_DATA_MIRROR%/}/${1#*://}"
    else
        echo "$1"
    fi
}

# remote_bytes URL: what the server says; nothing where it says nothing.
remote_bytes() {
    curl --silent --fail --location --head --connect-timeout 30 "$1" 2>/dev/null | tr -d '\r' |
        awk '/^HTTP\// { n = "" } tolower($1) == "content-length:" { n = $2 } END { print n }'
}

# need_space DIR BYTES WHAT
need_space() {
    free=$(df -Pk "$1" | awk 'NR == 2 { printf "%.0f", $4 * 1024 }')
    is_number "$free" || return 0
    if [ "$free" -lt "$2" ]; then
        fail "$1 has $free bytes left, $3 takes $2"
    fi
}

# transfer URL PART: one attempt; sets curl_code and http_code.
transfer() {
    quiet="--silent"
    [ ! -t 2 ] || quiet="--progress-bar"
    curl_code=0
    http_code=$(curl $quiet --fail --location --connect-timeout 30 --speed-limit 1 --speed-time 60 \
        --continue-at - --write-out '%{http_code}' --output "$2" "$1") || curl_code=$?
}

# explain CODE: why curl gave up.
explain() {
    case $1 in
    6) echo "the host is not known here" ;;
    7) echo "no connection to the host" ;;
    22) echo "the server answers $http_code" ;;
    23) echo "it could not be written: is the disk full?" ;;
    28) echo "nothing came for a minute" ;;
    35 | 60) echo "no secure connection (curl's error $1)" ;;
    18 | 52 | 56) echo "the transfer broke" ;;
    *) echo "curl's error $1" ;;
    esac
}

# fetch ADDRESS FILE REMOTE: all of it into FILE.part.  A broken transfer goes on as long as it gets
# further; after three attempts in which nothing came it is given up.
fetch() {
    url=$(mirrored "$1") partial=$2.part stalls=0 restarts=0
    if is_number "$3" && [ "$(bytes_of "$partial")" -gt "$3" ]; then
        mv "$partial" "$2.wrong"
        say "$2.part was longer than the file and is now $2.wrong"
    fi
    until is_number "$3" && [ -f "$partial" ] && [ "$(bytes_of "$partial")" -eq "$3" ]; do
        before=$(bytes_of "$partial")
        transfer "$url" "$partial"
        [ "$curl_code" -ne 0 ] || break
        case $curl_code:$http_code in
        33:* | 22:416) # there is no going on here, only a new beginning
            restarts=$((restarts + 1))
            [ "$restarts" -lt 3 ] || fail "$1: the transfer broke, and the server cannot go on in the middle"
            rm -f "$partial"
            continue
            ;;
        22:5?? | 22:429 | 6:* | 7:* | 18:* | 28:* | 35:* | 52:* | 56:*) ;;
        *) fail "$1: $(explain "$curl_code")" ;;
        esac
        stalls=$((stalls + 1))
        [ "$(bytes_of "$partial")" -le "$before" ] || stalls=0
        if [ "$stalls" -ge 3 ]; then
            fail "$1: $(explain "$curl_code"); $(bytes_of "$partial") bytes are kept in $partial," \
                "the same command goes on from there"
        fi
        sleep 1
    done
}

# wrong FILE WHY: sets a fetched file aside.
wrong() {
    mv "$1.part" "$1.wrong"
    fail "$1 $2; it was set aside as $1.wrong and is not used"
}

# check_version FILE WHY: what --any-version lets pass.
check_version() {
    [ -n "$any_version" ] || wrong "$1" "$2 (--any-version would take it)"
    say "$1 $2: taken all the same, as --any-version says"
}

# check FILE REMOTE: what can be known of FILE.part.
check() {
    got=$(bytes_of "$1.part")
    if is_number "$2" && [ "$got" -ne "$2" ]; then
        wrong "$1" "has $got bytes where the server announced $2"
    fi
    if is_number "$bytes" && [ "$got" -ne "$bytes" ]; then
        check_version "$1" "has $got bytes, $bytes are expected"
    fi
    sum=$(sum_of "$1.part")
    if [ "$sha256" = "-" ]; then
        say "$file: $got bytes, sha256 $sum (none is known to compare it with)"
    elif [ "$sum" != "$sha256" ]; then
        check_version "$1" "has the sha256 $sum, $sha256 is expected"
    else
        say "$file: $got bytes, sha256 as expected"
    fi
    case $rule in
    json*) check_json "$1" ;;
    zip*) check_zip "$1" ;;
    esac
}

# That a JSON text begins and ends as one; the loader reads what lies between.
check_json() {
    first=$(head -c 64 "$1.part" | tr -d ' \t\r\n' | cut -c 1)
    last=$(tail -c 64 "$1.part" | tr -d ' \t\r\n')
    case $first in
    '{' | '[') ;;
    *) wrong "$1" "is not JSON: it begins with '$first'" ;;
    esac
    case $last in
    *'}' | *']') ;;
    *) wrong "$1" "is cut short: it does not end as JSON does" ;;
    esac
}

# That an archive can be read and puts nothing outside the folder it is unpacked in.
check_zip() {
    unzip -Z1 "$1.part" >"$scratch/names" 2>/dev/null || wrong "$1" "is no zip archive, or is cut short"
    outside=$(grep -E '^/|(^|/)\.\.(/|$)' "$scratch/names" | head -n 1)
    [ -z "$outside" ] || wrong "$1" "holds '$outside', which would lie outside the folder"
    if unzip -Z "$1.part" | grep -q '^l'; then
        wrong "$1" "holds a symbolic link"
    fi
}

# is_there: what the row gives, here or in a sibling folder coco of all benchmarks on its pictures.
is_there() {
    case $target in
    */) [ -d "$to/$target" ] || [ -d "$to/../coco/$target" ] ;;
    *) [ -f "$to/$target" ] ;;
    esac
}

# A file that is there must be the one that the table means: two versions have the same name.
check_there() {
    case $rule in json*) ;; *) return 0 ;; esac
    [ "$sha256" != - ] && [ -z "$any_version" ] || return 0
    if [ "$(sum_of "$to/$target")" != "$sha256" ]; then
        fail "$to/$target is there and is another version than '$split' of $name means:" \
            "move it away, or use another --to"
    fi
}

# find_unpacked TYPE: where the archive has the target.  What macOS adds (__MACOSX, ._*) is passed over.
find_unpacked() {
    find "$unpacked" -type "$1" -name "$(basename "$target")" ! -path '*/__MACOSX/*' ! -name '._*' |
        head -n 1
}

# The only folder that directly holds pictures; nothing where there are several.
find_pictures() {
    find "$unpacked" -type f \( -name '*.jpg' -o -name '*.png' \) ! -path '*/__MACOSX/*' ! -name '._*' |
        sed 's|/[^/]*$||' | sort -u >"$scratch/folders"
    if [ "$(wc -l <"$scratch/folders")" -eq 1 ]; then cat "$scratch/folders"; fi
}

# unpack ARCHIVE: into a folder of its own, so that what is seen at its place is whole.
unpack() {
    unpacked=$downloads/unpacking
    rm -rf "$unpacked"
    mkdir "$unpacked"
    need_space "$to" "$(unzip -Zt "$1" | awk '{ print $3 }')" "unpacking $1"
    pattern="*$(basename "$target")"
    case $target in */) pattern="$pattern/*" ;; esac
    code=0
    unzip -q -o -d "$unpacked" "$1" "$pattern" >/dev/null 2>&1 || code=$?
    if [ "$code" -eq 11 ]; then # nothing has that name
        code=0
        unzip -q -o -d "$unpacked" "$1" >/dev/null 2>&1 || code=$?
    fi
    case $code in
    0) ;;
    50) fail "the disk is full while $1 is unpacked" ;;
    *)
        rm -rf "$unpacked"
        mv "$1" "$1.part"
        wrong "$1" "is damaged: unzip's error $code"
        ;;
    esac
    case $target in
    */)
        found=$(find_unpacked d)
        [ -n "$found" ] || found=$(find_pictures)
        ;;
    *) found=$(find_unpacked f) ;;
    esac
    [ -n "$found" ] || fail "$1 holds no $target; it is kept, look what it has: unzip -l $1"
    mkdir -p "$(dirname "$to/$target")"
    mv "$found" "$to/${target%/}"
    rm -rf "$unpacked"
}

# get: one row of the table.
get() {
    target=${rule#* }
    if is_there; then
        check_there
        say "$target is there"
        return 0
    fi
    if [ "${rule%% *}" = hand ]; then
        by_hand="$target must be fetched by hand: the archive it comes in lies on a server that wants a"
        by_hand="$by_hand browser; see $address, and put it into $to"
        return 0
    fi
    archive=$downloads/$file
    if [ ! -f "$archive" ]; then
        remote=$(remote_bytes "$(mirrored "$address")")
        size=$remote
        is_number "$size" || size=$bytes
        if is_number "$size"; then
            need_space "$to" $((size - $(bytes_of "$archive.part"))) "$address"
        fi
        say "fetching $address"
        fetch "$address" "$archive" "$remote"
        check "$archive" "$remote"
        mv "$archive.part" "$archive"
    fi
    case $rule in
    json*)
        mkdir -p "$(dirname "$to/$target")"
        mv "$archive" "$to/$target"
        ;;
    zip*)
        unpack "$archive"
        [ -z "$remove" ] || rm "$archive"
        ;;
    esac
    say "$to/$target"
}

is_wanted() {
    case $part in
    task*) return 1 ;;
    questions) return 0 ;;
    images) [ -z "$no_images" ] ;;
    *) case " $with " in *" $part "*) ;; *) return 1 ;; esac ;;
    esac
}

# check_choice: that split and parts are the table's.
check_choice() {
    awk -F '\t' -v name="$wanted" '$1 == name' "$sources" >"$scratch/all"
    [ -s "$scratch/all" ] ||
        usage "there is no benchmark '$wanted'; there is: $(awk -F '\t' '!/^#/ && !seen[$1]++ {
            printf "%s%s", n++ ? ", " : "", $1 }' "$sources")"
    [ -n "$chosen" ] || chosen=$(head -n 1 "$scratch/all" | cut -f 2)
    rows "$wanted" "$chosen" >"$scratch/rows"
    [ -s "$scratch/rows" ] ||
        usage "$wanted has no split '$chosen'; there is: $(cut -f 2 "$scratch/all" | awk '!seen[$0]++ {
            printf "%s%s", n++ ? ", " : "", $0 }')"
    for one in $with; do
        cut -f 3 "$scratch/rows" | grep -qx -e "$one" ||
            usage "the split '$chosen' of $wanted has no part '$one' (--list $wanted)"
    done
}

check_tools() {
    for tool in curl unzip sha256sum; do
        if ! command -v "$tool" >/dev/null 2>&1; then
            [ "$tool" != unzip ] || cut -f 8 "$scratch/rows" | grep -q '^zip' || continue
            fail "$tool is not installed (on Debian, as root: apt-get install curl unzip coreutils)"
        fi
    done
}

# The commands that use what is there now, one a protocol.
print_use() {
    echo "Ask a model of yours:"
    while next_row; do
        case $part in
        task) ;;
        task\ *) case " $with " in *" ${part#task } "*) ;; *) continue ;; esac ;;
        *) continue ;;
        esac
        echo "    mambench run --model MODEL --task $address --data $to"
    done <"$scratch/rows"
}

wanted='' chosen='' with='' to='' no_images='' remove='' any_version='' listing='' by_hand=''
sources=$(dirname "$0")/data_sources.tsv
while [ $# -gt 0 ]; do
    case $1 in
    --split | --with | --to | --sources) [ $# -ge 2 ] || usage "$1 wants a value" ;;
    esac
    case $1 in
    --help | -h) help && exit 0 ;;
    --list) listing=yes ;;
    --split) chosen=$2 && shift ;;
    --with) with="$with $2" && shift ;;
    --to) to=${2%/} && shift ;;
    --sources) sources=$2 && shift ;;
    --no-images | --annotations-only) no_images=yes ;;
    --remove-archives) remove=yes ;;
    --any-version) any_version=yes ;;
    -*) usage "there is no option $1" ;;
    *)
        [ -z "$wanted" ] || usage "one benchmark at a time, not $wanted and $1"
        wanted=$1
        ;;
    esac
    shift
done
[ -r "$sources" ] || fail "$sources cannot be read"
if [ -n "$listing" ]; then
    list "$wanted"
    exit 0
fi
[ -n "$wanted" ] || usage "which benchmark"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
check_choice
check_tools
to=${to:-data/$wanted}
downloads=$to/downloads
mkdir -p "$downloads" 2>/dev/null || fail "the folder $downloads cannot be made"
if command -v flock >/dev/null 2>&1; then
    exec 9<"$downloads"
    flock -n 9 || fail "another get_data.sh is at work in $to"
fi
while next_row <&3; do
    if is_wanted; then get; fi
done 3<"$scratch/rows"
rmdir "$downloads" 2>/dev/null || true
[ -z "$by_hand" ] || fail "$by_hand"
print_use
