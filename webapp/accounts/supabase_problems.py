"""What Supabase Auth refuses, in our words: https://supabase.com/docs/guides/auth/debugging/error-codes."""

from webapp.errors import Problem

_CREDENTIALS = {"invalid_credentials", "user_not_found"}
_TAKEN = {"user_already_exists", "email_exists"}
_CLOSED = {"signup_disabled", "email_provider_disabled"}
_TOO_MANY = 429
_RETRY_SECONDS = 60


def refusal(error: Exception | None) -> Problem:
    """The Problem for an error of the client's `auth`; None for an answer that could not be read."""
    code, status = getattr(error, "code", None), getattr(error, "status", 0)
    message = str(getattr(error, "message", ""))[:200].rstrip(".")
    if status == _TOO_MANY:
        text = "Supabase counts too many requests: try again in a minute."
        return Problem("too_many_attempts", text, status=_TOO_MANY, details={"retry_after": _RETRY_SECONDS})
    if not 400 <= status < 500:
        text = "The Supabase project does not answer: try again in a minute."
        return Problem("supabase_unavailable", text, status=503)
    if code in _CREDENTIALS:
        return Problem("wrong_credentials", "The email address or the password is wrong.", status=401)
    if code == "email_not_confirmed":
        text = "Confirm your email address first: a message with a link was sent to it."
        return Problem("email_not_confirmed", text, status=403)
    if code == "weak_password":
        return Problem("weak_password", f"Choose another password: {message}.", param="password")
    if code in _TAKEN:
        text = "There is an account with this email address: sign in."
        return Problem("email_taken", text, status=409, param="email")
    if code in _CLOSED:
        return Problem("registration_closed", "This Supabase project takes no new accounts.", status=403)
    refused_with = status if status in (401, 403, 404) else 400
    return Problem("sign_in_refused", f"Supabase refused this: {message}.", status=refused_with)


def sign_in_over() -> Problem:
    """A refresh token that is good for nothing."""
    return Problem("invalid_refresh_token", "This refresh token is not valid: sign in again.", status=401)
