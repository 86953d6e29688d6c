"""The architecture page names what is there."""

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers/antiphon/antiphon"
PAGE = (ROOT / "docs/architecture.md").read_text()


def exists(name):
    places = [PACKAGE / name, ROOT / name]
    return any(place.exists() or place.with_suffix(".py").exists() for place in places)


def test_every_folder_and_module_that_the_page_lists_exists():
    rooms = re.findall(r"^\| (`[^|]+`) \|", PAGE, re.MULTILINE)
    named = [name.strip().rstrip("/") for room in rooms for name in re.findall(r"`([^`]+)`", room)]
    assert len(named) > 20
    assert [name for name in named if not exists(name)] == []


def test_every_folder_of_the_package_is_on_the_page():
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert {folder for folder in folders if f"`  {folder}/`" not in PAGE} == set()


def test_every_step_of_the_ways_of_a_request_and_of_a_delta_exists():
    ways = "".join(re.findall(r"```\n(.*?)```", PAGE, re.DOTALL))
    steps = re.findall(r"\b((?:web|access|spec|run|context|answering|stream)/[a-z]\w*)", ways)
    assert len(steps) > 15
    assert [step for step in steps if not exists(step)] == []


def named_in(body):
    """Return what a body of statements defines, by name."""
    named = {}
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            named[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            named[node.target.id] = node
        elif isinstance(node, ast.Assign):
            named |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
    return named


def is_defined(module, path):
    body = ast.parse((PACKAGE / f"{module}.py").read_text()).body
    for name in path.split("."):
        found = named_in(body).get(name)
        if found is None:
            return False
        body = getattr(found, "body", [])
    return True


def test_every_function_and_class_that_the_page_names_exists():
    named = re.findall(r"\b([a-z_]+(?:/[a-z_]+)*):(_?[A-Za-z][\w.]*\w)", PAGE)
    assert len(named) > 40
    assert [f"{module}:{path}" for module, path in named if not is_defined(module, path)] == []


def test_every_word_of_the_glossary_has_one_row_and_a_name_in_the_code():
    section = PAGE.split("## The words")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([a-z ]+) \| .+ \| `[\w/]+:[\w.]+` \|$", section, re.MULTILINE)
    words = [word for word in rows if word != "word"]
    assert len(words) == len(set(words)) >= 20
    assert len(words) == section.count("\n|") - 2, "a row has another form"


SPECIFICATIONS_WORDS = {"Refusal", "RefusalDelta"}
"""Names of the specification's own models, which other classes have too."""


def test_no_two_public_classes_share_a_name():
    files = [path for folder in (PACKAGE, ROOT / "local", ROOT / "cli") for path in folder.rglob("*.py")]
    names = Counter(name for file in files for name in re.findall(r"^class ([A-Z]\w*)", file.read_text(), re.MULTILINE))
    assert {name for name, count in names.items() if count > 1} <= SPECIFICATIONS_WORDS


def test_no_test_imports_from_another_test_module():
    """What two of them share is in ``tests/support``."""
    files = [path for path in (ROOT / "tests").rglob("*.py") if "node_modules" not in path.parts]
    shared = re.compile(r"^\s*(?:from|import) tests\.\S*\btest_\w+", re.MULTILINE)
    assert [path.name for path in files if shared.search(path.read_text(encoding="utf-8"))] == []


def test_every_module_of_the_tests_support_is_on_its_page():
    page = (ROOT / "tests/support/README.md").read_text()
    named = set(re.findall(r"`(\w+)`", page))
    modules = {path.stem for path in (ROOT / "tests/support").glob("*.py")}
    assert modules - named == set()


def test_every_decision_has_a_number_of_its_own_and_bears_it_in_its_title():
    pages = sorted((ROOT / "docs/adr").glob("*.md"))
    numbers = [int(page.name[:4]) for page in pages]
    assert len(numbers) == len(set(numbers))
    assert [
        page.name
        for page, number in zip(pages, numbers, strict=True)
        if not page.read_text().startswith(f"# {number}. ")
    ] == []
