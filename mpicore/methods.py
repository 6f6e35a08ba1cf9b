"""The methods that denoise a recording without a model of the scanner: what each takes for granted.

They are those denoisers of :mod:`mpicore.denoisers` that know nothing but signals; of the others the reason is told.
"""

from dataclasses import dataclass, field
from typing import Any

from mpicore import checks, denoisers


@dataclass(frozen=True)
class Method:
    """One method.

    Attributes:
        name: of the user's choice.
        denoiser: in :mod:`mpicore.denoisers`.
        options: of that denoiser.
        learns: from many objects, so that it may learn a single one by heart.
        trains: a network, for minutes or hours.
        independent: takes noise that the repeats share for signal.
        symmetry: needs odd signals once the phase of the receive chain is undone.
        odd: needs odd signals as they are.
        white: needs white noise.
        pairs: of repeats that it needs at least.
    """

    name: str
    denoiser: str
    options: dict[str, Any] = field(default_factory=dict)
    learns: bool = False
    trains: bool = False
    independent: bool = False
    symmetry: bool = False
    odd: bool = False
    white: bool = False
    pairs: int = 1


def _network(name: str, **needs: Any) -> Method:
    return Method(name, name, learns=True, trains=True, pairs=10, **needs)


_PLAIN = {"antisymmetric": False}
METHODS = {
    method.name: method
    for method in (
        Method("average", "noisy"),
        Method("low_pass", "low_pass"),
        Method("savitzky_golay", "savitzky_golay"),
        Method("wavelet", "wavelet", white=True),
        Method("wiener", "wiener", independent=True, pairs=20),
        Method("antisymmetric", "antisymmetric", odd=True),
        Method("wiener_antisymmetric", "wiener_antisymmetric", odd=True, independent=True, pairs=20),
        Method("turned_antisymmetric", "turned_antisymmetric", symmetry=True, independent=True, pairs=20),
        Method("turned_wiener", "turned_wiener", symmetry=True, independent=True, pairs=20),
        Method("linear_n2n", "linear_n2n", _PLAIN, learns=True, independent=True, pairs=20),
        Method("turned_linear_n2n", "turned_linear_n2n", learns=True, symmetry=True, independent=True, pairs=20),
        Method("singular_values", "singular_values", _PLAIN, learns=True, independent=True, white=True, pairs=20),
        _network("n2n", independent=True),
        _network("proposed", independent=True, odd=True),
        _network("noise2void", white=True),
        _network("neighbor2neighbor", white=True),
        _network("sure", white=True),
        _network("unsure", white=True),
        _network("r2r", white=True),
    )
}


def create(method: Method, **options: Any) -> denoisers.Denoiser:
    """The denoiser of a method, with its options and further ones.

    Raises:
        ValueError: an unknown option.
    """
    if method.name == "turned_wiener":
        from mpicore.denoisers.turned import TurnedWiener

        return TurnedWiener(**options)
    return denoisers.create(method.denoiser, **{**method.options, **options})


def find(name: str) -> Method:
    """A method by name.

    Raises:
        ValueError: an unknown name, or a denoiser that no recording can be denoised with; the message says why.
    """
    if name not in METHODS and name in denoisers.names():
        cls = denoisers.find(name)
        reason = (
            "it learns from clean signals, which no recording has"
            if cls.supervised
            else "it needs a model of the scanner, which a recording does not give it"
            if cls.needs_scanner
            else "it is not made for recordings"
        )
        raise ValueError(f"method {name} cannot denoise a recording: {reason}; possible are {', '.join(METHODS)}")
    return METHODS[checks.choice(name, "method", list(METHODS))]
