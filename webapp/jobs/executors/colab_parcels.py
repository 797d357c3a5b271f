"""Carries a run's folder to a machine of Colab and back; the tool itself carries single, small files only."""

import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from webapp.errors import Problem
from webapp.jobs.executors import parcel
from webapp.jobs.executors.colab_tool import ColabTool

_HERE, _SENT, _MARK = "tunebook-results", "tunebook-earlier", "TUNEBOOK-PARCEL "


class Parcels:
    """The way of the folder `results` between here and a session; `scratch` is a folder for what is under way."""

    def __init__(self, tool: ColabTool, session: str, scratch: Path, results: str) -> None:
        self._tool, self._session, self._scratch, self._results = tool, session, scratch, results

    def send(self, folder: Path, left: Callable[[], float]) -> None:
        """Puts `folder` in the place of the session's results, within the seconds that are `left`."""
        parts = parcel.pack(str(folder), str(self._scratch / _SENT), parcel.MOST_BYTES)
        for number in range(parts["parts"]):
            name = parcel.part(_SENT, number)
            self._tool.upload(self._session, self._scratch / name, f"content/{name}", left())
        self._do(f"unpack({_SENT!r}, {parts['parts']}, {parts['sha256']!r}, {self._results!r})", left())

    def fetch(self, folder: Path, left: Callable[[], float], cancelled: Callable[[], bool]) -> list[str]:
        """Puts the session's results in place of `folder`; answers the names of files that were left there.

        Raises Problem `colab_dropped` when they do not arrive whole.
        """
        # On Drive they are where the notebook's `config` says.
        where = f"globals()['config'].output_dir if 'config' in globals() else {self._results!r}"
        packed = self._do(f"pack({where}, {_HERE!r}, {parcel.MOST_BYTES})", left())
        if not packed["files"]:
            return []
        for number in range(packed["parts"]):
            if cancelled():
                raise Problem("colab_dropped", "it was cancelled.", status=502)
            name = parcel.part(_HERE, number)
            self._tool.download(self._session, f"content/{name}", self._scratch / name, left())
        try:
            parcel.unpack(str(self._scratch / _HERE), packed["parts"], packed["sha256"], str(folder))
        except (OSError, ValueError) as error:
            raise Problem("colab_dropped", f"{error}.", status=502) from error
        return list(packed["left_out"])

    def _do(self, call: str, seconds: float) -> Any:
        """What a call of parcel.py answers on the machine."""
        script = self._scratch / "parcel.py"
        source = inspect.getsource(parcel)
        # In names of its own: the notebook's stay as they are.
        script.write_text(
            f"_names = dict(globals())\nexec({source!r}, _names)\n"
            f"_names['_found'] = eval({call!r}, _names)\n"
            f"import json as _json\nprint({_MARK!r} + _json.dumps(_names['_found']))\ndel _names, _json\n",
            encoding="utf-8",
        )
        heard: list[str] = []
        end = monotonic() + seconds
        said = self._tool.execute(
            self._session, script, seconds, lambda _, text: heard.append(text), lambda: monotonic() > end
        )
        found = re.search(f"^{_MARK}(.*)$", "".join(heard), re.MULTILINE)
        if said.status != 0 or found is None:
            raise Problem("colab_dropped", f"the machine gave no answer: {said.text.strip()[-300:]}", status=502)
        return json.loads(found[1])
