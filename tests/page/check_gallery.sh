# Filters, flips and keys on the miniature.
browser_open "$WORK/mini.html"

page "both tasks are there, with their samples" '["pope@triml (1,800)","vsr@triml (408)"]' <<'END'
return [...$("task").options].map(o => o.textContent);
END
page "the first task is shown in full" '[1800,"true","0"]' <<'END'
return [Number(rows()[0].getAttribute("aria-setsize")), rows()[0].getAttribute("aria-selected"), chosen()];
END
page "only rows that can be seen exist" 'true' <<'END'
return rows().length > 5 && rows().length < 60;
END
page "what is right by the page is right by scores.json" \
    "[$(jq .correct "$WORK/mini/yes/pope/scores.json"),1]" <<'END'
set("run", option("run", "baseline:yes"));
return [Number(count().match(/: ([\d,]+) right/)[1].replace(",", "")), Number(count().match(/([\d,]+) failed/)[1])];
END
page "the failed sample is found, with its reason" '["the picture is torn",true]' <<'END'
set("verdict", "failed");
return [document.querySelector("#sample .failure").textContent, count().startsWith("1 of 1,800")];
END
page "a group is a split" '[600,true]' <<'END'
set("verdict", ""); set("group", "gpopular");
return [Number(count().match(/^(\d+) of/)[1]), $("sample").textContent.includes("popular")];
END
page "text looks into questions" 'true' <<'END'
set("group", ""); set("text", "a STAR in");
return count().startsWith(rows()[0].getAttribute("aria-setsize") + " of 1,800") &&
    rows().every(r => r.querySelector(".question").textContent.includes("a star in"));
END
page "and says when nothing is left" '[0,"These filters leave no sample.",0]' <<'END'
set("text", "no such words");
return [rows().length, $("list").textContent, $("sample").childNodes.length];
END
page "flips are those of mambench compare" \
    "$(jq -c '.comparisons[0] | [.rose.n, .fell.n, .rose.n + .fell.n]' "$WORK/compare.json")" <<'END'
set("text", ""); set("run", option("run", "baseline:yes")); set("other", option("other", "baseline:random"));
set("change", "flips");
return count().match(/^([\d,]+) of .* ([\d,]+) better, ([\d,]+) worse/).slice(2).concat(
    rows()[0].getAttribute("aria-setsize")).map(n => Number(n.replace(",", "")));
END
page "a better sample is right here and not there" '["right","wrong"]' <<'END'
set("change", "better");
return [...rows()[0].querySelectorAll(".mark")].map(m => m.getAttribute("aria-label"));
END
page "another task has groups and categories of its own" 'true' <<'END'
set("task", option("task", "vsr"));
const names = [...$("group").options].map(o => o.value);
return names.some(n => n[0] === "c") && names.some(n => n[0] === "g") && !names.includes("gpopular");
END
page "pictures are shown" 'true' <<'END'
const image = document.querySelector("#sample img");
return image.complete && image.naturalWidth > 0 && image.currentSrc.startsWith("file://");
END
page "probabilities have their bars" '["True","False"]' <<'END'
set("other", "-1");
return [...document.querySelector("#sample .bars").querySelectorAll(".choice")].map(c => c.textContent);
END

# Keys are pressed, not simulated.
page "a page begins without a place in the list" '"BODY"' <<'END'
document.activeElement.blur(); window.scrollTo(0, 0);
return document.activeElement.tagName;
END
keys j j
page "j goes on, and brings the focus to the list" '["list","2","row-2"]' <<'END'
return [document.activeElement.id, chosen(), $("list").getAttribute("aria-activedescendant")];
END
keys k
page "k goes back" '"1"' <<<'return chosen();'
keys ArrowDown ArrowDown ArrowUp
page "so do arrow keys" '"2"' <<<'return chosen();'
page "the focus is seen" 'true' <<'END'
const style = getComputedStyle($("list"));
return style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2;
END
keys End
page "End is the last sample, and it is in sight" '["407",true]' <<'END'
const row = document.querySelector("#list .row[aria-selected=true]").getBoundingClientRect();
const list = $("list").getBoundingClientRect();
return [chosen(), row.top >= list.top && row.bottom <= list.bottom + 1];
END
keys Home Enter
page "Enter reads the sample" '["detail",true]' <<'END'
return [document.activeElement.id, $("panes").classList.contains("reading")];
END
keys Escape
page "Escape comes back" '["list",false]' <<'END'
return [document.activeElement.id, $("panes").classList.contains("reading")];
END
keys / j k
page "/ searches, and letters are letters there" '["text","jk"]' <<'END'
return [document.activeElement.id, $("text").value];
END
keys Escape
page "every field has a name" '[]' <<'END'
return [...document.querySelectorAll("select, input, [role=listbox]")]
    .filter(e => !e.labels?.length && !e.getAttribute("aria-label")).map(e => e.id);
END
page "every visible control can be reached by Tab" 'true' <<'END'
return [...document.querySelectorAll("a, select:enabled, input, summary, #list")].every(e => e.tabIndex === 0);
END

phone 390 844
page "nothing is wider than a phone" 'true' <<'END'
return document.documentElement.scrollWidth <= 390;
END
page "there, a touch opens the sample" '[true,"block",true]' <<'END'
set("text", "");
rows()[3].click();
const box = $("detail").getBoundingClientRect();
return [$("panes").classList.contains("reading"), getComputedStyle($("detail")).display,
        box.width === innerWidth && box.left === 0];
END
page "and the button closes it" '["none","list"]' <<'END'
$("back").click();
return [getComputedStyle($("detail")).display, document.activeElement.id];
END
wd POST /goog/cdp/execute '{"cmd": "Emulation.clearDeviceMetricsOverride", "params": {}}' >/dev/null
light=$(echo 'return getComputedStyle(document.body).backgroundColor;' | js)
media dark
page "dark mode is dark" 'true' <<'END'
const sum = color => color.match(/\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0);
const style = getComputedStyle(document.body);
return sum(style.backgroundColor) < 150 && sum(style.color) > 600;
END
media light
page "and light mode is not" "$light" <<<'return getComputedStyle(document.body).backgroundColor;'

nothing_left "the miniature"
