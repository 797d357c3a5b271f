"""What is measured of a dataset's examples once its report is there, and kept with them."""

from typing import TypeVar

import msgspec

from webapp.accounts import Caller
from webapp.baselines import Gate
from webapp.baselines import gate as measure_gate
from webapp.catalog import TokenRates, models
from webapp.catalog import token_rates as measure_rates
from webapp.datasets import OpenAITokenizer
from webapp.hub import cached_tokenizers
from webapp.notebooks import TrainingConfig
from webapp.workflow.analyses import examples_key, open_examples
from webapp.workflow.lookup import find_dataset
from webapp.workflow.services import Services

GATE, RATES = "gate.json", "token_rates.json"  # among the examples: new ones leave no old findings behind

Finding = TypeVar("Finding", Gate, TokenRates)


def keep_findings(services: Services, dataset_id: str) -> None:
    """Measures whether fine-tuning is the right thing, and tokens per word where a model's own tokenizer is at hand.

    The rows held out are those that a notebook holds out if nothing else is set.
    """
    examples, config = open_examples(services, dataset_id), TrainingConfig()
    _keep(services, dataset_id, GATE, measure_gate(examples, config.eval_fraction, config.seed))
    files = cached_tokenizers(models(), services.settings)
    if rates := measure_rates(examples, OpenAITokenizer(), files):
        _keep(services, dataset_id, RATES, rates)


def gate(services: Services, caller: Caller, dataset_id: str) -> Gate | None:
    """Is fine-tuning the right thing? None as long as nothing was measured; raises Problem `dataset_not_found`."""
    return _kept(services, caller, dataset_id, GATE, Gate)


def token_rates(services: Services, caller: Caller, dataset_id: str) -> TokenRates | None:
    """Tokens per word of the data, None where they are not known; raises Problem `dataset_not_found`."""
    return _kept(services, caller, dataset_id, RATES, TokenRates)


def _keep(services: Services, dataset_id: str, name: str, found: Gate | TokenRates) -> None:
    with services.blobs.new_file(f"{examples_key(dataset_id)}/{name}") as file:
        file.write(msgspec.json.encode(found))


def _kept(services: Services, caller: Caller, dataset_id: str, name: str, kind: type[Finding]) -> Finding | None:
    with services.db.reading() as session:
        dataset = find_dataset(session, caller, dataset_id)
    try:
        return msgspec.json.decode(services.blobs.path(f"{examples_key(dataset.id)}/{name}").read_bytes(), type=kind)
    except FileNotFoundError:
        return None
