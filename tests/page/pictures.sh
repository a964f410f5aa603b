# Pictures of the page, to be looked at.
browser_open "$WORK/mini.html"
window 1280 1100
picture "$PICTURES/results.png"
{ echo "$TOOLS"; echo 'set("other", option("other", "random")); set("change", "flips");
    $("samples").scrollIntoView({behavior: "instant"});'; } | js >/dev/null
keys j j
sleep 0.5
picture "$PICTURES/samples.png"
media dark
picture "$PICTURES/dark.png"
media light
phone 390 844
echo 'document.getElementById("samples").scrollIntoView({behavior: "instant"});' | js >/dev/null
picture "$PICTURES/phone.png"
keys Enter
sleep 0.5
picture "$PICTURES/phone_sample.png"
