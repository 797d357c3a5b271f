"""What is measured of a dataset's examples once its report is there, and kept with them."""

from collections.abc import Callable
from typing import TypeVar

import msgspec
import structlog

from webapp.accounts import Caller
from webapp.baselines import Gate
from webapp.baselines import gate as measure_gate
from webapp.catalog import TokenRates, models
from webapp.catalog import token_rates as measure_rates
from webapp.catalog.held_out import held_out_share
from webapp.datasets import Examples, OpenAITokenizer
from webapp.hub import cached_tokenizers
from webapp.notebooks import TrainingConfig
from webapp.workflow.analyses import examples_key, open_examples
from webapp.workflow.lookup import find_dataset
from webapp.workflow.services import Services

log = structlog.get_logger("tunebook.findings")

GATE, RATES = "gate.json", "token_rates.json"  # among the examples: new ones leave no old findings behind

Finding = TypeVar("Finding", Gate, TokenRates)


def keep_findings(services: Services, dataset_id: str) -> None:
    """Measures whether fine-tuning is the right thing, and tokens per word where a model's own tokenizer is at hand.

    Never raises: what cannot be measured is logged and not there, and the job that asked for it goes on.
    """

    def rates(examples: Examples) -> TokenRates | None:
        return measure_rates(examples, OpenAITokenizer(), cached_tokenizers(models(), services.settings))

    for name, measure in ((GATE, _gate), (RATES, rates)):
        try:
            _keep(services, dataset_id, name, measure)
        except Exception:
            log.warning("finding_left_out", dataset=dataset_id, finding=name, exc_info=True)


def gate(services: Services, caller: Caller, dataset_id: str) -> Gate | None:
    """Is fine-tuning the right thing? None where it was not measured; raises Problem `dataset_not_found`."""
    return _kept(services, caller, dataset_id, GATE, Gate)


def token_rates(services: Services, caller: Caller, dataset_id: str) -> TokenRates | None:
    """Tokens per word of the data, None where they are not known; raises Problem `dataset_not_found`."""
    return _kept(services, caller, dataset_id, RATES, TokenRates)


def _gate(examples: Examples) -> Gate:
    """With the rows held out that a notebook holds out if nothing else is set."""
    return measure_gate(examples, held_out_share(len(examples)), TrainingConfig().seed)


def _keep(
    services: Services, dataset_id: str, name: str, measure: Callable[[Examples], Gate | TokenRates | None]
) -> None:
    key = f"{examples_key(dataset_id)}/{name}"
    services.blobs.delete(key)
    if found := measure(open_examples(services, dataset_id)):
        with services.blobs.new_file(key) as file:
            file.write(msgspec.json.encode(found))


def _kept(services: Services, caller: Caller, dataset_id: str, name: str, kind: type[Finding]) -> Finding | None:
    with services.db.reading() as session:
        dataset = find_dataset(session, caller, dataset_id)
    try:
        return msgspec.json.decode(services.blobs.path(f"{examples_key(dataset.id)}/{name}").read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.DecodeError):  # not measured, or by a version that wrote it otherwise
        return None
