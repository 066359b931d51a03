"""What `tallymark report` is given: requests in files or by a pipe, and ids of reports."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tallymark.errors import BadRequest

_NO_PATH = re.compile(r"[\w-]{2,}")


def text_of(file: str) -> str:
    """Of a file, or of what is piped. Raises: BadRequest where there is none, or no text."""
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text()
    except FileNotFoundError as error:
        raise BadRequest(f"there is no file {file}") from error
    except UnicodeDecodeError as error:
        raise BadRequest(f"{file} is no text in UTF-8") from error
    except OSError as error:
        raise BadRequest(f"{file} cannot be read: {error.strerror}") from error


def is_id(asked: str) -> bool:
    """Whether it is the id of a report, else the file of a request."""
    return bool(_NO_PATH.fullmatch(asked)) and not Path(asked).is_file()
