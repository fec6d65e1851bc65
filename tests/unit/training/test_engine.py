"""Tests of the training engine: its results, and that they are reproducible."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from architectures import BUILT_IN
from harness.data.dataset import Normalisation
from harness.records.trial import Phase
from harness.training import Settings, TrainingDivergedError, build_model, predict, resident, train
from harness.training.engine import _epoch_streams
from harness.training.resident import Normaliser

CPU = Settings("cpu", threads=1, precision="fp32")


def run(spec, data, settings=CPU):
    model = build_model(spec, data.shape, len(data.classes))
    results = list(train(model, spec, resident(data, settings.device), settings))
    return model, results


def untimed(results):
    return [result.model_dump(exclude={"train_seconds", "validation_seconds"}) for result in results]


def same_weights(first, second) -> bool:
    a, b = first.state_dict(), second.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("architecture", ["mlp", "advanced_mlp", "lenet5", "simple_cnn", "advanced_cnn"])
def test_every_architecture_learns_the_stripes(architecture, toy_data, make_spec) -> None:
    """A few epochs on an easy problem give a high validation accuracy."""
    _, results = run(make_spec(architecture, epochs=6, learning_rate=0.003), toy_data)
    assert results[-1].validation_accuracy > 0.95
    assert [result.epoch for result in results] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("architecture", ["advanced_mlp", "advanced_cnn"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_specification_always_gives_the_same_bits(architecture, precision, toy_data, make_spec) -> None:
    """Weights and results repeat exactly, even if other trials and random numbers came before."""
    settings = Settings("cpu", threads=1, precision=precision)
    spec = make_spec(architecture, augmentation="elastic", dropout=0.3)
    first, first_results = run(spec, toy_data, settings)
    run(make_spec("lenet5", seed=5), toy_data)
    torch.manual_seed(99)
    torch.rand(7)
    second, second_results = run(spec, toy_data, settings)
    assert same_weights(first, second)
    assert untimed(first_results) == untimed(second_results)


def test_trials_that_alternate_do_not_affect_each_other(toy_data, make_spec) -> None:
    """Two trials that alternate after each epoch give the same results as each alone."""
    specs = [make_spec("advanced_mlp", seed=seed, epochs=3) for seed in (1, 2)]
    alone = [untimed(run(spec, toy_data)[1]) for spec in specs]
    models = [build_model(spec, toy_data.shape, 4) for spec in specs]
    data = resident(toy_data, "cpu")
    turns = zip(*(train(model, spec, data, CPU) for model, spec in zip(models, specs, strict=True)), strict=True)
    interleaved = list(zip(*turns, strict=True))
    assert [untimed(results) for results in interleaved] == alone


def test_training_does_not_change_the_global_random_generator(toy_data, make_spec) -> None:
    """The next random number of the process is the same with and without a trial before it."""
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    run(make_spec("advanced_mlp"), toy_data)
    assert torch.equal(torch.rand(4), expected)


def test_another_seed_gives_another_model(toy_data, make_spec) -> None:
    """Models with different seeds have different weights."""
    first, _ = run(make_spec(seed=1), toy_data)
    second, _ = run(make_spec(seed=2), toy_data)
    assert not same_weights(first, second)


def streams(spec, data, epoch=1, batch_size=16):
    """Return image indices (N,) and draws by image (N, K) of an epoch."""
    hyperparameters = BUILT_IN[spec.architecture].hyperparameters.model_validate(spec.hyperparameters)
    images = len(data.train_labels)
    batches, draws = _epoch_streams([spec], epoch, images // batch_size, batch_size, data, hyperparameters)
    order = batches.flatten()
    by_image = torch.zeros(images, draws.shape[-1]).index_copy(0, order, draws.flatten(0, 1))
    return order, by_image


def test_order_and_augmentation_are_the_same_for_all_architectures(toy_data, make_spec) -> None:
    """The seed determines the data order and the augmentation of each image in each epoch."""
    data = resident(toy_data, "cpu")
    first = make_spec("mlp", seed=4, augmentation="affine")
    second = make_spec("lenet5", Phase.CONFIRM, seed=4, augmentation="affine")
    order, draws = streams(first, data, epoch=2, batch_size=16)
    other_order, other_draws = streams(second, data, epoch=2, batch_size=50)
    assert torch.equal(order, other_order)
    assert torch.equal(draws, other_draws)
    for different in (streams(make_spec(seed=5, augmentation="affine"), data, epoch=2), streams(first, data, epoch=3)):
        assert not torch.equal(order, different[0])
        assert not torch.equal(draws, different[1])


def test_validation_images_are_never_trained_on(toy_data, make_spec, monkeypatch) -> None:
    """Every batch that is augmented has only training images."""
    import harness.training.step as step

    seen = []
    real = step.augment
    monkeypatch.setattr(step, "augment", lambda images, *rest: (seen.append(images.clone()), real(images, *rest))[1])
    run(make_spec(epochs=1), toy_data)
    trained = {image.numpy().astype(np.uint8).tobytes() for image in torch.cat(seen)}
    assert trained <= {image.tobytes() for image in toy_data.train.images}
    assert not trained & {image.tobytes() for image in toy_data.validation.images}
    assert sum(map(len, seen)) == 384  # 12 batches of 32 out of 400


def test_an_epoch_trains_on_each_image_once(toy_data, make_spec) -> None:
    """An epoch has each image once, except for the incomplete last batch."""
    order, _ = streams(make_spec(), resident(toy_data, "cpu"))
    assert sorted(order.tolist()) == list(range(400))
    _, results = run(make_spec(epochs=1, batch_size=64), toy_data)
    assert results[0].train_images == 384
    _, results = run(make_spec(epochs=1, batch_size=5000), toy_data)
    assert results[0].train_images == 400


def test_a_diverged_trial_is_an_error(toy_data, make_spec) -> None:
    """A training loss that is not finite is an error that names the epoch."""
    spec = make_spec("mlp", optimizer="sgd", learning_rate=100.0, schedule="constant", epochs=3)
    with pytest.raises(TrainingDivergedError, match=r"the training loss was (nan|inf) in epoch \d"):
        run(spec, toy_data)


def test_results_equal_those_computed_from_the_model(toy_data, make_spec) -> None:
    """Validation accuracy and loss equal those computed here from the outputs of the model."""
    model, results = run(make_spec("advanced_cnn"), toy_data)
    data = resident(toy_data, "cpu")
    pixels = torch.from_numpy(toy_data.validation.images).float()
    inputs = (pixels / 255 - 0.3) / 0.25
    model.eval()
    with torch.inference_mode():
        logits = model(inputs)
    labels = data.validation_labels
    assert results[-1].validation_accuracy == (logits.argmax(1) == labels).float().mean().item()
    expected_loss = torch.nn.functional.cross_entropy(logits, labels).item()
    assert results[-1].validation_loss == pytest.approx(expected_loss, rel=1e-4)


def test_normalised_images_have_mean_0_and_std_1(toy_data) -> None:
    """Each channel is normalised with its own statistics."""
    images = torch.randint(0, 256, (50, 3, 8, 8), dtype=torch.uint8)
    mean, std = (
        images.float().div(255).transpose(0, 1).flatten(1).__getattribute__(name)(1) for name in ("mean", "std")
    )
    normaliser = Normaliser.of(Normalisation(tuple(mean.tolist()), tuple(std.tolist())), "cpu")
    normalised = normaliser(images.float()).transpose(0, 1).flatten(1)
    torch.testing.assert_close(normalised.mean(1), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(normalised.std(1), torch.ones(3), atol=1e-3, rtol=0)


def test_data_are_not_copied_on_the_cpu(toy_data) -> None:
    """Tensors share the memory of the arrays, even if these are read-only."""
    images = toy_data.train.images.view()
    images.flags.writeable = False
    data = resident(toy_data, "cpu")
    assert data.train_images.data_ptr() == toy_data.train.images.ctypes.data


def test_prediction_does_not_depend_on_the_batch_size(toy_data, make_spec, monkeypatch) -> None:
    """The batch size does not change the logits, and the model stays in evaluation mode."""
    model, _ = run(make_spec("advanced_cnn"), toy_data)
    data = resident(toy_data, "cpu")
    whole = predict(model, data.validation_images, data.normaliser, CPU)
    monkeypatch.setattr("harness.training.prediction._BATCH", {"cpu": 7})
    torch.testing.assert_close(
        predict(model, data.validation_images, data.normaliser, CPU), whole, atol=1e-4, rtol=1e-4
    )
    assert not model.training
