"""`workbench pipeline`: runs the stages that are out of date, or says which those are and why."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench import project as projects
from workbench.actions import pipeline as actions
from workbench.cli import output
from workbench.cli.parsing import add_json, setting
from workbench.safe import clean

if TYPE_CHECKING:
    from workbench.pipeline.plan import Verdict
    from workbench.project import Project

_WORDS = {"current": "up to date", "restore": "would be restored", "run": "would run", "waits": "may run"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which stages, and whether only to look."""
    parser.epilog = (
        "A stage runs when its command, the parameters it uses or its inputs are others than in every earlier run; what"
        " ran before is restored. Independent stages run side by side, as many as the greatest max_parallel says."
        " Exit code: 0 all is up to date, 1 a stage failed."
    )
    parser.add_argument("stages", metavar="STAGE", nargs="*", help="these, and those they need (default: all)")
    parser.add_argument("--dry-run", action="store_true", help="run nothing, say what would")
    parser.add_argument("--explain", action="store_true", help="run nothing, say of each stage why")
    parser.add_argument("--force", action="store_true", help="run the stages though they are up to date")
    parser.add_argument("--no-check", action="store_true", help="run whatever is wrong with the data")
    parser.add_argument("--stop", action="store_true", help="end the pipeline that goes on, and the stages it runs")
    parser.add_argument("--detach", action="store_true", help="return at once")
    parser.add_argument(
        "-p", dest="params", metavar="KEY=VALUE", action="append", default=[], help="set a parameter for these runs"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Show the plan, or carry it out and follow it."""
    project = projects.find(args.folder)
    if args.stop:
        stopped = actions.stop(project)
        if args.json:
            output.print_json({"stopped": stopped})
        else:
            output.say("Stopping." if stopped else "No pipeline goes on.")
        return 0
    overrides = dict(setting(text) for text in args.params)
    request = actions.Request(tuple(args.stages), overrides, args.force, check=not args.no_check)
    if args.dry_run or args.explain:
        _show(actions.check(project, request), as_json=args.json, all_stages=args.explain)
        return 0
    if args.detach:
        return _detached(actions.begin(project, request), as_json=args.json)
    verdicts, driving = actions.start(project, request)
    if driving is not None:
        return _follow(project, driving, as_json=args.json)
    if args.json:
        output.print_json(_document(verdicts))
    else:
        output.say(actions.outcome(verdicts) + ".")
    return 0


def _detached(begun: actions.Begun, *, as_json: bool) -> int:
    if as_json:
        output.print_json({"runs": list(begun.runs), "stages": _document(begun.verdicts)})
    else:
        for number in begun.runs:
            print(number)
        output.say(begun.words + ".")
    return 1 if begun.refused and begun.over else 0


def _show(verdicts: Sequence[Verdict], *, as_json: bool, all_stages: bool) -> None:
    if as_json:
        output.print_json(_document(verdicts))
        return
    shown = [one for one in verdicts if all_stages or one.state != "current"]
    width = max((len(clean(one.stage)) for one in shown), default=0)
    for one in shown:
        reason = clean(one.reason, 400) + _since(one) if one.reason else _as_before(one)
        print(f"{clean(one.stage):<{width}}  {_WORDS[one.state]:<17}  {reason}".rstrip())
    output.say(actions.outcome(verdicts) + ".")


def _since(verdict: Verdict) -> str:
    return f"  (since run {verdict.since})" if verdict.since is not None else ""


def _as_before(verdict: Verdict) -> str:
    return f"as run {verdict.earlier.run} left it" if verdict.earlier is not None else ""


def _document(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    return [
        {
            "stage": clean(one.stage),
            "state": one.state,
            "reason": clean(one.reason, 1000) or None,
            "run": one.earlier.run if one.earlier is not None else None,
            "since": one.since,
            "key": one.key or None,
        }
        for one in verdicts
    ]


def _follow(project: Project, driving: actions.Driving, *, as_json: bool) -> int:
    """Show what the stages print, one after the other, until all have ended; Ctrl-C asks those going to stop."""
    from workbench.actions.runs import stop
    from workbench.cli.run import stay

    numbers: list[int] = []
    happened: list[dict[str, Any]] = []
    events = driving.events()
    while True:
        try:
            for event in events:
                happened.append(event)
                if event["event"] == "run":
                    numbers.append(event["run"])
                    stay(project, event["run"], quiet=as_json)
                elif event["event"] == "restored":
                    output.say(f"{clean(event['stage'])}: restored from run {event['run']}")
                    for sentence in event["kept"]:
                        output.say(clean(sentence, 400))
                elif event["event"] == "waits":
                    output.say("Waiting for other runs of the project to end.")
                elif event["event"] == "refused":
                    output.say(f"{clean(event['stage'])}: {clean(event['text'])}")
            break
        except KeyboardInterrupt:
            driving.stop()
            stop(project, numbers)
            output.say("Stopping. Ctrl-C again leaves without waiting.")
            events = driving.events()
    end = happened[-1] if happened else {"event": "lost"}
    bad = end["event"] != "end" or end["failed"] or end["left"]
    if as_json:
        output.print_json(happened)
    elif end["event"] != "end":
        output.say(
            "The process that ran the pipeline is gone (see .workbench/pipeline.log); start it again and it continues."
        )
    elif end["left"]:
        output.say(f"Not run: {', '.join(clean(name) for name in end['left'])}")
    return 1 if bad else 0
