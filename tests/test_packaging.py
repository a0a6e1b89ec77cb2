"""What a release holds: the wheel the package alone, the sdist also tests, docs and licence."""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from sklearn_softloss import __version__

pytest.importorskip("build", reason="needs the package build")
pytest.importorskip("setuptools", minversion="77", reason="needs setuptools >= 77")

ROOT = Path(__file__).parents[1]
NOT_SOURCE = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "_build", "build", "dist")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """Names of the files in the sdist, and in the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("release")
    shutil.copytree(ROOT, folder / "source", ignore=NOT_SOURCE)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder]
    subprocess.run([*command, folder / "source"], check=True, capture_output=True)
    (sdist,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    with zipfile.ZipFile(wheel) as archive:
        return in_sdist, set(archive.namelist()), sdist


def files(*folders, suffix="*.py"):
    return {
        str(path.relative_to(ROOT)) for folder in folders for path in (ROOT / folder).rglob(suffix)
    }


def test_sdist_holds_all_that_its_tests_read(release):
    in_sdist, _, _ = release
    wanted = files("sklearn_softloss", "tests", "examples") | files("docs", suffix="*.md")
    wanted |= {"LICENSE", "README.md", "CHANGELOG.md", "constraints.txt", "pyproject.toml"}
    assert wanted - in_sdist == set()


def test_wheel_holds_the_package_alone(release):
    _, in_wheel, _ = release
    package = {name for name in in_wheel if ".dist-info/" not in name}
    assert package == files("sklearn_softloss") | {"sklearn_softloss/py.typed"}
    assert any(name.endswith("licenses/LICENSE") for name in in_wheel)


def test_the_citation_names_the_version():
    lines = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    assert f"version: {__version__}" in lines


def test_reports_ask_for_the_versions():
    templates = list((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.md"))
    assert templates or not (ROOT / ".git").exists()  # an sdist has none
    for template in templates:
        assert "python -m sklearn_softloss" in template.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def recipe():
    """The recipe for conda, rendered as its builder would."""
    rattler_build = pytest.importorskip("rattler_build")
    found = rattler_build.Stage0Recipe.from_file(str(ROOT / "conda" / "recipe.yaml"))
    (rendered,) = found.render(rattler_build.VariantConfig())
    return rendered.recipe.to_dict()


def test_conda_asks_for_what_pip_asks_for(recipe):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {"torch": "pytorch"}  # as conda-forge calls it
    wanted = {"python": project["requires-python"]}
    for dependency in project["dependencies"]:
        name, _, least = dependency.partition(">=")
        wanted[named.get(name, name)] = f">={least}"
    assert dict(entry.split() for entry in recipe["requirements"]["run"]) == wanted
    assert recipe["package"]["version"] == __version__
    assert recipe["about"]["summary"] == project["description"]
    assert recipe["about"]["license"] == project["license"]


def test_the_script_of_the_recipe_builds_from_the_sdist(recipe, release, tmp_path):
    *_, sdist = release
    assert recipe["source"][0]["path"] == f"../dist/{sdist.name}"
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    python, *arguments = recipe["build"]["script"].split()
    assert python == "python"
    prefix = tmp_path / "prefix"
    command = [sys.executable, *arguments, "--target", prefix]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    imports = recipe["tests"][0]["python"]["imports"]
    code = f"import {', '.join(imports)}; print(sklearn_softloss.__file__)"
    found = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "PYTHONPATH": str(prefix)},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert Path(found.stdout.strip()).is_relative_to(prefix)
