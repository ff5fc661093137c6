"""Where the weights of a registered model's network come from. Nothing is fetched from a model hub.

A backbone that the campaign tuned is in the model's folder. One that it only uses may have gigabytes and is the same in
every version, so it is not: the packaged network comes with labelcycle; of any other one MLflow's server keeps one copy
a campaign, among the artifacts of the campaign's run, if it is not too large (`backbone_copy`), and the campaign keeps
the original. What is
found counts only if it has the digest that the model names.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

from labelcycle.components.core.backbones.packaged import PACKAGED, packaged_weights
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError, ConfigurationError, LabelcycleError
from labelcycle.components.core.models.model_description import BackboneDescription
from labelcycle.components.core.storage import open_store


def read_weights(backbone: BackboneDescription, folder: Path, named: str = "") -> bytes:
    """The weights of a model's network, as safetensors.

    Args:
        backbone: of the model.
        folder: the model's.
        named: a file or `s3://` URI that the user says has them, as the campaign keeps them or as it was begun with;
            empty for none.

    Raises:
        ConfigurationError: the named file is missing, or has other weights.
        CampaignError: they are nowhere to be had.

    Cost: reads them once, into memory; MLflow's copy goes through a temporary file.
    """
    if backbone.file is not None:
        return _checked((folder / backbone.file).read_bytes(), backbone, str(folder / backbone.file))
    if named:
        return _named(backbone, named)
    tried = []
    for place, read in _places(backbone).items():
        try:
            return _checked(read(), backbone, place)
        except Exception as error:  # MLflow's and S3's clients raise many kinds, from several libraries
            tried.append(f"{place} ({_first_line(error)})")
    raise CampaignError(
        f"The weights of backbone {backbone.name!r}, SHA-256 {backbone.weights_sha256}, are not part of this model and "
        f"cannot be had from {'; '.join(tried) or 'anywhere else'}. Name their file with "
        "mlflow.pyfunc.load_model(…, model_config={'weights': …})."
    )


def _places(backbone: BackboneDescription) -> dict[str, Callable[[], bytes]]:
    """Where weights that are not in the folder may be, and how they are read there."""
    places: dict[str, Callable[[], bytes]] = {}
    if backbone.name == PACKAGED:
        places["the package labelcycle"] = packaged_weights
    copy, original = backbone.weights_copy, backbone.weights
    if copy is not None:
        places[f"MLflow's copy {copy}"] = lambda: _from_mlflow(copy)
    if original is not None:
        places[f"the campaign's {original}"] = lambda: _read(original)
    return places


def _named(backbone: BackboneDescription, named: str) -> bytes:
    try:
        data = _read(named)
    except FileNotFoundError as error:
        raise ConfigurationError(f"There is no file {named}. Correct `weights` in model_config.") from error
    if digest_of_bytes(data) == backbone.weights_sha256:
        return data
    try:
        return _checked(_as_kept(backbone, named, data), backbone, named)
    except CampaignError as error:
        raise ConfigurationError(f"{error} Correct `weights` in model_config.") from error


def _as_kept(backbone: BackboneDescription, named: str, data: bytes) -> bytes:
    """What a campaign would keep of the file, which has these bytes; these where they do not fit the network."""
    from labelcycle.components.core.backbones.resolve import weights_as_kept

    try:
        return weights_as_kept(backbone.as_backbone(), named)
    except ConfigurationError:
        return data


def _checked(data: bytes, backbone: BackboneDescription, place: str) -> bytes:
    if digest_of_bytes(data) != backbone.weights_sha256:
        raise CampaignError(f"{place} has other weights than this model's, whose SHA-256 is {backbone.weights_sha256}.")
    return data


def _read(address: str) -> bytes:
    parent, slash, name = address.rpartition("/")
    return open_store(parent + slash if slash else ".").read(name)


def _from_mlflow(uri: str) -> bytes:
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory(prefix="labelcycle-mlflow-") as folder:
        return Path(download_artifacts(uri, dst_path=folder)).read_bytes()


def _first_line(error: Exception) -> str:
    text = str(error) if isinstance(error, LabelcycleError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:200].rstrip(".")
