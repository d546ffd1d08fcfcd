"""What comes before a command, and then the command; what none of this run needs is not even imported."""

from __future__ import annotations

from pathlib import Path

from workbench.runs.command import Command


def start(folder: Path, run: int, run_folder: Path, command: Command) -> None:
    """Make the run's own folder, take versions of its data, keep its outputs, check the data, start the command.

    Never raises because of any of these: what keeps the command from starting is its `problem`.
    """
    launched = command.launch
    command.make_room()
    if launched["inputs"] or launched.get("data"):
        from workbench.runs.inputs import prepare

        prepare(folder, run_folder, launched)
    if launched.get("stage") and launched["outputs"]:
        from workbench.runs.stage_outputs import keep

        keep(folder, run_folder, launched)
    if launched.get("check") and not command.problem:
        from workbench.runs.precheck import refusal

        command.refuse(refusal(folder, run, run_folder))
    command.start()
