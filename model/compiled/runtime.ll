; What linked kernels need of Numba's runtime: memory for temporary rows, who holds them, and reshaping, which is always of
; contiguous arrays.
; A header of 64 bytes stands before the numbers: how many hold them, two words, where they are, how long they are, what to free.
declare ptr @PyMem_RawMalloc(i64)
declare void @PyMem_RawFree(ptr)
declare double @llvm.sqrt.f64(double)

define ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 %align) {
  %room = add i64 %size, 192
  %got = call ptr @PyMem_RawMalloc(i64 %room)
  %none = icmp eq ptr %got, null
  br i1 %none, label %failed, label %fine
failed:
  ret ptr null
fine:
  %whole = ptrtoint ptr %got to i64
  %up = add i64 %whole, 63
  %line = and i64 %up, -64
  %header = inttoptr i64 %line to ptr
  %numbers = getelementptr i8, ptr %header, i64 64
  %data = getelementptr i8, ptr %header, i64 24
  %length = getelementptr i8, ptr %header, i64 32
  %own = getelementptr i8, ptr %header, i64 40
  store i64 1, ptr %header
  store ptr %numbers, ptr %data
  store i64 %size, ptr %length
  store ptr %got, ptr %own
  ret ptr %header
}

define void @NRT_MemInfo_call_dtor(ptr %header) {
  %own = getelementptr i8, ptr %header, i64 40
  %got = load ptr, ptr %own
  call void @PyMem_RawFree(ptr %got)
  ret void
}

; A temporary row belongs to one thread, and rows of the state (null) are not counted.
define void @NRT_incref(ptr %header) alwaysinline {
  %none = icmp eq ptr %header, null
  br i1 %none, label %end, label %count
count:
  %before = load i64, ptr %header
  %now = add i64 %before, 1
  store i64 %now, ptr %header
  br label %end
end:
  ret void
}

define void @NRT_decref(ptr %header) alwaysinline {
  %none = icmp eq ptr %header, null
  br i1 %none, label %end, label %count
count:
  %before = load i64, ptr %header
  %now = sub i64 %before, 1
  store i64 %now, ptr %header
  %last = icmp eq i64 %now, 0
  br i1 %last, label %free, label %end
free:
  call void @NRT_MemInfo_call_dtor(ptr %header)
  br label %end
end:
  ret void
}

define i32 @numba_attempt_nocopy_reshape(i64 %axes, ptr %shape, ptr %strides, i64 %newaxes, ptr %newshape, ptr %newstrides, i64 %item, i32 %fortran) {
entry:
  br label %loop
loop:
  %n = phi i64 [ %newaxes, %entry ], [ %before, %body ]
  %stride = phi i64 [ %item, %entry ], [ %outer, %body ]
  %done = icmp eq i64 %n, 0
  br i1 %done, label %end, label %body
body:
  %before = sub i64 %n, 1
  %to = getelementptr i64, ptr %newstrides, i64 %before
  store i64 %stride, ptr %to
  %from = getelementptr i64, ptr %newshape, i64 %before
  %length = load i64, ptr %from
  %outer = mul i64 %stride, %length
  br label %loop
end:
  ret i32 1
}

define double @sqrt(double %x) {
  %root = call double @llvm.sqrt.f64(double %x)
  ret double %root
}
