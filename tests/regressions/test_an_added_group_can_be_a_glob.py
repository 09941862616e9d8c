from tests.sweeper.toy_app import faults, read, values


def test_an_added_group_can_be_a_glob() -> None:
    """Elsewhere `+group=glob(*)` is a bare AssertionError."""
    assert values(read("+extra=glob(*)")) == [("one",), ("two",)]
    (fault,) = faults("+model=glob(tiny*)")
    assert fault.startswith(
        "model: no option of 'model' matches (from override '+model=glob(tiny*)'). It has "
    )
    assert fault.endswith("toy/narrow, toy/wide.")
