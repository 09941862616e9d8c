"""An app in the shape of lightning-hydra-template, none of its code; nothing in it knows of us."""

FILES = {
    "src/__init__.py": "",
    "src/train.py": """
        import sys
        from pathlib import Path

        import hydra
        import lightning

        sys.path.append(str(Path(__file__).parents[1]))


        @hydra.main(version_base="1.3", config_path="../configs", config_name="train.yaml")
        def main(cfg):
            if cfg.get("seed") is not None:
                lightning.seed_everything(cfg.seed, workers=True, verbose=False)
            data = hydra.utils.instantiate(cfg.data)
            model = hydra.utils.instantiate(cfg.model)
            trainer = hydra.utils.instantiate(cfg.trainer)
            trainer.fit(model, datamodule=data, ckpt_path=cfg.get("ckpt_path"))
            metrics = dict(trainer.callback_metrics)
            if cfg.get("test"):
                trainer.test(model, datamodule=data)
                metrics |= trainer.callback_metrics
            return metrics[cfg.optimized_metric].item() if cfg.get("optimized_metric") else None


        if __name__ == "__main__":
            main()
        """,
    "src/points.py": """
        import lightning
        import torch
        from torch.utils.data import DataLoader, TensorDataset


        class Points(lightning.LightningDataModule):
            def __init__(self, n, batch_size):
                super().__init__()
                self.save_hyperparameters()

            def _loader(self, seed, shuffle=False):
                generator = torch.Generator().manual_seed(seed)
                x = torch.randn(self.hparams.n, 2, generator=generator)
                y = (x.sum(1) > 0).long()
                return DataLoader(TensorDataset(x, y), self.hparams.batch_size, shuffle=shuffle)

            def train_dataloader(self):
                return self._loader(1, shuffle=True)

            def val_dataloader(self):
                return self._loader(2)

            def test_dataloader(self):
                return self._loader(3)
        """,
    "src/net.py": """
        import lightning
        import torch
        from torch.nn.functional import cross_entropy


        class Net(lightning.LightningModule):
            def __init__(self, width, lr):
                super().__init__()
                self.save_hyperparameters()
                self.layers = torch.nn.Sequential(
                    torch.nn.Linear(2, width), torch.nn.ReLU(), torch.nn.Linear(width, 2)
                )

            def training_step(self, batch, _):
                loss = cross_entropy(self.layers(batch[0]), batch[1])
                self.log("train/loss", loss)
                return loss

            def _judge(self, batch, split):
                logits = self.layers(batch[0])
                self.log(f"{split}/loss", cross_entropy(logits, batch[1]))
                self.log(f"{split}/acc", (logits.argmax(1) == batch[1]).float().mean())

            def validation_step(self, batch, _):
                self._judge(batch, "val")

            def test_step(self, batch, _):
                self._judge(batch, "test")

            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)
        """,
    "configs/train.yaml": """
        defaults:
          - _self_
          - data: points
          - model: net
          - trainer: cpu
          - paths: default
          - hparams_search: null
        task_name: train
        test: true
        ckpt_path: null
        seed: null
        """,
    "configs/data/points.yaml": "{_target_: src.points.Points, n: 64, batch_size: 16}",
    "configs/model/net.yaml": "{_target_: src.net.Net, width: 4, lr: 0.01}",
    "configs/paths/default.yaml": "{root_dir: ., output_dir: '${hydra:runtime.output_dir}'}",
    "configs/trainer/cpu.yaml": """
        _target_: lightning.Trainer
        default_root_dir: ${paths.output_dir}
        accelerator: cpu
        devices: 1
        min_epochs: 1
        max_epochs: 4
        logger: false
        enable_progress_bar: false
        enable_model_summary: false
        log_every_n_steps: 1
        """,
    "configs/hparams_search/optuna.yaml": """
        # @package _global_
        defaults:
          - override /hydra/sweeper: optuna

        optimized_metric: "val/loss"

        hydra:
          mode: "MULTIRUN"
          sweeper:
            _target_: hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper
            storage: null
            study_name: null
            n_jobs: 2
            direction: minimize
            n_trials: 4
            sampler:
              _target_: optuna.samplers.TPESampler
              seed: 1234
              n_startup_trials: 10
            params:
              model.lr: interval(0.0001, 1.0)
              model.width: choice(4, 8)
        """,
}
