"""One root seed, independent named branches."""

import numpy as np
import pytest

from mpicore.seeds import branch, generator


def test_a_branch_repeats():
    first, second = (generator(7, "test", "noise", 3).integers(2**63, size=8) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("other", [(8, "noise"), (7, "phantoms"), (7, "noise", 0), (7,), (7, 0)])
def test_another_seed_or_name_is_another_stream(other):
    draws, others = generator(7, "noise").integers(2**63, size=8), generator(*other).integers(2**63, size=8)
    assert not np.isin(draws, others).any()


def test_branches_nest():
    """A branch of a branch is the branch of all names, so that a module can hand its own branch on."""
    nested, direct = branch(branch(7, "a"), "b", 1), branch(7, "a", "b", 1)
    np.testing.assert_array_equal(nested.generate_state(4), direct.generate_state(4))


@pytest.mark.parametrize("seed", [-1, 0.5, True, "0", None])
def test_bad_seeds_are_named(seed):
    with pytest.raises(ValueError, match="seed must be a whole number of at least 0, got"):
        branch(seed)
