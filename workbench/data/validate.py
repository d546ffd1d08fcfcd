"""What a table shows under a schema, judged by how likely it would be in good data. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from workbench.data import likelihood, repeats, tally
from workbench.data.check import Check
from workbench.data.findings import LIKELY, Finding, Severity, at_least_warning, ordered, severity
from workbench.data.personal import HIDDEN, looks_personal, masked
from workbench.data.schema import ColumnSchema, Schema
from workbench.data.tally import Hits, Tally
from workbench.safe import clean

LEAST_ROWS = 30
"""Of fewer rows none is called constant."""
TYPE_WORDS = {
    "whole": "whole numbers", "number": "numbers", "text": "texts", "boolean": "true or false", "date": "dates",
    "time": "times", "empty": "nothing",
}  # fmt: skip


def judge(
    schema: Schema, parts: Iterable[Check], guarded: Collection[str] = (), files: Sequence[str] = ()
) -> tuple[Finding, ...]:
    """Return what the parts of one table, in their order, show; the most serious first.

    `files` are the names of the parts where they are several, told with a column that only some have, and with rows,
    which are counted in the first part that has any. No finding shows a value that looks personal, nor any of the
    `guarded` columns.
    """
    checks = list(parts)
    if not checks:
        return ()
    rows = sum(check.rows for check in checks)
    found: list[Finding] = []
    layouts = [[*_layout(schema, check), *_broken(check)] for check in checks]
    found += _of_parts(layouts, files) if len(files) > 1 else [one for layout in layouts for one in layout]
    for name, merged in _merged(checks).items():
        column = schema.column(name)
        assert column is not None
        merged.guarded = name in guarded
        found += [replace(one, rows=one.rows or merged.rows) for one in judge_column(column, merged, schema)]
    found += _relations(schema, checks, rows)
    found += _key(schema, checks, rows)
    if len(files) > 1:
        found = [_placed(one, checks, files) for one in found]
    return ordered(dict.fromkeys(found))


def _placed(finding: Finding, checks: Sequence[Check], files: Sequence[str]) -> Finding:
    """Return a finding about rows of the whole with the first part that has some, and the rows within that."""
    before = 0
    for check, file in zip(checks, files, strict=True):
        inside = tuple(row - before for row in finding.first if before < row <= before + check.rows)
        if inside:
            return replace(finding, file=file, first=inside, words=f"{finding.words}, first in {clean(file, 100)}")
        before += check.rows
    return finding


def _merged(checks: Sequence[Check]) -> dict[str, Tally]:
    """Return the tallies over all parts; a part without a column has its rows, but no counts."""
    if len(checks) == 1:
        return dict(checks[0].tallies)
    names = dict.fromkeys(name for check in checks for name in check.tallies)
    merged = {name: Tally(words=[]) for name in names}
    for check in checks:
        for name, total in merged.items():
            total.join(check.tallies.get(name) or Tally(rows=check.rows, words=[]))
    return merged


def _broken(check: Check) -> Iterator[Finding]:
    for name, words in check.broken.items():
        yield Finding("unreadable", "error", name, f"cannot be looked at: {masked(words)}", rows=check.rows)


def _of_parts(layouts: Sequence[Sequence[Finding]], files: Sequence[str]) -> Iterator[Finding]:
    """Yield what parts show once, with the first of them and their number where it is not all."""
    shown: dict[tuple[str, str, str], list[tuple[str, Finding]]] = {}
    for file, layout in zip(files, layouts, strict=True):
        for one in layout:
            shown.setdefault((one.kind, one.column, one.words), []).append((file, one))
    for same in shown.values():
        file, first = same[0]
        rows = sum(one.rows for _, one in same)
        if len(same) == len(files):
            yield replace(first, rows=rows)
        else:
            more = f", and in {len(same) - 1} more parts" if len(same) > 1 else ""
            yield replace(first, rows=rows, file=file, words=f"{first.words}, in {clean(file, 100)}{more}")


def _layout(schema: Schema, check: Check) -> Iterator[Finding]:
    """Yield columns that lack, that are new, and another order of the rest."""
    other = "serving" if check.environment == "training" else "training"
    known, there = [one.name for one in schema.columns], set(check.names)
    if known and not there.intersection(known):
        has_spaces = not {name.strip() for name in there}.isdisjoint(known)
        why = "the names have spaces around them" if has_spaces else "has the file a header?"
        words = f"none of the {len(known)} columns of the schema is there; {why}"
        yield Finding("missing column", "error", "", words, ", ".join(clean(name, 24) for name in known[:6]))
        return
    for one in schema.columns:
        if one.name not in there and one.only != other:
            words = f"the column is not there; the schema has it as {TYPE_WORDS[one.type]}"
            yield Finding("missing column", "error", one.name, words, rows=check.rows)
        if one.name in there and one.only == other:
            words = f"belongs in {other} data only, and these are {check.environment} data"
            yield Finding("new column", "warning", one.name, words, rows=check.rows)
    for name in check.names:
        if schema.column(name) is None:
            words = "is not in the schema"
            yield Finding("new column", "warning", name, words, "workbench data schema", rows=check.rows)
    shared = [name for name in check.names if schema.column(name) is not None]
    wanted = [name for name in known if name in there]
    if shared != wanted:
        first = next(a for a, b in zip(shared, wanted, strict=True) if a != b)
        words = f"columns come in another order than in the schema, from {clean(first, 60)!r} on"
        yield Finding("column order", "note", "", words, rows=check.rows)


def judge_column(column: ColumnSchema, found: Tally, schema: Schema) -> Iterator[Finding]:
    """Yield what one column shows."""
    size = len(schema.columns)
    missing = found.count("missing values")
    if found.rows and missing == found.rows:
        if column.type != "empty":
            chance = likelihood.count_at_least(missing, column.missing * schema.rows, schema.rows, found.rows)
            level = severity(chance, size) if column.missing else "error"
            yield _finding("empty", level, column, found, "missing values", "no row has a value", chance)
        return
    yield from _types(column, found)
    yield from _absent(column, found, schema)
    if found.count("invalid UTF-8"):
        words = "values hold bytes that are no UTF-8"
        yield _finding("invalid UTF-8", "error", column, found, "invalid UTF-8", words)
    yield from _domain(column, found, schema)
    yield from _range(column, found, schema)
    yield from _times(column, found, schema)
    yield from _sameness(column, found, schema)
    if found.count("form"):
        chance = likelihood.count_at_least(found.count("form"), 0, _present(column, schema), found.rows)
        words = "texts have another form"
        yield _finding(
            "form",
            at_least_warning(severity(chance, size)),
            column,
            found,
            "form",
            words,
            chance,
            " or ".join(column.form),
        )


def _finding(
    kind: str,
    level: Severity,
    column: ColumnSchema,
    found: Tally,
    counted: str,
    words: str,
    chance: float | None = None,
    expected: str = "",
) -> Finding:
    hits = found.hits.get(counted, Hits())
    examples = tuple(dict.fromkeys(_told(found, text) for text, _ in hits.examples.most_common(tally.EXAMPLES)))
    examples = () if found.guarded else examples
    return Finding(
        kind, level, column.name, words, expected, hits.count, found.rows, tuple(hits.first), chance, examples
    )


def _told(found: Tally, value: object, width: int = 40) -> str:
    """Return a value as a finding may show it: not at all where it looks personal or its column is guarded."""
    text = str(value)
    return HIDDEN if found.guarded or looks_personal(text) else clean(text, width)


def _shown(column: ColumnSchema, found: Tally, value: float | None) -> str:
    """Return a number or moment as a finding may show it."""
    if value is None or column.type in ("date", "time"):
        return HIDDEN if found.guarded and value is not None else show(column, value)
    is_whole = abs(value) < 1e19 and value == int(value)
    hidden = (found.guarded and column.type != "text") or (is_whole and looks_personal(str(int(value))))
    return HIDDEN if hidden else show(column, value)


def _present(column: ColumnSchema, schema: Schema) -> int:
    """Return how many values the schema was learned from."""
    return max(1, round(schema.rows * (1 - column.missing)))


def _types(column: ColumnSchema, found: Tally) -> Iterator[Finding]:
    wanted = TYPE_WORDS[column.type]
    is_mixed = " or " in found.type and found.count("written") > 0
    if found.count("wrong type") or is_mixed:
        all_wrong = found.count("wrong type") + found.count("missing values") >= found.rows
        all_wrong &= not (column.type in ("whole", "number") and found.type.startswith(("float", "int")))
        words = f"holds {found.type}" if is_mixed else f"is {found.type}" if all_wrong else f"values are no {wanted}"
        kind = "mixed types" if is_mixed else "wrong type"
        yield _finding(kind, "error", column, found, "wrong type", words, None, wanted)
    if found.count("written") and not is_mixed:
        words = f"{wanted} are written as text"
        yield _finding("written as text", "warning", column, found, "written", words, None, wanted)
    if found.count("zone"):
        words = "times have no zone" if column.zone else f"times have a zone ({found.type.removeprefix('time ')})"
        expected = f"times in {column.zone}" if column.zone else "times without a zone"
        yield _finding("wrong type", "error", column, found, "zone", words, None, expected)
    if found.count("filled"):
        words = "has values; it never had any"
        yield _finding("wrong type", "warning", column, found, "filled", words, None, "nothing")


def _absent(column: ColumnSchema, found: Tally, schema: Schema) -> Iterator[Finding]:
    """Yield more missing values, NaN and infinities than there should be."""
    kinds = (("missing values", column.missing), ("NaN", column.nan), ("infinity", column.infinite))
    for kind, share in kinds:
        count = found.count(kind)
        if not count:
            continue
        chance = likelihood.count_at_least(count, share * schema.rows, schema.rows, found.rows)
        if kind == "missing values" and column.required:
            chance = 0.0
        level = severity(chance, len(schema.columns))
        if share and level == "note":
            continue
        if not share and kind != "missing values":
            level = "error" if kind == "infinity" or level == "error" else "warning"
        words = {"missing values": "rows have no value", "NaN": "values are NaN"}.get(kind, "values are infinite")
        expected = f"{share:.2%} of rows" if share else "none"
        yield _finding(kind, level, column, found, kind, words, chance, expected)


def _domain(column: ColumnSchema, found: Tally, schema: Schema) -> Iterator[Finding]:
    count = found.count("out of domain")
    if not count:
        return
    present = found.rows - found.count("missing values")
    chance = likelihood.novel_at_least(count, column.new_values, _present(column, schema), present)
    many = "" if len(column.values) <= 6 else f" and {len(column.values) - 6} more"
    expected = ", ".join(dict.fromkeys(_told(found, one, 24) for one in column.values[:6])) + many
    words = "values are not among those known"
    yield _finding(
        "out of domain", severity(chance, len(schema.columns)), column, found, "out of domain", words, chance, expected
    )


def _range(column: ColumnSchema, found: Tally, schema: Schema) -> Iterator[Finding]:
    """Yield values beyond a limit, and more of them beyond all that was seen than chance allows.

    What was seen beyond a limit says nothing of it: a person has drawn that limit, and it holds to the letter.
    """
    n, m = _present(column, schema), max(1, found.rows - found.count("missing values"))
    what = "lengths" if column.type == "text" else "values"
    ends = (
        ("under", "below", column.min, 0, found.low, "below"), ("over", "above", column.max, 1, found.high, "above"),
    )  # fmt: skip
    for beyond, outside, limit, at, extreme, word in ends:
        seen = column.seen[at] if column.seen and _within(column, column.seen[at]) else None
        is_known = seen is not None and limit is not None and found.count(outside) > 0
        many = likelihood.outside_at_least(found.count(outside), n, m) if is_known else 1.0
        if found.count(beyond) and limit is not None:
            chance = 0.0 if seen is None else min(many, likelihood.far_at_least(extreme, seen, limit, n, m))
            level = severity(chance, len(schema.columns))
            words = f"{what} are {word} {_shown(column, found, limit)}, as far as {_shown(column, found, extreme)}"
            kind = "unit" if _looks_like_other_unit(column, found) else "out of range"
            yield _finding(kind, level, column, found, beyond, words, chance, _limits(column, found))
        elif found.count(outside) and many * len(schema.columns) < LIKELY:
            words = f"{what} are {word} all that were seen ({_shown(column, found, seen)}), more than chance allows"
            yield _finding("out of range", "warning", column, found, outside, words, many, _limits(column, found))


def _within(column: ColumnSchema, value: float) -> bool:
    return (column.min is None or column.min <= value) and (column.max is None or value <= column.max)


def _looks_like_other_unit(column: ColumnSchema, found: Tally) -> bool:
    """Return whether seconds since the epoch have become milliseconds, or the like."""
    if column.type != "whole" or not column.seen or column.seen[0] < 5e8 or found.low <= 0:
        return False
    ratio = found.low / column.seen[0]
    return any(0.5 < ratio / 10.0**power < 2 for power in (3, 6, 9, -3, -6, -9))


def _limits(column: ColumnSchema, found: Tally) -> str:
    if found.guarded:
        return ""
    low, high = _shown(column, found, column.min), _shown(column, found, column.max)
    return f"{low} … {high}" if low and high else f"at least {low}" if low else f"at most {high}"


def show(column: ColumnSchema, value: float | None) -> str:
    """Return a value of a column as one reads it: a number, or a moment in UTC."""
    if value is None:
        return ""
    if column.type in ("date", "time"):
        try:
            moment = datetime.fromtimestamp(value, UTC)
        except (OverflowError, OSError, ValueError):
            return f"{value:g}"
        return moment.strftime("%Y-%m-%d" if value % 86_400 == 0 else "%Y-%m-%d %H:%M:%S")
    return f"{int(value):,}" if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"


def _times(column: ColumnSchema, found: Tally, schema: Schema) -> Iterator[Finding]:
    if found.count("future"):
        words = f"times are still to come, as far as {_shown(column, found, found.high)}"
        yield _finding("out of range", "error", column, found, "future", words, 0.0, "nothing after today")
    if count := found.count("step"):
        chance = likelihood.count_at_least(count, 0, _present(column, schema), found.rows)
        words = f"times lie between full {column.step}s"
        yield _finding(
            "unit",
            "warning",
            column,
            found,
            "step",
            words,
            chance,
            f"full {column.step}s",
        )


def _sameness(column: ColumnSchema, found: Tally, schema: Schema) -> Iterator[Finding]:
    """Yield values that all are one, and those that should differ and do not."""
    present = found.rows - found.count("missing values") - found.count("NaN") - found.count("infinity")
    is_number = found.low <= found.high and column.type not in ("text", "boolean")
    same = found.low == found.high if is_number else found.same is not None and not found.varies
    is_day = column.type == "date" or column.step in ("day", "hour")  # data of one day have one date
    judged = column.common < 1 and not is_day and not found.count("wrong type")
    if same and present >= LEAST_ROWS and judged:
        chance = likelihood.all_same(max(column.common, 0.5), present)
        value = _shown(column, found, found.low) if is_number else _told(found, found.same)
        finding = _finding(
            "constant", severity(chance, len(schema.columns)), column, found, "", "", chance, "others too"
        )
        yield replace(finding, words="all rows have one value", count=present, examples=(value,))
    if column.unique and found.words:
        count, first = repeats.duplicates(found.words)
        if count:
            words = "values occur that an earlier row has"
            finding = _finding("duplicate", "error", column, found, "", words, None, "every value once")
            yield replace(finding, count=count, first=first)
        looked_at = sum(len(values) for _, values, _ in found.words)
        if looked_at < present:
            words = f"whether values occur twice was looked at in {looked_at:,} of {present:,} rows only"
            yield _finding("duplicate", "note", column, found, "", words)


def _relations(schema: Schema, checks: Sequence[Check], rows: int) -> Iterator[Finding]:
    for relation in schema.relations:
        total, before = Hits(), 0
        for check in checks:
            total.join(check.relations.get(relation, Hits()), before)
            before += check.rows
        if total.count:
            chance = likelihood.count_at_least(total.count, 0, schema.rows, rows)
            level = at_least_warning(severity(chance, len(schema.columns)))
            words = f"rows break {clean(relation.words, 200)}"
            column = relation.columns[0]
            yield Finding(
                "relation",
                level,
                column,
                words,
                clean(relation.words, 200),
                total.count,
                rows,
                tuple(total.first),
                chance,
            )


def _key(schema: Schema, checks: Sequence[Check], rows: int) -> Iterator[Finding]:
    if not schema.key or any(check.keys is None for check in checks):
        return
    looked_at = sum(len(words if there is None else there) for check in checks for _, words, there in check.keys or ())
    if looked_at < rows:
        words = f"whether keys occur twice was looked at in {looked_at:,} of {rows:,} rows only"
        yield Finding("duplicate key", "note", "", words, rows=rows)
    parts, before = [], 0
    for check in checks:
        parts += [(start + before, words, there) for start, words, there in check.keys or ()]
        before += check.rows
    count, first = repeats.duplicates(parts)
    if count:
        names = clean(", ".join(schema.key), 100)
        words = f"rows have the same {names} as an earlier row"
        column = schema.key[0] if len(schema.key) == 1 else ""
        yield Finding("duplicate key", "error", column, words, "every key once", count, rows, first)
