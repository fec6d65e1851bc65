"""A search with Optuna, after its PyTorch example: pruning, a DataLoader, two processes.

    python -m benchmarks.optuna_example FOLDER

The processes share a journal. The pruner is asynchronous successive halving with the rungs of the
other programs.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

from benchmarks import search_job

PROCESSES = 2


def work(folder: Path) -> None:
    """Run trials until none is waiting."""
    import optuna
    import torch
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    from benchmarks import copied_loop

    torch.set_num_threads(1)
    train, validation = search_job.split_indices()
    train_loader = copied_loop.loader(folder, True, train)
    validation_loader = copied_loop.loader(folder, True, validation)
    configurations = search_job.configurations()

    def objective(trial: optuna.Trial) -> float:
        hyperparameters = configurations[trial.suggest_int("configuration", 0, len(configurations) - 1)]
        model = search_job.build(hyperparameters)
        optimizer = copied_loop.optimizer_of(model, hyperparameters["learning_rate"])
        accuracy = 0.0
        for epoch in range(1, search_job.EPOCHS + 1):
            copied_loop.train_epoch(model, train_loader, optimizer)
            accuracy = copied_loop.accuracy(model, validation_loader)
            search_job.note(folder / "seen.jsonl", accuracy)
            trial.report(accuracy, epoch)
            if epoch < search_job.EPOCHS and trial.should_prune():
                raise optuna.TrialPruned
        return accuracy

    study = optuna.load_study(
        study_name="search",
        storage=JournalStorage(JournalFileBackend(str(folder / "optuna.log"))),
        pruner=optuna.pruners.SuccessiveHalvingPruner(
            min_resource=search_job.GRACE_EPOCHS, reduction_factor=search_job.REDUCTION_FACTOR
        ),
    )
    # An enqueued trial has the state WAITING until a process starts it.
    while study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.WAITING,)):
        study.optimize(objective, n_trials=1)


def main() -> None:
    """Run the search."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    from benchmarks import copied_loop

    folder = copied_loop.torchvision_folder(Path(sys.argv[1]))
    os.environ["OMP_NUM_THREADS"] = "1"
    study = optuna.create_study(
        study_name="search",
        storage=JournalStorage(JournalFileBackend(str(folder / "optuna.log"))),
        direction="maximize",
    )
    for index in range(search_job.CONFIGURATIONS):
        study.enqueue_trial({"configuration": index})
    processes = [multiprocessing.get_context("spawn").Process(target=work, args=(folder,)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            raise SystemExit(f"a process of Optuna failed with exit code {process.exitcode}")


if __name__ == "__main__":
    main()
