import botocore.exceptions
import pytest
import requests
from mlflow.exceptions import MlflowException

from labelcycle.components.core.errors import CampaignError, ConfigurationError, TransientError
from labelcycle.components.tracking.mlflow_session import translated

ADDRESS = "https://mlflow.example"


def s3_error(status: int) -> botocore.exceptions.ClientError:
    content = {"Error": {"Code": "AccessDenied", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return botocore.exceptions.ClientError(content, "PutObject")


def http_error(status: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError("the upload failed", response=response)


@pytest.mark.parametrize(
    ("error", "ours", "remedy"),
    [
        (ModuleNotFoundError("No module named 'mlflow'"), ConfigurationError, "pip install mlflow"),
        (s3_error(403), ConfigurationError, "AWS_ACCESS_KEY_ID"),
        (s3_error(500), TransientError, "MLFLOW_S3_ENDPOINT_URL"),
        (http_error(403), ConfigurationError, "MLFLOW_TRACKING_TOKEN"),
        (http_error(502), TransientError, "the next run logs"),
        (requests.ConnectionError("refused"), TransientError, "the next run logs"),
        (PermissionError(13, "Permission denied"), TransientError, "Permission denied"),
        (MlflowException("Detected out-of-date database schema"), TransientError, "out-of-date"),
    ],
)
def test_an_error_names_place_and_remedy(error, ours, remedy):
    found = translated(error, ADDRESS)
    assert type(found) is ours
    assert remedy in str(found)
    assert ADDRESS in str(found) or isinstance(error, ImportError)


def test_other_errors_are_left_alone():
    assert translated(CampaignError("damaged"), ADDRESS) is None
    assert translated(KeyError("a mistake of ours"), ADDRESS) is None


def test_detail_is_one_short_line_without_password():
    found = str(translated(MlflowException("a\nb https://user:word@host/ " + "c" * 5000), ADDRESS))
    assert "a b https://host/ ccc" in found
    assert len(found) < 800
