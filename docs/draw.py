"""Draw the two pictures in docs/architecture.md from the code: the rooms with their files, and the order of work.

Run it after a file or a node came or went (`make docs`); with `--check` it only says whether the page is current.
"""

import ast
import re
import sys
import tomllib
from pathlib import Path

from graphs.audit import draw

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"


def rooms() -> str:
    """Every room from the front door down, and what each file first says of itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = [c["layers"] for c in project["tool"]["importlinter"]["contracts"] if c["type"] == "layers"]
    return "\n".join(line for layer in layers for room in layer.split(" | ") for line in _room(ROOT / room))


def _room(folder: Path) -> list[str]:
    files = sorted(file for file in folder.rglob("*.py") if file.name != "__init__.py")
    named = [(f"  {file.relative_to(folder).as_posix()}", _says(file)) for file in files]
    rows = [(f"{folder.name}/", _says(folder / "__init__.py")), *named]
    return [f"{name:<24} {says}".rstrip() for name, says in rows]


def _says(file: Path) -> str:
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return re.split(r"[.]\s|\n", docstring, maxsplit=1)[0].rstrip(".")


def redrawn(page: str) -> str:
    """The page with both pictures as the code is now."""
    for name, language, picture in (("rooms", "text", rooms()), ("graph", "mermaid", draw())):
        block = f"<!-- {name} -->\n```{language}\n{picture.strip()}\n```\n<!-- /{name} -->"
        page, found = re.subn(f"<!-- {name} -->.*?<!-- /{name} -->", lambda _, new=block: new, page, flags=re.DOTALL)
        if found != 1:
            msg = f"{PAGE.name} has {found} places for the drawing {name!r}, not one"
            raise SystemExit(msg)
    return page


if __name__ == "__main__":
    stands = PAGE.read_text(encoding="utf-8")
    drawn = redrawn(stands)
    if "--check" not in sys.argv:
        PAGE.write_text(drawn, encoding="utf-8")
    elif stands != drawn:
        sys.exit("docs/architecture.md is not what the code draws; run `make docs`")
