"""A command line in another form than ours is answered with the words to type."""

from __future__ import annotations

import pytest

from si_core.cli.main import main


@pytest.mark.parametrize(
    ("typed", "fix"),
    [
        ("run checkerboard train.steps 3", "train.steps=3"),
        ("run checkerboard train.steps = 3", "train.steps=3"),
        ("run checkerboard train.steps =3", "train.steps=3"),
        ("run checkerboard train.steps= 3", "train.steps=3"),
        ("run checkerboard train.steps:3", "train.steps=3"),
        ("run checkerboard latent brownian --out x", "latent=brownian"),
        ("run checkerboard seed=1 seed 3", "seed=3"),
        ("validate checkerboard train.steps 3", "train.steps=3"),
        ("sweep checkerboard latent.scale 1,2", "latent.scale=1,2"),
        ("run checkerboard out my-run", "--out my-run"),
        ("run checkerboard resume", "--resume"),
        ("run checkerboard --train.steps 3", "train.steps=3"),
        ("run checkerboard --train.steps=3", "train.steps=3"),
        ("run checkerboard --steps 3", "train.steps=3"),
        ("run checkerboard --lr 1e-3", "train.optimizer.lr=1e-3"),
        ("run checkerboard --seed 3", "seed=3"),
        ("run checkerboard -out x", "did you mean '--out'?"),
        ("run chekerboard", "did you mean 'checkerboard'"),
        ("sample my-run 100", "-n 100"),
        ("sample my-run epsilon=0", "--epsilon 0"),
        ("sample my-run --epsilom 0", "did you mean '--epsilon'?"),
        ("checkerboard", "si run checkerboard"),
        ("mine.yaml", "si run mine.yaml"),
        ("show brownian", "si show latent brownian"),
        ("list brownian", "si show latent brownian"),
        ("recipes show chekerboard", "did you mean 'checkerboard'"),
    ],
)
def test_the_fix_is_what_was_meant(typed, fix, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(typed.split()) == 2
    captured = capsys.readouterr()
    assert f"fix: {fix}" in captured.err
    assert captured.out == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("typed", ["run no-such-recipe.yaml init=x=y", "run no-such-recipe.yaml title=a:b"])
def test_whole_changes_are_left_alone(typed, capsys):
    assert main(typed.split()) == 2
    assert "no-such-recipe.yaml" in capsys.readouterr().err
