/* ctx_aarch64.S - the first instruction of a fresh context.
 *
 * leatp_ctx_make() left {0, this address, fn, arg} on the stack; the swap loaded the
 * first two and has `pass` in x2. A zero link register ends backtraces here.
 * SPDX-License-Identifier: MIT */
#if defined(__aarch64__)
    .text
    .globl leatp_ctx_entry
    .hidden leatp_ctx_entry
    .type leatp_ctx_entry, %function
    .p2align 4
leatp_ctx_entry:
    .cfi_startproc
    .cfi_undefined x30
    hint #36
    ldp x3, x0, [sp], #16
    mov x1, x2
    mov x29, #0
    mov x30, #0
    blr x3
    brk #0
    .cfi_endproc
    .size leatp_ctx_entry, .-leatp_ctx_entry
#endif
    .section .note.GNU-stack, "", %progbits
