"""The machine that a run ran on: processor, memory, system, GPUs."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

# One of these is there when an NVIDIA driver is, the last one inside WSL.
_DRIVER_SIGNS = ("/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg")
_VECTORS = re.compile(r"sse4|ssse3|avx|fma|f16c|amx|neon|asimd|sve|sme(?!p)|bf16|i8mm")
_TIMEOUT = 10.0


def facts() -> dict[str, Any]:
    """Return the facts of the machine by the names that Environment has for them."""
    system = os.uname()
    return {
        "platform": f"{system.sysname} {system.release}" + _distribution_name(),
        "machine": system.machine,
        "cpu": _cpu_model() or system.machine,
        "cpu_count": os.cpu_count() or 0,
        "cpu_usable": _usable(),
        "cpu_flags": _flags(),
        "memory": _memory(),
        "host": system.nodename,
    }


def _distribution_name() -> str:
    try:
        text = Path("/etc/os-release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.search(r'^PRETTY_NAME="?([^"\n]*)', text, re.MULTILINE)
    return f" ({found[1]})" if found else ""


def _cpu_model() -> str:
    return _cpu_fact("model name", "Model", "cpu model") or _asked_system("machdep.cpu.brand_string")


def _cpu_fact(*names: str) -> str:
    try:
        # The beginning is enough, and with many cores the whole takes long to make.
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
            found = re.search(rf"^(?:{'|'.join(names)})\s*:\s*(.+)$", file.read(8192), re.MULTILINE)
    except OSError:
        return ""
    return found[1].strip() if found else ""


def _flags() -> tuple[str, ...]:
    """Return the flags of the processor that name vector instructions: those that code is chosen by."""
    words = _cpu_fact("flags", "Features") or _asked_system("machdep.cpu.features").lower()
    return tuple(sorted({word for word in words.split() if _VECTORS.match(word)}))


def _usable() -> int:
    """Return how many processors this process, and what it starts, may use; 0 where the system does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0


def _asked_system(name: str) -> str:
    if os.uname().sysname != "Darwin":
        return ""
    try:
        done = subprocess.run(
            ["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return 0


def gpus(notes: list[str]) -> tuple[str, ...]:
    """Return name, memory and driver of each NVIDIA GPU; nothing is loaded where there is no driver."""
    if not any(os.path.exists(sign) for sign in _DRIVER_SIGNS):  # noqa: PTH110 - speed
        return ()
    import ctypes

    try:
        ctypes.CDLL("libnvidia-ml.so.1")
        import pynvml
    except (OSError, ImportError):
        return ()
    try:
        pynvml.nvmlInit()
        driver = _text(pynvml.nvmlSystemGetDriverVersion())
        handles = [pynvml.nvmlDeviceGetHandleByIndex(number) for number in range(pynvml.nvmlDeviceGetCount())]
        return tuple(_gpu(pynvml, handle, driver) for handle in handles)
    except pynvml.NVMLError as error:
        notes.append(f"GPUs not listed: {error}")
        return ()


def _gpu(library: Any, handle: Any, driver: str) -> str:
    memory = library.nvmlDeviceGetMemoryInfo(handle).total / 2**30
    return f"{_text(library.nvmlDeviceGetName(handle))}, {memory:.0f} GiB, driver {driver}"


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
