#!/bin/sh
# Writes a C file with the bytes of the given tables of published numbers on standard output:
#     embed_published.sh reports/published/*.csv > build/published_data.c
set -eu
export LC_ALL=C
. scripts/embed_bytes.sh

echo '/* Written by scripts/embed_published.sh: do not edit. */'
echo '#include "reports/published_data.h"'
index=0
for file in "$@"; do
    embed_bytes "file_$index" "$file"
    index=$((index + 1))
done
echo
echo 'const struct published_data published_data[] = {'
index=0
for file in "$@"; do
    name=${file##*/}
    echo "    {\"$name\", file_$index, sizeof file_$index - 1},"
    index=$((index + 1))
done
echo '    {NULL, NULL, 0},'
echo '};'
