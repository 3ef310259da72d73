"""Model files: what is saved is loaded, bit for bit, and nothing is lost when saving fails."""

import copy
import os
import pickle
import re
import stat
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

import sstpl
from estimators.model_files import KINDS, STACK, assert_same, awkward, constant, fitted, forge, named, scores, table
from sstpl import SSTPLClassifier, SSTPLRegressor
from sstpl import _model_file as container

DATA = Path(__file__).resolve().parents[1] / "data"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def saved(model, path):
    model.save(path)
    return sstpl.load(path)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_a_fit_leaves_comes_back_bit_for_bit(kind, dtype, path):
    model, X = fitted(kind, dtype)
    loaded = saved(model, path)
    assert type(loaded) is type(model)
    assert_same(vars(loaded), vars(model))
    assert_same(scores(loaded, X), scores(model, X))
    assert_same(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize("make", [named, constant])
def test_column_names_and_columns_that_do_not_vary_come_back(make, path):
    model, X = make()
    loaded = saved(model, path)
    assert_same(vars(loaded), vars(model))
    assert_same(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize("scaling", ["feature", "quantile", "none"])
def test_missing_values_and_categories_come_back(scaling, path):
    model, X = awkward(scaling)
    loaded = saved(model, path)
    assert_same(vars(loaded), vars(model))
    new = X.astype({"c1": object, "c3": float})
    new.loc[::2, "c1"], new.loc[::3, "c3"], new.loc[::4, "c0"] = "never seen", np.nan, np.nan
    assert_same(loaded.predict(new), model.predict(new))


@pytest.mark.parametrize("setting", [None, ["c1", "c3"], (1, 3), np.array([False, True] + [False, True] + [False] * 6)])
def test_which_columns_are_categories_is_kept(setting, path):
    _, X = awkward()
    model = SSTPLRegressor(**STACK, scaling="feature", categorical_features=setting)
    model.fit(X if setting is not None else X.drop(columns=["c1"]), np.arange(len(X)))
    found = saved(model, path).categorical_features
    assert found is None if setting is None else list(found) == list(setting)


def test_a_model_of_scaling_none_from_an_older_file_takes_0_for_missing_values(path):
    model, X = fitted("stack, none")
    model.save(path)
    header, arrays = container.read(path)
    del arrays["input_map.fill"]
    forge(path, header, arrays)
    holed = X.copy()
    holed[:, 2] = np.nan
    assert_same(scores(sstpl.load(path), holed), scores(model, np.nan_to_num(holed)))


def test_a_loaded_model_is_an_estimator_like_any_other(path):
    model, X = fitted("stack, quantile")
    loaded = saved(model, path)
    check_is_fitted(loaded)
    assert loaded.get_params() == model.get_params()
    assert_same(pickle.loads(pickle.dumps(loaded)).predict(X), model.predict(X))
    again = clone(loaded).fit(X, model.predict(X))
    np.testing.assert_array_equal(again.predict(X), clone(model).fit(X, model.predict(X)).predict(X))


def test_a_loaded_model_is_saved_to_the_same_bytes(path):
    model, _ = fitted("paper, all blocks")
    model.save(path)
    first = path.read_bytes()
    sstpl.load(path).save(path)
    assert path.read_bytes() == first


def test_the_arrays_are_open_to_every_reader_of_safetensors(path):
    model, _ = fitted("stack, feature")
    model.save(path)
    level = load_file(path)["subsystems.1.levels.0.hidden_weights"]
    np.testing.assert_array_equal(level, model.subsystems_[1].levels[0].hidden_weights)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["no", "yes"]),
        np.array(["no", "yes"], dtype="U20"),
        np.array(["no", "\N{SNOWMAN}"], dtype=object),
        np.array([False, True]),
        np.array([-5, 7], dtype=np.int8),
        np.array([0, 2**64 - 1], dtype=np.uint64),
        np.array([0, 1], dtype=">i4"),
        np.array([0.0, 3.0], dtype=np.float32),
    ],
    ids=lambda labels: labels.dtype.str,
)
def test_classes_keep_their_type(labels, path):
    X, y = table()
    model = SSTPLClassifier(**STACK, scaling="feature").fit(X, labels[(y > 150).astype(int)])
    loaded = saved(model, path)
    assert loaded.classes_.dtype == model.classes_.dtype.newbyteorder("=")
    assert loaded.classes_.tolist() == model.classes_.tolist()
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_parameters_of_numpy_become_those_of_python(path):
    X, y = table()
    given = {"hidden_width": np.int64(8), "alpha": np.float64(0.1), "n_subsystems": np.int32(1), "verbose": np.False_}
    model = SSTPLRegressor(**given, random_state=np.uint8(3), scaling="feature").fit(X, y)
    model.set_params(hidden_widths=np.array([3, 4]))
    loaded = saved(model, path)
    assert {name: loaded.get_params()[name] for name in given} == given
    assert loaded.hidden_widths == (3, 4)
    assert all(type(value) in (int, float, bool, str, tuple, type(None)) for value in loaded.get_params().values())


def test_numbers_that_are_not_finite_stay_in_the_report(path):
    model = copy.deepcopy(fitted("stack, feature")[0])
    model.report_.subsystems[0].steps[0].detail["errors"] = [np.inf, -np.inf, float("nan")]
    assert_same(saved(model, path).report_, model.report_)


def test_what_a_file_cannot_hold_is_named(path):
    model = copy.copy(fitted("stack, feature")[0])
    with pytest.raises(ValueError, match=r"random_state must .* RandomState.*set_params\(random_state=\.\.\.\)"):
        model.set_params(random_state=np.random.RandomState(0)).save(path)
    with pytest.raises(ValueError, match="alpha"):
        model.set_params(random_state=0, alpha=-1.0).save(path)
    with pytest.raises(ValueError, match="n_threads"):
        model.set_params(alpha=1.0, n_threads=10**6).save(path)
    model.set_params(n_threads=None).save(path)

    class Own(SSTPLClassifier):
        pass

    own = Own()
    own.__dict__.update(vars(model))
    with pytest.raises(TypeError, match="Own"):
        own.save(path)
    with pytest.raises(NotFittedError):
        SSTPLRegressor().save(path)


def test_weights_that_are_not_finite_are_not_saved(path):
    model = copy.deepcopy(fitted("stack, feature")[0])
    model.subsystems_[0].levels[0].weights[0, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        model.save(path)
    assert not path.exists()


def test_arrays_in_any_layout_are_written_as_they_read(path):
    model, _ = fitted("stack, feature")
    turned = copy.deepcopy(model)
    level = turned.subsystems_[0].levels[0]
    object.__setattr__(level, "hidden_weights", np.asfortranarray(level.hidden_weights))
    object.__setattr__(level, "intercept", np.repeat(level.intercept, 2)[::2])
    assert_same(vars(saved(turned, path)), vars(model))


@pytest.mark.parametrize("broken", ["open", "fsync", "replace", "copymode", "read"])
def test_an_old_file_survives_a_failed_save(broken, path, monkeypatch):
    model, X = fitted("stack, feature")
    model.save(path)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise KeyboardInterrupt if broken == "fsync" else OSError("no space left on device")

    where = {"open": container, "fsync": os, "replace": os, "copymode": container.shutil, "read": container}[broken]
    monkeypatch.setattr(where, broken, fail, raising=False)
    with pytest.raises((OSError, KeyboardInterrupt)):
        fitted("paper")[0].save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]
    assert_same(scores(sstpl.load(path), X), scores(model, X))


@pytest.mark.parametrize("damage", [lambda fd: os.ftruncate(fd, 5000), lambda fd: os.pwrite(fd, b"?", 5000)])
def test_a_disk_that_loses_what_is_written_is_noticed(damage, path, monkeypatch):
    monkeypatch.setattr(os, "fsync", damage)
    with pytest.raises(OSError, match="did not read back"):
        fitted("stack, feature")[0].save(path)
    assert os.listdir(path.parent) == []


def test_a_container_that_mixes_up_arrays_is_noticed(path, monkeypatch):
    to_bytes = container.to_bytes
    reverse = lambda arrays, metadata: to_bytes({n: np.ascontiguousarray(a[::-1]) for n, a in arrays.items()}, metadata)  # noqa: E731
    monkeypatch.setattr(container, "to_bytes", reverse)
    with pytest.raises(OSError, match="arrays differ"):
        fitted("stack, feature")[0].save(path)
    assert os.listdir(path.parent) == []


def test_a_header_that_is_too_long_to_be_read_is_not_written(path, monkeypatch):
    monkeypatch.setattr(container, "_MOST_HEADER_BYTES", 1000)
    with pytest.raises(ValueError, match="at most 1000 bytes"):
        fitted("stack, feature")[0].save(path)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs users and permissions of POSIX")
def test_a_folder_that_cannot_be_written_to_is_left_alone(path):
    path.parent.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # nobody: root may write anywhere
    try:
        with pytest.raises(PermissionError):
            fitted("stack, feature")[0].save(path)
    finally:
        if root:
            os.seteuid(0)
        path.parent.chmod(0o755)
    assert os.listdir(path.parent) == []


def test_permissions_and_links_stay(path):
    model, _ = fitted("stack, feature")
    model.save(path)
    path.chmod(0o640)
    link = path.with_name("link")
    link.symlink_to(path.name)
    fitted("paper")[0].save(link)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sstpl.load(path).architecture == "paper"


def test_a_missing_file_and_a_folder_are_what_they_are(path):
    with pytest.raises(FileNotFoundError):
        sstpl.load(path)
    with pytest.raises(OSError, match=re.escape(path.parent.name)):
        sstpl.load(path.parent)
    with pytest.raises(OSError, match="director"):
        fitted("stack, feature")[0].save(path.parent)
    assert os.listdir(path.parent) == []
    with pytest.raises(FileNotFoundError):
        fitted("stack, feature")[0].save(path.parent / "none" / "model")


# Files of every released version of the format; `python tests/data/make_models.py` writes those of the present one.
GOLDEN = sorted(DATA.glob("model-v*.safetensors"))


def test_there_are_golden_files_of_every_version():
    versions = {int(re.search(r"model-v(\d+)-", path.name).group(1)) for path in GOLDEN}
    assert versions == set(range(1, container.FORMAT_VERSION + 1))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_files_of_earlier_versions_predict_what_they_did(path):
    model = sstpl.load(path)
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as kept:
        X, expected, labels = kept["X"], kept["scores"], kept["predictions"]
    tolerance = 1e-4 if expected.dtype == np.float32 else 1e-9  # instructions differ between machines
    np.testing.assert_allclose(scores(model, X), expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())
    if isinstance(model, SSTPLClassifier):
        np.testing.assert_array_equal(model.predict(X), labels)
