"""The body of a form, urlencoded or in parts with files, read within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

FIELDS_MAX = 100
TEXT_BYTES_MAX = 16 << 10
FILES_BYTES_MAX = 16 << 20
"""All files of a form: a .torrent of a terabyte has some ten megabytes."""
URLENCODED = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file that was sent with a form."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """What was filled in.

    Attributes:
        texts: By name; of several the last.
        files: By name; without those that were left empty.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, FormFile] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """What is in a field, without blanks around it."""
        return self.texts.get(name, "").strip()

    @classmethod
    async def of(cls, request: Request) -> Form:
        """Read the body of a request.

        Raises:
            HTTPException: It is too long, cut short or no form.
        """
        kind = Message()
        kind["content-type"] = request.headers.get("content-type", URLENCODED)
        if kind.get_content_type() == PARTS:
            boundary = kind.get_boundary("")
            if not boundary or len(boundary) > 200:
                raise HTTPException(400, "a form without a boundary")
            return _parts(await _read(request, FILES_BYTES_MAX), boundary.encode())
        if kind.get_content_type() != URLENCODED:
            raise HTTPException(415, "not a form")
        raw = await _read(request, TEXT_BYTES_MAX)
        try:
            pairs = parse_qsl(
                raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FIELDS_MAX
            )
        except ValueError:
            raise HTTPException(400, "too many fields") from None
        return cls(dict(pairs))


def _parts(raw: bytes, boundary: bytes) -> Form:
    texts: dict[str, str] = {}
    files: dict[str, FormFile] = {}
    # The first boundary has no line before it.
    for part in (b"\r\n" + raw).split(b"\r\n--" + boundary)[1 : FIELDS_MAX + 1]:
        head, blank, content = part.partition(b"\r\n\r\n")
        if not blank or part.startswith(b"--"):
            continue
        about = Message()
        for line in head.split(b"\r\n"):
            name, _, value = line.decode("utf-8", "replace").partition(":")
            if name.strip().lower() == "content-disposition":
                about["content-disposition"] = value.strip()
        named = about.get_param("name", header="content-disposition")
        if not isinstance(named, str):
            continue
        file_name = about.get_filename()
        if file_name:
            files[named] = FormFile(file_name, content)
        elif file_name is None and len(content) <= TEXT_BYTES_MAX:
            texts[named] = content.decode("utf-8", "replace")
    return Form(texts, files)


async def _read(request: Request, bytes_max: int) -> bytes:
    found = bytearray()
    try:
        async for part in request.stream():
            found += part
            if len(found) > bytes_max:
                raise HTTPException(413, f"over {bytes_max} bytes")
    except ClientDisconnect:
        raise HTTPException(400, "cut short") from None
    return bytes(found)
