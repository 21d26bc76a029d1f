"""Opens files of strangers in a child process that can do little, take little and last no longer than allowed.

    normalise(path, folder=..., limits=Limits()) -> Normalised, or TableRefused

Whatever a file does to its reader, it does to the child: a crash, a flood of memory or an endless loop becomes a refusal
with a code. The child gets no environment (and so no secrets), no open files but its pipe, and dies with its parent.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from . import exchange
from .exchange import Limits, Meter, Normalised, from_json, to_json
from .normalising import normalise_here
from .reader import TableRefused

_ROOT = Path(__file__).resolve().parents[2]
# Isolated from the environment and the folder it starts in, so that the source's root must be told.
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from customers.ingest import sandbox; sandbox.serve()"
_ANSWER, _PROGRESS = "answer.json", "progress"
_ASK_EVERY = 0.25  # seconds between two looks at the child's progress
_LARGEST_ANSWER = 64 << 20
_OUT_OF_MEMORY = 71
_FAILED = 70
_GRACE = 2  # seconds for the child to stop by itself, by its processor time, before it is killed
_OPEN_FILES = 64
_WRITTEN = ("table.csv", "lines.u32", "unpacked-1", "unpacked-2", _ANSWER, _PROGRESS, f"{_PROGRESS}.part")
# Arrow's own allocator reserves a gigabyte of addresses at once, and the C library 64 MB for each thread.
_ENVIRONMENT = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",
}


def normalise(
    path: Path,
    *,
    folder: Path,
    limits: Limits | None = None,
    sheet: str | None = None,
    progress: Callable[[int, float], None] = lambda rows, share: None,
) -> Normalised:
    """Bring any file into the canonical form. ``folder``: where the table is written; made, and empty of ours on refusal.
    ``progress``: told every quarter of a second how many rows were read and the share of the file, 0 to 1; what it raises
    ends the child.

    Raises TableRefused with one of: missing, folder, not_a_file, unreadable, empty, too_large, binary, markup, old_excel,
    encrypted, broken, archive_of_several, zip_bomb, undecodable, one_column, no_rows, no_such_sheet, too_many_columns,
    too_many_rows, cell_too_long, open_quote, timeout, memory.
    """
    limits = limits or Limits()
    path, folder = path.absolute(), folder.absolute()
    _refuse_early(path, limits)
    folder.mkdir(parents=True, exist_ok=True)
    taken = False
    try:
        answer = _ask_child(path, folder, limits, sheet, progress)
        if "refused" in answer:
            raise TableRefused(answer["refused"], **answer["facts"])
        normalised = from_json(answer)
        taken = True
        return normalised
    finally:
        for name in _WRITTEN[4:] if taken else _WRITTEN:
            (folder / name).unlink(missing_ok=True)


def _refuse_early(path: Path, limits: Limits) -> None:
    """What needs no child to be seen."""
    if not path.exists():
        raise TableRefused("missing")
    if path.is_dir():
        raise TableRefused("folder")
    if not path.is_file():  # a pipe would be waited for
        raise TableRefused("not_a_file")
    size = path.stat().st_size
    if not size:
        raise TableRefused("empty")
    if size > limits.max_bytes:
        raise TableRefused("too_large", maximum=limits.max_bytes // (1 << 20))


def _ask_child(
    path: Path, folder: Path, limits: Limits, sheet: str | None, progress: Callable[[int, float], None]
) -> dict:
    job = {"path": str(path), "folder": str(folder), "limits": asdict(limits), "sheet": sheet, "parent": os.getpid()}
    started = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-I", "-B", "-X", "utf8", "-c", _BOOT, str(_ROOT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=_ENVIRONMENT | {k: os.environ[k] for k in ("SYSTEMROOT",) if k in os.environ},
        start_new_session=True,  # Ctrl-C in a terminal is the parent's to answer
    )
    try:
        with contextlib.suppress(BrokenPipeError):  # it died at once: its status says why
            child.stdin.write(json.dumps(job).encode())
            child.stdin.close()
        while True:
            try:
                child.wait(_ASK_EVERY)
                break
            except subprocess.TimeoutExpired as error:
                if time.monotonic() - started > limits.seconds + _GRACE:
                    raise TableRefused("timeout", maximum=round(limits.seconds)) from error
                if told := Meter.read(folder / _PROGRESS):
                    progress(*told)
    finally:
        with contextlib.suppress(OSError):
            child.stdin.close()
        if child.poll() is None:  # also where the parent's own job was told to stop
            child.kill()
            child.wait()
    answer = _read_answer(folder / _ANSWER) if child.returncode == 0 else None
    if answer is None:
        raise _explain(child.returncode, time.monotonic() - started, limits)
    return answer


def _read_answer(path: Path) -> dict | None:
    """The child was fed by a stranger: what it says is held to its form, and to a size."""
    try:
        if path.stat().st_size > _LARGEST_ANSWER:
            return None
        answer = json.loads(path.read_bytes())
        return answer if isinstance(answer, dict) else None
    except (OSError, ValueError, RecursionError):
        return None


def _explain(code: int, seconds: float, limits: Limits) -> TableRefused:
    """Why a child ended without an answer."""
    if code == -getattr(signal, "SIGXCPU", 24) or (seconds >= limits.seconds and code < 0):
        return TableRefused("timeout", maximum=round(limits.seconds))
    # Native code that is refused memory aborts or falls over; the system's own guard sends SIGKILL.
    if code in (_OUT_OF_MEMORY, -signal.SIGABRT, -getattr(signal, "SIGKILL", 9)):
        return TableRefused("memory", maximum=limits.memory // (1 << 20))
    return TableRefused("broken", what="file", reason=f"status {code}")


# ---------------------------------------------------------------- in the child


def serve() -> None:
    """The child's whole life: bind itself, read one file, leave one answer."""
    job = json.load(sys.stdin)
    limits = Limits(**job["limits"])
    folder = Path(job["folder"])
    exchange.meter = Meter(folder / _PROGRESS)
    _die_with(job["parent"])
    _bind(limits)
    try:
        table = normalise_here(Path(job["path"]), folder=folder, limits=limits, sheet=job["sheet"])
        answer = to_json(replace(table, peak_memory=_peak_memory()))
    except TableRefused as refusal:
        answer = json.dumps({"refused": refusal.code, "facts": refusal.facts}, default=str)
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)  # at once: what would tidy up may want memory too
    except OSError as error:
        too_large = {"maximum": limits.max_unpacked_bytes // (1 << 20), "unpacked": True}
        known = {
            27: ("too_large", too_large),
            28: ("no_space", {}),
            13: ("unreadable", {"reason": error.strerror or ""}),
        }
        code, facts = known.get(error.errno or 0, ("broken", {"what": "file", "reason": str(error.strerror)}))
        answer = json.dumps({"refused": code, "facts": facts})
    except Exception as error:
        answer = json.dumps({"refused": "broken", "facts": {"what": "file", "reason": type(error).__name__}})
    try:
        (folder / _ANSWER).write_text(answer, encoding="utf-8", errors="replace")
    except OSError:
        os._exit(_FAILED)


def _bind(limits: Limits) -> None:
    """Give up what a reader of one file has no use for. Where the system has no such limits, time alone is bounded."""
    try:
        import resource
    except ImportError:
        return
    seconds = int(limits.seconds) + 1
    for name, most in (
        ("RLIMIT_AS", limits.memory),
        ("RLIMIT_CPU", seconds),
        ("RLIMIT_FSIZE", limits.max_unpacked_bytes + (16 << 20)),
        ("RLIMIT_NOFILE", _OPEN_FILES),
        ("RLIMIT_CORE", 0),
    ):
        # macOS refuses a limit of addresses; a hard limit may be lower than ours already
        with contextlib.suppress(ValueError, OSError, AttributeError):
            resource.setrlimit(getattr(resource, name), (most, most))


def _die_with(parent: int) -> None:
    """Nobody waits for the answer of a child whose parent is gone."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
            if os.getppid() != parent:  # it went before we asked
                os._exit(_FAILED)
            return
    if hasattr(os, "getppid") and sys.platform != "win32":
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(_FAILED)


def _peak_memory() -> int:
    """Ours since the start; ``ru_maxrss`` would tell the parent's, which it takes over on Linux."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0)
