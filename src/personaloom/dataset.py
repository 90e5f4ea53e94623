"""Whose dataset it is that some parts make: its name, fingerprints and folder, and what it begins with.

All of it follows from the parts alone: nothing is run, and nothing but the folder's own store is read.
"""

from __future__ import annotations

import itertools
from functools import cached_property
from pathlib import Path
from typing import Any

from personaloom.errors import StoreError, UsageError
from personaloom.fingerprint import STAGES, chain, models_of, templates_of
from personaloom.llm.types import Role
from personaloom.origin import Origin
from personaloom.parts import Parts
from personaloom.quality import QualityPlan
from personaloom.store import Store
from personaloom.store_folder import clear_folder, folder_is_ours

__all__ = ["Dataset"]


class Dataset:
    """The dataset that a config describes, there or not.

    Args:
        parts: what it is made of.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    # -- what it begins with ---------------------------------------------------------------------------------------

    @cached_property
    def origin(self) -> Origin | None:
        """What the dataset begins with, or, where the folder itself was read in, that.

        Raises:
            StoreError: the folder's store is damaged, and is not to be made anew.
        """
        if self.parts.start_from is not None:
            return self.parts.start_from
        try:
            return Origin.of(self.parts.dataset_dir)
        except StoreError:
            if not self.parts.reset:
                raise
            return None  # damaged, and to be made anew

    @property
    def alone(self) -> bool:
        """Whether this is a folder that was read in, and not a dataset that goes on from it."""
        return self.origin is not None and self.parts.start_from is None

    # -- name and place --------------------------------------------------------------------------------------------

    @cached_property
    def simulated(self) -> bool:
        """Whether any text of this dataset is made up."""
        if self.alone:
            return False  # nothing is made here
        specs = itertools.chain.from_iterable(self.parts.roles.values())
        return any(spec.client.deployment.simulated for spec in specs)

    @property
    def name(self) -> str:
        """The config's name, with ``SIM-`` in front where text is simulated."""
        name = self.parts.name
        return f"SIM-{name}" if self.simulated and not name.startswith("SIM-") else name

    @property
    def folder(self) -> Path:
        """Where it is: ``dataset_dir``, or a folder named by name and fingerprint."""
        given = self.parts.dataset_dir
        return given or self.parts.output_dir / "datasets" / f"{self.name}-{self.fingerprint[:12]}"

    def open(self) -> Store:
        """Its store, locked for this process; see ``Store``."""
        return Store(self.folder, self.fingerprint)

    def clear(self) -> list[str]:
        """Remove what runs have written into its folder; the ledger keeps what was paid.

        Returns:
            Names of what is left there: it is not ours.

        Raises:
            UsageError: the folder is not one of ours.
            FolderInUseError: a process works in it.
        """
        folder = self.folder
        if not folder_is_ours(folder):
            raise UsageError(f"reset=true: {folder} is no dataset folder of ours, so it is left as it is")
        if not folder.exists():
            return []
        Store.check_free(folder)
        return clear_folder(folder)

    # -- fingerprints ----------------------------------------------------------------------------------------------

    @property
    def fingerprint(self) -> str:
        """The dataset's: that of its last stage."""
        return self.fingerprints["samples"]

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Of each stage."""
        if self.alone and self.origin is not None:  # no setting of this run reaches what was read in
            return dict.fromkeys(STAGES, self.origin.fingerprint)
        parts, seeds = self.parts, self.parts.seeds
        realtime, posthoc = self._noise_links()
        return chain(
            {
                "personas": [
                    parts.bank.fingerprint(),
                    parts.sampler.fingerprint(),
                    seeds.personas,
                    *([self.origin.fingerprint] if self.origin else []),
                ],
                "prompts": self._prompt_links(),
                "queries": [
                    parts.query_generator.fingerprint(),
                    seeds.queries,
                    *self._link(("style_transfer", "infer_context"), Role.STYLIST),
                ],
                "conversations": [
                    parts.interaction_generator.fingerprint(),
                    *self._link(("assistant", "user_feedback"), Role.ASSISTANT, Role.USER),
                    realtime,
                ],
                "noise": [posthoc],
                "samples": [parts.exporter.fingerprint(), *self._filter_links()],
            }
        )

    def _link(self, templates: tuple[str, ...], *roles: Role) -> list[Any]:
        return [templates_of(self.parts.prompts, templates), models_of(self.parts.roles, *roles)]

    def _prompt_links(self) -> list[Any]:
        formulator = self.parts.formulator
        if formulator is None:
            return ["none"]
        models = models_of(self.parts.roles, Role.FORMULATOR)
        return [formulator.fingerprint(self.parts.prompts), self.parts.seeds.generation, models]

    def _noise_links(self) -> tuple[list[Any], list[Any]]:
        """What noise adds to the conversations, and to what stands beside them."""
        distractor = self.parts.distractor
        if distractor is None or not distractor.activation_probability:
            return [], []
        templates = ("extract_semantics", "generate_noise", "verify_noise")
        links = [distractor.fingerprint(), self.parts.seeds.noise, *self._link(templates, Role.NOISE, Role.EXTRACTOR)]
        # Pairs add conversations to the dataset, so a dataset with them is another one; the ledger shares the calls.
        return ([], links) if distractor.mode == "posthoc" else ([*links, distractor.pairs], [])

    def _filter_links(self) -> list[Any]:
        """What decides which samples there are: checks that filter, and nothing that only flags, measures or scores."""
        return [self.quality.fingerprint()] if self.quality.action == "filter" else []

    @cached_property
    def quality(self) -> QualityPlan:
        """Checks, statistics and judge as configured."""
        given = self.parts.quality
        return given if isinstance(given, QualityPlan) else QualityPlan.from_config(given, self.parts.seeds.personas)
