"""How a command ended, in one word and one sentence: pure, but for the counter of the kernel's out-of-memory kills."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ending:
    """The end of a run: `ended` in seconds since the epoch, `exit_code` or `signal` where they are known."""

    status: str
    ended: float
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""


def how_it_ended(
    *,
    status: int | None,
    ended: float,
    problem: str = "",
    problem_code: int = 127,
    stop_requested: bool = False,
    shell: bool = False,
    killed_for_memory: bool = False,
    last_lines: str = "",
    says_no: str = "",
) -> Ending:
    """Name the end of a command; `status` is as `subprocess` gives it, None where nobody saw the end.

    `says_no` is what exit code 1 of a check says.
    """
    if problem and stop_requested:
        return Ending("stopped", ended, reason="stopped on request")
    if problem:
        return Ending("failed", ended, exit_code=problem_code, reason=problem)
    if status is None:
        word = "stopped" if stop_requested else "lost"
        reason = "stopped on request" if stop_requested else "its supervisor was killed, so nobody saw how it ended"
        return Ending(word, ended, reason=reason)
    if shell and 128 < status < 128 + 65:
        status = 128 - status  # a shell says so when its command was killed
    if status == 0:
        return Ending("finished", ended, exit_code=0)
    if status < 0:
        number = -status
        reason = f"killed by {signal_name(number)}"
        if number == signal.SIGKILL and killed_for_memory:
            reason = "out of memory: the kernel killed it (SIGKILL)"
        if stop_requested:
            return Ending("stopped", ended, signal=number, reason=f"stopped on request ({signal_name(number)})")
        return Ending("failed", ended, signal=number, reason=reason)
    if stop_requested:
        return Ending("stopped", ended, exit_code=status, reason="stopped on request")
    reason = _refusal(status, says_no, last_lines) if says_no else ""
    return Ending("failed", ended, exit_code=status, reason=reason or _failure(status, last_lines))


def _refusal(status: int, says_no: str, last_lines: str) -> str:
    """Return why a check ended so: it said no, or what it printed of its error."""
    told = [line.removeprefix("error: ") for line in last_lines.splitlines() if line.startswith("error: ")]
    return says_no if status == 1 else told[-1][:200] if told else ""


def _failure(status: int, last_lines: str) -> str:
    last = next((line.strip() for line in reversed(last_lines.splitlines()) if line.strip()), "")
    if last.startswith("MemoryError") or "CUDA out of memory" in last_lines[-2000:]:
        return f"out of memory: {last[:200]}"
    if "Traceback (most recent call last)" in last_lines and ":" in last:
        return f"exit code {status}: {last[:200]}"
    if status == 127:
        return "exit code 127: no such command"
    return f"exit code {status}"


def signal_name(number: int) -> str:
    """Return the name of a signal, such as SIGKILL."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def oom_kills() -> int:
    """Return how many processes the kernel has killed for want of memory since it started; 0 where it does not tell."""
    try:
        text = Path("/proc/vmstat").read_text(encoding="ascii")
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return 0
