"""`make wasm`: the kernels of the model, as they are, as one WebAssembly module (docs/page.md).

    python -m tools.build_wasm           compile, link, write model/compiled/month.wasm and month.json (a minute or two)
    python -m tools.build_wasm --check   compile and compare with what is there

Numba compiles every kernel afresh for a plain x86-64 with vectors of 128 bits, which are those of WebAssembly; the
code as it stands before emission is handed to LLVM's other back end, the objects to `wasm-ld` (Debian: lld), and what
that links to `wasm-opt` (Debian: binaryen), which keeps one of functions that are the same, and changes nothing else.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ["NUMBA_CPU_NAME"], os.environ["NUMBA_CPU_FEATURES"] = "generic", ""
KEPT = tempfile.TemporaryDirectory()  # nothing that was compiled before
os.environ["VALIGN_CACHE"] = KEPT.name
FOLDER = Path(__file__).resolve().parents[1] / "model" / "compiled"
RUNTIME = Path(__file__).with_name("wasm_runtime.ll")
FEATURES = "+simd128,+bulk-memory,+bulk-memory-opt,+sign-ext,+nontrapping-fptoint"
TRIPLE = "wasm32-unknown-unknown"
MOST_BYTES, MOST_PACKED = 480_000, 150_000
ONE_OF_EACH = (
    "--mvp-features",
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--duplicate-function-elimination",
)
LINKER = (
    "--no-entry",
    "--import-memory",
    "--max-memory=4294967296",
    "--strip-all",
    "--gc-sections",
    "--initial-memory=2097152",
    "-z",
    "stack-size=262144",
    "--stack-first",
)


def keep_code() -> None:
    """Let libraries keep the code that is linked and optimised, and not yet changed by code generation."""
    from numba.core import codegen

    finalize = codegen.CPUCodeLibrary._finalize_final_module

    def kept(library: Any) -> None:
        library.before_emission = str(library._final_module)
        finalize(library)

    codegen.CPUCodeLibrary._finalize_final_module = kept


def compiled_kernels() -> tuple[Any, dict[str, Any], list[Any]]:
    """The layout of the state, results of the steps by name, and the functions that make a society."""
    from valign.experiments.design import run_seeds
    from valign.experiments.blocks import group_into_blocks
    from valign.experiments.simulate import Task
    from valign.model.compiled import engine
    from valign.model.compiled.numba_handle import compiled_for
    from valign.model.run.kernels import SOCIETY, STEPS
    from valign.model.scenario.scenario import Scenario

    engine.CHOICE.only = engine.NUMBA  # else the module at hand would make the societies
    seeds = run_seeds(1, 2)
    for name in ("housing-first", "two-services"):
        task = Task(Scenario.load(name), ("series", "decomposition"))
        state = task.state(group_into_blocks(seeds, [1, 1], 2)[0])
    steps = {name: compiled_for(function, state.layout) for name, function in STEPS.items()}
    return state.layout, steps, list(SOCIETY.values())


class Translator:
    """Code of one kernel after the other into objects for WebAssembly."""

    def __init__(self, folder: Path) -> None:
        from llvmlite import binding as llvm

        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        self.llvm, self.folder, self.objects = llvm, folder, list[str]()
        self.machine = llvm.Target.from_triple(TRIPLE).create_target_machine(cpu="generic", features=FEATURES, opt=3)
        self.layout = str(self.machine.target_data)

    def add(self, text: str, kept: str | None) -> None:
        """kept: the one function that others may call (None: all may be)."""
        parsed = self.llvm.parse_assembly(text)
        for each in [*parsed.functions, *parsed.global_variables] if kept else []:
            if not each.is_declaration:
                each.linkage = "external" if each.name == kept else "internal"
        parsed.verify()
        path = self.folder / f"{len(self.objects):03}.o"
        path.write_bytes(self.machine.emit_object(parsed))
        self.objects.append(str(path))

    def kernel(self, result: Any, name: str) -> None:
        """A compiled kernel, under a name of its own."""
        symbol = result.fndesc.llvm_func_name
        text = result.library.before_emission
        text = re.sub(r"^target datalayout = .*$", f'target datalayout = "{self.layout}"', text, flags=re.M)
        text = re.sub(r"^target triple = .*$", f'target triple = "{TRIPLE}"', text, flags=re.M)
        text = _plain_counting(text)
        text = re.sub(rf"@(\"?){re.escape(symbol)}\1(?=\()", f"@{name}", text)
        self.add(text, name)


def _plain_counting(text: str) -> str:
    """Numba links its reference counting as x86 code generation has rewritten it: plain arithmetic again."""
    count = 0

    def plain(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        found = re.match(r'ptr (?:\w+ )*(%[\w.\-"]+), i64 1, i32 4', match[2])
        assert found, match[0]
        a, b, c = (f"%z{count}{x}" for x in "abc")
        return (
            f"{a} = load i64, ptr {found[1]}, align 8\n  {b} = sub i64 {a}, 1\n"
            f"  store i64 {b}, ptr {found[1]}, align 8\n"
            f"  {c} = icmp eq i64 {b}, 0\n  {match[1]} = zext i1 {c} to i8"
        )

    call = r"(%[\w.]+) = (?:tail )?call i8 @llvm\.x86\.atomic\.sub\.cc\.i64\(([^)]*)\)(?: #\d+)?(?:, !\w+ !\d+)*"
    return re.sub(r"^declare i8 @llvm\.x86\.atomic.*$", "", re.sub(call, plain, text), flags=re.M)


def driver(layout: str, steps: int) -> str:
    """`run`: months first … last - 1 of the steps that `order` names (kernel, argument or -1: the month).

    It returns 0, or the status of the kernel that failed.
    Temporary rows lie behind `scratch` and are given back after each step.
    """
    declared = "\n".join(f"declare i32 @k{n}(ptr, ptr, ptr, i64)" for n in range(steps))
    cases = "\n".join(f"    i64 {n}, label %k{n}" for n in range(steps))
    calls = "\n".join(
        f"k{n}:\n  %r{n} = call i32 @k{n}(ptr %result, ptr %error, ptr %state, i64 %number)\n  br label %called"
        for n in range(steps)
    )
    results = ", ".join(f"[ %r{n}, %k{n} ]" for n in range(steps))
    return f"""target datalayout = "{layout}"
target triple = "{TRIPLE}"
@heap = external global i32
{declared}
define i32 @run(ptr %state, ptr %order, i32 %steps, i64 %first, i64 %last, ptr %scratch) {{
entry:
  %result = getelementptr i8, ptr %scratch, i32 0
  %error = getelementptr i8, ptr %scratch, i32 64
  %rows = getelementptr i8, ptr %scratch, i32 256
  %start = ptrtoint ptr %rows to i32
  br label %month
month:
  %t = phi i64 [ %first, %entry ], [ %t1, %month_done ]
  %over = icmp sge i64 %t, %last
  br i1 %over, label %end, label %step
step:
  %n = phi i32 [ 0, %month ], [ %n1, %ok ]
  %all = icmp uge i32 %n, %steps
  br i1 %all, label %month_done, label %one
one:
  %at = mul i32 %n, 16
  %p = getelementptr i8, ptr %order, i32 %at
  %kernel = load i64, ptr %p
  %p8 = getelementptr i8, ptr %p, i32 8
  %argument = load i64, ptr %p8
  %monthly = icmp slt i64 %argument, 0
  %number = select i1 %monthly, i64 %t, i64 %argument
  store i32 %start, ptr @heap
  switch i64 %kernel, label %unknown [
{cases}
  ]
{calls}
called:
  %status = phi i32 {results}
  %fine = icmp eq i32 %status, 0
  br i1 %fine, label %ok, label %failed
ok:
  %n1 = add i32 %n, 1
  br label %step
month_done:
  %t1 = add i64 %t, 1
  br label %month
failed:
  ret i32 %status
unknown:
  ret i32 -99
end:
  ret i32 0
}}
"""


def link(folder: Path, objects: list[str], exports: list[str], linker: str) -> bytes:
    linked, out = str(folder / "linked.wasm"), folder / "month.wasm"
    subprocess.run([linker, *LINKER, *(f"--export={name}" for name in exports), "-o", linked, *objects], check=True)
    subprocess.run([optimiser(), *ONE_OF_EACH, linked, "-o", str(out)], check=True)
    return out.read_bytes()


def build(folder: Path) -> tuple[bytes, dict[str, Any]]:
    from valign.model.compiled.kernel_sources import kernels_hash
    from valign.model.compiled.handle import signature_of
    from valign.model.compiled.numba_handle import kinds_of

    keep_code()
    layout, steps, society = compiled_kernels()
    translator, exports = Translator(folder), ["run", "heap", "highest", "__heap_base"]
    for number, result in enumerate(steps.values()):
        translator.kernel(result, f"k{number}")
    functions: dict[str, str] = {}
    for function in society:
        for arguments, result in function.overloads.items():
            symbol = functions[signature_of(function, kinds_of(arguments))] = f"s{len(functions)}"
            translator.kernel(result, symbol)
    exports += functions.values()
    translator.add(RUNTIME.read_text().replace("@LAYOUT@", translator.layout), None)
    translator.add(driver(translator.layout, len(steps)), None)
    code = link(folder, translator.objects, exports, linker())
    told = {
        "kernels_hash": kernels_hash(),
        "made_with": made_with(),
        "steps": list(steps),
        "society": functions,
        "fields": [[each.name, each.word, each.kind] for each in layout.fields],
    }
    return code, told


def linker() -> str:
    found = shutil.which("wasm-ld") or next((str(p) for p in sorted(Path("/usr/bin").glob("wasm-ld-*"))), None)
    if found is None:
        sys.exit("make wasm needs the linker wasm-ld: install Debian's package lld")
    return found


def optimiser() -> str:
    found = shutil.which("wasm-opt")
    if found is None:
        sys.exit("make wasm needs wasm-opt: install Debian's package binaryen")
    return found


def made_with() -> dict[str, str]:
    told, also = (
        subprocess.run([each, "--version"], capture_output=True, text=True, check=True).stdout
        for each in (linker(), optimiser())
    )
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        **{name: version(name) for name in ("numba", "llvmlite", "numpy")},
        "linker": told.strip().splitlines()[0],
        "optimiser": also.strip().splitlines()[0],
    }


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--check", action="store_true", help="compare with what is there, and write nothing")
    check = options.parse_args().check
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["VALIGN_CACHE"] = str(folder / "cache")  # what is in a cache is not compiled, and shows no code
        code, told = build(folder)
    packed = len(gzip.compress(code, 9, mtime=0))
    print(f"month.wasm: {len(told['steps'])} steps, {len(code):,} bytes, {packed:,} packed")
    if len(code) > MOST_BYTES or packed > MOST_PACKED:
        sys.exit(f"month.wasm is larger than {MOST_BYTES:,} bytes, or {MOST_PACKED:,} packed")
    where, text = (
        FOLDER / "month.wasm",
        "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in told.items()) + "\n}\n",
    )
    if not check:
        where.write_bytes(code)
        where.with_suffix(".json").write_text(text)
        return
    kept = json.loads(where.with_suffix(".json").read_text())
    if kept["made_with"] != told["made_with"]:
        sys.exit(f"cannot compare: month.wasm was made with {kept['made_with']}, here is {told['made_with']}")
    if where.read_bytes() != code or kept != told:
        sys.exit("month.wasm is not what the kernels compile to: run `make wasm` and commit model/compiled/month.*")
    print("month.wasm is what the kernels compile to")


if __name__ == "__main__":
    main()
