#!/bin/sh
# Writes a C file with the bytes of the given protocol files, sorted by name, on standard output:
#     embed_protocols.sh datasets/protocols/*.json > build/protocols_data.c
set -eu
export LC_ALL=C
. scripts/embed_bytes.sh

# By name: with the ending, "a-b.json" would stand in front of "a.json".
sorted=$(printf '%s\n' "$@" | sed 's/\.json$//' | sort | sed 's/$/.json/')

names=
for file in $sorted; do
    name=${file##*/}
    names="$names ${name%.json}"
done
echo '/* Written by scripts/embed_protocols.sh: do not edit. */'
echo '#include "datasets/protocol.h"'
echo '#include "datasets/protocol_data.h"'
index=0
for file in $sorted; do
    embed_bytes "protocol_$index" "$file"
    index=$((index + 1))
done
echo
echo 'const struct protocol_data protocol_data[] = {'
index=0
for name in $names; do
    echo "    {\"$name\", protocol_$index, sizeof protocol_$index - 1},"
    index=$((index + 1))
done
echo '    {NULL, NULL, 0},'
echo '};'
echo
echo 'const char *const protocol_names[] = {'
for name in $names; do
    echo "    \"$name\","
done
echo '    NULL,'
echo '};'
