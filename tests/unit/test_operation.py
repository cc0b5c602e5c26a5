"""Results tell the truth: in a condition, as a part, printed, and when they are checked."""

import errno

import pytest

from ipvsfast import (
    AlreadyExists,
    Batch,
    Destination,
    KernelError,
    NotFound,
    OutcomeUnknown,
    Result,
    Results,
    Service,
)

WEB = Service.tcp("10.0.0.1", 80)
REAL = Destination("10.1.0.1", 80)
BATCH = (
    Batch()
    .add_service(WEB)
    .add_destination(WEB.key, REAL)
    .add_destination(WEB.key, REAL)
    .delete_service(WEB.key)
)
OPERATIONS = BATCH.operations


def results(*errnos: int, sent: int | None = None) -> Results:
    """Of the first operations of the batch, or of all four, of which so many were sent."""
    count = len(errnos) if sent is None else len(OPERATIONS)
    return Results(OPERATIONS[:count], [-code for code in errnos] + [1] * (count - len(errnos)), len(errnos))


@pytest.mark.parametrize(
    ("given", "ok"),
    [
        (results(), True),
        (results(0, 0, 0, 0), True),
        (results(0, 0, errno.EEXIST, 0), False),
        (results(0, 0, sent=2), False),
        (results(sent=0), False),
    ],
)
def test_results_are_true_if_everything_was_carried_out(given: Results, ok: bool) -> None:
    """Also where there was nothing to do; not where some were refused or never sent."""
    assert bool(given) is given.ok is ok


def test_a_result_is_true_if_its_operation_was_carried_out() -> None:
    """So that `if result` and `filter(None, results)` mean what they seem to."""
    good, bad = results(0, errno.ESRCH)
    assert (bool(good), good.ok, good.errno, good.error) == (True, True, 0, None)
    assert (bool(bad), bad.ok, bad.errno) == (False, False, errno.ESRCH)
    assert type(bad.error) is NotFound


def test_results_compare() -> None:
    """By operation and errno; lists of them, too."""
    assert list(results(0, 2)) == [Result(OPERATIONS[0], 0), Result(OPERATIONS[1], 2)]
    assert results(0)[0] != results(5)[0]
    assert len({results(0)[0], results(0)[0], results(5)[0]}) == 2
    assert results(0)[0] != 0


def test_a_slice_is_results_too() -> None:
    """Any slice: with its own length, failures and truth."""
    given = results(0, errno.ENOENT, 0, sent=3)
    for part in (slice(None), slice(1), slice(1, None), slice(-2, None), slice(None, None, -1), slice(5, 9)):
        assert list(given[part]) == list(given)[part]
        assert len(given[part]) == len(list(given)[part])
    assert given[:1].ok
    assert not given[1:2].ok
    assert [r.errno for r in given[::-1].failed] == [errno.ENOENT]
    assert (given[-1], given[-3]) == (given[2], given[0])


@pytest.mark.parametrize("index", [2, 3, 4, -3])
def test_what_was_not_sent_has_no_result(index: int) -> None:
    """An IndexError that says what there is."""
    with pytest.raises(IndexError, match=f"<Results 2 done, 2 not sent> has no result {index}"):
        results(0, 0, sent=2)[index]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (results(), "<Results 0 done>"),
        (results(0, 0), "<Results 2 done>"),
        (results(0, errno.EEXIST, errno.EEXIST), "<Results 1 done, 2 failed>"),
        (results(0, errno.EEXIST, sent=2), "<Results 1 done, 1 failed, 2 not sent>"),
    ],
)
def test_results_say_what_they_are(given: Results, text: str) -> None:
    """In a debugger or a log."""
    assert repr(given) == text


def test_check_gives_the_results_where_all_went_well() -> None:
    """`results = ipvs.apply(batch).check()`"""
    given = results(0, 0, 0, 0)
    assert given.check() is given


@pytest.mark.parametrize(
    ("given", "kind", "code", "text"),
    [
        (
            results(0, 0, errno.EEXIST, 0), AlreadyExists, errno.EEXIST,
            "add-destination TCP 10.0.0.1:80 10.1.0.1:80: Destination already exists",
        ),
        (
            results(0, errno.ESRCH, errno.ENOBUFS, errno.ESRCH), NotFound, errno.ESRCH,
            "add-destination TCP 10.0.0.1:80 10.1.0.1:80: Service not defined (add the service first); "
            "2 operations were refused too",
        ),
        (
            results(errno.EEXIST, errno.EEXIST, 0, sent=3), AlreadyExists, errno.EEXIST,
            "add-service TCP 10.0.0.1:80: Service already exists; 1 operation was refused too, 1 operation was not sent",
        ),
        (results(0, 0, sent=2), KernelError, errno.ECANCELED, "2 operations were not sent"),
        (results(0, 0, 0, sent=3), KernelError, errno.ECANCELED, "1 operation was not sent"),
        (
            results(errno.ENOBUFS), OutcomeUnknown, errno.ENOBUFS,
            "add-service TCP 10.0.0.1:80: The kernel's reply was lost (a reply was lost; list the table to see what was done)",
        ),
    ],
)  # fmt: skip
def test_check_says_how_much_more_went_wrong(given: Results, kind: type, code: int, text: str) -> None:
    """The first refusal with its class and sentence, the number of others, and the results themselves."""
    with pytest.raises(KernelError) as caught:
        given.check()
    assert type(caught.value) is kind
    assert (caught.value.errno, str(caught.value)) == (code, text)
    assert caught.value.results is given


def test_what_was_not_sent_can_be_sent_again() -> None:
    """The rest of the batch, in order."""
    assert results(0, 0, sent=2).unsent == OPERATIONS[2:]
    assert results(0, 0, 0, 0).unsent == []
