"""The house rules that a linter does not know: pure functions from a file's name and text to sentences of fault.

Names are paths relative to the repository, with forward slashes. tests/unit/test_manners.py applies them to the tree
and shows that each can fail.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

MAX_LINES = 399
SLEEPS = {"time.sleep", "anyio.sleep", "trio.sleep", "qtbot.wait", "QTest.qWait"}
DATABASES = {"sqlite3", "_sqlite3", "pysqlite3", "sqlite_utils", "sqlcipher3"}
DATABASE_IMPORTERS = {
    "console/store/_sqlite.py": {"sqlite3", "pysqlite3", "sqlite_utils"},
    "console/plane/db.py": {"sqlite3", "pysqlite3"},
}
FENCED = {"console", "PySide6", "shiboken6", "pyqtgraph", "requests", "keyring", "sqlalchemy", "aiohttp", "fastapi"}
NETWORK = ("http.client", "http.server", "urllib.request", "urllib3", "socket", "socketserver", "ssl", "smtplib")
DESK = {"actions", "queries", "sync", "store", "runtime", "ui", "protocol", "policy", "evidence", "proof", "domain"}

# Written in two parts, because this very file is read by the rule.
REGISTRIES = ["pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "deb.debian" + ".org", "ubuntu" + ".com"]
MACHINE_PATH = re.compile(r"(?<![\w.~])/(?:" + "roo" + "t|wor" + "k|home/[\\w-]+|Users/[\\w-]+|opt/pyp" + r"i)[/-]\w")


def too_long(name: str, text: str) -> Iterator[str]:
    """A Python file has under 400 lines: whoever opens it can hold it in mind."""
    if (lines := len(text.splitlines())) > MAX_LINES:
        yield f"{name} has {lines} lines; {MAX_LINES} is the most: find the two things that it does"


def no_docstring(name: str, text: str) -> Iterator[str]:
    """A module says its purpose, in a sentence, before anything else."""
    docstring = ast.get_docstring(ast.parse(text)) or ""
    if len(docstring.split()) < 4 or not re.search(r"[.:?!]", docstring):
        yield f"{name} does not begin with a docstring that says its purpose in a sentence"


def misplaced_init(name: str, text: str) -> Iterator[str]:
    """`packaging`, `data`, `resources` and `tests` are folders: as packages they would shadow libraries."""
    if name.endswith("__init__.py") and name.split("/")[0] in {"packaging", "data", "resources", "tests"}:
        yield f"{name} makes a package of a folder that must not be one"


def missing_inits(names: set[str]) -> Iterator[str]:
    """Each folder of `console` with Python in it is a package: import-linter does not look into others."""
    for folder in sorted({name.rpartition("/")[0] for name in names if name.startswith("console/")}):
        if f"{folder}/__init__.py" not in names:
            yield f"{folder} has no __init__.py, so no import contract sees it"


def second_database_importer(name: str, text: str) -> Iterator[str]:
    """SQLite has one importer a side, however the import is written: two libraries on one file corrupt it."""
    allowed = DATABASE_IMPORTERS.get(name, set())
    for module in imports(text):
        if (library := module.split(".")[0]) in DATABASES - allowed:
            yield f"{name} imports {library}; only {' and '.join(DATABASE_IMPORTERS)} may know SQLite"


def hidden_import(name: str, text: str) -> Iterator[str]:
    """What a contract fences is never imported by a string, which import-linter cannot see."""
    for module in imports_by_string(ast.parse(text)):
        if module.split(".")[0] in FENCED:
            yield f"{name} imports {module} by a string, where no contract sees it"


def network_on_the_desk(name: str, text: str) -> Iterator[str]:
    """Of the desk only `remote` knows the network; the standard library counts."""
    if name.split("/")[0] == "console" and name.split("/")[1].removesuffix(".py") in DESK:
        for module in imports(text):
            if f"{module}.".startswith(tuple(f"{one}." for one in NETWORK)):
                yield f"{name} imports {module}; of the desk only console/remote knows the network"


def fixed_sleep(name: str, text: str) -> Iterator[str]:
    """A test waits for a condition, never for a time; tests/waiting.py is the one place that sleeps."""
    tree = ast.parse(text)
    by_name = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            called = by_name.get(called, called)
            # A fake may be told how slow to be; a number written down is a test that waits.
            seconds = node.args[0] if node.args else None
            fixed = called == "asyncio.sleep" and isinstance(seconds, ast.Constant) and seconds.value != 0
            if called in SLEEPS or fixed:
                yield f"{name}, line {node.lineno}: {ast.unparse(node)} waits for a time, not for a condition"


def machine_path(name: str, text: str) -> Iterator[str]:
    """Nothing committed names this machine's folders or where packages come from."""
    for number, line in enumerate(text.splitlines(), start=1):
        if MACHINE_PATH.search(line) or any(host in line for host in REGISTRIES):
            yield f"{name}, line {number} names a folder of this machine or a package registry"


def modal_dialog(name: str, text: str) -> Iterator[str]:
    """A box that answers a reflex Enter, or that no test can drive, is not shown."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name | ast.Attribute | ast.alias) and "QMessageBox" in named(node):
            yield f"{name} uses QMessageBox: it takes a reflex Enter for a yes"
        called = method_called(node)
        if called == "exec_" or (
            called == "exec" and not ast.unparse(node).endswith(("app.exec()", ".application.exec()"))
        ):
            yield f"{name}: a modal .exec() cannot be tested; use .open()"


def lambda_slot(name: str, text: str) -> Iterator[str]:
    """A lambda in `.connect(` keeps its window alive for ever."""
    for node in ast.walk(ast.parse(text)):
        if method_called(node) == "connect" and any(isinstance(inner, ast.Lambda) for inner in ast.walk(node)):
            yield f"{name}: `{ast.unparse(node)[:60]}` connects a lambda; connect a named method"


def unwanted_name(name: str, text: str) -> Iterator[str]:
    """A name says what a thing is for: `utils`, `helpers` and `Manager` say nothing."""
    if re.search(r"/(utils?|helpers?|misc|common)(\.py$|/)", name):
        yield f"{name} is a drawer for everything; name it for its one reason to exist"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and node.name.endswith("Manager"):
            yield f"{name}, line {node.lineno}: {node.name} does not say what it does"


def compiled_with_address(name: str, text: str) -> Iterator[str]:
    """A compiled requirements file says what, never from where; everything in it has a hash."""
    for number, line in enumerate(text.splitlines(), start=1):
        bare = re.sub(r"--no-emit-[\w-]+", "", line)
        if re.search(r"https?:|file:[./]|git\+|--(extra-)?index-url|--find-links|--trusted-host|\s/\w", bare):
            yield f"{name}, line {number} holds an address or an option of this machine"
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        if re.match(r"[A-Za-z0-9]", block) and "--hash=sha256:" not in block:
            yield f"{name}: {block.splitlines()[0]} has no hash"


def imports(text: str) -> Iterator[str]:
    """Each module that the text imports, at any depth, also for type checking only and by string."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
    yield from imports_by_string(tree)


def imports_by_string(tree: ast.AST) -> Iterator[str]:
    """Each module named in a literal call of `import_module` or `__import__`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def method_called(node: ast.AST) -> str:
    """The name of the method that this node calls; empty when it calls none."""
    return node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""


def named(node: ast.Name | ast.Attribute | ast.alias) -> str:
    """The identifier that a node carries."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else node.name


Rule = Callable[[str, str], Iterator[str]]
