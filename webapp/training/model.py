"""The base model and its tokenizer, in the precision this machine can train, with adapters when the method has them."""

import gc
import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
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
from webapp.training.memory import ROOM, Dimensions, Load, predicted_memory

OTHER_TOWERS = r".*(vision|audio|multi_modal).*"  # parts of a multimodal model that text does not train


@dataclass(frozen=True)
class Hardware:
    """Where the run happens: `device` ("cuda" or "cpu"), the compute dtype, the accelerator's name and its memory.

    `memory_bytes` is all that a card has; 0 on the CPU.
    """

    device: str
    dtype: torch.dtype
    name: str
    memory_bytes: int = 0

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
    card = torch.cuda.get_device_properties(0)
    return Hardware("cuda", torch.bfloat16 if modern else torch.float16, card.name, card.total_memory)


def load_tokenizer(config: RunConfig) -> Any:
    """The base model's tokenizer; a missing pad token becomes the end-of-sequence token."""
    tokenizer = AutoTokenizer.from_pretrained(config.base_model)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def architecture_of(base_model: str) -> tuple[Any, Any]:
    """The base model's configuration, and the class that loads it: most read text only, some see pictures too."""
    known = AutoConfig.from_pretrained(base_model)
    text_only = type(known) in AutoModelForCausalLM._model_mapping
    return known, AutoModelForCausalLM if text_only else AutoModelForImageTextToText


@cache
def dimensions_of(config: RunConfig) -> Dimensions:
    """What the base model's memory follows from, counted without its weights: they are not downloaded yet."""
    known, loader = architecture_of(config.base_model)
    with torch.device("meta"):
        skeleton = loader.from_config(known)
    text = known.get_text_config()
    sizes = {name: parameter.numel() for name, parameter in skeleton.named_parameters()}
    towers = sum(size for name, size in sizes.items() if re.fullmatch(OTHER_TOWERS, name))
    # A tied head is the embedding itself; Gemma 4's layers have embeddings of their own.
    tables = [
        part
        for name, part in skeleton.named_modules()
        if isinstance(part, torch.nn.Embedding) and not re.fullmatch(OTHER_TOWERS, name)
    ]
    ends = {id(end.weight): end.weight for end in (*tables, skeleton.get_output_embeddings())}
    # Not read as an attribute: Gemma 4, whose widths differ by layer, refuses that.
    head_dim = text.to_dict().get("head_dim") or text.hidden_size // text.num_attention_heads
    return Dimensions(
        parameters=sum(sizes.values()) - towers,
        other_towers=towers,
        embeddings=sum(weight.numel() for weight in ends.values()),
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        query_width=text.num_attention_heads * head_dim,
        kv_width=text.num_key_value_heads * head_dim,
        ffn=text.intermediate_size * (2 if getattr(text, "use_double_wide_mlp", False) else 1),  # Gemma 4 E2B
        vocab=text.vocab_size,
        heads=text.num_attention_heads,
        recurrent_layers=(getattr(text, "layer_types", None) or []).count("linear_attention"),
    )


def load_of(config: RunConfig, hardware: Hardware, trained: torch.dtype) -> Load:
    """What the run asks of memory when full fine-tuning trains weights of dtype `trained`."""
    return Load(
        method=config.method,
        value_bytes=hardware.dtype.itemsize,
        trained_bytes=trained.itemsize,
        tokens=config.batch_size * config.max_seq_length,
        lora_rank=config.lora_rank,
        checkpointing=config.gradient_checkpointing,
        rows=config.batch_size,
        flash=not hardware.needs_scaler,  # FlashAttention needs what bf16 needs: compute capability 8.0
    )


def weights_dtype(config: RunConfig, hardware: Hardware) -> torch.dtype:
    """The dtype of the base weights: the compute dtype, but for full fine-tuning with 32-bit master weights.

    Updates at usual learning rates are often smaller than a step of bf16, so 32 bits are taken where they fit (`auto`).
    ValueError for 16-bit weights on a card that computes in fp16: a GradScaler refuses fp16 gradients.
    """
    if config.method != "full" or hardware.dtype == torch.float32:
        return hardware.dtype
    if hardware.needs_scaler:
        if config.master_weights == "16-bit":
            raise ValueError(f"{hardware.name} trains in fp16, which needs master_weights '32-bit' or 'auto'")
        return torch.float32
    if config.master_weights == "auto":
        needed = predicted_memory(dimensions_of(config), load_of(config, hardware, torch.float32))
        return torch.float32 if sum(needed.values()) <= ROOM * hardware.memory_bytes else hardware.dtype
    return torch.float32 if config.master_weights == "32-bit" else hardware.dtype


def expected_memory(config: RunConfig, hardware: Hardware) -> dict[str, float]:
    """Bytes that training will need at its peak, by component; see `predicted_memory`."""
    return predicted_memory(dimensions_of(config), load_of(config, hardware, weights_dtype(config, hardware)))


def suited_hardware(config: RunConfig, hardware: Hardware) -> Hardware:
    """The hardware with a dtype that this model's activations fit into.

    Those of Gemma 3 are reported to pass fp16's largest number: where there is no bf16 it computes in fp32.
    """
    known, _ = architecture_of(config.base_model)
    overflows = hardware.needs_scaler and known.model_type.startswith("gemma3")
    return replace(hardware, dtype=torch.float32) if overflows else hardware


def release(model: Any, optimizer: Any) -> None:
    """Frees the memory of an interrupted run in the same kernel; None for what there is not.

    Tensors are emptied where they are: the traceback of what interrupted the run still holds the model.
    """
    if optimizer is not None:
        optimizer.state.clear()
    for parameter in model.parameters() if model is not None else ():
        parameter.grad = None
        parameter.data = torch.empty(0, dtype=parameter.dtype, device=parameter.device)
    free_cache()


def free_cache() -> None:
    """Gives back the memory that nothing holds any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def placement(device: str) -> dict[str, Any]:
    """The `device_map` that puts each weight on a GPU as it is read: main memory never holds the whole model."""
    return {"device_map": {"": device}} if device == "cuda" else {}


def load_model(config: RunConfig, hardware: Hardware) -> Any:
    """The base model on `hardware.device`, ready to train: LoRA adapters in fp32 over frozen weights, or all weights.

    QLoRA has its linear layers in four bits, and only the rest in the compute dtype.
    """
    options: dict[str, Any] = {"dtype": weights_dtype(config, hardware)} | placement(hardware.device)
    if config.method == "qlora":
        options |= four_bit(hardware)
    _, loader = architecture_of(config.base_model)
    model: Any = loader.from_pretrained(config.base_model, **options)
    for part in model.modules():
        # bitsandbytes repacks 4-bit weights at the first evaluation on some CPUs, and then passes no gradients on.
        if hasattr(part, "support_avx512bf16_for_cpu"):
            part.support_avx512bf16_for_cpu = False
    for name, parameter in model.named_parameters():
        if re.fullmatch(OTHER_TOWERS, name):
            parameter.requires_grad_(False)
    torch.manual_seed(config.seed)  # adapters start from the seed, whatever was drawn before
    if config.method != "full":
        model = add_adapters(model, config)
    if config.gradient_checkpointing:
        today = getattr(model, "activation_checkpointing_enable", None)
        enable = today or model.gradient_checkpointing_enable  # its name before transformers 5.23
        enable({"use_reentrant": False})
    return model


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
    from peft import LoraConfig, get_peft_model

    # Not peft's preparation of 4-bit models: it would turn embedding, head and norms into fp32, and all that follows.
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


def sixteen_bit(hardware: Hardware) -> torch.dtype:
    """The 16-bit type of a finished model: the one it was trained in, bf16 where that has 32 bits."""
    return torch.bfloat16 if hardware.dtype == torch.float32 else hardware.dtype


def to_sixteen_bits(model: Any, hardware: Hardware) -> None:
    """Gives a fully trained model its final dtype, weight by weight and in place; adapters keep their 32 bits.

    Buffers stay: rotary frequencies are no weights, and 16 bits are too few for them.
    """
    if not hasattr(model, "disable_adapter"):
        for parameter in model.parameters():
            parameter.data = parameter.data.to(sixteen_bit(hardware))


def held_memory(model: Any) -> dict[str, float]:
    """Bytes of the model's tensors: frozen `weights` and the `adapters` on them; without any, all are weights."""
    trained = sum(parameter.nbytes for parameter in trainable_parameters(model).values())
    everything = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
    has_adapters = hasattr(model, "disable_adapter")
    return {"weights": everything - trained if has_adapters else everything, "adapters": trained if has_adapters else 0}


def base_weights(model: Any) -> AbstractContextManager[Any]:
    """Inside it the model answers as the base: adapters off. A fully trained model has no base left to show."""
    context: AbstractContextManager[Any] = getattr(model, "disable_adapter", nullcontext)()
    return context
