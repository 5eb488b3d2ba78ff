from .adam import Adam as Adam, AdamW as AdamW
from .sgd import SGD as SGD
from .optimizer import Optimizer as Optimizer
from .groups import no_decay_groups as no_decay_groups
