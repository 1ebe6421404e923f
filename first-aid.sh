#!/bin/sh
# First aid for a Mac whose containers have no way out, with nothing installed. It only looks.
# `sudo -v; sh first-aid.sh >report.txt`: the report is masked, and fit for an issue; on any machine
# `container-net net.doctor --from report.txt` judges it. Nobody is asked for a password.
# shellcheck disable=SC2086,SC2013 # words are meant to be split, and nothing is globbed
set -uf && umask 077 && export LC_ALL=C PATH=/usr/bin:/bin:/usr/sbin:/sbin
mac=''   # before every path of the Mac: a simulated one's folder
limit=50 # tenths of a second for all that is asked at once
n=0 files='' known=0 denied='' person='' container=''
t=$(mktemp -d "${TMPDIR:-/tmp}/first-aid.XXXXXX") && cd "$t" || exit 1
trap 'rm -rf "$t" 2>/dev/null || { sleep 0.2 && rm -rf "$t"; }' EXIT && # a last word may come between
    trap 'answers $limit; exit 130' HUP INT TERM

row() { # CODE WORD...: an answer, and the words of what was asked
    n=$((n + 1)) && files="$files $n.key $n.err $n.out"
    echo "$1" >$n.code && : >$n.out && : >$n.err && shift
    for word; do printf '%s\n' "${word#"$mac"}"; done >$n.key
}
ask() { # WHO PROGRAM WORD...: as me, as root, or as the person whose container it is
    case $1$denied in (root?*) shift && denied="$denied, $*" && return ;; esac
    who=$1$person program=$mac$2 && shift
    row '' "$@" && shift && set -- "$program" "$@"
    case $who in (root*) set -- "$mac/usr/bin/sudo" -n "$@" ;; esac
    case $who in (person?*) set -- "$mac/usr/bin/sudo" -n -u "$person" "$@" ;; esac
    ("$@" </dev/null >$n.out 2>$n.err &
    echo $! >$n.pid && wait $!; code=$?
    [ -e $n.late ] || echo $code >$n.code) 2>/dev/null &
}
answers() { # of all that was asked; what is late is ended
    naps=${1:-0}
    while [ $known -lt $n ]; do
        next=$((known + 1))
        if read -r code <$next.code && [ "$code" ]; then known=$next && continue; fi
        if [ "$naps" -lt $limit ]; then sleep 0.1 && naps=$((naps + 1)) && continue; fi
        : >$next.late && echo null >$next.code && read -r late <$next.pid
        for end in out err; do mv $next.$end late && cp late $next.$end; done # what was said by now
        { kill -KILL "$late" || "$mac/usr/bin/sudo" -n /usr/bin/pkill -KILL -P "$late"; } 2>/dev/null &
    done
}
exists() { if [ -e "$mac$1" ] || [ -h "$mac$1" ]; then row 0 exists "$1"; else row 1 exists "$1"; fi; }
file() {
    if [ -h "$mac$1" ]; then row 0 file "$1" && readlink "$mac$1" | tr -d '\n' >$n.err
    elif [ ! -e "$mac$1" ]; then row 1 file "$1"
    elif [ ! -r "$mac$1" ]; then ask root /bin/cat "$1"
    elif [ -f "$mac$1" ]; then row 0 file "$1" && cat "$mac$1" >$n.out; fi
}
[ "$(id -u)" -ne 0 ] || [ "${SUDO_USER:-root}" = root ] || person=$SUDO_USER
ask root /usr/bin/true
answers && [ "$code" = 0 ] || denied=' '
file /private/var/db/container-net/state.json
anchor=$(sed -n 's|^ "anchor": "\(com\.apple/[A-Za-z0-9._-]*\)".*|\1|p' $n.out)
anchor=${anchor:-com.apple/250.container-net} sharing=com.apple.internet-sharing s='[[:space:]]'
for path in "/private/etc/pf.anchors/${anchor#*/}" /private/etc/pf.anchors/com.apple.container \
    /private/etc/sysctl.conf /Library/LaunchDaemons/local.container-net.plist \
    /Library/PrivilegedHelperTools/local.container-net /private/var/db/container-net/boot /private/etc/pf.conf; do file "$path"; done
for path in $(sed -En "s/^$s*load$s+anchor$s+[^[:space:]]+$s+from$s+\"?([^\"[:space:]#]+).*/\1/p" $n.out); do
    exists "$path" && [ "${path##*/}" = "${anchor#*/}" ] || file "$path"; done
for path in /Library/PrivilegedHelperTools /private/var/db/container-net; do exists $path; done
for words in 'bin/sw_vers -productVersion' 'bin/id -u' 'bin/systemextensionsctl list' 'sbin/netstat -rn -f inet' \
    'sbin/networksetup -listallhardwareports' 'sbin/scutil --dns' 'sbin/scutil --proxy' \
    'sbin/sysctl -n net.inet.ip.forwarding' 'sbin/sysctl -n kern.bootsessionuuid' \
    'libexec/ApplicationFirewall/socketfilterfw --getglobalstate --getblockall --getstealthmode'; do
    ask me /usr/$words; done
for words in 'ifconfig -a' 'route -n get default' 'route -n get 8.8.8.8'; do ask me /sbin/$words; done
for words in 'print-disabled system' 'print system/local.container-net'; do ask me /bin/launchctl $words; done
ask me /sbin/pfctl -n -f "$mac/private/etc/pf.conf"
for port in '-iUDP:53 -iTCP:53' -iUDP:2053; do ask root /usr/sbin/lsof -nP $port; done
for words in '-s info' '-s References' '-s nat' '-s rules' "-a $anchor -v -s nat" "-a $anchor -s nat" \
    "-a $anchor -s rules" '-a com.apple.container -s nat' '-a com.apple/container -s nat' \
    "-a $sharing/network_isolation -t network_isolation_table_v4 -T show" \
    "-a $sharing -s nat" '-v -s Anchors'; do ask root /sbin/pfctl $words; done && anchors=$n
for path in /opt/homebrew/bin/container /usr/local/bin/container; do
    if exists $path && [ -e "$mac$path" ]; then container=$path; fi; done
[ -z "$container" ] || for words in --version 'network list --format json' 'inspect buildkit' 'ls --format json' \
    'system status --format json'; do ask person $container $words; done
status=$n && answers
# What follows from the answers.
[ "$denied" ] || for child in $( (printf 'nat-anchor "%s"\n' base_v4 shared_v4 && cat $((anchors - 1)).out) |
    sed -En "s|^nat-anchor \"($sharing/)?([A-Za-z0-9._-]+)\".*|\2|p" | grep -Ev '(_v6|nat66)$' | sort -u); do
    ask root /sbin/pfctl -a "$sharing/$child" -v -s nat; done
apple='com\.apple(/(200\.AirDrop|250\.ApplicationFirewall).*)?|com\.apple\..*'
[ "$denied" ] || for path in $(grep -Ev "^$s*($apple|$anchor)$s*\$" $anchors.out); do
    ask root /sbin/pfctl -a "$path" -s nat; done
if [ "$container" ] && [ ! -e $status.late ]; then
    data=$(sed -En 's|\\/|/|g; s|.*"appRoot" *: *"(/[^"]*[^"/])/*".*|\1|p' $status.out)
    [ -z "$data" ] || exists "$data/kernels/default.kernel-arm64"
    grep -q '"status"' $status.out || ask person $container system status
    grep -q '"running"' $status.out || ask person $container system logs --last 10m
    for address in $(grep -Eo '"(ipv4A|a)ddress" *: *"[0-9.]+' $((status - 1)).out | sed 's/.*"//'); do
        ask me /sbin/route -n get "$address"; done
fi
answers
echo 'Addresses, names and tokens are masked. 주소, 이름, 토큰은 가렸습니다.'
[ ! "$denied" ] || echo "Not permitted (sudo -v first). 권한 없음(먼저 sudo -v 실행): ${denied# , }"
printf '\n```json\n{"container-net": "first aid", "simulated": %s, "asks_as_root": %s, "anchor": "%s"}\n' \
    "$([ -z "$mac" ] && echo false || echo true)" "$([ "$person" ] && echo false || echo true)" "$anchor"
awk -v n=$n -v files="$files" -v users="$(id -un) ${USER:-} ${LOGNAME:-} ${SUDO_USER:-}" -v host="$(uname -n)" '
function put(kind, v) { # the same value, the same mask
    if (!((kind, v) in seen)) seen[kind, v] = ++count[kind]
    return sprintf(kind in form ? form[kind] : "<" kind "-%d>", seen[kind, v])
}
function flip(v, bits, name,    i, at) { # two that share their first bits still share as many
    for (i = bits - 1; i >= 0; i--) {
        at = name "/" i "/" int(v / 2 ^ (i + 1))
        if (!(at in flips)) flips[at] = i ? toss[++tosses % tossed + 1] % 2 : 1
        if (flips[at]) v += int(v / 2 ^ i) % 2 ? -(2 ^ i) : 2 ^ i
    }
    return v
}
function other(x, a, b, c,    m) { # another address of the same kind
    m = a == 10 ? 8 : a == 172 && int(b / 16) == 1 ? 4 : a == 100 && int(b / 64) == 1 ? 6 : 0
    if (m) return x + 256 * (flip(c, 8, a "." b) - c) + 65536 * (flip(b % 2 ^ m, m, a) - b % 2 ^ m)
    if (a == 192 && b == 168) return int(c / 64) == 1 ? x : x + 256 * (flip(c % 64, 6, int(c / 64)) - c % 64)
    if (a == 0 || a == 127 || a > 223 || a == 169 && b == 254 || x == 134744072 || x == 2147483648) return x
    return 3323068416 + put("ipv4", x) % 131071
}
function v4(v, before,    k, g, i, x, bits) { # a network stays one; a routing table leaves its zeros out
    i = match(v, slash) ? RSTART : length(v) + 1
    k = split(substr(v, 1, i - 1), g, ".")
    for (x = 1; x <= 4; x++) if ((g[x] += 0) > 255 || k > 4 || k < 4 && (k < 2 || !table || before != "\n")) return v
    bits = i > length(v) ? 8 * k : substr(v, index(v, "/") + 1) + 0
    x = ((g[1] * 256 + g[2]) * 256 + g[3]) * 256 + g[4]
    bits = bits > 32 || x % 2 ^ (32 - bits) ? 1 : 2 ^ (32 - bits)
    x = bits * int(other(x, g[1], g[2], g[3]) / bits)
    for (v = substr(v, i); k; k--) v = (k > 1 ? "." : "") int(x / 256 ^ (4 - k)) % 256 v
    return v
}
function each(s, re, how,    p, l, out) { # every match, with what stands before and after it
    while (match(s, re)) {
        p = RSTART; l = RLENGTH; out = out substr(s, 1, p - 1)
        out = out one(how, substr(s, p, l), substr(out, length(out)), substr(s, p + l, 1)); s = substr(s, p + l)
    }
    return out s
}
function one(how, v, b, a) {
    if (how == "v4") return v4(v, b)
    if (how == "list" || how == "job") return how == "list" ? substr(v, 1, index(v, "[")) "]" : v ~ /container-net/ ? v : ""
    if (how == "learn") { sub(/.*[ \002]/, "", v); names[tolower(v)] = "host" }
    if (how == "learn" || how in near && b a ~ near[how]) return v
    if (how == "ipv6" && (v ~ h4 h || v !~ /::/ && gsub(/:/, ":", v) != 7)) return v
    if (how == "token" && (length(v) < 12 || length(v) > 20)) return v
    a = match(v, /^.*\//) ? RLENGTH : 0 # the end of what is no part of a name
    how = how == "name" ? names[tolower(v)] : how == "local" ? "host" : how
    return substr(v, 1, a) put(how, tolower(substr(v, a + 1)))
}
function mask(re, how,    i) { # all texts, since an awk may take long to make a pattern ready
    for (i = 1; i <= 3 * n; i++) if (text[i] != "") { table = key[i] ~ /netstat/; text[i] = each(text[i], re, how) }
}
function json(s) {
    gsub(/\n/, "\\n", s); gsub(/\t/, "\\t", s); gsub(q, "\\\"", s); gsub("\002", "", s); gsub("\001", "\\u00", s)
    return "\"" s "\""
}
function bytes(    s, k) { # of the next file, in hex what is no plain ASCII, or means something in JSON or HTML
    ("wc -c" files) | getline k
    for (k += 0; k; k--) { if (at == NF) at = (("od -An -v -tu1" files) | getline) * 0; s = s char[$++at] }
    return s
}
function packed(s,    line, all) {
    print s | "gzip -9 | base64 >zip"; close("gzip -9 | base64 >zip")
    while ((getline line <"zip") > 0) all = all line
    close("zip"); return all
}
BEGIN {
    for (i = 0; i < 256; i++) char[i] = sprintf(i == 9 || i == 10 || i > 31 && i < 127 ? "%c" : "\001%02x\002", i)
    char[34] = q = "\00122\002"; char[38] = "\00126\002"; char[60] = "\0013c\002"; char[92] = "\0015c\002"
    while (("od -An -v -tu1 -N 2048 /dev/urandom" | getline) > 0) for (i = 1; i <= NF; i++) toss[++tossed] = $i
    at = NF; form["ipv4"] = "%d"; form["uuid"] = "00000000-0000-4000-8000-a%011d"; form["token"] = "1%017d"
    h = "[0-9A-Fa-f]"; h4 = h h h h; slash = "(\0015c\002)?/"; dotted = "[0-9][0-9.]*[0-9](" slash "[0-9]+)?"
    uuid = h4 h4 "-" h4 "-" h4 "-" h4 "-" h4 h4 h4; mac = h h "?:"; mac = mac mac mac mac mac h h "?"
    user = "/Users" slash "([^/\001 \t\n\047]|\001[89a-f].\002)+"; url = "://([^/@ \n\001]*@)?[A-Za-z0-9.-]+"
    local = "[A-Za-z0-9][A-Za-z0-9.-]*[.](local|lan|internal|intranet|corp|home|ts[.]net)"
    v6 = "[0-9A-Fa-f:]+:([0-9A-Fa-f:.]*[0-9A-Fa-f:])?"; near["ipv6"] = "[0-9A-Za-z]"
    near["uuid"] = near["local"] = "[0-9A-Za-z_]"; near["name"] = "[0-9A-Za-z_<>-]"
    near["token"] = "[0-9A-Za-z.]"; near["mac"] = "[0-9A-Fa-f:]"; usual = "^(root|local|localhost|buildkit)$"
    list = q "([^\001]|\001[^2].\002|\001.[^2]\002|\0015c\002" q ")*" q # a string of JSON
    list = q "(arguments|environment)" q "[ \n]*:[ \n]*[[][ \n]*(" list "[ \n]*,?[ \n]*)*[]]"
    for (i = split(users, w, " "); i; i--) names[tolower(w[i])] = "user"
    names[tolower(host)] = names[tolower(substr(host, 1, index(host ".", ".") - 1))] = "host"
    for (r = 1; r <= n; r++) {
        text[2 * n + r] = key[r] = bytes(); text[n + r] = bytes(); text[r] = each(bytes(), list, "list")
        if (key[r] ~ /\n--dns/) each(text[r], "domain[^\n]* : [^\n]+", "learn")
        if (key[r] ~ /\nls\n/) each(text[r], q "(id|hostname)" q " *: *" q "[^\001]+", "learn")
        if (key[r] ~ /print-disabled/) text[r] = each(text[r], "[^\n]*=>[^\n]*\n", "job")
    }
    mask(uuid, "uuid"); mask(user, "user"); mask(url, "host"); mask(local, "local")
    for (i = 255; i > 1; i--) for (v in names) if (length(v) == i && v ~ /^[a-z0-9._-]+$/ && v !~ usual) {
        re = ""; for (p = 1; c = substr(v, p, 1); p++) re = re "[" (c ~ /[a-z]/ ? toupper(c) : "") c "]"
        mask(re, "name")
    }
    mask(mac, "mac"); mask(v6, "ipv6"); mask(dotted, "v4"); mask("[0-9]+", "token")
    for (r = 1; r <= n; r++) {
        k = split(key[r], w, "\n"); split(text[2 * n + r], masked, "\n")
        getline code <(r ".code"); if (w[1] ~ /cat$/ && code) code = "null"
        printf "{\"key\": [%s", json(w[1]); for (i = 2; i < k; i++) printf ", %s", json(w[i] ~ /[.\/]/ ? masked[i] : w[i])
        said = json(text[r]); if (length(said) > 3000) said = "\"\", \"packed\": \"" packed(said) "\""
        printf "], \"code\": %s, \"out\": %s, \"err\": %s}\n", code, said, json(text[n + r])
    }
    print "```"
}'
