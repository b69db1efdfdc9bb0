//! The program of ours that connects to a port of the network it runs in, and passes bytes between it and its own input
//! and output. It runs in a pod's sandbox, so it reaches what listens in the pod, on its loopback address too and on
//! whichever host, with nothing but the engine's API in between.
//!
//! Called as `/dial PORT`, it connects to 127.0.0.1, and ends with the error's number where that fails. Else it writes a
//! zero byte and goes on as two threads that share no more than the connection: one copies its input to the connection,
//! says there when nothing more comes, and ends both a minute later, so that nobody goes on who is not listened to; the
//! other copies what comes from there to its output, and ends both when nothing more comes. Each waits as long as the other
//! side does not take what it has. What the connection cannot be told any more is no error: it may have answered.
//!
//! In the comments: where an instruction is, as a decimal number, to which jumps refer, and the instruction.

/// The port, as the program takes it: four hexadecimal digits, for which letters from `a` on stand.
pub(super) fn argument(port: u16) -> String {
    [12, 8, 4, 0].into_iter().map(|shift| char::from(b'a' + (port >> shift & 15) as u8)).collect()
}

/// System calls: 41 socket, 42 connect, 1 write, 56 clone, 0 read, 44 sendto, 48 shutdown, 35 nanosleep, 231 `exit_group`.
#[rustfmt::skip]
pub(super) const X86_64: [u8; 317] = [
    0x48, 0x8b, 0x74, 0x24, 0x10,                    //   0 mov rsi,[rsp+0x10]
    0x31, 0xdb,                                      //   5 xor ebx,ebx
    0xb9, 0x04, 0x00, 0x00, 0x00,                    //   7 mov ecx,0x4
    0x0f, 0xb6, 0x06,                                //  12 movzx eax,[rsi]
    0x48, 0xff, 0xc6,                                //  15 inc rsi
    0x83, 0xe8, 0x61,                                //  18 sub eax,0x61
    0xc1, 0xe3, 0x04,                                //  21 shl ebx,0x4
    0x09, 0xc3,                                      //  24 or ebx,eax
    0xff, 0xc9,                                      //  26 dec ecx
    0x75, 0xee,                                      //  28 jne 12
    0x86, 0xfb,                                      //  30 xchg bl,bh
    0x48, 0x81, 0xec, 0x10, 0x00, 0x01, 0x00,        //  32 sub rsp,0x10010
    0x66, 0xc7, 0x04, 0x24, 0x02, 0x00,              //  39 mov [rsp],0x2
    0x66, 0x89, 0x5c, 0x24, 0x02,                    //  45 mov [rsp+0x2],bx
    0xc7, 0x44, 0x24, 0x04, 0x7f, 0x00, 0x00, 0x01,  //  50 mov [rsp+0x4],0x100007f
    0xbf, 0x02, 0x00, 0x00, 0x00,                    //  58 mov edi,0x2
    0xbe, 0x01, 0x00, 0x00, 0x00,                    //  63 mov esi,0x1
    0x31, 0xd2,                                      //  68 xor edx,edx
    0xb8, 0x29, 0x00, 0x00, 0x00,                    //  70 mov eax,0x29
    0x0f, 0x05,                                      //  75 syscall
    0x41, 0x89, 0xc4,                                //  77 mov r12d,eax
    0x89, 0xc7,                                      //  80 mov edi,eax
    0x48, 0x89, 0xe6,                                //  82 mov rsi,rsp
    0xba, 0x10, 0x00, 0x00, 0x00,                    //  85 mov edx,0x10
    0xb8, 0x2a, 0x00, 0x00, 0x00,                    //  90 mov eax,0x2a
    0x0f, 0x05,                                      //  95 syscall
    0xf7, 0xd8,                                      //  97 neg eax
    0x0f, 0x85, 0xcb, 0x00, 0x00, 0x00,              //  99 jne 308
    0xc6, 0x04, 0x24, 0x00,                          // 105 mov [rsp],0x0
    0xbf, 0x01, 0x00, 0x00, 0x00,                    // 109 mov edi,0x1
    0xba, 0x01, 0x00, 0x00, 0x00,                    // 114 mov edx,0x1
    0xb8, 0x01, 0x00, 0x00, 0x00,                    // 119 mov eax,0x1
    0x0f, 0x05,                                      // 124 syscall
    0xbf, 0x00, 0x0f, 0x05, 0x00,                    // 126 mov edi,0x50f00
    0x31, 0xf6,                                      // 131 xor esi,esi
    0x31, 0xd2,                                      // 133 xor edx,edx
    0x45, 0x31, 0xd2,                                // 135 xor r10d,r10d
    0x45, 0x31, 0xc0,                                // 138 xor r8d,r8d
    0xb8, 0x38, 0x00, 0x00, 0x00,                    // 141 mov eax,0x38
    0x0f, 0x05,                                      // 146 syscall
    0x85, 0xc0,                                      // 148 test eax,eax
    0x74, 0x1c,                                      // 150 je 180
    0xf7, 0xd8,                                      // 152 neg eax
    0x0f, 0x89, 0x94, 0x00, 0x00, 0x00,              // 154 jns 308
    0x45, 0x89, 0xe5,                                // 160 mov r13d,r12d
    0x41, 0xbe, 0x01, 0x00, 0x00, 0x00,              // 163 mov r14d,0x1
    0x41, 0xb9, 0x01, 0x00, 0x00, 0x00,              // 169 mov r9d,0x1
    0x48, 0x89, 0xe5,                                // 175 mov rbp,rsp
    0xeb, 0x1a,                                      // 178 jmp 206
    0x45, 0x31, 0xed,                                // 180 xor r13d,r13d
    0x45, 0x89, 0xe6,                                // 183 mov r14d,r12d
    0x41, 0xb9, 0x2c, 0x00, 0x00, 0x00,              // 186 mov r9d,0x2c
    0x41, 0xba, 0x00, 0x40, 0x00, 0x00,              // 192 mov r10d,0x4000
    0x48, 0x8d, 0xac, 0x24, 0x00, 0x80, 0x00, 0x00,  // 198 lea rbp,[rsp+0x8000]
    0x44, 0x89, 0xef,                                // 206 mov edi,r13d
    0x48, 0x89, 0xee,                                // 209 mov rsi,rbp
    0xba, 0x00, 0x80, 0x00, 0x00,                    // 212 mov edx,0x8000
    0x31, 0xc0,                                      // 217 xor eax,eax
    0x0f, 0x05,                                      // 219 syscall
    0x85, 0xc0,                                      // 221 test eax,eax
    0x7e, 0x1f,                                      // 223 jle 256
    0x89, 0xc3,                                      // 225 mov ebx,eax
    0x49, 0x89, 0xef,                                // 227 mov r15,rbp
    0x44, 0x89, 0xf7,                                // 230 mov edi,r14d
    0x4c, 0x89, 0xfe,                                // 233 mov rsi,r15
    0x89, 0xda,                                      // 236 mov edx,ebx
    0x44, 0x89, 0xc8,                                // 238 mov eax,r9d
    0x0f, 0x05,                                      // 241 syscall
    0x85, 0xc0,                                      // 243 test eax,eax
    0x7e, 0x09,                                      // 245 jle 256
    0x49, 0x01, 0xc7,                                // 247 add r15,rax
    0x29, 0xc3,                                      // 250 sub ebx,eax
    0x75, 0xe8,                                      // 252 jne 230
    0xeb, 0xce,                                      // 254 jmp 206
    0x31, 0xc0,                                      // 256 xor eax,eax
    0x45, 0x85, 0xed,                                // 258 test r13d,r13d
    0x75, 0x2d,                                      // 261 jne 308
    0x44, 0x89, 0xe7,                                // 263 mov edi,r12d
    0xbe, 0x01, 0x00, 0x00, 0x00,                    // 266 mov esi,0x1
    0xb8, 0x30, 0x00, 0x00, 0x00,                    // 271 mov eax,0x30
    0x0f, 0x05,                                      // 276 syscall
    0x48, 0xc7, 0x45, 0x00, 0x3c, 0x00, 0x00, 0x00,  // 278 mov [rbp+0x0],0x3c
    0x48, 0xc7, 0x45, 0x08, 0x00, 0x00, 0x00, 0x00,  // 286 mov [rbp+0x8],0x0
    0x48, 0x89, 0xef,                                // 294 mov rdi,rbp
    0x31, 0xf6,                                      // 297 xor esi,esi
    0xb8, 0x23, 0x00, 0x00, 0x00,                    // 299 mov eax,0x23
    0x0f, 0x05,                                      // 304 syscall
    0x31, 0xc0,                                      // 306 xor eax,eax
    0x89, 0xc7,                                      // 308 mov edi,eax
    0xb8, 0xe7, 0x00, 0x00, 0x00,                    // 310 mov eax,0xe7
    0x0f, 0x05,                                      // 315 syscall
];

/// System calls: 198 socket, 203 connect, 64 write, 220 clone, 63 read, 206 sendto, 210 shutdown, 101 nanosleep, 94
/// `exit_group`.
#[rustfmt::skip]
pub(super) const AARCH64: [u32; 92] = [
    0xf940_0be9, //   0 ldr x9, [sp, #16]
    0x5280_000a, //   4 mov w10, #0x0
    0x5280_008b, //   8 mov w11, #0x4
    0x3840_152c, //  12 ldrb w12, [x9], #1
    0x5101_858c, //  16 sub w12, w12, #0x61
    0x2a0a_118a, //  20 orr w10, w12, w10, lsl #4
    0x7100_056b, //  24 subs w11, w11, #0x1
    0x54ff_ff81, //  28 b.ne 12
    0x5ac0_054a, //  32 rev16 w10, w10
    0xd140_43ff, //  36 sub sp, sp, #0x10, lsl #12
    0xd100_43ff, //  40 sub sp, sp, #0x10
    0x5280_004c, //  44 mov w12, #0x2
    0x7900_03ec, //  48 strh w12, [sp]
    0x7900_07ea, //  52 strh w10, [sp, #2]
    0x5280_0fec, //  56 mov w12, #0x7f
    0x72a0_200c, //  60 movk w12, #0x100, lsl #16
    0xb900_07ec, //  64 str w12, [sp, #4]
    0xd280_0040, //  68 mov x0, #0x2
    0xd280_0021, //  72 mov x1, #0x1
    0xd280_0002, //  76 mov x2, #0x0
    0xd280_18c8, //  80 mov x8, #0xc6
    0xd400_0001, //  84 svc #0x0
    0x2a00_03f3, //  88 mov w19, w0
    0x9100_03e1, //  92 mov x1, sp
    0xd280_0202, //  96 mov x2, #0x10
    0xd280_1968, // 100 mov x8, #0xcb
    0xd400_0001, // 104 svc #0x0
    0x4b00_03e0, // 108 neg w0, w0
    0x3500_07c0, // 112 cbnz w0, 360
    0x3900_03ff, // 116 strb wzr, [sp]
    0xd280_0020, // 120 mov x0, #0x1
    0x9100_03e1, // 124 mov x1, sp
    0xd280_0022, // 128 mov x2, #0x1
    0xd280_0808, // 132 mov x8, #0x40
    0xd400_0001, // 136 svc #0x0
    0xd281_e000, // 140 mov x0, #0xf00
    0xf2a0_00a0, // 144 movk x0, #0x5, lsl #16
    0xd280_0001, // 148 mov x1, #0x0
    0xd280_0002, // 152 mov x2, #0x0
    0xd280_0003, // 156 mov x3, #0x0
    0xd280_0004, // 160 mov x4, #0x0
    0xd280_1b88, // 164 mov x8, #0xdc
    0xd400_0001, // 168 svc #0x0
    0x3400_0100, // 172 cbz w0, 204
    0x4b00_03e0, // 176 neg w0, w0
    0x36f8_05a0, // 180 tbz w0, #31, 360
    0x2a13_03f4, // 184 mov w20, w19
    0x5280_0035, // 188 mov w21, #0x1
    0x5280_0816, // 192 mov w22, #0x40
    0x9100_03f7, // 196 mov x23, sp
    0x1400_0005, // 200 b 220
    0x5280_0014, // 204 mov w20, #0x0
    0x2a13_03f5, // 208 mov w21, w19
    0x5280_19d6, // 212 mov w22, #0xce
    0x9140_23f7, // 216 add x23, sp, #0x8, lsl #12
    0x2a14_03e0, // 220 mov w0, w20
    0xaa17_03e1, // 224 mov x1, x23
    0xd290_0002, // 228 mov x2, #0x8000
    0xd280_07e8, // 232 mov x8, #0x3f
    0xd400_0001, // 236 svc #0x0
    0x7100_001f, // 240 cmp w0, #0x0
    0x5400_020d, // 244 b.le 308
    0x2a00_03f8, // 248 mov w24, w0
    0xaa17_03f9, // 252 mov x25, x23
    0x2a15_03e0, // 256 mov w0, w21
    0xaa19_03e1, // 260 mov x1, x25
    0x2a18_03e2, // 264 mov w2, w24
    0xd288_0003, // 268 mov x3, #0x4000
    0xd280_0004, // 272 mov x4, #0x0
    0xaa16_03e8, // 276 mov x8, x22
    0xd400_0001, // 280 svc #0x0
    0x7100_001f, // 284 cmp w0, #0x0
    0x5400_00ad, // 288 b.le 308
    0x8b20_4339, // 292 add x25, x25, w0, uxtw
    0x6b00_0318, // 296 subs w24, w24, w0
    0x54ff_fea1, // 300 b.ne 256
    0x17ff_ffeb, // 304 b 220
    0x5280_0000, // 308 mov w0, #0x0
    0x3500_0194, // 312 cbnz w20, 360
    0x2a13_03e0, // 316 mov w0, w19
    0xd280_0021, // 320 mov x1, #0x1
    0xd280_1a48, // 324 mov x8, #0xd2
    0xd400_0001, // 328 svc #0x0
    0xd280_0780, // 332 mov x0, #0x3c
    0xa900_7ee0, // 336 stp x0, xzr, [x23]
    0xaa17_03e0, // 340 mov x0, x23
    0xd280_0001, // 344 mov x1, #0x0
    0xd280_0ca8, // 348 mov x8, #0x65
    0xd400_0001, // 352 svc #0x0
    0x5280_0000, // 356 mov w0, #0x0
    0xd280_0bc8, // 360 mov x8, #0x5e
    0xd400_0001, // 364 svc #0x0
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_written_in_letters() {
        for (port, letters) in [(1, "aaab"), (80, "aafa"), (0xfedc, "ponm"), (65_535, "pppp")] {
            assert_eq!(argument(port), letters);
        }
    }
}
