"""Docstring parts that the two classifiers share: parameters of the training, attributes."""

TRAINING_PARAMETERS = """\
label_smoothing : float, default=0.0
        Share of each target given to the uniform distribution, in [0, 1): over the classes under a
        'distribution' loss, over {{0, 1}} in each column under an 'independent' one. Undone in
        `predict_proba`.
    target_range : tuple (low, high), default=None
        Train towards these values in place of 0 and 1, for example (0.1, 0.9). Undone in
        `predict_proba`. Set this or `label_smoothing`.
    class_weight : {class_weight}
    solver : str or torch optimizer class, default="adamw"
        'adam', 'adamw' (decoupled weight decay `alpha` on the weight matrices), 'sgd', 'adadelta'
        (wants a `learning_rate_init` near 1), 'rmsprop', 'lbfgs' (full batch, scipy's L-BFGS-B) or
        a callable ``(parameters, lr) -> torch.optim.Optimizer``.
    alpha : float or 'auto', default="auto"
        Under 'adamw' each step shrinks the weight matrices by the share ``alpha`` times the
        learning rate, and 'auto' is ``min(1, 7000 / n_samples)``. Under other solvers it is the
        strength of the L2 penalty on them, divided by the weight sum of the batch as in
        scikit-learn's ``MLPClassifier``, and 'auto' is 0.0001.
    dropout : float, default=0.5
        Share of hidden units set to zero in a training step, in [0, 1): one draw a unit for all
        rows of the step. Not used by 'lbfgs', nor by a `module`.
    batch_size : int or 'auto', default="auto"
        Rows a training step; 'auto' is ``min(32, n_samples)``. Larger ones use many cores or a GPU
        better; raise `learning_rate_init` with them.
    learning_rate : {{'constant', 'invscaling', 'adaptive', 'cosine', 'one_cycle'}}, \
default="cosine"
        Schedule of the rate, for every solver but 'lbfgs'. The first three are those of
        ``MLPClassifier``. 'cosine' falls to zero over `max_iter` passes, 'one_cycle' rises from
        1/25 of `learning_rate_init` to all of it in the first 30 % of the steps and falls to
        almost zero; both run all `max_iter` passes unless `early_stopping` ends them, and are
        'constant' in `partial_fit`, whose calls have no planned end.
    learning_rate_init : float, default=0.0045
        First learning rate; the highest one of 'one_cycle'.
    power_t : float, default=0.5
        Exponent of 'invscaling'.
    max_iter : int or 'auto', default="auto"
        Most passes over the data (iterations for 'lbfgs'). 'auto' is 32 for the schedules that
        plan them, 'cosine' and 'one_cycle', and 200 for the others and 'lbfgs'.
    shuffle : bool, default=True
        Whether each pass takes the rows in a new order.
    random_state : int or RandomState instance, default=None
        Seeds weights, order, dropout and validation split. None draws a seed from the operating
        system; the global generators of torch, NumPy and Python are never used nor changed.
    tol : float, default=0.0001
        Smallest fall of the loss that counts; largest gradient entry at the end of 'lbfgs'.
    verbose : int or bool, default=False
        1 or True shows a progress bar on a terminal; 2 or more prints a line a pass.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit.
    momentum : float, default=0.9
        Momentum of 'sgd', in [0, 1].
    nesterovs_momentum : bool, default=True
        Whether that is Nesterov's.
    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the rows (stratified for hard labels), to stop
        when the loss on them no longer falls, and to keep the weights of the best pass.
    validation_fraction : float, default=0.1
        Share of the rows held out, in (0, 1).
    beta_1, beta_2 : float, default=0.9, 0.99
        Decay rates of the moments of 'adam' and 'adamw', in [0, 1).
    epsilon : float, default=1e-08
        Stabiliser of 'adam', 'adamw' and 'rmsprop'.
    n_iter_no_change : int or inf, default=10
        Passes without a fall of at least `tol` before the training stops.
    max_fun : int, default=15000
        Most loss evaluations of 'lbfgs'.
    module : callable, default=None
        A ``torch.nn.Module`` class or function ``(n_features, n_outputs) -> module`` that returns
        logits of shape (n_samples, n_outputs), in place of the built-in net. X may then have more
        than two dimensions; ``n_features`` is ``X.shape[1]``.
    device : str, default="cpu"
        'cpu', 'cuda' or 'auto' (CUDA where there is one).
    dtype : {{'float32', 'float64'}}, default=None
        Precision of the training; None follows X.
    callbacks : list of skorch callbacks, default=None
        Told of each pass, and of each batch if they ask for batches. skorch's ``EarlyStopping``
        stops the training."""

FITTED_ATTRIBUTES = """\
net_ : skorch.NeuralNet
        The fitted net; its module is ``net_.module_``.
    coefs_, intercepts_ : list of ndarray
        Weights (n_in, n_out) and biases of the built-in net.
    loss_, best_loss_ : float
        Training loss of the last pass, in nats for the logarithmic losses; lowest loss of the last
        fit, on the validation rows under early stopping.
    loss_curve_, validation_loss_curve_ : list of float
        Losses of each pass; the second is None without early stopping.
    n_iter_, t_ : int
        Passes of the last fit; samples seen in all.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        If X had string column names."""


CLASS_COSTS = """\
dict, str or tuple, default=None
        Costs of the classes. They shift `predict_proba` and are not undone. A soft row counts as
        draws of hard labels. The rules 'balanced', 'median_frequency', 'effective_number' and
        ``('effective_number', beta)`` (beta is 0.999 if not given) read the mass of each class
        in y."""

LABEL_COSTS = """\
dict, list, array-like of shape (n_labels,), str or tuple, default=None
        Costs: ``{0: absent, 1: present}`` for all labels (for a 1-D y, from its two classes), a
        list of such dicts, one number a label, or a rule applied to the zeros and ones of each
        label: 'balanced', 'median_frequency', 'effective_number', ``('effective_number', beta)``.
        They shift `predict_proba` and are not undone."""
