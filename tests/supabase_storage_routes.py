"""What Supabase Storage answers to the client, and to whoever has a signed link.

After storage3 2.34.1: `SyncStorageBucketAPI.create_bucket`, `get_bucket` and `list_buckets`, and of its file API
`create_signed_url`, `create_signed_upload_url`, `upload_to_signed_url`, `upload`, `download`, `info`, `exists`, `list`
and `remove`. A refusal has status 400, and the status that is meant in its body, as the hosted one writes it.
"""

import base64
import json
import secrets
import shutil
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, request, send_file

if TYPE_CHECKING:
    from tests.supabase import Project

MAX_LISTED = 1000


@dataclass
class Kept:
    """An object."""

    path: Path
    content_type: str
    metadata: dict[str, Any] | None


def install(app: Flask, project: "Project") -> None:
    """Adds the routes; all but the signed ones are for the service key."""
    for add in (_add_buckets, _add_objects, _add_many, _add_links, _add_signed):
        add(app, project)

    @app.before_request
    def service_key_only() -> Any:
        shown = request.headers.get("Authorization") == f"Bearer {project.service_key}"
        if request.path.startswith("/storage/") and "token" not in request.args and not shown:
            return _refused(403, "Unauthorized", "new row violates row-level security policy")
        return None


def _refused(status: int, error: str, message: str) -> Any:
    return {"statusCode": str(status), "error": error, "message": message}, 400


def _not_found() -> Any:
    return _refused(404, "not_found", "Object not found")


def _add_buckets(app: Flask, project: "Project") -> None:
    def described(name: str) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        row = {
            "id": name,
            "name": name,
            "owner": "",
            "public": name in project.public,
            "created_at": now,
            "updated_at": now,
        }
        return {**row, "file_size_limit": None, "allowed_mime_types": None}

    @app.get("/storage/v1/bucket")
    def buckets() -> Any:
        return [described(name) for name in project.buckets]

    @app.get("/storage/v1/bucket/<name>")
    def bucket(name: str) -> Any:
        return described(name) if name in project.buckets else _refused(404, "Bucket not found", "Bucket not found")

    @app.post("/storage/v1/bucket")
    def new_bucket() -> Any:
        asked = request.get_json()
        if asked["id"] in project.buckets:
            return _refused(409, "Duplicate", "The resource already exists")
        assert asked["public"] is False
        project.buckets[asked["id"]] = {}
        return {"name": asked["id"]}


def _add_objects(app: Flask, project: "Project") -> None:
    @app.post("/storage/v1/object/<bucket>/<path:name>")
    def upload(bucket: str, name: str) -> Any:
        return _store(project, bucket, name, upsert=request.headers.get("x-upsert") == "true")

    @app.get("/storage/v1/object/<bucket>/<path:name>")
    def download(bucket: str, name: str) -> Any:
        kept = project.buckets.get(bucket, {}).get(name)
        return send_file(kept.path, kept.content_type) if kept else _not_found()

    @app.get("/storage/v1/object/info/<bucket>/<path:name>")
    def info(bucket: str, name: str) -> Any:
        kept = project.buckets.get(bucket, {}).get(name)
        if kept is None:
            return _not_found()
        row = {"name": name, "size": kept.path.stat().st_size, "content_type": kept.content_type}
        return {**row, "metadata": kept.metadata}


def _add_many(app: Flask, project: "Project") -> None:
    @app.post("/storage/v1/object/list/<bucket>")
    def listing(bucket: str) -> Any:
        asked = request.get_json()
        if bucket not in project.buckets:
            return _refused(404, "Bucket not found", "Bucket not found")
        prefix = f"{asked['prefix'].rstrip('/')}/" if asked["prefix"] else ""
        below = [name.removeprefix(prefix) for name in project.buckets.get(bucket, {}) if name.startswith(prefix)]
        folders = sorted({name.split("/")[0] for name in below if "/" in name})
        rows = [{"name": name, "id": None, "metadata": None} for name in folders]
        for name in sorted(name for name in below if "/" not in name):
            size = project.buckets[bucket][prefix + name].path.stat().st_size
            rows.append({"name": name, "id": str(uuid.uuid4()), "metadata": {"size": size}})
        return rows[asked["offset"] : asked["offset"] + min(asked["limit"], project.page)]

    @app.delete("/storage/v1/object/<bucket>")
    def remove(bucket: str) -> Any:
        prefixes = request.get_json()["prefixes"]
        if bucket not in project.buckets:
            return _refused(404, "Bucket not found", "Bucket not found")
        if len(prefixes) > MAX_LISTED:
            return _refused(400, "Error", "prefixes must NOT have more than 1000 items")
        gone = [name for name in prefixes if project.buckets[bucket].pop(name, None)]
        return [{"name": name} for name in gone]


def _add_links(app: Flask, project: "Project") -> None:
    @app.post("/storage/v1/object/sign/<bucket>/<path:name>")
    def sign(bucket: str, name: str) -> Any:
        if name not in project.buckets.get(bucket, {}):
            return _not_found()
        token = _link(project, "read", bucket, name, float(request.get_json()["expiresIn"]))
        return {"signedURL": f"/object/sign/{bucket}/{name}?token={token}"}

    @app.post("/storage/v1/object/upload/sign/<bucket>/<path:name>")
    def sign_upload(bucket: str, name: str) -> Any:
        upsert = request.headers.get("x-upsert") == "true"
        if bucket not in project.buckets:
            return _refused(404, "Bucket not found", "Bucket not found")
        if name in project.buckets[bucket] and not upsert:
            return _refused(409, "Duplicate", "The resource already exists")
        token = _link(project, "upsert" if upsert else "insert", bucket, name, 7200)
        return {"url": f"/object/upload/sign/{bucket}/{name}?token={token}", "token": token}


def _add_signed(app: Flask, project: "Project") -> None:
    @app.get("/storage/v1/object/sign/<bucket>/<path:name>")
    def signed_download(bucket: str, name: str) -> Any:
        if not _opens(project, {"read"}, bucket, name):
            return _refused(400, "InvalidJWT", '"exp" claim timestamp check failed')
        kept = project.buckets[bucket].get(name)
        if kept is None:
            return _not_found()
        wanted = request.args.get("download")
        return send_file(
            kept.path, kept.content_type, as_attachment=wanted is not None, download_name=wanted or Path(name).name
        )

    @app.put("/storage/v1/object/upload/sign/<bucket>/<path:name>")
    def signed_upload(bucket: str, name: str) -> Any:
        if not _opens(project, {"insert", "upsert"}, bucket, name):
            return _refused(400, "InvalidSignature", "The url or the token is not valid")
        return _store(project, bucket, name, upsert=_opens(project, {"upsert"}, bucket, name))


def _store(project: "Project", bucket: str, name: str, *, upsert: bool) -> Any:
    if bucket not in project.buckets:
        return _refused(404, "Bucket not found", "Bucket not found")
    if name in project.buckets[bucket] and not upsert:
        return _refused(409, "Duplicate", "The resource already exists")
    if project.refuse_uploads_after is not None:
        if project.refuse_uploads_after == 0:
            return _refused(413, "Payload too large", "The object exceeded the maximum allowed size")
        project.refuse_uploads_after -= 1
    path, metadata, kind = project.folder / secrets.token_hex(8), None, request.content_type or "text/plain"
    if kind.startswith("multipart/"):  # as the client's own methods send
        sent = request.files["file"]
        sent.save(path)
        kind = sent.content_type or "text/plain"
    else:
        with path.open("wb") as file:
            shutil.copyfileobj(request.stream, file, 1 << 20)
    if given := request.headers.get("x-metadata"):
        metadata = json.loads(base64.b64decode(given))
    project.buckets[bucket][name] = Kept(path, kind, metadata)
    return {"Id": str(uuid.uuid4()), "Key": f"{bucket}/{name}"}


def _link(project: "Project", action: str, bucket: str, name: str, seconds: float) -> str:
    token = secrets.token_urlsafe(16)
    project.links[token] = action, bucket, name, time.time() + seconds
    return token


def _opens(project: "Project", actions: set[str], bucket: str, name: str) -> bool:
    action, *place, until = project.links.get(request.args.get("token", ""), ("", "", "", 0.0))
    return action in actions and place == [bucket, name] and time.time() < until
