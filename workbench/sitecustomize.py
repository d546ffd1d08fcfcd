"""What each Python process of a run loads at its start, so that the modules it imported are known at its end.

It stands on the path of a run under the name that Python looks for, and hands on to the one that it hides. Nothing
happens until the process ends; one that is killed, or that was told to look at no variables, leaves no list.
"""

# It runs in any Python that a project has, however old, and before anything else: whatever it imported here would
# cost every script. So types stand in comments.
# ruff: noqa: ANN001, ANN202, PTH100, PTH120
import os
import sys

RUN_FOLDER_VARIABLE = "WORKBENCH_RUN_DIR"
IMPORTED_NAME = "imported.txt"

_MOST_BYTES = 8 << 20
# What linear algebra, threads and accelerators are loaded from.
_LIBRARIES = ("blas", "mkl_rt", "blis", "atlas", "armpl", "lapack", "gomp", "iomp", "libomp", "libcu", "amdhip")


def _register():
    # type: () -> None
    folder = os.environ.get(RUN_FOLDER_VARIABLE)
    if folder:
        import atexit

        atexit.register(_record, os.path.join(folder, IMPORTED_NAME))  # noqa: PTH118


def _record(path):
    # type: (str) -> None
    """Append one line for the interpreter, each module that is not its own, and each library of interest."""
    try:
        lines = ["P\t%s\n" % sys.executable]  # noqa: UP031 - cheaper than it looks, and older Pythons read it too
        lines += ["M\t%s\t%s\n" % pair for pair in _modules()]  # noqa: UP031
        lines += ["L\t%s\n" % name for name in _mapped()]  # noqa: UP031
        text = "".join(line for line in lines if line.count("\n") == 1).encode("utf-8", "surrogateescape")
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            if os.fstat(file).st_size < _MOST_BYTES:
                os.write(file, text)
        finally:
            os.close(file)
    except Exception:  # noqa: S110 - a script must not end badly because of this
        pass


def _modules():
    # type: () -> list[tuple[str, str]]
    """Return name and file of each module from outside the standard library."""
    standard = os.path.dirname(os.__file__) + os.sep
    own = os.path.dirname(os.path.abspath(__file__)) + os.sep
    found = []
    for name, module in list(sys.modules.items()):
        try:
            # The plain way to ask would make modules load that wait to be used.
            file = object.__getattribute__(module, "__dict__").get("__file__")
        except Exception:  # noqa: S112 - anything may stand in sys.modules
            continue
        if not isinstance(file, str) or file.startswith(own):
            continue
        if file.startswith(standard) and "-packages" + os.sep not in file:
            continue
        found.append((name, file if file.startswith(os.sep) else os.path.abspath(file)))
    return found


def _mapped():
    # type: () -> list[str]
    """Return the names of mapped libraries of interest; only a process with NumPy, PyTorch or the like is looked at."""
    if not any(name in sys.modules for name in ("numpy", "torch", "jaxlib", "tensorflow", "scipy")):
        return []
    try:
        with open("/proc/self/maps", "rb") as maps:  # noqa: PTH123
            paths = {line[line.find(b"/") :].strip() for line in maps.read().split(b"\n") if b".so" in line}
    except OSError:
        return []
    names = {os.fsdecode(path.rpartition(b"/")[2]) for path in paths}
    return sorted(name for name in names if name.startswith("lib") and any(word in name for word in _LIBRARIES))


def _hand_on():
    # type: () -> None
    """Run the module of this name that Python would have found without Workbench."""
    try:
        from _frozen_importlib import module_from_spec
        from _frozen_importlib_external import PathFinder
    except ImportError:  # Python 2, where it cannot be told which one that is
        return

    own = os.path.dirname(os.path.abspath(__file__))
    spec = PathFinder.find_spec("sitecustomize", [folder for folder in sys.path if folder != own])
    if spec is not None and spec.loader is not None:
        sys.modules["sitecustomize"] = module = module_from_spec(spec)
        spec.loader.exec_module(module)


if __name__ == "sitecustomize":
    _register()
    _hand_on()
