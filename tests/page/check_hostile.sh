# Text from files is never markup, whatever it holds.
browser_open "$WORK/hostile.html"

page "no text was run" '"undefined"' <<<'return typeof window.hit;'
page "the page has its own two scripts and no others" '["data",""]' <<'END'
return [...document.scripts].map(s => s.id);
END
page "questions are text" \
    '["</script><script>window.hit = 1</script> one?","]]>\\u003c/script> {{script}} {question} three?"]' <<'END'
return rows().map(r => r.querySelector(".question").textContent).filter((_, i) => i !== 1);
END
page "characters that cannot be seen are named" \
    '"line⟨U+2028⟩and⟨U+2029⟩and <!-- <script> two?"' <<'END'
return rows()[1].querySelector(".question").textContent;
END
page "answers are text" '"</script><script>window.hit = 6</script>⟨U+2028⟩⟨U+202E⟩"' <<'END'
return document.querySelector("#sample .answer pre").textContent;
END
page "references are text" '"<img src=x onerror=\"window.hit = 2\"> (10)"' <<'END'
return [...document.querySelectorAll("#sample dt")].find(t => t.textContent === "References")
    .nextSibling.textContent;
END
page "a prompt holds the question as it is" 'true' <<'END'
rows()[2].click();
return $("sample").querySelector("dl pre").textContent.startsWith("]]>\\u003c/script> {{script}} {question} three?");
END
page "reasons of failures are text" '["</pre><script>window.hit = 5</script>",true]' <<'END'
return [$("sample").querySelector(".failure").textContent,
        document.querySelector("details").textContent.includes("</pre><script>window.hit = 5</script>")];
END
page "names of runs are text" '[true,true,true]' <<'END'
const name = "</script><script>window.hit = 7</script>";
return [document.title.startsWith(name), $("run").textContent.includes(name),
        document.querySelector("#results th[scope=row]").textContent.includes(name)];
END
page "a picture with a strange name is shown" 'true' <<'END'
const image = document.querySelector("#list img");
return image.complete && image.naturalWidth > 0;
END
page "a figure is a picture: what it holds does not run" '[40,"<i>","undefined"]' <<'END'
const image = document.querySelector("figure img");
return [image.naturalWidth, image.alt, typeof window.hit];
END
page "and its own styles are kept" '[136,136,136]' <<'END'
const canvas = document.createElement("canvas").getContext("2d");
canvas.drawImage(document.querySelector("figure img"), 0, 0);
return [...canvas.getImageData(20, 15, 1, 1).data].slice(0, 3);
END
page "nothing of it became an element" '[]' <<'END'
return [...document.querySelectorAll("svg, b, i, [onerror], [onload]")].map(e => e.outerHTML);
END
nothing_left "the hostile page"

# What would be run or loaded if a text did become markup is stopped by the page's policy.
cat >"$WORK/policy.js" <<'END'
window.blocked = [];
document.addEventListener("securitypolicyviolation", e => window.blocked.push(e.effectiveDirective));
const script = document.createElement("script");
script.textContent = "window.hit = 10";
document.body.append(script);
document.body.insertAdjacentHTML("beforeend", '<img src="http://127.0.0.1:9/x"><p style="color: red">' +
    '<iframe src="http://127.0.0.1:9/y"></iframe><link rel="stylesheet" href="http://127.0.0.1:9/z">');
fetch("http://127.0.0.1:9/w").catch(() => 0);
END
js <"$WORK/policy.js" >/dev/null
sleep 0.5
page "the policy lets nothing else run or load" \
    '["undefined",["connect-src","frame-src","img-src","script-src-elem","style-src-attr","style-src-elem"]]' <<'END'
return [typeof window.hit, [...new Set(window.blocked)].sort()];
END
