"""A whole prediction in this process: what is left of it after a run that was killed."""

from labelcycle.components.core.runtime.retries import with_retries
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.models.prediction_files import Layout, check_output
from labelcycle.pipelines.prediction import commit, parts, start
from labelcycle.pipelines.prediction.commit import PredictionCommitted, write_predictions
from labelcycle.pipelines.prediction.prediction_parts import PredictionCommit, read_prediction_commit


def predict_in_parts(
    root: str,
    images: str = "",
    model: str = start.CHAMPION,
    output: str = "",
    top: int = 1,
    probabilities: bool = False,
) -> PredictionCommitted:
    """Classify the pool or images, and keep the result in the root, part by part.

    Args:
        root: the campaign's folder or S3 prefix.
        images: a folder, an `s3://` prefix, an image, or a `.txt` list of images; empty for the campaign's pool.
        model: `champion`, `final`, or the number of a cycle.
        output: a .parquet or .csv file for all rows, a path or `s3://` URI; empty for none.
        top: how many classes of each sample CSV lists.
        probabilities: whether CSV has a column a class too.

    Raises:
        ConfigurationError: there is no such model, or images or output are misnamed.
        InputError: there is no image.
        CampaignError: features are damaged, or missing without images.

    Cost: that of the three stages; nothing is computed for parts that are there.
    """
    if output:
        check_output(output)
    started = with_retries(start.run)(root=root, images=images, model=model)
    with_retries(parts.run)(root=root, prediction=started.prediction)
    committed = with_retries(commit.run)(root=root, prediction=started.prediction)
    if output:
        store = open_store(root)
        whole = read_prediction_commit(store, started.prediction)
        assert whole is not None
        write_predictions(store, whole, output, Layout(whole.plan.classes, top, probabilities))
    return committed


def whole_prediction(root: str, model: str) -> PredictionCommit:
    """The prediction of the pool as it is now, made as far as it is not there.

    Args:
        root: the campaign's folder or S3 prefix.
        model: `champion`, `final`, or the number of a cycle.

    Raises:
        ConfigurationError, CampaignError: as `predict_in_parts`.
    """
    done = predict_in_parts(root, model=model)
    commit_of_all = read_prediction_commit(open_store(root), done.prediction)
    assert commit_of_all is not None
    return commit_of_all
