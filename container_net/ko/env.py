"""Korean for `net.env`."""

from __future__ import annotations

from typing import Dict

TEXTS: Dict[str, str] = {
    "--check names {path}, which cannot be read: {why}.": "--check의 {path}을(를) 읽을 수 없습니다: {why}.",
    "--check names {path}, which is no source file (binary, or over 1 MiB).": "--check의 {path}은(는) 소스 파일이 아닙니다(바이너리이거나 1 MiB 초과).",
    "neither a Dockerfile, nor a program that starts containers, nor an agent in JavaScript": "Dockerfile도, 컨테이너를 실행하는 프로그램도, JavaScript 에이전트도 아닙니다",
    "line {number}: {text}": "{number}번째 줄: {text}",
    "it has no FROM": "FROM이 없습니다",
    "the last stage sets no NODE_OPTIONS": "마지막 단계에 NODE_OPTIONS가 없습니다",
    "add the line: {line}": "이 줄을 넣으세요: {line}",
    "add {option} to this value": "이 값에 {option}을(를) 더하세요",
    "pass it to the container as: {arguments}": "컨테이너에 이렇게 넘기세요: {arguments}",
    "it starts containers and passes no NODE_OPTIONS": "컨테이너를 실행하지만 NODE_OPTIONS를 넘기지 않습니다",
    "end the program with process.exit(0) after its result, and rebuild the image": "결과를 낸 뒤 process.exit(0)으로 끝내고 이미지를 다시 빌드하세요",
    "no process.exit(0) in its code": "코드에 process.exit(0)이 없습니다",
    "for a Dockerfile": "Dockerfile에 넣을 줄",
    "for container run": "container run에 넘길 인자",
    "where NODE_OPTIONS is set already: add the option to that value": "이미 NODE_OPTIONS를 쓴다면 그 값에 옵션을 더하세요",
}
