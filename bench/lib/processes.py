"""What processes have cost: those that live, with all that they started."""

import os
import time
from pathlib import Path

from .errors import MeasuringError

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
CPUCLOCK_SCHED = 2  # of the kernel's posix-timers.h; what clock_getcpuclockid(3) makes of a pid has it


def family(pid):
    """PID and its living descendants."""
    found = [pid]
    for member in found:
        for children in Path(f"/proc/{member}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def own_cpu_s(pid):
    """Of all threads, also of those that have ended. It counts nanoseconds, /proc/PID/stat clock ticks."""
    return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)


def ended_children_cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / TICKS_A_SECOND  # cutime and cstime of proc(5)


def cpu_s(pid):
    """Processor time of PID, its threads and its children, while none of them is just starting or ending."""
    try:
        return sum(own_cpu_s(member) + ended_children_cpu_s(member) for member in family(pid))
    except OSError as error:
        raise MeasuringError(f"process {pid} or a child of it ended meanwhile: {error}") from None


def peak_kib(pid):
    """The most memory that PID alone has had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise MeasuringError(f"/proc/{pid}/status has no VmHWM")
