"""Recipes that are wrong: each fault of the acceptance matrix has its position and its words."""

import errno
import os
import time
import tracemalloc

import pytest

from si_core.errors import PluginError, RecipeError, SIError, UsageError
from si_core.recipes.loader import load_recipe

GOOD = "source: {use: gaussian, dim: 2}\ntarget: checkerboard\n"


def refusal(name, overrides=()):
    with pytest.raises(SIError) as caught:
        load_recipe(name, overrides)
    assert caught.value.code == 2, caught.value
    return str(caught.value)


@pytest.fixture
def refused(fakes, write):
    """The message for a recipe of this text."""
    return lambda text, overrides=(): refusal(write(text), overrides)


@pytest.mark.fault(1)
def test_row_1_files_that_cannot_be_read(fakes, write, tmp_path):
    write(GOOD, "checker.yaml")
    message = refusal("cheker.yaml")
    assert "'cheker.yaml'" in message
    assert str(tmp_path / "work" / "cheker.yaml") in message
    assert "did you mean 'checker.yaml'" in message
    assert "no directory" in refusal("nowhere/x.yaml")
    os.mkdir("folder.yaml")
    assert "a directory" in refusal("folder.yaml")
    assert "a directory" in refusal("./")
    os.mkfifo("pipe.yaml")
    assert "not a regular file" in refusal("pipe.yaml")
    assert "can't read" in refusal("x" * 300 + ".yaml")
    assert "can't read" in refusal("a\0b.yaml")
    with pytest.raises(UsageError, match=r"did you mean 'boart\.yaml' or 'board'"):
        write(GOOD, "boart.yaml")
        load_recipe("boar")


@pytest.mark.fault(1)
def test_row_1_unreadable_file(fakes, write, monkeypatch):
    def deny(path, mode):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    # Root, as which tests may run, reads every file.
    monkeypatch.setattr("si_core.recipes.text.open", deny, raising=False)
    message = refusal(write(GOOD))
    assert message.startswith("can't read the recipe: Permission denied")
    assert "'r.yaml' (resolved: '/" in message


@pytest.mark.fault(2)
@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n- b\n", "just text\n", "null\n", "[]", "---\n"])
def test_row_2_no_mapping_at_the_top(refused, text):
    message = refused(text)
    assert message.startswith("r.yaml:1: a recipe is a mapping")
    assert "target: checkerboard" in message


@pytest.mark.fault(2)
def test_row_2_the_example_shown_is_a_recipe(fakes, write):
    from si_core.recipes.documents import MINIMAL

    # The Gaussian of this fixture has a dimension that must be given.
    assert load_recipe(write(MINIMAL), ["source.dim=2"]).target.name == "checkerboard"


@pytest.mark.fault(3)
@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("train:\n\tsteps: 1\n", "r.yaml:2:1", "tab"),
        ("a: [1, 2\nb: 3\n", "r.yaml:2:2", "line 1 is not closed"),
        ("a: {b: 1\nc: 3\n", "r.yaml:2:2", "line 1 is not closed"),
        ("a: 'x\nb: 1\n", "r.yaml:3:1", "no end"),
        ("a: 1\n  b: 2\n", "r.yaml:2:4", "': '"),
        ("a:\n  - 1\n - 2\n", "r.yaml:3:2", "indentation"),
        ("a: @x\n", "r.yaml:1:4", "can't start a value"),
        ('a: "\\q"\n', "r.yaml:1:6", "escape"),
        ('a: "\\U00110000"\n', "r.yaml:1:7", "does not exist"),
        ('a: "\\ud800"\n', "r.yaml:1:4", "half a character"),
        ("%YAML 9.1\n---\na: 1", "r.yaml:1:1", "version"),
        (f"%YAML {'1' * 5000}.1\n---\na: 1", "r.yaml:1:", "does not exist"),
    ],
)
def test_row_3_syntax(refused, text, where, words):
    message = refused(text)
    assert message.startswith(where)
    assert words in message


@pytest.mark.fault(3)
def test_row_3_shows_the_line_and_a_caret(refused):
    message = refused("seed: 1\ntrain: {steps: 5\nreport: true\n")
    lines = message.splitlines()
    assert lines[1] == "    report: true"
    assert lines[2] == "    " + " " * 6 + "^"
    assert "fix: add the missing '}'" in lines[3]
    long = refused("a: " + "x" * 500 + ": y\n").splitlines()
    assert len(long[1]) < 120
    assert long[1][long[2].index("^")] == ":"


@pytest.mark.fault(4)
@pytest.mark.parametrize("text", ["seed: 1\ntrain: {steps: 1}\nseed: 2\n", "train:\n  steps: 1\n  'steps': 2\n"])
def test_row_4_duplicate_keys(refused, text):
    message = refused(text)
    assert "stands twice" in message
    assert ("first on line 1, again on line 3" in message) or ("first on line 2, again on line 3" in message)


@pytest.mark.fault(5)
@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("trian: {}\n", "r.yaml:3:1", "unknown key 'trian'"),
        ("trian: {}\n", "r.yaml:3:1", "did you mean 'train'"),
        ("train: {stepz: 1}\n", "r.yaml:3:9", "unknown key 'train.stepz'"),
        ("train: {optimizer: {use: sgd, betas: [0, 0]}}\n", "r.yaml:3:31", "allowed lr, momentum"),
        ("steps: 5\n", "r.yaml:3:1", "write it as train.steps"),
        ("train: {learning_rate: cosine}\n", "r.yaml:3:9", "write it as train.schedule"),
        ("train: {lr: 5}\n", "r.yaml:3:9", "write it as train.optimizer.lr"),
        ("latent: {use: brownian, scal: 1}\n", "r.yaml:3:25", "'latent.scal'"),
        ("latent: {use: brownian, scal: 1}\n", "r.yaml:3:25", "did you mean 'scale'"),
        ("latent: {scale: 1}\n", "r.yaml:3:10", "latent 'none'"),
        ("objectives: [velocity, {use: denoiser, x: 1}]\n", "r.yaml:3:40", "'objectives.1.x'"),
    ],
)
def test_row_5_unknown_keys(refused, text, where, words):
    message = refused(GOOD + text)
    assert message.startswith(where)
    assert words in message


@pytest.mark.fault(6)
def test_row_6_unknown_component(refused):
    message = refused(GOOD + "latent: brownien\nobjectives: [{use: veloxity}]\n")
    assert message.startswith("r.yaml:3:9: unknown latent 'brownien'")
    assert "did you mean 'brownian'" in message
    assert "r.yaml:4:20: unknown objective 'veloxity'" in message


@pytest.mark.fault(6)
def test_row_6_component_of_a_broken_plugin_ends_with_code_5(fakes, write, add_plugin):
    add_plugin(
        "sick",
        "from si_core import Component, hookimpl\n"
        "@hookimpl\ndef si_components():\n    return [Component('latent', 'rare', 'x:Y')]\n"
        "@hookimpl\ndef si_recipes():\n    raise RuntimeError('out of order')\n",
    )
    with pytest.raises(PluginError, match=r"r.yaml:3:9: latent 'rare' is offered by si-sick 1.2.0, which is broken"):
        load_recipe(write(GOOD + "latent: rare\n"))
    assert load_recipe(write(GOOD)).name == "r"


@pytest.mark.fault(6)
def test_row_6_component_whose_class_is_missing(fakes, write):
    with pytest.raises(PluginError, match=r"r.yaml:3:9: latent 'lost' of si-fakes 1.2.0: can't be imported"):
        load_recipe(write(GOOD + "latent: lost\n"))
    # A mistake of the recipe comes before a plugin's.
    assert "unknown objective" in refusal(write(GOOD + "latent: lost\nobjectives: [nothing]\n"))


@pytest.mark.fault(7)
@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("train: {steps: 1.5}", "r.yaml:3:16", "an integer"),
        ("train: {steps: 1e3}", "r.yaml:3:16", "fix: write 1000"),
        ("train: {steps: '5'}", "r.yaml:3:16", "without quotes"),
        ("train: {steps: 1_000}", "r.yaml:3:16", "fix: write 1000"),
        ("train: {steps: true}", "r.yaml:3:16", "got true"),
        ("train: {optimizer: {use: adam, lr: true}}", "r.yaml:3:36", "'train.optimizer.lr'"),
        ("train: {optimizer: {lr: fast}}", "r.yaml:3:25", "got 'fast' (text); allowed a finite number > 0"),
        ("train: {optimizer: [adam]}", "r.yaml:3:20", "got a list of 1"),
        ("train: {optimizer: adagrad}", "r.yaml:3:20", "adam, sgd"),
        ("train: {optimizer: {betas: 0.9}}", "r.yaml:3:28", "a list [a finite number, a finite number]"),
        ("train: 5", "r.yaml:3:8", "a mapping"),
        ("train:", "r.yaml:3:7", "write {}"),
        ("report: yes", "r.yaml:3:9", "fix: write true"),
        ("report: 1", "r.yaml:3:9", "true or false"),
        ("title: 5", "r.yaml:3:8", "allowed text"),
        ("meta: text", "r.yaml:3:7", "a mapping"),
        ("objectives: velocity", "r.yaml:3:13", "write [velocity]"),
        ("objectives: []", "r.yaml:3:13", "at least 1 and at most 100"),
        (f"estimators: [{'sliced, ' * 101}]", "r.yaml:3:13", "at most 100"),
        ("latent: [brownian]", "r.yaml:3:9", "the name of a latent"),
        ("latent: {use: 5}", "r.yaml:3:15", "'latent.use'"),
        ("latent: {use: brownian, scale: true}", "r.yaml:3:32", "'latent.scale'"),
        ("latent: {use: brownian, scale: [1]}", "r.yaml:3:32", "'latent.scale'"),
        ("network: {shared: 1}", "r.yaml:3:19", "'network.shared'"),
        ("network: {spread: [1, x]}", "r.yaml:3:23", "'network.spread.1'"),
        ("sample: {epsilon: true}", "r.yaml:3:19", "a finite number >= 0"),
        ("sample: {integrator: 5}", "r.yaml:3:22", "the name of an integrator"),
        ("sample: {clock: 3}", "r.yaml:3:17", "auto, uniform, or the name of a clock, or a mapping"),
        ("sample: {condition: true}", "r.yaml:3:21", "'sample.condition'"),
        ("estimators: {use: sliced}", "r.yaml:3:13", "a list"),
    ],
)
def test_row_7_wrong_types(refused, text, where, words):
    message = refused(GOOD + text + "\n")
    assert message.startswith(where)
    assert words in message


@pytest.mark.fault(8)
@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("train: {steps: -5}", "an integer from 0 to"),
        ("train: {optimizer: {lr: 0}}", "a finite number > 0"),
        ("train: {optimizer: {lr: -1}}", "a finite number > 0"),
        ("train: {optimizer: {lr: .nan}}", "no finite number"),
        ("train: {optimizer: {lr: .inf}}", "no finite number"),
        ("train: {optimizer: {lr: 1e999}}", "no finite number"),
        ("train: {ema: 1}", ">= 0 and < 1"),
        ("train: {keep: 1}", "from 2"),
        ("train: {clock: fast}", "auto, uniform"),
        ("train: {schedule: {use: cosine, warmup: -1}}", ">= 0"),
        ("train: {optimizer: {use: sgd, momentum: 1}}", "< 1"),
        ("sample: {start: -0.5}", "from 0 to 1"),
        ("sample: {start: 0.5, stop: 0.5}", "another time"),
        ("sample: {epsilon: -1}", ">= 0"),
        ("sample: {epsilon: .nan}", ">= 0"),
        ("latent: {use: brownian, scale: 0}", "0"),
        ("latent: {use: brownian, scale: .inf}", "no finite number"),
        ("meta: {x: .nan}", "no finite number"),
    ],
)
def test_row_8_out_of_range(refused, text, allowed):
    message = refused(GOOD + text + "\n")
    assert message.startswith("r.yaml:3:")
    assert allowed in message


@pytest.mark.fault(9)
def test_row_9_missing_keys(refused):
    message = refused("seed: 1\n")
    assert message.startswith("r.yaml:1:1: the key 'target' is missing")
    assert "the data to learn" in message
    assert "add `target: checkerboard`" in message
    assert "needs one" in refused("target: checkerboard\n")
    assert refused(GOOD + "estimators:\n  - {projections: 3}\n").startswith("r.yaml:4:5: 'estimators.0.use' is missing")
    assert "r.yaml:1:9: distribution 'gaussian': option 'dim' is missing" in refused(
        "source: gaussian\ntarget: checkerboard\n"
    )


@pytest.mark.fault(10)
@pytest.mark.parametrize(
    "tag",
    ["!!python/object/apply:os.system ['touch canary']", "!!python/name:os.system x", "!custom x", "! x", "!!str x"],
)
def test_row_10_tags_build_nothing(refused, tag):
    message = refused(f"seed: 1\ntarget: {tag}\n")
    assert message.startswith("r.yaml:2:9: tags are not allowed")
    assert not os.path.exists("canary")


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))
MERGES = "m0: &m0 {k: 1}\n" + "".join(f"m{i}: &m{i} {{<<: [*m{i - 1}, *m{i - 1}]}}\n" for i in range(1, 30))


@pytest.mark.fault(11)
@pytest.mark.parametrize(
    ("text", "where"),
    [
        (BOMB, "r.yaml:2:10"),
        (MERGES, "r.yaml:2:10"),
        ("a: &a [*a]\n", "r.yaml:1:8"),
        ("a: &a 1\n", "r.yaml:1:4"),
        ("a: {<<: {b: 1}}\n", "r.yaml:1:5"),
        ("*x : 1\n", "r.yaml:1:1"),
    ],
    ids=["bomb", "merges", "recursive", "anchor alone", "merge key", "alias as key"],
)
def test_row_11_aliases_and_merge_keys(quickly, text, where):
    message = quickly(text)
    assert message.startswith(where)
    assert "not allowed" in message


@pytest.fixture
def quickly(refused):
    """The message, which must come within a second of work, or what fifty small refusals take where that is more."""

    def work(text):
        before = time.process_time()
        message = refused(text)
        return message, time.process_time() - before

    def check(text):
        message, taken = work(text)
        assert taken < 1.0 or taken < 50 * work("seed: [")[1]
        assert len(message) < 4000
        return message

    return check


@pytest.mark.fault(11, 12)
@pytest.mark.parametrize(
    "text", [BOMB, "meta: [" + "1," * 100_000 + "1]", "x" * 10_000_000], ids=["bomb", "list", "10 MB"]
)
def test_row_11_and_12_memory_stays_small(refused, text):
    tracemalloc.start()
    refused(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


@pytest.mark.fault(12, 13)
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: " + "[" * 5000, "at most 64 levels"),
        ("a: " + "{a: " * 5000, "at most 64 levels"),
        ("- " * 5000, "at most 64 levels"),
        ("\n".join(" " * depth + "a:" for depth in range(600)), "at most 64 levels"),
        ("? " * 5000, "key must be text"),
        ("meta: " + "x" * 10_000_000, "at most 262144 bytes"),
        ("meta: [" + "1," * 100_000 + "1]", "at most 10000"),
        ("".join(f"k{index}:\n" for index in range(30_000)), "at most 10000"),
        ("meta: '" + "a\n" * 120_000, "no end"),
        ("train:\n" + "".join(f"  k{index}:\n" for index in range(4900)), "and 4891 more"),
        ("seed: " + "9" * 5000, "5000 digits"),
        ("seed: 0x" + "f" * 200_000, "digits"),
        ("seed: 1." + "0" * 200_000, "digits"),
        ("k" * 5000 + ": 1", "bad YAML"),
        ("? " + "k" * 5000 + "\n: 1", "at most 160 characters"),
    ],
    ids=lambda value: value[:12].strip(),
)
def test_row_12_and_13_oversize(quickly, text, words):
    assert words in quickly(text)


@pytest.mark.fault(13)
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed: 9223372036854775808", "< 9223372036854775808"),
        ("seed: 1:30:00", "got '1:30:00' (text)"),
        ("seed: -1", ">= 0"),
        ("train: {batch: 1000000000000}", "from 1 to 10000000"),
        ("sample: {batch: 1000000000000}", "from 1 to 10000000"),
        ("latent: {use: brownian, scale: 1" + "0" * 99 + "}", "10000"),
    ],
)
def test_row_13_large_numbers(fakes, write, text, words):
    if "scale" in text:
        # An integer of 100 digits is a fine float.
        assert load_recipe(write(GOOD + text)).latent.options["scale"] == 10**99
    else:
        assert words in refusal(write(GOOD + text))


@pytest.mark.fault(14)
@pytest.mark.parametrize(
    ("data", "where", "offset"),
    [
        (b"seed: 1\ntitle: a\0b\n", "r.yaml:2", 16),
        (b"seed: 1\r\ntitle: \xff\n", "r.yaml:2", 16),
        (b"\xef\xbb\xbfseed: 1\ntitle: \xe9\n", "r.yaml:2", 18),
        ("title: é\n".encode("utf-16"), "r.yaml:1", 0),
        ("title: é\n".encode("utf-16-le"), "r.yaml:1", 1),
        ("title: a".encode("utf-32"), "r.yaml:1", 0),
        ("title: é\x07\n".encode(), "r.yaml:1", 9),
        (b"title: \xed\xa0\x80\n", "r.yaml:1", 7),
    ],
)
def test_row_14_encodings(fakes, write, data, where, offset):
    message = refusal(write(data))
    assert message.startswith(f"{where}: not plain UTF-8")
    assert f"at byte offset {offset}" in message
    assert "save the file as UTF-8" in message


@pytest.mark.fault(15)
@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("a: 1\n---\nb: 2\n", "r.yaml:2:1", "one document"),
        ("null: 1\n", "r.yaml:1:1", "quote it: 'null'"),
        ("a: {1: 2}\n", "r.yaml:1:5", "quote it: '1'"),
        ("[a]: 1\n", "r.yaml:1:1", "got a list"),
        ("? {a: b}\n: 1\n", "r.yaml:1:3", "got a mapping"),
        ("? \n: 1\n", "r.yaml:1:2", "got nothing"),
        ("%TAG ! tag:x,2000:\n---\na: 1\n", "r.yaml:1:1", "tags"),
    ],
)
def test_row_15_documents_and_keys(refused, text, where, words):
    message = refused(text)
    assert message.startswith(where)
    assert words in message


@pytest.mark.fault(19)
@pytest.mark.parametrize(
    "option",
    ["_target_: os.system", "class_path: os.system", "__class__: x", "$(touch canary): x", "target: os:system"],
)
def test_row_19_options_that_would_import_are_unknown(refused, option):
    assert "unknown option" in refused(GOOD + f"latent: {{use: brownian, {option}}}\n")
    assert not os.path.exists("canary")


@pytest.mark.fault(19)
@pytest.mark.parametrize("name", ["os.system", "fake_recipe_parts:Brownian", "../x", "$HOME", "`touch canary`"])
def test_row_19_names_are_never_paths_or_expanded(refused, name):
    assert "unknown latent" in refused(GOOD + f"latent: '{name}'\n")
    assert not os.path.exists("canary")


@pytest.mark.fault(20)
def test_row_20_schema_versions(refused):
    newer = refused("schema: 2\n" + GOOD)
    assert newer.startswith("r.yaml:1:9: this recipe needs an si-core newer than")
    assert "pip install --upgrade si-core" in newer
    for version in ("0", "-1", "true", "'1'", "1.0", "[1]", "null"):
        assert refused(f"schema: {version}\n" + GOOD).startswith("r.yaml:1:9: there is no such schema version")


@pytest.mark.fault(21)
def test_row_21_a_source_beside_a_coupling_that_makes_its_own(refused):
    message = refused(GOOD + "coupling: mirror\n")
    assert message.startswith("r.yaml:1:1: 'source' has no effect: 'coupling' 'mirror'")


def test_all_problems_of_a_stage_are_told_together_up_to_ten(fakes, write):
    wrong = "train: {steps: x, batch: 0, ema: 2}\nseed: -1\nfoo: 1\n"
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(GOOD + wrong))
    places = [error.where for error in caught.value.errors]
    assert places == ["r.yaml:3:16", "r.yaml:3:26", "r.yaml:3:34", "r.yaml:4:7", "r.yaml:5:1"]
    assert str(caught.value).startswith(places[0])
    many = refusal(write(GOOD + "".join(f"k{index}: 1\n" for index in range(14))))
    assert many.count("unknown key") == 10
    assert many.endswith("and 4 more")
    assert "option" in refusal(write(GOOD + "latent: {use: brownian, scale: x}\nnetwork: {width: x}\n")).splitlines()[2]


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("train.condition_dropout={species: 1.0}", "'train.condition_dropout.species' is out of range"),
        ("sample.condition={dose: .inf}", "'sample.condition.dose' is no finite number"),
        ("sample.condition={dose: true}", "'sample.condition.dose' has the wrong type"),
        ("sample.epsilon={use: 3}", "'sample.epsilon.use' has the wrong type"),
    ],
)
def test_a_mistake_inside_one_choice_of_types_is_the_only_problem(override, problem):
    with pytest.raises(RecipeError) as caught:
        load_recipe("checkerboard", [override])
    assert problem in str(caught.value)
    assert str(caught.value).count("\n") == 1, "one problem, told once"
