"""Tests of the figures of classes, learning curves, grids and misclassified images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from synthetic_run import GRID, SyntheticRun

from harness.records.trial import Status
from harness.report.classification import Classification, balanced_accuracy, classify
from harness.report.page.canvas import png
from harness.report.sections.classes import class_table
from harness.report.sections.confusion_matrices import (
    confusion_matrix_values,
    draw_confusion_matrix,
    largest_confusion,
    worst_confused,
)
from harness.report.sections.early_stopping.figure import draw_learning_curves, learning_curve_values
from harness.report.sections.errors.gallery import confident_mistakes, displayable, draw_mistakes, mistakes_values
from harness.report.sections.grid_search import (
    GridValues,
    cell_text,
    draw_grid_heat_maps,
    grid_axes,
    grid_values,
)
from harness.report.summary import ArchitectureSummary, summarise
from harness.runs.reading import MissedImages, Predictions, RunData, read_run_folder


@pytest.fixture(scope="module")
def folder(reported: Path) -> RunData:
    """The run folder as values."""
    return read_run_folder(reported)


@pytest.fixture(scope="module")
def summaries(folder: RunData) -> tuple[ArchitectureSummary, ...]:
    """Summaries of its architectures."""
    return summarise(folder)


def predictions(labels: list[int], predicted: list[int], confidence: list[float]) -> Predictions:
    """Create predictions from lists."""
    return Predictions(np.array(labels), np.array(predicted), np.array(confidence, dtype=np.float32))


def some_classification(classes: int) -> Classification:
    """Create a model that predicts class 1 for two images of class 0 and is correct otherwise."""
    labels = [*range(classes), 0, 0]
    return classify(predictions(labels, [*range(classes), 1, 1], [0.9] * len(labels)), classes, seed=1)


def test_classification_of_a_small_example() -> None:
    """Matrix, precision, recall and F1 with two errors equal those computed by hand."""
    found = some_classification(3)
    assert found.matrix.tolist() == [[1, 2, 0], [0, 1, 0], [0, 0, 1]]
    assert found.recall == pytest.approx([1 / 3, 1, 1])
    assert found.precision == pytest.approx([1, 1 / 3, 1])
    assert found.f1 == pytest.approx([0.5, 0.5, 1])
    assert found.support.tolist() == [3, 1, 1]
    assert largest_confusion(found) == (0, 1, 2)
    assert largest_confusion(classify(predictions([0, 1], [0, 1], [0.9, 0.9]), 2, seed=1)) is None


def test_colours_show_only_errors() -> None:
    """The diagonal is masked, and the colour scale ends at the most frequent error."""
    values = confusion_matrix_values("A", some_classification(3), ["a", "b", "c"])
    image = draw_confusion_matrix(values).axes[0].images[0]
    assert np.ma.getmaskarray(image.get_array()).tolist() == np.eye(3, dtype=bool).tolist()
    assert image.get_clim() == (0, 2)
    assert values.title == "A: 2 errors in 5 test images (seed 1)"


def test_confusion_matrix_shows_counts_and_names() -> None:
    """Every cell shows its count, and the axes show the names of the classes."""
    names = ["zero", "one", "a very long name of a class"]
    axes = draw_confusion_matrix(confusion_matrix_values("A", some_classification(3), names)).axes[0]
    assert [text.get_text() for text in axes.texts] == ["1", "2", "0", "0", "1", "0", "0", "0", "1"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["zero", "one", "a very long…"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")


def test_the_matrix_of_many_classes_has_no_numbers() -> None:
    """With 30 classes, cells have no numbers, but every class is named."""
    names = [str(number) for number in range(30)]
    axes = draw_confusion_matrix(confusion_matrix_values("A", some_classification(30), names)).axes[0]
    assert not axes.texts
    assert len(axes.get_yticklabels()) == 30


def test_the_matrix_of_very_many_classes_shows_the_most_confused_ones() -> None:
    """The matrix shows the pairs with the most errors in both directions, in class order."""
    labels, predicted = list(range(62)), list(range(62))
    for true, said, times in ((50, 7, 3), (7, 50, 2), (61, 30, 4), (3, 4, 1)):
        labels += [true] * times
        predicted += [said] * times
    found = classify(predictions(labels, predicted, [0.9] * len(labels)), 62, seed=1)
    assert {3, 4, 7, 30, 50, 61} <= set(worst_confused(found))
    values = confusion_matrix_values("A", found, [f"class {number}" for number in range(62)])
    assert values.title.startswith("A: 10 errors in 72 test images (seed 1)\n20 of 62 classes")
    assert list(values.classes) == [f"class {number}" for number in worst_confused(found)]
    shown = dict(zip(values.classes, range(20), strict=True))
    assert values.counts[shown["class 61"], shown["class 30"]] == 4
    assert len(draw_confusion_matrix(values).axes[0].texts) == 20 * 20


def test_the_table_of_very_many_classes_shows_the_worst_first() -> None:
    """The table has twenty rows sorted by F1. A class that was never predicted comes first."""
    frame = class_table(some_classification(62), [f"class {number}" for number in range(62)]).frame
    assert len(frame) == 20
    assert frame["Class"].tolist()[:2] == ["class 0", "class 1"]
    assert class_table(some_classification(3), ["c", "b", "a"]).frame["Class"].tolist() == ["c", "b", "a"]


def test_balanced_accuracy_weights_every_class_equally() -> None:
    """All nine images of one class correct and one image of another wrong gives 0.5."""
    assert balanced_accuracy(predictions([0] * 9 + [1], [0] * 10, [0.9] * 10)) == 0.5


def test_a_model_without_errors_can_be_drawn() -> None:
    """A perfect confusion matrix is drawn without a warning."""
    found = classify(predictions([0, 1], [0, 1], [0.9, 0.9]), 2, seed=1)
    draw_confusion_matrix(confusion_matrix_values("A", found, ["a", "b"]))


def test_learning_curves_show_every_search_trial(folder: RunData, summaries: tuple[ArchitectureSummary, ...]) -> None:
    """Each panel has a curve per search trial with an epoch, and a mark per stopped trial."""
    panels = learning_curve_values(summaries, folder.records, 5000)
    for panel, summary in zip(panels, summaries, strict=True):
        assert panel.title == summary.title
        assert len(panel.curves) + 1 == summary.search.completed + summary.search.stopped_early
        assert len(panel.ends(Status.STOPPED_EARLY)) == summary.search.stopped_early
        assert len(panel.ends(Status.COMPLETED)) + 1 == summary.search.completed
        assert summary.winner is not None
        assert panel.winner[-1][1] == pytest.approx(100 * (1 - summary.winner.epochs[-1].validation_accuracy))


def test_learning_curves_are_drawn(folder: RunData, summaries: tuple[ArchitectureSummary, ...]) -> None:
    """The axes show lines, marks and the selected trial, and the legend names them."""
    panels = learning_curve_values(summaries, folder.records, 5000)
    figure = draw_learning_curves(panels)
    for axes, panel in zip(figure.axes, panels, strict=False):
        (lines,) = [found for found in axes.collections if isinstance(found, LineCollection)]
        marks = {
            found.get_label(): len(np.asarray(found.get_offsets()))
            for found in axes.collections
            if isinstance(found, PathCollection)
        }
        assert len(lines.get_segments()) == len(panel.curves)
        assert marks.get("stopped early by ASHA", 0) == len(panel.ends(Status.STOPPED_EARLY))
        assert np.asarray(axes.lines[0].get_ydata()).tolist() == [error for _, error in panel.winner]
        assert axes.get_yscale() == "log"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert set(legend) == {"search trial", "completed", "stopped early by ASHA", "selected trial"}


def test_a_perfect_trial_is_drawn_as_half_an_image(folder: RunData, summaries: tuple[ArchitectureSummary, ...]) -> None:
    """An error of zero is drawn as half a validation image."""
    winner = summaries[0].winner
    assert winner is not None
    perfect = winner.epochs[-1].model_copy(update={"validation_accuracy": 1.0})
    record = winner.model_copy(update={"epochs": (perfect,)})
    (panel,) = learning_curve_values(summaries, [record], 5000)
    assert panel.winner[-1][1] == pytest.approx(0.01)
    draw_learning_curves([panel])


def grid_of(folder: RunData, summaries: tuple[ArchitectureSummary, ...]) -> GridValues:
    """Compute the values of the grid of the MLP."""
    axes = grid_axes(summaries[-1].architecture, folder.study.space("mlp"))
    records = [record for record in folder.records if record.spec.architecture == "mlp"]
    values = grid_values(axes, records, summaries[-1].winner)
    assert values is not None
    return values


def test_the_heat_map_has_the_grid_of_the_study(folder: RunData, summaries: tuple[ArchitectureSummary, ...]) -> None:
    """Rows are the first grid hyperparameter, columns the last one, and panels the one between."""
    values = grid_of(folder, summaries)
    assert (values.rows.name, values.rows.values) == ("learning_rate", tuple(GRID["learning_rate"]["grid"]))
    assert (values.columns.name, values.columns.values) == ("units", (64, 256, 512))
    assert values.panels == ({"hidden_layers": 1}, {"hidden_layers": 2}, {"hidden_layers": 3})


def test_each_grid_cell_has_its_trial(folder: RunData, summaries: tuple[ArchitectureSummary, ...]) -> None:
    """Each cell has the trial at its point, with any status. One of them is the selected trial."""
    values = grid_of(folder, summaries)
    by_point = {
        tuple(record.spec.hyperparameters[name] for name in ("hidden_layers", "learning_rate", "units")): record
        for record in folder.records
        if record.spec.architecture == "mlp" and record.spec.phase == "search"
    }
    trials = [trial for panel in values.trials for row in panel for trial in row]
    for panel, rows in zip(values.panels, values.trials, strict=True):
        for rate, row in zip(values.rows.values, rows, strict=True):
            for units, trial in zip(values.columns.values, row, strict=True):
                assert trial == by_point[panel["hidden_layers"], rate, units]
    assert trials.count(values.winner) == 1
    assert {trial.status for trial in trials if trial} == set(Status)


def test_the_text_of_a_grid_cell_shows_how_the_trial_ended(
    folder: RunData, summaries: tuple[ArchitectureSummary, ...]
) -> None:
    """The text shows a stopped trial with its epoch, a failed trial, or that no trial ran."""
    values = grid_of(folder, summaries)
    assert values.winner is not None
    epochs = tuple(epoch.model_copy(update={"validation_accuracy": 0.9}) for epoch in values.winner.epochs[:3])

    def text(status: Status) -> str:
        return cell_text(values.winner.model_copy(update={"status": status, "epochs": epochs}))

    assert text(Status.COMPLETED) == "90.00"
    assert text(Status.STOPPED_EARLY) == "90.00\nstopped\nepoch 3"
    assert text(Status.FAILED) == "failed\nepoch 4"
    assert cell_text(None) == "not run"
    figure = draw_grid_heat_maps("MLP", values, 5000)
    drawn = [text.get_text() for text in figure.axes[0].texts]
    assert drawn == [cell_text(trial) for row in values.trials[0] for trial in row]
    assert figure.axes[1].get_title() == "hidden_layers 2"
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["0.001", "0.003", "0.03"]


def test_any_architecture_with_a_grid_gets_heat_maps(tmp_path: Path) -> None:
    """Two grid hyperparameters are one panel. A single one has no heat map."""
    grid = {"optimizer": {"grid": ["sgd", "adam"]}, "channels": {"grid": [8, 4]}}
    run = SyntheticRun(architectures=("simple_cnn",), samples=1, seeds=1, test_images=50, spaces={"simple_cnn": grid})
    made = read_run_folder(run.write(tmp_path))
    (summary,) = summarise(made)
    axes = grid_axes(summary.architecture, made.study.space("simple_cnn"))
    assert [(axis.name, axis.values) for axis in axes] == [("optimizer", ("sgd", "adam")), ("channels", (4, 8))]
    values = grid_values(axes, made.records, summary.winner)
    assert values is not None
    assert values.panels == ({},)
    draw_grid_heat_maps("Simple CNN", values, 5000)
    assert grid_values(axes[:1], made.records, summary.winner) is None


def test_a_completed_trial_is_shown_rather_than_a_stopped_one(
    folder: RunData, summaries: tuple[ArchitectureSummary, ...]
) -> None:
    """If several trials have the same point, a completed trial is shown before a stopped one."""
    winner = summaries[-1].winner
    assert winner is not None
    flattering = winner.epochs[0].model_copy(update={"validation_accuracy": 0.9999})
    stopped = winner.model_copy(update={"trial_id": "other", "status": Status.STOPPED_EARLY, "epochs": (flattering,)})
    axes = grid_axes(summaries[-1].architecture, folder.study.space("mlp"))
    for order in ([winner, stopped], [stopped, winner]):
        values = grid_values(axes, order, winner)
        assert values is not None
        assert [trial for panel in values.trials for row in panel for trial in row if trial] == [winner]


def test_the_most_confident_errors_come_first() -> None:
    """Errors are sorted by confidence. Ties are in the order of the test set."""
    found = predictions([0, 1, 2, 0, 1], [1, 1, 0, 2, 0], [0.7, 0.99, 0.9, 0.9, 0.8])
    assert confident_mistakes(found, np.arange(5), limit=3) == (2, 3, 4)
    assert confident_mistakes(found, np.array([0, 4]), 9) == (4, 0)


def test_the_gallery_shows_misclassified_images(folder: RunData, summaries: tuple[ArchitectureSummary, ...]) -> None:
    """Each tile shows the misclassified image, both classes and the confidence."""
    assert folder.missed is not None
    rows = mistakes_values(summaries, folder.predictions, folder.missed, "abcdefghij")
    assert [row.title for row in rows] == [summary.title for summary in summaries]
    found = folder.predictions["simple_cnn", 1]
    first = confident_mistakes(found, folder.missed.indices, 1)[0]
    place = folder.missed.indices.tolist().index(first)
    assert np.array_equal(rows[0].tiles[0].image, folder.missed.images[place, 0])
    letters = "abcdefghij"
    assert found.confidence is not None
    answer = f"{letters[found.labels[first]]} → {letters[found.predicted[first]]}"
    expected = f"{answer}\n{100 * found.confidence[first]:.2f} %"
    axes = draw_mistakes(rows).axes
    assert axes[0].get_xlabel() == expected
    assert [axis.get_ylabel() for axis in axes[::8]] == [summary.title for summary in summaries]


def test_a_model_without_errors_has_an_empty_row_with_a_text(
    folder: RunData, summaries: tuple[ArchitectureSummary, ...]
) -> None:
    """A model without errors has an empty row that says so."""
    none = np.array([], dtype=np.int64)
    nothing = MissedImages(none, none, np.zeros((0, 1, 28, 28), dtype=np.uint8), predicted={})
    rows = mistakes_values(summaries[:1], folder.predictions, nothing, "abcdefghij")
    assert draw_mistakes(rows).axes[0].texts[0].get_text() == "no errors to show"


@pytest.mark.parametrize(("channels", "shape"), [(1, (4, 5)), (2, (4, 5)), (3, (4, 5, 3))])
def test_images_of_any_channels_can_be_shown(channels: int, shape: tuple[int, ...]) -> None:
    """Three channels are shown in colour, and any other number in grey."""
    image = np.arange(channels * 20, dtype=np.uint8).reshape(channels, 4, 5)
    shown = displayable(image)
    assert (shown.shape, shown.dtype) == (shape, np.uint8)
    assert shown[..., 0].ravel()[0] == (0 if channels == 3 else int(image[:, 0, 0].mean()))


def texts_outside(figure: Figure) -> list[str]:
    """Return the texts that are partly outside the figure."""
    figure.draw_without_rendering()
    width, height = figure.bbox.size
    found = []
    for axes in figure.axes:
        shown = [
            tick.label1
            for axis in (axes.xaxis, axes.yaxis)
            for tick in axis.get_major_ticks()
            if min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
        ]
        labels = [*shown, *axes.texts]
        for text in [axes.title, axes.xaxis.label, axes.yaxis.label, *labels]:
            box = text.get_window_extent()
            inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
            if text.get_text() and text.get_visible() and axes.axison and not inside:
                found.append(text.get_text())
    return found


def test_nothing_is_clipped(folder: RunData, summaries: tuple[ArchitectureSummary, ...]) -> None:
    """No text reaches over the edge of a figure, with short and with long class names."""
    assert folder.missed is not None
    assert summaries[0].classification is not None
    long = [f"class with a long name {number}" for number in range(10)]
    figures = [
        draw_learning_curves(learning_curve_values(summaries, folder.records, 5000)),
        draw_grid_heat_maps("MLP", grid_of(folder, summaries), 5000),
    ]
    for names in (long, "0123456789"):
        figures.append(draw_confusion_matrix(confusion_matrix_values("A", summaries[0].classification, names)))
        figures.append(draw_mistakes(mistakes_values(summaries, folder.predictions, folder.missed, names)))
    assert [texts_outside(figure) for figure in figures] == [[] for _ in figures]


def test_png_is_reproducible() -> None:
    """The same figure gives the same bytes."""
    values = confusion_matrix_values("A", some_classification(3), ["a", "b", "c"])
    assert png(draw_confusion_matrix(values)) == png(draw_confusion_matrix(values))
