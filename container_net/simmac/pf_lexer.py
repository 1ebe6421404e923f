"""Words of a pf.conf, as pfctl's scanner cuts them (OpenBSD's yylex, which Apple kept).

A backslash before a newline joins lines, comments included; a carriage return is no blank; a macro
is expanded where it is read; a file that ends in the middle of a line has no end of line.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional

__all__ = ["END", "NEWLINE", "Lexer", "PfError", "Token"]

END = "end"
NEWLINE = "newline"
WORD = "word"
STRING = "string"
PUNCT = "punct"
BAD = "bad"

NOT_IN_WORD = "(){}<>!=/#,\"'"
LONG = ("->", "!=", "<=", ">=", "><", "<>")


class PfError(Exception):
    """What pfctl says about one place of a file; the message is complete but for file and line."""

    def __init__(self, message: str = "syntax error", line: Optional[int] = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class Token:
    """A word with the line on which it stands."""

    __slots__ = ("kind", "line", "text")

    def __init__(self, kind: str, text: str, line: int) -> None:
        self.kind = kind
        self.text = text
        self.line = line

    def is_(self, *texts: str) -> bool:
        """Whether it is one of these, and no quoted string that looks like it."""
        return self.kind in (WORD, PUNCT) and self.text in texts


class Lexer:
    """Tokens one by one; `macros` may grow while reading."""

    def __init__(self, text: str, macros: Dict[str, str]) -> None:
        self.macros = macros
        self.messages: List[PfError] = []
        self._text = text
        self._at = 0
        self._line = 1
        self._ahead: List[Token] = []

    def peek(self, distance: int = 0) -> Token:
        """The token at a distance, without taking it."""
        while len(self._ahead) <= distance:
            self._ahead += self._scan()
        return self._ahead[distance]

    def next(self) -> Token:
        """Take the next token."""
        token = self.peek()
        self._ahead.pop(0)
        return token

    @property
    def line(self) -> int:
        """The line that an error is told of now: that of the token looked at."""
        return self.peek().line

    def skip_line(self) -> None:
        """Give up the rest of the line, as the grammar does after an error."""
        while True:
            token = self.peek()
            if token.kind == END:
                return
            self.next()
            if token.kind == NEWLINE:
                return

    # -- scanning

    def _char(self) -> str:
        """The next character with continued lines joined; empty at the end."""
        while self._text.startswith("\\\n", self._at):
            self._at += 2
            self._line += 1
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        char = self._char()
        self._at += 1
        return char

    def _scan(self) -> List[Token]:
        while self._char() in (" ", "\t") and self._char():
            self._take()
        if self._char() == "#":
            while self._char() not in ("\n", ""):
                self._take()
        char, line = self._char(), self._line
        if char == "":
            return [Token(END, "", line)]
        if char == "\n":
            self._take()
            self._line += 1
            return [Token(NEWLINE, "\n", line)]
        if char in "\"'":
            return [self._quoted(line)]
        if char == "$":
            return self._macro(line)
        return [self._plain(line)]

    def _quoted(self, line: int) -> Token:
        quote = self._take()
        text = ""
        while True:
            char = self._char()
            if char == "" or (char == "\n" and not text.endswith("\\")):
                return Token(BAD, text, line)
            self._take()
            if char == quote:
                return Token(STRING, text, line)
            text += char

    def _macro(self, line: int) -> List[Token]:
        self._take()
        name = ""
        while self._char().isalnum() or self._char() == "_":
            name += self._take()
        if name not in self.macros:
            self.messages.append(PfError(f"macro '{name}' not defined", line))
            while self._char() not in ("\n", ""):
                self._take()
            return [Token(BAD, name, line)]
        inner = Lexer(self.macros[name], self.macros)
        tokens = []
        while inner.peek().kind != END:
            token = inner.next()
            tokens.append(Token(token.kind, token.text, line))
        # A macro that holds nothing leaves nothing behind.
        return tokens or self._scan()

    def _plain(self, line: int) -> Token:
        pair = self._text[self._at : self._at + 2]
        if pair in LONG:
            self._at += 2
            return Token(PUNCT, pair, line)
        if not (self._char().isalnum() or self._char() in ":_-."):
            return Token(PUNCT, self._take(), line)
        text = ""
        while True:
            char = self._char()
            printable = "!" <= char <= "~"
            if not printable or char in NOT_IN_WORD or self._text.startswith("->", self._at):
                return Token(WORD, text, line)
            text += self._take()
