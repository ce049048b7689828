"""The one decorator of the kernels: compiled when they are first called, and by which rules.

Importing a kernel does not import Numba, which takes longer than a small scan takes to run.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any, Generic, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., object])


class Kernel(Generic[Function]):
    """A function of bare floats and arrays that Numba compiles, each combination of argument types, when it is called.

    With `NUMBA_DISABLE_JIT=1` it is run by Python instead; with `NUMBA_BOUNDSCHECK=1` every index is checked. Other
    compiled functions may call it.
    """

    def __init__(self, function: Function, *, cached: bool = True, inline: bool = False) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._cached = cached
        self._inline = inline
        self._dispatcher: Any = None

    def __repr__(self) -> str:
        return f"<kernel {self._function.__module__}.{self._function.__qualname__}>"

    def __call__(self, *args: Any) -> Any:
        return self.dispatcher(*args)

    @property
    def dispatcher(self) -> Any:
        """Numba's own object, or the function run by Python where the JIT is off."""
        if self._dispatcher is None:
            self._set_up()
        return self._dispatcher

    @property
    def _numba_type_(self) -> Any:
        """What Numba asks for where a function that it compiles calls this one."""
        return self.dispatcher._numba_type_

    @functools.cached_property
    def interpreted(self) -> Function:
        """The same function run by Python, together with every kernel that it calls."""
        function = cast(FunctionType, self._function)
        called = {name: value for name, value in function.__globals__.items() if name in function.__code__.co_names}
        called |= {name: value.interpreted for name, value in called.items() if isinstance(value, Kernel)}
        namespace = function.__globals__ | called
        by_python = FunctionType(
            function.__code__, namespace, function.__name__, function.__defaults__, function.__closure__
        )
        return cast(Function, by_python)

    def _set_up(self) -> None:
        import numba
        from numba.core import config
        from numba.core.compiler_lock import global_compiler_lock

        from scanengine_kernels import _cache

        if config.DISABLE_JIT:
            self._dispatcher = self.interpreted
            return
        with global_compiler_lock:  # two threads with a dispatcher each would compile everything twice
            if self._dispatcher is not None:
                return
            dispatcher = numba.njit(
                nogil=True,
                error_model="numpy",
                fastmath={"contract"},
                boundscheck=False,
                forceinline=self._inline,
            )(self._function)
            _cache.announce(dispatcher)
            if self._cached:
                _cache.keep(dispatcher)
            self._dispatcher = dispatcher


def jit(function: Function) -> Function:
    """Compile a kernel on its first call, without the interpreter lock, and keep the machine code for later processes.

    Division by zero gives inf or nan as in NumPy. Products and sums may contract to fused multiply-adds; nothing is
    reassociated, and nan and inf are honoured. With `NUMBA_DISABLE_JIT=1` Python runs the function.
    """
    return cast(Function, Kernel(function))


def jit_inline(function: Function) -> Function:
    """Compile like `jit`, into the machine code of each caller: for small kernels that take arrays in a hot loop.

    A call would count references to them with locked instructions, which wait until all streaming stores are done.
    """
    return cast(Function, Kernel(function, inline=True))


def jit_uncached(function: Function) -> Function:
    """Compile like `jit`, but in every process anew: for kernels that take another function, which no cache finds
    again.
    """
    return cast(Function, Kernel(function, cached=False))


def interpreted(kernel: Function) -> Function:
    """Return the kernel as Python runs it, callees included: the same arithmetic, and nothing to wait for.

    Where the compiler contracts a product and a sum this rounds twice; Python complains of a division by zero.
    """
    return cast(Kernel[Function], kernel).interpreted
