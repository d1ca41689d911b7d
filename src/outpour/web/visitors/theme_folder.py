"""A publisher's theme: styles and templates that take the place of those of the package."""

from __future__ import annotations

from pathlib import Path

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    TemplateError,
    TemplateNotFound,
    nodes,
)

from outpour.base.errors import ReadError, SettingsError, reason

STYLE = "theme.css"
"""The style of a theme that comes after all others."""
FILE_BYTES_MAX = 4 << 20
FILES_MAX = 200
SUFFIXES = frozenset(
    (".css", ".js", ".svg", ".ico", ".png", ".webp", ".jpg", ".jpeg", ".gif", ".woff2")
)


def theme_files(folder: Path) -> dict[str, bytes]:
    """The files of a theme that browsers load: `theme.css`, and what lies in `static/`.

    Raises:
        ReadError: The folder or a file cannot be read.
        SettingsError: There are too many of them, or one is too large.
    """
    found: dict[str, bytes] = {}
    try:
        # A folder that is not there is no theme; one without `static` is.
        names = sorted(path.name for path in folder.iterdir())
        paths = [folder / STYLE] if STYLE in names else []
        if "static" in names:
            paths += sorted((folder / "static").iterdir())
        for path in paths:
            if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                continue
            found[path.name] = limited_bytes(path, FILE_BYTES_MAX)
    except OSError as error:
        where = error.filename or folder
        raise ReadError(
            f"`{where}`: {reason(error)}", hint="docs/theme.md tells what a theme holds"
        ) from None
    if len(found) > FILES_MAX:
        raise SettingsError(f"`{folder}`: over {FILES_MAX} files, too many for a theme")
    return found


def limited_bytes(path: Path, bytes_max: int) -> bytes:
    """Read a small file.

    Raises:
        OSError: It cannot be read.
        SettingsError: It is larger.
    """
    with path.open("rb") as file:
        content = file.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise SettingsError(f"`{path}`: over {bytes_max} bytes, too large for a page")
    return content


def theme_loader(folder: Path, own: BaseLoader) -> BaseLoader:
    """Look for a template in the theme first; what it lacks is that of the package.

    `outpour/NAME` is that of the package in any case, for a theme to extend.
    """
    theme = FileSystemLoader(folder / "templates", encoding="utf-8")
    return ChoiceLoader([theme, own, PrefixLoader({"outpour": own})])


def check_templates(folder: Path, environment: Environment) -> None:
    """Compile the templates of a theme, so that a mistake in one is told at the start.

    Raises:
        ReadError: One cannot be read.
        SettingsError: One is no template.
    """
    for path in sorted((folder / "templates").glob("*")):
        if path.name.startswith(".") or not path.is_file():
            continue
        try:
            text = limited_bytes(path, FILE_BYTES_MAX).decode("utf-8")
            environment.compile(text, path.name)
            _check_names(environment, text)
        except TemplateNotFound as error:
            raise SettingsError(
                f"`{path}`: uses a template `{error.name}` that there is not",
                hint="docs/theme.md names the templates of the package",
            ) from None
        except OSError as error:
            raise ReadError(f"`{path}`: {reason(error)}") from None
        except UnicodeDecodeError:
            raise SettingsError(f"`{path}`: not UTF-8") from None
        except TemplateError as error:
            line = getattr(error, "lineno", None)
            where = f"{path}:{line}" if line else str(path)
            raise SettingsError(
                f"`{where}`: {error.message}", hint="docs/theme.md tells how templates are written"
            ) from None


def _check_names(environment: Environment, text: str) -> None:
    """Look up the templates that one extends, includes or imports.

    Raises:
        TemplateNotFound: There is no such template.
    """
    parsed = environment.parse(text)
    for kind in (nodes.Extends, nodes.FromImport, nodes.Import, nodes.Include):
        for node in parsed.find_all(kind):
            named = getattr(node, "template", None)
            is_optional = isinstance(node, nodes.Include) and node.ignore_missing
            if isinstance(named, nodes.Const) and not is_optional:
                environment.get_template(str(named.value))
