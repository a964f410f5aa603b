#!/bin/sh
# Writes a C file with the bytes of the page's three sources on standard output:
#     embed_page.sh reports/page > build/page_data.c
set -eu
export LC_ALL=C
. scripts/embed_bytes.sh

echo '/* Written by scripts/embed_page.sh: do not edit. */'
echo '#include "reports/page_data.h"'
for part in html css js; do
    file=$1/page.$part
    [ -s "$file" ] || { echo "embed_page: cannot read $file" >&2; exit 1; }
    embed_bytes "bytes_$part" "$file"
    echo "const struct page_data page_$part = {(const char *)bytes_$part, sizeof bytes_$part - 1};"
done
