"""Check that no Python file is longer than 500 lines, and no function longer than 60.

Functions of tests are exempt: their length is that of their data.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

LONGEST_FILE = 500
LONGEST_FUNCTION = 60
FOLDERS = ("src", "tests", "tools", "bench")


def main(root: Path) -> int:
    """Print every file and function that is too long; gives 1 if there are any."""
    complaints = [complaint for folder in FOLDERS for complaint in sizes(root / folder, folder != "tests")]
    print("\n".join(complaints))
    return 1 if complaints else 0


def sizes(folder: Path, with_functions: bool) -> Iterator[str]:
    """Give a line for each file and function below a folder that is too long."""
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        if lines > LONGEST_FILE:
            yield f"{path}: {lines} lines, {LONGEST_FILE} are allowed"
        for node in ast.walk(parsed(text)) if with_functions else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    place = f"{path}:{node.lineno}"
                    yield f"{place}: {node.name} has {length} lines, {LONGEST_FUNCTION} are allowed"


def parsed(text: str) -> ast.Module:
    """Parse Python; a file that is none is the other checks' to complain about."""
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent))
