"""Processes that run labelcycle alone never wait for pandas."""

import subprocess
import sys


def last_line_of(code: str) -> str:
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return answer.stdout.splitlines()[-1]


def test_pyarrow_imports_no_pandas_after_it() -> None:
    code = "import sys, pyarrow as pa; from labelcycle.components.core.storage.without_pandas import spare_pandas; "
    code += "{}; pa.table({{'a': ['b', None]}}); print('pandas' in sys.modules)"
    assert last_line_of(code.format("spare_pandas()")) == "False"
    assert last_line_of(code.format("pass")) == "True"


def test_pandas_can_still_be_imported() -> None:
    code = "from labelcycle.components.core.storage.without_pandas import spare_pandas; spare_pandas(); import pandas; "
    assert last_line_of(code + "print(pandas.Series([1, 2]).sum())") == "3"


def test_where_pandas_is_there_already_it_stays() -> None:
    code = "import pandas, pyarrow as pa; from labelcycle.components.core.storage.without_pandas import spare_pandas; "
    assert last_line_of(code + "spare_pandas(); print(len(pa.table({'a': [1]}).to_pandas()))") == "1"


def test_a_process_that_imports_pyarrow_later_spares_pandas_too() -> None:
    script = (
        "from labelcycle.components.core.storage.without_pandas import spare_pandas; spare_pandas(); import sys; "
        "assert 'pyarrow' not in sys.modules; import labelcycle.components.core.storage.tables as tables; "
        "tables.pa.table({'a': [1]}); print('pandas' in sys.modules)"
    )
    assert last_line_of(script) == "False"
