"""Tests of seeds that are trained together as one program."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.records.trial import Phase
from harness.training import Settings, TrainingDivergedError, build_model, prepare, resident, train, train_together
from harness.training.dropout import SeededDropout, seed_dropouts
from harness.training.execution import run_trial, run_trials
from harness.training.stacked import Stacked

CPU = Settings("cpu", threads=1, precision="fp32")
ARCHITECTURE_NAMES = ["simple_cnn", "advanced_cnn", "lenet5", "advanced_mlp", "mlp"]


def together(specs, data, settings=CPU):
    models = [build_model(spec, data.shape, len(data.classes)) for spec in specs]
    on_device = resident(data, settings.device)
    program = prepare(models, specs, on_device, settings)
    return models, list(train_together(program, models, specs, on_device, settings))


def alone(spec, data, settings=CPU):
    model = build_model(spec, data.shape, len(data.classes))
    return model, list(train(model, spec, resident(data, settings.device), settings))


def flat(model: nn.Module) -> torch.Tensor:
    """Return parameters and running statistics as one vector."""
    return torch.cat([value.flatten().double() for value in model.state_dict().values()])


@pytest.mark.parametrize("architecture", ARCHITECTURE_NAMES)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_seeds_trained_together_give_the_results_of_single_ones(architecture, precision, toy_data, make_spec) -> None:
    """Losses, accuracies, weights and running statistics agree to rounding."""
    settings = Settings("cpu", threads=1, precision=precision)
    # In bf16 the order of sums has about the same effect as bf16 against fp32: 0.04 for the weights
    # of advanced_cnn.
    rounding = 1 if precision == "fp32" else 100
    changes = {"dropout": 0.3} if architecture.startswith("advanced") or architecture == "mlp" else {}
    specs = [
        make_spec(architecture, Phase.CONFIRM, seed=seed, epochs=2, augmentation="affine", **changes)
        for seed in (1, 2, 3)
    ]
    models, epochs = together(specs, toy_data, settings)
    for index, spec in enumerate(specs):
        model, results = alone(spec, toy_data, settings)
        for ours, theirs in zip(epochs, results, strict=True):
            assert ours[index].train_loss == pytest.approx(theirs.train_loss, rel=1e-3 * rounding)
            assert ours[index].validation_loss == pytest.approx(theirs.validation_loss, rel=1e-3 * rounding)
            assert ours[index].validation_accuracy == pytest.approx(theirs.validation_accuracy, abs=0.011)
        # The norm of all weights is compared, because rounding decides the step of Adam for a
        # single weight with a gradient of almost 0.
        expected = flat(model)
        assert (flat(models[index]) - expected).norm() <= 1e-3 * rounding * expected.norm()
    assert not torch.equal(next(models[0].parameters()), next(models[1].parameters()))


def test_a_seed_that_diverges_does_not_affect_the_others(toy_data, make_spec) -> None:
    """A model with NaN weights fails alone.

    The other model has the same epochs as if trained alone.
    """
    specs = [make_spec("mlp", Phase.CONFIRM, seed=seed, epochs=2) for seed in (1, 2)]
    models = [build_model(spec, toy_data.shape, len(toy_data.classes)) for spec in specs]
    with torch.no_grad():
        next(models[0].parameters()).fill_(float("nan"))
    data = resident(toy_data, "cpu")
    epochs = list(train_together(prepare(models, specs, data, CPU), models, specs, data, CPU))
    assert all(isinstance(first, TrainingDivergedError) for first, _ in epochs)
    _, expected = alone(specs[1], toy_data)
    assert [second.validation_accuracy for _, second in epochs] == [e.validation_accuracy for e in expected]


def test_specifications_that_differ_in_more_than_the_seed_are_refused(toy_data, make_spec) -> None:
    """Specifications with different learning rates cannot be trained together."""
    specs = [make_spec("mlp", learning_rate=rate) for rate in (0.1, 0.2)]
    models = [build_model(spec, toy_data.shape, 4) for spec in specs]
    with pytest.raises(ValueError, match="differ in more than the seed"):
        prepare(models, specs, resident(toy_data, "cpu"), CPU)


def test_trials_trained_together_have_separate_messages(toy_data, toy_test, make_spec) -> None:
    """Every trial has its own messages and outcome, and the number of trials in its placement."""
    specs = [make_spec("advanced_mlp", Phase.CONFIRM, seed=seed) for seed in (1, 2)]
    rounds = list(run_trials(specs, toy_data, lambda: toy_test, CPU))
    for spec in specs:
        mine = [message for messages in rounds for message in messages if message.trial_id == spec.trial_id]
        theirs = list(run_trial(spec, toy_data, lambda: toy_test, CPU))
        assert [message.epoch.epoch for message in mine[:-1]] == [1, 2]
        assert mine[-1].outcome.test.accuracy == pytest.approx(theirs[-1].outcome.test.accuracy, abs=0.011)
        assert [message.started.placement.together for message in (mine[0], theirs[0])] == [2, 1]


def test_models_that_cannot_be_stacked_are_trained_one_after_the_other(
    toy_data, toy_test, make_spec, monkeypatch
) -> None:
    """Trials of a model that draws its own random numbers are trained one after the other."""

    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(144, 4)

        def forward(self, images):
            return nn.functional.dropout(self.linear(images.flatten(1)), 0.1, self.training)

    monkeypatch.setattr("harness.training.execution.build_model", lambda *_: Noisy())
    specs = [make_spec("mlp", Phase.CONFIRM, seed=seed) for seed in (1, 2)]
    messages = [m for messages in run_trials(specs, toy_data, lambda: toy_test, CPU) for m in messages]
    assert [m.trial_id for m in messages if m.outcome] == [spec.trial_id for spec in specs]
    assert all(message.failure is None and message.started.placement.together == 1 for message in messages)


def test_trials_are_trained_alone_if_their_program_fails_in_its_first_epoch(
    toy_data, toy_test, make_spec, monkeypatch
) -> None:
    """If the device has too little memory for all trials together, they are trained one by one."""
    import harness.training.execution as execution

    real = execution.train_together

    def too_much(program, models, *rest):
        if len(models) > 1:
            raise RuntimeError("out of memory")
        return real(program, models, *rest)

    monkeypatch.setattr(execution, "train_together", too_much)
    specs = [make_spec("mlp", Phase.CONFIRM, seed=seed) for seed in (1, 2)]
    messages = [m for messages in run_trials(specs, toy_data, lambda: toy_test, CPU) for m in messages]
    assert [m.trial_id for m in messages if m.outcome] == [spec.trial_id for spec in specs]
    assert all(message.failure is None for message in messages)


def test_stacked_models_have_separate_gradients() -> None:
    """The gradients of a model are 0 if only the other model has a loss."""
    models = [nn.Sequential(nn.Flatten(), nn.Linear(4, 2)) for _ in range(2)]
    stacked = Stacked(models)
    stacked(torch.ones(2, 3, 1, 2, 2))[0].sum().backward()
    for parameter in stacked.parameters():
        assert parameter.grad[0].abs().sum() > 0
        assert parameter.grad[1].abs().sum() == 0


def test_a_stacked_batch_norm_returns_the_type_of_its_input() -> None:
    """It computes in fp32 and returns the type of its input, as a single model does."""
    stacked = Stacked([nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4)) for _ in range(2)])
    assert stacked(torch.ones(2, 3, 1, 2, 2, dtype=torch.bfloat16)).dtype is torch.bfloat16
    assert stacked(torch.ones(2, 3, 1, 2, 2)).dtype is torch.float32


def test_only_dropout_layers_are_replaced() -> None:
    """Nested dropout layers are replaced. Names of weights and evaluation do not change."""
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 2)))
    names, expected = list(plain.state_dict()), plain.eval()(torch.ones(3, 4))
    seeded = seed_dropouts(plain)
    assert list(seeded.state_dict()) == names
    dropouts = {name: layer.p for name, layer in seeded.named_modules() if isinstance(layer, SeededDropout)}
    assert dropouts == {"1": 0.5, "2.0": 0.2}
    assert torch.equal(seeded.eval()(torch.ones(3, 4)), expected)
    assert isinstance(seed_dropouts(nn.Dropout(0.1)), SeededDropout)


def test_dropout_masks_have_the_right_share_and_mean() -> None:
    """Units are 0 with probability p, and the others are scaled so that the mean stays 1."""
    from harness.training.dropout import draw_masks

    mask = torch.ones(400, 500)
    draw_masks([(mask, 0.3)], [torch.Generator().manual_seed(1)])
    assert (mask == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert mask.mean().item() == pytest.approx(1.0, abs=0.01)
    assert mask.unique().tolist() == [0.0, pytest.approx(1 / 0.7, rel=1e-4)]
