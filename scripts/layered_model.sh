# shellcheck shell=sh
# layered_model FOLDER LAYERS HEADS: writes FOLDER/model.json, a LLaMA decoder of HEADS heads of 64 whose
# layers are nearly all of its time; for `mambench profile --random-weights`.  Sourced by the scripts that
# compare models of 10 and 11 layers, from the repository root.
layered_model() {
    width=$(($3 * 64))
    mkdir -p "$1"
    sed -e "/\"language_model\"/,\$ { s/\"layers\": [0-9]*/\"layers\": $2/
            s/\"width\": [0-9]*/\"width\": $width/; s/\"heads\": [0-9]*/\"heads\": $3/
            s/\"kv_heads\": [0-9]*/\"kv_heads\": $3/; s/\"head_dim\": [0-9]*/\"head_dim\": 64/
            s/\"mlp_width\": [0-9]*/\"mlp_width\": $(($3 * 176))/; s/\"rope_dims\": [0-9]*/\"rope_dims\": 64/ }" \
        -e "s/\"out_width\": [0-9]*/\"out_width\": $width/" -e '/"tokenizer":/d' \
        examples/mini-llama/model.json >"$1/model.json"
}
