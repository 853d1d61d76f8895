"""The model card: README.md of a repository, with metadata that the hub reads."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from recircle.evaluation.lines import family_lines
from recircle.hub import HubReference
from recircle.models.cost import Cost
from recircle.push.measured import Measured
from recircle.run import ModelSpec
from recircle.terminal import visible
from recircle.words import counted

NOT_STATED = "not stated"
_TAGS = ("video-classification", "action-recognition", "fine-grained", "recircle")


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a card says.

    Attributes:
        reference: the repository.
        spec: of the network.
        measured: its evaluation, if there is one.
        cost: of one view, where it is known.
        licence: of the weights; empty where it is not stated.
        started_from: the weights that training started from, in words.
        digests: SHA-256 of each file.
    """

    reference: HubReference
    spec: ModelSpec
    measured: Measured | None
    cost: Cost | None
    licence: str
    started_from: str
    digests: Mapping[str, str]

    def render(self) -> str:
        """Return the card in Markdown."""
        return f"---\n{self._metadata()}\n---\n\n" + "\n".join(self._lines()) + "\n"

    def _metadata(self) -> str:
        from huggingface_hub import EvalResult, ModelCardData

        results: list[EvalResult] = []
        if self.measured is not None:
            data = self.measured.data
            results = [
                EvalResult(
                    task_type="video-classification",
                    dataset_type="video",
                    dataset_name=data,
                    metric_type="accuracy",
                    metric_name=f"{title}, {protocol}",
                    metric_value=float(value),
                )
                for title, value, _, _, protocol in self.measured.rows
            ]
        tags = [*_TAGS, *(("arc",) if self.spec.model.name.startswith("arc_") else ())]
        metadata = ModelCardData(
            license=self.licence or None,
            library_name="recircle",
            pipeline_tag="video-classification",
            tags=tags,
            model_name=self.reference.repository.rpartition("/")[2] if results else None,
            eval_results=results or None,
        )
        return metadata.to_yaml()

    def _lines(self) -> Iterator[str]:
        yield f"# {self.reference.repository.rpartition('/')[2]}"
        yield ""
        classes = counted(len(self.spec.labels), "class", "classes")
        yield (
            f"`{self.spec.model.title}`, which recognises {classes} of actions in video from {self.spec.sampling} of "
            f"{_size(self.spec)} px; trained with recircle {self.spec.recircle}."
        )
        yield from self._use()
        yield from self._figures()
        yield from self._network()
        yield from self._files()
        yield from ("", "## Licence", "", self.licence or NOT_STATED)

    def _use(self) -> Iterator[str]:
        yield from ("", "## Use", "", "```python", "import recircle", "")
        yield f'recognizer = recircle.Recognizer.load("{self.reference}")'
        yield 'print(recognizer("clip.mp4").top(5))'
        yield "```"
        yield from ("", f"or `recircle predict {self.reference} CLIPS`; `{self.reference}@COMMIT` means one revision.")

    def _figures(self) -> Iterator[str]:
        yield from ("", "## Evaluation", "")
        measured = self.measured
        if measured is None:
            yield "Not measured."
            return
        metrics = measured.report.metrics
        yield f"On {_plain(measured.data)}: {counted(metrics.clips, 'clip')}."
        yield f"Clips left out, since they cannot be decoded: {measured.left_out}."
        yield from ("", f"| metric | % | {metrics.level:.0%} interval | chance | protocol |", "|---|---|---|---|---|")
        for row in measured.rows:
            yield f"| {' | '.join(map(_plain, row))} |"
        yield ""
        yield (
            f"Intervals are percentile bootstraps over the clips ({metrics.resamples} resamples, seed {metrics.seed}); "
            "they do not hold for the seed of training."
        )
        yield from self._order(measured)
        if measured.families is not None:
            yield from ("", "### Families", "")
            yield from ("```", *(visible(line) for line in family_lines(measured.families)), "```")

    def _order(self, measured: Measured) -> Iterator[str]:
        yield ""
        if measured.shuffled is None:
            yield "Accuracy with the frames of each clip in random order: not measured."
        else:
            yield (
                f"With the frames of each clip in random order, top-1 is {measured.shuffled.top1} "
                f"({measured.shuffled.protocol}). What is above that rests on the order of the frames."
            )

    def _network(self) -> Iterator[str]:
        yield from ("", "## Network", "", "| | |", "|---|---|")
        yield f"| network | `{self.spec.model.title}` |"
        yield f"| started from | {_plain(self.started_from)} |"
        if self.cost is not None:
            views = f"{self.measured.views}" if self.measured is not None else "views"
            yield f"| parameters | {self.cost.params / 1e6:.2f} M |"
            yield f"| GMACs x views | {self.cost.gmacs:.3g} x {views} |"
        yield f"| frames | {_plain(str(self.spec.sampling))} |"
        yield f"| crop | {_size(self.spec)} px |"
        yield from ("", "<details><summary>Classes</summary>", "")
        for label in self.spec.labels:
            family = self.spec.families.get(label)
            yield f"* {_plain(label)}" + (f" ({_plain(family)})" if family else "")
        yield from ("", "</details>")

    def _files(self) -> Iterator[str]:
        yield from ("", "## Files", "", "`SHA256SUMS` has the checksums of the files, and loading insists on them.", "")
        yield from ("| file | SHA-256 |", "|---|---|")
        for name, digest in self.digests.items():
            yield f"| `{name}` | `{digest}` |"
        if self.measured is not None:
            yield from ("", f"The predictions behind the figures have the SHA-256 `{self.measured.digest}`.")


def _size(spec: ModelSpec) -> str:
    height, width = spec.preprocessing.crop_size
    return f"{height} x {width}"


def _plain(text: str) -> str:
    """Return a name as text for Markdown, which makes nothing of it."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>|#" else char for char in visible(text))
