"""What to do about each issue of a report, by its code."""

ISSUE_FIXES = {
    "too_few_to_train": "Add examples like these, written or checked by hand.",
    "few_examples": "Add examples; 50 to 100 well-made ones are a beginning, 200 are enough for the score.",
    "invalid_lines": "Mend them, or drop them: tunebook fix --drop-invalid.",
    "leakage": "Take these examples out of one of the two files, or make a new split: tunebook fix --validation-share.",
    "exact_duplicates": "Keep one of each: tunebook fix --dedupe exact.",
    "near_duplicates": "Keep one of each, unless they are other ways to ask the same: tunebook fix --dedupe near.",
    "conflicts": "Decide which answer is right, unless several are wanted.",
    "no_trained_text": "Write the answers, or drop these rows: tunebook fix --drop-empty. No notebook is made before.",
    "empty_answers": "Write the answers, or remove the examples.",
    "very_short_answers": "Check that they say what you want to hear.",
    "long_examples": "Choose a model and a sequence length that hold them, or split them: tunebook fix --max-tokens.",
    "ends_without_answer": "Add the missing answer, or remove what follows the last one.",
    "unusual_order": "Merge messages of one role that follow one another: tunebook fix --merge-turns.",
    "missing_system_prompts": "Give all examples the system prompt that the model will be used with, or none.",
    "unknown_keys": "Nothing, unless one of them holds something to be learned: then say what this column is, or move "
    "a row that has it to the beginning of the file, by whose first rows its columns are known.",
    "older_names": "Nothing; the names of today are written wherever the data is handed on.",
    "secrets": "Take them out (tunebook fix --redact) and revoke them.",
    "personal_data": "Replace it, unless it is made up: tunebook fix --redact.",
    "leaked_markers": "Remove them: tunebook fix --strip-markers.",
    "refusals": "Remove these examples, unless the model shall refuse.",
    "mojibake": "Convert the texts again from their source, as UTF-8.",
    "placeholders": "Fill the gaps, or remove the examples.",
    "repetition": "Cut the answers before they begin to repeat themselves.",
}

# The operation (see repair/operations.py) that mends an issue by itself, where there is one.
ISSUE_OPERATIONS = {
    "invalid_lines": {"name": "drop_invalid"},
    "exact_duplicates": {"name": "dedupe", "kind": "exact"},
    "near_duplicates": {"name": "dedupe", "kind": "near"},
    "no_trained_text": {"name": "drop_empty"},
    "long_examples": {"name": "split_long"},
    "unusual_order": {"name": "merge_turns"},
    "secrets": {"name": "redact"},
    "personal_data": {"name": "redact"},
    "leaked_markers": {"name": "strip_markers"},
}
