# The stage: reads the kernel and the initramfs as the plan says, and starts the kernel by the 16-bit boot protocol of
# Documentation/arch/x86/boot.rst. Real mode, with one segment that reaches all of memory ("unreal").
#
# Memory: 0x8000 the stage, 0x10000 the kernel's real-mode part with its stack and command line, 0x20000 a buffer of 32 KiB,
# 0x100000 the kernel, below the end of low memory the initramfs.
.set SETUP, 0x10000
.set SETUP_SEGMENT, 0x1000
.set STACK, 0xe000
.set CMDLINE, 0xe000
.set BUFFER, 0x20000
.set BUFFER_SEGMENT, 0x2000
.set PIECE, 0x8000
.set KERNEL, 0x100000
# In the kernel's setup header, from the start of its first sector.
.set SETUP_SECTS, 0x1f1
.set HEADER, 0x202
.set VERSION, 0x206
.set TYPE_OF_LOADER, 0x210
.set LOADFLAGS, 0x211
.set RAMDISK_IMAGE, 0x218
.set RAMDISK_SIZE, 0x21c
.set HEAP_END_PTR, 0x224
.set CMD_LINE_PTR, 0x228
.set INITRD_ADDR_MAX, 0x22c

.section .stage, "ax"
.code16
.globl stage
stage:
    jmp go

# The builder fills the plan in, at offset 4. All places are blocks of 512 bytes from the drive's start, lengths are bytes.
.org 4
plan:
kernel_at:      .quad 0
kernel_len:     .long 0
initrd_at:      .quad 0
initrd_len:     .long 0
cmdline:        .space 512

drive:          .byte 0
# How far a block number is shifted from 512 bytes: 0, or 2 for the 2048 bytes of a CD.
shift:          .byte 0

packet:         .byte 16, 0
packet_count:   .word 0
                .word 0, BUFFER_SEGMENT
packet_at:      .quad 0

.balign 8
gdt:            .quad 0
                .quad 0x00cf92000000ffff    # data, from 0, 4 GiB
gdt_pointer:    .word 15
                .long gdt

parameters:     .word 0x1a
                .space 0x18
entry_base:     .quad 0
entry_len:      .quad 0
entry_kind:     .long 0
top:            .long 0

# Where the next piece goes, how much is left of the part, and the block it begins at.
to:             .long 0
left:           .long 0
at:             .quad 0

go:
    movb %dl, drive
    movw $says_hello, %si
    call say
    call blocks
    call a20
    # The first 32 KiB hold the real-mode part, and the beginning of the rest.
    movl kernel_at, %eax
    movl %eax, at
    movl kernel_at + 4, %eax
    movl %eax, at + 4
    movl $PIECE, left
    movl $SETUP, to
    call load
    call check
    # The rest begins behind the real-mode part: so many sectors and one.
    call setup_len
    movl kernel_len, %ecx
    subl %eax, %ecx
    movl %ecx, left
    shrl $9, %eax
    addl kernel_at, %eax
    movl %eax, at
    movl kernel_at + 4, %eax
    adcl $0, %eax
    movl %eax, at + 4
    movl $KERNEL, to
    call load
    call memory
    call initrd
    call header
    movw $says_go, %si
    call say
    cli
    movw $SETUP_SEGMENT, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movw $STACK, %sp
    ljmp $(SETUP_SEGMENT + 0x20), $0

# The size of the drive's blocks.
blocks:
    movb $0x48, %ah
    movb drive, %dl
    movw $parameters, %si
    int $0x13
    jc 1f
    cmpw $2048, parameters + 0x18
    jne 1f
    movb $2, shift
1:  ret

# Memory beyond the first MiB must not fold back.
a20:
    movw $0x2401, %ax
    int $0x15
    inb $0x92, %al
    testb $2, %al
    jnz 1f
    orb $2, %al
    andb $0xfe, %al
    outb %al, $0x92
1:  ret

# Give %fs and %gs a reach of 4 GiB, which they keep in real mode until the BIOS loads them anew, as its interrupts may: they stay
# off when this returns.
unreal:
    cli
    pushw %ds
    lgdtl gdt_pointer
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    jmp 1f
1:  movw $8, %bx
    movw %bx, %fs
    movw %bx, %gs
    andb $0xfe, %al
    movl %eax, %cr0
    jmp 2f
2:  xorw %bx, %bx
    movw %bx, %fs
    movw %bx, %gs
    popw %ds
    ret

# Read `left` bytes from block `at` to memory `to`.
load:
    movl left, %eax
    testl %eax, %eax
    jz 9f
    movl $PIECE, %ecx
    cmpl %ecx, %eax
    jae 1f
    movl %eax, %ecx
1:  # The blocks of the piece, in the drive's size.
    pushl %ecx
    addl $511, %ecx
    shrl $9, %ecx
    movl %ecx, %edx
    movb shift, %cl
    testb %cl, %cl
    jz 2f
    addl $3, %edx
    shrl $2, %edx
2:  movw %dx, packet_count
    movl at, %eax
    movl at + 4, %edx
    testb %cl, %cl
    jz 3f
    # A part that does not begin with a block of this drive is the builder's mistake.
    testb $3, %al
    jnz unreadable
    shrdl $2, %edx, %eax
    shrl $2, %edx
3:  movl %eax, packet_at
    movl %edx, packet_at + 4
    movw $packet, %si
    movb $0x42, %ah
    movb drive, %dl
    int $0x13
    jc unreadable
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    popl %ecx
    pushl %ecx
    call unreal
    popl %ecx
    # To the place, four bytes at a time; what is copied too much lies behind it.
    movl $BUFFER, %esi
    movl to, %edi
    pushl %ecx
    addl $3, %ecx
    shrl $2, %ecx
4:  movl %fs:(%esi), %eax
    movl %eax, %gs:(%edi)
    addl $4, %esi
    addl $4, %edi
    decl %ecx
    jnz 4b
    sti
    popl %ecx
    addl %ecx, to
    subl %ecx, left
    # The last piece may end in the middle of a block; there is none after it.
    shrl $9, %ecx
    addl %ecx, at
    adcl $0, at + 4
    jmp load
9:  ret

unreadable:
    movw $says_unreadable, %si
    jmp fail

# The real-mode part must be Linux's, loaded high, and new enough to take the command line anywhere.
check:
    pushw %es
    movw $SETUP_SEGMENT, %ax
    movw %ax, %es
    cmpl $0x53726448, %es:HEADER
    jne 1f
    cmpw $0x203, %es:VERSION
    jb 1f
    testb $1, %es:LOADFLAGS
    jz 1f
    popw %es
    ret
1:  movw $says_no_kernel, %si
    jmp fail

# %eax: bytes of the real-mode part.
setup_len:
    pushw %es
    movw $SETUP_SEGMENT, %ax
    movw %ax, %es
    movzbl %es:SETUP_SECTS, %eax
    testl %eax, %eax
    jnz 1f
    movl $4, %eax
1:  incl %eax
    shll $9, %eax
    popw %es
    ret

# `top`: the end of the highest usable memory that the initramfs may lie in.
memory:
    xorl %ebx, %ebx
1:  movl $0xe820, %eax
    movl $0x534d4150, %edx
    movl $20, %ecx
    movw $entry_base, %di
    int $0x15
    jc 5f
    cmpl $0x534d4150, %eax
    jne 5f
    cmpl $1, entry_kind
    jne 4f
    # Above 4 GiB, or with a limit beyond it: the part below counts.
    cmpl $0, entry_base + 4
    jne 4f
    movl entry_base, %eax
    addl entry_len, %eax
    movl entry_len + 4, %ecx
    adcl $0, %ecx
    jz 2f
    movl $0xfffff000, %eax
2:  pushw %es
    movw $SETUP_SEGMENT, %cx
    movw %cx, %es
    movl %es:INITRD_ADDR_MAX, %ecx
    popw %es
    cmpl %ecx, %eax
    jbe 3f
    movl %ecx, %eax
3:  # The region must hold the initramfs, and be the highest that does.
    movl %eax, %ecx
    subl entry_base, %ecx
    jbe 4f
    cmpl initrd_len, %ecx
    jb 4f
    cmpl top, %eax
    jbe 4f
    movl %eax, top
4:  testl %ebx, %ebx
    jnz 1b
5:  cmpl $0, top
    je small
    ret

initrd:
    movl initrd_at, %eax
    movl %eax, at
    movl initrd_at + 4, %eax
    movl %eax, at + 4
    movl initrd_len, %ecx
    movl %ecx, left
    movl top, %eax
    subl %ecx, %eax
    andl $0xfffff000, %eax
    movl %eax, to
    movl %eax, top
    movl $KERNEL, %ecx
    addl kernel_len, %ecx
    cmpl %ecx, %eax
    jae load
small:
    movw $says_small, %si
    jmp fail

# Tell the kernel where all is.
header:
    pushw %es
    movw $SETUP_SEGMENT, %ax
    movw %ax, %es
    movb $0xff, %es:TYPE_OF_LOADER
    orb $0x80, %es:LOADFLAGS
    movw $(STACK - 0x200), %es:HEAP_END_PTR
    movl $(SETUP + CMDLINE), %es:CMD_LINE_PTR
    movl top, %eax
    movl %eax, %es:RAMDISK_IMAGE
    movl initrd_len, %eax
    movl %eax, %es:RAMDISK_SIZE
    movw $cmdline, %si
    movw $CMDLINE, %di
    movw $512, %cx
    rep movsb
    popw %es
    ret

# What stands at %si.
say:
    lodsb
    testb %al, %al
    jz 1f
    movb $0x0e, %ah
    movw $7, %bx
    int $0x10
    jmp say
1:  ret

fail:
    call say
1:  hlt
    jmp 1b

says_hello:         .asciz "kutties: loading\r\n"
says_go:            .asciz "kutties: starting\r\n"
says_unreadable:    .asciz "kutties: read the boot medium: failed\r\n"
says_no_kernel:     .asciz "kutties: what the plan names is no kernel\r\n"
says_small:         .asciz "kutties: there is not enough memory\r\n"
