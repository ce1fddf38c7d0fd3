/* ctx_x86_64.S - the first instruction of a fresh context.
 *
 * leatp_ctx_make() left {this address, fn, arg} on the stack; the swap popped the
 * address and has `pass` in rdx. The caller's frame is marked as the outermost, so that
 * backtraces end here. This object does not claim shadow-stack support: the swap moves
 * between stacks without telling the shadow stack.
 * SPDX-License-Identifier: MIT */
#if defined(__x86_64__)
    .text
    .globl leatp_ctx_entry
    .hidden leatp_ctx_entry
    .type leatp_ctx_entry, @function
    .p2align 4
leatp_ctx_entry:
    .cfi_startproc
    .cfi_undefined rip
    endbr64
    popq %rax
    popq %rdi
    movq %rdx, %rsi
    xorl %ebp, %ebp
    call *%rax
    ud2
    .cfi_endproc
    .size leatp_ctx_entry, .-leatp_ctx_entry
#endif
    .section .note.GNU-stack, "", @progbits
