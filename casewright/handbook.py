"""Rules of a policy handbook as rows: its headings, lists and `Name: value` lines, or the rows of a table."""

import csv
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from cases.evidence import normal, one_line
from cases.problem import Invalid, Problem
from casewright.mapping import rows_of

MARKDOWN = {".md", ".markdown"}


class Row(NamedTuple):
    """One rule as its handbook gives it.

    Attributes:
        line: where it begins (of a table: where its row ends).
        cells: by column; of Markdown `title`, `text` and `area`, and what lines and lists are called.
        said: by column, how a list is introduced where it stands ("Prohibited, any of").
        areas: of Markdown, every heading above it, outermost first; `area` is the first.
    """

    line: int
    cells: dict[str, Any]
    said: dict[str, str]
    areas: tuple[str, ...] = ()


class Handbook(NamedTuple):
    """The rules of a handbook, and what of it has not become one, with its line."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def read_handbook(file: Path, columns: Mapping[str, bool], skip: Collection[str]) -> Handbook:
    """Read a handbook: headed Markdown (`.md`), or a table (CSV, tab-separated, JSON Lines).

    Args:
        file: the handbook.
        columns: names by which Markdown's lines and lists are known as columns, and whether each is a list.
        skip: headings of Markdown that are no rules; what is below one is none either.

    Raises:
        Invalid: it is not UTF-8, a line of it is no row, a name stands twice under a heading, a heading to skip is not
            there, or it has no rule.
    """
    text = _decoded(file)
    if file.suffix.lower() in MARKDOWN:
        handbook = _Markdown(file, text, columns).read(set(skip))
    else:
        _check_skip(file, skip, ())
        handbook = Handbook(tuple(_table(file)), ())
    if not handbook.rows:
        hint = "a rule is a heading with text below it, or a row below the names of the columns"
        raise Invalid(str(file), (Problem(code="no_rules", pointer=str(file), detail="no rule in it", hint=hint),))
    return handbook


def _check_skip(file: Path, skip: Collection[str], headings: Collection[str]) -> None:
    if unknown := [title for title in skip if title not in headings]:
        detail = f"`skip` in the mapping names “{unknown[0]}”, and there is no such heading"
        raise Invalid(str(file), (Problem(code="invalid_value", pointer=str(file), detail=detail),))


def _decoded(file: Path) -> str:
    raw = file.read_bytes()
    try:
        return normal(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        hint = "save the file as UTF-8; spreadsheets call it “CSV UTF-8”"
        raise Invalid(
            str(file), (Problem(code="not_utf8", pointer=f"{file}:{line}", detail=str(error), hint=hint),)
        ) from error


def _table(file: Path) -> Iterator[Row]:
    """Rows of a table; one that has more cells than columns would lose words of its rule in silence."""
    line = 1
    try:
        for line, cells in rows_of(file):
            if not isinstance(cells, dict):
                raise _not_a_row(file, line, "not_an_object", "a row is an object with a field a column", "")
            if None in cells:
                hint = "put a cell that holds the separator between quotation marks"
                raise _not_a_row(file, line, "too_many", "more cells than there are columns", hint)
            yield Row(line, cells, {})
    except csv.Error as error:
        raise _not_a_row(file, line, "invalid_value", f"after this line: {error}", "") from error


def _not_a_row(file: Path, line: int, code: str, detail: str, hint: str) -> Invalid:
    return Invalid(str(file), (Problem(code=code, pointer=f"{file}:{line}", detail=detail, hint=hint),))


@dataclass
class _Section:
    """A heading, and what stands between it and the next one."""

    line: int
    level: int
    title: str
    above: "_Section | None" = None
    has_below: bool = False
    text: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    cells: dict[str, Any] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> "list[_Section]":
        """From the outermost heading down to this one."""
        return [*(self.above.path if self.above else ()), self]


_NAMED = re.compile(r"^([^:：]{1,80})[:：]\s*(.*)$", re.DOTALL)
_TOGETHER = re.compile(r"^\W*(((if|when|where)\s+)?(any|one|all|each|either)\b.*)?$")
"""What may follow a list's name: how its bullets go together."""
_LISTS = {"bullet_list", "ordered_list"}


class _Label(NamedTuple):
    """The column that the next list is for, and how that is said."""

    column: str
    said: str


_NO_LABEL = _Label("", "")


class _Markdown:
    """Reads one document, section by section."""

    def __init__(self, file: Path, text: str, columns: Mapping[str, bool]) -> None:
        self._file = file
        self._text = _without_front_matter(text)
        self._source = self._text.split("\n")
        # The longest name first: "Allowed examples" is not "Allowed".
        self._columns = sorted(((plain(name), name, many) for name, many in columns.items()), key=lambda c: -len(c[0]))
        self._sections: list[_Section] = []
        self._notes: list[tuple[int, str]] = []
        self._problems: list[Problem] = []

    def read(self, skip: set[str]) -> Handbook:
        """Go through the document; leaves of its headings are rules, the headings above them areas."""
        section: _Section | None = None
        label = under = _NO_LABEL
        blocks = SyntaxTreeNode(MarkdownIt("commonmark").parse(self._text)).children
        for block, following in zip(blocks, [*blocks[1:], None], strict=False):
            above_list = following is not None and following.type in _LISTS
            if block.type == "heading":
                label = under = self._heading_label(block, following, section)
                section = section if under.column else self._open(block, section)
            elif section is None:
                self._note(block, "text above the first heading is no rule")
            elif block.type == "paragraph" and under.column and above_list:
                label = _Label(under.column, f"{under.said}: {one_line(_plain(block))}")
            elif block.type == "paragraph" and not under.column:
                label = self._paragraph(block, section, above_list=above_list)
            elif block.type != "hr":
                self._other(block, label, section)
                label = under
        if self._problems:
            raise Invalid(str(self._file), tuple(self._problems))
        _check_skip(self._file, skip, {section.title for section in self._sections})
        rows = tuple(self._rows(skip))
        return Handbook(rows, tuple(f"{self._file}:{line}: not imported: {told}" for line, told in sorted(self._notes)))

    def _rows(self, skip: set[str]) -> Iterator[Row]:
        kept = [s for s in self._sections if not skip & {above.title for above in s.path}]
        rules = [s for s in kept if not s.has_below and (s.text or s.lists or s.cells)]
        self._notes += [(s.line, "nothing stands below this heading") for s in kept if not _is_used(s)]
        many = {column for _, column, is_list in self._columns if is_list}
        self._notes += [
            (s.line, f"the text of “{s.title}” belongs to no rule: rules stand below it")
            for s in kept
            if s.has_below and (s.text or many & set(s.cells))
        ]
        # That a document has no such list is no fault; that nothing in it has such a line may be a slip of the mapping.
        named = dict.fromkeys([*sorted(many), *(name for s in self._sections for name in s.cells)])
        whole = len({id(s.path[0]) for s in self._sections}) == 1
        for rule in rules:
            # One heading over everything is the document's title; it is an area only where there is no other.
            areas = [above.title for above in rule.path[:-1]]
            areas = areas[1:] if whole and len(areas) > 1 else areas
            inherited = {name: cell for above in rule.path for name, cell in above.cells.items() if name not in many}
            structure = {"title": rule.title, "text": "\n\n".join(rule.text or rule.lists)}
            cells = {**dict.fromkeys(named), **inherited, **rule.cells, **structure}
            yield Row(rule.line, {**cells, "area": areas[0] if areas else None}, rule.said, tuple(areas))

    def _open(self, block: SyntaxTreeNode, section: _Section | None) -> _Section:
        above, level = section, int(block.tag[1:])
        while above and above.level >= level:
            above = above.above
        if above:
            above.has_below = True
        opened = _Section(_line(block), level, one_line(_plain(block)), above)
        self._sections.append(opened)
        return opened

    def _heading_label(
        self, block: SyntaxTreeNode, following: SyntaxTreeNode | None, section: _Section | None
    ) -> "_Label":
        """A heading such as "Exceptions" inside a rule names a list, and is no rule of its own."""
        nested = section is not None and int(block.tag[1:]) > section.level
        filled = following is not None and following.type in {"paragraph", *_LISTS}
        return self._label(_plain(block)) if nested and filled else _NO_LABEL

    def _paragraph(self, block: SyntaxTreeNode, section: _Section, *, above_list: bool) -> "_Label":
        """Take a paragraph's named lines; the rest is text, and a last line that names the list below it a label."""
        lines, written = _plain(block).split("\n"), self._lines(block)
        written = written if len(written) == len(lines) else lines
        label = self._label(lines[-1]) if above_list else _NO_LABEL
        read = list(zip(lines, written, strict=True))[: -1 if label.column else None]
        kept = [raw for line, raw in read if not self._named_line(line, _line(block), section)]
        if kept:
            section.text.append("\n".join(kept))
        return label

    def _other(self, block: SyntaxTreeNode, label: "_Label", section: _Section) -> None:
        """Take a list, under its label or with names of its own; anything else is text as it stands."""
        if label.column and block.type == "paragraph":
            self._take(label, [one_line(_plain(block))], _line(block), section)
        elif block.type not in _LISTS:
            section.text.append("\n".join(self._lines(block)))
        elif label.column:
            self._take(label, [_bullet(item) for item in block.children], _line(block), section)
            section.lists.append("\n".join([f"{label.said}:", "", *self._lines(block)]))
        else:
            left = [item for item in block.children if not self._named_item(item, section)]
            if left:
                section.text.append("\n".join(line for item in left for line in self._lines(item)))
                names = ", ".join(f"“{name}:”" for _, name, many in sorted(self._columns, key=lambda c: c[1]) if many)
                told = "as conditions, for nothing says what this list is; it stays in its rule's text"
                self._note(left[0], f"{told} (write one of {names} above it)")

    def _named_item(self, item: SyntaxTreeNode, section: _Section) -> bool:
        """A bullet that is a named line, or that names the list below it."""
        head = _plain(item.children[0]) if item.children else ""
        below = [child for child in item.children[1:] if child.type in _LISTS]
        label = self._label(head) if below else _NO_LABEL
        if label.column:
            self._take(label, [_bullet(one) for child in below for one in child.children], _line(item), section)
            section.lists.append("\n".join(self._lines(item)))
            return True
        return not below and self._named_line(head, _line(item), section)

    def _named_line(self, line: str, number: int, section: _Section) -> bool:
        found = _NAMED.match(line.strip())
        named = found[1] if found and found[2].strip() else ""
        column = next((column for name, column, _ in self._columns if name == plain(named)), "")
        if found and column:
            self._set(_Label(column, one_line(named)), one_line(found[2]), number, section)
        return bool(column)

    def _take(self, label: "_Label", items: list[str], number: int, section: _Section) -> None:
        self._set(label, [item for item in items if item], number, section)

    def _set(self, label: "_Label", value: str | list[str], number: int, section: _Section) -> None:
        if label.column in section.cells:
            told = f"“{label.column}” stands twice under “{section.title}”"
            self._problems.append(Problem(code="twice", pointer=f"{self._file}:{number}", detail=told))
        section.cells[label.column] = value
        section.said[label.column] = label.said

    def _label(self, text: str) -> "_Label":
        """The column of lists that a text names, perhaps with how its bullets go together; none where it names none."""
        said = one_line(text).removesuffix(":").removesuffix("：")
        for name, column, many in self._columns:
            if many and plain(said).startswith(name) and _TOGETHER.match(plain(said)[len(name) :]):
                return _Label(column, said)
        return _NO_LABEL

    def _lines(self, block: SyntaxTreeNode) -> list[str]:
        first, last = block.map or (0, 0)
        return "\n".join(self._source[first:last]).rstrip().split("\n")

    def _note(self, block: SyntaxTreeNode, told: str) -> None:
        self._notes.append((_line(block), told))


def plain(name: str) -> str:
    """A name as it is compared: case, white space and underscores do not tell names apart."""
    return one_line(name.replace("_", " ")).casefold()


def _is_used(section: _Section) -> bool:
    return bool(section.has_below or section.text or section.lists or section.cells)


def _line(block: SyntaxTreeNode) -> int:
    return (block.map or (0, 0))[0] + 1


def _plain(node: SyntaxTreeNode) -> str:
    """What a reader sees of a block or a run of text, without its marks; breaks of lines stay."""
    if node.type in {"softbreak", "hardbreak"}:
        return "\n"
    return "".join(map(_plain, node.children)) if node.children else node.content


def _bullet(item: SyntaxTreeNode) -> str:
    """A bullet as one line; bullets below it are strung together behind it."""
    told = [_bullet_list(child) if child.type in _LISTS else one_line(_plain(child)) for child in item.children]
    return one_line(" ".join(told))


def _bullet_list(node: SyntaxTreeNode) -> str:
    return "; ".join(_bullet(item) for item in node.children)


_FRONT = re.compile(r"\A---\n.*?\n---(?=\n|\Z)", re.DOTALL)


def _without_front_matter(text: str) -> str:
    """What site generators put above a page is no text of it; the numbers of the lines stay."""
    return _FRONT.sub(lambda found: "\n" * found[0].count("\n"), text)
