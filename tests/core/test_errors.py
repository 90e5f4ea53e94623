"""The error tree is the one its docstring draws."""

import re

from personaloom import errors


def test_the_drawing_names_every_class_and_only_those():
    drawn = set(re.findall(r"\b[A-Z]\w+Error\b", errors.__doc__)) - {"ValueError", "FileNotFoundError"}
    assert drawn | {"Fault"} == set(errors.__all__)


def test_usage_errors_exit_with_2_and_are_value_errors():
    for name in errors.__all__:
        cls = getattr(errors, name)
        if isinstance(cls, type) and issubclass(cls, errors.UsageError):
            assert cls.exit_code == 2
            assert issubclass(cls, ValueError)


def test_the_other_exit_codes_are_the_documented_ones():
    assert errors.PersonaLoomError.exit_code == 1
    assert errors.BudgetExhaustedError.exit_code == 3
    assert errors.RunInterruptedError.exit_code == 130


def test_a_config_error_lists_every_fault_with_its_remedy():
    faults = [errors.Fault("a.b", "is -1", "at least 0"), errors.Fault("c", "unknown key", "did you mean d?")]
    text = str(errors.ConfigError(faults))
    assert "2 faults" in text
    assert "a.b: is -1 → at least 0" in text
    assert "c: unknown key" in text


def test_a_missing_config_reads_as_it_was_written():
    error = errors.ConfigNotFoundError("there is no file x.yaml")
    assert isinstance(error, FileNotFoundError)
    assert str(error) == "there is no file x.yaml"
