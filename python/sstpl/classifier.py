"""`SSTPLClassifier`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin

from sstpl import _validation as check
from sstpl._base import Settings, unchanged_on_error
from sstpl._blind import Blind
from sstpl._calibration import fit_calibration, opposed
from sstpl._callbacks import Callback
from sstpl._conformal import class_conformity, class_sets
from sstpl._growing import Growing, grows
from sstpl._report import Report
from sstpl._spill import made_beside, plain
from sstpl._targets import LabelTargets
from sstpl._typing import Floats, Labels, Weights
from sstpl._weights import ClassWeight


class SSTPLClassifier(ClassifierMixin, Growing):
    """Classification by closed-form ridge solves alone; depth, penalty and number of subsystems come from the data.

    Every weight is the solution of::

        W = argmin ||H W - Y||^2 + lambda ||W||^2,    lambda = alpha trace(H'H) / p,

    for some features H of width p and coded targets Y. With ridge encoders no gradient step is taken; lasso encoders
    are solved by FISTA, a proximal gradient method. No validation set is needed:
    choices are made on out-of-fold scores of the training rows.

    Parameters
    ----------
    architecture : {"recursive", "paper"}, default="recursive"
        "recursive": each level is a hidden layer on ``[X, g S]`` with a ridge readout, where S are the out-of-fold
        scores of the level below. "paper": forward encoders, a backward network of their pseudoinverses, and a wide
        hidden layer on a pair of both [1]_.
    hidden_width : int >= 1 or "auto", default="auto"
        Width of every level of "recursive". "auto" doubles it from 1024 while the first level's out-of-fold
        squared error falls by at least 1 %, and it stays below three quarters of the rows, or with centers at their
        number at most.
    max_hidden_width : int >= 1, default=4096
        The cap of ``hidden_width="auto"``.
    max_depth : int >= 1 or None, default=None
        At most this many levels (None: 4), or encoders of "paper" (None: ``len(hidden_widths)``). A level is kept when
        it lowers the squared error of the rows that its subsystem leaves out by a standard error; where no rows are
        left out (``subsystem_fraction=1``) all are kept, and where fewer than 20 are, one.
    n_subsystems : int >= 1 or "auto", default="auto"
        Number of subsystems whose outputs are averaged. "auto" adds them while the squared error of the average falls,
        from turn to turn where they alternate between two kinds of hidden units (see ``scaling``).
    max_subsystems : int >= 1, default=5
        The cap of ``n_subsystems="auto"``.
    subsystem_fraction : float in (0, 1], default=0.8
        Share of the training rows that a subsystem is trained on, per class. Subsystems of "recursive" leave out
        different rows.
    activation : {"tanh", "sigmoid", "leaky_relu", "identity", "relu", "gelu"}, default="tanh"
        Activation of every layer, but of units that are centers. Backward learning ("paper") needs its inverse, which
        the last two have not.
    hidden_weights : {"auto", "constrained", "orthogonal", "uniform", "normal", "centers"}, default="auto"
        How hidden layers are drawn: differences of two training rows of different classes ("constrained"), or
        data-free. Or units are "centers" ("recursive" only): training rows a in random order, with features
        ``exp(-sqrt(r**2 / (4 v) + 2**-12))`` for a distance r to a, of mapped rows of total variance v. They see all
        columns; with all rows for centers they span the solutions of a kernel ridge. "auto": of tables "constrained",
        "normal", or "centers", what does better (as for ``scaling``); of images and in "paper" the first. "centers" are
        tried by ``fit``, with ``hidden_columns="auto"`` and ``selection="kfold"``, where four fifths of the rows are no
        more than the width given or else ``max_hidden_width``. The random code of an encoder, which must keep all of
        its input, is "orthogonal" where this is "constrained".
    hidden_columns : {"auto", "all", "above", "subsets"}, default="auto"
        What a hidden unit of "recursive" sees of the mapped columns. "all": everything. "subsets": of images a random
        rectangle; of tables all that is made of ceil(F^u) random columns of X, for F columns and u uniform on [0, 1),
        which suits data with structure along few columns. "above": subsets above the first level. "auto": rectangles;
        on tables what does better (as for ``scaling``).
    alpha : float >= 0 or "auto", default="auto"
        Dimensionless penalty of every readout and of the backward solves. "auto" takes the one of 1e-6 (float32: 1e-5),
        1e-5, ..., 1e2 with the least squared error by ``selection``, or the next larger one where that is too
        ill-conditioned for Cholesky; for each solve of "paper", and in "recursive" for the first level at its first
        width, whose choice serves the others, or again the next larger one; of centers, wider ones may take a larger
        one, and levels above ten times as much. By "kfold" they are looked at from 1e-3 outwards, in each direction
        until the error is 2% above the least so far.
    selection : {"kfold", "loo", "gcv"}, default="kfold"
        What scores the penalties of ``alpha="auto"``, on the leading 1024 features: predictions over ``n_folds`` folds;
        exact leave-one-out predictions (PRESS), at one more pass over the rows; or generalised cross-validation, from
        the sums alone. Everything else is chosen on out-of-fold or left-out rows in any case.
    n_folds : int >= 1, default=5
        Folds of cross-fitting; no more than rows. 1: none, so that a level is a single solve, for when there is other
        data to validate on. What rows left out choose must be given: ``hidden_width`` and ``n_subsystems`` as numbers,
        ``max_depth=1``, ``subsystem_fraction=1``, and ``alpha`` as a number or ``selection`` other than "kfold". No
        training row has an out-of-fold score: probabilities, sets and intervals need `calibrate`. "recursive" only.
    scaling : {"auto", "feature", "quantile", "piecewise", "sample", "none"}, default="auto"
        What is made of the columns of X. "feature": they are standardised, and clipped to 5 deviations. "quantile":
        those, and beside them the standardised normal quantile of the rank of columns of 5 different values or more;
        for heavy tails, at up to twice the columns. "piecewise": every column is cut at its octiles into at most 8
        ramps, each standardised and clipped (arXiv:2203.05556); for thresholds, at up to 8 times the columns. "sample":
        rows are standardised. "none": nothing. "auto" tries the first three, less those of more than 2000 columns, each
        with what ``hidden_weights`` and ``hidden_columns`` allow, and takes what has the least squared error: of chains
        of two levels of width 500, on up to three fifths of at most 10,000 rows, which they left out ("paper":
        "feature"). Centers end up wider: their levels have a width of up to 1500, and they must be ahead by 1 %. With
        more than one subsystem, other units with the chosen map are then tried beside the best: where the mean of the
        scores of both has less squared error than that of two such chains of the best, subsystems alternate between
        these two kinds. All maps are fitted on the training rows; columns that are constant there are left out, unless
        values are missing; ranks and octiles of more than 131,072 rows are those of a random sample of so many. Missing
        values and categories: see Notes.
    categorical_features : "from_dtype", None, or list of bool, of int or of str, default="from_dtype"
        Which columns of X are categories, strings or numbers, rather than quantities. "from_dtype": those of a frame
        that are of type "category" (pandas), Categorical or Enum (polars). None: none. A bool for every column; or
        numbers of columns; or names, of a frame.
    image_shape : (rows, cols) or (rows, cols, channels) or None, default=None
        What the columns of X are, channels last; ``architecture="recursive"`` only. A convolutional stage of
        eigenvector filters stands first, and hidden units see random rectangles of its maps.
    image_filters : int >= 0 or "auto", default="auto"
        Filters of that stage. "auto" takes the one with the least squared error (as for ``scaling``) of 24 filters of
        5 by 5 pixels averaged on a grid of 7 by 7 cells, and two layers: 8 filters of 5 by 5 pixels on 14 by 14 cells,
        and 64 filters of 3 by 3 of those on 4 by 4 cells, each as wide as two. A number: so many filters in the first
        of these. 0: no stage, so that hidden units see rectangles of pixels.
    hidden_widths : sequence of int >= 1, default=(300, 150)
        "paper": widths of the forward encoders, bottom up; as many are kept as improve the selection score.
    encoder_penalty : {"ridge", "lasso"}, default="ridge"
        "paper": penalty of the encoders. "lasso" is solved by FISTA, an iterative method, at most 50 steps.
    encoder_alpha : float >= 0, default=0.1
        "paper": dimensionless penalty of the encoders, relative to the mean Gram diagonal (ridge), or to the least
        penalty that makes every weight zero (lasso).
    readout_width : int >= 1, default=300
        "paper": width of the hidden layer that scores each depth and each pair of features.
    fusion_width : int >= 1, default=1000
        "paper": width of the hidden layer on the chosen pair.
    fusion : {"pair", "all"}, default="pair"
        "paper": fuse the forward level that scores best on the rows outside the subsystem's sample, with the backward
        level that improves on it there by more than two standard errors, if any; or all levels.
    time_limit : float >= 0 or None, default=None
        Seconds after which "recursive" starts no further doubling of the width, level or subsystem, nor one that
        would not end in time if it took as long as its like before. A model is fitted in any case. What is reached
        depends on the machine, so a limited fit is not reproducible from ``random_state`` alone.
    memory_limit : float >= 0 or None, default=None
        MiB that the sums and features of the widest layer may take. With ``hidden_width="auto"`` the width is not
        doubled beyond; what does not fit at all is a MemoryError before any work. The mapped rows, twice, come on top,
        but for rows of files and sources that take more than a sixteenth of it: those are fitted from files
        (`sstpl.sources`).
    dtype : {"auto", "float32", "float64"}, default="auto"
        Precision of features and weights; sums and solves are float64 always. "auto" is float32 for input whose
        every value is one (float32, float16, integers of at most 16 bits, bool), float64 otherwise.
    random_state : int, RandomState or None, default=None
        Seed of row samples, folds and random weights. The same seed gives the same model whatever the threads, up
        to the rounding of the BLAS.
    class_weight : dict, "balanced" or None, default=None
        Weights of classes, larger than 0, by which those of their rows are multiplied; a class that a dict does not
        name has weight 1. "balanced": every class has the same total weight. Probabilities and sets are then those of
        the weighted distribution: under "balanced" of one in which all classes are equally likely.
    loss : {"auto", "log_loss", "squared_error"}, default="auto"
        What the readout that predicts has the least of, the last one of every subsystem of "recursive". "squared_error"
        of codes +1 and -1: the ridge that everything is chosen by. "log_loss": up to 20 more solves with its factor,
        each a ridge of other targets, as many as lower the log-loss of rows that they leave out. Scores are logits
        then, up to a factor; and of tables every other subsystem has one level, which does about as well, and errs
        differently. "auto": "log_loss", where all solves cost at most four times the sums of the level, or 1e11 flops;
        which is not so of images, whose features cost most. Of several labels, and where ``n_folds`` is 1, it is the
        squared error, and so it is in `partial_fit`. A subsystem whose last ridge Cholesky refused, or whose log-loss
        no solve lowers below that of the frequencies of the classes, keeps its ridge: ``report_`` then has no losses of
        it.
    n_threads : int >= 1 or None, default=None
        Threads of the core during fit and predict; None leaves the setting alone, within the CPU quota.
    verbose : int, default=0
        1 shows a progress bar when fitting takes longer than two seconds.
    callback : callable or None, default=None
        Called with a `FitStep`, what was fitted and how well it does, after every step of the fit; one call at a time,
        possibly from another thread. Where it returns True, no further doubling of the width, level or subsystem is
        started, as by ``time_limit``. What it raises ends the fit, and the estimator is as it was before. With
        scikit-learn 1.9, ``set_callbacks`` takes scikit-learn's own callbacks.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted. Of several labels the numbers of their columns.
    depth_ : int
        Number of levels ("paper": encoders) of the deepest subsystem.
    n_subsystems_ : int
        Number of subsystems kept.
    subsystems_ : tuple
        The trained subsystems: their weights as plain arrays, and ``predict(X)`` for rows that the input map has
        scaled.
    oof_decision_function_ : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Scores of the training rows, in their order, each by solutions that did not see the row's label: the mean of
        the subsystems' out-of-fold scores ("recursive": of their first levels; of a row that a subsystem leaves out,
        its prediction), and for "recursive" what the levels above add, and a readout by log-loss, as predicted by the
        subsystem that left the row out.
    report_ : Report
        For every subsystem, layer, pair and solve: what was tried, its score, alpha, rank, rcond, solver, seconds.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, where X had any.

    Warns
    -----
    scipy.linalg.LinAlgWarning
        When a ridge solve was too ill-conditioned for Cholesky and the minimum-norm solution was taken.

    Notes
    -----
    Cost for n rows, K folds and d mapped columns, in flops. A level of width p: ``4 n d p + n p^2 + (K + 1) p^3 / 3``.
    A readout by log-loss of c classes: ``n p^2 + p^3 / 3 + 84 n p c (K + 1)``, and up to 40 n d p where the features of
    a subsystem's rows take more than 256 MiB; with centers 2 p^3 more. "paper": per encoder of width w on v inputs
    ``6 n v w + n w^2``; its fusion is a level. Memory: the mapped rows, a
    copy of a subsystem's share of them, and ``4 K p^2 + 8 p^2`` bytes for the sums. Binary problems are solved with
    two outputs, whose scores differ by sign.

    X may be of any type of numbers, sparse too (CSR; other formats are converted): it is read in blocks, and never
    copied as a whole in a larger type, nor made dense. It may also be a file, or come in blocks, where it does not fit
    in memory (`sstpl.sources`). Mapped rows, though, are dense, with at least one column for
    each column of X that varies. A sparse X for which two such arrays exceed ``memory_limit`` (None: 4096 MiB) is
    refused.

    A missing value (NaN; None and NA in frames) of a column of quantities is the mean of the training values that are
    there, its rank the median, and with ``scaling="sample"`` it is the mean of its row; means, deviations, ranks and
    octiles are those of the values that are there. A column that has missing values in training gets one more mapped
    column, which says where they are. A column that has none in training and some in prediction has the mean there.
    A column with no value at all is left out. Infinity is an error, and so is NaN with ``image_shape``.

    A column of categories is made into one mapped column for each category of its training values, or a single one
    where there are two; of more than 64, the 63 most frequent have one each and the others share one. That a value is
    missing is a category too, if it was in training. A category that was not there in training counts as one of those
    that share a column, if there are such, or else as missing; and what is missing where nothing was missing in
    training has the training mean of each of these columns. They are standardised, and clipped to 5 deviations, as the
    columns that say where values are missing; with ``scaling="none"`` all of them are 0 and 1.

    A hidden unit of ``hidden_columns="subsets"`` sees all that is made of a column of X, or nothing of it.

    Out-of-fold scores of the second level on would be blind to a row's own fold, but beside them stand scores of other
    rows that are not; they are used inside the fit, and never reported. What is reported keeps a small optimism of
    choice: input map, width and depth were chosen on rows that include the ones scored.

    A row that is a center is scored by solutions without its fold and without all units whose centers are rows of that
    fold: its own unit would make it unlike a new row.

    References
    ----------
    .. [1] B. Liu, Z. Zhao, Y. Li, B. Wang, "Semi-adaptive Synergetic Two-way Pseudoinverse Learning System",
       arXiv:2406.18931, 2024.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sstpl import SSTPLClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = SSTPLClassifier(random_state=0).fit(X[:1500], y[:1500])
    >>> model.score(X[1500:], y[1500:]) > 0.9
    True
    """

    oof_decision_function_: Floats
    _oof_name = "oof_decision_function_"

    def __init__(
        self,
        *,
        architecture: str = "recursive",
        hidden_width: int | str = "auto",
        max_hidden_width: int = 4096,
        max_depth: int | None = None,
        n_subsystems: int | str = "auto",
        max_subsystems: int = 5,
        subsystem_fraction: float = 0.8,
        activation: str = "tanh",
        hidden_weights: str = "auto",
        hidden_columns: str = "auto",
        alpha: float | str = "auto",
        selection: str = "kfold",
        n_folds: int = 5,
        scaling: str = "auto",
        categorical_features: str | Sequence[bool] | Sequence[int] | Sequence[str] | None = "from_dtype",
        image_shape: tuple[int, int] | tuple[int, int, int] | None = None,
        image_filters: int | str = "auto",
        hidden_widths: tuple[int, ...] = (300, 150),
        encoder_penalty: str = "ridge",
        encoder_alpha: float = 0.1,
        readout_width: int = 300,
        fusion_width: int = 1000,
        fusion: str = "pair",
        time_limit: float | None = None,
        memory_limit: float | None = None,
        dtype: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        class_weight: ClassWeight = None,
        loss: str = "auto",
        n_threads: int | None = None,
        verbose: int = 0,
        callback: Callback = None,
    ) -> None:
        super().__init__(
            architecture=architecture,
            hidden_width=hidden_width,
            max_hidden_width=max_hidden_width,
            max_depth=max_depth,
            n_subsystems=n_subsystems,
            max_subsystems=max_subsystems,
            subsystem_fraction=subsystem_fraction,
            activation=activation,
            hidden_weights=hidden_weights,
            hidden_columns=hidden_columns,
            alpha=alpha,
            selection=selection,
            n_folds=n_folds,
            scaling=scaling,
            categorical_features=categorical_features,
            image_shape=image_shape,
            image_filters=image_filters,
            hidden_widths=hidden_widths,
            encoder_penalty=encoder_penalty,
            encoder_alpha=encoder_alpha,
            readout_width=readout_width,
            fusion_width=fusion_width,
            fusion=fusion,
            time_limit=time_limit,
            memory_limit=memory_limit,
            dtype=dtype,
            random_state=random_state,
            n_threads=n_threads,
            verbose=verbose,
            callback=callback,
        )
        self.class_weight = class_weight
        self.loss = loss

    def _check_parameters(self) -> Settings:
        check.class_weights(self.class_weight)
        return super()._check_parameters()

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> SSTPLClassifier:
        """Fit the system.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers, of which some may be missing, and categories (see Notes of the class); at least 2 rows.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, at least two different ones in rows of positive weight. Or (n_samples, n_labels) of 0 and 1,
            a column for each of several labels of which a row may have any number (multilabel).
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Finite and not negative, at least two of them positive.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For parameters or input out of range; the message names the argument.
        MemoryError
            When the narrowest layer that the parameters allow, or what becomes of sparse X, exceeds ``memory_limit``.
        numpy.linalg.LinAlgError
            When features overflow.

        Notes
        -----
        A row of weight w counts w times in every squared error that is minimised, and in every mean, quantile, score
        and draw of a pair of rows that something is chosen by. Only ratios of weights matter, and equal ones change
        nothing. Weight k is the same as k copies of a row, in any order: copies, of features and target, become one row
        of their summed weight before anything else, so that none is scored by a solution that saw another. Only where
        there are more than four copies of a row on average, as in tables of a few categories, are rows left as they
        are. Rules that count rows, such as the cap on widths, count different ones whatever their weight; calibration
        and `predict_set` take the effective number ``(sum w)^2 / sum w^2``.

        A row of weight zero is left out before anything else; its entry of `oof_decision_function_` is what the fitted
        model predicts of it.
        """
        with unchanged_on_error(self):
            weights = check.class_weights(self.class_weight)
            self._fit(X, y, sample_weight, classification=True, class_weight=weights)
        return self

    @check.method_if(grows)
    def partial_fit(self, X: npt.ArrayLike, y: npt.ArrayLike, classes: npt.ArrayLike | None = None) -> SSTPLClassifier:
        """Add rows to a model of one level, which the first call begins.

        The first call draws the input map and the hidden layer from its rows, as `fit` does, and they stay: give it a
        few hundred rows or more, like those to come. Every call adds ``H'H`` and ``H'Y`` of its rows to sums; no row is
        kept. The model is, to rounding, the one ridge solve on all rows with that layer, whatever the batches and their
        order.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers; at least 2 rows in the first call. Or rows in blocks (`sstpl.sources`): see Notes.
        y : array-like of shape (n_samples,)
            Class labels, in memory.
        classes : array-like of shape (n_classes,) or None, default=None
            All labels there will be; may be left out after the first call. None in the first call: those of its rows,
            at least two, and later rows may bring more, which no row so far was of.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For parameters or input out of range, labels that are not among given classes, ``class_weight``, and
            ``selection`` other than "kfold" where alpha is "auto".
        MemoryError
            When the sums exceed ``memory_limit``.
        numpy.linalg.LinAlgError
            When features overflow.

        Warns
        -----
        UserWarning
            After `fit`, whose levels are not made of sums that could be added to: the first call begins anew. `fit` in
            turn begins anew after `partial_fit`.

        Notes
        -----
        Parameters are read by the first call. Of "recursive" there is one subsystem of one level, of ``hidden_width``
        units (1024 at most for "auto"), on all rows: ``max_depth``, ``n_subsystems``, ``subsystem_fraction`` and
        ``time_limit`` do not apply. ``architecture="paper"`` has no ``partial_fit``.

        Cost of a call with n rows, for width p: ``2 n d p + n p^2`` flops, and ``K p^2 / 2`` additions. The model is
        solved when it is first used after a call (`predict`, ``subsystems_``, ``report_``), not before: ``p^3 / 3``
        flops, and for ``alpha="auto"`` ``9 K q^3 / 3`` more with q = min(p, 1024), because alpha is chosen anew. Many
        small batches are added without a solve between them. Memory: ``4 K p^2`` bytes for the sums (``8 K p^2`` for
        p up to 1024), twice while rows are added; K is ``n_folds``, or 1 where alpha is given.

        Rows that come in blocks are summed block by block, and the model is the same to rounding. A call is all or
        nothing: whatever fails on the way, the estimator is as it was. Of the first call, input map and hidden layer
        are drawn from a random sample of 16,384 rows, some of every class, for which its rows are read once before
        where they are no ``.npy`` file; classes, and means of a regression's targets, are those of all rows.

        Rows are dealt to folds by a hash of their values, so copies of a row are never on both sides. Sums tell no
        row's out-of-fold score: there is no ``oof_decision_function_``, ``report_`` has no scores but the errors of the
        penalties, and `predict_proba` and `predict_set` need `calibrate`. See also `forget` and `grow`. A model file
        holds the sums if `save` is told to (``sums=True``).

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from sstpl import SSTPLClassifier
        >>> X, y = load_digits(return_X_y=True)
        >>> model = SSTPLClassifier(hidden_width=200, random_state=0)
        >>> for start in range(0, 1500, 500):
        ...     model = model.partial_fit(X[start : start + 500], y[start : start + 500])
        >>> model.score(X[1500:], y[1500:]) > 0.9
        True
        """
        if self.class_weight is not None:
            raise ValueError(f"partial_fit takes no class_weight, got {self.class_weight!r}: sums have no weights")
        self._partial_fit(X, y, classes, classification=True)
        return self

    def decision_function(self, X: npt.ArrayLike) -> Floats:
        """Return the scores of samples: least-squares estimates of +1 (the class) or -1 (another).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one score per sample, positive for ``classes_[1]``. Of several labels one for each.
        """
        return self._decoded(X)

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return the class with the largest score, and with the largest probability, for every sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Of several labels, 1 where the score is positive and the probability above one half, and 0 elsewhere.
        """
        scores = self._scores(X)
        if isinstance(self._targets, LabelTargets):
            return self._targets.predicted(scores)
        predicted: npt.NDArray[Any] = self.classes_[np.argmax(scores, axis=1)]
        return predicted

    def predict_proba(self, X: npt.ArrayLike) -> Floats:
        """Return calibrated class probabilities.

        With ``q_k = (1 + s_k) / 2``, which is an estimate of the probability of class k where scores ``s_k`` are
        least-squares ones::

            p_k = exp(slope f(q_k)) / sum_j exp(slope f(q_j)),  f(q) = sqrt(1 + floor^2) asinh(q / floor),

        a power of q that is bound from below by a small floor, or temperature scaling of the scores by a large one;
        or, with a negative floor -k, ``f(q) = k sinh(q / k) / cosh(1 / k)``, which tells large scores further apart.
        Slope and floor minimise the log-loss of training rows by scores that are left out, at no further fit; they are
        in ``report_.calibration``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; rows sum to 1. The map is increasing, so `predict` is the class of the largest
            probability. None is below ``1 / (n_classes (n + 1))`` for n training rows; of weighted rows n is their
            effective number (see `fit`). Of several labels, the probability of each, by one map for all of them, that
            of two classes with opposite scores.

        Notes
        -----
        The scores that slope and floor are fitted to are `oof_decision_function_`, but with what the levels above the
        first and a readout by log-loss add to the rows that they are trained on, out of fold, where
        `oof_decision_function_` knows it only of rows left out. Scores of other rows, which feed those levels, knew the
        row's label; how much of it they carry is measured on rows left out, and taken out. With
        ``subsystem_fraction=1`` there are no such rows: the scores are those of the first levels, and probabilities of
        a deep system are less well calibrated.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from sstpl import SSTPLClassifier
        >>> X, y = load_digits(return_X_y=True)
        >>> model = SSTPLClassifier(random_state=0).fit(X[:1500], y[:1500])
        >>> model.predict_proba(X[1500:]).shape
        (297, 10)
        """
        scores, calibration = self._scores(X), self._calibration
        of = calibration.label_probabilities if isinstance(self._targets, LabelTargets) else calibration.probabilities
        return plain(made_beside(scores, lambda rows: of(scores[rows]), scores.shape, scores.dtype))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def predict_log_proba(self, X: npt.ArrayLike) -> Floats:
        """Return the logarithms of `predict_proba`, all of them finite.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        return np.log(self.predict_proba(X))

    def predict_set(self, X: npt.ArrayLike, coverage: float = 0.9) -> npt.NDArray[np.bool_]:
        """Return sets of classes that hold the class of new samples with a given probability.

        All classes k with ``1 - p_k`` at most the ``ceil((n + 1) coverage)``-th smallest of its values for the n
        training rows and their classes [1]_: the sets that are smallest on average. The likeliest class is always
        among them, so that where it is right more often than asked, coverage is larger.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        coverage : float in (0, 1), default=0.9
            Share of new samples whose class the set holds.

        Returns
        -------
        bool ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; no row is empty. All True with fewer than ``coverage / (1 - coverage)``
            training rows, which cannot tell.

        Raises
        ------
        ValueError
            For a coverage that is not in (0, 1), and for X as in `predict`.

        Notes
        -----
        The coverage is an average over samples like the training rows, not one for each class. It would be exact for
        finite n if probabilities of training rows and of new samples were exchangeable. They nearly are (see
        `predict_proba`); there is no bound for finite n.

        References
        ----------
        .. [1] M. Sadinle, J. Lei, L. Wasserman, "Least ambiguous set-valued classifiers with bounded error levels",
           Journal of the American Statistical Association 114, 2019.

        Examples
        --------
        The last rows of this data are of other writers than the first, so they are shuffled.

        >>> from sklearn.datasets import load_digits
        >>> from sklearn.utils import shuffle
        >>> from sstpl import SSTPLClassifier
        >>> X, y = shuffle(*load_digits(return_X_y=True), random_state=0)
        >>> model = SSTPLClassifier(random_state=0).fit(X[:1500], y[:1500])
        >>> sets = model.predict_set(X[1500:], coverage=0.99)
        >>> bool(sets[range(297), y[1500:]].mean() > 0.97)
        True
        """
        covered = check.coverage(coverage)
        scores = self._scores(X)
        if isinstance(self._targets, LabelTargets):
            raise ValueError("predict_set is of one class per row, and y had several labels; see predict_proba")
        calibration, quantile = self._calibration, float(self._conformity.quantile(covered)[0])
        sets = made_beside(
            scores, lambda rows: class_sets(calibration.probabilities(scores[rows]), quantile), scores.shape, np.bool_
        )
        return plain(sets)

    def _as_new(self, blind: Blind) -> Floats:
        return blind.scores_as_new()

    def _outputs(
        self, scores: Floats, targets: Floats, labels: Labels | None, weights: Weights, report: Report
    ) -> dict[str, Any]:
        if labels is None:
            every = None if weights is None else np.repeat(weights, targets.shape[1])
            every_target = targets.reshape(-1, 1)
            codes = made_beside(targets, lambda some: every_target[some] > 0, every_target.shape, np.int64)[:, 0]
            calibration, report.calibration = fit_calibration(opposed(scores), codes, every)
            return {"_calibration": calibration}
        calibration, report.calibration = fit_calibration(scores, labels, weights)
        conformity = class_conformity(calibration.own_probabilities(scores, labels), weights)
        return {"_calibration": calibration, "_conformity": conformity}
