"""Object file of kernels compiled by numba, with the Python functions around them."""

from typing import Any

from mien.imaging.compiler import ir, llvm, numba
from mien.imaging.kernel_glue import glue
from mien.imaging.kernel_library import undefined

_RUNTIME = """
declare ptr @malloc(i64)
declare void @free(ptr)
define linkonce_odr ptr @NRT_Allocate(i64 %size) {
  %block = call ptr @malloc(i64 %size)
  ret ptr %block
}
define linkonce_odr void @NRT_Free(ptr %block) {
  call void @free(ptr %block)
  ret void
}
define linkonce_odr ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 %align) {
  %wide = zext i32 %align to i64
  %head = add i64 %wide, 48
  %whole = add i64 %head, %size
  %block = call ptr @malloc(i64 %whole)
  %none = icmp eq ptr %block, null
  br i1 %none, label %done, label %fill
fill:
  %start = ptrtoint ptr %block to i64
  %last = add i64 %wide, 47
  %beyond = add i64 %start, %last
  %mask = sub i64 0, %wide
  %data = and i64 %beyond, %mask
  %fields = getelementptr i64, ptr %block, i64 0
  store i64 1, ptr %fields
  %dtor = getelementptr i64, ptr %block, i64 1
  store i64 0, ptr %dtor
  %facts = getelementptr i64, ptr %block, i64 2
  store i64 0, ptr %facts
  %place = getelementptr i64, ptr %block, i64 3
  store i64 %data, ptr %place
  %bytes = getelementptr i64, ptr %block, i64 4
  store i64 %size, ptr %bytes
  %other = getelementptr i64, ptr %block, i64 5
  store i64 0, ptr %other
  br label %done
done:
  ret ptr %block
}
define linkonce_odr ptr @NRT_MemInfo_alloc(i64 %size) {
  %block = call ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 16)
  ret ptr %block
}
define linkonce_odr void @NRT_MemInfo_call_dtor(ptr %block) {
  call void @free(ptr %block)
  ret void
}
"""
"""Part of numba's runtime that kernels use for arrays of their own, as in its nrt.cpp: a MemInfo holds its count of users, its
destructor with an argument, the address and bytes of the data, and an allocator; the data follow. These have no destructor."""


_KNOWN = frozenset((
    "PyErr_Clear", "PyErr_Occurred", "PyEval_RestoreThread", "PyEval_SaveThread", "PyLong_AsLongLong", "PyObject_Vectorcall",
    "PyTuple_GetItem", "PyTuple_Size", "Py_IncRef", "PyFloat_Type", "PyLong_Type", "PyTuple_Type", "_Py_FalseStruct",
    "_Py_NoneStruct", "_Py_TrueStruct", "atan2f", "cos", "exp", "expf", "free", "log10", "malloc", "memcpy", "memset", "pow",
    "powf", "sin", "sincos",
))  # fmt: skip
"""Names that each Python process on Linux has: of its C interface, the C library and its mathematics."""


class Merged:
    """LLVM module of kernels; its table has room for `count` NumPy types, none where another module holds the table."""

    def __init__(self, table: str, count: int) -> None:
        self._target = numba.core.registry.cpu_target
        self._context = self._target.target_context
        self._context.refresh()
        self._target.typing_context.refresh()
        self._module = self._parsed(self._context.create_module("mien"))
        self._kept = {table}
        if count:
            module = self._context.create_module("types")
            kind = ir.ArrayType(ir.IntType(8).as_pointer(), count)
            ir.GlobalVariable(module, kind, table).initializer = ir.Constant(kind, None)
            self._module.link_in(self._parsed(module))

    def add(self, compiled: Any, name: str, types: tuple[str, ...]) -> str:
        """Compile a numba function for arguments of these types, and return the name of its Python function."""
        flags = numba.core.compiler.Flags()
        compiled.targetdescr.options.parse_as_flags(flags, compiled.targetoptions)
        compiled._compiler._customize_flags(flags)
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        with numba.core.compiler_lock.global_compiler_lock:
            result = numba.core.compiler.compile_extra(
                self._target.typing_context, self._context, compiled.py_func, tuple(map(parse_type, types)), None, flags, {}
            )
            assert result.signature.return_type == numba.types.none, f"{name} returns something"
            result.library.finalize()
            kernel = result.library._final_module.clone()
            kernel.link_in(self._optimised(glue(self._context, name, result.fndesc)))
        self._kept.add(name)
        self._make_internal(kernel)
        self._module.link_in(kernel)
        return name

    def emitted(self) -> bytes:
        """Return the object file: position-independent code for the processors that numba compiles for.

        Raises `RuntimeError` for code that needs more of numba than is in it.
        """
        codegen = self._context.codegen()
        triple, processor, features = codegen.magic_tuple()
        machine = llvm.Target.from_triple(triple).create_target_machine(
            cpu=processor, features=features, opt=3, reloc="pic", codemodel="small"
        )
        self._module.link_in(self._parsed(_RUNTIME))
        self._make_internal(self._module)
        self._module.verify()
        emitted: bytes = machine.emit_object(self._module)
        # Code that asks for another name would end the process that loads it.
        missing = undefined(emitted) - _KNOWN - self._kept
        if missing:
            raise RuntimeError(f"kernels ask for {', '.join(sorted(missing))}: write arrays in loops, and raise nothing")
        return emitted

    def _make_internal(self, module: Any) -> None:
        for each in (*module.functions, *module.global_variables):
            if not each.is_declaration and each.name not in self._kept:
                each.linkage = "internal"

    def _optimised(self, module: Any) -> Any:
        parsed = self._parsed(module)
        codegen = self._context.codegen()
        for function in parsed.functions:
            passes, builder = codegen._function_pass_manager()
            passes.run(function, builder)
        return parsed

    def _parsed(self, module: Any) -> Any:
        parsed = llvm.parse_assembly(numba.core.cgutils.normalize_ir_text(str(module)))
        parsed.data_layout = self._context.codegen()._data_layout
        parsed.triple = self._context.codegen().magic_tuple()[0]
        return parsed


def parse_type(text: str) -> Any:
    """Return the numba type of one of the table: `float64`, `const uint8[:,::1]`, `(int64, int64)`."""
    if text.startswith("("):
        return numba.types.Tuple([parse_type(each) for each in text[1:-1].split(", ")])
    plain = text.removeprefix("const ")
    name, _, axes = plain.partition("[")
    kind = numba.types.boolean if name == "bool" else getattr(numba.types, name)
    if not axes:
        return kind
    return numba.types.Array(kind, axes.count(",") + 1, "C" if "::1" in axes else "A", readonly=plain != text)
