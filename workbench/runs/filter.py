"""The filter language, `auc > 0.7 and params.lr = 0.1 and not failed`, made into SQL; pure.

Every word of the user reaches SQLite as a bound argument. Parameters and last values of metrics become `r.id IN (…)`
over an index that holds name and value, so that no row per run is looked up.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.config import nearest
from workbench.errors import FilterError
from workbench.runs import filter_values
from workbench.runs.goals import Goal, infer_goal
from workbench.safe import clean

if TYPE_CHECKING:
    from lark import Lark

LENGTH = 2000
STATUSES = ("queued", "running", "finished", "failed", "stopped", "lost")
FLAGS = ("best", "dirty")
_TEXT = {
    "status": "r.status",
    "name": "r.name",
    "kind": "r.kind",
    "note": "r.note",
    "host": "r.host",
    "uid": "r.uid",
    "trigger": "json_extract(r.trigger, '$.kind')",
    "commit": "json_extract(r.code, '$.commit')",
    "branch": "json_extract(r.code, '$.branch')",
}
_NUMBER = {
    "run": "r.id",
    "number": "r.id",
    "exit_code": "r.exit_code",
    "signal": "r.signal",
    "size": "r.output_size",
    "duration": "(coalesce(r.ended, {now}) - r.started)",
    "age": "({now} - r.created)",
}
_TIME = {"started": "r.started", "ended": "r.ended", "created": "r.created"}
_TAGS = ("tag", "tags")
FIELDS = (*_TEXT, *_NUMBER, *_TIME, *_TAGS)
_PARTS = {"last": "last", "min": "least", "least": "least", "max": "greatest", "greatest": "greatest"}
_SQL_OPERATORS = {"=": "=", "==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_NOW = "((julianday('now') - 2440587.5) * 86400.0)"

_GRAMMAR = r"""
?start: either
?either: both (_OR both)*                -> either
?both: denied (_AND denied)*             -> both
?denied: _NOT denied                     -> denied
       | "(" either ")"
       | word OPERATOR word              -> compared
       | word _IN "(" word ("," word)* ")" -> one_of
       | HAS                             -> has
       | word                            -> alone
word: QUALIFIED -> qualified
    | STRING -> string
    | WORD -> plain
_OR.5: /or(?![^\s()"',<>=!~])/i
_AND.5: /and(?![^\s()"',<>=!~])/i
_NOT.5: /not(?![^\s()"',<>=!~])/i
_IN.5: /in(?![^\s()"',<>=!~])/i
OPERATOR: "==" | "!=" | "<=" | ">=" | "=" | "<" | ">" | "~"
HAS.4: /has:(?:(?:params|metrics)\.)?(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s()"',<>=!~]+)/i
QUALIFIED.4: /(?:params|metrics)\.(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')(?:\.[a-z]+)?/i
STRING: /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/
WORD: /[^\s()"',<>=!~]+/
%ignore /\s+/
"""
_EXPECTED = {
    "_OR": "or",
    "_AND": "and",
    "OPERATOR": "an operator",
    "_IN": "in (…)",
    "RPAR": ")",
    "LPAR": "(",
    "COMMA": "a comma",
    "WORD": "a word",
    "$END": "the end",
}


class Where(NamedTuple):
    """A boolean SQL expression over alias `r` of table runs, with what its question marks stand for."""

    sql: str
    arguments: tuple[str | int | float | None, ...]


class Word(NamedTuple):
    """A word of the filter where it stands; `table` is params or metrics when it was quoted behind one of them."""

    text: str
    position: int
    quoted: bool = False
    table: str = ""
    part: str = ""


def compile_filter(
    text: str, *, goal_metric: str = "", goals: Mapping[str, Goal] | None = None, now: float | None = None
) -> Where:
    """Return the filter as SQL; an empty one takes every run.

    `goals` say which way each metric is better (its name tells otherwise); `goal_metric` is the one that makes a run
    `best`, and what the word `metric` stands for. `now` is in seconds since the epoch; without it SQLite's clock is
    asked. Raises FilterError with the position, what was expected, and the nearest known field.
    """
    if not text.strip():
        return Where("1", ())
    if len(text) > LENGTH:
        raise FilterError(f"The filter is longer than {LENGTH} characters", "Tag the runs and filter by the tag.")
    from lark import exceptions

    builder = _Builder(text, goal_metric, goals or {}, now)
    try:
        where: Where = _visit(_parser().parse(text), builder)
    except exceptions.UnexpectedInput as error:
        raise _unexpected(text, error) from error
    return where


@functools.lru_cache(maxsize=1)
def _parser() -> Lark:
    from lark import Lark

    return Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False)


def _visit(tree: Any, builder: _Builder) -> Where:
    """Build the SQL from the leaves up, without recursion: a filter may be a thousand parentheses deep."""
    built: dict[int, Any] = {}
    for node in tree.iter_subtrees():
        children = [built.get(id(child), child) for child in node.children]
        built[id(node)] = getattr(builder, str(node.data))(*children)
    result: Where = built[id(tree)]
    return result


def _unexpected(text: str, error: Any) -> FilterError:
    position = getattr(error, "pos_in_stream", None)
    token = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        position = len(text)
    position = len(text) if position is None or position < 0 else position
    names = getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    found = clean(text[position : position + 20]) or "the end"
    if position < len(text) and text[position] in "'\"" and text.count(text[position], position) == 1:
        return FilterError(
            f"Filter, position {position + 1}: the quote is never closed", f"Add {text[position]} behind it."
        )
    expected = sorted({_EXPECTED[name] for name in names if name in _EXPECTED}, key=list(_EXPECTED.values()).index)
    wanted = ", ".join(expected[:-1]) + (" or " if len(expected) > 1 else "") + "".join(expected[-1:])
    near = _near_field(text[:position])
    hint = f"Did you mean {near!r}?" if near else "Example: auc > 0.7 and params.lr = 0.1 and not failed"
    return FilterError(f"Filter, position {position + 1}: expected {wanted or 'something else'}, found {found!r}", hint)


def _near_field(before: str) -> str | None:
    last = re.search(r"([\w.]+)\s*$", before)
    if not last or last[1].lower() in (*FIELDS, *STATUSES, *FLAGS, "and", "or", "not", "in"):
        return None
    return nearest(last[1], (*FIELDS, *STATUSES, *FLAGS))


class _Builder:
    """One method per rule of the grammar: SQL pieces in, an SQL piece out."""

    def __init__(self, text: str, goal_metric: str, goals: Mapping[str, Goal], now: float | None) -> None:
        self.source = text
        self.goal_metric = goal_metric
        self.goals = goals
        self.now = now

    # words

    def plain(self, token: Any) -> Word:
        return Word(str(token), token.start_pos)

    def string(self, token: Any) -> Word:
        return Word(_unquote(str(token)), token.start_pos, True)

    def qualified(self, token: Any) -> Word:
        table, _, rest = str(token).partition(".")
        quote = rest[0]
        end = rest.rindex(quote) + 1
        return Word(_unquote(rest[:end]), token.start_pos, True, table.lower(), rest[end + 1 :].lower())

    # logic

    def either(self, *parts: Where) -> Where:
        return _joined(" OR ", parts)

    def both(self, *parts: Where) -> Where:
        return _joined(" AND ", parts)

    def denied(self, part: Where) -> Where:
        if part.sql.startswith("NOT "):
            return Where(part.sql[4:], part.arguments)
        return Where(f"NOT {part.sql}", part.arguments)

    # leaves

    def has(self, token: Any) -> Where:
        name = str(token)[4:]
        table = "metrics"
        known = re.match(r"(params|metrics)\.", name, re.IGNORECASE)
        if known:
            table, name = known[1].lower(), name[known.end() :]
        name = _unquote(name) if name[:1] in ("'", '"') else name
        if not name:
            raise self.error(Word(str(token), token.start_pos), "expected a name behind has:", "Like has:params.lr")
        return _among(table, name, "1")

    def alone(self, word: Word) -> Where:
        lowered = word.text.lower()
        if word.table or (not word.quoted and (lowered in FIELDS or _table_of(word.text))):
            raise self.error(word, f"expected an operator behind {clean(word.text)!r}", f"{clean(word.text)} = …")
        if not word.quoted and lowered in STATUSES:
            return Where("r.status = ?", (lowered,))
        if not word.quoted and lowered == "best":
            return self.best(word)
        if not word.quoted and lowered == "dirty":
            return Where("(json_extract(r.code, '$.dirty') IS TRUE)", ())
        return self.anywhere(word)

    def best(self, word: Word) -> Where:
        """The finished run with the best last value of the project's metric."""
        if not self.goal_metric:
            raise self.error(word, "the project names no metric by which a run is best", "Set [metric] name and goal.")
        way = "ASC" if infer_goal(self.goal_metric, self.goals) == "min" else "DESC"
        sql = (
            "r.id = (SELECT m.run FROM metrics m JOIN runs b ON b.id = m.run WHERE m.name = "
            "(SELECT n.id FROM names n WHERE n.space = 'metric' AND n.name = ?) AND b.status = 'finished' "
            f"AND abs(m.last) < 9e999 ORDER BY m.last {way}, m.run LIMIT 1)"
        )
        return Where(f"(({sql}) IS TRUE)", (self.goal_metric,))

    def anywhere(self, word: Word) -> Where:
        sql = (
            "(instr(lower(r.name), lower(?)) OR instr(lower(r.note), lower(?)) OR r.id IN "
            "(SELECT t.run FROM tags t WHERE instr(lower(t.tag), lower(?)))"
        )
        arguments: list[str | int | float | None] = [word.text] * 3
        if not word.quoted and re.fullmatch(r"[0-9]{1,18}", word.text):
            return Where(sql + " OR r.id = ?)", (*arguments, int(word.text)))
        return Where(sql + ")", tuple(arguments))

    def one_of(self, field: Word, *values: Word) -> Where:
        return _joined(" OR ", [self.compared(field, "=", value) for value in values])

    def compared(self, field: Word, operator: Any, value: Word) -> Where:
        operator = str(operator)
        operator = "=" if operator == "==" else operator
        lowered = field.text.lower()
        if not field.quoted:
            for names, compare in self._comparisons():
                if lowered in names:
                    return compare(field, operator, value)
        table, name, part = field.table, field.text, field.part
        if not field.quoted:
            table, name, part = _split(field.text)
        if table == "params":
            return _param(f"{name}.{part}" if part else name, operator, value)
        if table == "" and lowered == "metric" and not field.quoted and self.goal_metric:
            name = self.goal_metric
        return self.metric(field, name, part, operator, value)

    def _comparisons(self) -> tuple[tuple[Sequence[str] | Mapping[str, str], Callable[[Word, str, Word], Where]], ...]:
        return (
            (_TAGS, self.tag), (_TEXT, self.text), (_NUMBER, self.number), (_TIME, self.time), (FLAGS, self.flag),
        )  # fmt: skip

    def flag(self, field: Word, operator: str, value: Word) -> Where:
        if operator not in ("=", "!=") or value.text.lower() not in ("true", "false"):
            raise self.error(value, f"{field.text} is true or false", f"Write {field.text}, or not {field.text}.")
        part = self.alone(field)
        return part if (operator == "=") == (value.text.lower() == "true") else self.denied(part)

    def tag(self, field: Word, operator: str, value: Word) -> Where:
        if operator == "~":
            return Where("r.id IN (SELECT t.run FROM tags t WHERE instr(lower(t.tag), lower(?)))", (value.text,))
        if operator not in ("=", "!="):
            raise self.error(value, "a tag has no order", "Use =, != or ~ (contains).")
        return Where(f"r.id {_in(operator)} (SELECT t.run FROM tags t WHERE t.tag = ?)", (value.text,))

    def text(self, field: Word, operator: str, value: Word) -> Where:
        name, column = field.text.lower(), _TEXT[field.text.lower()]
        if name == "status" and operator != "~" and value.text.lower() not in STATUSES:
            near = nearest(value.text, STATUSES)
            hint = f"Did you mean {near!r}?" if near else f"Known: {', '.join(STATUSES)}."
            raise self.error(value, f"no status is called {clean(value.text)!r}", hint)
        if operator == "~":
            return Where(f"((instr(lower({column}), lower(?)) > 0) IS TRUE)", (value.text,))
        if name in ("commit", "uid") and operator in ("=", "!=") and value.text:
            sql = f"substr({column}, 1, length(?)) {_SQL_OPERATORS[operator]} ?"
            return Where(f"(({sql}) IS TRUE)", (value.text.lower(), value.text.lower()))
        wanted = value.text.lower() if name == "status" else value.text
        sql = f"{column} {_SQL_OPERATORS[operator]} ?"
        return Where(sql if column.startswith("r.") else f"(({sql}) IS TRUE)", (wanted,))

    def number(self, field: Word, operator: str, value: Word) -> Where:
        name = field.text.lower()
        if operator == "~":
            raise self.error(value, f"{name} is a number", "Use =, !=, <, <=, > or >=.")
        number = filter_values.seconds(value.text) if name in ("duration", "age") else filter_values.number(value.text)
        if number is None or math.isnan(number):
            example = "90, 5m, 2h or 3d" if name in ("duration", "age") else "3"
            raise self.error(value, f"expected a number for {name}, found {clean(value.text)!r}", f"Like {example}.")
        column = _NUMBER[name]
        clock: tuple[float, ...] = (self.now,) if self.now is not None and "{now}" in column else ()
        column = column.replace("{now}", _NOW if self.now is None else "?")
        sql = f"{column} {_SQL_OPERATORS[operator]} ?"
        return Where(sql if column == "r.id" else f"(({sql}) IS TRUE)", (*clock, number))

    def time(self, field: Word, operator: str, value: Word) -> Where:
        column = _TIME[field.text.lower()]
        span = filter_values.moments(value.text)
        if span is None or operator == "~":
            raise self.error(
                value, f"expected a date, found {clean(value.text)!r}", 'Like 2026-11-01 or "2026-11-01 14:30".'
            )
        first, last = span
        sql, arguments = {
            "=": ("{c} >= ? AND {c} < ?", (first, last)),
            "!=": ("{c} < ? OR {c} >= ?", (first, last)),
            "<": ("{c} < ?", (first,)),
            "<=": ("{c} < ?", (last,)),
            ">": ("{c} >= ?", (last,)),
            ">=": ("{c} >= ?", (first,)),
        }[operator]
        return Where(f"(({sql.replace('{c}', column)}) IS TRUE)", tuple(arguments))

    def metric(self, field: Word, name: str, part: str, operator: str, value: Word) -> Where:
        number = filter_values.number(value.text)
        if number is None or operator == "~":
            near = nearest(field.text, FIELDS) if not field.quoted and not field.table else None
            hint = f"Did you mean {near!r}?" if near else f"For a parameter write params.{clean(name)}"
            what = (
                f"metric {clean(name)!r} is a number"
                if operator == "~"
                else f"expected a number for metric {clean(name)!r}"
            )
            raise self.error(value, f"{what}, found {clean(value.text)!r}", hint)
        column = self.column(field, name, part)
        if math.isnan(number):
            if operator not in ("=", "!="):
                return Where("0", ())  # nothing is more or less than NaN
            return _among("metrics", name, f"m.{column} IS {'NOT ' if operator == '!=' else ''}NULL")
        return _among("metrics", name, f"m.{column} {_SQL_OPERATORS[operator]} ?", number)

    def column(self, field: Word, name: str, part: str) -> str:
        if part != "best":
            return _PARTS.get(part, "last")
        goal = infer_goal(name, self.goals)
        if goal is None:
            hint = f"Write {clean(name)}.max or {clean(name)}.min"
            raise self.error(field, f"nobody said whether more or less {clean(name)!r} is better", hint)
        return "greatest" if goal == "max" else "least"

    def error(self, word: Word, message: str, hint: str) -> FilterError:
        return FilterError(f"Filter, position {word.position + 1}: {message}", hint)


def _joined(word: str, parts: Sequence[Where]) -> Where:
    if len(parts) == 1:
        return parts[0]
    return Where(f"({word.join(part.sql for part in parts)})", tuple(a for part in parts for a in part.arguments))


def _in(operator: str) -> str:
    return "NOT IN" if operator == "!=" else "IN"


def _among(table: str, name: str, condition: str, *arguments: str | int | float | None) -> Where:
    """The runs that have a row of this name in params or metrics (alias m) for which the condition holds."""
    named = f"m.name = (SELECT n.id FROM names n WHERE n.space = '{table[:-1]}' AND n.name = ?) AND {condition}"
    source = f"SELECT m.run FROM {'params' if table == 'params' else 'metrics'} m WHERE"
    if "m.least" in condition or "m.greatest" in condition:  # in no index: the row of each run is found faster
        return Where(f"EXISTS ({source} m.run = r.id AND {named})", (name, *arguments))
    return Where(f"r.id IN ({source} {named})", (name, *arguments))


def _param(name: str, operator: str, value: Word) -> Where:
    """Compare as a number what looks like one, else as text; true, false and null as they are stored."""
    number = None if value.quoted else filter_values.number(value.text)
    if operator == "~":
        return _among("params", name, "instr(lower(m.value), lower(?))", value.text)
    if operator in ("=", "!="):
        same: tuple[str | float, ...] = _stored(value, number)
        marks = ", ".join("?" * len(same))
        if number is not None and math.isnan(number):
            return _among("params", name, f"(m.value IS NULL OR lower(m.value) = 'nan') = {int(operator == '=')}")
        return _among("params", name, f"m.value {_in(operator)} ({marks})", *same)
    if number is not None:
        if math.isnan(number):
            return Where("0", ())
        kinds = "('integer', 'real')"
        return _among("params", name, f"m.value {operator} ? AND typeof(m.value) IN {kinds}", number)
    return _among("params", name, f"m.value {operator} ? AND typeof(m.value) = 'text'", value.text)


def _stored(value: Word, number: float | None) -> tuple[str | float, ...]:
    if number is not None:
        return (number, value.text)
    lowered = value.text.lower()
    if not value.quoted and lowered in ("true", "false", "null", "none"):
        return (value.text, "null" if lowered == "none" else lowered)
    return (value.text,)


def _table_of(text: str) -> str:
    head = text.partition(".")[0].lower()
    return head if head in ("params", "metrics") and "." in text else ""


def _split(text: str) -> tuple[str, str, str]:
    """Return table, name and part of `params.lr`, `metrics.loss.min` or `loss.min`."""
    table = _table_of(text)
    name = text[len(table) + 1 :] if table else text
    head, dot, tail = name.rpartition(".")
    if table != "params" and dot and head and tail.lower() in (*_PARTS, "best"):
        return table, head, tail.lower()
    return table, name, ""


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def suggest(text_before_cursor: str, fields: Sequence[str]) -> list[str]:
    """Return whole words that may stand where the cursor is, best first; `fields` are names the caller knows."""
    match = re.search(r"[^\s()\"',<>=!~]*$", text_before_cursor)
    partial = match[0] if match else ""
    before = text_before_cursor[: len(text_before_cursor) - len(partial)].rstrip()
    words = _candidates(before, fields)
    lowered = partial.lower()
    starting = [word for word in words if word.lower().startswith(lowered) and word.lower() != lowered]
    within = [
        word for word in words if lowered and lowered in word.lower() and word not in starting and word != partial
    ]
    return starting + within


def _candidates(before: str, fields: Sequence[str]) -> list[str]:
    compared = re.search(r"([\w./]+)\s*(?:[=<>~]|!=)$", before)
    if compared:
        return {"status": list(STATUSES), "best": ["true", "false"], "dirty": ["true", "false"]}.get(
            compared[1].lower(), []
        )
    last = re.search(r"(\S+)$", before)
    opening = not last or last[1].lower() in ("and", "or", "not") or before.endswith("(")
    if not opening:
        done = re.search(r"[=<>~]\s*(\"[^\"]*\"|'[^']*'|\S+)$|\)$", before)
        word = last[1].lower() if last else ""
        return ["and", "or"] if done or word in (*STATUSES, *FLAGS) else ["=", "!=", "<", "<=", ">", ">=", "~", "in"]
    quoted = [
        name if re.fullmatch(r"[^\s()\"',<>=!~]+", name) else '"' + name.replace('"', '\\"') + '"' for name in fields
    ]
    return [*quoted, *FIELDS, *STATUSES, *FLAGS, "not", *(f"has:{name}" for name in quoted)]


def _quote(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
