# The boot sector: loads the stage to 0x8000 by the drive's own block numbers and goes there. The BIOS leaves the drive in %dl.
.section .sector, "ax"
.code16
.globl sector
sector:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x7c00, %sp
    sti
    cld
    # Some BIOSes come here as 0x07c0:0.
    ljmp $0, $1f
1:
    movw $sector_packet, %si
    movb $0x42, %ah
    int $0x13
    jc 2f
    ljmp $0, $0x8000
2:
    movw $sector_says, %si
3:
    lodsb
    testb %al, %al
    jz 4f
    movb $0x0e, %ah
    movw $7, %bx
    int $0x10
    jmp 3b
4:
    hlt
    jmp 4b
sector_says:
    .asciz "kutties: read error\r\n"

# The builder fills it in: 16 bytes at offset 0x80 of the sector.
.org 0x80
sector_packet:
    .byte 16, 0
    .word 0         # blocks of the stage
    .word 0x8000, 0 # to 0:0x8000
    .quad 0         # the first of them
