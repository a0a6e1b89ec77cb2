"""What a release holds: the wheel the package alone, the sdist also tests, docs and licence."""

import shutil
import subprocess
import sys
import tarfile
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
        return in_sdist, set(archive.namelist())


def files(*folders, suffix="*.py"):
    return {
        str(path.relative_to(ROOT)) for folder in folders for path in (ROOT / folder).rglob(suffix)
    }


def test_sdist_holds_all_that_its_tests_read(release):
    in_sdist, _ = release
    wanted = files("sklearn_softloss", "tests", "examples") | files("docs", suffix="*.md")
    wanted |= {"LICENSE", "README.md", "CHANGELOG.md", "constraints.txt", "pyproject.toml"}
    assert wanted - in_sdist == set()


def test_wheel_holds_the_package_alone(release):
    _, in_wheel = release
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
