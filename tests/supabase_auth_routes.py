"""What Supabase Auth answers to the client.

After supabase_auth 2.34.1: `SyncGoTrueClient.sign_up`, `sign_in_with_password`, `refresh_session` and `get_user`,
`SyncGoTrueAdminAPI.sign_out`, `create_user` and `delete_user`, and `helpers.handle_exception` for the errors of API
version 2024-01-01.
"""

import secrets
from functools import partial
from typing import TYPE_CHECKING, Any

import jwt
from flask import Flask, request

if TYPE_CHECKING:
    from tests.supabase import Person, Project

VERSION = {"X-Supabase-Api-Version": "2024-01-01"}
MIN_PASSWORD = 6


def install(app: Flask, project: "Project") -> None:
    """Adds the routes."""
    at = "/auth/v1"
    app.add_url_rule(f"{at}/.well-known/jwks.json", "jwks", lambda: _jwks(project))
    app.add_url_rule(f"{at}/signup", "signup", lambda: _sign_up(project), methods=["POST"])
    app.add_url_rule(f"{at}/token", "token", lambda: _token(project), methods=["POST"])
    app.add_url_rule(f"{at}/user", "user", lambda: _user(project))
    app.add_url_rule(f"{at}/admin/users", "new_user", lambda: _new_user(project), methods=["POST"])
    app.add_url_rule(f"{at}/admin/users/<user_id>", "no_user", partial(_no_user, project), methods=["DELETE"])
    app.add_url_rule(f"{at}/logout", "logout", lambda: _logout(project), methods=["POST"])


def _jwks(project: "Project") -> Any:
    return {"keys": [] if project.secret else [key.jwk for key in project.published]}


def _sign_up(project: "Project") -> Any:
    asked = request.get_json()
    if len(asked["password"]) < MIN_PASSWORD:
        body = {"code": "weak_password", "message": "Password should be at least 6 characters."}
        return {**body, "weak_password": {"reasons": ["length"]}}, 422, VERSION
    if asked["email"] in project.people:
        return _error(422, "user_already_exists", "User already registered")
    person = project.add_person(
        asked["email"], asked["password"], confirmed=not project.confirm_emails, user_metadata=asked["data"]
    )
    return person.shown() if project.confirm_emails else _session(project, person)


def _token(project: "Project") -> Any:
    asked = request.get_json()
    if project.limited:
        return _error(429, "over_request_rate_limit", "Request rate limit reached")
    if request.args["grant_type"] == "refresh_token":
        found = project.sessions.pop(asked["refresh_token"], None)
        if not found:
            return _error(400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found")
        return _session(project, project.people[found[0]], found[1])
    person = project.people.get(asked["email"])
    if person is None or person.password != asked["password"]:
        return _error(400, "invalid_credentials", "Invalid login credentials")
    if not person.confirmed:
        return _error(400, "email_not_confirmed", "Email not confirmed")
    return _session(project, person)


def _user(project: "Project") -> Any:
    claims = _signed_in(project)
    return next(p.shown() for p in project.people.values() if p.id == claims["sub"]) if claims else _no_session()


def _new_user(project: "Project") -> Any:
    asked = request.get_json()
    if not _is_service(project):
        return _error(403, "not_admin", "User not allowed")
    return project.add_person(asked["email"], asked["password"], confirmed=asked["email_confirm"]).shown()


def _no_user(project: "Project", user_id: str) -> Any:
    if not _is_service(project):
        return _error(403, "not_admin", "User not allowed")
    if user_id not in {person.id for person in project.people.values()}:
        return _error(404, "user_not_found", "User not found")
    project.people = {email: person for email, person in project.people.items() if person.id != user_id}
    return {}


def _is_service(project: "Project") -> bool:
    return request.headers.get("Authorization") == f"Bearer {project.service_key}"


def _logout(project: "Project") -> Any:
    claims = _signed_in(project)
    if not claims:
        return _no_session()
    ended = claims["session_id"] if request.args["scope"] == "local" else None
    project.sessions = {
        token: (email, session)
        for token, (email, session) in project.sessions.items()
        if email != claims["email"] or ended not in (None, session)
    }
    return "", 204


def _session(project: "Project", person: "Person", session: str = "") -> dict[str, Any]:
    claims, refresh = project.claims(person, session), secrets.token_urlsafe(9)
    project.sessions[refresh] = person.email, claims["session_id"]
    return {
        "access_token": project.token(claims),
        "token_type": "bearer",
        "expires_in": project.expires_in,
        "expires_at": claims["exp"],
        "refresh_token": refresh,
        "user": person.shown(),
    }


def _signed_in(project: "Project") -> dict[str, Any] | None:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    key = project.secret or project.signing.private.public_key()
    algorithm = "HS256" if project.secret else project.signing.algorithm
    try:
        return jwt.decode(given, key, algorithms=[algorithm], audience="authenticated")
    except jwt.InvalidTokenError:
        return None


def _no_session() -> Any:
    return _error(403, "bad_jwt", "invalid JWT: unable to parse or verify signature")


def _error(status: int, code: str, message: str) -> Any:
    return {"code": code, "message": message}, status, VERSION
