; What kernels of the month need when they run as WebAssembly: memory for temporary rows, which is given back when the
; last one taken is freed and after every step; products of 128 bits, frexp, sqrt, reshape; and the loop over steps.
target datalayout = "@LAYOUT@"
target triple = "wasm32-unknown-unknown"
@heap = global i32 0, align 4
@highest = global i32 0, align 4
declare i32 @llvm.wasm.memory.size.i32(i32)
declare i32 @llvm.wasm.memory.grow.i32(i32, i32)
declare double @llvm.sqrt.f64(double)
declare void @llvm.trap()

define void @room(i32 %end) {
  %known = load i32, ptr @highest
  %more = icmp ugt i32 %end, %known
  br i1 %more, label %check, label %done
check:
  store i32 %end, ptr @highest
  %pages = call i32 @llvm.wasm.memory.size.i32(i32 0)
  %last = add i32 %end, 65535
  %needed = lshr i32 %last, 16
  %short = icmp ugt i32 %needed, %pages
  br i1 %short, label %grow, label %done
grow:
  %missing = sub i32 %needed, %pages
  %step = add i32 %missing, 16
  %got = call i32 @llvm.wasm.memory.grow.i32(i32 0, i32 %step)
  %failed = icmp eq i32 %got, -1
  br i1 %failed, label %none, label %done
none:
  call void @llvm.trap()
  unreachable
done:
  ret void
}
define ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 %align) {
  %h = load i32, ptr @heap
  %a = add i32 %h, 63
  %p = and i32 %a, -64
  %d = add i32 %p, 64
  %s = trunc i64 %size to i32
  %e = add i32 %d, %s
  call void @room(i32 %e)
  store i32 %e, ptr @heap
  %q = inttoptr i32 %p to ptr
  store i64 1, ptr %q
  %q8 = getelementptr i8, ptr %q, i32 8
  %h64 = zext i32 %h to i64
  store i64 %h64, ptr %q8
  %q16 = getelementptr i8, ptr %q, i32 16
  %e64 = zext i32 %e to i64
  store i64 %e64, ptr %q16
  %q24 = getelementptr i8, ptr %q, i32 24
  %d64 = zext i32 %d to i64
  store i64 %d64, ptr %q24
  %q32 = getelementptr i8, ptr %q, i32 32
  store i64 %size, ptr %q32
  ret ptr %q
}
define void @NRT_Free(ptr %p) { ret void }
define void @NRT_MemInfo_call_dtor(ptr %p) {
  %q16 = getelementptr i8, ptr %p, i32 16
  %e64 = load i64, ptr %q16
  %e = trunc i64 %e64 to i32
  %h = load i32, ptr @heap
  %last = icmp eq i32 %e, %h
  br i1 %last, label %back, label %done
back:
  %q8 = getelementptr i8, ptr %p, i32 8
  %before64 = load i64, ptr %q8
  %before = trunc i64 %before64 to i32
  store i32 %before, ptr @heap
  br label %done
done:
  ret void
}
define void @__multi3(ptr %r, i64 %al, i64 %ah, i64 %bl, i64 %bh) {
  %a0 = and i64 %al, 4294967295
  %a1 = lshr i64 %al, 32
  %b0 = and i64 %bl, 4294967295
  %b1 = lshr i64 %bl, 32
  %p00 = mul i64 %a0, %b0
  %p01 = mul i64 %a0, %b1
  %p10 = mul i64 %a1, %b0
  %p11 = mul i64 %a1, %b1
  %c = lshr i64 %p00, 32
  %m1 = add i64 %p10, %c
  %m1l = and i64 %m1, 4294967295
  %m1h = lshr i64 %m1, 32
  %m2 = add i64 %p01, %m1l
  %m2h = lshr i64 %m2, 32
  %hi0 = add i64 %p11, %m1h
  %hi1 = add i64 %hi0, %m2h
  %lo = mul i64 %al, %bl
  %x = mul i64 %ah, %bl
  %y = mul i64 %al, %bh
  %hi2 = add i64 %hi1, %x
  %hi3 = add i64 %hi2, %y
  store i64 %lo, ptr %r
  %r8 = getelementptr i8, ptr %r, i32 8
  store i64 %hi3, ptr %r8
  ret void
}
define double @numba_frexp(double %x, ptr %p) {
  %b = bitcast double %x to i64
  %sh = lshr i64 %b, 52
  %e = and i64 %sh, 2047
  %z = icmp eq i64 %e, 0
  br i1 %z, label %zero, label %norm
zero:
  store i32 0, ptr %p
  ret double %x
norm:
  %e32 = trunc i64 %e to i32
  %ee = sub i32 %e32, 1022
  store i32 %ee, ptr %p
  %m = and i64 %b, -9218868437227405313
  %o = or i64 %m, 4602678819172646912
  %d = bitcast i64 %o to double
  ret double %d
}
define i32 @numba_attempt_nocopy_reshape(i64 %nd, ptr %dims, ptr %st, i64 %nnd, ptr %nd2, ptr %ns, i64 %item, i32 %f) {
entry:
  br label %loop
loop:
  %k = phi i64 [ %nnd, %entry ], [ %k1, %body ]
  %s = phi i64 [ %item, %entry ], [ %s1, %body ]
  %done = icmp eq i64 %k, 0
  br i1 %done, label %end, label %body
body:
  %k1 = sub i64 %k, 1
  %k32 = trunc i64 %k1 to i32
  %pns = getelementptr i64, ptr %ns, i32 %k32
  store i64 %s, ptr %pns
  %pd = getelementptr i64, ptr %nd2, i32 %k32
  %dv = load i64, ptr %pd
  %s1 = mul i64 %s, %dv
  br label %loop
end:
  ret i32 1
}
define double @sqrt(double %x) {
  %r = call double @llvm.sqrt.f64(double %x)
  ret double %r
}
