# scripts/get_data.sh against a server of this machine, which can break transfers.
. tests/cli/lib.sh

GET=$ROOT/scripts/get_data.sh
SERVER=$(dirname "$MAMBENCH")/tests/http_server
SETS=$ROOT/tests/data

# serve: www/ on this machine, where every address of the table is looked for.
serve() {
    for tool in curl unzip zip; do
        command -v $tool >/dev/null || skip "$tool is not installed: as root, make deps-check"
    done
    mkdir -p www
    "$SERVER" www >port &
    server=$!
    trap 'kill "$server"' EXIT
    wait_for port $server
    MAMBENCH_DATA_MIRROR=http://127.0.0.1:$(cat port)
    export MAMBENCH_DATA_MIRROR
}

# place FILE HOST/PATH
place() {
    mkdir -p "$(dirname "www/$2")"
    cp "$1" "www/$2"
}

# place_zip HOST/PATH NAME FILE...: an archive in which each FILE lies as NAME, or below NAME/.
place_zip() {
    address=$1 name=$2
    shift 2
    rm -rf packing
    case $name in
    */) mkdir -p "packing/$name" && cp "$@" "packing/$name" ;;
    *) mkdir -p "packing/$(dirname "$name")" && cp "$1" "packing/$name" ;;
    esac
    mkdir -p "$(dirname "www/$address")"
    (cd packing && zip -qr ../made.zip .)
    mv made.zip "www/$address"
}

# make_table: the real table with the sizes and sums of what is served here.
make_table() {
    tab=$(printf '\t')
    while IFS="$tab" read -r name split part address file bytes sha256 rule; do
        served=www/${address#*://}
        served=${served%%\?*}
        if [ -f "$served" ]; then
            case $bytes in - | ~*) ;; *) bytes=$(wc -c <"$served") ;; esac
            [ "$sha256" = - ] || sha256=$(sha256sum "$served" | cut -d ' ' -f 1)
        fi
        printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$split" "$part" "$address" "$file" \
            "$bytes" "$sha256" "$rule"
    done <"$ROOT/scripts/data_sources.tsv" >table.tsv
}

# get CODE ARGUMENT...: runs the script, keeps its output, compares the code.
get() {
    code=$1
    shift
    set +e
    sh "$GET" --sources table.tsv "$@" >out 2>err
    got=$?
    set -e
    if [ "$got" -ne "$code" ]; then
        echo "get_data.sh $*: exit code $got, expected $code"
        cat out err
        return 1
    fi
    [ "$code" -eq 0 ] || [ "$(grep -c . err)" -le 1 ] || {
        echo "more than one sentence:"
        cat err
        return 1
    }
}

# loads TASK DIR: the program reads the folder, finds the first picture, and scores a baseline.
loads() {
    says out "mambench run --model MODEL --task $1 --data $2"
    expect 0 task show "$1" --data "$2" --sample 0
    picture=$(sed -n 's/.*, image //p' out)
    [ -f "$picture" ] || {
        echo "there is no picture '$picture'"
        return 1
    }
    rm -rf run
    expect 0 run --model baseline:yes --task "$1" --data "$2" --out run --quiet
}

PICTURE=$DATA/vsr/images/000000000001.png
S3=s3.amazonaws.com/cvmlp/vqa/mscoco/vqa
COCO=images.cocodataset.org/zips
GQA=downloads.cs.stanford.edu/nlp/data/gqa
VIZWIZ=vizwiz.cs.colorado.edu/VizWiz_final
TEXTVQA=dl.fbaipublicfiles.com/textvqa
POPE=raw.githubusercontent.com/AoiDragon/POPE/e3e39262c85a6a83f26cf5094022a782cb0df58d/output/coco
VSR=raw.githubusercontent.com/cambridgeltl/visual-spatial-reasoning/b27a0af0ee1462d2b6b92c8c83e869d9254a241a/data/splits

place_pope() {
    for split in random popular adversarial; do
        place "$DATA/pope/coco_pope_$split.json" "$POPE/coco_pope_$split.json"
    done
    place_zip $COCO/val2014.zip val2014/ "$DATA"/pope/val2014/*
}

vqav2_is_laid_out() {
    serve
    for part in Questions:v2_OpenEnded_mscoco_val2014_questions Annotations:v2_mscoco_val2014_annotations; do
        file=${part#*:}.json
        place_zip "$S3/v2_${part%:*}_Val_mscoco.zip" "$file" "$SETS/vqav2/$file"
    done
    cp "$PICTURE" COCO_val2014_000000000101.jpg
    place_zip $COCO/val2014.zip val2014/ COCO_val2014_000000000101.jpg
    make_table
    get 0 vqav2
    loads vqav2@triml data/vqav2
    place_zip $S3/v2_Questions_Test_mscoco.zip ./ "$SETS"/vqav2/v2_OpenEnded_mscoco_test*
    make_table
    get 0 vqav2 --split test-dev --no-images
    expect 0 task show vqav2@llava --data data/vqav2 --sample 0
}
test_that vqav2_is_laid_out

gqa_is_laid_out() {
    serve
    place_zip $GQA/questions1.2.zip ./ "$SETS"/gqa/*.json
    place_zip $GQA/eval.zip eval/ "$SETS"/gqa/testdev_choices.json
    cp "$PICTURE" n1.jpg
    place_zip $GQA/images.zip images/ n1.jpg
    make_table
    get 0 gqa --with choices --to g
    says out "none is known to compare it with"
    loads gqa@triml g
    [ -f g/testdev_choices.json ]
    # Another split lies in the same archive, which is not fetched again.
    get 0 gqa --split testdev-all --no-images --to g --remove-archives
    loads gqa:testdev-all@official g
    [ "$(grep -c 'GET.*questions1.2' www/log)" -eq 1 ]
    [ ! -e g/downloads/questions1.2.zip ]
}
test_that gqa_is_laid_out

vizwiz_is_laid_out() {
    serve
    # As macOS packs it: in a folder, with files that are none.
    mkdir -p pack/Annotations pack/__MACOSX/Annotations
    cp "$SETS"/vizwiz/*.json pack/Annotations
    echo x >pack/__MACOSX/Annotations/._val.json
    echo x >pack/Annotations/._val.json
    mkdir -p www/$VIZWIZ/vqa_data
    (cd pack && zip -qr ../www/$VIZWIZ/vqa_data/Annotations.zip __MACOSX Annotations)
    cp "$PICTURE" VizWiz_val_00000000.jpg
    place_zip $VIZWIZ/images/val.zip val/ VizWiz_val_00000000.jpg
    make_table
    get 0 vizwiz
    loads vizwiz@triml data/vizwiz
}
test_that vizwiz_is_laid_out

textvqa_is_laid_out() {
    serve
    for file in TextVQA_0.5.1_val.json TextVQA_Rosetta_OCR_v0.2_val.json; do
        place "$SETS/textvqa/$file" "$TEXTVQA/data/$file"
    done
    tri=$(grep 'gist.*textvqa_val_v051_ocr.jsonl' "$ROOT/scripts/data_sources.tsv" | cut -f 4)
    place "$SETS/textvqa/textvqa_val_v051_ocr.jsonl" "${tri#*://}"
    cp "$PICTURE" 003a8ae2ef43b901.jpg
    place_zip $TEXTVQA/images/train_val_images.zip train_images/ 003a8ae2ef43b901.jpg
    make_table
    get 0 textvqa --with ocr-tri --with ocr-rosetta
    cp out said
    for task in textvqa@lmms-eval textvqa@triml textvqa@lmms-eval-ocr; do
        cp said out
        loads $task data/textvqa
    done
    # LLaVA's file cannot be fetched: one sentence tells what to do.
    get 3 textvqa --with ocr-llava
    says err "llava_textvqa_val_v051_ocr.jsonl must be fetched by hand"
    cp "$SETS/textvqa/llava_textvqa_val_v051_ocr.jsonl" data/textvqa
    get 0 textvqa --with ocr-llava
    loads textvqa@llava data/textvqa
}
test_that textvqa_is_laid_out

pope_is_laid_out() {
    serve
    place_pope
    make_table
    get 0 pope
    loads pope@llava data/pope
    # The other version has the same names; what is there is not silently taken for it.
    get 3 pope --split coco-9000 --no-images
    says err "coco_pope_random.json is there and is another version than 'coco-9000'"
}
test_that pope_is_laid_out

vsr_is_laid_out() {
    serve
    place "$DATA/vsr/zeroshot/test.jsonl" "$VSR/zeroshot/test.jsonl"
    # A folder of another name: the only one with pictures.
    place_zip www.dropbox.com/s/0s3bj25s62crjh2/vsr_images.zip vsr_images/ "$DATA"/vsr/images/*
    make_table
    get 0 vsr
    loads vsr@triml data/vsr
    [ "$(ls data/vsr/images)" = "$(ls "$DATA/vsr/images")" ]
}
test_that vsr_is_laid_out

the_real_sums_are_those_of_the_real_files() {
    [ -n "${SHARED:-}" ] || skip "SHARED is not set"
    serve
    for split in random popular adversarial; do
        place "$SHARED/data/pope/2910/coco_pope_$split.json" "$POPE/coco_pope_$split.json"
    done
    for split in zeroshot/test zeroshot/dev random/test random/dev; do
        place "$SHARED/data/vsr/$split.jsonl" "$VSR/$split.jsonl"
    done
    cp "$ROOT/scripts/data_sources.tsv" table.tsv
    get 0 pope --no-images
    for split in zeroshot zeroshot-dev random random-dev; do get 0 vsr --no-images --split $split; done
    says out "sha256 as expected"
    says_not out "none is known"
}
test_that the_real_sums_are_those_of_the_real_files

what_is_there_is_not_fetched_again() {
    serve
    place_pope
    make_table
    get 0 pope
    requests=$(wc -l <www/log)
    get 0 pope
    says out "val2014/ is there"
    [ "$(wc -l <www/log)" -eq "$requests" ]
    # Another benchmark's folder beside this one may have the pictures.
    mv data/pope/val2014 kept
    rm -rf data
    mkdir -p data/coco
    mv kept data/coco/val2014
    get 0 pope
    [ "$(grep -c 'GET.*val2014' www/log)" -eq 1 ]
    loads pope@llava data/pope
}
test_that what_is_there_is_not_fetched_again

a_broken_transfer_goes_on() {
    serve
    place_pope
    make_table
    echo "break 1000" >www/$COCO/val2014.zip.serve
    get 0 pope
    grep -q '^GET .*val2014.zip 1000$' www/log
    cmp data/pope/downloads/val2014.zip www/$COCO/val2014.zip
    # So does what an interrupted call has left, and what is whole already is only checked.
    rm -r data/pope/val2014 data/pope/coco_pope_random.json
    head -c 700 data/pope/downloads/val2014.zip >data/pope/downloads/val2014.zip.part
    rm data/pope/downloads/val2014.zip
    cp "$DATA/pope/coco_pope_random.json" data/pope/downloads/coco_pope_random.json.part
    : >www/log
    get 0 pope
    grep -q '^GET .*val2014.zip 700$' www/log
    [ "$(grep -c GET www/log)" -eq 1 ]
    loads pope@llava data/pope
}
test_that a_broken_transfer_goes_on

a_server_that_cannot_go_on_begins_again() {
    serve
    place_pope
    make_table
    echo norange >www/$COCO/val2014.zip.serve
    mkdir -p data/pope/downloads
    head -c 500 www/$COCO/val2014.zip >data/pope/downloads/val2014.zip.part
    get 0 pope
    cmp data/pope/downloads/val2014.zip www/$COCO/val2014.zip
}
test_that a_server_that_cannot_go_on_begins_again

a_transfer_that_never_ends_is_given_up() {
    serve
    place_pope
    make_table
    echo "stop 1500" >www/$COCO/val2014.zip.serve
    get 3 pope
    says err "val2014.zip: the transfer broke; 1500 bytes are kept in data/pope/downloads/val2014.zip.part"
    head -c 1500 www/$COCO/val2014.zip | cmp - data/pope/downloads/val2014.zip.part
    [ -f data/pope/coco_pope_random.json ]
    [ ! -e data/pope/val2014 ]
    rm www/$COCO/val2014.zip.serve
    get 0 pope
    grep -q '^GET .*val2014.zip 1500$' www/log
}
test_that a_transfer_that_never_ends_is_given_up

a_wrong_file_is_set_aside() {
    serve
    place_pope
    make_table
    sed -i 's/"yes"/"no" /' www/$POPE/coco_pope_popular.json # as long as before
    get 3 pope
    says err "coco_pope_popular.json has the sha256 "
    says err "set aside as data/pope/downloads/coco_pope_popular.json.wrong and is not used"
    [ -f data/pope/downloads/coco_pope_popular.json.wrong ]
    [ ! -e data/pope/coco_pope_popular.json ]
    echo >>www/$POPE/coco_pope_popular.json
    get 3 pope
    says err "bytes, $(wc -c <"$DATA/pope/coco_pope_popular.json") are expected"
    get 0 pope --any-version
    says out "taken all the same"
    loads pope@llava data/pope
}
test_that a_wrong_file_is_set_aside

a_file_cut_short_is_told_without_a_sum() {
    serve
    place "$SETS/textvqa/TextVQA_0.5.1_val.json" $TEXTVQA/data/TextVQA_0.5.1_val.json
    make_table
    truncate -s -5 www/$TEXTVQA/data/TextVQA_0.5.1_val.json
    echo nolength >www/$TEXTVQA/data/TextVQA_0.5.1_val.json.serve
    get 3 textvqa --no-images
    says err "is cut short"
    rm www/$TEXTVQA/data/TextVQA_0.5.1_val.json.serve
    echo "<html>Please sign in</html>" >www/$TEXTVQA/data/TextVQA_0.5.1_val.json
    get 3 textvqa --no-images
    says err "is not JSON: it begins with '<'"
    [ ! -e data/textvqa/TextVQA_0.5.1_val.json ]
}
test_that a_file_cut_short_is_told_without_a_sum

a_damaged_archive_is_set_aside() {
    serve
    place "$DATA/vsr/zeroshot/test.jsonl" "$VSR/zeroshot/test.jsonl"
    zip=www.dropbox.com/s/0s3bj25s62crjh2/vsr_images.zip
    place_zip $zip images/ "$DATA"/vsr/images/*
    make_table
    # In the middle of the first picture's bytes: the list of names stays sound.
    printf 'XXXXXXXX' | dd of=www/$zip bs=1 seek=150 conv=notrunc 2>/dev/null
    get 3 vsr
    says err "vsr_images.zip is damaged"
    [ ! -e data/vsr/images ]
    truncate -s 1000 www/$zip
    get 3 vsr
    says err "is no zip archive, or is cut short"
}
test_that a_damaged_archive_is_set_aside

an_archive_cannot_write_elsewhere() {
    serve
    place "$DATA/vsr/zeroshot/test.jsonl" "$VSR/zeroshot/test.jsonl"
    mkdir -p pack/images www/www.dropbox.com/s/0s3bj25s62crjh2
    cp "$PICTURE" pack/images
    cp "$PICTURE" outside.png
    zip=$PWD/www/www.dropbox.com/s/0s3bj25s62crjh2/vsr_images.zip
    (cd pack && zip -q "$zip" images/* ../outside.png)
    make_table
    get 3 vsr
    says err "holds '../outside.png', which would lie outside the folder"
    [ ! -e data/vsr/images ]
    rm "$zip"
    ln -s /etc/passwd pack/images/link.jpg
    (cd pack && zip -qry "$zip" images)
    get 3 vsr
    says err "holds a symbolic link"
}
test_that an_archive_cannot_write_elsewhere

errors_of_the_server_are_told() {
    serve
    make_table
    get 3 pope
    says err "coco_pope_random.json: the server answers 404"
    place_pope
    make_table
    echo "status 503" >www/$POPE/coco_pope_random.json.serve
    get 3 pope
    says err "the server answers 503"
    MAMBENCH_DATA_MIRROR=http://127.0.0.1:1
    get 3 pope
    says err "no connection to the host"
}
test_that errors_of_the_server_are_told

a_full_disk_is_told() {
    serve
    place_pope
    make_table
    mkdir bin
    printf '#!/bin/sh\necho heading\necho /dev/x 1 1 0 100 /\n' >bin/df
    chmod +x bin/df
    PATH=$PWD/bin:$PATH get 3 pope
    says err "has 0 bytes left"
    [ -c /dev/full ] || skip "there is no /dev/full"
    mkdir -p data/pope/downloads
    ln -s /dev/full data/pope/downloads/coco_pope_random.json.part
    get 3 pope
    says err "it could not be written: is the disk full?"
}
test_that a_full_disk_is_told

a_missing_tool_is_told() {
    mkdir bin
    for tool in sh awk head cut grep mktemp rm dirname cat; do ln -s "$(command -v $tool)" bin; done
    cp "$ROOT/scripts/data_sources.tsv" table.tsv
    PATH=$PWD/bin get 3 pope
    says err "curl is not installed"
    printf '#!/bin/sh\n' >bin/curl
    chmod +x bin/curl
    PATH=$PWD/bin get 3 pope
    says err "unzip is not installed"
}
test_that a_missing_tool_is_told

two_calls_do_not_share_a_folder() {
    command -v flock >/dev/null || skip "flock is not installed"
    serve
    place_pope
    make_table
    mkdir -p data/pope/downloads
    exec 8<data/pope/downloads
    flock 8
    get 3 pope
    says err "another get_data.sh is at work"
}
test_that two_calls_do_not_share_a_folder

usage_is_checked() {
    cp "$ROOT/scripts/data_sources.tsv" table.tsv
    get 2 coco
    says err "there is no benchmark 'coco'; there is: vqav2, gqa, vizwiz, textvqa, pope, vsr"
    get 2 vsr --split test
    says err "there is: zeroshot, random, zeroshot-dev, random-dev"
    get 2 vsr --with ocr
    get 2 vsr pope
    get 2 --sizes
    get 2
    get 0 --list vsr
    says out "380 kB"
    get 0 --help
}
test_that usage_is_checked

# Every split of the table is a variant that the program knows, and every task a protocol.
the_table_is_the_programs() {
    grep -v '^#' "$ROOT/scripts/data_sources.tsv" >rows
    awk -F '\t' 'NF != 8 { print "not eight columns: " $0; bad = 1 }
        $3 !~ /^task/ && $4 !~ /^https?:/ { print "no address: " $0; bad = 1 }
        $7 != "-" && $7 !~ /^[0-9a-f]+$/ { print "no sum: " $0; bad = 1 } END { exit bad }' rows
    awk -F '\t' '$3 ~ /^task/ { print $4 }' rows | sort -u >tasks
    [ "$(wc -l <tasks)" -gt 25 ]
    while read -r task; do expect 0 task show "$task" </dev/null; done <tasks
}
test_that the_table_is_the_programs

scripts_are_clean() {
    command -v shellcheck >/dev/null || skip "shellcheck is not installed: as root, make deps-check"
    shellcheck "$GET"
}
test_that scripts_are_clean
