from autograd_core.kernels.vecmath.exponential import *
from autograd_core.kernels.vecmath.logarithm import *
from autograd_core.kernels.vecmath.error import *
