"""The failures that are known, each with its cause and what to do: data, which `decode` reads from the top.

The words that are looked for are those of torch, transformers, peft, bitsandbytes, huggingface_hub, Colab and of the
notebook's own cells; tests/notebooks/test_failures.py raises each error or names where its text is from.
"""

from dataclasses import dataclass, field

from webapp.notebooks import remedies
from webapp.notebooks.remedies import Remedy


@dataclass(frozen=True)
class Rule:
    """One failure. `words` is a regular expression that is searched in the error's `name: value` (or `code: message`).

    `cells` are the tags of the cells it can happen in, all when empty. `sentence` and `hint` may name groups of
    `words` and settings in braces; the hint is a command to run or an address to open.
    """

    code: str
    words: str
    cause: str
    sentence: str
    hint: str | None = None
    remedy: Remedy | None = None
    cells: frozenset[str] = field(default_factory=frozenset)


RULES = (
    Rule(
        "cancelled",
        r"^cancelled: |^KeyboardInterrupt\b",
        "Somebody stopped the run",
        "Run it again: it goes on from its last checkpoint, if there is one.",
    ),
    Rule(
        "timed_out",
        r"^timed_out: ",
        "The run took longer than it may",
        "Run it again and it goes on from its last checkpoint, if there is one, or allow it more time.",
    ),
    Rule(
        "gpu_out_of_memory",
        r"OutOfMemoryError|(CUDA|HIP)( error:)? out of memory|CUBLAS_STATUS_ALLOC_FAILED"
        r"|dispatched on the CPU or the disk",
        "The GPU's memory is full",
        "End what else uses the card, or take a smaller model or a card with more memory.",
        remedy=remedies.less_gpu_memory,
    ),
    Rule(
        "row_too_large",
        r"not even one row of the longest batch fits",
        "The longest row alone needs more memory than there is",
        "Shorten or leave out the longest conversations, or take a smaller model or a machine with more memory.",
        remedy=remedies.less_gpu_memory,
    ),
    Rule(
        "out_of_memory",
        r"DefaultCPUAllocator|\bMemoryError\b|Cannot allocate memory|^(kernel|job)_died: .*signal 9\b",
        "The machine's main memory is full",
        "The system refused more, or killed the notebook's process, which is its way then. End other programs, or take "
        "a machine with more memory; run again, and it goes on from its last checkpoint, if there is one.",
        remedy=remedies.less_main_memory,
    ),
    Rule(
        "memory_exceeded",
        r"^memory_exceeded: ",
        "The run held more main memory than it may",
        "Take a smaller batch, shorter rows or a smaller model, or raise TUNEBOOK_JOB_MEMORY; run again, and it goes "
        "on from its last checkpoint, if there is one.",
        remedy=remedies.less_main_memory,
    ),
    Rule(
        "disk_exceeded",
        r"^disk_exceeded: ",
        "The files of the run take more than they may",
        "Export less, or raise TUNEBOOK_JOB_DISK; run again, and it goes on from its last checkpoint, if there is one.",
        remedy=remedies.without_exports,
    ),
    Rule(
        "kernel_died",
        r"^(kernel|job)_died: ",
        "The notebook's process ended by itself",
        "Run it again: it goes on from its last checkpoint, if there is one. The message above says how it ended.",
    ),
    Rule(
        "disk_full",
        r"No space left on device|Disk quota exceeded|os error 28|unexpected pos \d+ vs \d+|PytorchStreamWriter failed",
        "The disk is full",
        "Make room for the model and its checkpoints, then run again; the models that were downloaded are in the "
        "folder of the hint.",
        hint="du -sh ~/.cache/huggingface/hub",
        remedy=remedies.without_exports,
    ),
    Rule(
        "drive_not_mounted",
        r"mount failed|credential propagation was unsuccessful|Mountpoint must|disabled Drive File Stream"
        r"|Transport endpoint is not connected|No such file or directory: '/content/drive",
        "Google Drive cannot be reached",
        "Allow the access that Colab asks for, with the account that Colab runs under, and run the cell again.",
        remedy=remedies.without_drive,
    ),
    Rule(
        "rows_changed",
        r"the rows have SHA-256 \w+, expected|is another file: found|the rows cannot be decrypted",
        "The rows are not those that the notebook was made for",
        "Get the file of the rows (and their key) again where the notebook is from, or make the notebook again.",
    ),
    Rule(
        "rows_missing",
        r"the rows cannot be fetched",
        "The file of the rows is not there",
        "Download it where the notebook is from, and put it beside the notebook under the name that is given.",
    ),
    Rule(
        "model_gated",
        r"(access a|Cannot access) gated repo|\bis gated: accept|GatedRepoError|HF_TOKEN may not read",
        "The model is gated, and its licence is not accepted yet",
        "Accept the licence on the model's page, and set HF_TOKEN to a token of the same account.",
        hint="https://huggingface.co/{base_model}",
    ),
    Rule(
        "model_not_found",
        r"is not a valid model identifier|Repository Not Found|RepositoryNotFoundError|the hub shows no "
        r"|Repo id must be|does not appear to have a file named|Error no file named|404 (Client Error|Not Found)",
        "The hub has no such model, or it lacks a file",
        "Check the name in base_model; a private model needs HF_TOKEN.",
        hint="https://huggingface.co/{base_model}",
    ),
    Rule(
        "token_refused",
        r"Invalid credentials in Authorization|Invalid user(name or password| token)"
        r"|40[13] (Client Error|Unauthorized|Forbidden)",
        "The hub refuses the token",
        "Make a new token with the right to read, and set it as HF_TOKEN.",
        hint="https://huggingface.co/settings/tokens",
    ),
    Rule(
        "name_not_resolved",
        r"Name or service not known|name resolution|No address associated with hostname|nodename nor servname",
        "A server's name cannot be found",
        "The machine has no network, or its name server does not answer: check the connection and run again.",
    ),
    Rule(
        "hub_unreachable",
        r"couldn't connect to '|LocalEntryNotFoundError|OfflineModeIsEnabled|ReadTimeout"
        r"|Connect(ion)? ?([Rr]efused|[Rr]eset|Error|Timeout)|timed out$|Network is unreachable"
        r"|429 Too Many|Server error '5\d\d|50[0234] Server Error",
        "The Hugging Face hub, or the server of the rows, did not answer",
        "Check the network and run again: what was downloaded is kept.",
        hint="https://status.huggingface.co",
    ),
    Rule(
        "port_in_use",
        r"Address already in use",
        "Another program uses the same port",
        "End that program, often a run that is still going, and run again.",
    ),
    Rule(
        "torchao_too_old",
        r"incompatible version of torchao",
        "peft refuses the torchao that is installed",
        "Nothing of the run needs torchao: remove it, start the kernel anew and run again.",
        hint="pip uninstall --yes torchao",
    ),
    Rule(
        "bitsandbytes_unusable",
        r"bitsandbytes native library|No compatible \w+ binary found|SETUP ERROR: Missing dependency"
        r"|supported by the bitsandbytes version|bitsandbytes.* requires bitsandbytes|libbitsandbytes",
        "bitsandbytes does not work with this machine's CUDA",
        "QLoRA needs it: install a bitsandbytes that suits torch's CUDA, or train without four bits.",
        hint="pip install --upgrade bitsandbytes",
        remedy=remedies.without_four_bits,
    ),
    Rule(
        "no_gpu",
        r"Torch not compiled with CUDA|Found no NVIDIA driver|No CUDA GPUs are available"
        r"|driver version is insufficient",
        "There is no GPU that torch can use",
        "In Colab choose Runtime > Change runtime type > GPU; elsewhere install the driver and a torch with CUDA.",
        hint="nvidia-smi",
    ),
    Rule(
        "gpu_unsuited",
        r"no kernel image is available|requires? compute capability|not compatible with the current PyTorch",
        "torch has no code for this card",
        "Take another card, or a torch that was built for this one.",
        hint="https://pytorch.org/get-started/locally",
    ),
    Rule(
        "gpu_fault",
        r"CUDA error: |CUDNN_STATUS_|CUBLAS_STATUS_",
        "The GPU failed while it computed",
        "Start the kernel anew and run again: it goes on from its last checkpoint, if there is one. If that does "
        "not help, take another card.",
    ),
    Rule(
        "no_fp16_training",
        r"unscale FP16 gradients|trains in fp16, which needs master_weights",
        "16-bit weights cannot be trained in fp16",
        "A card without bf16, such as a T4, trains 32-bit weights or adapters: use those, or a card from 2020 on.",
        remedy=remedies.settled_weights,
    ),
    Rule(
        "no_bf16",
        r"not implemented for 'BFloat16'|doesn't support bf16|[Bb][Ff]loat16 is only supported"
        r"|supported\. Got BFloat16",
        "The card cannot compute in bf16",
        "Use a card from 2020 on (compute capability 8.0), such as an L4 or an A100.",
    ),
    Rule(
        "model_overflows",
        r"base model's loss is \S+ before any training",
        "The base model's own loss is not a number",
        "In fp16 its activations can pass the largest number: use a card with bf16. If it has bf16, the weights may be "
        "damaged: download them again.",
    ),
    Rule(
        "loss_not_finite",
        r"the loss (is|was) (nan|-?inf|not finite)",
        "The loss became infinite or no number",
        "The steps were too large: a lower learning rate, or more warm-up, helps.",
        remedy=remedies.calmer_steps,
    ),
    Rule(
        "no_trained_text",
        r"has no trained text|labels .*are -100",
        "There is no answer to learn from",
        "Write the assistant's answers that are missing, or leave these rows out, and make the notebook again.",
        hint="tunebook analyze DATA",
    ),
    Rule(
        "too_few_rows",
        r"at least two different conversations",
        "There is only one conversation",
        "One must be held out to measure what was learnt: add others, and make the notebook again.",
    ),
    Rule(
        "template_refuses_roles",
        r"roles must alternate|[Oo]nly (user|system).*roles|System role not supported|must start with a user",
        "The model's chat template refuses the order of roles in a conversation",
        "Join messages of one role that follow one another, or choose a model whose template takes them, and make the "
        "notebook again.",
        hint="tunebook fix DATA -o CLEAN.jsonl --normalise-roles --merge-turns",
    ),
    Rule(
        "template_failed",
        r"\b(Template(Syntax)?Error|UndefinedError): |chat_template is not set|the chat template |: row \d+: ",
        "The model's chat template cannot write a conversation",
        "Look at the row that is named, if one is; else choose a model whose template takes such rows.",
    ),
    Rule(
        "tokenizer_unreadable",
        r"instantiate the backend tokenizer|[Cc]an't load tokenizer|data did not match any variant",
        "The model's tokenizer cannot be read",
        "Its files are missing, or are of another version of tokenizers: take the tested versions.",
        hint="pip install --upgrade transformers tokenizers sentencepiece",
    ),
    Rule(
        "transformers_too_old",
        r"does not recognize this architecture|Unrecognized model in|Unrecognized configuration class"
        r"|cannot import name '\w+' from 'transformers|module '?transformers\S* has no attribute",
        "The transformers that is installed does not know the model's class",
        "Install a newer one, start the kernel anew and run again.",
        hint="pip install --upgrade transformers",
    ),
    Rule(
        "other_checkpoint",
        r"size mismatch for|ignore_mismatched_sizes|loaded state dict contains|size of tensor a \(\d+\) must match",
        "Weights or a checkpoint have another shape than the model",
        "The files are of another model or another run: move the checkpoints away, and the run starts anew.",
        hint="mv tunebook-run/checkpoints old-checkpoints",
        cells=frozenset({"model", "train"}),
    ),
    Rule(
        "weights_damaged",
        r"SafetensorError: .*(deserializing|incomplete)|InvalidHeaderDeserialization|PytorchStreamReader failed",
        "A file of weights is damaged or was cut off",
        "Remove the downloaded model, and run again: it is downloaded anew.",
        hint="hf cache rm model/{base_model}",
    ),
    Rule(
        "packages_not_installed",
        r"CalledProcessError: .*'pip'",
        "pip could not install the packages",
        "What it printed says why, often no network: run the cell again.",
        cells=frozenset({"install"}),
    ),
    Rule(
        "package_missing",
        r"(No module named '|No package metadata was found for )(?P<package>[\w-]+)",
        "A package is not installed",
        "Install it on the machine that runs the notebook, and run again.",
        hint="pip install {package}",
    ),
)
