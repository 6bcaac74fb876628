"""Report phrases and variable names that this project avoids, and what to write instead.

Reads what people read: comments, docstrings and messages of Python files, the documents, and the
names of tests. The phrases are in wording.txt. Usage: python tools/check_wording.py [folder]
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

DOCUMENTS = ["*.md", "docs/[!_]*.rst", "examples/*.rst", "benchmarks/**/*.md"]
CODE = ["sknoisy/**/*.py", "examples/*.py", "benchmarks/*.py"]
TESTS = ["tests/**/test_*.py"]

VARIABLES = {"found", "one", "own", "each", "said", "place", "told", "owed", "paid"}

# Python 3.12 and later divide an f-string into several tokens.
TEXT = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
DELIMITERS = re.compile(r"""^#|^[a-zA-Z]*('{3}|"{3}|'|")|('{3}|"{3}|'|")$""")


def read_phrases(path: Path) -> list[tuple[re.Pattern[str], str]]:
    """Compile the table of phrases."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    phrases = []
    for line in lines:
        phrase, better = line.split(" => ")
        pattern = phrase.replace(" ", r"\s+")
        phrases.append((re.compile(rf"(?<!\w){pattern}(?!\w)", re.IGNORECASE), better))
    return phrases


def without_tables(text: str) -> str:
    """Blank out the rows of tables, which name what was renamed."""
    return re.sub(r"^\|.*$", lambda match: blank(match[0]), text, flags=re.MULTILINE)


def blank(text: str) -> str:
    """Replace all but line ends by spaces."""
    return re.sub(r"[^\n]", " ", text)


def prose_of(source: str) -> str:
    """Blank out all code: what is left keeps its position, and text of several lines its order."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    parts, end = [], 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in TEXT:
            start = starts[token.start[0] - 1] + token.start[1]
            parts.append(blank(source[end:start]))
            end = starts[token.end[0] - 1] + token.end[1]
            parts.append(DELIMITERS.sub(lambda match: blank(match[0]), source[start:end]))
    return "".join(parts)


def test_names_of(source: str) -> str:
    """Blank out all but the names of tests, and write those as sentences."""
    parts, end = [], 0
    for match in re.finditer(r"def test_(\w+)", source):
        parts += [blank(source[end : match.start(1)]), match[1].replace("_", " ")]
        end = match.end()
    return "".join(parts)


def variables_of(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of each parameter, and of each variable that is assigned to."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg


def check(root: Path) -> Iterator[tuple[str, int, str]]:
    """Yield file, line and message of each finding."""
    phrases = read_phrases(Path(__file__).with_name("wording.txt"))
    readers: list[tuple[list[str], Callable[[str], str]]] = [
        (DOCUMENTS, str),
        (CODE, prose_of),
        (TESTS, test_names_of),
    ]
    for patterns, reader in readers:
        for path in (path for pattern in patterns for path in root.glob(pattern)):
            text = reader(path.read_text())
            text = without_tables(text) if path.name == "CHANGELOG.md" else text
            for phrase, better in phrases:
                for match in phrase.finditer(text):
                    line = text.count("\n", 0, match.start()) + 1
                    words = " ".join(match[0].split())
                    yield str(path.relative_to(root)), line, f'"{words}" -> {better}'
    for path in root.glob("sknoisy/**/*.py"):
        for line, name in variables_of(path.read_text()):
            if name in VARIABLES:
                message = f"variable '{name}' -> name the thing: losses, member, probs, rows"
                yield str(path.relative_to(root)), line, message


def main() -> int:
    """Print all findings; the exit status is 1 if there are any."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent
    findings = sorted(set(check(root)))
    for file, line, message in findings:
        print(f"{file}:{line}: {message}")
    if findings:
        print(f"{len(findings)} findings. The phrases are in tools/wording.txt.")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
