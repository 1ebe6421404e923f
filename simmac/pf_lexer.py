"""Words of a pf.conf, as pfctl's scanner cuts them (OpenBSD's yylex, which Apple kept).

A backslash before a newline joins lines, comments included; a carriage return is no blank; a macro
is expanded where it is read, but not inside another; a quoted string may go on on the next line; a
file that ends in the middle of a line has no end of line.
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

# What a word is made of, and what it may begin with.
LETTERS = frozenset(chr(code) for code in range(33, 127)) - frozenset("(){}<>!=/#,\"'\\")
FIRST = frozenset(char for char in LETTERS if char.isalnum() or char in ":_-.")
LONG = frozenset(("->", "!=", "<=", ">=", "><", "<>"))


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
    """Tokens one by one; `macros` may grow while reading. In the text of a macro there are none."""

    def __init__(self, text: str, macros: Optional[Dict[str, str]]) -> None:
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
        char = self._text[self._at : self._at + 1]
        while char == "\\" and self._text.startswith("\\\n", self._at):
            self._at += 2
            self._line += 1
            char = self._text[self._at : self._at + 1]
        return char

    def _take(self) -> str:
        char = self._char()
        self._at += 1
        return char

    def _scan(self) -> List[Token]:
        char = self._char()
        while char in (" ", "\t"):
            self._at += 1
            char = self._char()
        if char == "#":
            while char not in ("\n", ""):
                self._at += 1
                char = self._char()
        line = self._line
        if char == "":
            return [Token(END, "", line)]
        if char == "\n":
            self._at += 1
            self._line += 1
            return [Token(NEWLINE, "\n", line)]
        if char in "\"'":
            return [self._quoted(line)]
        if char == "$" and self.macros is not None:
            return self._macro(self.macros, line)
        return [self._plain(char, line)]

    def _quoted(self, line: int) -> Token:
        quote = self._take()
        text = ""
        while True:
            char = self._take()
            if char == quote:
                return Token(STRING, text, line)
            if char == "":
                return Token(BAD, text, line)
            if char == "\n":
                self._line += 1
            else:
                text += char

    def _macro(self, macros: Dict[str, str], line: int) -> List[Token]:
        self._take()
        name = ""
        while self._char().isalnum() or self._char() == "_":
            name += self._take()
        if name not in macros:
            self.messages.append(PfError(f"macro '{name}' not defined", line))
            while self._char() not in ("\n", ""):
                self._take()
            return [Token(BAD, name, line)]
        inner = Lexer(macros[name], None)
        tokens = []
        while inner.peek().kind != END:
            token = inner.next()
            tokens.append(Token(token.kind, token.text, line))
        # A macro that holds nothing leaves nothing behind.
        return tokens or self._scan()

    def _plain(self, char: str, line: int) -> Token:
        text, start = self._text, self._at
        pair = text[start : start + 2]
        if pair in LONG:
            self._at += 2
            return Token(PUNCT, pair, line)
        if char not in FIRST:
            self._at += 1
            return Token(PUNCT, char, line)
        word = ""
        while True:
            at = self._at
            while text[at : at + 1] in LETTERS:
                at += 1
            word += text[self._at : at]
            self._at = at
            # A backslash may be followed by the rest of the word on the next line.
            if self._char() not in LETTERS:
                return Token(WORD, word, line)
