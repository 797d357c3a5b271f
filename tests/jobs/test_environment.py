"""Secrets stay in the app: a kernel runs a notebook's code and sees none of them."""

import pytest

from webapp.jobs.environment import child_environment, hub_token, scrubbed_environment

SECRETS = [
    "TUNEBOOK_SECRET_KEY",
    "DATABASE_URL",
    "REDIS_URL",
    "SUPABASE_URL",
    "SUPABASE_KEY",
    "SUPABASE_SERVICE_KEY",
    "SUPABASE_JWT_SECRET",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "HF_TOKEN",
    "GITHUB_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "PGPASSWORD",
    "SENTRY_DSN",
    "RAY_AUTH_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "openai_api_key",
]
HARMLESS = [
    "PATH",
    "HOME",
    "LANG",
    "HF_HOME",
    "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "TUNEBOOK_HOME",
    "TOKENIZERS_PARALLELISM",
]


@pytest.mark.parametrize("name", SECRETS)
def test_a_kernel_gets_no_secret(name):
    assert scrubbed_environment({name: "s3cret", "PATH": "/bin"}) == {"PATH": "/bin"}


@pytest.mark.parametrize("name", HARMLESS)
def test_it_gets_everything_else(name):
    assert scrubbed_environment({name: "x"}) == {name: "x"}


def test_a_job_gets_what_opens_the_store_the_hub_and_other_machines_and_no_more():
    environ = {
        "DATABASE_URL": "sqlite://",
        "TUNEBOOK_SECRET_KEY": "s",
        "TUNEBOOK_HOME": "/h",
        "HF_TOKEN": "t",
        "RAY_AUTH_TOKEN": "r",
        "GOOGLE_APPLICATION_CREDENTIALS": "/google.json",
        "SUPABASE_URL": "https://p.supabase.co",
        "SUPABASE_SERVICE_KEY": "k",
        "SUPABASE_JWT_SECRET": "j",
        "SUPABASE_KEY": "a",
        "GITHUB_TOKEN": "g",
        "PATH": "/bin",
    }
    given = child_environment(environ)
    kept_back = {"GITHUB_TOKEN", "SUPABASE_JWT_SECRET", "SUPABASE_KEY"}
    assert given == {name: value for name, value in environ.items() if name not in kept_back}


def test_the_token_of_the_hub_is_apart():
    assert hub_token({"HF_TOKEN": "t", "PATH": "/bin"}) == {"HF_TOKEN": "t"}
    assert hub_token({"HF_TOKEN": "", "PATH": "/bin"}) == {}
