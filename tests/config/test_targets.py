"""``_target_``: the name is checked before the import, and arguments are bound to signatures."""

import sys

import pytest

from personaloom.config import compose, validate
from personaloom.config.instantiate import instantiate
from personaloom.config.targets import find_target
from personaloom.errors import ConfigError

MODULE = """
class Sampler:
    def __init__(self, bank, seed, *, flavour, sweetness=1.0):
        self.bank, self.seed, self.flavour, self.sweetness = bank, seed, flavour, sweetness

class Outer:
    def __init__(self, inner=None, items=()):
        self.inner, self.items = inner, items

import os
escape = os.system
CONSTANT = 3
"""


@pytest.fixture
def mylab(tmp_path, monkeypatch):
    (tmp_path / "mylab_of_tests.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PERSONALOOM_TRUSTED", "mylab_of_tests, other.")
    monkeypatch.chdir(tmp_path)
    yield "mylab_of_tests"
    sys.modules.pop("mylab_of_tests", None)


@pytest.mark.parametrize(
    "target",
    ["os.system", "builtins.open", "webbrowser.open", "personaloom.llm.prompts.re.compile", "personaloom_evil.Thing",
     "subprocess.run", "personaloom.cli.dispatch.os.system", 3, "", "a b", "personaloom..x"],
)  # fmt: skip
def test_what_is_not_trusted_is_not_called(target):
    with pytest.raises(ConfigError):
        find_target(target, "sampler._target_")


def test_an_untrusted_module_is_not_even_imported(tmp_path, monkeypatch):
    (tmp_path / "untrusted_of_tests.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match="PERSONALOOM_TRUSTED"):
        find_target("untrusted_of_tests.Thing", "x")
    assert "untrusted_of_tests" not in sys.modules


def test_a_class_of_the_users_own_is_found_when_its_module_is_trusted(mylab):
    made = instantiate({"_target_": f"{mylab}.Sampler", "flavour": "mint"}, "sampler", bank=1, seed=2)
    assert (made.bank, made.seed, made.flavour, made.sweetness) == (1, 2, "mint", 1.0)


def test_an_import_out_of_a_trusted_module_is_refused(mylab):
    with pytest.raises(ConfigError, match="not trusted"):
        find_target(f"{mylab}.escape", "x")
    with pytest.raises(ConfigError, match="nothing that can be called"):
        find_target(f"{mylab}.CONSTANT", "x")
    with pytest.raises(ConfigError, match="did you mean Sampler"):
        find_target(f"{mylab}.Samplr", "x")


def test_nodes_inside_nodes_are_built_first(mylab):
    node = {
        "_target_": f"{mylab}.Outer",
        "inner": {"_target_": f"{mylab}.Outer"},
        "items": [{"_target_": f"{mylab}.Outer"}],
    }
    made = instantiate(node)
    assert type(made.inner) is type(made) is type(made.items[0])


def test_arguments_are_bound_to_the_signature_before_anything_is_built(mylab):
    overrides = [f"++sampler={{_target_: {mylab}.Sampler, flavor: mint}}", "~sampler"]
    (folder := __import__("pathlib").Path("mine/sampler")).mkdir(parents=True)
    (folder / "mine.yaml").write_text(f"_target_: {mylab}.Sampler\nflavor: mint\n")
    with pytest.raises(ConfigError) as caught:
        validate(compose(["sampler=mine"], config_dirs=[folder.parent]))
    found = {fault.where: str(fault) for fault in caught.value.faults}
    assert "did you mean flavour?" in found["sampler.flavor"]
    assert "needs it" in found["sampler.flavour"]
    assert "sampler.bank" not in found
    (folder / "mine.yaml").write_text(f"_target_: {mylab}.Sampler\nflavour: mint\n")
    assert validate(compose(["sampler=mine"], config_dirs=[folder.parent]))["sampler"]["flavour"] == "mint"
    assert overrides


def test_a_module_that_fails_to_import_says_why(tmp_path, monkeypatch):
    (tmp_path / "broken_of_tests.py").write_text("import no_such_module_anywhere")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PERSONALOOM_TRUSTED", "broken_of_tests")
    with pytest.raises(ConfigError, match="no_such_module_anywhere"):
        find_target("broken_of_tests.Thing", "x")
