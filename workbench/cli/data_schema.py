"""`workbench data schema`: what the training data ask for, as changes to schema.toml, and their acceptance."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any

from workbench import project as projects
from workbench.actions import data_schema as actions
from workbench.actions.data_schema import Accepted, Proposal
from workbench.cli import output
from workbench.cli.parsing import add_json
from workbench.cli.reading import ReadingProgress
from workbench.cli.validate import print_findings
from workbench.config import Policy
from workbench.data import masking
from workbench.data import schema as schemas
from workbench.data.schema import Change
from workbench.safe import clean
from workbench.words import counted

_ROLES = {"+": "good", "-": "bad", "~": "mark"}
_PAST = 10


def add(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("schema", help="propose changes to schema.toml from the training data, accept them")
    parser.add_argument("--accept", action="store_true", help="write schema.toml; who and when is kept")
    parser.add_argument("--by", metavar="NAME", default="", help="who accepts (default: the user that git knows)")
    parser.add_argument("--anew", action="store_true", help="propose all of it, not only what the data contradict")
    parser.add_argument("--history", action="store_true", help="who accepted what, and when")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the proposal, or write it."""
    project = projects.find(args.folder)
    if args.history:
        past = [_hidden_past(project.config.policy, one) for one in actions.history(project)]
        return _history(past, as_json=args.json)
    shown = ReadingProgress(sys.stderr.isatty() and not args.json)
    try:
        proposal = actions.propose(project, anew=args.anew, progress=shown)
    finally:
        shown.end()
    shown_proposal = _hidden(project.config.policy, proposal)
    must_write = bool(proposal.changes) or proposal.present is None or proposal.edited
    unaccepted = proposal.present is not None and proposal.present.accepted is None
    accepted = (
        actions.accept(project, args.by, proposal=proposal) if args.accept and (must_write or unaccepted) else None
    )
    if args.json:
        output.print_json(document(shown_proposal, accepted))
    else:
        _print(shown_proposal, accepted, wanted=args.accept)
    return 0


def _hidden(policy: Policy, proposal: Proposal) -> Proposal:
    """Return a proposal with what may be shown of its values."""
    return replace(
        proposal,
        proposed=masking.hidden_schema(policy, proposal.proposed, proposed=True),
        changes=tuple(masking.hidden_change(policy, one, proposed=True) for one in proposal.changes),
        findings=tuple(masking.hidden_finding(policy, one) for one in proposal.findings),
    )


def _hidden_past(policy: Policy, one: Accepted) -> Accepted:
    return replace(one, changes=tuple(masking.hidden_change(policy, each) for each in one.changes))


def document(proposal: Proposal, accepted: Accepted | None) -> dict[str, Any]:
    """Return a proposal as a document."""
    head = schemas.head_of(proposal.proposed)
    return {
        "path": proposal.path,
        "file": schemas.NAME,
        "exists": proposal.present is not None,
        "edited": proposal.edited,
        "changes": [_change(one) for one in proposal.changes],
        "accepted": None if accepted is None else {"by": accepted.by, "at": output.iso(accepted.at)},
        "schema": {
            **_plain(head),
            "columns": {one.name: _plain(schemas.table_of(one)) for one in proposal.proposed.columns},
            "relations": [schemas.relation_of(one) for one in proposal.proposed.relations],
        },
        "findings": [one.to_json() for one in proposal.findings],
    }


def _change(one: Change) -> dict[str, Any]:
    return {**asdict(one), "before": _plain(one.before), "after": _plain(one.after), "sign": one.sign}


def _plain(value: Any) -> Any:
    """Return a value of TOML as JSON has it: moments as ISO 8601 in UTC."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return output.iso(value.timestamp())
    return value.isoformat() if isinstance(value, date) else value


def _print(proposal: Proposal, accepted: Accepted | None, *, wanted: bool) -> None:
    present = proposal.present
    if present is None:
        size = f"{counted(len(proposal.proposed.columns), 'column')}, {counted(proposal.proposed.rows, 'row')}"
        print(clean(f"{proposal.path}: {size}"))
    else:
        print(clean(f"{schemas.NAME}, {_accepted_words(proposal)}, against {proposal.path}"))
    for line in change_lines(proposal.changes):
        print(line)
    if present is not None and not proposal.changes:
        print("The data ask for no change.")
    serious = tuple(one for one in proposal.findings if one.severity != "note")
    if serious and not accepted:
        print("\nWhat contradicts it:")
        print_findings(serious)
    if accepted is not None:
        output.say(f"{schemas.NAME} accepted by {clean(accepted.by)}")
    elif wanted:
        output.say("Nothing to accept.")
    elif proposal.changes or proposal.edited:
        output.say(f"workbench data schema --accept   (writes {schemas.NAME})")


def _accepted_words(proposal: Proposal) -> str:
    present = proposal.present
    if present is None or present.accepted is None:
        return "not accepted by anybody"
    edited = ", edited since" if proposal.edited else ""
    return f"accepted by {present.accepted_by} on {present.accepted:%Y-%m-%d}{edited}"


def change_lines(changes: tuple[Change, ...]) -> list[str]:
    """Return changes as one reads a diff, a line each."""
    colours = output.colourful(sys.stdout)
    return [output.paint(clean(schemas.change_words(one), 400), _ROLES[one.sign], colours=colours) for one in changes]


def _history(past: list[Accepted], *, as_json: bool) -> int:
    if as_json:
        rows = [
            {"by": one.by, "at": output.iso(one.at), "changes": [_change(each) for each in one.changes]} for one in past
        ]
        output.print_json(rows)
        return 0
    if not past:
        output.say("Nothing has been accepted yet: workbench data schema --accept")
    for one in past[:_PAST]:
        print(clean(f"{(output.iso(one.at) or '')[:16]}Z  {one.by}  {counted(len(one.changes), 'change')}"))
        for line in change_lines(one.changes[:20]):
            print(f"  {line}")
    return 0
