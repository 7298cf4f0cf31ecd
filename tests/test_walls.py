"""The walls of the house: who imports whom, and what must not be loaded."""

import ast
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# A module imports only from those before it.
ORDER = {
    "steadkit": """
        version errors program atomic paths processes schema capacity types geodesy cluster
        console sources trace example catalog packed_names hdf5 store manifest sampling
        expressions selection presets split dataset_files subset merge build verify check records
        convert synthetic demo labels transforms pipeline preview info plots dataset cli __init__
        __main__""",
    "eqt": """backend config sizes presets kernels layers blocks model layer_plan threads inference
        probabilities formats runs seen model_io pretrained picking transformer metrics plots
        position_bias training evaluation compare visualize quickstart experiments prediction cli
        __init__ __main__""",
}
HEAVY = (
    *("tensorflow", "keras", "pandas", "h5py", "scipy", "matplotlib", "torch", "pooch", "onnx"),
    "pyproj",
)


def imports(path: Path) -> set[str]:
    """List the modules of the house that a file imports, at its top or in a body."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = (
            [a.name for a in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        )
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{name}" for name in names]
        found |= {".".join(name.split(".")[:2]) for name in names if name.split(".")[0] in ORDER}
    return found


def modules() -> list[tuple[str, str, Path]]:
    """List (package, module, file) of the whole house; a folder counts as one module."""
    listed = []
    for package in ORDER:
        for path in sorted((ROOT / package).rglob("*.py")):
            inside = path.relative_to(ROOT / package)
            listed.append((package, inside.with_suffix("").parts[0], path))
    return listed


@pytest.mark.parametrize(
    ("package", "module", "path"), modules(), ids=lambda x: str(x).rpartition("/")[2]
)
def test_a_file_imports_only_from_those_before_it(package, module, path):
    order = ORDER[package].split()
    assert module in order, f"{package}/{module}: say where it stands in the flow"
    for imported in imports(path):
        its_package, _, its_module = imported.partition(".")
        if its_package == package and its_module in order and its_module != module:
            assert order.index(its_module) < order.index(module), imported
        assert (package, its_package) != ("steadkit", "eqt"), "steadkit knows nothing of eqt"


def loaded(code: str) -> set[str]:
    """Tell which heavy libraries a fresh interpreter has loaded after some code."""
    check = f"{code}\nimport sys; print([m for m in {HEAVY} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    return set(ast.literal_eval(out.stdout.splitlines()[-1]))


def commands() -> list[tuple[str, ...]]:
    """List every command and subcommand."""
    from eqt.cli import main as eqt
    from steadkit.cli import main as steadkit

    groups = {"steadkit": steadkit, "eqt": eqt}
    listed: list[tuple[str, ...]] = [(program,) for program in groups]
    for program, group in groups.items():
        listed += product([program], group.commands)
    return listed


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_help_loads_nothing_heavy(command):
    program, *arguments = command
    code = f"from {program}.cli import main\nmain([*{arguments}, '--help'], standalone_mode=False)"
    assert loaded(code) == set()


def test_only_kernels_use_what_keras_and_tensorflow_keep_private():
    private = re.compile(r"keras\.src|raw_ops|\._keras_|\._momentums|\._get_variable_index")
    users = {path.parent.name for _, _, path in modules() if private.search(path.read_text())}
    assert users == {"kernels"}
    for path in (ROOT / "eqt" / "layers").glob("*.py"):
        assert "tensorflow as tf" not in path.read_text(), path


def test_importing_steadkit_loads_nothing_heavy():
    assert loaded("import steadkit, eqt") == set()


def test_the_data_side_never_needs_tensorflow():
    code = "import steadkit.cli, steadkit.subset, steadkit.merge, steadkit.demo, steadkit.pipeline"
    assert not {"tensorflow", "keras"} & loaded(code)


def words_of_others(path: Path) -> list[int]:
    """List lines that put what a library or Python says into a message as it is."""
    lines = []
    handlers = [
        n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ExceptHandler)
    ]
    for handler in handlers:
        caught = {n.id for n in ast.walk(handler.type or ast.Tuple()) if isinstance(n, ast.Name)}
        for node in ast.walk(handler):
            if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Name):
                is_raw = node.conversion != -1 or not caught <= {"InputError", "ValueError"}
                if node.value.id == handler.name and is_raw:
                    lines.append(node.lineno)
    return lines


def test_no_message_is_what_python_or_a_library_says():
    found = [(str(path), lines) for _, _, path in modules() if (lines := words_of_others(path))]
    assert found == []  # `errors.error_detail` puts it, short, at the end of a message


def test_every_file_says_what_it_is_about():
    for _, _, path in modules():
        first = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
        assert first.endswith(".") or first.endswith(":"), path
