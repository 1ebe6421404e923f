"""Korean for doctor: its findings, its report, and the headings of the troubleshooting page."""

from __future__ import annotations

from typing import Dict

TEXTS: Dict[str, str] = {
    # the task and its options
    "Find what is wrong, with the evidence and the cure.": (
        "무엇이 잘못되었는지 근거와 해결책을 함께 찾습니다."
    ),
    "Look from inside a container as well; it is removed afterwards.": (
        "컨테이너 안에서도 살펴봅니다. 컨테이너는 끝나면 지웁니다."
    ),
    "Address that the probe connects to, with or without a port (default: 1.1.1.1).": (
        "점검할 때 연결해 볼 주소, 포트는 생략 가능(기본값: 1.1.1.1)."
    ),
    "Resolver outside that the probe asks (default: 1.1.1.1).": (
        "점검할 때 물어볼 외부 리졸버(기본값: 1.1.1.1)."
    ),
    "Name that the probe looks up (default: that of --url).": (
        "점검할 때 찾아볼 이름(기본값: --url의 호스트)."
    ),
    "Explain this message, or with - a log on standard input, from the catalogue alone.": (
        "이 메시지를, -이면 표준 입력의 로그를 목록만으로 설명합니다."
    ),
    "Fix what can be fixed automatically.": (
        "찾은 문제 중 이 도구가 스스로 고쳐도 되는 것을 고칩니다."
    ),
    "Write a Markdown report for a bug report into this file, masked.": (
        "버그 신고에 쓸 마크다운 보고서를 가려서 이 파일에 씁니다."
    ),
    # evidence
    "{command} shows no {name}": "{command}에 {name}이(가) 없습니다",
    "{path} is not there": "{path}이(가) 없습니다",
    "{command} shows {gateway} on no interface; bridges: {bridges}": (
        "{command}의 어느 인터페이스에도 {gateway}이(가) 없습니다. 브리지: {bridges}"
    ),
    "{commands} show no rule of it, and that vmnet wrote the ruleset anew": (
        "{commands}에 그 규칙이 하나도 없고, vmnet이 규칙 집합을 새로 썼습니다"
    ),
    "{gateway} is on {bridge}": "{gateway}은(는) {bridge}에 있습니다",
    "{name} of this Mac lives in {network}": "이 Mac의 {name}이(가) {network}에 있습니다",
    "no translation rule for {subnet} on {uplink}": (
        "{uplink}에 {subnet}을(를) 위한 변환 규칙이 없습니다"
    ),
    "{command} shows nobody": "{command}에 아무도 없습니다",
    "{command} shows no redirect": "{command}에 리디렉션이 없습니다",
    "{command} answers": "{command}은(는) 답합니다",
    "{command} has no nat-anchor that calls {anchor}": (
        "{command}에 {anchor}을(를) 호출하는 nat-anchor가 없습니다"
    ),
    "no call": "호출 없음",
    "not loaded": "올라와 있지 않음",
    # what could not be read
    "cut off at: {text}": "여기서 잘림: {text}",
    "this does not fit together: {lines}": "서로 맞지 않습니다: {lines}",
    "from inside a container this failed and no known fault explains it: {rows}; keep a container "
    "running and run this again": (
        "컨테이너 안에서 다음이 실패했지만 알려진 문제로는 설명되지 않습니다: {rows}. 컨테이너를 "
        "하나 켜 둔 채 다시 실행하세요"
    ),
    "not known": "알 수 없음",
    "{count} facts only root can read; `sudo -v` first": (
        "root만 읽을 수 있는 것이 {count}가지입니다. 먼저 `sudo -v`를 실행하세요"
    ),
    # the answer
    "no fault found ({count} looked for)": "문제가 없습니다({count}가지 확인)",
    "a simulated Mac in {place}": "{place}의 시뮬레이션 Mac",
    "This Mac itself has no way to the internet now.": (
        "지금은 이 Mac 자체가 인터넷에 연결되어 있지 않습니다."
    ),
    "present": "있음",
    "possible": "가능성 있음",
    "seen": "확인한 것",
    "cause": "원인",
    "told apart": "구별하는 법",
    "more": "자세히",
    "(a consequence)": "(위 문제의 결과)",
    "{first} or {second}: install the signed package and allow it once; if published ports work "
    "from then on, it was the Homebrew build's path (F29).": (
        "{first} 또는 {second}: 서명된 패키지를 설치하고 한 번 허용합니다. 그 뒤로 게시한 포트가 "
        "동작하면 Homebrew 빌드의 경로가 원인입니다(F29)."
    ),
    "From inside a container:": "컨테이너 안에서:",
    "gateway (ping)": "게이트웨이(ping)",
    "public address (ping)": "공인 주소(ping)",
    "public address (TCP)": "공인 주소(TCP)",
    "a name, asked at the gateway": "이름, 게이트웨이에 물음",
    "a name, asked outside": "이름, 외부에 물음",
    "a name, as the image asks": "이름, 이미지 방식대로",
    "failed": "실패",
    "not measured": "재지 못함",
    # options and files
    "--host is {value}: give a host's name.": "--host가 {value}입니다. 호스트 이름을 주세요.",
    "--address is {value}: the port will not do.": "--address가 {value}입니다. 포트가 맞지 않습니다.",
    "--{name} is {value}: give an IPv4 address.": "--{name}이(가) {value}입니다. IPv4 주소를 주세요.",
    "--symptom is empty: give a message, or - and a log on standard input.": (
        "--symptom이 비어 있습니다. 메시지를 주거나, -와 함께 표준 입력으로 로그를 주세요."
    ),
    "--symptom - reads a log from standard input: pipe one in.": (
        "--symptom -은 표준 입력에서 로그를 읽습니다. 파이프로 넣어 주세요."
    ),
    "--report is {path}, which is no regular file; it is left alone.": (
        "--report가 {path}인데, 일반 파일이 아니라 그대로 둡니다."
    ),
    "--report is {path}, and there is no such folder.": (
        "--report가 {path}인데, 그런 폴더가 없습니다."
    ),
    "--report is {path}, which cannot be written: {why}.": (
        "--report가 {path}인데, 쓸 수 없습니다: {why}."
    ),
    "report written to {path}": "보고서를 {path}에 썼습니다",
    # --fix and --symptom
    "There is nothing here that this tool may mend.": "이 도구가 고쳐도 되는 것이 없습니다.",
    "For {faults}: invoke net.{task}": "{faults} 해결: invoke net.{task}",
    "check first": "먼저 확인할 것",
    "It shows in this way, the likeliest first:": "이렇게 나타나는 문제, 가능성 높은 순서:",
    "On the Mac itself, invoke net.doctor says which it is.": (
        "그 Mac에서 invoke net.doctor를 실행하면 어느 것인지 알 수 있습니다."
    ),
    "No fault of the catalogue shows in this way; invoke net.doctor looks at the Mac.": (
        "목록에 이렇게 나타나는 문제가 없습니다. invoke net.doctor로 Mac을 살펴보세요."
    ),
    # the report for a bug report
    "Addresses, names and tokens are masked; the same value has the same mask throughout.": (
        "주소와 이름, 토큰은 가렸습니다. 같은 값은 어디서나 같은 표시로 바뀝니다."
    ),
    "simulated": "시뮬레이션",
    "Faults": "문제",
    "Not known": "알 수 없는 것",
    "What was read": "읽은 것",
    "yes": "예",
    "no": "아니요",
    # docs/troubleshooting.ko.md
    "Troubleshooting": "문제 해결",
    "Let the tool look": "도구로 찾기",
    "This reads the Mac, changes nothing, and names the fault with its evidence and cure.": (
        "Mac을 읽기만 하고 아무것도 바꾸지 않으며, 문제를 근거와 해결책과 함께 알려 줍니다."
    ),
    "With `--probe` a container looks from inside as well; it is removed afterwards.": (
        "`--probe`를 붙이면 컨테이너 안에서도 살펴봅니다. 컨테이너는 끝나면 지웁니다."
    ),
    "A message or a log is explained from this catalogue alone, also without a Mac.": (
        "메시지나 로그는 이 목록만으로 설명하므로 Mac이 없어도 됩니다."
    ),
    "For a bug report: addresses, names and tokens are masked in the file.": (
        "버그 신고용: 파일에서 주소와 이름, 토큰은 가립니다."
    ),
    "Symptom": "증상",
    "Cause": "원인",
    "Cure": "해결책",
    "Check first": "먼저 확인할 것",
    "More": "자세히",
    "All faults": "모든 문제",
    "How it shows": "나타나는 모습",
    "Told apart": "구별하는 법",
    "It can be a mere consequence of: {faults}": "다음 문제의 결과일 수 있습니다: {faults}",
    "Does the tool mend it?": "도구가 고치나요?",
    "yes, `invoke net.doctor --fix` does it": "예, `invoke net.doctor --fix`로 고칩니다",
    "no: it stops containers or touches what is not this tool's; do it by hand": (
        "아니요. 컨테이너를 멈추거나 이 도구의 것이 아닌 것을 건드리므로 직접 해야 합니다"
    ),
    "no, only a person can": "아니요, 사람만 할 수 있습니다",
    "no cure is known": "알려진 해결책이 없습니다",
    "Versions": "버전",
    "Known from": "출처",
}
