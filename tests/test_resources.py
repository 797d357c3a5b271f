"""Files that travel with the package are found in a wheel and in a checkout."""

from pathlib import Path

import pytest

from webapp import resources
from webapp.errors import Problem
from webapp.resources import resource


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "webapp"
    package.mkdir()
    monkeypatch.setattr(resources, "_PACKAGE", package)
    return package


def test_in_a_checkout_they_lie_beside_the_package(package: Path) -> None:
    (package.parent / "static").mkdir()
    (package.parent / "pyproject.toml").touch()
    assert resource("static") == package.parent / "static"


def test_an_installed_package_has_its_own(package: Path) -> None:
    (package / "_data" / "static").mkdir(parents=True)
    (package.parent / "static").mkdir()
    (package.parent / "pyproject.toml").touch()
    assert resource("static") == package / "_data" / "static"


def test_a_strangers_folder_beside_an_installed_package_is_not_taken(package: Path) -> None:
    (package.parent / "static").mkdir()
    with pytest.raises(Problem) as caught:
        resource("static")
    assert (caught.value.code, caught.value.exit_code) == ("installation_incomplete", 3)
    assert "install it again" in caught.value.message


def test_this_installation_has_its_encodings() -> None:
    assert sorted(path.name for path in resource("encodings").iterdir()) == [
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "fb374d419588a4632f3f557e76b4b70aebbca790",
    ]
