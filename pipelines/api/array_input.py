"""Arrays of numbers as users give them from Python: NumPy's, nested lists, tables of pandas, tensors of torch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import InputError
from labelcycle.pipelines.api.python_arguments import shown


def array_of(name: str, values: Any) -> npt.NDArray[Any]:
    """What a user gives as an array, as NumPy has it.

    Raises:
        InputError: no array, a sparse one, lists of unequal lengths, masked values, or a tensor that NumPy cannot read.
    """
    values = unmasked(name, values)
    if hasattr(values, "toarray") and not isinstance(values, np.ndarray):
        raise InputError(f"{name} is sparse ({type(values).__name__}). Give the array {name}.toarray().")
    if (
        not isinstance(values, Sequence)
        and not hasattr(values, "__array__")
        or isinstance(values, str | bytes | Mapping)
    ):
        raise InputError(f"{name} is an array of numbers; got {shown(values)}. Give a NumPy array.")
    try:
        found = np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        if "inhomogeneous" in str(error):
            raise InputError(f"{name} has rows of unequal lengths. Give each the same number of values.") from error
        remedy = f"{name}.detach().cpu().float().numpy()" if hasattr(values, "detach") else "a NumPy array"
        raise InputError(f"NumPy cannot read {name}: {str(error).rstrip('.')}. Give {remedy}.") from error
    return found


def unmasked(name: str, values: Any) -> Any:
    """The values as they are.

    Raises:
        InputError: an array of which some are masked.
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise InputError(
            f"{name} has {int(np.ma.getmaskarray(values).sum())} masked values, and a mask is not read. Leave "
            f"these rows out, or give numbers in their place: {name}.filled(0)."
        )
    return values


def numbers_of(name: str, values: Any) -> npt.NDArray[np.floating]:
    """An array of numbers as floating-point ones, whole ones as float64; rows one after another in memory.

    Products differ in their last bits by the order in memory, so that results would depend on it.

    Raises:
        InputError: as `array_of`, or other values than real numbers.
    """
    found = array_of(name, values)
    if found.dtype == object:
        found = _without_objects(name, values)
    if np.issubdtype(found.dtype, np.floating):
        return np.asarray(found, order="C")
    if not np.issubdtype(found.dtype, np.integer):
        raise InputError(
            f'{name} holds numbers; got values of type {found.dtype}. Convert them: {name}.astype("float32").'
        )
    return found.astype(np.float64, order="C")


def _without_objects(name: str, values: Any) -> npt.NDArray[np.float64]:
    """What NumPy took for objects as numbers, such as columns of pandas that have types of their own."""
    try:
        if hasattr(values, "to_numpy"):
            return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
        return np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} holds values that are no numbers ({error}). Leave them out.") from error
