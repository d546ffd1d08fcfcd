"""What a run takes from the machine: processor, memory, disk, network, GPU, sampled over its whole process tree."""

from __future__ import annotations

import contextlib
import time
from typing import Any


class Sampler:
    """Samples the processes under one pid; every value is there or left out, never guessed."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._psutil: Any = None
        self._processes: dict[int, Any] = {}
        self._last: dict[str, tuple[float, float]] = {}
        self._cpu_before: dict[int, float] = {}
        self._gpus: list[Any] | None = None

    def sample(self) -> dict[str, float]:
        """Return cpu in percent of one core, memory in bytes, disk and network in bytes per second, GPU figures."""
        if self._pid is None:
            return {}
        if self._psutil is None:
            import psutil

            self._psutil = psutil
        values: dict[str, float] = {}
        self._tree(values)
        self._network(values)
        self._gpu(values)
        return values

    def _tree(self, values: dict[str, float]) -> None:
        now = time.monotonic()
        memory = read = written = 0.0
        cpu: dict[int, float] = {}
        found = False
        for process in self._members():
            with contextlib.suppress(self._psutil.Error, OSError):
                with process.oneshot():
                    times = process.cpu_times()
                    cpu[process.pid] = times.user + times.system
                    memory += process.memory_info().rss
                    found = True
                with contextlib.suppress(AttributeError, self._psutil.Error):
                    counters = process.io_counters()
                    read, written = read + counters.read_bytes, written + counters.write_bytes
        if not found:
            return
        used = sum(total - self._cpu_before.get(pid, 0.0) for pid, total in cpu.items())
        before = self._last.get("cpu")
        if before is not None and now > before[0]:
            values["cpu_percent"] = 100 * used / (now - before[0])
        self._last["cpu"], self._cpu_before = (now, 0.0), cpu
        values["memory_bytes"] = memory
        self._rate(values, "disk_read_per_s", read, now)
        self._rate(values, "disk_write_per_s", written, now)

    def _members(self) -> list[Any]:
        with contextlib.suppress(self._psutil.Error):
            root = self._psutil.Process(self._pid)
            return [root, *root.children(recursive=True)]
        return []

    def _network(self, values: dict[str, float]) -> None:
        with contextlib.suppress(self._psutil.Error, OSError, AttributeError):
            counters = self._psutil.net_io_counters()
            if counters is not None:
                now = time.monotonic()
                self._rate(values, "network_in_per_s", counters.bytes_recv, now)
                self._rate(values, "network_out_per_s", counters.bytes_sent, now)

    def _rate(self, values: dict[str, float], name: str, total: float, now: float) -> None:
        before = self._last.get(name)
        if before is not None and now > before[0] and total >= before[1]:
            values[name] = (total - before[1]) / (now - before[0])
        self._last[name] = (now, total)

    def _gpu(self, values: dict[str, float]) -> None:
        if self._gpus is None:
            self._gpus = _open_gpus()
        if not self._gpus:
            return
        import pynvml

        for number, handle in enumerate(self._gpus):
            with contextlib.suppress(pynvml.NVMLError):
                values[f"gpu{number}_percent"] = float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
                values[f"gpu{number}_memory_bytes"] = float(pynvml.nvmlDeviceGetMemoryInfo(handle).used)


def _open_gpus() -> list[Any]:
    try:
        import ctypes

        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return []
    try:
        import pynvml

        pynvml.nvmlInit()
        return [pynvml.nvmlDeviceGetHandleByIndex(number) for number in range(pynvml.nvmlDeviceGetCount())]
    except Exception:  # a broken driver answers in many ways, and none of them may touch the run
        return []
