"""The shipped config options of the query group fit the constructor they name."""

import inspect
from pathlib import Path

import pytest
import yaml

from personaloom.queries import UserQueryGenerator

FOLDER = Path(__file__).parents[2] / "conf" / "query"
PARAMETERS = inspect.signature(UserQueryGenerator).parameters


@pytest.mark.parametrize("option", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_every_key_of_an_option_is_a_parameter(option):
    given = yaml.safe_load((FOLDER / f"{option}.yaml").read_text("utf-8"))
    assert set(given) - {"_target_", "defaults"} <= set(PARAMETERS)


def test_the_default_option_names_every_setting_with_its_default():
    given = yaml.safe_load((FOLDER / "default.yaml").read_text("utf-8"))
    assert given.pop("_target_") == "personaloom.queries.UserQueryGenerator"
    settings = {name: p.default for name, p in PARAMETERS.items() if p.kind is p.KEYWORD_ONLY}
    assert given == settings


def test_the_file_option_demands_a_path_and_is_the_default_otherwise():
    """It inherits nothing: merging would let the default's null stand for the missing path."""
    default, file = (yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8")) for name in ("default", "file"))
    assert file == default | {"path": "???"}
