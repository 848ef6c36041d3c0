"""Networks that are opened by a thread: they come by name, with their errors, and no thread is left."""

import threading
from pathlib import Path

import pytest

from mien.assembly import factory
from mien.assembly.embedded_networks import EmbeddedNetworks
from mien.errors import ModelMissing
from mien.models.library.store import Store
from mien.settings import Settings


def test_models_take_the_networks_that_were_begun() -> None:
    before = threading.active_count()
    with EmbeddedNetworks(Store()) as networks:
        models = factory.open_models(Settings(), Store(), networks)
        assert models.finisher is networks.finisher()
        assert models.ages is networks.ages()
        assert models.parser is networks.parser()
        assert models.hand_finder is networks.hand_finder()
    assert threading.active_count() == before


def test_a_missing_network_is_told_where_it_is_asked_for(tmp_path: Path) -> None:
    with EmbeddedNetworks(Store(tmp_path)) as networks:
        for ask in (networks.finisher, networks.ages, networks.parser, networks.hand_finder):
            with pytest.raises(ModelMissing):
                ask()
