"""Seeds of one configuration, trained as one program: each gives what it gives alone."""

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
    """Parameters and running statistics, one after the other."""
    return torch.cat([value.flatten().double() for value in model.state_dict().values()])


@pytest.mark.parametrize("architecture", ARCHITECTURE_NAMES)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_each_seed_gives_the_same_together_as_alone(architecture, precision, toy_data, make_spec) -> None:
    """Losses, accuracies, weights and running statistics agree to rounding, dropout and augmentation included."""
    settings = Settings("cpu", threads=1, precision=precision)
    # In bf16 the order of sums matters about as much as bf16 itself does against fp32: 0.04 for advanced_cnn's weights.
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
        # Of all weights at once: where a gradient is nearly 0, rounding decides which way Adam moves a single one.
        expected = flat(model)
        assert (flat(models[index]) - expected).norm() <= 1e-3 * rounding * expected.norm()
    assert not torch.equal(next(models[0].parameters()), next(models[1].parameters()))


def test_a_seed_that_diverges_costs_the_others_nothing(toy_data, make_spec) -> None:
    """One model with weights that overflow fails alone; the other one's epochs are as if it had been alone."""
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
    """Two learning rates are two configurations."""
    specs = [make_spec("mlp", learning_rate=rate) for rate in (0.1, 0.2)]
    models = [build_model(spec, toy_data.shape, 4) for spec in specs]
    with pytest.raises(ValueError, match="differ in more than the seed"):
        prepare(models, specs, resident(toy_data, "cpu"), CPU)


def test_trials_together_say_what_each_says_alone(toy_data, toy_test, make_spec) -> None:
    """Every trial has its own messages, its own outcome, and says how many there were."""
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
    """A model that draws random numbers of its own still gives every trial its result."""

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


def test_a_program_that_fails_in_its_first_epoch_gives_way_to_single_trials(
    toy_data, toy_test, make_spec, monkeypatch
) -> None:
    """What is too much for the device together is trained one after the other, and nothing is lost."""
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


def test_stacked_models_do_not_see_each_other() -> None:
    """Gradients of one model are 0 when only the other one has a loss."""
    models = [nn.Sequential(nn.Flatten(), nn.Linear(4, 2)) for _ in range(2)]
    stacked = Stacked(models)
    stacked(torch.ones(2, 3, 1, 2, 2))[0].sum().backward()
    for parameter in stacked.parameters():
        assert parameter.grad[0].abs().sum() > 0
        assert parameter.grad[1].abs().sum() == 0


def test_a_stacked_batch_norm_gives_values_of_the_type_that_it_was_given() -> None:
    """It computes in fp32, and what follows it computes in the lower precision, as in a model that is alone."""
    stacked = Stacked([nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4)) for _ in range(2)])
    assert stacked(torch.ones(2, 3, 1, 2, 2, dtype=torch.bfloat16)).dtype is torch.bfloat16
    assert stacked(torch.ones(2, 3, 1, 2, 2)).dtype is torch.float32


def test_dropout_is_replaced_wherever_it_is_and_nothing_else() -> None:
    """Nested dropouts are found, weights keep their names, evaluation is unchanged."""
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 2)))
    names, expected = list(plain.state_dict()), plain.eval()(torch.ones(3, 4))
    seeded = seed_dropouts(plain)
    assert list(seeded.state_dict()) == names
    dropouts = {name: layer.p for name, layer in seeded.named_modules() if isinstance(layer, SeededDropout)}
    assert dropouts == {"1": 0.5, "2.0": 0.2}
    assert torch.equal(seeded.eval()(torch.ones(3, 4)), expected)
    assert isinstance(seed_dropouts(nn.Dropout(0.1)), SeededDropout)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    """In training, units are 0 with probability p, and the others are scaled up to make up for it."""
    from harness.training.dropout import draw_masks

    mask = torch.ones(400, 500)
    draw_masks([(mask, 0.3)], [torch.Generator().manual_seed(1)])
    assert (mask == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert mask.mean().item() == pytest.approx(1.0, abs=0.01)
    assert mask.unique().tolist() == [0.0, pytest.approx(1 / 0.7, rel=1e-4)]
