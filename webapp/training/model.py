"""The base model and its tokenizer, in the precision this machine can train, with adapters when the method has them."""

import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoTokenizer,
    BitsAndBytesConfig,
)

from webapp.training.configuration import RunConfig

OTHER_TOWERS = r".*(vision|audio|multi_modal).*"  # parts of a multimodal model that text does not train


@dataclass(frozen=True)
class Hardware:
    """Where the run happens: `device` ("cuda" or "cpu"), the compute dtype, and the accelerator's name."""

    device: str
    dtype: torch.dtype
    name: str

    @property
    def needs_scaler(self) -> bool:
        """fp16 gradients underflow without loss scaling; bf16 and fp32 do not."""
        return self.dtype == torch.float16

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision where the compute dtype is 16-bit."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device, self.dtype)


def find_hardware() -> Hardware:
    """bf16 from compute capability 8.0 on, fp16 before it, fp32 on the CPU.

    `torch.cuda.is_bf16_supported()` is not asked: it says True on a T4, where bf16 is emulated.
    """
    if not torch.cuda.is_available():
        return Hardware("cpu", torch.float32, "CPU")
    modern = torch.cuda.get_device_capability() >= (8, 0)
    return Hardware("cuda", torch.bfloat16 if modern else torch.float16, torch.cuda.get_device_name())


def load_tokenizer(config: RunConfig) -> Any:
    """The base model's tokenizer; a missing pad token becomes the end-of-sequence token."""
    tokenizer = AutoTokenizer.from_pretrained(config.base_model)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(config: RunConfig, hardware: Hardware) -> Any:
    """The base model on `hardware.device`, ready to train: LoRA adapters in fp32 over frozen weights, or all weights.

    Full fine-tuning keeps fp32 weights where the compute dtype is fp16, since a GradScaler refuses fp16 gradients.
    """
    options: dict[str, Any] = {"dtype": hardware.dtype}
    if config.method == "qlora":
        options |= four_bit(hardware)
    elif config.method == "full" and hardware.needs_scaler:
        options["dtype"] = torch.float32
    model: Any = base_loader(config.base_model).from_pretrained(config.base_model, **options)
    for name, parameter in model.named_parameters():
        if re.fullmatch(OTHER_TOWERS, name):
            parameter.requires_grad_(False)
    if config.method != "qlora":  # bitsandbytes places a 4-bit model itself
        model = model.to(hardware.device)
    torch.manual_seed(config.seed)  # adapters start from the seed, whatever was drawn before
    if config.method != "full":
        model = add_adapters(model, config)
    if config.gradient_checkpointing:
        model.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
    return model


def base_loader(base_model: str) -> Any:
    """The auto class that loads this model: that of language models, or of multimodal ones."""
    known = AutoConfig.from_pretrained(base_model)
    return AutoModelForCausalLM if type(known) in AutoModelForCausalLM._model_mapping else AutoModelForImageTextToText


def four_bit(hardware: Hardware) -> dict[str, Any]:
    """Loading options for QLoRA: NF4 weights with double quantisation, computed in 16 bit (Dettmers et al., 2023).

    On the CPU, where only dry runs happen, the computation stays in fp32.
    """
    quantization = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=hardware.dtype,
    )
    return {"quantization_config": quantization, "device_map": {"": hardware.device}}


def add_adapters(model: Any, config: RunConfig) -> Any:
    """LoRA on every linear layer of the language model but the head; peft keeps the adapters in fp32."""
    # Imported here: it takes seconds, and full fine-tuning does without it.
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if config.method == "qlora":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    has_other_towers = any(re.fullmatch(OTHER_TOWERS, name) for name, _ in model.named_modules())
    lora = LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules="all-linear",
        exclude_modules=OTHER_TOWERS if has_other_towers else None,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, lora)


def trainable_parameters(model: Any) -> dict[str, torch.nn.Parameter]:
    """The parameters that training changes, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def base_weights(model: Any) -> AbstractContextManager[Any]:
    """Inside it the model answers as the base: adapters off. A fully trained model has no base left to show."""
    context: AbstractContextManager[Any] = getattr(model, "disable_adapter", nullcontext)()
    return context
