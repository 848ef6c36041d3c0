"""Parsers of single commands against the parser of all."""

import argparse

import pytest

from mien.commands.parser import build_parser


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (action,) = (each for each in parser._actions if isinstance(each, argparse._SubParsersAction))
    return dict(action.choices)


def test_each_command_alone_is_the_same_as_among_all() -> None:
    whole = _commands(build_parser())
    assert {"swap", "join", "words"} < set(whole)
    for name, parser in whole.items():
        alone = _commands(build_parser(name))
        assert len(alone) < len(whole), f"{name} is not added alone"
        assert alone[name].format_help() == parser.format_help()


@pytest.mark.parametrize("word", [None, "--help", "nonsense"])
def test_every_other_word_gets_all_commands(word: str | None) -> None:
    assert set(_commands(build_parser(word))) == set(_commands(build_parser()))
