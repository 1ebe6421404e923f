# What the shell of a Mac behind SSH is told first, on its standard input (container_net/remote.py).
# Set before: nonce (begins each of our lines), root (of a simulated Mac, else empty), pw (sudo's, or
# empty). Nothing here needs a file, a terminal or job control: bash 3.2 and dash run it alike.
# shellcheck shell=sh disable=SC2034,SC2154
LC_ALL=C PATH=/usr/bin:/bin:/usr/sbin:/sbin
export LC_ALL PATH
sudo=$root/usr/bin/sudo

# sudo's ticket belongs to the process that starts it: each asks for its own. The password goes from
# a variable by a builtin into a pipe, so that no list of processes has it.
ticket() {
    [ -z "$pw" ] || printf '%s\n' "$pw" | "$sudo" -S -p '' -v >/dev/null 2>&1
}

as_root() (
    ticket
    "$sudo" -n "$@"
    # Without this line the shell would become sudo, and its parent another one.
    exit $?
)

alive() {
    kill -0 "$1" 2>/dev/null || ps -p "$1" >/dev/null 2>&1
}

# end PID: gently, then not; root's commands from the root side.
end() {
    kill -TERM "$1" || as_root "$root/bin/kill" -TERM "$1"
    tries=10
    while [ "$tries" -gt 0 ] && alive "$1"; do
        sleep 0.1
        tries=$((tries - 1))
    done
    if [ "$tries" = 0 ] && ! kill -KILL "$1"; then
        as_root "$root/usr/bin/pkill" -KILL -P "$1"
        as_root "$root/bin/kill" -KILL "$1"
    fi
}

# limit SECONDS: says on descriptor 5 that they have passed. It is ended with the step.
limit() {
    nap=
    trap 'kill "$nap"; exit 0' TERM
    sleep "$1" >/dev/null 2>&1 5>&- &
    nap=$!
    wait "$nap"
    printf 'late %s\n' "$1" >&5
    # Whoever ends it knows its number, which stays its own until then.
    exec sleep 600 >/dev/null 2>&1 5>&-
}

# watch: ends what takes longer than its limit, and closes the step: `NONCE end`, with the numbers
# of what it ended. Reads `NUMBER PID SECONDS` of what begins, `NUMBER` of what has ended, and
# `late SECONDS`.
watch() {
    running='' over=' ' late=''
    while read -r number pid seconds; do
        left=''
        [ "$number" != late ] || over="$over$pid "
        [ -z "$seconds" ] || running="$running $number:$pid:$seconds"
        for each in $running; do
            [ -n "$seconds" ] || [ "$number" != "${each%%:*}" ] || continue
            case $over in
            *" ${each##*:} "*)
                late="$late ${each%%:*}"
                each=${each#*:}
                end "${each%:*}" >/dev/null 2>&1 &
                ;;
            *) left="$left $each" ;;
            esac
        done
        running=$left
    done
    printf '%s end%s\n' "$nonce" "$late"
}

# one NUMBER SECONDS INPUT COMMAND...: runs it, and tells of it on descriptor 4:
# `NONCE NUMBER STATUS LENGTH`, so many bytes, `LENGTH`, so many bytes of standard error.
# Lengths, not marks, tell where they end. INPUT is base64. What comes before it in the pipeline
# has told all of its own where standard input ends; then it is this one's turn.
one() {
    number=$1 seconds=$2 input=$3
    shift 3
    # Shells disagree about the status: bash 3.2 has 126 for what is not there.
    case $1 in /*) [ -x "$1" ] || {
        err="$1: No such file or directory"
        read -r turn
        printf '%s %s 127 0\n%s\n%s\n' "$nonce" "$number" "$((${#err} + 1))" "$err" >&4
        return
    } ;; esac
    err=$(
        {
            out=$(
                [ "$1" != "$sudo" ] || ticket
                if [ -n "$input" ]; then
                    printf '%s' "$input" | base64 --decode | "$@" 2>&3 3>&- 4>&- 5>&- &
                else
                    "$@" </dev/null 2>&3 3>&- 4>&- 5>&- &
                fi
                printf '%s %s %s\n' "$number" "$!" "$seconds" >&5
                wait "$!"
                code=$?
                printf '%s\n' "$number" >&5
                printf '.%s %s.' "$nonce" "$code"
            )
            # What it left behind may have gone on writing after its end.
            code=${out##*."$nonce "}
            code=${code%%.*}
            out=${out%."$nonce "*}
            read -r turn
            printf '%s %s %s %s\n%s' "$nonce" "$number" "$code" "${#out}" "$out" >&4
        } 3>&1
        printf .
    )
    err=${err%.}
    printf '%s\n%s' "${#err}" "$err" >&4
}

# there PATH...: those that are there, if only as a link, and those of which it cannot be told
there() {
    for path; do
        if [ -e "$path" ] || [ -h "$path" ]; then
            printf 'there %s\n' "$path"
        elif [ -e "${path%/*}" ] && ! [ -x "${path%/*}" ]; then
            printf 'closed %s\n' "$path"
        fi
    done
}

# facts PATH...: the same, and `fact MODE OWNER GROUP LINKS FLAGS PATH` of each that is there
facts() {
    found=$(there "$@")
    printf '%s\n' "$found"
    case $found in there* | *'
there'*) "$root/usr/bin/stat" -f 'fact %p %u %g %l %f %N' "$@" 2>/dev/null ;; esac
    return 0
}

# files PATH...: the same; then, in base64 that a dot ends, what is in each or where it leads.
# A line with `!` says that it may not be read.
files() {
    facts "$@"
    for path; do
        if [ -h "$path" ]; then
            printf 'link %s\n' "$path"
            "$root/usr/bin/readlink" "$path" | base64
        elif [ -f "$path" ]; then
            printf 'data %s\n' "$path"
            base64 <"$path" || printf '!\n'
        else
            continue
        fi
        printf '\n.\n'
    done
}

# private PATH: the same of a file that only root may read; complete where it ends in an x.
private() {
    { as_root "$root/bin/cat" "$1" && printf x; } | base64
}

# names FOLDER: what is in it
names() {
    for path in "$1"/*; do
        if [ -e "$path" ] || [ -h "$path" ]; then printf '%s\n' "${path##*/}"; fi
    done
}

# The password is for those who need one.
if [ -n "$pw" ] && "$sudo" -n "$root/usr/bin/true" </dev/null 2>/dev/null; then pw=; fi
if [ -x "$root/usr/bin/sw_vers" ] && { [ -z "$root" ] || [ -e "$root/.container-net-simulated" ]; }; then
    printf '%s mac %s\n' "$nonce" "$$"
else
    printf '%s other %s\n' "$nonce" "$(uname -s)"
fi
