"""The entries of ``experiments.yml``, whose leaves are the library's own dataclasses: one declaration of each range.

Unknown keys and wrong types are refused by name. What the entries mean together stands in :mod:`companion.experiments`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from companion.reading import NAME
from mpicore.background import Background, Empty
from mpicore.datasets import PixelSplit
from mpicore.noise import Noise
from mpicore.reconstruction import Gridding, Kaczmarz
from mpicore.scanner import Particle, Scanner
from mpicore.settings import Settings
from mpicore.truth import Truth

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=NAME)]
Colour = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
Option = bool | int | Annotated[float, Field(allow_inf_nan=False)]
DatasetName = Literal["x-space", "system-matrix"]
PhantomKind = Literal["letters", "rings", "points"]
Marker = Literal["o", "s", "^", "D", "P", "v", ">", "<", "X", "*", "d", "p", "h"]
NetworkKind = Literal["signal-network", "image-network", "component-network"]


class Entry(BaseModel):
    """Part of the file: unknown keys and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Method(Entry):
    """Everything that is said of one method: how it is called and drawn, what it is given, and its denoiser.

    Several methods may share a denoiser. ``knows`` says in words what it is given besides the period that it denoises;
    ``network`` is the kind of network that it trains. A method ``of`` another one fits nothing: it is the fitted
    denoiser of that method, read out as ``readout`` says, and takes over its denoiser, options, network and empty
    measurement. ``empty`` is a measurement of the empty scanner: its background is taken off all that it is given.
    ``colour`` and ``marker`` are for :mod:`companion.looks`.
    """

    title: str
    denoiser: Name
    knows: str
    of: Name | None = None
    readout: Literal["projected", "mirrored", "mirrored, projected", "two periods", "two periods, projected"] | None = (
        None
    )
    colour: Colour | None = None
    marker: Marker | None = None
    options: dict[str, Option] = {}
    network: NetworkKind | None = None
    empty: Empty | None = None


class Experiment(Entry):
    """One experiment: a data set, its noise, and the methods that run on it.

    ``truth`` says how its data are made where that differs from what the methods know, ``test_phantoms`` what kind of
    object is tested where it is not the kind that is trained on. Both are for x-space data. ``split`` says which pixels
    of a system matrix are tested, in place of the paper's random ones.
    ``methods`` are trained under the preset's first protocol, those of ``tuned`` under its tuned one where it has one.
    ``repeated`` names the methods that are trained again from other seeds, ``beyond`` those that the paper
    does not have, ``studied`` those that only studies have. ``weights`` says whether the repository keeps those of its
    networks: where no other run, figure or analysis rests on them, the numbers alone can do.
    """

    title: str
    dataset: DatasetName
    noise: Noise
    test_noise: dict[Name, Noise] = {}
    truth: Truth | None = None
    test_phantoms: PhantomKind | None = None
    split: PixelSplit | None = None
    methods: tuple[str, ...]
    repeated: tuple[str, ...] = ()
    tuned: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()
    studied: tuple[str, ...] = ()
    weights: bool = True

    @property
    def variants(self) -> dict[str, Noise]:
        """Noise of each test set in the order of their names; the literal one alone where nothing else is asked for."""
        return dict(sorted(self.test_noise.items())) or {"literal": self.noise}

    @property
    def listed(self) -> tuple[str, ...]:
        """All methods of its own tables and lists, each once."""
        return tuple(dict.fromkeys(self.methods + self.tuned + self.beyond))


class Case(Entry):
    """One point of a study: what differs there from the experiment.

    ``noise`` and ``truth`` replace those of the experiment, and ``options`` are further options of the methods.
    ``background`` is in all recordings of the case. ``drive_phase`` is that of the drive fields (x, y) [rad], which the
    methods know. ``signals`` is the number of training signals, with a tenth as many for validation; networks that have
    fewer are trained for more epochs, so that all make the same number of steps. ``periods`` is the number of recorded
    periods of each training object where it is not two; each period then makes a pair with the next, in a circle, and
    the number of steps is the same as far as whole epochs allow. ``epochs`` replaces that of the training, and
    ``trainings`` that of the study. ``title`` is how the book writes the case; ``{signals}`` in it stands for the
    number of training signals.
    """

    title: str = ""
    noise: Noise | None = None
    truth: Truth | None = None
    background: Background | None = None
    drive_phase: tuple[Finite, Finite] | None = None
    signals: Count | None = None
    periods: Annotated[int, Field(ge=4, multiple_of=2)] | None = None
    epochs: Count | None = None
    trainings: Count | None = None
    options: dict[str, Option] = {}


class Axis(Entry):
    """The axis of a study whose cases are numbers: a column of :func:`companion.studies.row`, and how it is drawn."""

    column: Literal["input_snr_db", "signals"]
    label: str
    scale: Literal["linear", "log"] = "linear"


class Study(Entry):
    """One quantity is varied, all else is that of an experiment, at the size that the preset has for studies.

    A ``whole`` study has the size of its experiment instead, as one of a system matrix must. The paper's network is
    trained under the protocol that the preset has for studies. ``full`` adds the runs of the experiment itself as a
    last case.
    ``title`` is that of the page, ``heading`` stands over the column of the cases, ``by`` says in captions what is
    varied, and ``alt`` what the figure shows. ``claims`` are what the page says in words: see :mod:`companion.claims`.
    A study without a ``page`` is shown by an analysis. What trains is trained from as many seeds as ``trainings`` says.
    """

    title: str
    experiment: str
    methods: tuple[str, ...]
    cases: dict[Name, Case]
    full: bool = False
    trainings: Count = 1
    whole: bool = False
    page: bool = True
    axis: Axis | None = None
    heading: str
    by: str
    alt: str
    claims: tuple[str, ...] = ()


class Table(Entry):
    """One table of the book: methods of one experiment side by side."""

    title: str
    experiment: str
    methods: tuple[str, ...]


class ImageNetwork(Entry):
    """Size of a network on images: keywords of :class:`mpicore.unet.UNet`."""

    width: Count
    dropout: Annotated[float, Field(ge=0, lt=1)]


class SignalNetwork(ImageNetwork):
    """Size of the paper's network: keywords of :class:`mpicore.network.EncoderDecoder`."""

    stride: Literal[2, 3, 4] = 2


class ImageProtocol(Entry):
    """A network on images, and how it is trained."""

    network: ImageNetwork
    training: Settings


class SignalProtocol(Entry):
    """The paper's network, and how it is trained."""

    network: SignalNetwork
    training: Settings


class Preset(Entry):
    """How large the data, the networks and the trainings are.

    ``network`` and ``training`` are the first protocol of the paper's network, ``tuned`` holds the second one of each
    experiment that has one, and ``study_network`` is its protocol in studies: the first one where it is not given.
    ``image_network`` is the protocol of the networks behind the forward model, ``component_network`` that of the
    networks on the components of a system matrix. ``recorruptions`` counts those of R2R at the test. ``seeds`` counts
    the trainings of a method that an experiment repeats. ``study`` are the sizes of the data of studies, and
    ``trainings`` the most trainings of one method in a case. A run is a job of its own;
    ``together`` makes one job of all runs of an experiment or study, for runs that take no time.
    """

    shape: tuple[Count, Count]
    sizes: dict[DatasetName, tuple[Count, Count, Count]]
    objects: Count
    network: SignalNetwork
    training: Settings
    tuned: dict[str, SignalProtocol] = {}
    study_network: SignalProtocol | None = None
    image_network: ImageProtocol
    component_network: ImageProtocol
    recorruptions: dict[DatasetName, Count]
    seeds: Count = 1
    study: tuple[Count, Count, Count]
    trainings: Count | None = None
    together: bool = False


class File(Entry):
    """The whole file."""

    revision: Count
    data_seed: Annotated[int, Field(ge=0)]
    reference_rms: dict[DatasetName, Positive]
    scanners: dict[DatasetName, Scanner]
    particle: Particle
    gridding: Gridding
    kaczmarz: Kaczmarz
    methods: dict[Name, Method]
    experiments: dict[Name, Experiment]
    tables: dict[Name, Table]
    studies: dict[Name, Study] = {}
    presets: dict[Name, Preset]
