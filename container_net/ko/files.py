"""Korean for the texts of `pfconf`."""

from __future__ import annotations

from typing import Dict

TEXTS: Dict[str, str] = {
    (
        "{file}, lines {first} to {last}: our block was edited, and which of its lines "
        "are ours cannot be told. Delete these lines, except those that you wrote, and "
        "run this again."
    ): (
        "{file} {first}~{last}행: 이 도구의 블록이 편집되어 어느 줄이 이 도구의 것인지 알 수 "
        "없습니다. 직접 쓴 줄만 남기고 이 줄들을 지운 뒤 다시 실행하세요."
    ),
    (
        "{file}, line {line}: one of our two markers is missing, and line {other} may "
        "be ours or yours. Delete line {line}, and line {other} too if you did not "
        "write it, and run this again."
    ): (
        "{file} {line}행: 이 도구의 표시 두 줄 중 하나가 없어 {other}행이 누구의 것인지 알 수 "
        "없습니다. {line}행을 지우고, {other}행도 직접 쓴 줄이 아니면 지운 뒤 다시 실행하세요."
    ),
    "{file}, line {line}: a zero byte; this is not a text file.": (
        "{file} {line}행: 0 바이트가 있습니다. 텍스트 파일이 아닙니다."
    ),
    (
        "{file}, line {line} ends in a backslash, and without our lines the next one "
        "would be joined to it. Put an empty line after it and run this again."
    ): (
        "{file} {line}행이 백슬래시로 끝나서, 이 도구의 줄을 빼면 다음 줄이 여기에 이어집니다. "
        "그 뒤에 빈 줄을 넣고 다시 실행하세요."
    ),
    "{file}, line {line}: a marker of ours without its partner; it is taken out.": (
        "{file} {line}행: 짝이 없는 이 도구의 표시 줄이라 뺍니다."
    ),
    "{file}, line {line}: our block for a second time; it is taken out.": (
        "{file} {line}행: 이 도구의 블록이 또 있어 뺍니다."
    ),
    "{file}, line {line}: inside our block, but not ours; it is kept.": (
        "{file} {line}행: 이 도구의 블록 안에 있지만 이 도구의 줄이 아니라 그대로 둡니다."
    ),
    (
        "pf.conf, line {line} loads our anchor and has no markers of ours, so it is left "
        "alone. Delete it before the file that it names goes: without that file nothing of "
        "pf.conf is loaded."
    ): (
        "pf.conf {line}행은 이 도구의 앵커를 불러오지만 표시 줄이 없어 그대로 둡니다. 이 줄이 "
        "가리키는 파일이 없어지면 pf.conf 전체가 적용되지 않으니, 그 전에 이 줄을 지우세요."
    ),
    (
        "pf.conf, line {line}: a quote is opened in this statement and never closed, so "
        "nothing can stand behind it. Close it and run this again."
    ): (
        "pf.conf {line}행: 이 구문에서 연 따옴표가 닫히지 않아 뒤에 줄을 더할 수 없습니다. "
        "따옴표를 닫고 다시 실행하세요."
    ),
    (
        "pf.conf, line {line}: a brace is opened in this statement and never closed, so "
        "nothing can stand behind it. Close it and run this again."
    ): (
        "pf.conf {line}행: 이 구문에서 연 중괄호가 닫히지 않아 뒤에 줄을 더할 수 없습니다. "
        "중괄호를 닫고 다시 실행하세요."
    ),
    (
        "pf.conf, line {line}: the last line ends in a backslash, which joins whatever "
        "follows to it. Take the backslash away, or put an empty line after it, and run "
        "this again."
    ): (
        "pf.conf {line}행: 마지막 줄이 백슬래시로 끝나서 뒤에 오는 줄이 여기에 이어집니다. "
        "백슬래시를 지우거나 그 뒤에 빈 줄을 넣고 다시 실행하세요."
    ),
    (
        "pf.conf, line {line}: to which part of pf's order this belongs cannot "
        'be told from here, and nat-anchor "com.apple/*" must stand among the '
        "translation rules. Write that line there yourself, before the first "
        "filter rule, and run this again."
    ): (
        "pf.conf {line}행: 이 줄이 pf 순서의 어느 부분에 속하는지 알 수 없는데, "
        'nat-anchor "com.apple/*" 줄은 주소 변환 규칙 사이에 있어야 합니다. 그 줄을 첫 필터 '
        "규칙 앞에 직접 쓴 뒤 다시 실행하세요."
    ),
    (
        "pf.conf, line {line} stands behind line {other}, but pf wants options, "
        "normalization, queueing, translation, filtering in this order. Put that right and "
        "run this again."
    ): (
        "pf.conf {line}행이 {other}행 뒤에 있지만, pf는 옵션, 정규화, 큐, 주소 변환, 필터 순서를 "
        "요구합니다. 순서를 바로잡고 다시 실행하세요."
    ),
    "sysctl.conf, line {line} sets the same name: {text}": (
        "sysctl.conf {line}행도 같은 이름을 설정합니다: {text}"
    ),
}
