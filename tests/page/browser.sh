# A headless Chromium, driven over WebDriver with curl.  Sourced by run.sh: browser_start FOLDER, then
#     browser_open FILE     js <<'END' ... END     keys j ArrowDown ...     browser_stop

DRIVER_PID=

# wd METHOD PATH [BODY]: one WebDriver command of the session.
wd() {
    curl -sS -X "$1" -H 'Content-Type: application/json' "$SESSION$2" ${3:+--data-binary "$3"}
}

browser_start() {
    chromedriver --port=0 >"$1/driver.log" 2>&1 &
    DRIVER_PID=$!
    local port="" profile=$1/profile
    for _ in $(seq 100); do
        port=$(sed -n 's/.*started successfully on port \([0-9]*\).*/\1/p' "$1/driver.log")
        [ -z "$port" ] || break
        sleep 0.1
    done
    SESSION=http://127.0.0.1:$port
    local body
    body=$(jq -n --arg profile "--user-data-dir=$profile" '{capabilities: {alwaysMatch: {
        "goog:loggingPrefs": {browser: "ALL", performance: "ALL"},
        "goog:chromeOptions": {args: ["--headless=new", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
            "--window-size=1280,900", $profile]}}}}')
    local id
    id=$(wd POST /session "$body" | jq -r '.value.sessionId // empty')
    [ -n "$id" ] || { echo "Chromium does not start:"; tail -n 5 "$1/driver.log"; return 1; }
    SESSION=$SESSION/session/$id
}

browser_stop() {
    [ -n "$DRIVER_PID" ] || return 0
    wd DELETE "" >/dev/null 2>&1 || true
    kill "$DRIVER_PID" 2>/dev/null || true
    wait "$DRIVER_PID" 2>/dev/null || true
    DRIVER_PID=
}

browser_open() {
    wd POST /url '{"url": "about:blank"}' >/dev/null
    browser_log performance >/dev/null # what Chromium asked for on its own
    browser_log browser >/dev/null
    wd POST /url "$(jq -n --arg url "file://$1" '{url: $url}')" >/dev/null
}

# The value that the script on standard input returns, as JSON.
js() {
    local body
    body=$(jq -Rs '{script: ., args: []}')
    wd POST /execute/sync "$body" | jq -c '.value'
}

# Real key strokes, one after the other.
keys() {
    local body
    body=$(printf '%s\n' "$@" | jq -Rn '
        {Enter: "\ue007", Escape: "\ue00c", Tab: "\ue004", ArrowDown: "\ue015", ArrowUp: "\ue013",
         End: "\ue010", Home: "\ue011", PageDown: "\ue00f"} as $names |
        {actions: [{type: "key", id: "keyboard", actions: [inputs | ($names[.] // .) as $key |
            {type: "keyDown", value: $key}, {type: "keyUp", value: $key}]}]}')
    wd POST /actions "$body" >/dev/null
}

# Lines of a log, "browser" or "performance", that came since the last call.
browser_log() {
    wd POST /se/log "{\"type\": \"$1\"}" | jq -r '.value[].message'
}

# Addresses of everything that was requested.
browser_requests() {
    browser_log performance | jq -r '.message | select(.method == "Network.requestWillBeSent") |
        .params.request.url'
}

# picture FILE: what the window shows.
picture() {
    wd GET /screenshot | jq -r .value | base64 -d >"$1"
}

# window WIDTH HEIGHT; media light|dark
window() {
    wd POST /window/rect "{\"width\": $1, \"height\": $2}" >/dev/null
}
phone() {
    wd POST /goog/cdp/execute "{\"cmd\": \"Emulation.setDeviceMetricsOverride\", \"params\":
        {\"width\": $1, \"height\": $2, \"deviceScaleFactor\": 2, \"mobile\": true}}" >/dev/null
}
media() {
    wd POST /goog/cdp/execute "{\"cmd\": \"Emulation.setEmulatedMedia\", \"params\":
        {\"features\": [{\"name\": \"prefers-color-scheme\", \"value\": \"$1\"}]}}" >/dev/null
}
