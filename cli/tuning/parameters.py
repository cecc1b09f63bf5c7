"""A file of parameters, as an option takes it."""

from __future__ import annotations

from pathlib import Path

from fraud.search_space import Parameters, ParametersError, read_parameters
from reading.errors import BadInputError


def given_parameters(path: Path | None) -> Parameters:
    """The parameters of the file that --parameters names; none where it names none.

    Raises:
        BadInputError: the file holds no set of parameters.
    """
    if path is None:
        return {}
    try:
        return read_parameters(path)
    except ParametersError as error:
        raise BadInputError(f"--parameters: {error}") from error
