;; Adds key stream into lanes, or takes it off them, modulo 2^8, 2^16 or 2^32: 16 bytes an instruction.
;;
;; One page of memory in two halves: the target's block at 0, the key stream's at 32768. Each function works on the
;; first $bytes of both, rounded up to whole vectors; what lies beyond $bytes is scratch that the caller does not read.
(module
  (memory (export "memory") 1 1)

  (func (export "add8") (param $bytes i32)
    (local $at i32)
    (loop $next
      (if (i32.lt_u (local.get $at) (local.get $bytes))
        (then
          (v128.store (local.get $at)
            (i8x16.add
              (v128.load (local.get $at))
              (v128.load offset=32768 (local.get $at))))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next)))))

  (func (export "add16") (param $bytes i32)
    (local $at i32)
    (loop $next
      (if (i32.lt_u (local.get $at) (local.get $bytes))
        (then
          (v128.store (local.get $at)
            (i16x8.add
              (v128.load (local.get $at))
              (v128.load offset=32768 (local.get $at))))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next)))))

  (func (export "add32") (param $bytes i32)
    (local $at i32)
    (loop $next
      (if (i32.lt_u (local.get $at) (local.get $bytes))
        (then
          (v128.store (local.get $at)
            (i32x4.add
              (v128.load (local.get $at))
              (v128.load offset=32768 (local.get $at))))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next)))))

  (func (export "subtract8") (param $bytes i32)
    (local $at i32)
    (loop $next
      (if (i32.lt_u (local.get $at) (local.get $bytes))
        (then
          (v128.store (local.get $at)
            (i8x16.sub
              (v128.load (local.get $at))
              (v128.load offset=32768 (local.get $at))))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next)))))

  (func (export "subtract16") (param $bytes i32)
    (local $at i32)
    (loop $next
      (if (i32.lt_u (local.get $at) (local.get $bytes))
        (then
          (v128.store (local.get $at)
            (i16x8.sub
              (v128.load (local.get $at))
              (v128.load offset=32768 (local.get $at))))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next)))))

  (func (export "subtract32") (param $bytes i32)
    (local $at i32)
    (loop $next
      (if (i32.lt_u (local.get $at) (local.get $bytes))
        (then
          (v128.store (local.get $at)
            (i32x4.sub
              (v128.load (local.get $at))
              (v128.load offset=32768 (local.get $at))))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br $next))))))
