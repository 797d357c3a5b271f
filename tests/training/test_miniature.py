import json

from transformers import AutoConfig, AutoTokenizer


def test_it_is_an_ordinary_folder_of_the_models_own_class(distinct_model, miniature_of):
    folder = miniature_of(distinct_model)
    config = AutoConfig.from_pretrained(folder)
    assert config.architectures == [distinct_model.shape.class_name]
    assert config.tie_word_embeddings == distinct_model.shape.tied
    assert len(AutoTokenizer.from_pretrained(folder)) <= config.vocab_size


def test_its_tokenizer_keeps_every_text_and_every_special_token_whole(distinct_model, miniature_of):
    tokenizer = AutoTokenizer.from_pretrained(miniature_of(distinct_model))
    text = f"Hello  two spaces{tokenizer.eos_token}\n\té 世界 🚲"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == text
    assert ids.count(tokenizer.eos_token_id) == 1


def test_a_hybrid_keeps_each_kind_of_layer(miniature_of):
    from webapp.catalog import models

    for model in models():
        if model.hybrid:
            config = json.loads((miniature_of(model) / "config.json").read_text())
            assert len(set(config["layer_types"])) == config["num_hidden_layers"] > 1


def test_the_same_rows_give_the_same_weights(tmp_path, conversations):
    from webapp.catalog import find_model
    from webapp.training.families import families
    from webapp.training.miniature import make_miniature

    model = find_model("smollm2-360m")
    family = families()[model.template_family]
    shape = model.shape.config_values()
    made = [make_miniature(tmp_path / name, model.shape.model_type, shape, family, conversations, 256) for name in "ab"]
    assert made[0].warm_loss == made[1].warm_loss < made[0].untrained_loss
    assert (tmp_path / "a/model.safetensors").read_bytes() == (tmp_path / "b/model.safetensors").read_bytes()
