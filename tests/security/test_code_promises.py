"""What the code never does, read from the code itself: nothing that runs data as code, or asks the network unguarded.

Ruff's rules S (flake8-bandit) hold much of this too; here are the promises in full, whatever its settings are.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOURCES = sorted([*(REPOSITORY / "components").rglob("*.py"), *(REPOSITORY / "pipelines").rglob("*.py")])

FORBIDDEN_MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "telnetlib", "ftplib"}
"""Formats that run code when they are read, and protocols without encryption."""

PROCESSES = "joblib.externals.loky"
"""What joblib has of processes, which reads nothing but what its own process sends."""

XML_THAT_READS = {"parse", "fromstring", "iterparse", "XML", "XMLID", "XMLParser", "XMLPullParser", "ElementTree"}
FORBIDDEN_CALLS = {
    "eval": "runs data as code",
    "exec": "runs data as code",
    "compile": "makes code of data",
    "__import__": "loads what data names",
    "os.system": "is a shell",
    "os.popen": "is a shell",
    "os.execv": "leaves the process's own care",
    "subprocess.getoutput": "is a shell",
    "subprocess.getstatusoutput": "is a shell",
    "commands.getoutput": "is a shell",
    "tempfile.mktemp": "is a name that another process may take first",
    "yaml.unsafe_load": "makes any object",
    "yaml.full_load": "makes objects",
    "yaml.load_all": "makes any object",
    "urllib.request.urlopen": "opens files and other schemes, without a time limit",
    "urllib.request.urlretrieve": "opens files and other schemes, without a time limit",
    "pandas.read_pickle": "runs data as code",
    "torch.jit.load": "runs data as code",
    "torch.hub.load": "fetches code",
    "ssl._create_unverified_context": "trusts anybody",
}
UNSAFE_ARGUMENTS = {
    "shell": "is a shell",
    "allow_pickle": "runs data as code",
    "trust_remote_code": "fetches code",
    "pickle_module": "runs data as code",
}
"""Keywords that may only be False where they are given."""

SAFE_LOADERS = {"yaml.SafeLoader", "yaml.CSafeLoader"}
REQUESTS = {"get", "post", "put", "patch", "delete", "head", "options", "request"}


def problems(source: str) -> Iterator[str]:
    """What a module does against the promises, each with its line."""
    tree = ast.parse(source)
    names = _imported(tree)
    safe = SAFE_LOADERS | _safe_loaders(tree, names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _of_import(node)
        elif isinstance(node, ast.Call):
            yield from (f"line {node.lineno}: {problem}" for problem in _of_call(node, names, safe))


def _imported(tree: ast.Module) -> dict[str, str]:
    """What each name of an import stands for, in full."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _of_import(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    for module in modules:
        if module.partition(".")[0] in FORBIDDEN_MODULES and not f"{module}.".startswith(f"{PROCESSES}."):
            yield f"line {node.lineno}: imports {module}"


def _of_call(node: ast.Call, names: dict[str, str], safe: set[str]) -> Iterator[str]:
    called = _dotted(node.func, names)
    given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    if called in FORBIDDEN_CALLS:
        yield f"{called} {FORBIDDEN_CALLS[called]}"
    if called == "yaml.load":
        loader = given.get("Loader") or (node.args[1] if len(node.args) > 1 else None)
        if loader is None or _dotted(loader, names) not in safe:
            yield "yaml.load makes any object, unless its loader is a safe one"
    for name, why in UNSAFE_ARGUMENTS.items():
        if name in given and not _is(given[name], False):
            yield f"{called}({name}=…) {why}"
    if called in ("np.load", "numpy.load") and "allow_pickle" not in given:
        yield "np.load without allow_pickle=False"
    if called == "torch.load" and not ("weights_only" in given and _is(given["weights_only"], True)):
        yield "torch.load without weights_only=True"
    if "verify" in given and not _is(given["verify"], True):
        yield f"{called}(verify=…) may trust anybody"
    method = called.rpartition(".")[2]
    if method in REQUESTS and _speaks_http(called):
        if "timeout" not in given:
            yield f"{called} without timeout"
        if called != "self._session.request" and not _is(given.get("allow_redirects"), False):
            yield f"{called} follows redirects"
    if called.startswith("xml.") and called.rpartition(".")[2] in XML_THAT_READS:
        yield f"{called} reads XML, which may expand without end"


def _safe_loaders(tree: ast.Module, names: dict[str, str]) -> set[str]:
    """Loaders of YAML that a module makes out of the safe one."""
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return {node.name for node in classes if any(_dotted(base, names) in SAFE_LOADERS for base in node.bases)}


def _speaks_http(called: str) -> bool:
    owner = called.rpartition(".")[0]
    return owner == "requests" or owner.endswith("session")


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, names)}.{node.attr}"
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else "…"


def _is(node: ast.expr | None, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def test_there_is_something_to_read() -> None:
    assert len(SOURCES) > 300


@pytest.mark.parametrize("folder", sorted({path.parent for path in SOURCES}), ids=lambda path: path.name)
def test_the_code_keeps_its_promises(folder: Path) -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}: {problem}"
        for path in sorted(folder.glob("*.py"))
        for problem in problems(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "import marshal as plain",
        "eval(text)",
        "exec(text)",
        "import os\nos.system(text)",
        "from os import popen\npopen(text)",
        "import subprocess\nsubprocess.run(text, shell=True)",
        "import subprocess\nsubprocess.run(text, shell=flag)",
        "import tempfile\ntempfile.mktemp()",
        "import yaml\nyaml.load(text)",
        "import yaml\nyaml.load(text, Loader=yaml.Loader)",
        "import yaml\nclass Own(yaml.Loader): pass\nyaml.load(text, Own)",
        "from yaml import unsafe_load as read\nread(text)",
        "import numpy as np\nnp.load(file)",
        "import numpy as np\nnp.load(file, allow_pickle=True)",
        "import torch\ntorch.load(file)",
        "import torch\ntorch.load(file, weights_only=False)",
        "import requests\nrequests.get(address)",
        "import requests\nrequests.get(address, timeout=5)",
        "import requests\nrequests.get(address, timeout=5, allow_redirects=False, verify=False)",
        "session.request('GET', address)",
        "import xml.etree.ElementTree as xml\nxml.fromstring(text)",
        "from urllib.request import urlopen\nurlopen(address)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
    ],
)
def test_what_would_be_found(line: str) -> None:
    assert list(problems(line))


@pytest.mark.parametrize(
    "line",
    [
        "import re\nre.compile(text)",
        "model.eval()",
        "import yaml\nyaml.safe_load(text)",
        "import yaml\nclass Own(yaml.SafeLoader): pass\nyaml.load(text, Own)",
        "import numpy as np\nnp.load(file, allow_pickle=False)",
        "import subprocess\nsubprocess.run([program], shell=False)",
        "from joblib.externals.loky import ProcessPoolExecutor",
        "import requests\nrequests.get(address, timeout=5, allow_redirects=False)",
        "import xml.etree.ElementTree as xml\nxml.tostring(view)",
    ],
)
def test_what_is_no_problem(line: str) -> None:
    assert not list(problems(line))
