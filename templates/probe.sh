# What a container reaches, measured with whatever tools it has. A row each: NAME ok|failed|none
# DETAIL; `none` where no tool was there. Arguments: gateway, address, port, resolver, host, URL.
#
# No file is written. Each row is one printf, so that rows written at the same time do not mix;
# everything runs side by side, and within 7 s where the guest has `timeout`. For HTTPS the detail is the status, or else the
# code that curl ends with, whatever tool was taken.
LC_ALL=C
export LC_ALL
gateway=$1 address=$2 port=$3 resolver=$4 host=$5 url=$6

have() { command -v "$1" >/dev/null 2>&1; }
row() { printf '%s %s %s\n' "$1" "$2" "${3:--}"; }
verdict() { if [ "$2" -eq 0 ]; then row "$1" ok "$3"; else row "$1" failed "$3"; fi; }
heard() { if have timeout; then timeout 6 "$@"; else "$@"; fi 2>&1 </dev/null; }
said() { if have timeout; then timeout 6 "$@"; else "$@"; fi 2>/dev/null </dev/null; }
limit() { said "$@" >/dev/null; }

reach() {
    have ping || { row "$1" none ping; return; }
    limit ping -c 1 -W 3 "$2"
    verdict "$1" $? "$2"
}

# The largest of three sizes that passes in one piece. busybox's ping cannot ask for that.
size() {
    if ! have ping || ! limit ping -M 'do' -c 1 -W 1 -s 8 127.0.0.1; then
        row mtu none ping
        return
    fi
    limit ping -c 1 -W 2 "$address" || { row mtu none "$address"; return; }
    for bytes in 1500 1400 1280; do
        limit ping -M 'do' -c 1 -W 1 -s $((bytes - 28)) "$address" || continue
        row mtu ok "$bytes"
        return
    done
    row mtu failed 1280
}

node_connect='const s=require("net").connect({host:process.argv[1],port:+process.argv[2]});
s.on("connect",()=>process.exit(0)).on("error",()=>process.exit(1));
setTimeout(()=>process.exit(1),4000)'
python_connect='import socket,sys
socket.create_connection((sys.argv[1],int(sys.argv[2])),4)'
# shellcheck disable=SC2016 # perl does
perl_connect='exit !IO::Socket::INET->new(PeerAddr=>$ARGV[0],PeerPort=>$ARGV[1],Timeout=>4)'
# shellcheck disable=SC2016 # bash does
bash_connect='exec 3<>"/dev/tcp/$0/$1"'

connect() {
    if have curl; then
        at=$(said curl -sk --connect-timeout 4 -m 6 -o /dev/null -w '%{time_connect}' \
            "https://$address:$port/")
        case $at in
        *[1-9]*) row "$1" ok "$at" ;;
        *) row "$1" failed "$address:$port" ;;
        esac
        return
    elif have nc; then
        limit nc -w 4 "$address" "$port"
        code=$?
        # It had its answer and went on to wait for more.
        case $code in 124 | 143) code=0 ;; esac
    elif have python3; then
        limit python3 -c "$python_connect" "$address" "$port"
        code=$?
    elif have node; then
        limit node -e "$node_connect" "$address" "$port"
        code=$?
    elif have perl; then
        limit perl -MIO::Socket::INET -e "$perl_connect" "$address" "$port"
        code=$?
    elif have bash && have timeout; then
        limit bash -c "$bash_connect" "$address" "$port"
        code=$?
    else
        row "$1" none no-tool
        return
    fi
    verdict "$1" "$code" "$address:$port"
}

node_ask='const d=require("dns"),[s,h]=process.argv.slice(1);
const r=new d.Resolver();if(s)r.setServers([s]);
(s?r.resolve4.bind(r):(n,f)=>d.lookup(n,4,f))(h,e=>process.exit(e?1:0))'
python_ask='import socket,sys
s,h=sys.argv[1:]
if not s: socket.getaddrinfo(h,None); sys.exit()
q=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); q.settimeout(4)
n=b"".join(bytes([len(p)])+p.encode() for p in h.strip(".").split("."))
q.sendto(b"\x12\x34\1\0\0\1\0\0\0\0\0\0"+n+b"\0\0\1\0\1",(s,53))
a=q.recv(1500)
sys.exit(a[:2]!=b"\x12\x34" or a[3]&15 or not a[6]+a[7])'

# names ROW SERVER: look the host up, with an empty SERVER by the container's own resolver.
names() {
    if have nslookup; then
        # It says `Name:` only with an answer, and ends with 0 without one.
        case $(said nslookup "$host" ${2:+"$2"}) in
        *Name:*) row "$1" ok nslookup ;;
        *) row "$1" failed nslookup ;;
        esac
        return
    elif [ -z "$2" ] && have getent; then
        tool=getent
        limit getent hosts "$host"
    elif have dig; then
        case $(said dig +time=3 +tries=1 +short ${2:+"@$2"} "$host" A) in
        *[0-9].[0-9]*) row "$1" ok dig ;;
        *) row "$1" failed dig ;;
        esac
        return
    elif have node; then
        tool=node
        limit node -e "$node_ask" "$2" "$host"
    elif have python3; then
        tool=python3
        limit python3 -c "$python_ask" "$2" "$host"
    else
        row "$1" none no-tool
        return
    fi
    code=$?
    [ "$code" -eq 0 ] || code=1
    verdict "$1" "$code" "$tool"
}

node_fetch='const u=new URL(process.argv[2]),end=(n,c)=>{console.log(n);process.exit(c)};
require(u.protocol=="http:"?"http":"https").get(u,{family:+process.argv[1]},r=>end(r.statusCode,0))
.on("error",e=>{const c=String(e.code);end(/NOTFOUND|EAI/.test(c)?6:/TIMEDOUT/.test(c)?28:
/CERT|VERIFY|SIGNED/.test(c)?60:/SSL|TLS|EPROTO/.test(c)?35:7,1)});
setTimeout(()=>end(28,1),5000)'
python_fetch='import socket,ssl,sys,urllib.error,urllib.request as r
f=socket.AF_INET6 if sys.argv[1]=="6" else socket.AF_INET
g=socket.getaddrinfo
socket.getaddrinfo=lambda h,p,*a,**k:g(h,p,f,socket.SOCK_STREAM)
try: print(r.urlopen(sys.argv[2],timeout=5).status)
except urllib.error.HTTPError as e: print(e.code)
except Exception as e:
    w=getattr(e,"reason",e)
    of=lambda *t: isinstance(w,t)
    print(6 if of(socket.gaierror) else 60 if of(ssl.CertificateError) else
          28 if of(socket.timeout) else 35 if of(ssl.SSLError) else 7)
    sys.exit(1)'

# What wget said, as a status or as curl's code.
meaning() {
    case $1 in
    *HTTP/[12]*' '[1-5][0-9][0-9]*)
        status=${1##*HTTP/}
        status=${status#* }
        printf '%s' "${status%"${status#???}"}"
        ;;
    *ertificate*) printf 60 ;;
    *'bad address'* | *'unable to resolve'*) printf 6 ;;
    *'timed out'*) printf 28 ;;
    *refused* | *unreachable*) printf 7 ;;
    *SSL* | *TLS*) printf 35 ;;
    *) printf wget ;;
    esac
}

# fetch ROW 4|6
fetch() {
    if have curl; then
        answer=$(said curl -s "-$2" --connect-timeout 4 -m 6 -o /dev/null -w '%{http_code}' "$url")
        code=$?
        [ "$code" -ne 0 ] || code=$answer
        [ "$code" = "$answer" ]
        verdict "$1" $? "$code"
        return
    elif have python3; then
        answer=$(said python3 -c "$python_fetch" "$2" "$url")
    elif have node; then
        answer=$(said node -e "$node_fetch" "$2" "$url")
    elif have wget && wget --version >/dev/null 2>&1; then
        answer=$(meaning "$(heard wget -nv -S "-$2" -t 1 -T 5 -O /dev/null "$url")")
    elif have wget && [ "$2" = 4 ]; then
        # busybox's takes the address that it likes: on vmnet's networks that is IPv4.
        answer=$(heard wget -T 5 -O /dev/null "$url") && answer=200 || answer=$(meaning "$answer")
    else
        row "$1" none no-tool
        return
    fi
    case $answer in
    [1-5][0-9][0-9]) row "$1" ok "$answer" ;;
    wget) row "$1" none wget ;; # in words that are not known: it may lack TLS
    *) row "$1" failed "${answer:-28}" ;;
    esac
}

# Names only: their values may hold passwords.
proxies() {
    set --
    for name in http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY; do
        eval "value=\${$name:-}"
        [ -z "$value" ] || set -- "$@" "$name"
    done
    IFS=:
    row proxy ok "${*:-none}"
    unset IFS
}

echo 'container-net-probe 1'
if [ -r /etc/resolv.conf ]; then
    while read -r word value _; do
        if [ "$word" = nameserver ]; then
            row resolver ok "$value"
            break
        fi
    done </etc/resolv.conf
fi
proxies
reach gateway "$gateway" &
reach address "$address" &
size &
connect tcp &
names dns-gateway "$gateway" &
names dns-public "$resolver" &
names dns-own '' &
fetch https4 4 &
fetch https6 6 &
wait
echo end
